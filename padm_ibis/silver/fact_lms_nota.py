"""Grades of the learning platforms, in every version."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from padm_ibis.checks.silver_lms import FactLmsNota
from padm_ibis.define.model import model
from padm_ibis.params import Params
from padm_ibis.words import lms, terms

SEVERAL = {"fan-out bridge_lms_persona": "a user may be a person of several sources, each of which has the row"}


@model(FactLmsNota, allow=SEVERAL)
def fact_lms_nota(lms_notas: ir.Table, lms_roles: ir.Table, bridge_lms_persona: ir.Table, params: Params) -> ir.Table:
    """Versions of grades of linked learners, one row per persona_id, lms_db, item_id and version of a source."""
    rows = lms.of_platform(lms_notas).rename(item_id="item", curso_id="curso")
    rows = rows.filter(rows.modificada.notnull())
    of_one = ibis.window(group_by=["lms_db", "item_id", "usuario_id"], order_by=[terms.first(rows.modificada)])
    share = lms.percent(rows.nota - rows.minimo, rows.maximo - rows.minimo)
    rows = rows.mutate(
        version=(ibis.row_number().over(of_one) + 1).cast("int64"),
        nota_pct=share.clip(lower=0.0, upper=100.0),
        fecha_conocida=rows.modificada.date(),
    )
    return lms.facts(rows, lms_roles, bridge_lms_persona, params).select(
        "source_db", "persona_id", "lms_db", "item_id", "version", "curso_id", "tipo_item", "nota_pct", "anio_academico",
        "fecha_conocida", "anio_evento",
    )  # fmt: skip
