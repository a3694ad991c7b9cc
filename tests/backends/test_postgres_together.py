"""Readers and runs at the same time; runs that are killed."""

from __future__ import annotations

import multiprocessing
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psycopg
import pytest
from postgres_school import AS_OF, School

from padm_ibis.errors import WarehouseBusy

pytestmark = [pytest.mark.postgres, pytest.mark.early]


def test_a_long_query_neither_waits_nor_is_waited_for(built: School) -> None:
    with psycopg.connect(built.url) as reader, reader.cursor(name="long") as cursor:
        cursor.itersize = 1
        cursor.execute("SELECT total, pg_sleep(0) FROM gold.mart_pupil ORDER BY pupil_id")
        assert cursor.fetchone()[0] == 16
        configured = built.config.read_text()
        built.config.write_text(configured.replace("[warehouse]", "[warehouse]\nkeep_versions = 0"))
        built.change(marks=[(12, 2, "2024-07-01", 5)])
        began = time.monotonic()
        assert built.run().exit_code == 0
        published = time.monotonic() - began
        assert cursor.fetchone()[0] == 4, "the query goes on in the version it began with"
        assert built.rows("SELECT total FROM gold.mart_pupil WHERE pupil_id = 2") == [(5,)], "others see the new one"
        assert {n for n in built.schemas() if n.startswith("_padm_old_gold")}, "the old one stays as long as it is read"
        assert published < 60
    built.change()
    built.run()
    assert not {n for n in built.schemas() if n.startswith("_padm_old")}


def test_a_view_in_use_is_waited_for(built: School, monkeypatch: pytest.MonkeyPatch) -> None:
    built.do("CREATE VIEW public.v AS SELECT total FROM gold.mart_pupil")
    built.change(marks=[(12, 2, "2024-07-01", 5)])
    reader = psycopg.connect(built.url)
    reader.execute("SELECT * FROM public.v")
    ending = threading.Timer(12, reader.close)
    ending.start()
    assert built.run().exit_code == 0
    assert not ending.is_alive()
    assert built.rows("SELECT sum(total) FROM public.v") == [(5,)]

    monkeypatch.setattr("padm_ibis.backends.postgres.publish.PATIENCE", 0.1)
    built.change()
    with psycopg.connect(built.url) as reader:
        reader.execute("SELECT * FROM public.v")
        with pytest.raises(WarehouseBusy, match="views that read it were in use"):
            built.run()
        assert built.rows("SELECT sum(total) FROM gold.mart_pupil") == [(5,)]
    assert built.run().exit_code == 0


def test_a_second_run_is_told_who_holds_the_warehouse(built: School) -> None:
    with built.backend().open():
        with pytest.raises(WarehouseBusy, match=rf"process {os.getpid()} on .*, since 20\d\d-"):
            built.run(wait=0)
        code = "from padm_ibis.cli import main; main()"
        options = ["run", "--config", str(built.config), "--warehouse", built.url, "--as-of", AS_OF, "--wait", "0"]
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}
        second = subprocess.run(
            [sys.executable, "-c", code, *options], capture_output=True, text=True, check=False, env=environment
        )
        assert second.returncode == 4, second.stderr
        assert re.search(r"in use by another run \(process \d+ on", second.stderr)
        assert built.rows("SELECT count(*) FROM gold.mart_pupil") == [(2,)]
    assert built.run().exit_code == 0


def test_a_second_run_waits_for_the_first(built: School) -> None:
    built.change(marks=[(12, 2, "2024-07-01", 5)])
    holding = built.backend().open()
    holding.__enter__()
    ending = threading.Timer(1, holding.__exit__, (None, None, None))
    ending.start()
    assert built.run(wait=30).exit_code == 0
    assert not ending.is_alive(), "it began while the other one had the warehouse"
    assert built.rows("SELECT total FROM gold.mart_pupil WHERE pupil_id = 2") == [(5,)]


# --- kill -9 ---------------------------------------------------------------------------------------------

PUPILS = 40


def version(school: School, number: int) -> None:
    """Write a source in which everything says its version."""
    pupils = [(n, f"v{number}") for n in range(PUPILS)]
    marks = [(1000 * number + n, n, "2024-07-01", number % 10) for n in range(PUPILS)]
    school.change(pupils, marks)


def keep_running(folder: str, url: str, first: int) -> None:
    """Build version after version until killed."""
    school = School.__new__(School)
    school.folder, school.url = Path(folder), url
    school.source, school.config = Path(folder) / "north.duckdb", Path(folder) / "padm.toml"
    for number in range(first, first + 1000):
        version(school, number)
        school.run(full_refresh=True)


SEEN = {
    "bronze.pupils": "SELECT min(name), max(name), count(*) FROM bronze.pupils",
    "silver.dim_pupil": "SELECT min(name), max(name), count(*) FROM silver.dim_pupil",
    "silver.fact_mark": "SELECT 'v' || min(mark_id) / 1000, 'v' || max(mark_id) / 1000, count(*) FROM silver.fact_mark",
    "gold.mart_pupil": "SELECT 'v' || min(total), 'v' || max(total), count(*) FROM gold.mart_pupil",
}


Look = dict[str, tuple[str, str, int]]


def look(con: psycopg.Connection) -> Look:
    return {name: con.execute(query).fetchall()[0] for name, query in SEEN.items()}


def versions(seen: Look) -> set[str]:
    """The versions that the tables of one look are of; gold says only the last digit of its own."""
    named = {seen[name][0] for name in ("bronze.pupils", "silver.dim_pupil", "silver.fact_mark")}
    last = {f"v{int(name[1:]) % 10}" for name in named}
    return named if {seen["gold.mart_pupil"][0]} == last else named | {f"gold {seen['gold.mart_pupil'][0]}"}


def is_moment_of_a_commit(reader: psycopg.Connection, mixed: Look, url: str) -> bool:
    """Whether only this reader's names are behind: PostgreSQL shows the rows of a commit before it tells the sessions that
    know a name from before that it means another schema now, and the committing process may be held up between the two.

    Then a session of that very moment sees one version, and the reader, too, as soon as it was told. If it is the warehouse
    that holds two versions, a new session sees them as well.
    """
    while True:
        with psycopg.connect(url, autocommit=True) as new:
            first, second = look(new), look(new)
        if first == second:
            break
    end = time.monotonic() + 5
    while look(reader) == mixed:
        if time.monotonic() > end:
            return False
    return len(versions(first)) == 1


def test_whoever_reads_sees_one_complete_version_whenever_runs_are_killed(
    warehouse: School, request: pytest.FixtureRequest
) -> None:
    kills = 60 if request.config.getoption("--campaign") else 4
    version(warehouse, 1)
    assert warehouse.run().exit_code == 0
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["padm_ibis.define.graph", "padm_ibis.backends.postgres.store", "small_school"])
    looked, seen, killed_at_work = 0, set(), 0
    chance = random.Random(7)
    with psycopg.connect(warehouse.url, autocommit=True) as reader:
        for _ in range(kills):
            newest = int(look(reader)["silver.dim_pupil"][0][1:])
            process = context.Process(target=keep_running, args=(str(warehouse.folder), warehouse.url, newest + 1))
            process.start()
            end = time.monotonic() + chance.uniform(2.0, 9.0)
            while time.monotonic() < end:
                before, after = look(reader), look(reader)
                looked += 1
                for name, (least, greatest, rows) in before.items():
                    assert rows == PUPILS, f"{name} has {rows} rows"
                    assert least == greatest, f"{name} holds {least} and {greatest}"
                if before == after:
                    names = versions(before)
                    if len(names) > 1:
                        moment = is_moment_of_a_commit(reader, before, warehouse.url)
                        assert moment, f"between two equal looks the tables are of versions {names}"
                    else:
                        seen.add(names.pop())
            os.kill(process.pid or 0, signal.SIGKILL)
            process.join()
            killed_at_work += process.exitcode == -signal.SIGKILL
    assert killed_at_work == kills, "a run ended by itself"
    assert looked > 10 * kills
    assert len(seen) > 1, "no run ever published"
    end = time.monotonic() + 30
    while True:  # the server notices at once, or when the statement it is in ends
        try:
            version(warehouse, 5)
            assert warehouse.run(full_refresh=True).exit_code == 0
            break
        except WarehouseBusy:
            assert time.monotonic() < end
            time.sleep(0.5)
    earlier = {schema for schema in warehouse.schemas() if schema.startswith("_padm_kept_")}
    assert len(earlier) == 4, "two versions"
    assert warehouse.schemas() - earlier == {"public", "bronze", "silver", "gold", "_padm", "_padm_kept"}
