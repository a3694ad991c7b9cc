"""Fingerprints see every value, and nothing else."""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import sys
from dataclasses import replace
from decimal import Decimal

import ibis
import pyarrow as pa
import pytest

from padm_ibis.define import fingerprint
from padm_ibis.testing.run_model import DEFAULT_PARAMS

ROWS = pa.table(
    {
        "i": pa.array([1, 2, None], pa.int64()),
        "f": pa.array([0.1, -7.25, None], pa.float64()),
        "t": pa.array(["a|b", "", None], pa.string()),
        "b": pa.array([True, False, None], pa.bool_()),
        "d": pa.array([dt.date(2020, 2, 29), dt.date(1900, 1, 1), None], pa.date32()),
        "s": pa.array([dt.datetime(2020, 2, 29, 23, 59, 59), dt.datetime(1999, 1, 1), None], pa.timestamp("us")),
        "n": pa.array([Decimal("0.290000"), Decimal("-75.000001"), None], pa.decimal128(18, 6)),
    }
)


def of(table, con=None):
    con = con or ibis.duckdb.connect()
    return fingerprint.of_expression(con, con.create_table("fingerprinted", table, temp=True))


def test_the_order_of_rows_and_the_number_of_threads_do_not_matter():
    many = pa.concat_tables([ROWS] * 5000)
    shuffled = many.take(pa.array(list(range(many.num_rows))[::-1]))
    assert of(many, ibis.duckdb.connect(threads=1)) == of(shuffled, ibis.duckdb.connect(threads=4))


@pytest.mark.parametrize("column", ROWS.column_names)
def test_every_value_matters(column):
    place = ROWS.column_names.index(column)
    swapped = ROWS.set_column(place, ROWS.field(place), ROWS[column].take(pa.array([1, 0, 2])))
    nulled = ROWS.set_column(place, ROWS.field(place), ROWS[column].take(pa.array([0, None, 2])))
    assert len({of(ROWS), of(swapped), of(nulled)}) == 3


def test_a_row_that_occurs_twice_counts_twice():
    once, twice = of(ROWS), of(pa.concat_tables([ROWS, ROWS]))
    assert once.rows == 3
    assert twice.rows == 6
    assert once.fingerprint != twice.fingerprint


def test_the_last_bit_of_a_float_matters():
    one, next_one = pa.table({"f": [0.1]}), pa.table({"f": [0.1 + 2**-56]})
    assert of(one) != of(next_one)


def test_names_and_types_of_columns_matter():
    assert of(pa.table({"a": [1]})) != of(pa.table({"b": [1]}))
    assert of(pa.table({"a": ["1"]})) != of(pa.table({"a": [1]}))


def test_when_a_row_was_read_does_not_matter():
    kept = {"a": [1], "_run_id": ["x"]}
    assert of(pa.table(kept)).fingerprint == of(pa.table({**kept, "_run_id": ["y"]})).fingerprint


@pytest.mark.postgres
def test_postgresql_gives_the_same(postgres):
    table = postgres.create_table("fingerprinted", ROWS, temp=True)
    assert fingerprint.of_expression(postgres, table) == of(ROWS)


CODE = """
import json, sys
from padm_ibis.define import fingerprint
from padm_ibis.definitions import collect
from padm_ibis.testing.run_model import DEFAULT_PARAMS
graph = collect()
print(json.dumps({m.name: fingerprint.of_model(graph, m, DEFAULT_PARAMS) for m in graph}))
"""


def test_a_model_has_the_same_fingerprint_in_every_process():
    found = []
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        found.append(json.loads(subprocess.check_output([sys.executable, "-c", CODE], env=environment)))
    assert found[0] == found[1]
    assert len(set(found[0].values())) == 46


def test_a_model_has_the_same_fingerprint_whatever_the_date(graph):
    model = graph["fact_dropout"]
    later = replace(DEFAULT_PARAMS, as_of=dt.date(2030, 1, 1))
    assert fingerprint.of_model(graph, model, DEFAULT_PARAMS) == fingerprint.of_model(graph, model, later)


def test_a_model_has_another_fingerprint_when_its_expression_changes_and_the_same_when_not(graph):
    model = graph["dim_student"]
    one = fingerprint.of_model(graph, model, DEFAULT_PARAMS)
    assert one == fingerprint.of_model(graph, model, DEFAULT_PARAMS)
    assert one != fingerprint.of_model(graph, model, replace(DEFAULT_PARAMS, academic_year_start_month=1))
