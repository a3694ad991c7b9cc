"""Attendance that is taken on the learning platforms."""

from __future__ import annotations

import ibis.expr.types as ir

from padm_ibis.checks.silver_lms import FactLmsAsistencia
from padm_ibis.define.model import model
from padm_ibis.params import Params
from padm_ibis.words import lms, terms

_ENOUGH = 50
SEVERAL = {"fan-out bridge_lms_persona": "a user may be a person of several sources, each of which has the row"}


@model(FactLmsAsistencia, allow=SEVERAL)
def fact_lms_asistencia(
    lms_asistencias: ir.Table, lms_sesiones: ir.Table, lms_roles: ir.Table, bridge_lms_persona: ir.Table, params: Params
) -> ir.Table:
    """Attendance of linked learners, one row per persona_id, lms_db and sesion_id of a source."""
    rows = lms.of_platform(lms_asistencias).rename(sesion_id="sesion")
    rows = terms.one_per(rows, ["lms_db", "sesion_id", "usuario_id"], [terms.last(rows.tomada), terms.last(rows.asistencia)])
    sessions = lms_sesiones.select(_lms_db="source_db", _sesion="sesion", curso_id="curso", en="fecha_sesion")
    rows = rows.join(sessions, [("lms_db", "_lms_db"), ("sesion_id", "_sesion")])
    rows = rows.mutate(
        fecha_sesion=rows.en.date(),
        asistencia_pct=lms.percent(rows.puntaje, rows.puntaje_maximo),
        fecha_conocida=rows.primera_toma.date(),
    )
    rows = rows.mutate(presente_flag=terms.flag(rows.asistencia_pct >= _ENOUGH))
    return lms.facts(rows, lms_roles, bridge_lms_persona, params).select(
        "source_db", "persona_id", "lms_db", "sesion_id", "curso_id", "fecha_sesion", "asistencia_pct", "presente_flag",
        "anio_academico", "fecha_conocida", "anio_evento",
    )  # fmt: skip
