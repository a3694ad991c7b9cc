"""Graduations."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from padm_ibis.checks.silver import FactEgreso
from padm_ibis.define.model import model
from padm_ibis.params import Params
from padm_ibis.words import terms


@model(FactEgreso)
def fact_egreso(egresos: ir.Table, params: Params) -> ir.Table:
    """Graduations known at as_of, one row per alumno_id and nro_solicitud of a source."""
    rows = egresos.rename(alumno_id="alumno")
    known_on = terms.plausible_date(rows.fecha_egreso, params)
    rows = rows.mutate(
        promedio=rows.promedio.cast("float64"),
        promedio_sin_aplazos=rows.promedio_sin_aplazos.cast("float64"),
        anio_academico=terms.academic_year(known_on, params),
        fecha_conocida=known_on,
        egreso_flag=ibis.literal(1, "int64"),
    )
    return terms.known(rows, params).select(
        "source_db",
        "alumno_id",
        "nro_solicitud",
        "promedio",
        "promedio_sin_aplazos",
        "egreso_flag",
        "fecha_egreso",
        "anio_academico",
        "fecha_conocida",
        "anio_evento",
    )
