"""Features of a student that do not change with the years."""

from __future__ import annotations

import ibis.expr.types as ir

from padm_ibis.checks.tft import GoldTftStaticFeatures
from padm_ibis.define.model import model
from padm_ibis.params import Params
from padm_ibis.words import yearly


@model(GoldTftStaticFeatures)
def gold_tft_static_features(
    dim_student: ir.Table, dim_persona: ir.Table, dim_ubicacion: ir.Table, dim_census: ir.Table, params: Params
) -> ir.Table:
    """Students with what is constant about them and the census at their entry, one row per alumno_id."""
    people = dim_persona.select(
        "source_db", "persona_id", "sexo", "nacionalidad", "nacionalidad_desc", "localidad_nacimiento",
        "localidad_nacimiento_desc", anio_nacimiento=dim_persona.fecha_nacimiento.year().cast("int64"),
    )  # fmt: skip
    places = dim_ubicacion.select(
        "source_db", "ubicacion_id", sede_nombre="see_nombre", sede_localidad="see_localidad", sede_departamento="see_dpto",
        sede_provincia="see_provincia", sede_codigo_postal="see_codigo_postal",
    )  # fmt: skip
    students = dim_student.drop("sede_provincia")
    described = students.left_join(people, ["source_db", "persona_id"], rname="{name}_persona").left_join(
        places, ["source_db", "ubicacion_id"], rname="{name}_ubicacion"
    )
    surveyed = yearly.census_in_force(described, dim_census, "anio_ingreso", params)
    return surveyed.select(
        *yearly.STUDENT,
        "persona_id",
        "propuesta_id",
        "propuesta_nombre",
        "plan_version_id",
        "ubicacion_id",
        "modalidad",
        "tipo_ingreso",
        "anio_ingreso",
        "fecha_ingreso",
        "sexo",
        "anio_nacimiento",
        "nacionalidad",
        "nacionalidad_desc",
        "localidad_nacimiento",
        "localidad_nacimiento_desc",
        "sede_nombre",
        "sede_localidad",
        "sede_departamento",
        "sede_provincia",
        "sede_codigo_postal",
        surveyed.fecha_relevamiento.name("fecha_censo"),
        *yearly.survey_columns(dim_census, params),
    )
