"""The yearly blocks of gold: what a student did in a year, from silver facts, by either calendar.

The ``year`` that every function takes is the name of a fact's year column: ``anio_academico`` in reports,
``anio_evento`` in point-in-time tables. Facts become *totals* first (whole numbers, one row per student and
year; marks, credits and absences in hundredths), and a *block* turns totals into the contract's columns:
a dense series joins the totals to its own years in between. No float is ever summed.
"""

from __future__ import annotations

from collections.abc import Sequence

import ibis
import ibis.expr.types as ir

from padm_ibis.params import Params
from padm_ibis.words import terms

STUDENT = ("source_db", "alumno_id")
REPORT_YEAR, EVENT_YEAR = "anio_academico", "anio_evento"

ACADEMIC = (
    "total_evaluaciones", "materias_cursadas", "cursadas_intentadas", "examenes_intentados",
    "promedio_notas", "nota_minima", "nota_maxima", "desviacion_notas", "mediana_notas",
    "materias_aprobadas", "materias_regularizadas", "materias_reprobadas", "materias_ausente",
    "tasa_aprobacion", "tasa_reprobacion", "tasa_ausentismo", "creditos_obtenidos",
)  # fmt: skip
HISTORY = (
    "total_evaluaciones_acum", "materias_aprobadas_acum", "materias_reprobadas_acum", "creditos_acum",
    "promedio_historico", "tasa_aprobacion_historica",
)  # fmt: skip
ENGAGEMENT = (
    "promedio_asistencia", "total_inasistencias",
    "periodos_cumple_asistencia", "periodos_riesgo_asistencia", "periodos_con_asistencia",
    "inscripciones_cursada", "materias_inscriptas", "examenes_inscriptos", "materias_examen_inscriptas",
    "tuvo_reinscripcion", "reinscripciones", "primera_reinscripcion", "ultima_reinscripcion",
)  # fmt: skip

ACADEMIC_COUNTS = (
    "total_evaluaciones", "materias_cursadas", "cursadas_intentadas", "examenes_intentados",
    "materias_aprobadas", "materias_regularizadas", "materias_reprobadas", "materias_ausente",
    "evaluaciones_aprobadas", "evaluaciones_reprobadas", "evaluaciones_ausentes",
    "finales", "suma_notas", "suma_cuadrados", "suma_centrales", "suma_creditos",
)  # fmt: skip
ENGAGEMENT_COUNTS = (
    "suma_asistencia", "asistencias_con_porcentaje", "suma_inasistencias",
    "periodos_cumple_asistencia", "periodos_riesgo_asistencia", "periodos_con_asistencia",
    "inscripciones_cursada", "materias_inscriptas", "examenes_inscriptos", "materias_examen_inscriptas", "reinscripciones",
)  # fmt: skip

# --- the facts that count ------------------------------------------------------------------------------------


def one_result_per_course(fact_academic_performance: ir.Table) -> ir.Table:
    """The academic facts of a *report*: a course and its later promotion, or its two records, count once.

    The fact has applied both rules where the covering row was known by the covered one's year (anio_evento); here they
    hold without that condition. A CURSADA of the historia that its promotion has already removed from the fact covers no
    more: that matters only where ``academic`` and the historia disagree about subject or year of one comisión, for with
    the same subject and year the promotion itself covers both.
    """
    facts = fact_academic_performance.mutate(de_academic=lambda t: t.evaluacion_id.startswith("cursada:"))
    historia = facts.filter(facts.tipo_evaluacion == terms.CURSADA, ~facts.de_academic)
    promociones = facts.filter(facts.tipo_evaluacion == terms.PROMOCION)
    course = [*STUDENT, "elemento_id", "anio_academico"]
    covers = (
        _distinct(historia, [*STUDENT, "comision_id"], de_academic=ibis.literal(True)),
        _distinct(historia.filter(historia.comision_id.isnull()), course, de_academic=ibis.literal(True)),
        _distinct(promociones, course, tipo_evaluacion=ibis.literal(terms.CURSADA)),
    )
    for cover in covers:
        facts = facts.anti_join(cover, list(cover.columns))
    return facts.drop("de_academic")


def _distinct(rows: ir.Table, columns: Sequence[str], **which: ir.Value) -> ir.Table:
    """Distinct keys of the covering rows, and the value that marks the rows which they may cover."""
    return rows.select(*columns, **which).distinct()


# --- totals: whole numbers, one row per student and year --------------------------------------------------------


def academic_totals(performance: ir.Table, year: str) -> ir.Table:
    """Whole numbers of the yearly academic block: STUDENT and ``year``, then `ACADEMIC_COUNTS`, ``peor``, ``mejor``."""
    keys = [*STUDENT, year]
    rows = _counted(performance, year)
    subjects = _subject_totals(rows, keys)
    marks = _mark_totals(rows.filter(rows.nota.notnull()), keys)
    both = subjects.left_join(marks, keys)
    counts = {name: both[name].fill_null(0) for name in ACADEMIC_COUNTS}
    return both.select(*keys, **counts, peor="peor", mejor="mejor")


def _counted(performance: ir.Table, year: str) -> ir.Table:
    """The few columns that count, as whole numbers; rows that belong to no year are left out."""
    rows = performance.filter(performance[year].notnull())
    tipo, resultado, counted = rows.tipo_evaluacion, rows.resultado, terms.is_counted(rows)
    creditos = (rows.aprobado_flag == 1).ifelse(terms.hundredths(rows.creditos), ibis.null("int64"))
    return rows.select(
        *STUDENT,
        year,
        "elemento_id",
        nota=terms.final_en_centesimos(rows),
        suma_creditos=creditos.fill_null(0),
        total_evaluaciones=terms.flag(counted),
        examenes_intentados=terms.flag(counted & (tipo == terms.EXAMEN)),
        evaluaciones_aprobadas=terms.flag(counted & (resultado == terms.APROBADO)),
        evaluaciones_reprobadas=terms.flag(counted & (resultado == terms.REPROBADO)),
        evaluaciones_ausentes=terms.flag(counted & (resultado == terms.AUSENTE)),
        cursadas_intentadas=terms.flag(tipo.isin((terms.CURSADA, terms.PROMOCION))),
        materias_aprobadas=rows.aprobado_flag,
        materias_regularizadas=rows.regularizado_flag,
        materias_reprobadas=rows.reprobado_flag,
        materias_ausente=rows.ausente_flag,
    )


_ROWS = (
    "total_evaluaciones", "examenes_intentados", "evaluaciones_aprobadas", "evaluaciones_reprobadas",
    "evaluaciones_ausentes", "suma_creditos",
)  # fmt: skip
_SUBJECTS = (
    "cursadas_intentadas", "materias_aprobadas", "materias_regularizadas", "materias_reprobadas", "materias_ausente",
)  # fmt: skip


def _subject_totals(rows: ir.Table, keys: Sequence[str]) -> ir.Table:
    """Rows and distinct subjects: added up per subject and then per year, which needs no distinct counts."""
    subjects = rows.group_by([*keys, "elemento_id"]).agg(
        **{name: rows[name].sum() for name in _ROWS}, **{name: rows[name].max() for name in _SUBJECTS}
    )
    known = subjects.elemento_id.notnull().ifelse(1, 0)
    return subjects.group_by(keys).agg(
        **{name: subjects[name].sum().cast("int64") for name in _ROWS},
        **{name: (subjects[name] * known).sum().cast("int64") for name in _SUBJECTS},
        materias_cursadas=known.sum().cast("int64"),
    )


def _mark_totals(finals: ir.Table, keys: Sequence[str]) -> ir.Table:
    """Sums, extremes and the two middle marks of the graded finals, from how often each mark was given."""
    marks = finals.group_by([*keys, "nota"]).agg(veces=finals.count())
    in_order = ibis.window(group_by=list(keys), order_by=terms.first(marks.nota), preceding=None, following=0)
    ranked = marks.mutate(hasta=marks.veces.sum().over(in_order), n=marks.veces.sum().over(ibis.window(group_by=list(keys))))

    def holds(position: ir.IntegerValue) -> ir.IntegerColumn:
        return ((ranked.hasta - ranked.veces <= position) & (position < ranked.hasta)).ifelse(1, 0)

    middle = holds((ranked.n - 1) // 2) + holds(ranked.n // 2)
    nota, veces = ranked.nota, ranked.veces
    sums = {
        "finales": veces.sum(),
        "suma_notas": (nota * veces).sum(),
        "suma_cuadrados": (nota * nota * veces).sum(),
        "suma_centrales": (nota * middle).sum(),
    }
    return ranked.group_by(keys).agg(**{n: v.cast("int64") for n, v in sums.items()}, peor=nota.min(), mejor=nota.max())


def engagement_totals(
    fact_attendance: ir.Table,
    fact_course_enrollment: ir.Table,
    fact_exam_inscription: ir.Table,
    fact_reinscription: ir.Table,
    year: str,
) -> ir.Table:
    """Whole numbers of the yearly engagement block, one row per student and year that any of the four facts mentions.

    STUDENT and ``year``, then `ENGAGEMENT_COUNTS`, ``primera_reinscripcion``, ``ultima_reinscripcion``. Each fact is
    added up by itself and the four are stacked, so none multiplies another.
    """
    parts = (
        attendance_totals(fact_attendance, year),
        enrolment_totals(fact_course_enrollment, year, "inscripciones_cursada", "materias_inscriptas"),
        enrolment_totals(fact_exam_inscription, year, "examenes_inscriptos", "materias_examen_inscriptas"),
        reinscription_totals(fact_reinscription, year),
    )
    keys = [*STUDENT, year]
    stacked = ibis.union(*(_padded(part, keys) for part in parts))
    sums = {name: stacked[name].sum().cast("int64") for name in ENGAGEMENT_COUNTS}
    return stacked.group_by(keys).agg(
        **sums,
        primera_reinscripcion=stacked.primera_reinscripcion.min(),
        ultima_reinscripcion=stacked.ultima_reinscripcion.max(),
    )


def attendance_totals(fact_attendance: ir.Table, year: str) -> ir.Table:
    """Attendance of a year in whole numbers; percentages and absences in hundredths."""
    facts = fact_attendance.filter(fact_attendance[year].notnull())
    porcentaje = terms.hundredths(facts.porc_asistencia)
    return facts.group_by([*STUDENT, year]).agg(
        suma_asistencia=porcentaje.sum().fill_null(0),
        asistencias_con_porcentaje=porcentaje.count(),
        suma_inasistencias=terms.hundredths(facts.total_inasistencias).sum().fill_null(0),
        periodos_cumple_asistencia=facts.cumple_asistencia_flag.sum(),
        periodos_riesgo_asistencia=facts.riesgo_asistencia_flag.sum(),
        periodos_con_asistencia=facts.count(),
    )


def enrolment_totals(facts: ir.Table, year: str, rows: str, subjects: str) -> ir.Table:
    """Enrolments of a year, in courses or exams, and their distinct subjects, under the two names given."""
    known = facts.filter(facts[year].notnull())
    by_subject = known.group_by([*STUDENT, year, "elemento_id"]).agg(filas=known.count())
    totals = {rows: by_subject.filas.sum().cast("int64"), subjects: by_subject.elemento_id.count()}
    return by_subject.group_by([*STUDENT, year]).agg(**totals)


def reinscription_totals(fact_reinscription: ir.Table, year: str) -> ir.Table:
    """Re-enrolments of a year, with the first and the last instant."""
    facts = fact_reinscription.filter(fact_reinscription[year].notnull())
    # An engine's own timestamp has a precision, and a union wants equal types.
    instant = facts.fecha_reinscripcion.cast("timestamp")
    return facts.group_by([*STUDENT, year]).agg(
        reinscripciones=facts.count(), primera_reinscripcion=instant.min(), ultima_reinscripcion=instant.max()
    )


def _padded(part: ir.Table, keys: Sequence[str]) -> ir.Table:
    """The part with the columns of all parts: no count is 0, no instant is null."""
    zero, never = ibis.literal(0, "int64"), ibis.null("timestamp")
    counts = {name: part[name] if name in part.columns else zero for name in ENGAGEMENT_COUNTS}
    instants = {n: part[n] if n in part.columns else never for n in ("primera_reinscripcion", "ultima_reinscripcion")}
    return part.select(*keys, **counts, **instants)


def status_totals(fact_student_status_history: ir.Table, year: str) -> ir.Table:
    """Status changes of a year (``cambios_estado``), one row per student and year that has one."""
    facts = fact_student_status_history.filter(fact_student_status_history[year].notnull())
    return facts.group_by([*STUDENT, year]).agg(cambios_estado=facts.count())


# --- blocks: the contract's columns, from totals ------------------------------------------------------------------


def academic_block(totals: ir.Table) -> dict[str, ir.Value]:
    """Columns of the yearly academic block, in the order of `ACADEMIC`; ``totals`` has no null counts."""
    t = totals
    spread = (t.finales * t.suma_cuadrados - t.suma_notas * t.suma_notas).cast("float64")
    values = {
        **{name: t[name] for name in ACADEMIC if name in ACADEMIC_COUNTS},
        "promedio_notas": terms.ratio(t.suma_notas, t.finales * 100),
        "nota_minima": terms.from_hundredths(t.peor),
        "nota_maxima": terms.from_hundredths(t.mejor),
        "desviacion_notas": terms.ratio(spread, t.finales * (t.finales - 1)).sqrt() / 100.0,
        "mediana_notas": terms.ratio(t.suma_centrales, (t.finales > 0).ifelse(200, 0)),
        "tasa_aprobacion": terms.ratio(t.evaluaciones_aprobadas, t.total_evaluaciones),
        "tasa_reprobacion": terms.ratio(t.evaluaciones_reprobadas, t.total_evaluaciones),
        "tasa_ausentismo": terms.ratio(t.evaluaciones_ausentes, t.total_evaluaciones),
        "creditos_obtenidos": terms.from_hundredths(t.suma_creditos),
    }
    return {name: values[name] for name in ACADEMIC}


def history_columns(totals: ir.Table, year: str) -> dict[str, ir.Value]:
    """Columns over the year and all before it, in the order of `HISTORY`: running sums, divided at the end."""
    so_far = ibis.window(group_by=list(STUDENT), order_by=terms.first(totals[year]), preceding=None, following=0)

    def running(name: str) -> ir.IntegerColumn:
        return totals[name].sum().over(so_far).cast("int64")

    return {
        "total_evaluaciones_acum": running("total_evaluaciones"),
        "materias_aprobadas_acum": running("materias_aprobadas"),
        "materias_reprobadas_acum": running("materias_reprobadas"),
        "creditos_acum": terms.from_hundredths(running("suma_creditos")),
        "promedio_historico": terms.ratio(running("suma_notas"), running("finales") * 100),
        "tasa_aprobacion_historica": terms.ratio(running("evaluaciones_aprobadas"), running("total_evaluaciones")),
    }


def engagement_block(totals: ir.Table) -> dict[str, ir.Value]:
    """Columns of the yearly engagement block, in the order of `ENGAGEMENT`; ``totals`` has no null counts."""
    values = {
        **{name: totals[name] for name in ENGAGEMENT if name in totals.columns},
        "promedio_asistencia": terms.ratio(totals.suma_asistencia, totals.asistencias_con_porcentaje * 100),
        "total_inasistencias": terms.from_hundredths(totals.suma_inasistencias),
        "tuvo_reinscripcion": terms.flag(totals.reinscripciones > 0),
    }
    return {name: values[name] for name in ENGAGEMENT}


def academic_years(performance: ir.Table, year: str) -> ir.Table:
    """STUDENT and ``year`` of every academic fact, with the yearly academic block and the history columns."""
    totals = academic_totals(performance, year)
    return totals.select(*STUDENT, year, **academic_block(totals), **history_columns(totals, year))


def engagement_years(
    fact_attendance: ir.Table,
    fact_course_enrollment: ir.Table,
    fact_exam_inscription: ir.Table,
    fact_reinscription: ir.Table,
    year: str,
) -> ir.Table:
    """STUDENT and ``year`` of every fact of the four, with the yearly engagement block."""
    totals = engagement_totals(fact_attendance, fact_course_enrollment, fact_exam_inscription, fact_reinscription, year)
    return totals.select(*STUDENT, year, **engagement_block(totals))


# --- what the series and the marts about it share ----------------------------------------------------------------


def exits(fact_dropout: ir.Table, fact_egreso: ir.Table) -> ir.Table:
    """Dropouts and graduations, one below the other: STUDENT, anio_academico, anio_evento, es_dropout, fecha_dropout."""
    dropouts = fact_dropout.select(*STUDENT, "anio_academico", "anio_evento", es_dropout=True, fecha_dropout="fecha_dropout")
    graduations = fact_egreso.select(*STUDENT, "anio_academico", "anio_evento", es_dropout=False, fecha_dropout=ibis.null("date"))
    return dropouts.union(graduations)


def open_series(gold_tft_temporal_features: ir.Table, fact_dropout: ir.Table, fact_egreso: ir.Table, params: Params) -> ir.Table:
    """Rows of the last closed year whose students are still there: what there is to predict.

    Not those who have left by then, nor those with a dropout or graduation of a later year known at ``as_of``: together,
    those whose latest exit is not before their last active year (any exit, if they were never active).
    """
    rows = gold_tft_temporal_features.filter(gold_tft_temporal_features.anio_academico == params.last_closed_year)
    gone = exits(fact_dropout, fact_egreso).group_by(list(STUDENT)).agg(ultima_salida=ibis._.anio_academico.max())
    seen = rows.left_join(gone, list(STUDENT)).select(*rows.columns, "ultima_salida")
    last_active = seen.anio_academico - seen.anios_inactivo_consecutivos
    never_active = seen.anios_inactivo_consecutivos > seen.time_step
    stayed = seen.ultima_salida.isnull() | (~never_active & (seen.ultima_salida < last_active))
    return seen.filter(stayed).drop("ultima_salida")


def census_in_force(rows: ir.Table, dim_census: ir.Table, year: str, params: Params) -> ir.Table:
    """``rows`` with the columns of the person's latest survey on or before the cutoff of ``year``, null without one.

    ``rows`` have source_db, persona_id and ``year``, and none of the survey's other columns. A date is on or before a
    year's cutoff exactly when its own academic year is not later.
    """
    person, day = ["source_db", "persona_id"], "fecha_relevamiento"
    taken = dim_census.select(*person, day, **{year: terms.academic_year(dim_census[day], params)})
    asked = rows.filter(rows.persona_id.notnull(), rows[year].notnull())
    by_year = taken.union(asked.select(*person, ibis.null("date").name(day), year)).group_by([*person, year])
    days = by_year.agg(del_anio=ibis._[day].max())
    so_far = ibis.window(group_by=person, order_by=terms.first(days[year]), preceding=None, following=0)
    in_force = days.select(*person, year, days.del_anio.max().over(so_far).name(day))
    dated = rows.left_join(in_force, [*person, year], rname="{name}_vigente")
    answers = [name for name in dim_census.columns if name not in (*person, day)]
    return dated.left_join(dim_census, [*person, day], rname="{name}_censo").select(*rows.columns, day, *answers)


def survey_columns(dim_census: ir.Table, params: Params) -> list[str]:
    """Names of a survey's answers; those about disabilities only when include_sensitive."""
    left_out = {"source_db", "persona_id", "fecha_relevamiento", "es_ultimo"}
    answers = [name for name in dim_census.columns if name not in left_out]
    return [name for name in answers if params.include_sensitive or not name.startswith("disc_")]
