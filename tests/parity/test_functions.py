"""Every function of Ibis on hostile values: the same on DuckDB and PostgreSQL, refused, or loud; never silently other."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import ibis
import psycopg
import pytest
from functions import EVERY, SCHEMA, TABLE, P, S, rows, single_rows
from ibis.common.annotations import ValidationError
from ibis.common.exceptions import IbisError

from padm_ibis.define import lint
from padm_ibis.define.compile import conformed, safe, type_name

# a function that Ibis is about to drop is still one that a model can write
pytestmark = [pytest.mark.postgres, pytest.mark.filterwarnings("ignore::FutureWarning"), pytest.mark.early]
MATRIX = Path(__file__).parents[1] / "data" / "functions.tsv"
REFUSED_BY_ENGINE = (IbisError, duckdb.Error, psycopg.Error, NotImplementedError)


@pytest.fixture(scope="module")
def both(postgres_url: str) -> Iterator[tuple[Any, Any]]:
    """DuckDB and PostgreSQL, with the table of hostile values."""
    duck = safe(ibis.duckdb.connect())
    with psycopg.connect(postgres_url, autocommit=True) as raw:
        columns = ", ".join(f"{name} {type_name(ibis.dtype(kind), 'duckdb')}" for name, kind in SCHEMA.items())
        duck.con.execute(f"CREATE TABLE hostile ({columns})")
        duck.con.executemany(f"INSERT INTO hostile VALUES ({', '.join('?' * len(SCHEMA))})", rows())
        collated = ", ".join(
            f"{name} {type_name(ibis.dtype(kind), 'postgres')}" + (' COLLATE "C"' if kind == "string" else "")
            for name, kind in SCHEMA.items()
        )
        raw.execute(f"CREATE TABLE hostile ({collated})")
        raw.cursor().executemany(f"INSERT INTO hostile VALUES ({', '.join(['%s'] * len(SCHEMA))})", rows())
        yield duck, safe(ibis.postgres.from_connection(raw))
    duck.disconnect()


def statement(con: Any, table: ibis.Table) -> str | None:
    """The query that a table would be made of; None where the engine has no such function."""
    try:
        return f"{conformed(con.compile(table), table.schema(), con.name)} ORDER BY n"
    except REFUSED_BY_ENGINE:
        return None


def values(con: Any, query: str | None) -> list[str] | None:
    """The values, to the bit and with their types; None where the engine refuses."""
    if query is None:
        return None
    try:
        return [plain(v) for _, v in con.con.execute(query).fetchall()]
    except REFUSED_BY_ENGINE:
        return None


def outcome(make: Any, both: tuple[Any, Any]) -> str | tuple[str, str]:
    """``same``, ``refused`` at definition, ``no such``, ``loud in both`` or ``DIFFERS``; the queries, if a row ended one."""
    try:
        table = TABLE.select("n", r=make())
    except (IbisError, ValidationError, TypeError, AttributeError, ValueError, NotImplementedError):
        return "no such"
    if lint.lint(table, keys={"hostile": [["n"]]}):
        return "refused"
    ours, theirs = (statement(con, table) for con in both)
    left, right = values(both[0], ours), values(both[1], theirs)
    if left is not None and right is not None:
        return "same" if left == right else "DIFFERS"
    return "loud in both" if ours is None or theirs is None else (ours, theirs)


def plain(value: Any) -> str:
    """A value with its type, floats to the bit; drivers have zones of their own for the same instant."""
    if isinstance(value, dt.datetime) and value.tzinfo is not None:
        return repr(value.astimezone(dt.UTC))
    return value.hex() if isinstance(value, float) else repr(value)


def row_by_row(both: tuple[Any, Any], ended: dict[str, tuple[str, str]]) -> dict[str, str]:
    """What becomes of each row alone: one bad value ends a whole query, and would hide what the others become."""
    loud: dict[str, set[str]] = {label: set() for label in ended}
    for row in single_rows():
        for con in both:
            con.con.execute("DELETE FROM hostile")
            con.con.execute(f"INSERT INTO hostile VALUES ({', '.join(['?' if con.name == 'duckdb' else '%s'] * len(row))})", row)
        for label, queries in ended.items():
            left, right = (values(con, query) for con, query in zip(both, queries, strict=True))
            if left is not None and right is not None and left != right:
                loud[label].add(f"DIFFERS: {row} becomes {left} and {right}")
            elif (left is None) != (right is None):
                loud[label].add("postgres" if right is None else "duckdb")
    differing = {label: next((what for what in found if what.startswith("DIFFERS")), "") for label, found in loud.items()}
    return {label: differing[label] or f"loud in {' or '.join(sorted(found)) or 'both'}" for label, found in loud.items()}


def test_none_differs_in_silence_and_a_new_function_has_to_be_judged(both):
    whole = {label: outcome(make, both) for label, make in EVERY}
    found = whole | row_by_row(both, {label: queries for label, queries in whole.items() if isinstance(queries, tuple)})
    assert {label: what for label, what in found.items() if str(what).startswith("DIFFERS")} == {}
    kept = dict(line.split("\t") for line in MATRIX.read_text(encoding="utf-8").splitlines())
    assert found == kept


@pytest.mark.parametrize(
    ("text", "pattern", "ilike"), [("ÑANDU", "ñandu", True), ("Éa\\b", "éA\\_", True), ("Жук", "жУК", True), ("ñ", "n", False)]
)
def test_case_folds_beyond_ascii(both, text, pattern, ilike):
    assert text in S or pattern in P or not ilike
    for con in both:
        found = ibis.literal(text).ilike(pattern).name("r").as_table()
        assert con.con.execute(con.compile(found)).fetchall() == [(ilike,)]


def test_upper_and_lower_of_every_spelled_letter(both):
    from padm_ibis.define.folding import letters

    for way in ("lower", "upper"):
        before, after = letters(way)
        for con in both:
            changed = getattr(ibis.literal(before), way)().name("r").as_table()
            assert con.con.execute(con.compile(changed)).fetchall() == [(after,)], (way, con.name)
    assert letters("lower")[1][letters("lower")[0].index("Ñ")] == "ñ"
