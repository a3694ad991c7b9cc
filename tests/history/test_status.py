"""`status`: one screen, and an exit code that says whether somebody has to do something."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
from small_school import MARKS, write_config, write_school

import padm_ibis as padm
from padm_ibis.cli import invoke
from padm_ibis.config import load_config
from padm_ibis.engine.status import status_of
from padm_ibis.errors import CheckFailed
from padm_ibis.report.run import RunReport
from padm_ibis.report.status import Status

Run = Callable[..., RunReport]
BAD = [*MARKS, (13, 1, "2024-08-01", 12)]
MENDED = [*MARKS, (13, 1, "2024-08-01", 10)]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_config(tmp_path, write_school(tmp_path / "north.duckdb"))
    return tmp_path


@pytest.fixture
def run(folder: Path) -> Run:
    def _run(**options: Any) -> RunReport:
        return padm.run(**{"as_of": "2024-12-31", "config": folder / "padm.toml", **options})

    return _run


def hence(folder: Path, **span: float) -> Status:
    """The state as it will be after some time without any run."""
    now = dt.datetime.now(dt.UTC).replace(tzinfo=None) + dt.timedelta(**span)
    return status_of(load_config(folder / "padm.toml", secrets=False), now, None)


def test_all_is_well_after_a_good_run_and_after_one_without_news(run: Run, folder: Path) -> None:
    run()
    assert padm.status(config=folder / "padm.toml").exit_code == 0
    run()
    found = padm.status(config=folder / "padm.toml")
    assert (found.exit_code, found.to_do) == (0, [])
    assert found.last is not None
    assert found.last.status == "up to date"
    assert found.last is found.last_good


def test_no_warehouse_yet_is_something_to_do(folder: Path) -> None:
    found = padm.status(config=folder / "padm.toml")
    assert found.exit_code == 1
    assert found.to_do == ["There is no warehouse yet. Build one: padm-ibis run"]
    assert not (folder / ".w.duckdb.padm").exists(), "to ask leaves nothing behind"


def test_a_failed_run_is_something_to_do_until_a_good_one(run: Run, folder: Path) -> None:
    good = run()
    write_school(folder / "north.duckdb", marks=BAD)
    with pytest.raises(CheckFailed):
        run()
    found = padm.status(config=folder / "padm.toml")
    assert found.exit_code == 1
    assert found.last is not None
    assert found.last_good is not None
    assert (found.last.status, found.last_good.run_id) == ("failed", good.run_id)
    assert [(c.table, c.failed) for c in found.failed_checks] == [("fact_mark", 1)]
    write_school(folder / "north.duckdb", marks=MENDED)
    run()
    assert padm.status(config=folder / "padm.toml").to_do == []


def test_a_check_that_fails_is_something_to_do_until_one_that_does_not(run: Run, folder: Path) -> None:
    """A column that somebody changed in the published file is mended by no run that has nothing new."""
    run()

    def change(value: int) -> None:
        with duckdb.connect(str(folder / "w.duckdb")) as con:
            con.execute(f"UPDATE silver.fact_mark SET value = {value} WHERE mark_id = 10")

    change(77)
    assert invoke(["check", "--offline"]) == 1
    found = padm.status(config=folder / "padm.toml")
    assert [(c.table, c.failed) for c in found.failed_checks] == [("fact_mark", 1)]
    assert found.to_do == ["1 check failed: padm-ibis check"]
    change(7)
    assert invoke(["check", "--offline"]) == 0
    assert padm.status(config=folder / "padm.toml").to_do == []


def test_a_source_grows_late_and_a_run_without_news_makes_it_fresh(run: Run, folder: Path) -> None:
    run()
    assert hence(folder, hours=47).sources[0].late == ()
    late = hence(folder, hours=49)
    assert late.sources[0].late == ("marks", "pupils")
    assert late.exit_code == 1
    with duckdb.connect(str(folder / "w.duckdb")) as con:  # as if the last news had come a week ago
        con.execute("UPDATE _padm.watermarks SET extracted_at = extracted_at - INTERVAL 7 DAY")
        con.execute("UPDATE _padm.runs SET started_at = started_at - INTERVAL 7 DAY")
    for kept in (folder / ".w.duckdb.padm" / "runs").iterdir():
        kept.unlink()
    assert hence(folder).sources[0].late == ("marks", "pupils")
    assert run().status == "up to date"
    assert hence(folder).sources[0].late == ()


def test_one_source_that_is_down_is_named_and_its_age_told(folder: Path, run: Run) -> None:
    write_config(folder, folder / "north.duckdb", write_school(folder / "south.duckdb"))
    run()
    (folder / "south.duckdb").unlink()
    run()
    found = hence(folder, days=3)
    assert [(s.source_db, bool(s.late)) for s in found.sources] == [("north", True), ("south", True)]
    assert found.last is not None
    assert [f["source_db"] for f in found.last.details["failures"]] == ["south"]
    with duckdb.connect(str(folder / "w.duckdb")) as con:
        con.execute("UPDATE _padm.watermarks SET extracted_at = extracted_at - INTERVAL 7 DAY")
        con.execute("UPDATE _padm.runs SET started_at = started_at - INTERVAL 7 DAY WHERE status = 'ok'")
    for kept in sorted((folder / ".w.duckdb.padm" / "runs").iterdir())[:1]:
        kept.unlink()
    assert [(s.source_db, bool(s.late)) for s in hence(folder).sources] == [("north", False), ("south", True)]


def test_the_screen_and_the_json(run: Run, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run()
    (folder / ".w.duckdb.padm" / "schedule.json").write_text(
        json.dumps({"at": "02:00", "timezone": "UTC", "arguments": [], "pid": 1, "next_run": "2031-01-01T02:00:00+00:00",
                    "running_since": None, "runs": []})
    )  # fmt: skip
    capsys.readouterr()
    assert invoke(["status", "--json", "s.json"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line[:14].strip() for line in lines] == ["warehouse", "last good run", "sources", "next run", "to do"]
    assert lines[2].endswith("north: read just now")
    assert lines[3].endswith("2031-01-01T02:00:00+00:00")
    assert lines[4].endswith("nothing")
    found = json.loads((folder / "s.json").read_text())
    assert found["exit_code"] == 0
    found = found["result"]
    assert found["last"]["status"] == "ok"
    assert found["next_run"] == "2031-01-01T02:00:00+00:00"
