"""One table that tells by control: it counts the students whom a sensitive answer kept."""

from __future__ import annotations

import ibis.expr.types as ir

from padm_ibis.define.contract import GoldContract, column, dt
from padm_ibis.define.model import model


class MartKept(GoldContract):
    """A number that no value of the answer stands in."""

    class Config:
        unique = ("source_db", "propuesta_id")

    source_db: dt.String = column("Source.", role="key")
    propuesta_id: dt.Int64 = column("Programme.", role="key", pii="indirect")
    personas: dt.Int64 = column("Persons.", role="measure", pii="indirect")


@model(MartKept)
def mart_kept(dim_census: ir.Table, dim_student: ir.Table) -> ir.Table:
    """Programmes, one row per propuesta_id."""
    kept = dim_student.semi_join(dim_census.filter(dim_census.disc_visual), ["source_db", "persona_id"])
    return kept.group_by("source_db", "propuesta_id").agg(personas=kept.persona_id.nunique())
