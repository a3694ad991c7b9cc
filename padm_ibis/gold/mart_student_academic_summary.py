"""What a student achieved, year by year and up to then."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from padm_ibis.checks.gold import MartStudentAcademicSummary
from padm_ibis.define.model import model
from padm_ibis.words import terms, yearly


@model(MartStudentAcademicSummary)
def mart_student_academic_summary(fact_academic_performance: ir.Table) -> ir.Table:
    """Students' results by recorded year, one row per alumno_id and anio_academico of a source with any."""
    results = yearly.one_result_per_course(fact_academic_performance)
    years = yearly.academic_years(results, yearly.REPORT_YEAR)
    in_order = ibis.window(group_by=list(yearly.STUDENT), order_by=terms.first(years.anio_academico))
    return years.select(
        *yearly.STUDENT,
        yearly.REPORT_YEAR,
        *yearly.ACADEMIC,
        *yearly.HISTORY,
        variacion_promedio=years.promedio_notas - years.promedio_notas.lag().over(in_order),
        variacion_tasa_aprobacion=years.tasa_aprobacion - years.tasa_aprobacion.lag().over(in_order),
    )
