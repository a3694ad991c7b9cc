"""A source whose connection dies, at any statement, ends itself and nothing else; the next run has everything."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest
import small_school as school
from conftest_extract import Bronze, Campus
from cutting_proxy import Proxy, proxy_to

from padm_ibis.api import check, run

pytestmark = pytest.mark.postgres
BETWEEN = ("Q SELECT 1", "Q DISCARD ALL")
"""What DuckDB says between two transactions, to see whether a connection lives: a dead one is replaced."""


@pytest.fixture
def proxy(postgres_url: str) -> Iterator[Proxy]:
    with proxy_to(parse_qs(urlsplit(postgres_url).query)["host"][0]) as found:
        yield found


def database(url: str) -> str:
    return urlsplit(url).path.strip("/")


def test_a_connection_that_dies_at_any_statement_ends_its_source_alone(
    both: Bronze, campus: Campus, other: Campus, proxy: Proxy, postgres_url: str, request: pytest.FixtureRequest
) -> None:
    both.urls["north"] = proxy.url("postgres", database(postgres_url))
    load = {"resources": ["marks", "people"]}
    both.load(**load)
    proxy.begin()
    both.load(**load)
    said = list(proxy.said)
    assert {"Q COMMIT", *BETWEEN} <= set(said)
    numbers = range(1, len(said) + 1)
    if not request.config.getoption("--campaign"):  # each statement, and one message of those that prepare it
        telling = [n for n in numbers if said[n - 1].startswith("Q") and said[n - 1] not in BETWEEN]
        numbers = sorted({*telling, said.index("D") + 1, len(said)})
    expected, ended = [], 0
    for number in numbers:
        for place in (campus, other):
            place.mark(number, "2024-03-01")
        expected.append(number)
        before = both.query("SELECT * FROM bronze.marks WHERE source_db = 'north' ORDER BY ALL")
        proxy.begin(cut_at=number)
        found = both.load(**load)
        assert proxy.cuts == 1, said[number - 1]
        assert both.ids("marks", "south") == expected, said[number - 1]
        if found.complete:
            assert both.ids("marks", "north") == expected, said[number - 1]
        else:
            ended += 1
            assert [(f.source_db, f.reached) for f in found.failures] == [("north", False)], said[number - 1]
            assert both.query("SELECT * FROM bronze.marks WHERE source_db = 'north' ORDER BY ALL") == before
    assert ended > len(numbers) / 2
    proxy.begin()
    assert both.load(**load).complete
    assert both.ids("marks", "north") == both.ids("marks", "south") == expected


@pytest.mark.parametrize("warehouse", ["duckdb", "postgres"])
def test_a_run_goes_on_without_the_source_and_says_so(
    warehouse: str, tmp_path: Path, postgres_url: str, proxy: Proxy, fresh_database: str
) -> None:
    name = f"school_{warehouse}"
    with psycopg.connect(postgres_url, autocommit=True) as con:
        con.execute(f"CREATE SCHEMA {name}")
        con.execute(f"CREATE TABLE {name}.pupil AS SELECT 1::bigint AS pupil, 'Ana'::text AS name")
        row = "10::bigint AS mark, 1::bigint AS pupil, date '2024-05-01' AS day, 7::bigint AS value"
        con.execute(f"CREATE TABLE {name}.mark AS SELECT {row}")
    config = school.write_config(tmp_path, school.write_school(tmp_path / "south.duckdb"))
    text = config.read_text()
    if warehouse == "postgres":
        text = text.replace("duckdb://w.duckdb", fresh_database)
    north = proxy.url("postgres", database(postgres_url))
    config.write_text(f'{text}\n[sources.north]\nkind = "small_school"\nschema = "{name}"\nurl = "{north}"\nconnect_retries = 0')
    # DuckDB's warehouse commits with the source, PostgreSQL's before the source's transaction is given up
    last = "Q COMMIT" if warehouse == "duckdb" else "Q COPY"
    proxy.at = lambda said, number: said.startswith(last) and number > 30
    report = run(config=config, as_of="2024-12-31")
    assert proxy.cuts == 1
    assert (report.exit_code, report.status) == (1, "partial")
    assert [(f.source_db, f.reached) for f in report.failures] == [("north", False)]
    assert {(i.source_db, i.rows) for i in report.inputs if i.resource == "marks"} == {("south", 3), ("north", 0)}
    proxy.at = lambda said, number: False
    report = run(config=config, as_of="2024-12-31")
    assert report.exit_code == 0
    assert {(i.source_db, i.rows) for i in report.inputs if i.resource == "marks"} == {("south", 3), ("north", 1)}
    proxy.begin()
    proxy.at = lambda said, number: said == "Q COMMIT" and number > 30
    found = check(config=config)
    assert (proxy.cuts, found.exit_code) == (1, 1)
    assert [c.table for c in found.results if c.rule == "reachable"] == ["north"]


@pytest.fixture
def fresh_database(postgres_url: str) -> Iterator[str]:
    name = f"cuts_{time.monotonic_ns()}"
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'")
        yield urlsplit(postgres_url)._replace(path=f"/{name}").geturl()
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


def test_a_reading_that_says_nothing_for_too_long_is_ended_alone(both: Bronze, campus: Campus, other: Campus) -> None:
    both.options["north"] = "idle_in_transaction_timeout_s = 1"
    other.mark(1, "2024-03-01")

    def wait(source: str, resource: str, rows: int) -> None:
        if (source, resource) == ("north", "marks"):
            time.sleep(1.5)

    found = both.load(on_progress=wait)
    assert [(f.source_db, f.reached) for f in found.failures] == [("north", False)]
    assert "idle_in_transaction_timeout_s" in str(found.failures[0].hint)
    assert both.ids("marks", "south") == [1]


def test_time_outs_of_the_role_or_database_do_not_end_a_reading(bronze: Bronze, campus: Campus, postgres_url: str) -> None:
    campus.mark(1, "2024-03-01")
    for name in ("idle_in_transaction_session_timeout", "statement_timeout"):
        campus.sql(f'ALTER DATABASE "{database(postgres_url)}" SET {name} = 300')

    def wait(source: str, resource: str, rows: int) -> None:
        if resource == "marks":
            time.sleep(0.6)

    try:
        assert bronze.load(on_progress=wait).complete
    finally:
        for name in ("idle_in_transaction_session_timeout", "statement_timeout"):
            campus.sql(f'ALTER DATABASE "{database(postgres_url)}" RESET {name}')
    assert bronze.ids() == [1]


def test_nothing_is_set_outside_of_the_transaction(bronze: Bronze, campus: Campus, proxy: Proxy, postgres_url: str) -> None:
    """A pooler would hand it on to the next program."""
    bronze.urls["north"] = proxy.url("postgres", database(postgres_url))
    assert bronze.load().complete
    open_ = False
    for said in proxy.said:
        open_ = (open_ or said.startswith("Q BEGIN")) and said not in ("Q COMMIT", "Q ROLLBACK")
        assert open_ or "set_config" not in said
        assert "set_config" not in said or "w.value, true)" in said, "of the transaction, not of the session"
        assert not said.startswith("Q SET")
    assert sum("set_config" in said for said in proxy.said) == 2
