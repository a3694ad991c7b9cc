"""Persons, without direct identifiers."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from padm_ibis.checks.silver import DimPersona
from padm_ibis.define.model import model
from padm_ibis.params import Params
from padm_ibis.words import terms


@model(DimPersona)
def dim_persona(personas: ir.Table, params: Params) -> ir.Table:
    """Persons, one row per persona_id of a source, their age as at as_of."""
    people = personas.filter(personas.persona.notnull()).rename(persona_id="persona")
    people = people.mutate(
        edad_actual=terms.whole_years(people.fecha_nacimiento, ibis.literal(params.as_of)),
        sexo=people.sexo.isin(terms.SEXOS).ifelse(people.sexo, ibis.null("string")),
    )
    return people.select(
        "source_db",
        "persona_id",
        "fecha_nacimiento",
        "edad_actual",
        "sexo",
        "localidad_nacimiento",
        "localidad_nacimiento_desc",
        "nacionalidad",
        "nacionalidad_desc",
        "documento_hash",
        "usuario_hash",
        "email_hash",
    )
