"""Institutions (faculties), as the students' rows name them."""

from __future__ import annotations

import ibis.expr.types as ir

from padm_ibis.checks.silver import DimFacultad
from padm_ibis.define.model import model
from padm_ibis.params import Params
from padm_ibis.words import terms


@model(DimFacultad)
def dim_facultad(students: ir.Table, params: Params) -> ir.Table:
    """Institutions, one row per facultad_id of a source: that of the lowest ubicacion, then the lowest alumno."""
    located = students.filter(students.see_institucion_id.notnull()).rename(
        facultad_id="see_institucion_id",
        facultad_nombre="see_institucion",
        universidad_nombre="see_institucion_p",
        sede_provincia="see_provincia",
        ubicacion_sede="see_localidad",
    )
    order = [terms.first(located.ubicacion), terms.first(located.alumno)]
    chosen = terms.one_per(located, ["source_db", "facultad_id"], order)
    chosen = chosen.mutate(tipo_sede=terms.tipo_sede(chosen.see_nombre, chosen.facultad_nombre, params))
    return chosen.select(
        "source_db", "facultad_id", "facultad_nombre", "universidad_nombre", "sede_provincia", "tipo_sede", "ubicacion_sede"
    )
