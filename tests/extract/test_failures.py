"""What goes wrong with one source is that source's affair, leaves it as it was, and is said plainly."""

from __future__ import annotations

import threading
import time

import duckdb
import psycopg
import pytest
from conftest_extract import Bronze, Campus, at_database, changed

from padm_ibis.backends.duckdb import DuckDBStore
from padm_ibis.errors import ConfigError, SourceConflict, SourceError, SourceUnreachable
from padm_ibis.extract import extract
from padm_ibis.sources.postgres import PostgresSource

pytestmark = pytest.mark.postgres
NOBODY = "postgres://reader:s3cr%40t-w0rd@127.0.0.1:1/university"


def backends(campus: Campus, application: str = "padm-ibis") -> list[int]:
    found = campus.sql(
        "SELECT pid FROM pg_stat_activity WHERE application_name = %s AND datname = current_database()", [application]
    )
    return [pid for (pid,) in found]


def cut(campus: Campus) -> None:
    """End the extraction's connection from the server's side."""
    for pid in backends(campus):
        campus.sql("SELECT pg_terminate_backend(%s)", [pid])


def test_a_source_that_is_down_does_not_stop_the_other_and_catches_up_later(both: Bronze, campus: Campus, other: Campus) -> None:
    campus.mark(1, "2024-03-01")
    other.mark(1, "2024-03-01")
    both.load()
    campus.mark(2, "2024-03-02")
    other.mark(2, "2024-03-02")
    both.urls["north"] = NOBODY
    found = both.load()
    assert both.rows("marks", columns="source_db, id") == [("north", 1), ("south", 1), ("south", 2)]
    assert [(f.source_db, f.reached) for f in found.failures] == [("north", False)]
    assert not found.complete
    del both.urls["north"]
    found = both.load()
    assert found.complete
    assert both.rows("marks", columns="source_db, id") == [("north", 1), ("north", 2), ("south", 1), ("south", 2)]


def test_the_report_says_how_old_each_resource_of_a_failed_source_is(both: Bronze, campus: Campus) -> None:
    campus.mark(1, "2024-03-01")
    both.load("north")
    both.query("UPDATE _padm.watermarks SET extracted_at = extracted_at - INTERVAL 5 DAY WHERE resource = 'marks'")
    both.urls = {"north": NOBODY, "south": NOBODY}
    notes = {(i.source_db, i.resource): (i.rows, i.note) for i in both.load().inputs}
    rows, note = notes["north", "marks"]
    assert rows == 1
    assert note.startswith("not read this time; last read 2")
    assert note.endswith("UTC, 5 days ago")
    assert notes["north", "people"][1].endswith("0 hours ago")
    assert notes["south", "marks"] == (0, "not read this time; never read")


def test_no_message_shows_a_password(bronze: Bronze, campus: Campus) -> None:
    bronze.urls["north"] = NOBODY
    failure = bronze.load().failures[0]
    text = f"{failure.message} {failure.hint}"
    assert "Connection refused" in text
    assert not any(secret in text for secret in ("s3cr", "w0rd", "%40"))


def test_a_connection_that_the_server_cuts_between_two_resources_leaves_the_source_as_it_was(
    both: Bronze, campus: Campus, other: Campus
) -> None:
    for place in (campus, other):
        place.mark(1, "2024-03-01")
        place.add("people", {"person": 1, "name": "Ana"})
    both.load()
    before = both.query("SELECT * FROM _padm.watermarks WHERE source_db = 'north' ORDER BY ALL")
    campus.mark(2, "2024-03-02")
    campus.sql("UPDATE people SET name = 'Bea'")
    other.mark(2, "2024-03-02")

    def on_progress(source: str, resource: str, rows: int) -> None:
        if (source, resource) == ("north", "marks"):
            cut(campus)

    found = both.load(on_progress=on_progress)
    assert [f.source_db for f in found.failures] == ["north"]
    assert both.rows("marks", columns="source_db, id") == [("north", 1), ("south", 1), ("south", 2)]
    assert both.rows("people", "north", "name") == [("Ana",)]
    assert both.query("SELECT * FROM _padm.watermarks WHERE source_db = 'north' ORDER BY ALL") == before
    both.load()
    assert both.ids("marks", "north") == [1, 2]


@pytest.mark.parametrize("first", [True, False])
def test_a_connection_that_is_cut_in_the_middle_of_a_table_leaves_no_part_of_it(
    bronze: Bronze, campus: Campus, first: bool
) -> None:
    if not first:
        campus.mark(1, "2024-03-01")
        bronze.load()
    rows = "SELECT g, g, timestamp '2024-03-01' + g * interval '1 s', repeat('x', 40) FROM generate_series(2, 400000) g"
    campus.sql(f"INSERT INTO marks (id, student, at, mark) {rows}")
    stop = threading.Event()

    def cutter() -> None:
        with psycopg.connect(bronze.url, autocommit=True) as con:
            while not stop.is_set():
                con.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'padm-ibis'"
                    " AND datname = current_database() AND query LIKE 'COPY%%generate%%' OR query LIKE 'COPY%%\"mark\"%%'"
                    " AND application_name = 'padm-ibis' AND datname = current_database()"
                    " AND clock_timestamp() - query_start > interval '20 ms'"
                )
                time.sleep(0.005)

    thread = threading.Thread(target=cutter)
    thread.start()
    try:
        found = bronze.load(resources=["marks"])
    finally:
        stop.set()
        thread.join()
    assert [f.source_db for f in found.failures] == ["north"]
    assert bronze.ids() == ([] if first else [1])
    bronze.load(resources=["marks"])
    assert bronze.query("SELECT count(*), count(DISTINCT id) FROM bronze.marks") == [(399_999 + (not first),) * 2]


def test_a_table_that_somebody_holds_locked_costs_the_lock_timeout(both: Bronze, campus: Campus, other: Campus) -> None:
    other.mark(1, "2024-03-01")
    both.options[""] = "lock_timeout_s = 1"
    with psycopg.connect(both.url) as holder:
        holder.execute(f'LOCK TABLE "{campus.schema}".people IN ACCESS EXCLUSIVE MODE')
        found = both.load()
    assert "lock timeout" in found.failures[0].message
    assert "lock_timeout_s" in str(found.failures[0].hint)
    assert both.ids("marks", "south") == [1]


def test_a_slow_statement_costs_the_statement_timeout(both: Bronze, campus: Campus, other: Campus) -> None:
    other.mark(1, "2024-03-01")
    campus.mark(1, "2024-03-01")
    campus.sql("ALTER TABLE history RENAME TO kept")
    campus.sql("CREATE VIEW history AS SELECT id, day, note || pg_sleep(20)::text AS note FROM kept")
    campus.sql("INSERT INTO kept VALUES (1, '2024-03-01', 'a')")
    both.options[""] = "statement_timeout_s = 1"
    found = both.load()
    assert "statement timeout" in found.failures[0].message
    assert both.query("SELECT source_db, id FROM bronze.marks") == [("south", 1)], "not even what arrived before is kept"


def test_all_statements_of_a_source_see_one_snapshot(bronze: Bronze, campus: Campus) -> None:
    campus.mark(1, "2024-03-01")
    campus.add("people", {"person": 1, "name": "before"})

    def on_progress(source: str, resource: str, rows: int) -> None:
        if resource == "marks":
            campus.sql("UPDATE people SET name = 'after'")
            campus.add("people", {"person": 2, "name": "after"})
            campus.add("history", {"id": 1, "day": "2024-03-01"})
            campus.sql("DELETE FROM marks")

    bronze.load(on_progress=on_progress, reconcile=True)
    assert bronze.rows("people", columns="person, name") == [(1, "before")]
    assert bronze.rows("history") == []
    bronze.load(full_refresh=True)
    assert bronze.rows("people", columns="person, name") == [(1, "after"), (2, "after")]
    assert bronze.ids("history") == [1]


def test_the_transaction_is_repeatable_read_and_read_only(bronze: Bronze, campus: Campus) -> None:
    campus.sql("CREATE TABLE base AS SELECT 1 AS id, NULL::date AS day")
    campus.sql("DROP TABLE history")
    campus.sql(
        "CREATE VIEW history AS SELECT id, day, current_setting('transaction_isolation') || ' ' ||"
        " current_setting('transaction_read_only') || ' ' || current_setting('search_path') AS note FROM base"
    )
    bronze.load()
    assert bronze.rows("history", columns="note") == [(f'repeatable read on "{campus.schema}",public',)]


def test_a_source_that_refuses_is_tried_again_where_that_can_help(
    bronze: Bronze, campus: Campus, monkeypatch: pytest.MonkeyPatch
) -> None:
    from padm_ibis.sources import postgres

    attempts = []
    attach = postgres.PostgresSource._attach

    def counted(self: postgres.PostgresSource) -> None:
        attempts.append(1)
        attach(self)

    monkeypatch.setattr(postgres.PostgresSource, "_attach", counted)
    monkeypatch.setattr("tenacity.nap.time.sleep", lambda seconds: None)
    for url, expected in ((NOBODY, 3), (at_database(bronze.url, "nowhere"), 1)):
        attempts.clear()
        bronze.urls["north"] = url
        bronze.options["north"] = ""
        config = bronze.config()
        source = config.sources["north"].model_copy(update={"connect_retries": 2})
        with pytest.raises(postgres.SourceUnreachable), duckdb.connect() as con:
            postgres.PostgresSource(source, con).attach()
        assert len(attempts) == expected


def test_without_a_key_nothing_is_read(bronze: Bronze, campus: Campus) -> None:
    campus.mark(1, "2024-03-01")
    bronze.key = None
    with pytest.raises(ConfigError, match="hash_key is missing"):
        bronze.load()
    assert not bronze.query("SELECT 1 FROM information_schema.schemata WHERE schema_name = 'bronze'")


def test_a_failed_source_does_not_hold_its_connection(bronze: Bronze, campus: Campus) -> None:
    campus.sql("DROP TABLE marks")
    bronze.load()
    assert backends(campus) == []


def test_a_source_is_read_again_after_any_failure_as_if_nothing_had_happened(bronze: Bronze, campus: Campus) -> None:
    campus.mark(1, "2024-03-01")
    campus.sql("ALTER TABLE people RENAME TO gone")
    assert not bronze.load().complete
    campus.sql("ALTER TABLE gone RENAME TO people")
    assert changed(bronze.load()) == {"marks": 1}


def test_a_session_in_another_time_zone_is_refused(bronze: Bronze, campus: Campus, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pooler may split a transaction among sessions; instants would then arrive as another clock's."""
    session = PostgresSource._session
    monkeypatch.setattr(PostgresSource, "_session", lambda self: {**session(self), "TimeZone": "UTC"})
    campus.mark(1, "2024-03-01")
    found = bronze.load()
    assert [f.message for f in found.failures] == [
        "The source north: the session's time zone is UTC, not America/Argentina/Buenos_Aires as asked for."
    ]


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("FATAL:  terminating connection due to administrator command", SourceUnreachable),
        ("FATAL:  terminando la conexión debido a una orden del administrador", SourceUnreachable),
        ("ERROR:  canceling statement due to conflict with recovery", SourceConflict),
        ("ERROR:  cancelando la sentencia debido a un conflicto con la recuperación", SourceConflict),
        ("FATAL:  terminando la conexión debido a un conflicto con la recuperación", SourceConflict),
        ('ERROR:  division by zero in the column "ssl_mode"', SourceError),
    ],
)
def test_a_server_is_understood_in_its_own_language(bronze: Bronze, said: str, kind: type[SourceError]) -> None:
    """Messages come in that of its lc_messages, which only its administrator sets."""
    with duckdb.connect() as con:
        found = PostgresSource(bronze.config().sources["north"], con).explained(duckdb.Error(said))
    assert type(found) is kind


def test_the_bound_on_memory_ends_with_the_extraction(bronze: Bronze, campus: Campus, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is built afterwards may use all that the machine has: 5 million groups take more than 30 MB."""
    monkeypatch.setattr("padm_ibis.extract.bounds._MEMORY", 30)
    monkeypatch.setattr("padm_ibis.extract.bounds._MEMORY_A_COLUMN", 0)
    campus.mark(1, "2024-03-01")
    many = "SELECT count(*) FROM (SELECT i FROM range(5_000_000) AS t(i) GROUP BY i)"
    with duckdb.connect(str(bronze.file), config={"temp_directory": ""}) as con:
        con.execute("SET memory_limit = '30MB'")
        with pytest.raises(duckdb.OutOfMemoryException):
            con.execute(many)
        con.execute("SET memory_limit = '2GB'")
        assert extract(DuckDBStore(con), bronze.config(), "run", resources=["marks"]).complete
        assert con.execute(many).fetchone() == (5_000_000,)


def test_the_first_of_each_is_not_found_by_comparing_each_with_each(bronze: Bronze, campus: Campus) -> None:
    """What PostgreSQL plans by itself for this many rows: it expects one in two hundred of them to be a first."""
    for table in ("calls", "boards"):
        campus.sql(f"CREATE TABLE {table} AS SELECT i AS id, i / 2 AS board FROM generate_series(1, 4000) i; ANALYZE {table}")
    first = "SELECT * FROM (SELECT *, row_number() OVER (PARTITION BY id ORDER BY board) AS n FROM {}) f WHERE n = 1"
    joined = f"SELECT * FROM ({first.format('calls')}) c LEFT JOIN ({first.format('boards')}) b ON b.board = c.board"
    steps = [step for (step,) in campus.sql(f"EXPLAIN {joined}")]
    assert any("Nested Loop" in step for step in steps), "or there is nothing to keep it from"
    with duckdb.connect() as con:
        session = PostgresSource(bronze.config().sources["north"], con)._session()
    campus.sql(f"SET enable_nestloop = {session['enable_nestloop']}")
    plan = [step for (step,) in campus.sql(f"EXPLAIN {joined}")]
    campus.sql("RESET enable_nestloop")
    assert any("Hash Left Join" in step or "Merge Left Join" in step for step in plan)
    assert not any("Nested Loop" in step for step in plan)
