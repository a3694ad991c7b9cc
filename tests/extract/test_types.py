"""Every type of a source has a fate: a clear conversion or a clear refusal, never text by accident."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest_extract import Bronze, Campus
from conftest_files import Folder

from padm_ibis.config import SourceConfig
from padm_ibis.config.urls import Url
from padm_ibis.sources.connect import Source, open_source
from padm_ibis.sources.conversion import convert
from padm_ibis.sources.spec import TableSpec
from padm_ibis.sources.values import bounded, landed

REFUSED = object()
"""No column of this type is read as the wanted one: the source stops, and table, column and type are named."""
UUID = "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"
# Campus's columns by what the contract wants of them.
COLUMN = {"string": "mark", "int64": "student", "numeric": "points", "date": "day", "timestamp": "at"}


CASES: list[tuple[str, str, str, Any]] = [
    ("citext", "'Ñandú'", "string", "Ñandú"),
    ("char(3)", "'a'", "string", "a"),
    ("\"char\"", "'a'", "string", "a"),
    ("name", "'a'", "string", "a"),
    ("mood", "'happy'", "string", "happy"),
    ("feeling", "'sad'", "string", "sad"),
    ("uuid", f"'{UUID}'", "string", UUID),
    ("money", "'1234.50'", "string", "1234.50"),
    ("numeric", "123456789012345678901234567890123456789012.50", "string", "123456789012345678901234567890123456789012.50"),
    ("passed", "7.5", "string", "7.50"),
    ("boolean", "true", "string", "true"),
    ("time", "'10:30'", "string", "10:30:00"),
    ("json", "'{\"a\": 1}'", "string", '{"a": 1}'),
    ("jsonb", "'{\"a\":1}'", "string", '{"a": 1}'),
    ("timestamptz", "'2024-03-01 02:00+00'", "string", "2024-02-29 23:00:00"),
    ("bytea", "'\\x00ff'", "string", REFUSED),
    ("text[]", "'{a,b}'", "string", REFUSED),
    ("tags", "'{a,b}'", "string", REFUSED),
    ("mood[]", "'{sad}'", "string", REFUSED),
    ("pair", "(1, 'x')", "string", REFUSED),
    ("int4range", "'[1,5)'", "string", REFUSED),
    ("interval", "'1 day'", "string", REFUSED),
    ("point", "'(1,2)'", "string", REFUSED),
    ("inet", "'10.0.0.1'", "string", REFUSED),
    ("money", "'7.00'", "int64", 7),
    ("money", "'7.50'", "int64", None),
    ("numeric", "7.0", "int64", 7),
    ("numeric", "7.5", "int64", None),
    ("numeric", "'NaN'", "int64", None),
    ("numeric", "9223372036854775807", "int64", 2**63 - 1),
    ("numeric", "9223372036854775808", "int64", None),
    ("double precision", "7", "int64", 7),
    ("double precision", "7.5", "int64", None),
    ("double precision", "'Infinity'", "int64", None),
    ("smallint", "7", "int64", 7),
    ("boolean", "true", "int64", 1),
    ("mood", "'happy'", "int64", None),
    ("uuid", f"'{UUID}'", "int64", REFUSED),
    ("bytea", "'\\x07'", "int64", REFUSED),
    ("date", "'2024-03-01'", "int64", REFUSED),
    ("int[]", "'{7}'", "int64", REFUSED),
    ("money", "'1234.50'", "numeric", Decimal("1234.5")),
    ("grade", "7.5", "numeric", Decimal("7.5")),
    ("passed", "7.5", "numeric", Decimal("7.5")),
    ("numeric", "1e40", "numeric", None),
    ("numeric", "7.33333333333333333333", "numeric", Decimal("7.333333")),
    ("double precision", "0.1", "numeric", Decimal("0.1")),
    ("double precision", "1e30", "numeric", None),
    ("double precision", "'NaN'", "numeric", None),
    ("double precision", "'-Infinity'", "numeric", None),
    ("text", "'7,5'", "numeric", None),
    ("numrange", "'[1,2]'", "numeric", REFUSED),
    ("numeric[]", "'{7}'", "numeric", REFUSED),
    ("timestamp", "'2024-03-01 23:59'", "date", dt.date(2024, 3, 1)),
    ("timestamptz", "'2024-03-01 02:00+00'", "date", dt.date(2024, 2, 29)),
    ("text", "'2024-02-30'", "date", None),
    ("text", "'infinity'", "date", None),
    ("text", "'today'", "date", None),
    ("daterange", "'[2024-01-01,2024-02-01)'", "date", REFUSED),
    ("bigint", "20240301", "date", REFUSED),
    ("date", "'2024-03-01'", "timestamp", dt.datetime(2024, 3, 1)),
    ("text", "'2024-03-01T02:00:00Z'", "timestamp", dt.datetime(2024, 2, 29, 23)),
    ("text", "'2024-03-01 02:00-03'", "timestamp", dt.datetime(2024, 3, 1, 2)),
    ("text", "'2024-03-01 02:00 UTC'", "timestamp", None),
    ("text", "'now'", "timestamp", None),
    ("time", "'10:30'", "timestamp", REFUSED),
    ("tsrange", "'[2024-01-01,2024-02-01)'", "timestamp", REFUSED),
]  # fmt: skip
TYPES = """
CREATE TYPE mood AS ENUM ('sad', 'happy');
CREATE TYPE pair AS (a int, b text);
CREATE DOMAIN grade AS numeric(4, 2);
CREATE DOMAIN passed AS grade CHECK (VALUE >= 4);
CREATE DOMAIN feeling AS mood;
CREATE DOMAIN tags AS text[];
-- as the extension makes it, which the server from pip does not bring
CREATE TYPE citext;
CREATE FUNCTION citextin(cstring) RETURNS citext LANGUAGE internal IMMUTABLE STRICT AS 'textin';
CREATE FUNCTION citextout(citext) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'textout';
CREATE TYPE citext (INPUT = citextin, OUTPUT = citextout, LIKE = text, CATEGORY = 'S');
CREATE CAST (citext AS text) WITHOUT FUNCTION AS IMPLICIT;
"""


@pytest.fixture(scope="module")
def typed(postgres_url: str) -> Iterator[tuple[Source, dict[str, str]]]:
    """A source with a table of a column for each case, and the columns' types as the source tells them."""
    campus = Campus(postgres_url, "typed")
    campus.sql(TYPES)
    columns = ", ".join(f"c{number} {kind}" for number, (kind, *_) in enumerate(CASES))
    campus.sql(f"CREATE TABLE every_type ({columns})")
    campus.sql(f"INSERT INTO every_type VALUES ({', '.join(value for _, value, *_ in CASES)})")
    config = SourceConfig.model_validate({"url": Url.parse(postgres_url, ("postgres", "postgresql")), "schema": campus.schema})
    with duckdb.connect() as con:
        source = open_source(config, con)
        source.attach()
        yield source, source.columns({"every_type": TableSpec("every_type", {}, frozenset(), False)})["every_type"]
        source.detach()
    campus.con.close()


@pytest.mark.postgres
@pytest.mark.parametrize("number", range(len(CASES)), ids=[f"{kind} {value} as {wanted}" for kind, value, wanted, _ in CASES])
def test_a_type_of_postgresql_is_converted_or_refused(typed: tuple[Source, dict[str, str]], number: int) -> None:
    (source, types), (_, _, wanted, fate) = typed, CASES[number]
    kind = {"numeric": "decimal(18, 6)"}.get(wanted, wanted)
    reading = convert(f"c{number}", types[f"c{number}"], kind, "postgres", source.config.timezone)
    if reading is None or fate is REFUSED:
        assert (reading, fate) == (None, REFUSED)
        return
    sent, large = bounded("v", kind, "postgres")
    there = f"SELECT {sent} AS v, ({reading.invalid or 'FALSE'} OR coalesce({large or 'FALSE'}, FALSE)) AS told"
    there += f" FROM (SELECT {reading.sql} AS v, * FROM {source.qualified('every_type')}) AS q"
    value, odd = landed("v", kind)
    with source.snapshot():
        found = source.con.execute(f"SELECT {value}, told OR {odd or 'FALSE'} FROM {source.relation(there)}").fetchall()
    assert found == [(fate, fate is None)], "what becomes null is told"


@pytest.mark.postgres
@pytest.mark.parametrize(("kind", "value"), [("bytea", "'\\x00ff'"), ("text[]", "'{a}'"), ("int4range", "'[1,5)'")])
def test_a_refused_type_stops_the_source_with_table_column_and_type(
    bronze: Bronze, campus: Campus, kind: str, value: str
) -> None:
    campus.sql(f"ALTER TABLE marks DROP COLUMN mark; ALTER TABLE marks ADD COLUMN mark {kind} DEFAULT {value}")
    campus.sql("INSERT INTO marks (id) VALUES (1)")
    message = bronze.load(resources=["marks"]).failures[0].message
    assert f"{campus.schema}.marks.mark is of type {kind}, which is no string" in message


@pytest.mark.postgres
def test_domains_enums_and_money_arrive_in_bronze(bronze: Bronze, campus: Campus) -> None:
    campus.sql("CREATE TYPE mood AS ENUM ('sad', 'happy'); CREATE DOMAIN grade AS numeric(4, 2)")
    campus.sql("ALTER TABLE marks DROP COLUMN mark, DROP COLUMN points, DROP COLUMN student")
    campus.sql("ALTER TABLE marks ADD COLUMN mark mood, ADD COLUMN points grade, ADD COLUMN student money")
    campus.sql("INSERT INTO marks (id, mark, points, student) VALUES (1, 'happy', 7.5, '8.00'), (2, 'sad', 4, '8.50')")
    found = bronze.load(resources=["marks"])
    assert bronze.rows("marks", columns="id, mark, points, student") == [
        (1, "happy", Decimal("7.5"), 8), (2, "sad", Decimal("4"), None),
    ]  # fmt: skip
    assert [(c.rule, c.failed) for c in found.checks] == [("unreadable_value", 1)]


@pytest.mark.parametrize(
    ("values", "wanted", "fate"),
    [
        (pa.array(["Ñ"]).dictionary_encode(), "string", "Ñ"),
        (pa.array([b"a\x00b"]), "string", REFUSED),
        (pa.array([b"abcd"], pa.binary(4)), "string", REFUSED),
        (pa.array([["a", "b"]]), "string", REFUSED),
        (pa.array([{"a": 1}]), "string", REFUSED),
        (pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int64())), "string", REFUSED),
        (pa.array([uuid.UUID(UUID).bytes], pa.uuid()), "string", UUID),
        (pa.array([dt.time(10, 30)]), "string", "10:30:00"),
        (pa.array([Decimal("7.50")], pa.decimal128(10, 2)), "string", "7.50"),
        (pa.array([2**63 - 1], pa.uint64()), "int64", 2**63 - 1),
        (pa.array([2**64 - 1], pa.uint64()), "int64", None),
        (pa.array([7.0]), "int64", 7),
        (pa.array([7.5]), "int64", None),
        (pa.array([float("nan")]), "int64", None),
        (pa.array([Decimal("7.5")], pa.decimal128(38, 10)), "int64", None),
        (pa.array(["1.234"]), "int64", None),
        (pa.array([[7]]), "int64", REFUSED),
        (pa.array([Decimal(10) ** 40], pa.decimal256(45, 2)), "numeric", REFUSED),
        (pa.array([Decimal(10) ** 30], pa.decimal128(38, 2)), "numeric", None),
        (pa.array([float("inf")]), "numeric", None),
        (pa.array([0.1]), "numeric", Decimal("0.1")),
        (pa.array([[Decimal("1.5")]], pa.list_(pa.decimal128(4, 2))), "numeric", REFUSED),
        (pa.array([dt.datetime(2024, 3, 1, 23, 59)]), "date", dt.date(2024, 3, 1)),
        (pa.array(["2024-02-30"]), "date", None),
        (pa.array([1709287200_000000_000], pa.timestamp("ns")), "timestamp", dt.datetime(2024, 3, 1, 10)),
        (pa.array([1709287200_000000_001], pa.timestamp("ns")), "timestamp", None),
        (pa.array([1709287200], pa.timestamp("s")), "timestamp", dt.datetime(2024, 3, 1, 10)),
        (pa.array([1709287200_000], pa.timestamp("ms", "UTC")), "timestamp", dt.datetime(2024, 3, 1, 7)),
        (pa.array([dt.time(10, 30)]), "timestamp", REFUSED),
        (pa.array(["x"]), "string", "x"),
    ],
)  # fmt: skip
def test_a_type_of_parquet_is_converted_or_refused(folder: Folder, values: pa.Array, wanted: str, fate: Any) -> None:
    column = COLUMN[wanted]
    folder.format = 'on_invalid = "null"\n'
    (folder.exports / "marks.csv").unlink()
    columns = {"ID": pa.array([1]), "student": pa.array([1]), "at": pa.array([None], pa.timestamp("us"))}
    pq.write_table(pa.table({**columns, column: values}), folder.exports / "marks.parquet")
    found = folder.load(resources=["marks"])
    if fate is REFUSED:
        assert f"marks.{column} is of type " in found.failures[0].message
        return
    assert not found.failures, found.failures
    assert [(c.rule) for c in found.checks] == (["unreadable_value"] if fate is None else []), "null is told"
    assert folder.con.execute(f'SELECT id, "{column}" FROM bronze.marks').fetchall() == [(1, fate)]


def test_a_column_of_nulls_has_no_type_and_is_null(folder: Folder) -> None:
    (folder.exports / "marks.csv").unlink()
    nulls = {name: pa.array([None], pa.null()) for name in COLUMN.values()}
    pq.write_table(pa.table({"id": pa.array([1]), **nulls}), folder.exports / "marks.parquet")
    found = folder.load(resources=["marks"])
    assert not found.failures, found.failures
    assert folder.rows("marks") == [(1, None, None, None, None, None)]
