"""Every command on terminals, and what its ``--json`` holds."""

from __future__ import annotations

import json
import pkgutil
import re
import shlex
from pathlib import Path

import click
import pytest
from command_lines import LINES, leaves

from padm_ibis.cli import cli, invoke
from padm_ibis.report.answer import Answer

pytestmark = pytest.mark.early

ERASED = re.compile(r"\x1b\[2K|\r")
SEQUENCE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[()][A-Z0-9]")
each_command = pytest.mark.parametrize("name", LINES)


def test_every_command_is_in_the_matrix() -> None:
    assert set(LINES) == set(leaves())


@each_command
@pytest.mark.parametrize("columns", [80, 120])
def test_on_a_terminal_nothing_is_wider_than_it(folder, name: str, columns: int, request: pytest.FixtureRequest) -> None:
    """At 80 columns every command; at 120, in a campaign all, else those that show tables."""
    if columns == 120 and name not in ("run", "check", "show") and not request.config.getoption("--campaign"):
        pytest.skip("long; with --campaign")
    arguments, code = LINES[name]
    if name == "sql" and columns == 80:
        arguments += " --dialect postgres"
    found, shown = folder.terminal([*name.split(), *shlex.split(arguments)], columns)
    assert found == code, shown
    assert not re.search("Traceback|KeyError|UnicodeEncodeError", shown), shown
    lines = [SEQUENCE.sub("", part) for line in shown.split("\n") for part in ERASED.split(line)]
    assert [line for line in lines if len(line) > columns] == []


@each_command
def test_the_json_has_the_exit_code_of_the_process_and_its_documented_shape(folder, name: str) -> None:
    arguments, code = LINES[name]
    done = folder.shell(f"$PADM {name} {arguments} --json answer.json")
    assert done.returncode == code, done.stderr
    text = (folder.path / "answer.json").read_text(encoding="utf-8")
    found = json.loads(text)
    assert (found["command"], found["exit_code"]) == (name, code)
    assert (found["error"] is None) == (code != 2)
    command = cli
    for word in name.split():
        command = command.get_command(click.Context(command), word)  # type: ignore[assignment, attr-defined]
    result = command.callback.result  # type: ignore[union-attr]
    kind = pkgutil.resolve_name(result) if result else object
    Answer[kind].model_validate_json(text)  # type: ignore[valid-type]


@pytest.fixture
def here(folder, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(folder.path)
    return folder.path


@each_command
@pytest.mark.parametrize("trouble", ["--config nowhere.toml", "--profile nobody", "--no-such-option"])
def test_the_json_is_written_when_nothing_was_begun(here: Path, name: str, trouble: str, capsys) -> None:
    if name == "sample" and trouble != "--no-such-option":
        pytest.skip("a sample needs no configuration, and reads none")
    code = invoke([*name.split(), *shlex.split(LINES[name][0]), *trouble.split(), "--json", "answer.json"])
    found = json.loads((here / "answer.json").read_text(encoding="utf-8"))
    assert code == found["exit_code"] == 2
    assert found["result"] is None
    assert found["error"]["message"] in capsys.readouterr().err


@each_command
def test_the_schema_is_printed(name: str, capsys) -> None:
    assert invoke([*name.split(), "--json-schema"]) == 0
    assert set(json.loads(capsys.readouterr().out)["properties"]) == {"command", "version", "exit_code", "error", "result"}
