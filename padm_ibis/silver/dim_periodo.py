"""Academic years."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from padm_ibis.checks.silver import DimPeriodo
from padm_ibis.define.model import model
from padm_ibis.params import Params
from padm_ibis.words import terms


@model(DimPeriodo)
def dim_periodo(
    dim_student: ir.Table,
    fact_course_enrollment: ir.Table,
    fact_academic_performance: ir.Table,
    fact_exam_inscription: ir.Table,
    fact_attendance: ir.Table,
    fact_reinscription: ir.Table,
    fact_dropout: ir.Table,
    fact_student_status_history: ir.Table,
    fact_egreso: ir.Table,
    params: Params,
) -> ir.Table:
    """Academic years, one row per anio_academico, without gaps from the earliest of the data to the one after as_of's."""
    facts = (
        fact_course_enrollment,
        fact_academic_performance,
        fact_exam_inscription,
        fact_attendance,
        fact_reinscription,
        fact_dropout,
        fact_student_status_history,
        fact_egreso,
    )
    entry = dim_student.agg(anio=dim_student.anio_ingreso.min())
    periods = _from_first_year(ibis.union(entry, *(_earliest(fact, params) for fact in facts)), params)
    anio = periods.anio_academico
    whole_calendar_year = params.academic_year_start_month == 1
    periods = periods.mutate(
        fecha_inicio=terms.start_of(anio, params),
        fecha_fin=terms.cutoff(anio, params),
        periodo_label=anio.cast("string") if whole_calendar_year else anio.cast("string") + "-" + (anio + 1).cast("string"),
        anio_relativo=anio - params.period_base_year,
        esta_cerrado=terms.cutoff(anio, params) <= ibis.literal(params.as_of),
    )
    return periods.select("anio_academico", "fecha_inicio", "fecha_fin", "periodo_label", "anio_relativo", "esta_cerrado")


def _earliest(fact: ir.Table, params: Params) -> ir.Table:
    """The earliest year that a fact is about or became known in."""
    return fact.agg(anio=terms.smaller(fact.anio_academico.min(), terms.academic_year(fact.fecha_conocida.min(), params)))


def _from_first_year(earliest: ir.Table, params: Params) -> ir.Table:
    """Every year from the earliest, at the latest that of as_of, to the one after as_of's."""
    first = earliest.agg(_first=earliest.anio.min())
    years = ibis.range(terms.FIRST_PLAUSIBLE_YEAR, params.as_of_year + 2).unnest().cast("int64").name("anio_academico").as_table()
    spine = years.cross_join(first)
    return spine.filter((spine.anio_academico >= spine._first) | (spine.anio_academico >= params.as_of_year))
