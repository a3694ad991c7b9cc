"""Enrolments in courses."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from padm_ibis.checks.silver import FactCourseEnrollment
from padm_ibis.define.model import model
from padm_ibis.params import Params
from padm_ibis.words import terms


@model(FactCourseEnrollment)
def fact_course_enrollment(course_inscriptions: ir.Table, params: Params) -> ir.Table:
    """Course enrolments known at as_of, one row per inscripcion_id of a source."""
    rows = course_inscriptions.rename(alumno_id="alumno", comision_id="comision")
    rows = rows.mutate(
        anio_academico=terms.plausible_year(rows.anio_academico),
        fecha_conocida=terms.plausible_date(rows.fecha_inscripcion.date(), params),
        enrollment_count=ibis.literal(1, "int64"),
    )
    return terms.known(rows, params).select(
        "source_db",
        "inscripcion_id",
        "alumno_id",
        "comision_id",
        "elemento_id",
        "plan_version_id",
        "estado_inscripcion",
        "periodo_lectivo",
        "catedra_cod",
        "catedra_nombre",
        "enrollment_count",
        "fecha_inscripcion",
        "anio_academico",
        "fecha_conocida",
        "anio_evento",
    )
