"""Instances in which a subject is examined or credited."""

from __future__ import annotations

import ibis.expr.types as ir

from padm_ibis.checks.silver import DimInstancia
from padm_ibis.define.model import model


@model(DimInstancia)
def dim_instancia(instancias: ir.Table) -> ir.Table:
    """Instances, one row per instancia_id of a source."""
    known = instancias.filter(instancias.instancia.notnull()).rename(instancia_id="instancia")
    return known.select("source_db", "instancia_id", "instancia_nombre")
