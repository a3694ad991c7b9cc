"""The schedule: one process keeps the time, each run is another."""

from __future__ import annotations

import datetime as dt
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from servers import webhook_server
from small_school import write_config, write_school

from padm_ibis import schedule
from padm_ibis.config import load_config
from padm_ibis.engine.journal import Journal
from padm_ibis.errors import UsageError

COMMAND = [sys.executable, "-m", "padm_ibis.cli", "schedule"]


def start(folder: Path, at: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*COMMAND, "--at", at, "--timezone", "UTC", "--layer", "bronze"], cwd=folder, stderr=subprocess.PIPE, text=True
    )


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stderr is not None
    return process.stderr.readline()


@pytest.fixture
def keeper(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    at = dt.datetime.now(dt.UTC) + dt.timedelta(hours=6)
    process = start(tmp_path, f"{at:%H:%M}")
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("text", ["25:00", "2", "noon", "02:60"])
def test_what_is_no_time_of_day_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="no time of day"):
        schedule.parse_time(text)


def test_a_schedule_says_when_it_runs_next_and_stops_cleanly_on_sigterm(keeper: subprocess.Popen[str], tmp_path: Path) -> None:
    assert "every day at" in first_line(keeper)
    config = load_config(None, None, f"duckdb://{tmp_path / 'warehouse.duckdb'}")
    known = schedule.status(config)
    assert known is not None
    assert known.pid == keeper.pid
    wait = dt.datetime.fromisoformat(str(known.next_run)) - dt.datetime.now(dt.UTC)
    assert dt.timedelta(hours=5, minutes=58) < wait <= dt.timedelta(hours=6)

    second = subprocess.run([*COMMAND, "--at", "03:00"], cwd=tmp_path, capture_output=True, text=True)
    assert second.returncode == 4
    assert f"process {keeper.pid}" in second.stderr

    keeper.send_signal(signal.SIGTERM)
    assert keeper.wait(20) == 0
    after = schedule.status(config)
    assert after is not None
    assert (after.pid, after.next_run) == (None, None)


def test_a_schedule_that_was_killed_is_not_taken_for_a_running_one(keeper: subprocess.Popen[str], tmp_path: Path) -> None:
    first_line(keeper)
    keeper.kill()
    keeper.wait(20)
    known = schedule.status(load_config(None, None, f"duckdb://{tmp_path / 'warehouse.duckdb'}"))
    assert known is not None
    assert known.pid is None


def test_a_failed_run_is_noted_and_the_schedule_goes_on(tmp_path: Path) -> None:
    (tmp_path / "padm.toml").write_text('[warehouse]\nurl = "duckdb://warehouse.duckdb"\n[privacy]\nhash_key = "k"\n')
    config = load_config(tmp_path / "padm.toml")
    told: list[str] = []
    keeper = schedule._Keeper(
        config, schedule.ScheduleStatus("02:00", "UTC", ["--config", str(tmp_path / "padm.toml")]), told.append
    )
    keeper.take_over()
    keeper.run_once(_NoScheduler())  # no source is configured: exit code 2
    keeper.run_once(_NoScheduler())
    assert [run.exit_code for run in keeper.status.runs] == [2, 2]
    assert "usage or configuration" in told[1]


def test_what_is_not_said_is_taken_from_the_configuration(tmp_path: Path) -> None:
    at = dt.datetime.now(dt.UTC) + dt.timedelta(hours=6)
    written = f'[schedule]\nat = "{at:%H:%M}"\ntimezone = "UTC"\nlayer = "silver"\npublish = true\n'
    (tmp_path / "padm.toml").write_text(written, encoding="utf-8")
    for more, arguments in (([], ["--layer", "silver", "--publish"]), (["--no-publish", "--layer", "gold"], ["--layer", "gold"])):
        with subprocess.Popen([*COMMAND, *more], cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
            assert f"every day at {at:%H:%M} (UTC)" in first_line(process)
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0
        known = schedule.status(load_config(tmp_path / "padm.toml"))
        assert known is not None
        assert known.arguments == arguments


def test_a_run_that_is_killed_is_told_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
    monkeypatch.setenv("PYTHONPATH", paths)
    with webhook_server() as channel:
        path = write_config(tmp_path, write_school(tmp_path / "north.duckdb"), more=channel.section())
        config = load_config(path)
        known = schedule.ScheduleStatus("02:00", "UTC", ["--config", str(path), "--as-of", "2024-12-31"])
        keeper = schedule._Keeper(config, known, lambda line: None)
        watching = threading.Thread(target=keeper.run_once, args=[_NoScheduler()])
        watching.start()
        journal, deadline = Journal(config), time.monotonic() + 60
        while not journal.ids() and time.monotonic() < deadline:
            time.sleep(0.005)
        assert keeper.child is not None
        keeper.child.kill()
        watching.join(60)
        assert [run.outcome for run in keeper.status.runs] == ["ended by SIGKILL"]
        assert [text.partition(":")[2].partition(":")[0] for text in channel.texts] == [f" run {journal.ids()[0]} was killed"]


class _NoScheduler:
    def get_job(self, name: str) -> None:
        return None


@pytest.mark.campaign
def test_the_run_starts_at_its_time(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    if not request.config.getoption("--campaign"):
        pytest.skip("waits up to two minutes for the clock: --campaign; its parts are tested above")
    at = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=70)
    process = start(tmp_path, f"{at:%H:%M}")
    config = load_config(None, None, f"duckdb://{tmp_path / 'warehouse.duckdb'}")
    try:
        deadline = time.monotonic() + 180
        while time.monotonic() < deadline:
            known = schedule.status(config)
            if known and known.runs:
                break
            time.sleep(1)
        assert known is not None
        assert [run.exit_code for run in known.runs] == [0]
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.communicate()


def test_what_a_schedule_writes_down_holds_no_password_and_what_it_runs_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    address = "postgres://me:s3cr3t%40word@127.0.0.1:1/db"
    config = load_config(None, None, address)
    known = schedule.ScheduleStatus("02:00", "UTC", ["--warehouse", address])
    keeper = schedule._Keeper(config, known, print)
    keeper.write()
    assert keeper.arguments == ["--warehouse", address]
    assert known.arguments == ["--warehouse", "postgres://me:***@127.0.0.1:1/db"]
    assert "s3cr3t" not in "".join(f.read_text(encoding="utf-8") for f in config.state.rglob("*") if f.is_file())
