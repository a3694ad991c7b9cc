"""Every model on drawn universities and on texts that collations disagree about: DuckDB = PostgreSQL."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from allowed import ALLOWED
from both import Both
from hypothesis import HealthCheck, Phase, given, settings

from padm_ibis.define import contract as contracts
from padm_ibis.params import Params
from padm_ibis.testing.run_model import rows_as_table
from padm_ibis.testing.strategies import tables

pytestmark = [pytest.mark.postgres, pytest.mark.early]

PARAMS = Params(as_of=dt.date(2025, 2, 28), include_sensitive=True, ranking_min_evaluaciones=1)
TEXTS = (
    "a",
    "B",
    "b",
    "A",
    "á",
    "Á",
    "ñ",
    "Ñ",
    "n",
    "z",
    "Z",
    "_",
    "-",
    "a b",
    "a-b",
    "ab",
    "1",
    "10",
    "2",
    "",
    " x",
    "O'H",
    "ß",
    "É",
)


@pytest.fixture(scope="module")
def both(collated: str) -> Iterator[Both]:
    opened = Both(collated)
    yield opened
    opened.close()


@pytest.fixture
def fresh(both: Both) -> Both:
    for schema in ("gold", "silver", "bronze"):
        both.duck.execute(f"DROP SCHEMA {schema} CASCADE")
        both.duck.execute(f"CREATE SCHEMA {schema}")
        both.postgres.execute(f"DROP SCHEMA {schema} CASCADE")
        both.postgres.execute(f"CREATE SCHEMA {schema}")
    return both


def drawn(both: Both, how_many: int) -> dict[str, pa.Table]:
    """Many small universities side by side: each has campuses of its own, so one build tries them all."""
    names = [model.name for model in both.graph.of("bronze")]
    found: dict[str, list[pa.Table]] = {name: [] for name in names}
    number = itertools.count()

    @settings(
        max_examples=how_many,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(tables(names, params=PARAMS))
    def gather(university: dict[str, pa.Table]) -> None:
        prefix = f"u{next(number):05}_"
        for name, table in university.items():
            place = table.schema.get_field_index("source_db")
            own = pc.binary_join_element_wise(prefix, table.column(place), "")
            found[name].append(table.set_column(place, table.schema.field(place), own))

    gather()
    return {name: pa.concat_tables(parts) for name, parts in found.items()}


def say(capsys: pytest.CaptureFixture[str], text: str) -> None:
    with capsys.disabled():
        print(f"\nparity: {text}")


@pytest.mark.campaign
def test_drawn_universities(fresh: Both, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]) -> None:
    how_many = 3000 if request.config.getoption("--campaign") else 120
    fresh.load(drawn(fresh, how_many), PARAMS)
    comparison = fresh.build(PARAMS)
    assert not comparison.different, "\n".join(comparison.different[:20])
    assert comparison.rows > 20 * how_many, "almost nothing was compared"
    say(capsys, f"{how_many} drawn universities: {comparison}")


def wordy(both: Both) -> dict[str, pa.Table]:
    """Bronze in which every column of text holds texts that collations put into different orders."""
    filled: dict[str, pa.Table] = {}
    for model in both.graph.of("bronze"):
        rows: list[dict[str, Any]] = []
        columns = contracts.columns(model.contract, PARAMS)
        free = [
            c.name for c in columns
            if c.dtype.is_string() and not c.checks and not c.name.startswith("_") and c.name != "source_db"
        ]  # fmt: skip
        for n, text in enumerate(TEXTS):
            row: dict[str, Any] = {c.name: n % 6 + 1 for c in columns if c.dtype.is_integer()}
            row |= {name: TEXTS[(n + shift) % len(TEXTS)] for shift, name in enumerate(free)}
            row |= {c.name: dt.date(2020, 4, n % 3 + 1) for c in columns if c.dtype.is_date()}
            row |= {c.name: dt.datetime(2020, 4, n % 3 + 1) for c in columns if c.dtype.is_timestamp()}
            for part in model.grain:
                column = next(c for c in columns if c.name == part)
                if column.dtype.is_integer() and part != model.grain[1]:
                    row[part] = n
            row[model.grain[-1]] = n if next(c for c in columns if c.name == model.grain[-1]).dtype.is_integer() else text
            row["source_db"] = f"campus {text}" if n % 2 else "campus"
            rows += [row]
        filled[model.name] = pa.Table.from_pylist(rows, schema=contracts.schema(model.contract, PARAMS).to_pyarrow())
    return filled


def test_texts_that_collations_disagree_about(fresh: Both, capsys: pytest.CaptureFixture[str]) -> None:
    fresh.load(wordy(fresh), PARAMS)
    comparison = fresh.build(PARAMS)
    assert not comparison.different, "\n".join(comparison.different[:20])
    assert comparison.rows > 200
    say(capsys, f"texts in disputed order: {comparison}")


def test_texts_do_not_depend_on_the_collation_of_the_database(fresh: Both) -> None:
    """What makes them equal: without COLLATE on the columns, a database of words would answer otherwise."""
    listed = ", ".join("('" + text.replace("'", "''") + "')" for text in TEXTS)
    fresh.postgres.execute(f"CREATE TABLE silver.plain AS SELECT * FROM (VALUES {listed}) AS v(x)")
    least = "SELECT string_agg(x, '|' ORDER BY x) FROM silver."
    plain = fresh.postgres.execute(least + "plain").fetchall()[0][0].split("|")
    words = fresh.postgres.execute("SELECT 'B' > 'a' COLLATE \"default\"").fetchall()[0][0]
    assert (plain == sorted(TEXTS)) != words
    from ibis import schema

    from padm_ibis.define.compile import create_table_as

    fresh.postgres.execute(create_table_as("silver", "ours", "SELECT * FROM silver.plain", schema({"x": "string"}), "postgres"))
    assert fresh.postgres.execute(least + "ours").fetchall()[0][0].split("|") == sorted(TEXTS)


def test_the_ledger_of_allowed_differences_is_short(capsys: pytest.CaptureFixture[str]) -> None:
    assert not ALLOWED, "every entry needs a test that shows it, and leaves when the difference does"
    say(capsys, "the ledger of allowed differences is empty")


def test_the_comparison_sees_a_bit() -> None:
    from both import differences

    def table(x: float | None, name: str = "v") -> pa.Table:
        return pa.table({"k": [1], name: pa.array([x], pa.float64())})

    assert not list(differences("t", ("k",), table(0.1), table(0.1)))
    for other in (table(0.1 + 2e-17 * 4), table(None), table(0.1, "w"), table(0.1).slice(0, 0)):
        assert list(differences("t", ("k",), table(0.1), other))
    assert list(differences("t", ("k",), table(0.0), table(-0.0)))
    assert rows_as_table is not None
