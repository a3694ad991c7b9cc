"""A statement that is filled in is, to the letter, the one that would be written."""

from __future__ import annotations

from dataclasses import replace

import ibis
import pytest

from padm_ibis.audit.template import Templates, other_literals
from padm_ibis.define.compile import sql
from padm_ibis.testing.run_model import DEFAULT_PARAMS

TABLE = ibis.table({"a": "int64", "d": "date", "t": "string"}, name="t")
YEARS = (2013, 2014, 2015, 2019, 2023)


@pytest.mark.parametrize("dialect", ["duckdb", "postgres"])
def test_every_model_as_of_every_year(graph, dialect):
    templates = Templates(dialect)
    for year in YEARS:
        params = replace(DEFAULT_PARAMS, as_of=DEFAULT_PARAMS.cutoff(year))
        for model in graph:
            if model.layer != "bronze":
                expression = graph.bind(model, params)
                assert templates.sql(model.name, expression) == sql(expression, dialect, pretty=False), (model.name, year)


@pytest.fixture
def written(monkeypatch):
    """Counts how many statements were written out."""
    calls = []
    monkeypatch.setattr("padm_ibis.audit.template.sql", lambda e, *a, **k: calls.append(e) or sql(e, *a, **k))
    return calls


def statements(make, values, written):
    templates = Templates("duckdb")
    found = [templates.sql("x", make(value)) for value in values]
    assert found == [sql(make(value), pretty=False) for value in values]
    return len(written)


def test_the_first_is_written_twice_and_the_others_are_filled_in(written):
    assert statements(lambda n: TABLE.filter((TABLE.a > n) & (TABLE.a < n + 5)), (2010, 2011, 2012, 2013), written) == 2


def test_a_literal_that_stands_for_two_things_is_not_guessed(written):
    make = lambda n: TABLE.filter((TABLE.a > n) & (TABLE.a != 2010))  # noqa: E731
    assert statements(make, (2010, 2011, 2012, 2013), written) == 3  # at 2010 both are one; from 2011 on they are told apart


def test_another_form_is_written_out(written):
    make = lambda n: TABLE.filter(TABLE.a > n) if n < 2012 else TABLE.filter(TABLE.a >= n)  # noqa: E731
    assert statements(make, (2010, 2012), written) == 2


def test_a_text_that_changes_is_written_out(written):
    assert statements(lambda n: TABLE.filter(TABLE.t == f"{n}"), (2010, 2011, 2012), written) == 3


def test_what_differs_is_found_place_by_place():
    one, other = (TABLE.mutate(b=TABLE.a + n, c=ibis.literal(7)).op() for n in (1, 2))
    values = other_literals(one, other)
    assert {(old.value, new.value) for old, new in values.items()} == {(1, 2), (7, 7)}
    assert other_literals(one, TABLE.op()) is None
