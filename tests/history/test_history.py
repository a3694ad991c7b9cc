"""However a run ends, it stands in ``_padm.runs``, in `history` and in `status`; what readers see else does not change."""

from __future__ import annotations

import datetime as dt
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
import small_school as school
from small_school import MARKS, write_config, write_school

import padm_ibis as padm
from padm_ibis import processes
from padm_ibis.backends.base import backend_of
from padm_ibis.cli import invoke
from padm_ibis.config import load_config
from padm_ibis.engine.history import read
from padm_ibis.engine.journal import KEPT, Journal
from padm_ibis.errors import CheckFailed, UnknownName, UsageError, WarehouseBusy, WarehouseError
from padm_ibis.report import history as told
from padm_ibis.report.history import RunRecord
from padm_ibis.report.run import RunReport

Run = Callable[..., RunReport]
AS_OF = "2024-12-31"
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
        return padm.run(**{"as_of": AS_OF, "config": folder / "padm.toml", **options})

    return _run


def rows(folder: Path, query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect() as con:
        con.execute(f"ATTACH '{folder / 'w.duckdb'}' AS w (READ_ONLY)")
        con.execute("USE w")
        return con.execute(query).fetchall()


def outcomes(folder: Path) -> list[str]:
    return [r.status for r in padm.history(config=folder / "padm.toml").runs]


def in_table(folder: Path) -> list[str]:
    return [status for (status,) in rows(folder, "SELECT status FROM _padm.runs ORDER BY started_at, run_id")]


_VICTIM = """
import sys, time
import padm_ibis as padm
from padm_ibis.engine import build, load, run

def wait(*args, **kwargs):
    print("now", flush=True)
    time.sleep(60)
module, name = sys.argv[2].split(".")
setattr({"build": build, "run": run}[module], name, wait)
padm.run(as_of="2024-12-31", config=sys.argv[1])
"""


def victim(folder: Path, moment: str) -> subprocess.Popen[str]:
    """A run that has come to ``moment`` and stays there."""
    command = [sys.executable, "-c", _VICTIM, str(folder / "padm.toml"), moment]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(Path(school.__file__).parent), os.environ.get("PYTHONPATH", "")]),
    }
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    assert process.stdout is not None
    assert process.stdout.readline() == "now\n"
    return process


def kill(process: subprocess.Popen[str], number: signal.Signals = signal.SIGKILL) -> None:
    process.send_signal(number)
    process.wait()
    assert process.stdout is not None
    process.stdout.close()


# --- every end of a run ------------------------------------------------------------------------------------


def test_a_failed_run_stands_in_the_warehouse_that_people_read_with_its_error(run: Run, folder: Path) -> None:
    run()
    marts = rows(folder, "FROM gold.mart_pupil ORDER BY ALL")
    write_school(folder / "north.duckdb", marks=BAD)
    with pytest.raises(CheckFailed) as caught:
        run()
    ((status, error, published),) = rows(
        folder, f"SELECT status, error, published FROM _padm.runs WHERE run_id = '{caught.value.report.run_id}'"
    )
    assert (status, published) == ("failed", False)
    assert "fact_mark: value: less_than_or_equal_to(10): 1 row" in error
    assert rows(folder, "FROM gold.mart_pupil ORDER BY ALL") == marts
    assert rows(folder, "SELECT table_name, failed_rows FROM _padm.check_results WHERE verdict = 'error'") == [("fact_mark", 1)]
    with padm.connect(folder / "padm.toml") as warehouse:
        assert warehouse.run_id == padm.history(config=folder / "padm.toml").runs[1].run_id  # the version is the good run's


def test_a_partial_run_without_news_is_told_to_readers_all_the_same(folder: Path, run: Run) -> None:
    write_config(folder, folder / "north.duckdb", write_school(folder / "south.duckdb"))
    run()
    before = rows(folder, "SELECT run_id FROM _padm.runs")
    (folder / "south.duckdb").rename(folder / "away")
    report = run()
    assert (report.status, report.published) == ("partial", False)
    assert in_table(folder) == ["ok", "partial"]
    ((details,),) = rows(folder, f"SELECT details FROM _padm.runs WHERE run_id = '{report.run_id}'")
    assert [f["source_db"] for f in json.loads(details)["failures"]] == ["south"]
    with padm.connect(folder / "padm.toml") as warehouse:
        assert [(warehouse.run_id,)] == before  # it published nothing: the version is still the first run's
    (folder / "away").rename(folder / "south.duckdb")
    assert run().status == "up to date"
    assert outcomes(folder) == ["up to date", "partial", "ok"]


@pytest.mark.parametrize("moment", ["run.load", "build._check_relations", "run._conclude"])
def test_a_run_killed_at_any_moment_is_found_and_stands_in_the_warehouse_after_the_next(
    run: Run, folder: Path, moment: str
) -> None:
    first = run()
    write_school(folder / "north.duckdb", marks=[*MARKS, (13, 2, "2024-08-01", 6)])
    process = victim(folder, moment)
    assert outcomes(folder) == ["running", "ok"]
    kill(process)
    killed, good = padm.history(config=folder / "padm.toml").runs
    assert (killed.status, killed.seconds, good.run_id) == ("killed", None, first.run_id)
    assert killed.error == f"Killed: process {process.pid} on {socket.gethostname()} ended before the run did."
    assert in_table(folder) == ["ok"]
    assert run().published
    assert in_table(folder) == ["ok", "killed", "ok"]
    assert rows(folder, "SELECT error FROM _padm.runs WHERE status = 'killed'") == [(killed.error,)]
    assert outcomes(folder) == ["ok", "killed", "ok"]


def test_a_killed_run_is_told_to_readers_by_a_next_one_that_has_nothing_new(run: Run, folder: Path) -> None:
    run()
    kill(victim(folder, "run.load"), signal.SIGTERM)
    report = run()
    assert in_table(folder)[:2] == ["ok", "killed"]
    assert outcomes(folder) == [report.status, "killed", "ok"]


def test_an_interrupted_run_is_killed_and_says_so(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run()

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("padm_ibis.engine.run.load", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run()
    assert in_table(folder) == ["ok", "killed"]
    assert json.loads((folder / ".w.duckdb.padm" / "last_run.json").read_text())["status"] == "killed"


def test_an_unexpected_error_is_a_failed_run_whose_text_is_kept_out(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A text that nobody wrote for people may hold anything, a name for instance."""
    run()

    def broken(*_: object) -> None:
        raise KeyError("Ana Pérez")

    monkeypatch.setattr("padm_ibis.engine.run.load", broken)
    with pytest.raises(KeyError):
        run()
    assert rows(folder, "SELECT status, error FROM _padm.runs WHERE status <> 'ok'") == [
        ("failed", "An unexpected KeyError ended the run.")
    ]
    assert "Pérez" not in (folder / ".w.duckdb.padm" / "last_run.json").read_text()
    assert b"P\xc3\xa9rez" not in (folder / "w.duckdb").read_bytes()


def test_a_first_run_that_fails_is_told_before_there_is_a_warehouse_and_after(run: Run, folder: Path) -> None:
    write_school(folder / "north.duckdb", marks=BAD)
    with pytest.raises(CheckFailed):
        run()
    assert not (folder / "w.duckdb").exists()
    assert outcomes(folder) == ["failed"]
    write_school(folder / "north.duckdb", marks=MENDED)
    run()
    assert in_table(folder) == ["failed", "ok"]


def test_a_run_whose_warehouse_cannot_be_written_is_told_beside_it_and_later_in_it(run: Run, folder: Path) -> None:
    run()
    (folder / "w.duckdb").chmod(0o444)
    with pytest.raises(WarehouseError, match="read-only"):
        run()
    assert outcomes(folder) == ["failed", "ok"]
    assert in_table(folder) == ["ok"]
    (folder / "w.duckdb").chmod(0o644)
    run()
    assert in_table(folder)[:2] == ["ok", "failed"]


def test_no_secret_and_no_password_reaches_the_history(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_URL", "postgres://reader:sup3rs3cret@127.0.0.1:1/none")
    text = (folder / "padm.toml").read_text()
    (folder / "padm.toml").write_text(
        text + '\n[sources.far]\nkind = "small_school"\nschema = "school"\nurl = "${SECRET_URL}"\nconnect_retries = 0\n'
    )
    assert padm.run(as_of=AS_OF, config=folder / "padm.toml").status == "partial"
    kept = [(folder / "w.duckdb").read_bytes(), *(p.read_bytes() for p in (folder / ".w.duckdb.padm").rglob("*.json"))]
    assert len(kept) >= 3
    assert not [text for text in kept if b"sup3rs3cret" in text]


# --- runs that never began ---------------------------------------------------------------------------------


def start(run: Run, folder: Path, how: str) -> None:
    if how == "unknown table":
        run(select="nothing_of_this_name")
    elif how == "no source":
        write_config(folder, more="[pipeline]\nmax_inactive_years = 3")
        run()
    else:
        with backend_of(load_config(folder / "padm.toml")).open():
            run(wait=0)


@pytest.mark.parametrize("how", ["unknown table", "no source", "busy"])
def test_a_run_that_never_began_leaves_what_is_said_of_the_last_one(run: Run, folder: Path, how: str) -> None:
    run()
    before, left = (folder / "w.duckdb").read_bytes(), (folder / ".w.duckdb.padm" / "last_run.json").read_bytes()
    with pytest.raises(WarehouseBusy if how == "busy" else UsageError):
        start(run, folder, how)
    assert (folder / ".w.duckdb.padm" / "last_run.json").read_bytes() == left
    assert (folder / "w.duckdb").read_bytes() == before
    assert outcomes(folder) == ["ok"]


# --- readers and warehouses in the way ---------------------------------------------------------------------


def test_whoever_reads_while_a_failure_is_told_reads_on(run: Run, folder: Path) -> None:
    run()
    with padm.connect(folder / "padm.toml") as old:
        before = old.execute("SELECT count(*) FROM _padm.runs")
        write_school(folder / "north.duckdb", marks=BAD)
        with pytest.raises(CheckFailed):
            run()
        assert old.execute("SELECT count(*) FROM _padm.runs") == before
        assert old.gold.mart_pupil.count().to_pyarrow().as_py() == 2
    assert in_table(folder) == ["ok", "failed"]
    assert not list((folder / ".w.duckdb.padm").glob("publish-*"))
    write_school(folder / "north.duckdb", marks=MENDED)
    assert run().status == "ok"


def test_a_damaged_warehouse_is_said_to_be_and_its_history_told_from_beside_it(run: Run, folder: Path) -> None:
    run()
    (folder / "w.duckdb").write_bytes(b"no database")
    found = padm.history(config=folder / "padm.toml")
    assert [r.status for r in found.runs] == ["ok"]
    assert found.exit_code == 3
    assert "is not a DuckDB file" in (found.trouble or "")
    state = padm.status(config=folder / "padm.toml")
    assert state.exit_code == 3
    assert "The warehouse could not be read." in state.to_do[0]


def test_a_run_goes_on_where_it_cannot_be_written_down_beside_the_warehouse(run: Run, folder: Path) -> None:
    (folder / ".w.duckdb.padm").mkdir()
    (folder / ".w.duckdb.padm" / "runs").write_text("in the way")
    report = run()
    assert (report.status, report.published) == ("ok", True)
    assert "could not be written down in" in report.notes[0]
    assert outcomes(folder) == ["ok"]


def test_a_damaged_record_hides_no_other(run: Run, folder: Path) -> None:
    run()
    runs = folder / ".w.duckdb.padm" / "runs"
    (runs / "20200101T000000-0000.json").write_text('{"half')
    (runs / "20200102T000000-0000.json").write_text("[]")
    assert outcomes(folder) == ["ok"]
    assert run().status == "up to date"
    assert outcomes(folder) == ["up to date", "ok"]


def test_a_warehouse_of_an_earlier_version_tells_its_runs(run: Run, folder: Path) -> None:
    run()
    for name in ("work.duckdb", "published.json"):
        (folder / ".w.duckdb.padm" / name).unlink()
    for kept in (folder / ".w.duckdb.padm" / "runs").iterdir():
        kept.unlink()
    with duckdb.connect(str(folder / "w.duckdb")) as con:
        for column in ("published", "details", "contents", "versions"):
            con.execute(f"ALTER TABLE _padm.runs DROP COLUMN {column}")
    (one,) = padm.history(config=folder / "padm.toml").runs
    assert (one.status, one.published, one.tables) == ("ok", None, 3)
    with padm.connect(folder / "padm.toml") as warehouse:
        assert warehouse.run_id == one.run_id
    assert padm.status(config=folder / "padm.toml").exit_code == 0
    run()
    assert len(padm.history(config=folder / "padm.toml").runs) == 2


# --- asking ------------------------------------------------------------------------------------------------


def record(name: str, status: Any, minute: int) -> RunRecord:
    return RunRecord(name, dt.datetime(2025, 1, 1, 2, minute), status, "gold", None, "1")


def test_the_run_before_is_the_last_that_ended() -> None:
    runs = [record("d", "ok", 4), record("a", "ok", 1), record("c", "running", 3), record("b", "failed", 2)]
    assert [r and r.run_id for r in (told.before(runs, n) for n in "abcd")] == [None, "a", "b", "b"]
    assert told.before(runs, "not written down yet") == runs[0]
    assert told.troubled_since(runs) is None
    assert told.troubled_since(runs[1:]) == dt.datetime(2025, 1, 1, 2, 2)
    assert told.troubled_since([record("e", "killed", 5), *runs[1:]]) == dt.datetime(2025, 1, 1, 2, 2)
    assert told.troubled_since([]) is None


def test_a_record_is_read_as_it_was_written() -> None:
    one = RunRecord(
        "r", dt.datetime(2025, 1, 1), "partial", "gold", dt.date(2024, 12, 31), "1", {"a": 1}, dt.datetime(2025, 1, 2), 1.5,
        True, 1, 2, 3, [{"source_db": "x"}], "é", {"notes": ["n"]},
    )  # fmt: skip
    assert RunRecord.from_dict(json.loads(json.dumps(one.as_dict()))) == one


def test_the_journal_keeps_the_newest(folder: Path) -> None:
    journal = Journal(load_config(folder / "padm.toml"))
    names = [f"20250101T{n:06}-aaaa" for n in range(KEPT + 3)]
    for name in names:
        journal.put(record(name, "ok", 0))
    assert journal.ids() == names[3:]


def test_a_number_given_to_another_process_is_another_process() -> None:
    me = os.getpid()
    assert processes.is_alive(me, processes.birth(me))
    assert processes.birth(me) == "" or not processes.is_alive(me, processes.birth(me) + "0")


def test_one_run_is_named_by_its_beginning_or_as_the_last(run: Run, folder: Path) -> None:
    first = run()
    write_school(folder / "north.duckdb", marks=BAD)
    with pytest.raises(CheckFailed):
        run()
    assert padm.history(first.run_id, config=folder / "padm.toml").runs[0].status == "ok"
    assert padm.history("last", config=folder / "padm.toml").runs[0].status == "failed"
    with pytest.raises(UnknownName, match=first.run_id):
        padm.history("2", config=folder / "padm.toml")  # the beginning of both
    with pytest.raises(UnknownName):
        padm.history("nobody", config=folder / "padm.toml")
    assert [r.run_id for r in read(load_config(folder / "padm.toml")).runs][1] == first.run_id


def test_the_details_of_a_run_say_what_was_read_built_and_found(
    run: Run, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run()
    write_school(folder / "north.duckdb", marks=BAD)
    with pytest.raises(CheckFailed):
        run()
    assert invoke(["history", "last"]) == 0
    out = capsys.readouterr().out
    assert "north: 1 row of 2 resources, 1 changed" in out, "the mark that is new lies alone in its bucket"
    assert "silver.fact_mark failed, 4 rows" in out
    assert "gold.mart_pupil skipped, 0 rows" in out
    assert "failed fact_mark: value: less_than_or_equal_to(10): 1 row" in out
    assert "no: readers kept the version before" in out
    assert invoke(["history"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in lines] == ["failed", "ok"]
    assert max(map(len, lines)) <= 80
