"""Every function of Ibis on hostile values: the same on DuckDB and PostgreSQL, refused, or loud; never silently other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import ibis
import psycopg
import pytest
from functions import EVERY, SCHEMA, TABLE, P, S, rows
from ibis.common.annotations import ValidationError
from ibis.common.exceptions import IbisError

from padm_ibis.define import lint
from padm_ibis.define.compile import conformed, safe, type_name

# a function that Ibis is about to drop is still one that a model can write
pytestmark = [pytest.mark.postgres, pytest.mark.filterwarnings("ignore::FutureWarning")]
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


def values(con: Any, table: ibis.Table) -> list[str] | None:
    """The values, to the bit and with their types, as a table made of them would hold them; None where the engine refuses."""
    try:
        query = f"{conformed(con.compile(table), table.schema(), con.name)} ORDER BY n"
        return [v.hex() if isinstance(v, float) else repr(v) for _, v in con.con.execute(query).fetchall()]
    except REFUSED_BY_ENGINE:
        return None


def outcome(make: Any, both: tuple[Any, Any]) -> str:
    """``same``, ``refused`` at definition, ``loud`` (an engine, or both, raises), ``no such``, or ``DIFFERS``."""
    try:
        table = TABLE.select("n", r=make())
    except (IbisError, ValidationError, TypeError, AttributeError, ValueError, NotImplementedError):
        return "no such"
    if lint.lint(table, keys={"hostile": [["n"]]}):
        return "refused"
    left, right = (values(con, table) for con in both)
    if left is None or right is None:
        return "loud in both" if left is right else "loud in postgres" if right is None else "loud in duckdb"
    return "same" if left == right else "DIFFERS"


def test_none_differs_in_silence_and_a_new_function_has_to_be_judged(both):
    found = {label: outcome(make, both) for label, make in EVERY}
    assert [label for label, what in found.items() if what == "DIFFERS"] == []
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
