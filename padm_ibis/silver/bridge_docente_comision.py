"""Which teachers a comisión has."""

from __future__ import annotations

import ibis.expr.types as ir

from padm_ibis.checks.silver import BridgeDocenteComision
from padm_ibis.define.model import model
from padm_ibis.words import terms


@model(BridgeDocenteComision)
def bridge_docente_comision(docentes_comision: ir.Table) -> ir.Table:
    """Teachers of comisiones, one row per docente_hash and comision_id of a source: that of the lowest docente."""
    pairs = docentes_comision.rename(comision_id="comision", elemento_id="elemento")
    pairs = pairs.filter(pairs.docente_hash.notnull(), pairs.comision_id.notnull())
    chosen = terms.one_per(pairs, ["source_db", "docente_hash", "comision_id"], [terms.first(pairs.docente)])
    return chosen.select("source_db", "docente_hash", "comision_id", "elemento_id", "anio_academico")
