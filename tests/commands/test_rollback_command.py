"""`padm-ibis rollback`: asks on a terminal, wants --yes elsewhere, and says what readers see now."""

from __future__ import annotations

import json
import os
import pty
import subprocess
from pathlib import Path

import pytest
from command_lines import PROGRAM

from padm_ibis.cli import invoke

Runs = tuple[str, str]


@pytest.fixture
def two(folder, monkeypatch: pytest.MonkeyPatch, capsys) -> Runs:
    """A second version, in which Ana has one mark less; the names of both runs."""
    monkeypatch.chdir(folder.path)
    assert invoke(["run", "--as-of", "2024-05-15"]) == 0
    capsys.readouterr()
    assert invoke(["history", "--json", "-"]) == 0
    second, first = (run["run_id"] for run in json.loads(capsys.readouterr().out)["result"]["runs"])
    return first, second


def marks(capsys) -> int:
    """How many marks readers see."""
    from padm_ibis import connect

    with connect(config="padm.toml") as warehouse:
        ((found,),) = warehouse.execute("SELECT sum(marks)::BIGINT FROM gold.mart_pupil")
    return int(found)


def answered(folder: Path, environment: dict[str, str], arguments: list[str], answer: str) -> tuple[int, str]:
    """Run the command on a terminal at which somebody types an answer."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [*PROGRAM, *arguments], cwd=folder, env=environment, stdin=slave, stdout=slave, stderr=slave, start_new_session=True
    )
    os.close(slave)
    shown = b""
    while True:
        try:
            part = os.read(master, 65536)
        except OSError:
            break
        shown += part
        if b"[y/N]" in part:
            os.write(master, answer.encode())
    os.close(master)
    return process.wait(timeout=60), " ".join(shown.decode().split())


def test_on_a_terminal_it_asks_and_no_is_no(folder, two: Runs, capsys) -> None:
    first, second = two
    code, shown = answered(folder.path, folder.environment(), ["rollback"], "n\n")
    assert code == 1, shown
    assert f"see the version of {second}. Bring them to that of {first}? [y/N]" in shown
    assert shown.endswith("Nothing was changed.")
    assert marks(capsys) == 1
    code, shown = answered(folder.path, folder.environment(), ["rollback", first], "y\n")
    assert code == 0, shown
    assert f"now see the version of the run {first}, no more that of the run {second}." in shown
    assert "The next run that ends well publishes a new version" in shown
    assert f"Kept: {second}." in shown
    assert marks(capsys) == 3


def test_where_nobody_can_be_asked_it_wants_to_be_told(folder, two: Runs, capsys) -> None:
    first, second = two
    done = folder.shell("$PADM rollback </dev/null")
    assert done.returncode == 2
    assert f"Bring them to that of {first}? Nobody can be asked here." in done.stderr
    assert marks(capsys) == 1
    done = folder.shell("$PADM rollback --yes </dev/null | cat")
    assert f"now see the version of the run {first}" in done.stdout
    assert marks(capsys) == 3
    assert invoke(["status"]) == 1
    shown = capsys.readouterr().out
    assert f"brought back from {second} to {first}, just now, by " in shown
    assert f"kept versions  {second}: padm-ibis rollback" in shown
    assert invoke(["history"]) == 0
    assert f"readers were brought back from {second} to {first}, just now, by " in capsys.readouterr().out
    assert invoke(["history", second]) == 0
    assert f"version        kept: padm-ibis rollback {second}" in capsys.readouterr().out


def test_the_answer_for_machines(two: Runs, capsys) -> None:
    first, second = two
    assert invoke(["rollback", "--yes", "--json", "-"]) == 0
    result = json.loads(capsys.readouterr().out)["result"]
    assert (result["comeback"]["from_run"], result["comeback"]["to_run"]) == (second, first)
    assert [(v["run_id"], v["shown"]) for v in result["versions"]] == [(second, False), (first, True)]
    assert invoke(["rollback", "--yes", "nobody"]) == 2
    assert f"Kept are, newest first: {second}." in capsys.readouterr().err
