"""Surveys: every one that was answered, not only the last."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from padm_ibis.checks.silver import DimCensus
from padm_ibis.define.model import model
from padm_ibis.params import Params
from padm_ibis.words import terms

_RENAMED = {
    "persona_id": "persona",
    "fecha_relevamiento": "fecha",
    "residencia_localidad": "periodo_lectivo_localidad",
    "residencia_localidad_desc": "periodo_lectivo_localidad_desc",
    "residencia_departamento": "periodo_lectivo_departamento",
    "residencia_departamento_desc": "periodo_lectivo_departamento_desc",
    "residencia_codigo_postal": "periodo_lectivo_codigo_postal",
    "origen_localidad": "procedencia_localidad",
    "origen_localidad_desc": "procedencia_localidad_desc",
    "origen_departamento": "procedencia_departamento",
    "origen_departamento_desc": "procedencia_departamento_desc",
    "origen_codigo_postal": "procedencia_codigo_postal",
    "nivel_estudio_previo": "nivel_estudio",
    "nivel_estudio_previo_desc": "nivel_estudio_desc",
    "institucion_previa_id": "institucion",
    "institucion_previa_desc": "institucion_desc",
    "colegio_secundario_id": "colegio",
    "colegio_secundario_desc": "colegio_desc",
}


@model(DimCensus)
def dim_census(census: ir.Table, params: Params) -> ir.Table:
    """Surveys known at as_of, one row per persona_id and fecha_relevamiento of a source."""
    answers = DimCensus.types()
    surveys = _one_a_day(census.rename(_RENAMED), params)
    flags = [name for name, kind in answers.items() if kind.is_boolean() and name in census.columns]
    surveys = surveys.mutate(trabajo_existe=_code(surveys.trabajo_existe), **{name: terms.si_no(surveys[name]) for name in flags})
    return surveys.select(*answers)


def _one_a_day(surveys: ir.Table, params: Params) -> ir.Table:
    """Dated surveys up to as_of, of a day's the one with the highest dato_censal; ``es_ultimo`` marks each person's latest."""
    surveys = surveys.mutate(fecha_relevamiento=surveys.fecha_relevamiento.cast("date"))
    surveys = surveys.filter(surveys.persona_id.notnull(), surveys.fecha_relevamiento <= ibis.literal(params.as_of))
    days = surveys.group_by("source_db", "persona_id", "fecha_relevamiento").agg(dato_censal=surveys.dato_censal.max())
    latest_first = ibis.window(group_by=["source_db", "persona_id"], order_by=terms.last(days.fecha_relevamiento))
    days = days.mutate(es_ultimo=ibis.row_number().over(latest_first) == 0)
    return days.inner_join(surveys, ["source_db", "persona_id", "fecha_relevamiento", "dato_censal"])


def _code(trabajo_existe: ir.StringValue) -> ir.StringColumn:
    """The code as it is, but ``true`` and ``false`` as ``S`` and ``N``."""
    code = trabajo_existe.strip()
    return ibis.cases((code == "true", "S"), (code == "false", "N"), else_=trabajo_existe)
