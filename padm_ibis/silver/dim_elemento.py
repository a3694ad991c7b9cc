"""Subjects."""

from __future__ import annotations

import ibis.expr.types as ir

from padm_ibis.checks.silver import DimElemento
from padm_ibis.define.model import model


@model(DimElemento)
def dim_elemento(elementos: ir.Table) -> ir.Table:
    """Subjects, one row per elemento_id of a source."""
    known = elementos.filter(elementos.elemento.notnull()).rename(elemento_id="elemento")
    return known.select("source_db", "elemento_id", "materia_codigo", "materia_nombre")
