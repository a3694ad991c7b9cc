"""Students."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from padm_ibis.checks.silver import DimStudent
from padm_ibis.define.model import model
from padm_ibis.params import Params
from padm_ibis.words import terms


@model(DimStudent)
def dim_student(students: ir.Table, params: Params) -> ir.Table:
    """Students, one row per alumno_id of a source, with the place of their own ubicacion."""
    rows = students.filter(students.alumno.notnull()).rename(
        alumno_id="alumno",
        persona_id="persona",
        propuesta_id="propuesta",
        facultad_id="see_institucion_id",
        facultad_nombre="see_institucion",
        universidad_nombre="see_institucion_p",
        ubicacion_sede="see_localidad",
        ubicacion_id="ubicacion",
        sede_provincia="see_provincia",
    )
    entry = rows.fecha_ingreso.cast("date")
    rows = rows.mutate(
        tipo_sede=terms.tipo_sede(rows.see_nombre, rows.facultad_nombre, params),
        es_regular=terms.si_no(rows.regular),
        fecha_ingreso=entry,
        anio_ingreso=terms.plausible_year(terms.academic_year(entry, params)),
        antiguedad_anios=terms.whole_years(entry, ibis.literal(params.as_of)),
    )
    return rows.select(
        "source_db",
        "alumno_id",
        "persona_id",
        "propuesta_id",
        "propuesta_nombre",
        "plan_version_id",
        "plan_version",
        "facultad_id",
        "facultad_nombre",
        "universidad_nombre",
        "tipo_sede",
        "ubicacion_sede",
        "ubicacion_id",
        "sede_provincia",
        "modalidad",
        "es_regular",
        "calidad",
        "fecha_ingreso",
        "tipo_ingreso",
        "tipo_ingreso_desc",
        "anio_ingreso",
        "antiguedad_anios",
    )
