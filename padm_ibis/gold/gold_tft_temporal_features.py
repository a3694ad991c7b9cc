"""The dense yearly series of a student: what was known by each cutoff, and what became of them."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from padm_ibis.checks.tft import GoldTftTemporalFeatures
from padm_ibis.define.model import model
from padm_ibis.params import Params
from padm_ibis.words import terms, yearly
from padm_ibis.words.yearly import EVENT_YEAR, STUDENT

YEAR = "anio_academico"
KEY = [*STUDENT, YEAR]


@model(GoldTftTemporalFeatures, point_in_time=True)
def gold_tft_temporal_features(
    dim_student: ir.Table,
    fact_academic_performance: ir.Table,
    fact_attendance: ir.Table,
    fact_course_enrollment: ir.Table,
    fact_exam_inscription: ir.Table,
    fact_reinscription: ir.Table,
    fact_student_status_history: ir.Table,
    fact_dropout: ir.Table,
    fact_egreso: ir.Table,
    params: Params,
) -> ir.Table:
    """Closed academic years of a student from the first one on, gaps included, one row per alumno_id and anio_academico."""
    academic = yearly.academic_totals(fact_academic_performance, EVENT_YEAR).rename({YEAR: EVENT_YEAR})
    engagement = yearly.engagement_totals(
        fact_attendance, fact_course_enrollment, fact_exam_inscription, fact_reinscription, EVENT_YEAR
    ).rename({YEAR: EVENT_YEAR})
    active = academic.select(KEY).union(engagement.select(KEY), distinct=True)
    spans = _spans(dim_student, active, params)
    exits = yearly.exits(fact_dropout, fact_egreso)
    years = _joined(
        _candidate_years(spans),
        academic=academic,
        engagement=engagement,
        changes=_status_changes(fact_student_status_history, spans),
        labels=_exits_of_year(exits),
        next_active=_year_before(active, activo_siguiente=ibis.literal(1, "int64")),
        next_exits=_year_before(_exits_of_year(exits), dropout_siguiente="dropout_flag", egreso_siguiente="egreso_flag"),
        left=_left(exits, spans),
        known=_known_to_have_left(exits, spans),
    )
    series = _with_episodes(_kept(_with_years_before(_with_blocks(years)), params))
    labelled = series.mutate(**_times(series), **_variations(series), **_labels(series, params))
    return labelled.select(
        *KEY,
        "anios_desde_ingreso",
        "episodio",
        "time_step",
        "sin_actividad_flag",
        "anios_inactivo_consecutivos",
        *yearly.ACADEMIC,
        *yearly.HISTORY,
        *yearly.ENGAGEMENT,
        "cambios_estado_anio",
        "cambios_estado_acum",
        "promedio_notas_anterior",
        "tasa_aprobacion_anterior",
        "materias_aprobadas_anterior",
        "tuvo_reinscripcion_anterior",
        "variacion_promedio",
        "variacion_tasa_aprobacion",
        "variacion_materias",
        "dropout_flag",
        "egreso_flag",
        "fecha_dropout",
        "dropout_next_year",
        "inactivo_next_year",
    )


# --- candidate years ---------------------------------------------------------------------------------------------


def _spans(dim_student: ir.Table, active: ir.Table, params: Params) -> ir.Table:
    """First and last candidate year of the students who have any.

    Once a student has been inactive for more than max_inactive_years no later candidate could be kept, so the last one
    comes earlier than the last closed year.
    """
    bounds = active.group_by(list(STUDENT)).agg(desde=active.anio_academico.min(), ultimo=active.anio_academico.max())
    students = dim_student.left_join(bounds, list(STUDENT)).select(*STUDENT, "anio_ingreso", "desde", "ultimo")
    dated = students.mutate(primero=terms.smaller(students.anio_ingreso, students.desde))
    last = ibis.least(dated.ultimo.coalesce(dated.primero) + params.max_inactive_years, params.last_closed_year)
    begun = dated.mutate(hasta=last).filter(dated.primero <= params.last_closed_year)
    return begun.select(*STUDENT, "anio_ingreso", "primero", "hasta")


def _candidate_years(spans: ir.Table) -> ir.Table:
    year = ibis.range(spans.primero, spans.hasta + 1).unnest()
    return spans.select(*STUDENT, "anio_ingreso", "primero", **{YEAR: year})


def _joined(years: ir.Table, **parts: ir.Table) -> ir.Table:
    """Every part beside the candidate years; parts have one row per student and year."""
    joined = years
    for name, part in parts.items():
        joined = joined.left_join(part, KEY, rname="{name}_" + name)
    values = [column for part in parts.values() for column in part.columns if column not in KEY]
    return joined.select(*years.columns, *values)


# --- changes and exits, each on the year from which it counts ------------------------------------------------------


def _from_first_on(facts: ir.Table, year: ir.IntegerValue, spans: ir.Table) -> ir.Table:
    """Put facts on their ``year`` (kept as ``anio``), or on the student's first candidate year if that is later."""
    dated = facts.mutate(anio=year).drop(EVENT_YEAR, YEAR)
    with_first = dated.join(spans.select(*STUDENT, "primero"), list(STUDENT))
    return with_first.mutate(**{YEAR: ibis.greatest(with_first.anio, with_first.primero)})


def _status_changes(fact_student_status_history: ir.Table, spans: ir.Table) -> ir.Table:
    totals = yearly.status_totals(fact_student_status_history, EVENT_YEAR).mutate(**{YEAR: ibis.null("int64")})
    placed = _from_first_on(totals, totals.anio_evento, spans)
    own_year = (placed.anio == placed.anio_academico).ifelse(placed.cambios_estado, 0)
    return placed.group_by(KEY).agg(cambios_estado_anio=own_year.sum(), cambios_estado_nuevos=placed.cambios_estado.sum())


def _exits_of_year(exits: ir.Table) -> ir.Table:
    """Dropouts and graduations of the year that they are about, whenever they became known."""
    dated = exits.filter(exits.anio_academico.notnull())
    return dated.group_by(KEY).agg(
        dropout_flag=terms.flag(dated.es_dropout).max(),
        egreso_flag=terms.flag(~dated.es_dropout).max(),
        fecha_dropout=dated.fecha_dropout.min(),
    )


def _year_before(years: ir.Table, **values: ir.Value | str) -> ir.Table:
    """Put what happens in a year on the year before it."""
    return years.select(*STUDENT, anio_academico=years.anio_academico - 1, **values)


def _left(exits: ir.Table, spans: ir.Table) -> ir.Table:
    """The latest exit of a year (``salida``), on the year that it is about."""
    dated = exits.filter(exits.anio_academico.notnull())
    placed = _from_first_on(dated, dated.anio_academico, spans)
    return placed.group_by(KEY).agg(salida=placed.anio.max())


def _known_to_have_left(exits: ir.Table, spans: ir.Table) -> ir.Table:
    """The latest exit that became known in a year (``salida_conocida``), on the year after it."""
    dated = exits.filter(exits.anio_evento.notnull()).mutate(salida=lambda t: t.anio_academico.coalesce(t.anio_evento))
    placed = _from_first_on(dated, dated.anio_evento + 1, spans)
    return placed.group_by(KEY).agg(salida_conocida=placed.salida.max())


# --- the columns of a candidate year ------------------------------------------------------------------------------


def _in_order(t: ir.Table, **frame: int | None) -> ir.WindowBuilder:
    return ibis.window(group_by=list(STUDENT), order_by=terms.first(t.anio_academico), **frame)


def _so_far(t: ir.Table) -> ir.WindowBuilder:
    return _in_order(t, preceding=None, following=0)


def _with_blocks(years: ir.Table) -> ir.Table:
    """The yearly blocks; what a year lacks counts 0."""
    counts = (*yearly.ACADEMIC_COUNTS, *yearly.ENGAGEMENT_COUNTS, "cambios_estado_anio", "cambios_estado_nuevos")
    active = years.total_evaluaciones.notnull() | years.reinscripciones.notnull()
    t = years.mutate(
        **{name: years[name].fill_null(0) for name in counts},
        anio_activo=active.ifelse(years.anio_academico, ibis.null("int64")),
    )
    return t.mutate(**yearly.academic_block(t), **yearly.engagement_block(t))


def _with_years_before(years: ir.Table) -> ir.Table:
    """What stands in other years of the student: history, the year t - 1 (kept or not), the latest activity and exits.

    All of it looks at one order of the rows, which the engine sorts once.
    """
    t, so_far, in_order = years, _so_far(years), _in_order(years)
    before = ("promedio_notas", "tasa_aprobacion", "materias_aprobadas", "tuvo_reinscripcion", "materias_cursadas")
    return t.select(
        *KEY,
        *("anio_ingreso", "primero", *yearly.ACADEMIC, *yearly.ENGAGEMENT, "cambios_estado_anio"),
        *("dropout_flag", "egreso_flag", "fecha_dropout", "dropout_siguiente", "egreso_siguiente", "activo_siguiente"),
        **yearly.history_columns(t, YEAR),
        **{f"{name}_anterior": t[name].lag().over(in_order) for name in before},
        cambios_estado_acum=t.cambios_estado_nuevos.sum().over(so_far),
        ultimo_activo=t.anio_activo.max().over(so_far),
        salida=t.salida.max().over(so_far),
        salida_conocida=t.salida_conocida.max().over(so_far),
        es_tras_salida=t.salida_conocida.notnull(),
    )


# --- which candidates are kept, and in which episode -----------------------------------------------------------------


def _kept(years: ir.Table, params: Params) -> ir.Table:
    """Years whose student came back after every exit known before them, and was active not too long ago."""
    came_back = years.salida_conocida.isnull() | (years.ultimo_activo > years.salida_conocida)
    inactive = years.anio_academico - years.ultimo_activo.coalesce(years.primero)
    return years.filter(came_back, inactive <= params.max_inactive_years)


def _with_episodes(years: ir.Table) -> ir.Table:
    """Number the episodes: one ends at a gap between the kept rows, or with the year in which an exit became known."""
    t = years.mutate(fila_anterior=years.anio_academico.lag().over(_in_order(years)))
    breaks = t.fila_anterior.notnull() & ((t.fila_anterior != t.anio_academico - 1) | t.es_tras_salida)
    return t.mutate(episodio=terms.flag(breaks).sum().over(_so_far(t)) + 1)


def _times(series: ir.Table) -> dict[str, ir.Value]:
    """Where the year stands in the student's time."""
    t = series
    last_active = t.ultimo_activo.coalesce(t.primero - 1)
    return {
        "anios_desde_ingreso": t.anio_academico - t.anio_ingreso,
        "time_step": t.anio_academico - t.primero,
        "sin_actividad_flag": terms.flag(last_active < t.anio_academico),
        "anios_inactivo_consecutivos": t.anio_academico - last_active,
    }


def _variations(series: ir.Table) -> dict[str, ir.Value]:
    """How the year differs from the one before it."""
    return {
        "variacion_promedio": series.promedio_notas - series.promedio_notas_anterior,
        "variacion_tasa_aprobacion": series.tasa_aprobacion - series.tasa_aprobacion_anterior,
        "variacion_materias": series.materias_cursadas - series.materias_cursadas_anterior,
    }


# --- what became of the student -------------------------------------------------------------------------------------


def _labels(series: ir.Table, params: Params) -> dict[str, ir.Value]:
    """Labels of the year and of the next one, the latter null for those who have left and until they are known."""
    t = series
    is_there = t.salida.isnull() | (t.ultimo_activo > t.salida)
    has_label = is_there & (t.anio_academico <= params.last_labelled_year)
    stays = t.activo_siguiente.notnull() | (t.egreso_siguiente == 1)
    return {
        "dropout_flag": t.dropout_flag.fill_null(0),
        "egreso_flag": t.egreso_flag.fill_null(0),
        "dropout_next_year": has_label.ifelse(t.dropout_siguiente.fill_null(0), ibis.null("int64")),
        "inactivo_next_year": has_label.ifelse(1 - terms.flag(stays), ibis.null("int64")),
    }
