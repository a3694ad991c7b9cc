"""Programmes, as the students' rows name them."""

from __future__ import annotations

import ibis.expr.types as ir

from padm_ibis.checks.silver import DimPropuesta
from padm_ibis.define.model import model
from padm_ibis.words import terms


@model(DimPropuesta)
def dim_propuesta(students: ir.Table) -> ir.Table:
    """Programmes, one row per propuesta_id of a source: that of the lowest alumno."""
    enrolled = students.filter(students.propuesta.notnull()).rename(propuesta_id="propuesta")
    chosen = terms.one_per(enrolled, ["source_db", "propuesta_id"], [terms.first(enrolled.alumno)])
    return chosen.select("source_db", "propuesta_id", "propuesta_nombre", "propuesta_codigo")
