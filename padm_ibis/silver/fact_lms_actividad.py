"""Days of learners on the learning platforms."""

from __future__ import annotations

import ibis.expr.types as ir

from padm_ibis.checks.silver_lms import FactLmsActividad
from padm_ibis.define.model import model
from padm_ibis.params import Params
from padm_ibis.words import lms

SEVERAL = {"fan-out bridge_lms_persona": "a user may be a person of several sources, each of which has the row"}


@model(FactLmsActividad, allow=SEVERAL)
def fact_lms_actividad(lms_actividad: ir.Table, lms_roles: ir.Table, bridge_lms_persona: ir.Table, params: Params) -> ir.Table:
    """Days of linked learners, one row per persona_id, lms_db, curso_id and fecha of a source."""
    rows = lms.of_platform(lms_actividad).rename(curso_id="curso")
    rows = lms.facts(rows.mutate(fecha_conocida=rows.fecha), lms_roles, bridge_lms_persona, params)
    return rows.select(
        "source_db", "persona_id", "lms_db", "curso_id", "fecha", "eventos", "participaciones", "escrituras", "horas_activas",
        "entregas", "anio_academico", "fecha_conocida", "anio_evento",
    )  # fmt: skip
