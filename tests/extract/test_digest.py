"""Bronze equals its source whatever a change's date: buckets that moved are read again, and nothing else is."""

from __future__ import annotations

import datetime as dt
import itertools
import random
import uuid
from collections.abc import Iterator
from typing import Any

import duckdb
import psycopg
import pytest
from conftest_extract import Bronze, Campus, changed
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from padm_ibis.backends.duckdb import DuckDBStore
from padm_ibis.config import load_config
from padm_ibis.extract import Extraction, buckets, extract, extraction
from padm_ibis.report.run import InputReport
from padm_ibis.sources.spec import kind_spec

pytestmark = pytest.mark.postgres
TABLES = ("marks", "people", "events", "history")


class Warehouse:
    """Bronze in a warehouse of one engine, for as long as a test takes."""

    def __init__(self, engine: str, url: str) -> None:
        self.engine, self.url = engine, url
        self.con = duckdb.connect()
        self.store = DuckDBStore(self.con)

    def load(self, bronze: Bronze, run_id: str, **options: Any) -> Extraction:
        config = bronze.config()
        if self.engine == "duckdb":
            return extract(self.store, config, run_id, resources=TABLES, **options)
        from padm_ibis.backends.postgres import PostgresBackend

        config = load_config(bronze.folder / "padm.toml", None, self.url)
        with PostgresBackend(config).open() as work:
            return extract(work.store(), config, run_id, resources=TABLES, **options)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        if self.engine == "duckdb":
            return self.con.execute(query).fetchall()
        with psycopg.connect(self.url) as con:
            return con.execute(query).fetchall()  # type: ignore[arg-type]

    def contents(self, source_db: str) -> dict[str, list[str]]:
        """What it holds of a source, beside who loaded it and when."""
        columns = {
            "marks": 'id, student, "at", mark, points, day', "people": "person, name, document_hash", "history": "id, day, note",
            "events": 'student, "at", reason, kind',
        }  # fmt: skip
        found = {t: self.rows(f"SELECT {c} FROM bronze.{t} WHERE source_db = '{source_db}'") for t, c in columns.items()}
        found["rejected"] = self.rows(f"SELECT resource, key, reason FROM _padm.rejected_rows WHERE source_db = '{source_db}'")
        return {name: sorted(map(str, rows)) for name, rows in found.items()}


@pytest.fixture(params=["duckdb", "postgres"])
def warehouse(request: pytest.FixtureRequest, postgres_server: Any) -> Iterator[Warehouse]:
    if request.param == "duckdb":
        yield Warehouse("duckdb", "")
        return
    name = f"digest_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(postgres_server.get_uri(), autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} TEMPLATE template0")
        yield Warehouse("postgres", postgres_server.get_uri(database=name))
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


def of(found: Extraction, resource: str) -> InputReport:
    (item,) = (item for item in found.inputs if item.resource == resource)
    return item


# --- what is read ------------------------------------------------------------------------------------------------


def test_a_night_without_news_reads_no_row(warehouse: Warehouse, bronze: Bronze, campus: Campus) -> None:
    for number in range(200):
        campus.mark(number, f"20{10 + number % 10}-03-01")
        campus.add("people", {"person": number, "name": "Ana"})
    warehouse.load(bronze, "run1")
    again = warehouse.load(bronze, "run2")
    assert [(i.read, i.buckets, i.rows) for i in (of(again, "marks"), of(again, "people"))] == [(0, 0, 200), (0, 0, 200)]
    assert warehouse.rows("SELECT DISTINCT _run_id FROM bronze.marks") == [("run1",)]


def test_changes_of_any_age_arrive_and_are_counted(warehouse: Warehouse, bronze: Bronze, campus: Campus) -> None:
    for number in range(300):  # ten years, thirty rows each
        campus.mark(number, f"{2010 + number // 30}-06-15", "7")
    warehouse.load(bronze, "run1")
    campus.sql("UPDATE marks SET mark = '9' WHERE id = 3")  # corrected, 2010
    campus.mark(1000, "2011-01-01")  # late
    campus.sql("DELETE FROM marks WHERE id = 70")  # gone, 2012
    campus.sql("UPDATE marks SET at = '2019-06-15' WHERE id = 95")  # re-dated, 2013 to 2019: within the lookback by now
    campus.sql("UPDATE marks SET id = 2000 WHERE id = 130")  # re-keyed, 2014
    campus.mark(1001, None)  # undated: the lookback would see it
    found = of(warehouse.load(bronze, "run2"), "marks")
    assert (found.added, found.updated, found.deleted) == (3, 2, 2)
    assert found.beyond == 5, "corrected, late, re-keyed, and the two that are gone"
    assert found.rows == 301
    # (2010, 3), (2011, 40), (2012, 6), (2013, 31) and (2019, 31), (2014, 2) and (2014, 16), (undated, 41)
    assert found.buckets == 8
    assert found.read == 1 + 2 + 0 + 0 + 2 + 0 + 2 + 1
    assert warehouse.rows("SELECT mark FROM bronze.marks WHERE id = 3") == [("9",)]
    assert warehouse.rows("SELECT id FROM bronze.marks WHERE id IN (70, 130, 1000, 1001, 2000) ORDER BY id") == [
        (1000,), (1001,), (2000,),
    ]  # fmt: skip
    assert changed(warehouse.load(bronze, "run3")) == {}


def test_a_table_without_a_cursor_is_read_where_it_moved(warehouse: Warehouse, bronze: Bronze, campus: Campus) -> None:
    for number in range(640):
        campus.add("people", {"person": number, "name": "Ana"})
    warehouse.load(bronze, "run1")
    campus.sql("UPDATE people SET name = 'Eva' WHERE person = 70")
    found = of(warehouse.load(bronze, "run2"), "people")
    assert (found.buckets, found.read, found.changed, found.beyond) == (1, 10, 1, 0)


def test_where_most_of_it_moved_all_of_it_is_read(warehouse: Warehouse, bronze: Bronze, campus: Campus) -> None:
    for number in range(100):
        campus.mark(number, "2015-03-01")
    warehouse.load(bronze, "run1")
    campus.sql("UPDATE marks SET mark = '2'")
    found = of(warehouse.load(bronze, "run2"), "marks")
    assert (found.buckets, found.read, found.updated, found.beyond) == (None, 100, 100, 0)


def test_a_key_that_comes_again_in_another_year_is_settled_as_among_all_rows(
    warehouse: Warehouse, bronze: Bronze, campus: Campus
) -> None:
    for number in range(50):
        campus.add("history", {"id": number, "day": f"{2000 + number % 20}-05-01", "note": "first"})
    warehouse.load(bronze, "run1")
    campus.add("history", {"id": 7, "day": "2001-01-01", "note": "older than the one of 2007"})
    found = warehouse.load(bronze, "run2")
    assert warehouse.rows("SELECT note FROM bronze.history WHERE id = 7") == [("first",)]
    assert warehouse.rows("SELECT key FROM _padm.rejected_rows") == [('["7"]',)]
    assert changed(found) == {}
    campus.sql("DELETE FROM history WHERE id = 7 AND note = 'first'")
    warehouse.load(bronze, "run3")
    assert warehouse.rows("SELECT note FROM bronze.history WHERE id = 7") == [("older than the one of 2007",)]
    assert warehouse.rows("SELECT key FROM _padm.rejected_rows") == []


def test_what_a_run_between_brought_and_the_source_took_back_is_seen(
    warehouse: Warehouse, bronze: Bronze, campus: Campus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The digest of the week after says the same as that of the week before; bronze does not."""
    bronze.options[""] = 'sync_every = "week"'
    now = [dt.datetime(2026, 3, 2, 3)]
    monkeypatch.setattr(extraction, "_utc_now", lambda: now[0])
    campus.mark(1, "2026-03-01", "7")
    campus.mark(2, "2020-03-01", "7")
    assert of(warehouse.load(bronze, "run1"), "marks").read == 2
    campus.sql("UPDATE marks SET mark = '9'")
    now[0] += dt.timedelta(days=1)
    found = of(warehouse.load(bronze, "run2"), "marks")
    assert (found.since is not None, found.changed) == (True, 1), "between, only the lookback is read"
    campus.sql("UPDATE marks SET mark = '7'")
    now[0] += dt.timedelta(days=6)
    found = of(warehouse.load(bronze, "run3"), "marks")
    assert (found.since, found.changed) == (None, 1)
    assert warehouse.rows("SELECT id, mark FROM bronze.marks ORDER BY id") == [(1, "7"), (2, "7")]


def test_off_reads_from_the_watermark_on_and_forgets(warehouse: Warehouse, bronze: Bronze, campus: Campus) -> None:
    campus.mark(1, "2024-03-01", "7")
    campus.mark(2, "2010-03-01", "7")
    warehouse.load(bronze, "run1")
    bronze.options[""] = 'sync = "off"'
    campus.sql("UPDATE marks SET mark = '9'")
    assert of(warehouse.load(bronze, "run2"), "marks").changed == 1
    assert warehouse.rows("SELECT count(*) FROM _padm.syncs") == [(0,)]
    bronze.options[""] = ""
    assert of(warehouse.load(bronze, "run3"), "marks").changed == 1
    assert warehouse.rows("SELECT count(*) FROM _padm.syncs") == [(4,)]


def test_settings_of_a_role_do_not_move_a_digest(warehouse: Warehouse, bronze: Bronze, campus: Campus) -> None:
    campus.mark(1, "2024-03-01 10:00", "7", points="1.10", day="2024-02-03")
    warehouse.load(bronze, "run1")
    (name,) = campus.sql("SELECT current_database()")[0]
    for setting in ("DateStyle = 'SQL, DMY'", "extra_float_digits = 0", "IntervalStyle = 'iso_8601'", "bytea_output = 'escape'"):
        campus.sql(f'ALTER DATABASE "{name}" SET {setting}')
    try:
        assert of(warehouse.load(bronze, "run2"), "marks").buckets == 0
    finally:
        for setting in ("DateStyle", "extra_float_digits", "IntervalStyle", "bytea_output"):
            campus.sql(f'ALTER DATABASE "{name}" RESET {setting}')


def test_values_that_two_rows_of_a_bucket_exchanged_are_seen(bronze: Bronze, campus: Campus) -> None:
    """What a hash of columns adds up to is the same before and after; a hash of that is not."""
    warehouse = Warehouse("duckdb", "")
    campus.mark(1, "2024-03-01", "7", points="1.5")
    campus.mark(65, "2024-03-02", "9", points="2.5")
    for number in range(2, 7):
        campus.mark(number, "2024-03-01")
    warehouse.load(bronze, "run1")
    campus.sql("UPDATE marks SET mark = CASE mark WHEN '7' THEN '9' ELSE '7' END WHERE id IN (1, 65)")
    found = of(warehouse.load(bronze, "run2"), "marks")
    assert (found.buckets, found.updated) == (1, 2)
    assert warehouse.rows("SELECT id, mark FROM bronze.marks WHERE id IN (1, 65) ORDER BY id") == [(1, "9"), (65, "7")]


def test_the_bucket_of_a_row_is_the_same_on_every_engine(postgres_url: str, bronze: Bronze) -> None:
    """Worked out here a third time, in Python."""
    specs = kind_spec("campus", None).resources
    days = [None, *(dt.date(y, 7, 1) for y in (1, 1899, 1900, 2024, 2199, 2200, 9999))]
    numbers = [None, 0, 1, 63, 64, -1, -64, -65, 2**62, -(2**63)]
    duck = duckdb.connect()
    with psycopg.connect(postgres_url) as con:
        for number, day in itertools.product(numbers, days):
            year = 1 if day is None else day.year if 1900 <= day.year < 2200 else 0
            expected = year * 65 + (64 if number is None else number % 64)
            date = "CAST(NULL AS DATE)" if day is None else f"DATE '{day:%Y-%m-%d}'"
            date = date if day is None or day.year > 999 else f"DATE '{day.year:04}-{day:%m-%d}'"
            shown = "CAST(NULL AS BIGINT)" if number is None else f"CAST('{number}' AS BIGINT)"
            row = f"(SELECT {shown} AS id, {date} AS day) AS t"
            for engine, run in (("duckdb", duck.execute), ("postgres", con.execute)):
                assert run(f"SELECT {buckets.bucket(specs['history'], engine, 't')} FROM {row}").fetchone() == (expected,)


def test_texts_lie_in_the_same_bucket_on_every_engine(postgres_url: str) -> None:
    spec = kind_spec("campus", None).resources["people"]
    by_name = type(spec)(**{**{f: getattr(spec, f) for f in spec.__dataclass_fields__}, "key": ("name",), "people": {}})
    duck, draw = duckdb.connect(), random.Random(7)
    with psycopg.connect(postgres_url) as con:
        for _ in range(60):
            text = "".join(draw.choice("aZ0 ñÑ€😀'\"\\") for _ in range(draw.randint(0, 9))).replace("'", "''")
            row = f"(SELECT CAST(E'{text.replace(chr(92), chr(92) * 2)}' AS TEXT) AS name) AS t"
            found = {
                run(f"SELECT {buckets.bucket(by_name, engine, 't')} FROM {row}").fetchone()
                for engine, run in (("duckdb", duck.execute), ("postgres", con.execute))
            }
            assert len(found) == 1
            assert 0 <= next(iter(found))[0] < 64  # type: ignore[index]


# --- any sequence ------------------------------------------------------------------------------------------------

DAYS = (
    st.none() | st.dates(dt.date(1895, 1, 1), dt.date(2025, 6, 30)) | st.sampled_from([dt.date(2202, 1, 1), dt.date(2023, 3, 1)])
)
IDS = st.integers(1, 9)
NAMES = st.sampled_from(["north", "south"])
TEXTS = st.sampled_from(["4", "7,5", None, "Ausente", "Ñandú 👩🏽‍🎓"])


class Changes(RuleBasedStateMachine):
    """Two campuses that change in any way, and bronze: after each run it is what a fresh build of the same moment is."""

    both: Bronze
    campuses: dict[str, Campus]
    warehouse: Warehouse
    clock: list[dt.datetime]

    @initialize()
    def begin(self) -> None:
        self.runs, self.synced = itertools.count(1), dict[str, dt.date]()
        for campus in self.campuses.values():
            campus.sql("TRUNCATE marks; TRUNCATE people; TRUNCATE events; TRUNCATE history")
            campus.sql("ALTER TABLE marks ADD COLUMN IF NOT EXISTS mark varchar(40)")
        if self.warehouse.engine == "duckdb":
            self.warehouse.con.execute("DROP SCHEMA IF EXISTS bronze CASCADE; DROP SCHEMA IF EXISTS _padm CASCADE")
        else:
            with psycopg.connect(self.warehouse.url) as con:
                con.execute("DROP SCHEMA IF EXISTS bronze, _padm, _padm_kept CASCADE")

    @rule(name=NAMES, id=IDS, at=DAYS)
    def write_mark(self, name: str, id: int, at: dt.date | None) -> None:
        self.campuses[name].sql(
            "INSERT INTO marks (id, student, at, points) VALUES (%s, 1, %s, 7.5)"
            " ON CONFLICT (id) DO UPDATE SET at = excluded.at, points = marks.points + 1",
            [id, at],
        )

    @rule(name=NAMES, old=IDS, new=IDS)
    def rename_mark(self, name: str, old: int, new: int) -> None:
        self.campuses[name].sql(
            "UPDATE marks SET id = %s WHERE id = %s AND NOT EXISTS (SELECT FROM marks WHERE id = %s)", [new, old, new]
        )

    @rule(name=NAMES, id=IDS, day=DAYS, text=TEXTS)
    def write_history(self, name: str, id: int, day: dt.date | None, text: str | None) -> None:
        """Nothing keeps two rows of one key apart."""
        self.campuses[name].sql("INSERT INTO history VALUES (%s, %s, %s)", [id, day, text])

    @rule(name=NAMES, id=IDS, day=DAYS)
    def date_history(self, name: str, id: int, day: dt.date | None) -> None:
        self.campuses[name].sql("UPDATE history SET day = %s WHERE id = %s", [day, id])

    @rule(name=NAMES, id=st.none() | IDS, at=DAYS, text=TEXTS, kind=st.sampled_from("AB"))
    def write_event(self, name: str, id: int | None, at: dt.date | None, text: str | None, kind: str) -> None:
        self.campuses[name].sql("INSERT INTO events VALUES (%s, %s, %s, %s)", [id, at, text, kind])

    @rule(name=NAMES, id=IDS, text=TEXTS)
    def write_person(self, name: str, id: int, text: str | None) -> None:
        self.campuses[name].sql(
            "INSERT INTO people (person, name, document) VALUES (%s, %s, '1')"
            " ON CONFLICT (person) DO UPDATE SET name = excluded.name",
            [id, text],
        )

    @rule(name=NAMES, table=st.sampled_from(TABLES), id=IDS)
    def delete(self, name: str, table: str, id: int) -> None:
        key = {"people": "person", "events": "student"}.get(table, "id")
        self.campuses[name].sql(f"DELETE FROM {table} WHERE {key} = %s", [id])

    @rule(name=NAMES)
    def drop_or_add_a_column(self, name: str) -> None:
        there = "SELECT 1 FROM information_schema.columns WHERE table_schema = current_schema() AND column_name = 'mark'"
        has = self.campuses[name].sql(there)
        self.campuses[name].sql(f"ALTER TABLE marks {'DROP' if has else 'ADD'} COLUMN mark{'' if has else ' varchar(40)'}")

    @rule(lost=st.sampled_from([None, None, None, "north", "south"]), days=st.integers(1, 4))
    def run(self, lost: str | None, days: int) -> None:
        self.clock[0] += dt.timedelta(days=days)
        self.both.urls = {lost: "postgres://nobody@127.0.0.1:1/x"} if lost else {}
        self._load({lost} - {None})

    @rule(name=NAMES)
    def run_that_dies_half_way(self, name: str) -> None:
        """The connection of one source is cut after its first resource."""
        self.both.urls = {}

        def on_progress(source: str, resource: str, rows: int) -> None:
            if source == name and resource == "marks":
                self.campuses[name].sql(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'padm-ibis'"
                    " AND datname = current_database() AND pid <> pg_backend_pid() AND state <> 'active'"
                )

        self._load({name}, on_progress)

    def teardown(self) -> None:
        if hasattr(self, "synced"):
            self.both.urls = {}
            self.clock[0] += dt.timedelta(days=8)
            self._load(set())

    def _load(self, lost: set[str | None], on_progress: Any = None) -> None:
        found = self.warehouse.load(self.both, f"run{next(self.runs)}", on_progress=on_progress)
        assert {f.source_db for f in found.failures} == lost
        weekly = "week" in self.both.options.get("", "")
        today = (self.clock[0] - dt.timedelta(hours=3)).date()
        due = {n for n in self.campuses if not weekly or n not in self.synced or (today - self.synced[n]).days >= 7}
        for name in due - lost:
            self.synced[name] = today
        if due - lost:
            with duckdb.connect() as con:
                fresh = Warehouse("duckdb", "")
                fresh.con, fresh.store = con, DuckDBStore(con)
                self.both.urls = {}
                fresh.load(self.both, "fresh")
                for name in due - lost:
                    assert self.warehouse.contents(name) == fresh.contents(name)


@pytest.mark.parametrize("every", ["night", "week"])
def test_after_any_sequence_of_changes_bronze_is_what_a_fresh_build_is(
    warehouse: Warehouse, both: Bronze, campus: Campus, other: Campus, every: str, request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    both.options[""] = f'sync_every = "{every}"'
    clock = [dt.datetime(2025, 7, 1, 12)]
    monkeypatch.setattr(extraction, "_utc_now", lambda: clock[0])
    machine = type(
        "Bound",
        (Changes,),
        {"both": both, "campuses": {c.name: c for c in (campus, other)}, "warehouse": warehouse, "clock": clock},
    )
    long = request.config.getoption("--campaign")
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=250 if long else 3,
            stateful_step_count=30 if long else 14,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.explicit, Phase.generate, Phase.shrink] if long else [Phase.explicit, Phase.generate],
        ),
    )
