"""Dimensions of data-contract §4.1 and what hangs from them: static features, the survey in force (§5)."""

from __future__ import annotations

import datetime as dt
import unicodedata
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from padm_ibis.params import Params
from tests.reference.facts import Calendar, Facts, Row, date_of, good_year, years_between
from tests.reference.training import surveys

FLAGS = (
    "union_pareja", "beca", "costeos_estudios_familiar", "costeos_estudios_plan_social", "costeos_estudios_trabajo",
    "costeos_estudios_beca", "costeos_estudios_otro", "tecnologia_int_casa", "tecnologia_pc_casa", "tecnologia_int_movil",
    "deportes", "disc_auditiva", "disc_visual", "disc_motora", "disc_otra",
)  # fmt: skip
AS_THEY_ARE = (
    "estado_civil", "estado_civil_desc", "situacion_padre", "situacion_madre", "cantidad_hijos", "vive_con", "cobertura_salud",
    "tipo_vivienda", "tipo_vivienda_desc", "trabajo_existe_desc", "trabajo_hora_sem",
)  # fmt: skip
RENAMED = {
    **{f"residencia_{c}": f"periodo_lectivo_{c}" for c in ("localidad", "localidad_desc", "departamento", "departamento_desc", "codigo_postal")},
    **{f"origen_{c}": f"procedencia_{c}" for c in ("localidad", "localidad_desc", "departamento", "departamento_desc", "codigo_postal")},
    "nivel_estudio_previo": "nivel_estudio", "nivel_estudio_previo_desc": "nivel_estudio_desc",
    "institucion_previa_id": "institucion", "institucion_previa_desc": "institucion_desc",
    "colegio_secundario_id": "colegio", "colegio_secundario_desc": "colegio_desc",
}  # fmt: skip
FAR = 10**30


def yes_no(text: Any) -> bool | None:
    return {"S": True, "true": True, "N": False, "false": False}.get(str(text).strip())


def works(text: str | None) -> str | None:
    return {"true": "S", "false": "N"}.get((text or "").strip(), text)


def without_accents(text: str | None) -> str:
    return "".join(c for c in unicodedata.normalize("NFD", (text or "").lower()) if not unicodedata.combining(c))


def tipo_sede(row: Row) -> str | None:
    names = (row["see_nombre"], row["see_institucion"])
    if any("delegacion" in without_accents(n) for n in names):
        return "Delegación"
    return None if names == (None, None) else "Sede Central"


def first_of_each(rows: list[Row], key: str, order: Callable[[Row], Any]) -> list[Row]:
    chosen: dict[Any, Row] = {}
    for row in sorted((r for r in rows if r[key] is not None), key=order):
        chosen.setdefault((row["source_db"], row[key]), row)
    return list(chosen.values())


def lowest(*names: str) -> Callable[[Row], Any]:
    """Order by columns, nulls last."""
    return lambda r: [FAR if r[n] is None else r[n] for n in names]


def students(facts: Facts) -> list[Row]:
    out = []
    for r in facts.bronze["students"]:
        entry = date_of(r["fecha_ingreso"])
        out.append({
            "source_db": r["source_db"], "alumno_id": r["alumno"], "persona_id": r["persona"], "propuesta_id": r["propuesta"],
            "propuesta_nombre": r["propuesta_nombre"], "plan_version_id": r["plan_version_id"], "plan_version": r["plan_version"],
            "facultad_id": r["see_institucion_id"], "facultad_nombre": r["see_institucion"],
            "universidad_nombre": r["see_institucion_p"], "tipo_sede": tipo_sede(r), "ubicacion_sede": r["see_localidad"],
            "ubicacion_id": r["ubicacion"], "sede_provincia": r["see_provincia"], "modalidad": r["modalidad"],
            "es_regular": yes_no(r["regular"]), "calidad": r["calidad"], "fecha_ingreso": entry, "tipo_ingreso": r["tipo_ingreso"],
            "tipo_ingreso_desc": r["tipo_ingreso_desc"], "anio_ingreso": good_year(facts.calendar.year(entry)),
            "antiguedad_anios": years_between(entry, facts.params.as_of),
        })  # fmt: skip
    return out


def persons(facts: Facts) -> list[Row]:
    same = ("localidad_nacimiento", "localidad_nacimiento_desc", "nacionalidad", "nacionalidad_desc", "fecha_nacimiento")
    return [
        {"source_db": r["source_db"], "persona_id": r["persona"], **{n: r[n] for n in same},
         "edad_actual": years_between(r["fecha_nacimiento"], facts.params.as_of),
         "sexo": r["sexo"] if r["sexo"] in ("F", "M", "X") else None}
        for r in facts.bronze["personas"]
    ]  # fmt: skip


def census(facts: Facts) -> list[Row]:
    out = []
    for (source, person), answered in surveys(facts).items():
        last = max(r["fecha_relevamiento"] for r in answered)
        for r in answered:
            out.append(
                {"source_db": source, "persona_id": person, "fecha_relevamiento": r["fecha_relevamiento"],
                 "es_ultimo": r["fecha_relevamiento"] == last, "trabajo_existe": works(r["trabajo_existe"]),
                 **{n: yes_no(r[n]) for n in FLAGS}, **{n: r[n] for n in AS_THEY_ARE}, **{n: r[old] for n, old in RENAMED.items()}}
            )  # fmt: skip
    return out


def propuestas(facts: Facts) -> list[Row]:
    return [
        {"source_db": r["source_db"], "propuesta_id": r["propuesta"], "propuesta_nombre": r["propuesta_nombre"],
         "propuesta_codigo": r["propuesta_codigo"]}
        for r in first_of_each(facts.bronze["students"], "propuesta", lowest("alumno"))
    ]  # fmt: skip


def facultades(facts: Facts) -> list[Row]:
    return [
        {"source_db": r["source_db"], "facultad_id": r["see_institucion_id"], "facultad_nombre": r["see_institucion"],
         "universidad_nombre": r["see_institucion_p"], "sede_provincia": r["see_provincia"], "tipo_sede": tipo_sede(r),
         "ubicacion_sede": r["see_localidad"]}
        for r in first_of_each(facts.bronze["students"], "see_institucion_id", lowest("ubicacion", "alumno"))
    ]  # fmt: skip


PLACE = (
    "see_nombre",
    "see_calle",
    "see_numero",
    "see_codigo_postal",
    "see_institucion",
    "see_institucion_p",
    "see_localidad",
    "see_dpto",
    "see_provincia",
)


def ubicaciones(facts: Facts) -> list[Row]:
    chosen = first_of_each(facts.bronze["students"], "ubicacion", lowest("alumno"))
    return [{"source_db": r["source_db"], "ubicacion_id": r["ubicacion"], **{n: r[n] for n in PLACE}} for r in chosen]


def plans(facts: Facts) -> list[Row]:
    named = {"students": "plan_version", "course_inscriptions": "plan_version_desc", "exam_inscriptions": "plan_version_desc"}
    mentions: dict[Any, list[tuple[bool, str]]] = {}
    for table in ("students", "course_inscriptions", "exam_inscriptions", "academic", "historia_academica", "egresos"):
        for r in facts.bronze[table]:
            if r["plan_version_id"] is not None:
                names = mentions.setdefault((r["source_db"], r["plan_version_id"]), [])
                if table in named and r[named[table]] is not None:
                    names.append((table != "students", r[named[table]]))
    return [
        {"source_db": source, "plan_version_id": plan, "plan_version_nombre": min(names)[1] if names else None}
        for (source, plan), names in mentions.items()
    ]


def bridge(facts: Facts) -> list[Row]:
    chosen: dict[Any, Row] = {}
    for r in sorted(facts.bronze["docentes_comision"], key=lowest("docente")):
        if r["docente_hash"] is not None and r["comision"] is not None:
            chosen.setdefault((r["source_db"], r["docente_hash"], r["comision"]), r)
    return [
        {
            "source_db": source,
            "docente_hash": teacher,
            "comision_id": comision,
            "elemento_id": r["elemento"],
            "anio_academico": r["anio_academico"],
        }
        for (source, teacher, comision), r in chosen.items()
    ]


def periods(facts: Facts) -> list[Row]:
    params, calendar = facts.params, facts.calendar
    now = params.as_of_year
    years = [s["anio_ingreso"] for s in students(facts)]
    everything = (
        facts.enrolments,
        facts.results,
        facts.exams,
        facts.attendance,
        facts.reinscriptions,
        facts.dropouts,
        facts.changes,
        facts.graduations,
    )
    for rows in everything:
        years += [y for r in rows for y in (r["anio_academico"], calendar.year(r["fecha_conocida"]))]
    first = min([y for y in years if y is not None and y <= now], default=now)
    january = params.academic_year_start_month == 1
    return [
        {"anio_academico": y, "fecha_inicio": calendar.cutoff(y - 1) + dt.timedelta(days=1), "fecha_fin": calendar.cutoff(y),
         "periodo_label": str(y) if january else f"{y}-{y + 1}", "anio_relativo": y - params.period_base_year,
         "esta_cerrado": calendar.cutoff(y) <= params.as_of}
        for y in range(first, now + 2)
    ]  # fmt: skip


DIAS = ("lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo")
MESES = (
    "enero",
    "febrero",
    "marzo",
    "abril",
    "mayo",
    "junio",
    "julio",
    "agosto",
    "septiembre",
    "octubre",
    "noviembre",
    "diciembre",
)


def days(first: int, params: Params) -> list[Row]:
    last, start, start_month = params.as_of_year + 5, dt.date(first, 1, 1), params.academic_year_start_month
    out = []
    for n in range((dt.date(last, 12, 31) - start).days + 1):
        day = start + dt.timedelta(days=n)
        out.append({
            "fecha": day, "anio": day.year, "mes": day.month, "dia": day.day, "trimestre": (day.month + 2) // 3,
            "semana": day.isocalendar()[1], "dia_semana": day.isoweekday(), "dia_nombre": DIAS[day.weekday()],
            "mes_nombre": MESES[day.month - 1], "anio_academico": Calendar(params).year(day),
            "cuatrimestre": 1 if (day.month - start_month) % 12 < 5 else 2, "es_fin_semana": day.isoweekday() > 5,
            "es_primer_dia_mes": day.day == 1, "es_ultimo_dia_mes": (day + dt.timedelta(days=1)).day == 1,
        })  # fmt: skip
    return out


CONSTANT = (
    "persona_id",
    "propuesta_id",
    "propuesta_nombre",
    "plan_version_id",
    "ubicacion_id",
    "modalidad",
    "tipo_ingreso",
    "anio_ingreso",
    "fecha_ingreso",
)
OF_PERSON = ("sexo", "nacionalidad", "nacionalidad_desc", "localidad_nacimiento", "localidad_nacimiento_desc")
OF_PLACE = {
    "sede_nombre": "see_nombre",
    "sede_localidad": "see_localidad",
    "sede_departamento": "see_dpto",
    "sede_provincia": "see_provincia",
    "sede_codigo_postal": "see_codigo_postal",
}


def in_force(answered: list[Row], day: dt.date | None) -> Row:
    """The latest survey on or before a day; without one, nothing."""
    known = [r for r in answered if day is not None and r["fecha_relevamiento"] <= day]
    return max(known, key=lambda r: r["fecha_relevamiento"]) if known else {}


def answers(facts: Facts) -> dict[Any, list[Row]]:
    people: dict[Any, list[Row]] = {}
    for r in census(facts):
        people.setdefault((r["source_db"], r["persona_id"]), []).append(r)
    return people


def survey_names(facts: Facts) -> list[str]:
    names = [*FLAGS, *AS_THEY_ARE, *RENAMED, "trabajo_existe"]
    return [n for n in names if facts.params.include_sensitive or not n.startswith("disc_")]


def static(facts: Facts) -> list[Row]:
    people, places = (
        {(r["source_db"], r[k]): r for r in rows}
        for rows, k in ((persons(facts), "persona_id"), (ubicaciones(facts), "ubicacion_id"))
    )
    surveyed = answers(facts)
    out = []
    for s in students(facts):
        source = s["source_db"]
        person, place = people.get((source, s["persona_id"]), {}), places.get((source, s["ubicacion_id"]), {})
        entry = s["anio_ingreso"]
        survey = in_force(
            surveyed.get((source, s["persona_id"]), []), None if entry is None else facts.calendar.cutoff(min(entry, 9998))
        )
        birth = person.get("fecha_nacimiento")
        out.append({
            "source_db": source, "alumno_id": s["alumno_id"], **{n: s[n] for n in CONSTANT}, **{n: person.get(n) for n in OF_PERSON},
            "anio_nacimiento": birth.year if birth else None, **{n: place.get(old) for n, old in OF_PLACE.items()},
            "fecha_censo": survey.get("fecha_relevamiento"), **{n: survey.get(n) for n in survey_names(facts)},
        })  # fmt: skip
    return out


def described(facts: Facts, series: list[Row], roles: dict[str, str]) -> list[Row]:
    """Columns of the training table that come from the student, the survey in force, the calendar and the series, in their roles."""
    constants = {(r["source_db"], r["alumno_id"]): r for r in static(facts)}
    years, surveyed = {p["anio_academico"]: p for p in periods(facts)}, answers(facts)
    out = []
    for row in series:
        constant, year = constants[row["source_db"], row["alumno_id"]], years[row["anio_academico"]]
        survey = in_force(surveyed.get((row["source_db"], constant["persona_id"]), []), year["fecha_fin"])
        start = year["fecha_inicio"]
        values = {n: v for n, v in constant.items() if n not in (*survey_names(facts), "fecha_censo", "persona_id")}
        values |= {n: survey.get(n) for n in survey_names(facts)} | year | row
        values |= {"time_index": year["anio_relativo"], "mes_inicio": start.month, "trimestre_inicio": (start.month + 2) // 3,
                   "post_pandemia": int(row["anio_academico"] >= 2020)}  # fmt: skip
        made: Row = {k: row[k] for k in ("source_db", "alumno_id", "anio_academico")}
        for name, role in roles.items():
            if name in values:
                made[name] = in_role(values[name], role)
            elif name.endswith("_faltante") and name.removesuffix("_faltante") in values:
                made[name] = int(values[name.removesuffix("_faltante")] is None)
        out.append(made)
    return out


def in_role(value: Any, role: str) -> Any:
    if role.endswith("_real"):
        return 0 if value is None else value
    if role.endswith("_categorical"):
        return "desconocido" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    return value


# --- facts with all of their columns -------------------------------------------------------------------------------------


RENAMED_IN_FACTS = {
    "perdida_regularidad_id": "perdida_regularidad", "comision_id": "comision", "fecha_cambio": "instante",
}  # fmt: skip
COLUMNS = {
    "fact_course_enrollment": ("inscripcion_id", "comision_id", "elemento_id", "plan_version_id", "fecha_inscripcion", "estado_inscripcion",
                               "periodo_lectivo", "catedra_cod", "catedra_nombre"),
    "fact_exam_inscription": ("inscripcion_id", "elemento_id", "instancia_id", "plan_version_id", "fecha_inscripcion", "fecha_mesa_examen",
                              "instancia_desc", "catedra_cod", "catedra_nombre", "estado_inscripcion"),
    "fact_attendance": ("comision_id", "elemento_id", "porc_asistencia", "total_inasistencias"),
    "fact_reinscription": ("nro_transaccion", "fecha_reinscripcion"),
    "fact_dropout": ("perdida_regularidad_id", "fecha_dropout", "fecha_control_desde", "fecha_control_hasta"),
    "fact_student_status_history": ("nro_cambio", "fecha_cambio", "calidad", "motivo_calidad"),
    "fact_egreso": ("nro_solicitud", "fecha_egreso", "promedio", "promedio_sin_aplazos"),
}  # fmt: skip
COUNTED_ONCE = {
    "fact_course_enrollment": "enrollment_count", "fact_exam_inscription": "exam_inscription_count",
    "fact_reinscription": "reinscription_count", "fact_dropout": "dropout_flag", "fact_egreso": "egreso_flag",
}  # fmt: skip
EVERY_FACT = ("source_db", "alumno_id", "anio_academico", "fecha_conocida", "anio_evento")


def number(value: Any) -> Any:
    return float(value) if isinstance(value, Decimal) else value


def fact(name: str, row: Row) -> Row:
    made = {c: row[c] for c in EVERY_FACT}
    made |= {c: number(row[c] if c in row else row[RENAMED_IN_FACTS[c]]) for c in COLUMNS[name]}
    if name in COUNTED_ONCE:
        made[COUNTED_ONCE[name]] = 1
    if name == "fact_attendance":
        share = row["porc_asistencia"]
        made |= {
            "cumple_asistencia_flag": int(share is not None and share >= 75),
            "riesgo_asistencia_flag": int(share is not None and share < 50),
        }
    return made


def numbered(changes: list[Row]) -> list[Row]:
    """Status changes with their number: by instant, then reason, then status, nulls last."""
    counts: dict[Any, int] = {}
    out = []
    for row in sorted(
        changes, key=lambda r: [(v is None, str(v or "")) for v in (r["instante"], r["motivo_calidad"], r["calidad"])]
    ):
        who = (row["source_db"], row["alumno_id"])
        counts[who] = counts.get(who, 0) + 1
        out.append(dict(row, nro_cambio=counts[who]))
    return out


def result(row: Row) -> Row:
    kind, code = row["tipo_evaluacion"], row["resultado"]
    of_course = row["evaluacion_id"].startswith("cursada:")
    counted = kind in ("EXAMEN", "PROMOCION", "CURSADA")
    return {
        **{c: row[c] for c in (*EVERY_FACT, "evaluacion_id", "elemento_id", "plan_version_id", "comision_id", "periodo_lectivo", "tipo_evaluacion", "resultado")},
        "instancia_id": row.get("instancia"), "origen": row.get("origen"), "nota": row["nota_cursada"] if of_course else row["nota"],
        "nota_descripcion": row.get("nota_descripcion"), "resultado_descripcion": row.get("resultado_descripcion"),
        "nota_numerica": None if row["marca"] is None else row["marca"] / 100, "pct_asistencia": number(row.get("pct_asistencia")),
        "fecha_evaluacion": row["fecha"], "evaluation_count": 1,
        "aprobado_flag": int(code == "A" and kind in ("EXAMEN", "PROMOCION", "EQUIVALENCIA")),
        "regularizado_flag": int(code == "A" and kind == "CURSADA"), "reprobado_flag": int(code == "R" and counted),
        "ausente_flag": int(code == "U" and counted),
    }  # fmt: skip


# --- what an adviser reads -----------------------------------------------------------------------------------------------


ASKED = ("estado_civil", "cantidad_hijos", "trabajo_existe", "trabajo_hora_sem", "beca", "costeos_estudios_familiar",
         "costeos_estudios_trabajo", "costeos_estudios_beca", "tecnologia_int_casa", "tecnologia_pc_casa", "nivel_estudio_previo")  # fmt: skip
SENSITIVE = ("disc_auditiva", "disc_visual", "disc_motora")
NOT_THERE = (
    "episodio",
    "time_step",
    "sin_actividad_flag",
    "anios_inactivo_consecutivos",
    "cambios_estado_anio",
    "variacion_materias",
    "egreso_flag",
    "dropout_flag",
)


def risks(facts: Facts, series: list[Row]) -> list[Row]:
    who, surveyed = {(s["source_db"], s["alumno_id"]): s for s in students(facts)}, answers(facts)
    people = {(p["source_db"], p["persona_id"]): p for p in persons(facts)}
    asked = (*ASKED, *SENSITIVE) if facts.params.include_sensitive else ASKED
    out = []
    for row in series:
        student, cutoff = who[row["source_db"], row["alumno_id"]], facts.calendar.cutoff(row["anio_academico"])
        person = (row["source_db"], student["persona_id"])
        survey, born = in_force(surveyed.get(person, []), cutoff), people.get(person, {})
        made = {n: v for n, v in row.items() if n not in NOT_THERE and not n.startswith("_") and not n.endswith("_anterior")}
        made |= {
            n: student[n]
            for n in ("persona_id", "propuesta_id", "modalidad", "anio_ingreso", "tipo_ingreso", "facultad_id", "facultad_nombre")
        }
        made |= {n: survey.get(n) for n in asked}
        made |= {"sexo": born.get("sexo"), "nacionalidad_desc": born.get("nacionalidad_desc"),
                 "edad_al_anio": years_between(born.get("fecha_nacimiento"), cutoff), "dropout_label": row["dropout_flag"]}  # fmt: skip
        flags = {
            "riesgo_academico": is_below(row["tasa_aprobacion"], 0.5), "riesgo_asistencia": is_below(row["promedio_asistencia"], 60),
            "riesgo_no_reinscripcion": row["tuvo_reinscripcion"] == 0,
            "riesgo_trabajo_excesivo": survey.get("trabajo_hora_sem") is not None and survey["trabajo_hora_sem"] > 30,
        }  # fmt: skip
        made |= {name: int(flag) for name, flag in flags.items()}
        score = sum(weight * flag for weight, flag in zip((2, 2, 3, 1), flags.values(), strict=True))
        fell = is_below(row["variacion_tasa_aprobacion"], -0.2 - 1e-9)
        made["risk_score_heuristic"] = score + 2 * fell + (row["cambios_estado_acum"] > 2)
        out.append(made | {"_inactivo": row["anios_inactivo_consecutivos"]})
    return out


def is_below(value: float | None, limit: float) -> bool:
    return value is not None and value < limit


def at_risk(risks: list[Row], open_series: list[Row]) -> list[Row]:
    """The open series, with their place among those of their programme."""
    key = ("source_db", "alumno_id", "anio_academico")
    is_open = {tuple(r[k] for k in key) for r in open_series}
    rows = [r for r in risks if tuple(r[k] for k in key) in is_open]
    shown = (*key, "persona_id", "propuesta_id", "risk_score_heuristic", "riesgo_academico", "riesgo_asistencia", "riesgo_no_reinscripcion",
             "riesgo_trabajo_excesivo", "tasa_aprobacion", "promedio_asistencia")  # fmt: skip

    def ahead(row: Row) -> int:
        rivals = [r for r in rows if (r["source_db"], r["propuesta_id"]) == (row["source_db"], row["propuesta_id"])]
        return sum(r["risk_score_heuristic"] > row["risk_score_heuristic"] for r in rivals)

    return [
        {**{n: r[n] for n in shown}, "anios_inactivo_consecutivos": r["_inactivo"], "puesto_en_carrera": 1 + ahead(r)}
        for r in rows
    ]
