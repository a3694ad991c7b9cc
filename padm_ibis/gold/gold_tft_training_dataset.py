"""Everything that a Temporal Fusion Transformer is trained on, one table without nulls."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from padm_ibis import terms, yearly
from padm_ibis.checks.tft import GoldTftTrainingDataset
from padm_ibis.model import model
from padm_ibis.params import Params
from padm_ibis.yearly import STUDENT

YEAR = "anio_academico"
KEY = [*STUDENT, YEAR]
SERIE = [*STUDENT, "episodio"]
UNKNOWN = "desconocido"
FALTANTE = "_faltante"


@model(GoldTftTrainingDataset, point_in_time=True)
def gold_tft_training_dataset(
    gold_tft_temporal_features: ir.Table,
    gold_tft_static_features: ir.Table,
    gold_tft_known_future: ir.Table,
    dim_persona: ir.Table,
    dim_census: ir.Table,
    fact_dropout: ir.Table,
    fact_egreso: ir.Table,
    params: Params,
) -> ir.Table:
    """The yearly series with all that a forecast may use, one row per alumno_id and anio_academico of a source."""
    series = gold_tft_temporal_features
    described = _with_constants(series, gold_tft_static_features, dim_persona, params)
    dated = described.left_join(gold_tft_known_future, YEAR, rname="{name}_periodo").drop(f"{YEAR}_periodo")
    surveyed = yearly.census_in_force(dated, dim_census, YEAR, params)
    still_there = yearly.open_series(series, fact_dropout, fact_egreso, params)
    rows = _with_partition(_with_serie(surveyed), still_there)
    return rows.select(**{name: _in_role(rows, name, role) for name, role in GoldTftTrainingDataset.roles(params).items()})


def _with_constants(series: ir.Table, static: ir.Table, persons: ir.Table, params: Params) -> ir.Table:
    """What is constant about the student, without the census at entry, and the age at each cutoff."""
    census_at_entry = static.columns[static.columns.index("fecha_censo") :]
    constants = static.drop(*census_at_entry)
    births = persons.select("source_db", "persona_id", "fecha_nacimiento")
    rows = series.left_join(constants, list(STUDENT), rname="{name}_fijo")
    rows = rows.left_join(births, ["source_db", "persona_id"], rname="{name}_persona")
    age = terms.whole_years(rows.fecha_nacimiento, terms.cutoff(rows.anio_academico, params))
    return rows.mutate(edad_al_anio=age).drop("fecha_nacimiento")


def _with_serie(rows: ir.Table) -> ir.Table:
    """Name, length and last row of the series: one for each episode."""
    ident = [rows[name].cast("string") for name in SERIE]
    serie = ibis.window(group_by=SERIE)
    counted = rows.mutate(
        serie_id=ident[0] + ":" + ident[1] + ":" + ident[2],
        time_idx=rows.time_step,
        sequence_length=rows.count().over(serie),
        ultimo_paso=rows.time_step.max().over(serie),
    )
    return counted.mutate(is_last_observation=terms.flag(counted.time_step == counted.ultimo_paso))


def _with_partition(rows: ir.Table, still_there: ir.Table) -> ir.Table:
    """What each row is for: the newest labelled years, over all sources, test what the older ones train."""
    labelled = rows.filter(rows.dropout_next_year.notnull()).select(YEAR).distinct()
    newest = ibis.window(order_by=terms.last(labelled.anio_academico))
    years = labelled.mutate(antiguedad=ibis.row_number().over(newest))
    to_predict = still_there.select(*KEY, abierta=ibis.literal(1, "int64"))
    marked = rows.left_join(years, YEAR, rname="{name}_etiqueta").left_join(to_predict, KEY, rname="{name}_abierta")
    unlabelled = marked.dropout_next_year.isnull()
    return marked.mutate(
        particion=ibis.cases(
            (unlabelled & marked.abierta.notnull(), "score"),
            (unlabelled, "sin_etiqueta"),
            (marked.antiguedad == 0, "test"),
            (marked.antiguedad == 1, "validation"),
            else_="train",
        )
    )


def _in_role(rows: ir.Table, name: str, role: str) -> ir.Value:
    """A column as its role wants it: a number without nulls, a category as text, or as it is."""
    if name.endswith(FALTANTE):
        return terms.flag(rows[name.removesuffix(FALTANTE)].isnull())
    value = rows[name]
    if role.endswith("_real"):
        return value.fill_null(0)
    return _category(value) if role.endswith("_categorical") else value


def _category(value: ir.Value) -> ir.StringColumn:
    text = value.ifelse("true", "false") if value.type().is_boolean() else value.cast("string")
    return ibis.cases((value.isnull(), UNKNOWN), else_=text)
