"""What a value is at the source it is in bronze, however odd."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
from decimal import Decimal

import duckdb
import psycopg
import pytest
from campus import WIDTH
from conftest_extract import KEY, Bronze, Campus, at_database
from hypothesis import given, settings
from hypothesis import strategies as st

from padm_ibis.extract.hashing import Hasher, keyed_hash

postgres = pytest.mark.postgres


@postgres
def test_numbers_are_exact(bronze: Bronze, campus: Campus) -> None:
    numbers = ["0.1", "123456789012.123456", "-0.000001", "7.50", "-999999999998.999999", "0"]
    for n, number in enumerate(numbers):
        campus.mark(n, "2024-03-01", points=Decimal(number))
    campus.sql(f"INSERT INTO marks (id) VALUES ({2**62 + 1})")
    bronze.load()
    assert [p for (p,) in bronze.query("SELECT points FROM bronze.marks WHERE points IS NOT NULL ORDER BY id")] == [
        Decimal(n) for n in numbers
    ]
    assert bronze.ids()[-1] == 2**62 + 1


@postgres
def test_a_number_that_is_none_or_too_large_is_null_and_reported(bronze: Bronze, campus: Campus) -> None:
    for n, number in enumerate(["NaN", "Infinity", "-Infinity", "1e30", "5"]):
        campus.sql("INSERT INTO marks (id, points) VALUES (%s, %s::numeric)", [n, number])
    found = bronze.load()
    assert bronze.rows("marks", columns="id, points") == [(0, None), (1, None), (2, None), (3, None), (4, 5)]
    assert [(c.rule, c.failed) for c in found.checks] == [("unreadable_value", 4)]
    assert found.checks[0].rows[0].endswith("points (4)")


@postgres
def test_dates_at_the_ends_of_the_calendar_arrive(bronze: Bronze, campus: Campus) -> None:
    days = {
        1: "0001-01-01",
        2: "9999-12-31",
        3: "10000-01-01",
        4: "infinity",
        5: "-infinity",
        6: "0044-03-15 BC",
        7: "2024-02-29",
    }
    for n, day in days.items():
        campus.sql("INSERT INTO marks (id, at, day) VALUES (%s, NULL, %s::date)", [n, day])
    found = bronze.load()
    assert bronze.query("SELECT id, day::varchar FROM bronze.marks ORDER BY id") == [
        (1, "0001-01-01"), (2, "9999-12-31"), (3, "10000-01-01"), (4, "9999-12-31"), (5, "0001-01-01"), (6, "0044-03-15 (BC)"),
        (7, "2024-02-29"),
    ]  # fmt: skip
    assert [(c.rule, c.failed) for c in found.checks] == [("unreadable_value", 2)]
    assert found.checks[0].rows[0].endswith("day (2)")


@postgres
def test_instants_at_the_ends_of_the_calendar_arrive(bronze: Bronze, campus: Campus) -> None:
    for n, at in enumerate(["infinity", "-infinity", "12024-01-01 10:00", "294276-12-31 23:59", "0044-03-15 10:00 BC"]):
        campus.sql("INSERT INTO marks (id, at) VALUES (%s, %s::timestamp)", [n, at])
    bronze.load(full_refresh=True)
    assert bronze.query("SELECT id, marks.at::varchar FROM bronze.marks ORDER BY id") == [
        (0, "9999-12-31 23:59:59.999999"), (1, "0001-01-01 00:00:00"), (2, "12024-01-01 10:00:00"),
        (3, "9999-12-31 23:59:59.999999"), (4, "0044-03-15 (BC) 10:00:00"),
    ]  # fmt: skip


@postgres
def test_an_instant_is_the_wall_clock_of_the_sources_zone(both: Bronze, campus: Campus, other: Campus) -> None:
    both.options["south"] = 'timezone = "Europe/Madrid"'
    for place in (campus, other):
        place.add("events", {"student": 1, "at": "2024-07-01 02:30+00", "reason": "summer"})
        place.add("events", {"student": 1, "at": "2024-10-27 00:30+00", "reason": "clock goes back"})
        place.add("events", {"student": 1, "at": "2024-10-27 01:30+00", "reason": "once more"})
    both.load()
    assert both.rows("events", "north", "reason, at") == [
        ("clock goes back", dt.datetime(2024, 10, 26, 21, 30)),
        ("once more", dt.datetime(2024, 10, 26, 22, 30)),
        ("summer", dt.datetime(2024, 6, 30, 23, 30)),
    ]
    assert both.rows("events", "south", "reason, at") == [
        ("clock goes back", dt.datetime(2024, 10, 27, 2, 30)),
        ("once more", dt.datetime(2024, 10, 27, 2, 30)),
        ("summer", dt.datetime(2024, 7, 1, 4, 30)),
    ]


@postgres
def test_texts_arrive_as_they_are(bronze: Bronze, campus: Campus) -> None:
    texts = [
        "", " ", "Ñandú ☃ 👩🏽‍🎓", "a\\0b", "\\x00", "\x01\x7f",
        "Ã‘andÃº \x92", "\u0085\u00a0\ufeff", "'; DROP TABLE marks; --", "\t\n\r", "\\N", '"',
    ]  # fmt: skip
    for n, text in enumerate(texts):
        campus.add("people", {"person": n, "name": text})
    bronze.load()
    assert [name for (_, name) in bronze.rows("people", columns="person, name")] == texts


@postgres
def test_a_latin_1_database_arrives_in_unicode(bronze: Bronze, campus: Campus, postgres_url: str) -> None:
    name = f"latin_{campus.schema}"
    campus.sql(f"CREATE DATABASE \"{name}\" TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'")
    url = at_database(postgres_url, name)
    try:
        with psycopg.connect(url, autocommit=True) as con:
            con.execute(f'CREATE SCHEMA "{campus.schema}"; SET search_path TO "{campus.schema}"')
            con.execute("CREATE TABLE people (person int, name text, document text, mail text)")
            con.execute("INSERT INTO people VALUES (1, 'Ñandú ½', NULL, NULL)")
        bronze.urls["north"] = url
        bronze.load(resources=["people"])
    finally:
        campus.sql(f'DROP DATABASE "{name}" WITH (FORCE)')
    assert bronze.rows("people", columns="name") == [("Ñandú ½",)]


@postgres
def test_bytes_of_no_declared_encoding_stop_the_source_by_name(bronze: Bronze, campus: Campus, postgres_url: str) -> None:
    """A SQL_ASCII database hands out bytes as they are: nobody can say which text ``D1`` was."""
    name = f"ascii_{campus.schema}"
    campus.sql(f"CREATE DATABASE \"{name}\" TEMPLATE template0 ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'")
    url = at_database(postgres_url, name)
    try:
        with psycopg.connect(url, autocommit=True, client_encoding="SQL_ASCII") as con:
            con.execute(f'CREATE SCHEMA "{campus.schema}"; SET search_path TO "{campus.schema}"'.encode())
            con.execute(b"CREATE TABLE people (person int, name text, document text, mail text)")
            con.execute(b"INSERT INTO people VALUES (1, 'plain', NULL, NULL)")
            bronze.urls["north"] = url
            bronze.load(resources=["people"])
            assert bronze.rows("people", columns="name") == [("plain",)]
            con.execute(b"INSERT INTO people VALUES (2, E'secret \\xd1and\\xfa', NULL, NULL)")
            found = bronze.load(resources=["people"])
    finally:
        campus.sql(f'DROP DATABASE "{name}" WITH (FORCE)')
    failure = found.failures[0]
    assert failure.source_db == "north"
    assert "secret" not in failure.message
    assert "text that is not in its declared encoding" in str(failure.hint)
    assert bronze.rows("people", columns="name") == [("plain",)], "what was there stays"


@postgres
def test_two_hundred_columns_arrive(bronze: Bronze, campus: Campus) -> None:
    names = [f"c{n:03}" for n in range(WIDTH - 1)]
    campus.sql(f"CREATE TABLE wide (id int, {', '.join(f'{n} text' for n in names)})")
    campus.add("wide", {"id": 1, **{n: n.upper() for n in names}}, {"id": 2})
    bronze.load()
    assert bronze.rows("wide") == [(1, *(n.upper() for n in names)), (2, *([None] * len(names)))]
    assert not any(i.changed for i in bronze.load().inputs)


@postgres
@pytest.mark.campaign
def test_rows_that_do_not_fit_in_memory_are_compared(
    bronze: Bronze, campus: Campus, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    """190 MB of text under a bound of 160 MB."""
    if not request.config.getoption("--campaign"):
        pytest.skip("a minute of disk; runs with --campaign")
    monkeypatch.setattr("padm_ibis.extract.bounds._MEMORY", 160)
    monkeypatch.setattr("padm_ibis.extract.bounds._MEMORY_A_COLUMN", 0)
    names = [f"c{n:03}" for n in range(WIDTH - 1)]
    texts = ", ".join(f"repeat(md5((i * {n + 1})::text), 2) AS {name}" for n, name in enumerate(names))
    campus.sql(f"CREATE TABLE wide AS SELECT i::int AS id, {texts} FROM generate_series(1, 15000) AS i")
    assert {i.resource: i.changed for i in bronze.load(resources=["wide"]).inputs} == {"wide": 15000}
    campus.sql("UPDATE wide SET c198 = 'x' WHERE id = 7")
    assert {i.resource: i.changed for i in bronze.load(resources=["wide"]).inputs} == {"wide": 1}
    assert bronze.query("SELECT id FROM bronze.wide WHERE c198 = 'x'") == [(7,)]


@postgres
def test_identifiers_never_land_in_clear(bronze: Bronze, campus: Campus) -> None:
    campus.add("people", {"person": 1, "name": "A", "document": "DNI 00.123.456", "mail": "  Ana@Example.ORG "})
    campus.add("people", {"person": 2, "name": "B", "document": "000", "mail": " "}, {"person": 3, "name": "C"})
    bronze.load()
    expected = [hmac.new(KEY.encode(), text, hashlib.sha256).hexdigest() for text in (b"123456", b"ana@example.org")]
    assert bronze.rows("people", columns="person, document_hash, mail_hash") == [(1, *expected), (2, None, None), (3, None, None)]
    content = bronze.file.read_bytes()
    assert not any(secret in content for secret in (b"123.456", b"Example", b"ana@", KEY.encode()))


@given(st.text(), st.binary(min_size=1, max_size=150))
@settings(max_examples=60, deadline=None)
def test_a_hash_is_what_the_standard_library_makes(text: str, key: bytes) -> None:
    with duckdb.connect() as con:
        Hasher(key).install(con)
        con.execute("CREATE TABLE t (v VARCHAR)")
        con.execute("INSERT INTO t VALUES (?)", [text.replace("\x00", "")])
        found = con.execute(f"SELECT {Hasher.sql('v', 'documento')}, {Hasher.sql('v', 'texto')} FROM t").fetchone()
    ascii_digits = "".join(c for c in text if c in "0123456789").lstrip("0")
    assert found is not None
    assert found[0] == (hmac.new(key, ascii_digits.encode(), hashlib.sha256).hexdigest() if ascii_digits else None)
    assert keyed_hash(text, "documento", key) == found[0]
