"""The reports of data-contract §5 that are no student-year blocks."""

from __future__ import annotations

from collections import defaultdict

from tests.reference.facts import Facts, Row, mark
from tests.reference.years import FINALS, is_counted, share


def percent(part: int, whole: int) -> float | None:
    return 100 * part / whole if whole else None


def cohorts(facts: Facts, students: list[Row]) -> list[Row]:
    groups = defaultdict(list)
    for s in students:
        if s["anio_ingreso"] is not None:
            groups[s["source_db"], s["anio_ingreso"], s["propuesta_id"], s["facultad_id"], s["sede_provincia"]].append(s)
    out = []
    for (source, cohort, programme, faculty, province), members in groups.items():
        ids = {(source, s["alumno_id"]) for s in members}
        lost = defaultdict(list)
        for r in facts.dropouts:
            if (r["source_db"], r["alumno_id"]) in ids:
                lost[r["alumno_id"]].append(r["anio_academico"])
        graduates = {r["alumno_id"] for r in facts.graduations if (r["source_db"], r["alumno_id"]) in ids}
        spans = [min(y for y in years if y is not None) - cohort for years in lost.values() if any(y is not None for y in years)]
        results = [r for r in facts.reported_results if (r["source_db"], r["alumno_id"]) in ids]
        counted = [r for r in results if is_counted(r)]
        marks = [r["marca"] for r in results if r["tipo_evaluacion"] in FINALS and r["marca"] is not None]
        total = len(members)
        out.append({
            "source_db": source, "cohorte": cohort, "propuesta_id": programme, "facultad_id": faculty, "sede_provincia": province,
            "total_estudiantes": total, "total_desertores": len(lost), "tasa_desercion_pct": percent(len(lost), total),
            "total_egresados": len(graduates), "total_retenidos": total - len(lost),
            "tasa_retencion_pct": percent(total - len(lost), total),
            "promedio_anios_hasta_dropout": share(sum(spans), len(spans)),
            "min_anios_hasta_dropout": min(spans, default=None), "max_anios_hasta_dropout": max(spans, default=None),
            "promedio_notas_cohorte": share(sum(marks), 100 * len(marks)),
            "tasa_aprobacion_cohorte_pct": percent(sum(r["resultado"] == "A" for r in counted), len(counted)),
        })  # fmt: skip
    return out


def subjects(facts: Facts) -> list[Row]:
    enrolled: dict[tuple[object, ...], set[object]] = defaultdict(set)
    for r in facts.enrolments:
        enrolled[r["source_db"], r["elemento_id"], r["anio_academico"]].add(r["alumno_id"])
    results = defaultdict(list)
    for r in facts.reported_results:
        results[r["source_db"], r["elemento_id"], r["anio_academico"]].append(r)
    out = []
    for key in {k for k in (*enrolled, *results) if None not in k}:
        source, subject, year = key
        who = enrolled.get(key, set())
        before = set().union(
            *(s for (d, e, y), s in enrolled.items() if (d, e) == (source, subject) and y is not None and y < year)
        )
        counted = [r for r in results.get(key, []) if is_counted(r)]
        marks = [r["marca"] for r in results.get(key, []) if r["tipo_evaluacion"] in FINALS and r["marca"] is not None]
        rate = {c: share(sum(r["resultado"] == c for r in counted), len(counted)) for c in "ARU"}
        out.append({
            "source_db": source, "elemento_id": subject, "anio_academico": year, "inscriptos": len(who),
            "total_evaluaciones": len(counted), "promedio_notas": share(sum(marks), 100 * len(marks)),
            "tasa_aprobacion": rate["A"], "tasa_reprobacion": rate["R"], "tasa_ausentismo": rate["U"],
            "tasa_recursada": share(len(who & before), len(who)),
        })  # fmt: skip
    return out


def teachers(facts: Facts) -> list[Row]:
    teaches = defaultdict(set)
    for r in facts.bronze["docentes_comision"]:
        if r["docente_hash"] is not None and r["comision"] is not None:
            teaches[r["source_db"], r["comision"]].add(r["docente_hash"])
    groups = defaultdict(list)
    for r in facts.reported_results:
        if (
            r["tipo_evaluacion"] in ("CURSADA", "PROMOCION")
            and r["resultado"] in tuple("ARU")
            and r["anio_academico"] is not None
        ):
            for teacher in teaches.get((r["source_db"], r["comision_id"]), ()):
                groups[r["source_db"], teacher, r["anio_academico"]].append(r)
    rows = []
    for (source, teacher, year), results in groups.items():
        marks = [m for m in (mark(r.get("nota") or r.get("nota_cursada")) for r in results) if m is not None]
        rows.append({
            "source_db": source, "docente_hash": teacher, "anio_academico": year, "evaluaciones": len(results),
            "estudiantes": len({r["alumno_id"] for r in results}), "promedio_notas": share(sum(marks), 100 * len(marks)),
            "tasa_aprobacion": share(sum(r["resultado"] == "A" for r in results), len(results)),
            "tasa_ausentismo": share(sum(r["resultado"] == "U" for r in results), len(results)), "puesto": None,
        })  # fmt: skip
    ranked = defaultdict(list)
    for row in rows:
        if row["evaluaciones"] >= facts.params.ranking_min_evaluaciones:
            ranked[row["source_db"], row["anio_academico"]].append(row)
    for group in ranked.values():
        group.sort(
            key=lambda r: (-r["tasa_aprobacion"], r["promedio_notas"] is None, -(r["promedio_notas"] or 0), r["docente_hash"])
        )
        for place, row in enumerate(group, 1):
            row["puesto"] = place
    return rows
