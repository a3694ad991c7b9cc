"""Enrolments in exams."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from padm_ibis.checks.silver import FactExamInscription
from padm_ibis.define.model import model
from padm_ibis.params import Params
from padm_ibis.words import terms


@model(FactExamInscription)
def fact_exam_inscription(exam_inscriptions: ir.Table, params: Params) -> ir.Table:
    """Exam enrolments known at as_of, one row per inscripcion_id of a source."""
    rows = exam_inscriptions.rename(alumno_id="alumno")
    enrolled = terms.plausible_date(rows.fecha_inscripcion.date(), params)
    examined = terms.plausible_date(rows.fecha_mesa_examen, params)
    rows = rows.mutate(
        anio_academico=terms.plausible_year(rows.anio_academico).coalesce(terms.academic_year(examined, params)),
        fecha_conocida=enrolled.coalesce(examined),
        exam_inscription_count=ibis.literal(1, "int64"),
    )
    return terms.known(rows, params).select(
        "source_db",
        "inscripcion_id",
        "alumno_id",
        "elemento_id",
        "plan_version_id",
        "instancia_id",
        "instancia_desc",
        "estado_inscripcion",
        "catedra_cod",
        "catedra_nombre",
        "exam_inscription_count",
        "fecha_inscripcion",
        "fecha_mesa_examen",
        "anio_academico",
        "fecha_conocida",
        "anio_evento",
    )
