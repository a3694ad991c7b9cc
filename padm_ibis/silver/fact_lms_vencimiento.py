"""What learners were expected to hand in on the learning platforms."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from padm_ibis.checks.silver_lms import FactLmsVencimiento
from padm_ibis.define.model import model
from padm_ibis.params import Params
from padm_ibis.words import lms, terms


@model(
    FactLmsVencimiento,
    allow={
        "fan-out lms_tareas+lms_cuestionarios": "a course has many activities, each of which is expected of its learners",
        "grain": "an activity is of one course, and assignments and quizzes are numbered apart",
    },
)
def fact_lms_vencimiento(
    lms_tareas: ir.Table,
    lms_cuestionarios: ir.Table,
    lms_roles: ir.Table,
    bridge_lms_persona: ir.Table,
    fact_lms_actividad: ir.Table,
    fact_lms_entrega: ir.Table,
    params: Params,
) -> ir.Table:
    """Due dates of linked learners, one row per persona_id, lms_db and actividad_id of a source."""
    who = ["source_db", "persona_id", "lms_db"]
    began = fact_lms_actividad.group_by(*who, "curso_id").agg(desde=fact_lms_actividad.fecha.min())
    users = bridge_lms_persona.select(*who, "usuario_id")
    rows = began.join(users, who).join(_due(lms_tareas, lms_cuestionarios), ["lms_db", "curso_id"])
    rows = lms.known(rows.filter(rows.desde <= rows.fecha_conocida), params)
    handed_in = fact_lms_entrega.group_by(*who, "actividad_id").agg(entregada_en=fact_lms_entrega.entregada_en.min())
    rows = lms.learners(rows, lms_roles, params).left_join(handed_in, [*who, "actividad_id"])
    rows = rows.mutate(entregada_flag=terms.flag(rows.entregada_en <= rows.vence))
    return lms.dated(rows, params).select(
        *who, "actividad_id", "curso_id", "vence", "entregada_flag", "anio_academico", "fecha_conocida", "anio_evento"
    )


def _due(tareas: ir.Table, cuestionarios: ir.Table) -> ir.Table:
    """Activities with a due date, one row per lms_db and actividad_id."""
    both = ibis.union(
        tareas.select(lms_db="source_db", curso_id="curso", actividad_id=lms.activity_id(lms.TAREA, tareas.tarea), vence="vence"),
        cuestionarios.select(
            lms_db="source_db", curso_id="curso", actividad_id=lms.activity_id(lms.CUESTIONARIO, cuestionarios.cuestionario),
            vence="cierra",
        ),
    )  # fmt: skip
    both = both.filter(both.vence.notnull())
    return both.mutate(fecha_conocida=both.vence.date())
