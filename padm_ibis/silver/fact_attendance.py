"""Attendance to courses."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from padm_ibis.checks.silver import FactAttendance
from padm_ibis.define.model import model
from padm_ibis.params import Params
from padm_ibis.words import terms

_ENOUGH, _TOO_LITTLE = 75, 50


@model(FactAttendance)
def fact_attendance(attendance: ir.Table, params: Params) -> ir.Table:
    """Attendance known at as_of, one row per alumno_id and comision_id of a source."""
    rows = attendance.rename(alumno_id="alumno", comision_id="comision", elemento_id="elemento")
    anio = terms.plausible_year(rows.anio_academico)
    year_end, as_of = terms.cutoff(anio, params), ibis.literal(params.as_of)
    rows = rows.mutate(
        porc_asistencia=rows.porc_asistencia.cast("float64"),
        total_inasistencias=rows.total_inasistencias.cast("float64"),
        cumple_asistencia_flag=terms.flag(rows.porc_asistencia >= _ENOUGH),
        riesgo_asistencia_flag=terms.flag(rows.porc_asistencia < _TOO_LITTLE),
        anio_academico=anio,
        fecha_conocida=(year_end > as_of).ifelse(as_of, year_end),
    )
    return terms.known(rows, params).select(
        "source_db",
        "alumno_id",
        "comision_id",
        "elemento_id",
        "porc_asistencia",
        "total_inasistencias",
        "cumple_asistencia_flag",
        "riesgo_asistencia_flag",
        "anio_academico",
        "fecha_conocida",
        "anio_evento",
    )
