"""Every model keeps the laws, on universities drawn from the contracts of what it reads."""

from __future__ import annotations

import functools

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from padm_ibis.gold import GOLD
from padm_ibis.model import model_of
from padm_ibis.silver import SILVER
from padm_ibis.testing import laws, prepare, strategies

POPULATION = {
    "mart_alumnos_en_riesgo": ("puesto_en_carrera",),
}
MODELS = [*SILVER, *GOLD]


@functools.cache
def prepared(function):
    return prepare(function)


@functools.cache
def universities(function):
    run = prepared(function)
    return strategies.tables(run.inputs, only=run.reads)


def named(function):
    return model_of(function).name


@pytest.mark.parametrize("function", MODELS, ids=named)
def test_it_keeps_the_laws(function, examples):
    run = prepared(function)

    @settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck), database=None, print_blob=True)
    @given(universities(function), st.integers(0, 9), st.sampled_from(strategies.CAMPUSES), st.integers(1, 6))
    def holds(tables, seed, campus, back):
        year = run.params.as_of_year - back
        note(f"seed {seed}, campus {campus}, year {year}")
        laws.check(run, tables, seed=seed, campus=campus, year=year, population=POPULATION.get(run.model.name, ()))

    holds()
