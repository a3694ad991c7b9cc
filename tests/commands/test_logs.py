"""Messages as JSON and in a file: every line with its run, nothing lost when the file is full, no secret anywhere."""

from __future__ import annotations

import datetime as dt
import json
import logging
import os
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from command_lines import LINES

from padm_ibis.cli import invoke
from padm_ibis.commands._logfile import File
from padm_ibis.commands._logs import ROOT, Logs
from padm_ibis.config import load_config

LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (INFO   |WARNING|ERROR  ) (\S+) (padm_ibis\S*): .")
TOO_HIGH = """
import duckdb
with duckdb.connect("north.duckdb") as con:
    con.execute("INSERT INTO school.mark VALUES (13, 2, DATE '2024-08-01', 12)")
"""


def objects(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_every_line_of_a_run_is_an_object_with_its_run_id(folder) -> None:
    done = folder.shell("$PADM run --as-of 2024-11-30 --log-format json --json answer.json 2>&1")
    assert done.returncode == 0
    found = objects(done.stdout)
    assert {tuple(item) for item in found} == {("time", "level", "logger", "run_id", "message")}
    run_id = json.loads((folder.path / "answer.json").read_text(encoding="utf-8"))["result"]["run_id"]
    assert {item["run_id"] for item in found} == {run_id}
    assert {item["logger"] for item in found} == {"padm_ibis.progress", "padm_ibis.report"}
    assert found[0]["message"] == "extract: 2 tables"
    assert found[-1]["message"].startswith("Done: ")
    times = [dt.datetime.fromisoformat(item["time"]) for item in found]
    assert times == sorted(times)
    assert times[0].utcoffset() == dt.timedelta(0)


def test_a_failed_run_is_objects_too_its_error_and_hint_in_one(folder) -> None:
    done = folder.shell(f"python - <<'E'\n{TOO_HIGH}\nE\n$PADM run --as-of 2024-12-31 --log-format json 2>&1")
    assert done.returncode == 1
    *_, last = found = objects(done.stdout)
    assert len({item["run_id"] for item in found}) == 1
    assert last["level"] == "ERROR"
    assert last["message"].startswith("1 table broke the contract; nothing was published.\n  fact_mark: ")
    assert last["hint"].startswith("Readers keep the last good version.")


@pytest.mark.parametrize("name", LINES)
def test_the_messages_of_every_command_are_objects(folder, name: str, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    """On stderr: what they print is results, of which `--json` is the form for machines."""
    arguments, code = LINES[name]
    monkeypatch.chdir(folder.path)
    assert invoke([*name.split(), *shlex.split(arguments), "--log-format", "json", "--log-file", "messages.log"]) == code
    said = objects(capsys.readouterr().err)
    assert len({item["run_id"] for item in said}) <= 1
    kept = objects((folder.path / "messages.log").read_text(encoding="utf-8"))
    assert said == [item for item in kept if item["logger"] != "padm_ibis.report"]


@pytest.mark.parametrize("line", ["--config nowhere.toml", "--no-such-option", "--select mart_pupils"])
def test_a_run_that_never_began_says_so_as_objects(folder, line: str) -> None:
    done = folder.shell(f"$PADM run {line} --log-format json")
    assert (done.returncode, done.stdout) == (2, "")
    said = objects(done.stderr)
    assert said[-1]["level"] == "ERROR"
    assert len({item["run_id"] for item in said}) == 1


def test_a_file_holds_what_stderr_and_stdout_hold_with_time_and_run(folder) -> None:
    done = folder.shell("$PADM run --as-of 2024-11-30 --log-file run.log")
    kept = (folder.path / "run.log").read_text(encoding="utf-8").splitlines()
    assert all(LINE.match(line) for line in kept), kept
    said = [line.strip() for line in (done.stderr + done.stdout).splitlines()]
    assert [line.split(": ", 1)[1] for line in kept] == said
    assert len({line.split()[2] for line in kept}) == 1


def test_on_a_terminal_the_bar_moves_and_the_file_has_the_lines(folder) -> None:
    code, shown = folder.terminal(["run", "--as-of", "2024-11-30", "--log-file", "run.log"], 80)
    kept = (folder.path / "run.log").read_text(encoding="utf-8")
    assert code == 0
    assert "━" in shown
    assert "north.marks  0 rows" in kept, "the source says the same of them"
    assert "padm_ibis.report: Done: " in kept
    assert "padm_ibis.progress" not in shown


def test_a_run_goes_on_in_a_new_file_when_the_first_is_full_and_none_of_its_lines_is_lost(folder) -> None:
    with (folder.path / "padm.toml").open("a", encoding="utf-8") as file:
        file.write('[log]\nformat = "json"\nfile = "run.log"\nmax_bytes = 1000\nkeep = 9\n')
    done = folder.shell("$PADM run --as-of 2024-11-30 2>&1")
    assert done.returncode == 0
    files = sorted(folder.path.glob("run.log*"), key=lambda path: int(path.suffix[1:]) if path.suffix != ".log" else 0)
    assert len(files) > 3
    assert all(path.stat().st_size <= 1000 for path in files)
    assert objects("".join(path.read_text(encoding="utf-8") for path in reversed(files))) == objects(done.stdout)


def test_two_that_write_one_file_do_not_lose_each_others_lines(tmp_path: Path) -> None:
    """The second goes on in the file that the first began anew, not in the one that was moved aside and is gone since."""
    told: list[str] = []
    first, second = (File(tmp_path / "f.log", 200, 1, told.append) for _ in range(2))
    for number in range(40):
        first.handle(logging.makeLogRecord({"msg": f"{number:020}"}))
    second.handle(logging.makeLogRecord({"msg": "here"}))
    first.handle(logging.makeLogRecord({"msg": "and here"}))
    first.close()
    second.close()
    kept = "".join((tmp_path / name).read_text(encoding="utf-8") for name in ("f.log.1", "f.log"))
    assert kept.splitlines()[-3:] == [f"{39:020}", "here", "and here"]
    assert {path.name for path in tmp_path.iterdir()} == {"f.log", "f.log.1"}
    assert told == []


@pytest.mark.parametrize("where", ["no/run.log", "w.duckdb/run.log", "."])
def test_a_file_that_cannot_be_written_is_refused_before_anything_begins_and_nothing_is_lost(folder, where: str) -> None:
    before = len(list((folder.path / ".w.duckdb.padm" / "runs").glob("*.json")))
    done = folder.shell(f"$PADM run --as-of 2024-11-30 --log-file {where} --json answer.json")
    assert done.returncode == 2
    assert f"Error: --log-file {where} cannot be written: " in done.stderr
    found = json.loads((folder.path / "answer.json").read_text(encoding="utf-8"))
    assert (found["exit_code"], found["error"]["kind"]) == (2, "ConfigError")
    assert len(list((folder.path / ".w.duckdb.padm" / "runs").glob("*.json"))) == before


def test_a_configured_file_that_cannot_be_written_is_refused_too(folder) -> None:
    with (folder.path / "padm.toml").open("a", encoding="utf-8") as file:
        file.write('[log]\nfile = "no/run.log"\n')
    done = folder.shell("$PADM run --as-of 2024-11-30")
    assert done.returncode == 2
    assert re.search(r"Error: log\.file \S*no/run\.log cannot be written: No such file or directory", done.stderr)
    assert folder.shell("$PADM run --as-of 2024-11-30 --log-file here.log").returncode == 0  # as the command line says


def test_a_disk_that_is_full_is_told_once_and_stops_nothing(folder) -> None:
    done = folder.shell("$PADM run --as-of 2024-11-30 --log-file /dev/full")
    assert done.returncode == 0
    assert done.stderr.count("--log-file /dev/full: No space left on device. Lines are missing in it.") == 1
    assert "Traceback" not in done.stderr
    assert "Done: " in done.stdout


def test_a_full_file_that_cannot_be_moved_aside_grows_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    handler = File(tmp_path / "f.log", 100, 3, told.append)

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "rename", refuse)
    for number in range(20):
        handler.handle(logging.makeLogRecord({"msg": f"{number:020}"}))
    handler.close()
    assert len((tmp_path / "f.log").read_text(encoding="utf-8").splitlines()) == 20
    assert told == ["It cannot be moved aside (Permission denied), and grows on."]


def test_secrets_are_masked_whatever_writes_them(folder, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.chdir(folder.path)
    monkeypatch.setenv("A_SECRET_OF_OURS", "correct horse battery")
    with Path("padm.toml").open("a", encoding="utf-8") as file:
        file.write('[webhook]\nurl = "https://hooks.example/services/HIDDEN/PATH"\n[mail]\nhost = "h"\nsender = "s"\n')
        file.write('recipients = ["r"]\npassword = "${A_SECRET_OF_OURS}"\n')
    config = load_config("padm.toml")
    with Logs("json", "said.log") as logs:
        logs.open()
        logs.configure(config)
        for secret in ("correct horse battery", "https://hooks.example/services/HIDDEN/PATH", "postgres://u:pw@h/d"):
            ROOT.error("it is %s", secret, extra={"hint": f"use {secret}"})
    for text in (capsys.readouterr().err, Path("said.log").read_text(encoding="utf-8")):
        assert [item["message"] for item in objects(text)] == ["it is ***", "it is ***", "it is postgres://u:***@h/d"]
        assert [item["hint"] for item in objects(text)] == ["use ***", "use ***", "use postgres://u:***@h/d"]


def test_a_command_leaves_logging_as_it_was(folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder.path)
    before = (ROOT.level, list(ROOT.handlers))
    invoke(["plan", "--log-file", "x.log"])
    assert (ROOT.level, list(ROOT.handlers)) == before
