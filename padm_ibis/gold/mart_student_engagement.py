"""How present a student was, year by year."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from padm_ibis.checks.gold import MartStudentEngagement
from padm_ibis.define.model import model
from padm_ibis.words import yearly


@model(MartStudentEngagement)
def mart_student_engagement(
    fact_attendance: ir.Table, fact_course_enrollment: ir.Table, fact_exam_inscription: ir.Table, fact_reinscription: ir.Table
) -> ir.Table:
    """Students' presence by recorded year, one row per alumno_id and anio_academico of a source in any of the four facts."""
    years = yearly.engagement_years(
        fact_attendance, fact_course_enrollment, fact_exam_inscription, fact_reinscription, yearly.REPORT_YEAR
    )
    score = ibis.literal(0.4, "float64") * years.promedio_asistencia.fill_null(0.0)
    score = score + (years.reinscripciones * 20).cast("float64") + (years.examenes_inscriptos * 5).cast("float64")
    return years.select(*yearly.STUDENT, yearly.REPORT_YEAR, *yearly.ENGAGEMENT, engagement_score=score)
