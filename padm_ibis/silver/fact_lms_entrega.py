"""What learners handed in on the learning platforms."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from padm_ibis.checks.silver_lms import FactLmsEntrega
from padm_ibis.define.model import model
from padm_ibis.params import Params
from padm_ibis.words import lms, terms

FINISHED = "finished"
ALLOWED = {
    "fan-out bridge_lms_persona": "a user may be a person of several sources, each of which has the row",
    "grain": "submissions and attempts are numbered apart, by what their numbers begin with",
}


@model(FactLmsEntrega, allow=ALLOWED)
def fact_lms_entrega(
    lms_entregas: ir.Table,
    lms_tareas: ir.Table,
    lms_intentos: ir.Table,
    lms_cuestionarios: ir.Table,
    lms_roles: ir.Table,
    bridge_lms_persona: ir.Table,
    params: Params,
) -> ir.Table:
    """Deliveries of linked learners, one row per persona_id, lms_db and entrega_id of a source."""
    both = ibis.union(_submissions(lms_entregas, lms_tareas), _attempts(lms_intentos, lms_cuestionarios))
    both = both.mutate(
        a_tiempo_flag=terms.flag(both.vence.isnull() | (both.entregada_en <= both.vence)),
        fecha_conocida=both.entregada_en.date(),
    )
    return lms.facts(both, lms_roles, bridge_lms_persona, params).select(
        "source_db", "persona_id", "lms_db", "entrega_id", "curso_id", "actividad_id", "intento", "entregada_en", "vence",
        "a_tiempo_flag", "puntaje_pct", "anio_academico", "fecha_conocida", "anio_evento",
    )  # fmt: skip


def _submissions(entregas: ir.Table, tareas: ir.Table) -> ir.Table:
    rows = lms.of_platform(entregas.filter(entregas.primera_entrega.notnull()))
    tareas = tareas.select(_lms_db="source_db", _tarea="tarea", curso_id="curso", vence="vence")
    rows = rows.join(tareas, [("lms_db", "_lms_db"), ("tarea", "_tarea")])
    return rows.select(
        "lms_db", "usuario_id", "curso_id", "intento", "vence", entregada_en="primera_entrega",
        entrega_id=lms.activity_id(lms.TAREA, rows.entrega), actividad_id=lms.activity_id(lms.TAREA, rows.tarea),
        puntaje_pct=ibis.null("float64"),
    )  # fmt: skip


def _attempts(intentos: ir.Table, cuestionarios: ir.Table) -> ir.Table:
    rows = lms.of_platform(intentos.filter(intentos.estado == FINISHED, intentos.fin.notnull()))
    quizzes = cuestionarios.select(
        _lms_db="source_db", _cuestionario="cuestionario", curso_id="curso", vence="cierra", puntaje_maximo="puntaje_maximo"
    )
    rows = rows.join(quizzes, [("lms_db", "_lms_db"), ("cuestionario", "_cuestionario")])
    return rows.select(
        "lms_db", "usuario_id", "curso_id", "intento", "vence", entregada_en="fin",
        entrega_id=lms.activity_id(lms.CUESTIONARIO, rows.intento_id),
        actividad_id=lms.activity_id(lms.CUESTIONARIO, rows.cuestionario),
        puntaje_pct=lms.percent(rows.puntaje, rows.puntaje_maximo),
    )  # fmt: skip
