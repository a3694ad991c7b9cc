"""Locations, as the students' rows name them."""

from __future__ import annotations

import ibis.expr.types as ir

from padm_ibis.checks.silver import DimUbicacion
from padm_ibis.define.model import model
from padm_ibis.words import terms


@model(DimUbicacion)
def dim_ubicacion(students: ir.Table) -> ir.Table:
    """Locations, one row per ubicacion_id of a source: that of the lowest alumno."""
    located = students.filter(students.ubicacion.notnull()).rename(ubicacion_id="ubicacion")
    chosen = terms.one_per(located, ["source_db", "ubicacion_id"], [terms.first(located.alumno)])
    return chosen.select(
        "source_db",
        "ubicacion_id",
        "see_nombre",
        "see_calle",
        "see_numero",
        "see_codigo_postal",
        "see_institucion",
        "see_institucion_p",
        "see_localidad",
        "see_dpto",
        "see_provincia",
    )
