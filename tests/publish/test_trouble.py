"""A target that is full, read-only, in use, lost or stopped midway: one clear error, and the old content stays."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest

from padm_ibis.config import Config
from padm_ibis.errors import WarehouseError
from padm_ibis.processes import is_alive
from padm_ibis.publish import PublishReport, publish
from padm_ibis.publish.run import history

from .conftest import ask, database_on, readings

pytestmark = pytest.mark.postgres
Warehouse = Callable[..., Config]
FEW, MANY = readings(3), readings(600_000)
COPYING = (
    "SELECT pid FROM pg_stat_activity WHERE query LIKE 'COPY %FROM STDIN%' AND state = 'active' AND datname = current_database()"
)
MAIN = """
    SELECT l.pid FROM pg_locks l JOIN pg_database d ON d.oid = l.database
    WHERE l.locktype = 'advisory' AND d.datname = current_database()"""
STAGES = "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'padm_publish%'"


@pytest.fixture
def background() -> Iterator[Callable[..., Future[PublishReport]]]:
    with ThreadPoolExecutor(1) as pool:
        yield lambda *arguments, **named: pool.submit(publish, *arguments, **named)


def until(url: str, sql: str) -> list[tuple[Any, ...]]:
    """Wait until a query yields rows."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if rows := ask(url, sql):
            return rows
        time.sleep(0.005)
    raise AssertionError(f"never seen: {sql}")


@pytest.mark.parametrize("session", [COPYING, MAIN], ids=["the one that loads", "the one that swaps"])
def test_a_session_that_is_ended_midway_leaves_the_old_content(
    warehouse: Warehouse, mirror: str, background: Callable[..., Future[PublishReport]], session: str
) -> None:
    publish(warehouse(reading=FEW), mirror)
    config = warehouse(reading=MANY)
    running = background(config, mirror)
    until(mirror, COPYING)
    ask(mirror, f"SELECT pg_terminate_backend(pid) FROM ({session}) AS s")
    with pytest.raises(WarehouseError, match=r"connection to .* was lost.*keeps what it had") as caught:
        running.result(timeout=120)
    assert caught.value.report.failed_tables == 1
    assert ask(mirror, "SELECT count(*) FROM shop.reading") == [(3,)]
    assert publish(config, mirror).exit_code == 0
    assert ask(mirror, "SELECT count(*) FROM shop.reading") == [(600_000,)]
    assert ask(mirror, STAGES) == [(0,)]


def test_a_server_that_stops_midway_comes_back_with_the_old_content(
    warehouse: Warehouse, own_server: Any, start_server: Callable[[Any], None], background: Callable[..., Future[PublishReport]]
) -> None:
    url = own_server.get_uri()
    publish(warehouse(reading=FEW), url)
    config = warehouse(reading=MANY)
    running = background(config, url)
    until(url, COPYING)
    server = own_server.get_pid()
    os.kill(server, signal.SIGQUIT)  # what a machine that goes down would look like
    with pytest.raises(WarehouseError, match=r"was lost|cannot be reached"):
        running.result(timeout=120)
    while is_alive(server):  # else it would be taken for the one to start
        time.sleep(0.05)
    start_server(own_server)
    assert ask(url, "SELECT count(*) FROM shop.reading") == [(3,)]
    assert publish(config, url).exit_code == 0
    assert ask(url, STAGES) == [(0,)]


@pytest.fixture
def small_disk(postgres_server: Any, tmp_path: Path) -> Iterator[Path]:
    """A file system of 24 MB that belongs to the server's user."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = shutil.which("mount") and os.geteuid() == 0
    if not mounted or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", folder], check=False).returncode:
        pytest.skip("a small file system can be mounted by root only, and not in every container")
    for parent in (folder, *folder.parents[: len(folder.parts) - 2]):
        parent.chmod(parent.stat().st_mode | 0o111)  # the server's user walks through pytest's folders
    owner = Path(postgres_server.pgdata).stat()
    os.chown(folder, owner.st_uid, owner.st_gid)
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def test_a_full_disk_is_said_and_leaves_the_old_content(warehouse: Warehouse, postgres_server: Any, small_disk: Path) -> None:
    ask(postgres_server.get_uri(), f"CREATE TABLESPACE small LOCATION '{small_disk}'")
    with contextlib.closing(database_on(postgres_server, "TABLESPACE small")) as databases:
        url = next(databases)
        publish(warehouse(reading=FEW), url)
        with pytest.raises(WarehouseError, match=r"disk of .* is full while shop.reading was published"):
            publish(warehouse(reading=MANY), url)
        assert ask(url, "SELECT count(*) FROM shop.reading") == [(3,)]
        assert ask(url, STAGES) == [(0,)]
        assert publish(warehouse(reading=readings(4)), url).exit_code == 0
        assert list(databases) == []
    ask(postgres_server.get_uri(), "DROP TABLESPACE small")


@pytest.mark.parametrize("kind", ["duckdb", "sqlite"])
def test_a_full_disk_of_a_file_is_said(warehouse: Warehouse, small_disk: Path, kind: str) -> None:
    target = small_disk / "mirror"
    publish(warehouse(reading=FEW), f"{kind}://{target}")
    before = target.read_bytes()
    (small_disk / "ballast").write_bytes(bytes(20 << 20))
    with pytest.raises(WarehouseError, match=r"disk of .* is full"):
        publish(warehouse(reading=MANY), f"{kind}://{target}")
    assert target.read_bytes() == before
    assert sorted(path.name for path in small_disk.iterdir()) == ["ballast", "mirror"]


def test_a_standby_server_is_read_only(warehouse: Warehouse, own_server: Any, start_server: Callable[[Any], None]) -> None:
    config, url = warehouse(reading=FEW), own_server.get_uri()
    publish(config, url)
    own_server.stop()
    (Path(own_server.pgdata) / "standby.signal").touch()
    shutil.chown(Path(own_server.pgdata) / "standby.signal", Path(own_server.pgdata).stat().st_uid)
    start_server(own_server)
    assert ask(url, "SELECT pg_is_in_recovery()") == [(True,)]
    with pytest.raises(WarehouseError, match="read-only") as caught:
        publish(config, url)
    assert "primary" in str(caught.value.hint)
    assert publish(config, url, check_only=True).exit_code == 0


def test_a_role_that_may_not_write_is_told(warehouse: Warehouse, mirror: str) -> None:
    role = f"reader_{os.getpid()}"
    ask(mirror, f"CREATE ROLE {role} LOGIN")
    try:
        with pytest.raises(WarehouseError, match="may not") as caught:
            publish(warehouse(reading=FEW), mirror.replace("postgres:@", f"{role}:@"))
        assert "CREATE on the database" in str(caught.value.hint)
    finally:
        ask(mirror, f"DROP ROLE {role}")


def test_no_password_is_written_anywhere(
    warehouse: Warehouse, mirror: str, background: Callable[..., Future[PublishReport]], tmp_path: Path
) -> None:
    secret = "s3cr%25t-word"
    assert "postgres:@" in mirror
    url, config = mirror.replace("postgres:@", f"postgres:{secret}@"), warehouse(reading=FEW)
    publish(config, url)
    config = warehouse(reading=MANY)
    running = background(config, url)
    until(mirror, COPYING)
    ask(mirror, f"SELECT pg_terminate_backend(pid) FROM ({COPYING}) AS s")
    with pytest.raises(WarehouseError) as caught:
        running.result(timeout=120)
    command = [sys.executable, "-m", "padm_ibis.cli", "publish", "--config", str(config.path), "--no-load", "--json", "-"]
    unreachable = url.replace("/mirror_", "/nowhere_")
    said = [subprocess.run([*command, "--to", to], capture_output=True, text=True, timeout=120) for to in (url, unreachable)]
    assert [done.returncode for done in said] == [0, 3]
    assert json.loads(said[1].stdout)["result"]["failed_tables"] == 1
    texts = [str(caught.value), *(done.stdout + done.stderr for done in said), json.dumps(history(config))]
    texts += [inputs for (inputs,) in ask(mirror, "SELECT inputs || params FROM _padm.runs")]
    for text in texts:
        assert "cr%25t-word" not in text
        assert "cr%t-word" not in text
    assert any("***" in text for text in texts)
    assert not [file for file in config.state.rglob("*") if file.is_file() and b"t-word" in file.read_bytes()]


def test_an_interrupt_ends_a_publication_at_once(warehouse: Warehouse, mirror: str) -> None:
    publish(warehouse(reading=FEW), mirror)
    config = warehouse(reading=readings(4_000_000))
    command = [sys.executable, "-m", "padm_ibis.cli", "publish", "--config", str(config.path), "--no-load", "--to", mirror]
    # a shell that starts tests in the background lets them, and what they start, ignore the signal
    listening = {"preexec_fn": lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)}
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, **listening)
    until(mirror, COPYING)
    process.send_signal(signal.SIGINT)
    assert "Interrupted" in process.communicate(timeout=30)[1]
    assert process.returncode == 130
    assert ask(mirror, "SELECT count(*) FROM shop.reading") == [(3,)]
    assert ask(mirror, STAGES) == [(0,)]


def test_a_mistake_of_ours_is_not_taken_for_trouble(warehouse: Warehouse, mirror: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from padm_ibis.publish.targets.postgres import PostgresTarget

    def broken(self: Any, spec: Any) -> None:
        raise KeyError("oops")

    monkeypatch.setattr(PostgresTarget, "finish", broken)
    with pytest.raises(KeyError):
        publish(warehouse(reading=FEW), mirror)
    with psycopg.connect(mirror) as con:
        assert con.execute(STAGES).fetchall() == [(0,)]
