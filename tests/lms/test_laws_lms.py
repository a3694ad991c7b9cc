"""What a learning platform brings keeps every law, on drawn platforms; and DuckDB and PostgreSQL agree on them."""

from __future__ import annotations

import datetime
import functools

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from padm_ibis.define.lint import lint_graph
from padm_ibis.define.model import model_of
from padm_ibis.definitions import collect
from padm_ibis.params import Lms, Params
from padm_ibis.silver import LMS
from padm_ibis.testing import laws, prepare, strategies

MODELS = {model_of(f).name: f for f in LMS}
CODED = Lms("campus", ("sede1", "sede2"), teaching_roles=("ayudante",), course_code="^([a-z])")
PARAMS = Params(as_of=datetime.date(2025, 2, 28), lms=(CODED,))
VALUES = {
    "lms_entregas.estado": st.sampled_from(["new", "submitted"]),
    "lms_intentos.estado": st.sampled_from(["inprogress", "finished"]),
}


@functools.cache
def graph():
    return collect(kinds=("guarani", "moodle"))


@functools.cache
def prepared(name):
    return prepare(MODELS[name], params=PARAMS, graph=graph(), given="bronze")


def try_laws(name, how_many, **options):
    run = prepared(name)
    draw = functools.partial(strategies.tables, run.inputs, only=run.reads, params=PARAMS, values=VALUES)

    @settings(
        max_examples=how_many, deadline=None, database=None, suppress_health_check=list(HealthCheck), print_blob=True, **options
    )
    @given(draw() | draw(min_rows=4, max_rows=12), st.integers(0, 9), st.sampled_from(strategies.CAMPUSES))
    def holds(tables, seed, campus):
        laws.check(run, tables, seed=seed, campus=campus)

    holds()


@pytest.mark.parametrize("name", MODELS)
def test_it_keeps_the_laws(name):
    try_laws(name, 10, derandomize=True)


@pytest.mark.campaign
@pytest.mark.parametrize("name", MODELS)
def test_it_keeps_the_laws_in_the_long_run(name, request):
    if not request.config.getoption("--campaign"):
        pytest.skip("long; with --campaign")
    try_laws(name, 1000)


def test_it_keeps_the_definition_time_rules_whatever_is_configured():
    for platforms in ((), (CODED,), (Lms("campus", ("sede1",)), Lms("otro", (), links=("email:email",)))):
        found = lint_graph(graph(), Params(as_of=datetime.date(2025, 2, 28), lms=platforms), [*MODELS])
        assert [str(finding) for finding in found] == []
