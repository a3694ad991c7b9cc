"""Losses of regularity."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from padm_ibis.checks.silver import FactDropout
from padm_ibis.define.model import model
from padm_ibis.params import Params
from padm_ibis.words import terms


@model(FactDropout)
def fact_dropout(dropout: ir.Table, params: Params) -> ir.Table:
    """Losses of regularity known at as_of, one row per perdida_regularidad_id of a source."""
    rows = dropout.rename(perdida_regularidad_id="perdida_regularidad", alumno_id="alumno")
    known_on = terms.plausible_date(rows.fecha_dropout, params)
    rows = rows.mutate(
        anio_academico=terms.plausible_year(rows.anio_academico).coalesce(terms.academic_year(known_on, params)),
        fecha_conocida=known_on,
        dropout_flag=ibis.literal(1, "int64"),
    )
    return terms.known(rows, params).select(
        "source_db",
        "perdida_regularidad_id",
        "alumno_id",
        "dropout_flag",
        "fecha_dropout",
        "fecha_control_desde",
        "fecha_control_hasta",
        "anio_academico",
        "fecha_conocida",
        "anio_evento",
    )
