"""Commands on a warehouse that is not whole: unreachable, missing, or without silver and gold."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
import small_school as school

import padm_ibis
from padm_ibis.cli import invoke

PYTHON = re.compile(r"\w+=(True|False|None|[A-Z]\w*\()|\bimport \w|padm\.\w+\(|:\*\*\*@")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    school.write_config(tmp_path, school.write_school(tmp_path / "north.duckdb"))
    return tmp_path


@pytest.mark.parametrize(
    "command", ["ls", "check", "export mart_pupil --to x", "publish --to duckdb://m.duckdb", "audit leakage"]
)
def test_an_unreachable_warehouse_is_exit_code_3(here: Path, command: str, capsys) -> None:
    code = invoke([*command.split(), "--warehouse", "postgres://u:pw-word@127.0.0.1:1/x?connect_timeout=1"])
    assert code == 3
    said = capsys.readouterr()
    assert "cannot be reached" in said.err
    assert "pw-word" not in said.out + said.err


def test_a_warehouse_that_was_never_built_is_listed(here: Path, capsys) -> None:
    assert invoke(["ls"]) == 0
    assert "There is no warehouse" in capsys.readouterr().err


def test_bronze_alone_is_checked(here: Path, capsys) -> None:
    assert invoke(["run", "--layer", "bronze", "--as-of", "2024-12-31"]) == 0
    assert "Done: 2 tables loaded, 5 rows" in capsys.readouterr().out
    assert invoke(["check", "--offline"]) == 0
    said = capsys.readouterr().out
    assert "note    Nothing of silver was built yet: padm-ibis run --layer silver" in said
    assert "note    gold.mart_pupil was not built yet." in said
    assert "2 tables" in said
    assert "as of 2024-12-31" in said


def hints() -> list[tuple[str, str]]:
    """Every constant text of a hint in the package, with where it stands."""
    found = []
    for path in Path(padm_ibis.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.keyword) and node.arg == "hint":
                texts = [c.value for c in ast.walk(node.value) if isinstance(c, ast.Constant) and isinstance(c.value, str)]
                found.append((f"{path.name}:{node.value.lineno}", "…".join(texts)))
    return found


def test_no_hint_of_the_command_is_python_or_a_masked_address() -> None:
    found = hints()
    assert len(found) > 50
    wrong = [(where, text) for where, text in found if PYTHON.search(text)]
    # to whoever writes a model, Python is what is to be typed
    assert [entry for entry in wrong if not entry[0].startswith(("lint.py", "contract.py", "graph.py", "model.py"))] == []
