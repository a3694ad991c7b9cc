"""Yearly re-enrolments."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from padm_ibis.checks.silver import FactReinscription
from padm_ibis.define.model import model
from padm_ibis.params import Params
from padm_ibis.words import terms


@model(FactReinscription)
def fact_reinscription(reinscripciones: ir.Table, params: Params) -> ir.Table:
    """Re-enrolments known at as_of, one row per alumno_id, anio_academico and nro_transaccion of a source."""
    rows = reinscripciones.rename(alumno_id="alumno")
    known_on = terms.plausible_date(rows.fecha_reinscripcion.date(), params)
    rows = rows.mutate(
        anio_academico=terms.plausible_year(rows.anio_academico).coalesce(terms.academic_year(known_on, params)),
        fecha_conocida=known_on,
        reinscription_count=ibis.literal(1, "int64"),
    )
    return _one_a_transaction(terms.known(rows, params)).select(
        "source_db",
        "alumno_id",
        "anio_academico",
        "nro_transaccion",
        "reinscription_count",
        "fecha_reinscripcion",
        "fecha_conocida",
        "anio_evento",
    )


def _one_a_transaction(facts: ir.Table) -> ir.Table:
    """One row a key: a year taken from the date may meet the same transaction with its year recorded.

    What was known first stays, so that a later row never changes the past.
    """
    order = [terms.first(facts.anio_evento), terms.first(facts.fecha_reinscripcion)]
    return terms.one_per(facts, ["source_db", "alumno_id", "anio_academico", "nro_transaccion"], order)
