"""A warehouse that somebody else has in use ends no nightly run, and loses nothing of theirs."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from other_programs import client
from small_school import MARKS, write_config, write_school

import padm_ibis as padm
from padm_ibis.backends.base import backend_of
from padm_ibis.backends.patience import Patience
from padm_ibis.config import load_config
from padm_ibis.errors import WarehouseBusy, WarehouseError
from padm_ibis.publish import publish
from padm_ibis.report.progress import Progress
from padm_ibis.report.run import RunReport

Run = Callable[..., RunReport]
ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_config(tmp_path, write_school(tmp_path / "north.duckdb"))
    return tmp_path


@pytest.fixture
def run(folder: Path) -> Run:
    def _run(**options: Any) -> RunReport:
        return padm.run(**{"as_of": "2024-12-31", "config": folder / "padm.toml", "wait": 0.3, **options})

    return _run


def totals(folder: Path) -> list[tuple[Any, ...]]:
    with padm.connect(folder / "padm.toml") as warehouse:
        return warehouse.execute("SELECT pupil_id, total FROM gold.mart_pupil ORDER BY pupil_id")


def plain(path: Path, query: str) -> list[tuple[Any, ...]]:
    """As anybody reads it who knows nothing of this package."""
    with duckdb.connect(str(path), read_only=True) as con:
        return con.execute(query).fetchall()


def change(folder: Path) -> None:
    """Berta's 4 becomes a 5 at the source, of another day, so that it is read again."""
    write_school(folder / "north.duckdb", marks=[*MARKS[:2], (12, 2, "2024-07-01", 5)])


OLD, NEW = [(1, 16), (2, 4)], [(1, 16), (2, 5)]


# --- the published file is open for writing in a client ----------------------------------------------------


def test_a_client_that_has_the_file_open_ends_no_run_and_readers_get_the_new_version(run: Run, folder: Path) -> None:
    run()
    change(folder)
    with client(folder / "w.duckdb") as other:
        report = run()
        assert report.exit_code == 0
        assert report.published
        [note] = [note for note in report.notes if "beside" in note]
        assert f"python{sys.version_info.major}" in note
        assert f"PID {other.process.pid}" in note
        assert "w.next.duckdb" in note
        assert other.ask("SELECT total FROM gold.mart_pupil ORDER BY pupil_id") == "[(16,), (4,)]"
        assert totals(folder) == NEW
        [to_do] = padm.status(config=folder / "padm.toml").to_do
        assert "w.next.duckdb" in to_do
        mirror = f"duckdb://{folder}/mirror.duckdb"
        publish(load_config(folder / "padm.toml"), mirror, tables=["mart_pupil"])
    assert plain(folder / "mirror.duckdb", "SELECT total FROM gold.mart_pupil WHERE pupil_id = 2") == [(5,)]


def test_what_the_client_writes_is_kept_and_stands_in_the_next_version(run: Run, folder: Path) -> None:
    """And none of it is taken for a part of a version that it was not written into."""
    run()
    with client(folder / "w.duckdb") as other:
        change(folder)
        run()
        other.ask("CREATE TABLE main.mine AS SELECT 42 AS answer")
        other.ask("INSERT INTO gold.mart_pupil BY NAME SELECT 'north' AS source_db, 99 AS pupil_id, 0 AS marks, 0 AS total")
        assert totals(folder) == NEW
        assert run().exit_code == 0, "again, with theirs changed by now"
        assert totals(folder) == NEW
    assert run(full_refresh=True).exit_code == 0
    assert plain(folder / "w.duckdb", "SELECT answer FROM main.mine") == [(42,)]
    assert totals(folder) == NEW
    assert not (folder / "w.next.duckdb").exists()
    assert padm.status(config=folder / "padm.toml").to_do == []


def test_the_next_run_gives_the_version_its_place_though_nothing_is_new(run: Run, folder: Path) -> None:
    run()
    change(folder)
    with client(folder / "w.duckdb"):
        first = run()
    report = run()
    assert report.status == "up to date"
    assert plain(folder / "w.duckdb", "SELECT total FROM gold.mart_pupil WHERE pupil_id = 2") == [(5,)]
    assert not (folder / "w.next.duckdb").exists()
    assert [r.run_id for r in padm.history(config=folder / "padm.toml").runs] == [report.run_id, first.run_id, *ids(folder)[2:]]


def ids(folder: Path) -> list[str]:
    return [record.run_id for record in padm.history(config=folder / "padm.toml").runs]


def test_a_client_that_comes_while_a_run_goes_on_is_waited_for(run: Run, folder: Path) -> None:
    """It closes the file within the time: the version takes its place as always."""
    run()
    change(folder)
    said: list[str] = []

    class Arriving(Progress):
        def phase(self, name: str, steps: int | None = None) -> None:
            if name == "build":
                self.other = client(folder / "w.duckdb")
                self.closing = threading.Timer(1.0, self.other.__enter__().close)
                self.closing.start()

        def note(self, text: str) -> None:
            said.append(text)

    report = run(progress=Arriving(), wait=30)
    assert not [note for note in report.notes if "beside" in note]
    assert [text for text in said if re.search(r"open for writing .* Waiting for up to 30 seconds", text)]
    assert plain(folder / "w.duckdb", "SELECT total FROM gold.mart_pupil WHERE pupil_id = 2") == [(5,)]


def test_a_failure_is_told_later_where_a_client_has_the_file(run: Run, folder: Path) -> None:
    run()
    write_school(folder / "north.duckdb", marks=[(12, 2, "2024-07-01", 11)])
    with client(folder / "w.duckdb"), pytest.raises(padm.PadmError, match="mark"):
        run()
    assert [record.status for record in padm.history(config=folder / "padm.toml").runs] == ["failed", "ok"]
    write_school(folder / "north.duckdb")
    run()
    assert [status for (status,) in plain(folder / "w.duckdb", "SELECT status FROM _padm.runs ORDER BY started_at")][:2] == [
        "ok",
        "failed",
    ]


def test_a_connection_in_the_same_process_is_somebody_elses_too(run: Run, folder: Path) -> None:
    run()
    change(folder)
    with duckdb.connect(str(folder / "w.duckdb"), config={"threads": 1}) as mine:
        assert run().exit_code == 0
        assert mine.execute("SELECT total FROM gold.mart_pupil WHERE pupil_id = 2").fetchall() == [(4,)]
    assert totals(folder) == NEW


def test_without_a_version_of_ours_there_is_nothing_to_build_on(run: Run, folder: Path) -> None:
    duckdb.connect(str(folder / "w.duckdb")).close()
    with client(folder / "w.duckdb") as other, pytest.raises(WarehouseBusy, match=f"PID {other.process.pid}"):
        run()


def test_a_mirror_that_a_client_has_open_is_waited_for_and_never_replaced_under_it(run: Run, folder: Path) -> None:
    run()
    config, mirror = load_config(folder / "padm.toml"), folder / "mirror.duckdb"
    publish(config, f"duckdb://{mirror}", tables=["mart_pupil"])
    with client(mirror) as other:
        with pytest.raises(WarehouseBusy, match=f"PID {other.process.pid}"):
            publish(config, f"duckdb://{mirror}", tables=["mart_pupil"], wait=0.3)
        threading.Timer(1.0, other.close).start()
        assert publish(config, f"duckdb://{mirror}", tables=["mart_pupil"], wait=30).exit_code == 0


# --- another run ---------------------------------------------------------------------------------------------


def test_a_second_run_waits_for_the_first_and_says_for_whom(run: Run, folder: Path) -> None:
    said: list[str] = []

    class Hearing(Progress):
        def note(self, text: str) -> None:
            said.append(text)

    backend = backend_of(load_config(folder / "padm.toml"))
    with backend.open():
        with pytest.raises(WarehouseBusy, match=rf"another run \(process {os.getpid()} on \S+, since \d{{4}}-\d\d-\d\d "):
            run(wait=0)
        began = time.monotonic()
        with pytest.raises(WarehouseBusy):
            run(wait=0.5)
        assert 0.4 < time.monotonic() - began < 5
    held = backend.open()
    held.__enter__()
    threading.Timer(0.7, held.__exit__, (None, None, None)).start()
    assert run(progress=Hearing(), wait=30).exit_code == 0
    assert [text for text in said if "Waiting for up to 30 seconds" in text] == said[:1]


def test_a_process_that_was_killed_holds_no_lock(folder: Path, run: Run) -> None:
    code = "import time\nfrom padm_ibis.backends.base import backend_of\nfrom padm_ibis.config import load_config\n"
    code += "with backend_of(load_config('padm.toml')).open():\n    print('held', flush=True)\n    time.sleep(60)"
    for prelude in ("", WITHOUT_FLOCK):  # where the system has locks, and where a marker file stands for one
        with subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", prelude + code], cwd=folder, env=alone(), stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "held\n"
            refused = padm_ibis(folder, prelude, "run", "--as-of", "2024-12-31", "--wait", "0.2")
            assert refused.returncode == 4, refused.stderr
            assert re.search(rf"another run \(process {process.pid} on ", refused.stderr)
            process.send_signal(signal.SIGKILL)
        done = padm_ibis(folder, prelude, "run", "--as-of", "2024-12-31", "--wait", "20")
        assert done.returncode == 0, done.stderr
        (folder / ".w.duckdb.padm" / "lock").unlink(missing_ok=True)


WITHOUT_FLOCK = """
import errno, fcntl
def missing(*_):
    raise OSError(errno.ENOSYS, "Function not implemented")
fcntl.flock = missing
"""
ELSEWHERE = (
    "import os, sys\nsys.modules.update(dict.fromkeys(['fcntl', 'grp', 'pwd', 'pty', 'resource', 'termios', 'tty', 'syslog']))\n"
    "del os.mkfifo, os.chown, os.copy_file_range, os.getuid, os.geteuid\n"
)
"""What a system has not that is no Unix."""


def alone() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}", "COLUMNS": "200"}


def padm_ibis(folder: Path, prelude: str, *line: str) -> subprocess.CompletedProcess[str]:
    program = f"{prelude}\nfrom padm_ibis.cli import main\nmain({list(line)!r})"
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        cwd=folder, env=alone(), capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


# --- another system --------------------------------------------------------------------------------------------


def test_the_package_needs_nothing_of_unix_to_be_imported() -> None:
    modules = sorted(modules_of(ROOT / "padm_ibis"))
    assert len(modules) > 200
    program = f"{ELSEWHERE}\nfrom importlib import import_module\nfor name in {modules!r}:\n    import_module(name)"
    done = subprocess.run([sys.executable, "-c", program], env=alone(), capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr


def modules_of(package: Path) -> Iterator[str]:
    for file in package.rglob("*.py"):
        name = ".".join(file.relative_to(package.parent).with_suffix("").parts).removesuffix(".__init__")
        if name != "padm_ibis.cli":
            yield name


def test_a_duckdb_warehouse_is_built_there_and_a_postgres_one_says_that_it_cannot_be(folder: Path) -> None:
    done = padm_ibis(folder, ELSEWHERE, "run", "--as-of", "2024-12-31")
    assert done.returncode == 0, done.stderr
    assert totals(folder) == OLD
    done = padm_ibis(folder, ELSEWHERE, "run", "--warehouse", "postgres://me@127.0.0.1:1/x")
    assert done.returncode == 3
    assert "cannot be built on this system" in done.stderr


def test_patience_is_for_what_is_in_use_alone() -> None:
    tries: list[int] = []

    def broken() -> None:
        tries.append(1)
        raise WarehouseError("broken")

    with pytest.raises(WarehouseError, match="broken"):
        Patience(5).of(broken)
    assert tries == [1]
