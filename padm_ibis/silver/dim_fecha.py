"""Calendar."""

from __future__ import annotations

from datetime import datetime

import ibis
import ibis.expr.types as ir

from padm_ibis.checks.silver import DimFecha
from padm_ibis.define.model import model
from padm_ibis.params import Params
from padm_ibis.words import terms

_DIAS = ("lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo")
_MESES = (
    "enero", "febrero", "marzo", "abril", "mayo", "junio",
    "julio", "agosto", "septiembre", "octubre", "noviembre", "diciembre",
)  # fmt: skip
_YEARS_AHEAD = 5


@model(DimFecha, allow={"grain fecha": "the range holds midnights, one a day, so their dates are distinct"})
def dim_fecha(dim_periodo: ir.Table, params: Params) -> ir.Table:
    """Calendar days, one row per fecha, from the first year of dim_periodo to five years after as_of's."""
    days = _days(dim_periodo, params)
    fecha = days.fecha
    weekday = fecha.day_of_week.index().cast("int64") + 1
    months_in = (fecha.month() + 12 - params.academic_year_start_month) % 12
    days = days.mutate(
        anio=fecha.year().cast("int64"),
        mes=fecha.month().cast("int64"),
        dia=fecha.day().cast("int64"),
        trimestre=fecha.quarter().cast("int64"),
        semana=fecha.week_of_year().cast("int64"),
        dia_semana=weekday,
        dia_nombre=_name(weekday, _DIAS),
        mes_nombre=_name(fecha.month(), _MESES),
        anio_academico=terms.academic_year(fecha, params),
        cuatrimestre=(months_in < 5).ifelse(1, 2).cast("int64"),
        es_fin_semana=weekday >= 6,
        es_primer_dia_mes=fecha.day() == 1,
        es_ultimo_dia_mes=(fecha + ibis.interval(days=1)).cast("date").day() == 1,
    )
    return days.select(
        "fecha",
        "anio",
        "mes",
        "dia",
        "trimestre",
        "semana",
        "dia_semana",
        "dia_nombre",
        "mes_nombre",
        "anio_academico",
        "cuatrimestre",
        "es_fin_semana",
        "es_primer_dia_mes",
        "es_ultimo_dia_mes",
    )


def _days(dim_periodo: ir.Table, params: Params) -> ir.Table:
    """Every day of the calendar."""
    start = ibis.literal(datetime(terms.FIRST_PLAUSIBLE_YEAR, 1, 1))
    end = ibis.literal(datetime(params.as_of_year + _YEARS_AHEAD + 1, 1, 1))
    instants = ibis.range(start, end, ibis.interval(days=1)).unnest().name("instante").as_table()
    days = instants.select(fecha=instants.instante.cast("date"))
    spine = days.cross_join(dim_periodo.agg(_first=dim_periodo.anio_academico.min()))
    return spine.filter(spine.fecha.year() >= spine._first)


def _name(number: ir.IntegerValue, names: tuple[str, ...]) -> ir.StringColumn:
    """The name of a weekday or month by its number from 1."""
    return ibis.cases(*((number == n, name) for n, name in enumerate(names, 1)))
