"""The command asks before it does what cannot be undone."""

from __future__ import annotations

import json
import os
import pty
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest_erasure import NUMBER, School

from padm_ibis.cli import invoke


def asked(answer: bytes, what: Callable[[], int]) -> int:
    """Run something on a terminal at which somebody types an answer; return its exit code."""
    child, terminal = pty.fork()
    if child == 0:
        sys.stdin, sys.stdout, sys.stderr = open(0), open(1, "w"), open(2, "w")  # noqa: SIM115 - the process ends here
        os._exit(what())
    os.write(terminal, answer)
    try:
        while os.read(terminal, 65536):
            pass
    except OSError:  # Linux says so when the other side is closed
        pass
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_nobody_is_erased_unasked(a_school: School, capsys: pytest.CaptureFixture[str]) -> None:
    line = ["forget", "--persona", f"north:{NUMBER}", "--config", str(a_school.file)]
    assert invoke(line) == 2
    assert "--dry-run looks, --yes does it" in capsys.readouterr().err
    assert asked(b"n\n", lambda: invoke(line)) == 1
    assert a_school.pupils() == [1, 2, NUMBER]
    assert asked(b"y\n", lambda: invoke(line)) == 0
    assert a_school.pupils() == [1, 2]


def test_what_it_answers_machines(a_school: School, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answer = tmp_path / "answer.json"
    line = ["forget", "--persona", f"north:{NUMBER}", "--config", str(a_school.file), "--json", str(answer)]
    assert invoke([*line, "--dry-run"]) == 0
    assert "1 person would be erased; nothing was changed." in capsys.readouterr().out
    assert json.loads(answer.read_text())["result"]["dry_run"] is True
    assert invoke([*line, "--yes"]) == 0
    told = capsys.readouterr().out
    found = json.loads(answer.read_text())["result"]
    assert f"1 person erased. Certificate: {found['certificate']}" in told
    assert str(NUMBER) not in told + answer.read_text()
    assert invoke(line[:1] + line[3:5]) == 2
    assert "Who is to be forgotten?" in capsys.readouterr().err
