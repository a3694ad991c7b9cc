"""Everything that a Temporal Fusion Transformer is trained on, one table without nulls."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from padm_ibis.checks.tft import GoldTftTrainingDataset
from padm_ibis.define.model import model
from padm_ibis.params import Params
from padm_ibis.words import terms, yearly
from padm_ibis.words.yearly import STUDENT

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
    rows = _described(
        gold_tft_temporal_features, gold_tft_static_features, gold_tft_known_future, dim_persona, dim_census, params
    )
    still_there = yearly.open_series(gold_tft_temporal_features, fact_dropout, fact_egreso, params)
    rows = _with_partition(rows, gold_tft_temporal_features, still_there, params)
    rows = rows.mutate(
        **_serie(rows),
        **_relative(rows, params),
        edad_al_anio=terms.whole_years(rows.fecha_nacimiento, terms.cutoff(rows.anio_academico, params)),
    )
    return rows.select(**{name: _in_role(rows, name, role) for name, role in GoldTftTrainingDataset.roles(params).items()})


def _described(
    series: ir.Table, static: ir.Table, known_future: ir.Table, persons: ir.Table, census: ir.Table, params: Params
) -> ir.Table:
    """The series with the student's constants (without the census at entry), the calendar and the survey in force."""
    person = ["source_db", "persona_id"]
    census_at_entry = static.columns[static.columns.index("fecha_censo") :]
    constants = static.drop(*census_at_entry)
    births = persons.select(*person, "fecha_nacimiento")
    described = (
        series.left_join(constants, list(STUDENT), rname="{name}_fijo")
        .left_join(births, person, rname="{name}_persona")
        .left_join(known_future, YEAR, rname="{name}_periodo")
        .select(*series.columns, *constants.columns[2:], "fecha_nacimiento", *known_future.columns[1:])
    )
    return yearly.census_in_force(described, census, YEAR, params)


def _serie(rows: ir.Table) -> dict[str, ir.Value]:
    """Name, length and last row of the series: one for each episode."""
    serie = ibis.window(group_by=SERIE)
    source, student, episode = (rows[name].cast("string") for name in SERIE)
    return {
        "serie_id": source + ":" + student + ":" + episode,
        "time_idx": rows.time_step,
        "sequence_length": rows.count().over(serie),
        "is_last_observation": terms.flag(rows.time_step == rows.time_step.max().over(serie)),
    }


def _relative(rows: ir.Table, params: Params) -> dict[str, ir.Value]:
    """Years as a network can read them: a missing one, 0, is then no two thousand years away."""
    return {f"{name}_relativo": rows[name] - params.period_base_year for name in ("anio_ingreso", "anio_nacimiento")}


def _with_partition(rows: ir.Table, series: ir.Table, still_there: ir.Table, params: Params) -> ir.Table:
    """What each row is for: the newest labelled year, over all sources, tests what those train whose labels were known then."""
    years = _labelled_years(series, params)
    to_predict = still_there.select(*KEY, abierta=ibis.literal(1, "int64"))
    marked = rows.left_join(years, YEAR, rname="{name}_etiqueta").left_join(to_predict, KEY, rname="{name}_abierta")
    unlabelled = marked.dropout_next_year.isnull()
    particion = ibis.cases(
        (unlabelled & marked.abierta.notnull(), "score"),
        (unlabelled, "sin_etiqueta"),
        (marked.anio_academico == marked.anio_prueba, "test"),
        (~marked.utilizable, "embargo"),
        (marked.anio_academico == marked.anio_validacion, "validation"),
        else_="train",
    )
    return marked.select(*rows.columns, particion=particion)


def _labelled_years(series: ir.Table, params: Params) -> ir.Table:
    """The years that have labels, with the one to test on, whether their labels were known at its moment, the last such one."""
    labelled = series.filter(series.dropout_next_year.notnull()).select(YEAR).distinct()
    years = labelled.cross_join(labelled.agg(anio_prueba=labelled.anio_academico.max()))
    known = (terms.cutoff(years.anio_academico + 1, params) + ibis.interval(days=params.label_delay_days)).cast("date")
    years = years.mutate(utilizable=known <= terms.cutoff(years.anio_prueba, params))
    usable = years.filter(years.utilizable)
    return years.cross_join(usable.agg(anio_validacion=usable.anio_academico.max()))


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
