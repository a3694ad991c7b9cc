"""Students who are still there, by their risk: what an adviser opens on Monday."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from padm_ibis.checks.gold import MartAlumnosEnRiesgo
from padm_ibis.define.model import model
from padm_ibis.params import Params
from padm_ibis.words import terms, yearly


@model(MartAlumnosEnRiesgo)
def mart_alumnos_en_riesgo(
    mart_student_risk_features: ir.Table,
    gold_tft_temporal_features: ir.Table,
    fact_dropout: ir.Table,
    fact_egreso: ir.Table,
    params: Params,
) -> ir.Table:
    """Open series in the last closed year, one row per alumno_id of a source."""
    is_open = yearly.open_series(gold_tft_temporal_features, fact_dropout, fact_egreso, params)
    idle = is_open.select(*yearly.STUDENT, "anio_academico", "anios_inactivo_consecutivos")
    key = [*yearly.STUDENT, "anio_academico"]
    risks = mart_student_risk_features.join(idle, key)
    by_score = ibis.window(group_by=[risks.source_db, risks.propuesta_id], order_by=terms.last(risks.risk_score_heuristic))
    return risks.select(
        *key,
        "persona_id",
        "propuesta_id",
        "risk_score_heuristic",
        "riesgo_academico",
        "riesgo_asistencia",
        "riesgo_no_reinscripcion",
        "riesgo_trabajo_excesivo",
        "tasa_aprobacion",
        "promedio_asistencia",
        "anios_inactivo_consecutivos",
        puesto_en_carrera=(ibis.rank().over(by_score) + 1).cast("int64"),
    )
