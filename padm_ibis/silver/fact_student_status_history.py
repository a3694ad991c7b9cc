"""Changes of a student's calidad."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from padm_ibis.checks.silver import FactStudentStatusHistory
from padm_ibis.define.model import model
from padm_ibis.params import Params
from padm_ibis.words import terms


@model(FactStudentStatusHistory)
def fact_student_status_history(alumnos_hist_calidad: ir.Table, params: Params) -> ir.Table:
    """Status changes known at as_of, one row per alumno_id and nro_cambio of a source."""
    rows = alumnos_hist_calidad.rename(alumno_id="alumno", fecha_cambio="fecha")
    known_on = terms.plausible_date(rows.fecha_cambio.date(), params)
    rows = rows.mutate(anio_academico=terms.academic_year(known_on, params), fecha_conocida=known_on)
    changes = terms.known(rows, params)
    in_order = ibis.window(
        group_by=["source_db", "alumno_id"],
        order_by=[terms.first(changes.fecha_cambio), terms.first(changes.motivo_calidad), terms.first(changes.calidad)],
    )
    changes = changes.mutate(nro_cambio=ibis.row_number().over(in_order) + 1)
    return changes.select(
        "source_db",
        "alumno_id",
        "nro_cambio",
        "calidad",
        "motivo_calidad",
        "fecha_cambio",
        "anio_academico",
        "fecha_conocida",
        "anio_evento",
    )
