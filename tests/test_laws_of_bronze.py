"""Bronze keeps the laws that do not depend on what a source holds, on drawn tables of a source."""

from __future__ import annotations

import functools

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from padm_ibis.bronze import BRONZE
from padm_ibis.define.model import model_of
from padm_ibis.sources.guarani import TABLES
from padm_ibis.testing import laws, prepare, strategies

MODELS = {model_of(f).name: f for f in BRONZE}
NO_KEY_AT_THE_SOURCE = (
    "elementos", "instancias", "attendance", "historia_academica", "reinscripciones", "alumnos_hist_calidad", "egresos",
)  # fmt: skip
"""What these read may hold a key twice, at the source: rows are checked as they arrive, not here."""


@functools.cache
def prepared(name):
    return prepare(MODELS[name])


def try_law(name, law, how_many, **options):
    run = prepared(name)
    sources = {table: TABLES[table] for table in run.inputs}
    keys = {table: source.key for table, source in sources.items()}

    @settings(
        max_examples=how_many, deadline=None, database=None, suppress_health_check=list(HealthCheck), print_blob=True, **options
    )
    @given(strategies.source_tables(sources, keys=keys))
    def holds(tables):
        law(run, tables)

    holds()


def key(run):
    """A source's rows get their source_db from the loader."""
    return [name for name in run.model.grain if name != "source_db"]


def key_is_unique(run, tables):
    laws.key_is_unique(run(tables), key(run))


def order_and_joins(run, tables):
    laws.left_joins_keep_their_rows(run, tables)
    rows, others = (sorted(map(repr, run(t).to_pylist())) for t in (tables, laws.shuffled(tables, 1)))
    assert rows == others


@pytest.mark.parametrize("name", MODELS)
def test_its_joins_keep_their_rows_in_any_order(name):
    try_law(name, order_and_joins, 25, derandomize=True)


@pytest.mark.parametrize("name", MODELS)
def test_its_key_is_unique_where_those_of_the_source_are(name):
    if name not in NO_KEY_AT_THE_SOURCE:
        try_law(name, key_is_unique, 25, derandomize=True)
        return
    with pytest.raises(laws.LawBroken, match="the key is not unique"):
        try_law(name, key_is_unique, 200, derandomize=True, phases=[Phase.generate])


@pytest.mark.campaign
@pytest.mark.parametrize("name", MODELS)
def test_it_keeps_the_laws_in_the_long_run(name, request):
    if not request.config.getoption("--campaign"):
        pytest.skip("long; with --campaign")
    try_law(name, order_and_joins, 1000)
    if name not in NO_KEY_AT_THE_SOURCE:
        try_law(name, key_is_unique, 1000)
