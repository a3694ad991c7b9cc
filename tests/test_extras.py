"""What is not installed is said in one line with what to install; what nobody needs yet may lack a variable."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from small_school import write_config, write_school

import padm_ibis
from padm_ibis.config import load_config
from padm_ibis.errors import ConfigError, WarehouseError
from padm_ibis.extras import EXTRA_OF
from padm_ibis.publish.run import publish

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
WITHOUT = "import sys; sys.modules.update(dict.fromkeys({modules!r})); from padm_ibis.cli import main; main({line!r})"
SERVER = "postgres://me@127.0.0.1:1/x"
PADM = """
[warehouse]
url = "{warehouse}"
[sources.sede]
url = "{source}"
[privacy]
hash_key = "a long and random text"
{more}
"""


def names(requirements: list[str]) -> set[str]:
    return {re.split(r"[^A-Za-z0-9_.-]", requirement)[0].lower() for requirement in requirements}


def padm(
    folder: Path, line: str, *, without: str = "", warehouse: str = "duckdb://w.duckdb", source: str = "files://.", more: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run the command where the modules of an extra cannot be imported."""
    (folder / "padm.toml").write_text(PADM.format(warehouse=warehouse, source=source, more=more), encoding="utf-8")
    modules = [module for module, extra in EXTRA_OF.items() if extra == without]
    program = WITHOUT.format(modules=modules, line=line.split())
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200"}
    return subprocess.run(
        [sys.executable, "-c", program], cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
    )


def test_every_package_of_an_extra_is_known_by_the_modules_it_brings() -> None:
    known: dict[str, set[str]] = {}
    for module, extra in EXTRA_OF.items():
        known.setdefault(extra, set()).add(module.replace("_", "-"))
    declared = {extra: names(packages) for extra, packages in PROJECT["optional-dependencies"].items() if extra != "test"}
    assert known == declared


def test_no_import_of_the_package_is_of_a_distribution_that_is_not_declared() -> None:
    brought = metadata.packages_distributions()
    always = names(PROJECT["dependencies"])
    for file in (ROOT / "padm_ibis").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            modules = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            modules += [node.module] if isinstance(node, ast.ImportFrom) and node.module and not node.level else []
            for module in {name.partition(".")[0] for name in modules} - sys.stdlib_module_names - {"padm_ibis", *EXTRA_OF}:
                assert always & {d.lower() for d in brought[module]}, f"{file.name} imports {module}"


def test_every_line_that_installs_an_extra_names_one() -> None:
    texts = [file.read_text(encoding="utf-8") for file in (*(ROOT / "padm_ibis").rglob("*.py"), *ROOT.glob("*.md"))]
    named = {extra for text in texts for extra in re.findall(r"padm-ibis\[(\w+)\]", text)}
    assert named <= set(PROJECT["optional-dependencies"])


def test_the_readme_names_every_extra() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [extra for extra in PROJECT["optional-dependencies"] if f"`{extra}`" not in text] == []


@pytest.mark.parametrize(
    ("line", "extra", "places"),
    [
        ("run", "postgres", {"warehouse": SERVER}),
        ("check", "postgres", {"warehouse": SERVER}),
        ("ls", "postgres", {"warehouse": SERVER}),
        ("plan", "postgres", {"warehouse": SERVER}),
        ("status", "postgres", {"warehouse": SERVER}),
        ("history", "postgres", {"warehouse": SERVER}),
        ("export dim_fecha --to x", "postgres", {"warehouse": SERVER}),
        ("audit leakage", "postgres", {"warehouse": SERVER}),
        ("publish --to duckdb://m.duckdb", "postgres", {"warehouse": SERVER}),
        (f"publish --to {SERVER}", "postgres", {}),
        ("publish --to sqlite://m.db", "sqlite", {}),
        ("schedule --at 02:00", "schedule", {}),
        ("schedule --at 02:00 --timezone UTC", "schedule", {}),
        ("run", "postgres", {"source": SERVER}),
        ("sample --into postgres://me@127.0.0.1:1/x", "postgres", {}),
    ],
)
def test_a_use_whose_extra_is_not_installed_says_what_to_install(tmp_path: Path, line: str, extra: str, places) -> None:
    ended = padm(tmp_path, line, without=extra, **places)
    hint = f"pip install 'padm-ibis[{extra}]'"
    assert ended.returncode in (2, 3), ended.stderr
    assert hint in ended.stderr
    assert "not installed" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert "ModuleNotFoundError" not in ended.stderr


def test_what_needs_no_extra_runs_without_any(tmp_path: Path) -> None:
    assert padm(tmp_path, "sql dim_fecha --dialect postgres", without="postgres", warehouse=SERVER).returncode == 0
    told = padm(tmp_path, "doctor", without="postgres", warehouse=SERVER)
    assert "pip install 'padm-ibis[postgres]'" in told.stdout
    assert "Traceback" not in told.stderr


@pytest.mark.parametrize(
    ("more", "line", "said"),
    [
        ('[publish]\nto = "${NOT_SET_A}"', "publish", "padm.toml: publish.to needs the environment variable NOT_SET_A"),
        (
            '[publish]\ntables = ["${NOT_SET_A}"]',
            "publish --to duckdb://m.duckdb",
            "padm.toml: publish.tables needs the environment variable NOT_SET_A",
        ),
    ],
)
def test_an_unset_variable_stops_what_needs_it(tmp_path: Path, more: str, line: str, said: str) -> None:
    ended = padm(tmp_path, line, more=more)
    assert ended.returncode == 2
    assert said in ended.stderr


def test_all_unset_variables_are_named_at_once(tmp_path: Path) -> None:
    ended = padm(tmp_path, "run", source="${NOT_SET_A}", warehouse="${NOT_SET_B}", more='[publish]\nto = "${NOT_SET_C}"')
    assert ended.returncode == 2
    assert "sources.sede.url needs the environment variable NOT_SET_A" in ended.stderr
    assert "warehouse.url needs the environment variable NOT_SET_B" in ended.stderr
    assert "NOT_SET_C" not in ended.stderr


LATE = """
[publish]
to = "${NOT_SET_A}"
tables = ["mart_*"]
[mail]
host = "h"
sender = "a@b"
recipients = ["c@d"]
password = "${NOT_SET_B}"
[webhook]
url = "${NOT_SET_C}"
"""
NEEDS = {
    "publish.to": "padm.toml: publish.to needs the environment variable NOT_SET_A, which is not set.",
    "mail": "padm.toml: mail.password needs the environment variable NOT_SET_B, which is not set.",
    "webhook": "padm.toml: webhook.url needs the environment variable NOT_SET_C, which is not set.",
}


def test_a_run_and_a_check_do_without_what_they_do_not_need(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_config(tmp_path, write_school(tmp_path / "north.duckdb"), more=LATE)
    monkeypatch.syspath_prepend(ROOT / "tests")
    config = load_config(tmp_path / "padm.toml")
    assert (config.mail, config.webhook, config.publish.to, config.publish.tables) == (None, None, None, ["mart_*"])
    assert {place: error.message for place, error in config.unusable.items()} == NEEDS
    report = padm_ibis.run(config=tmp_path / "padm.toml", as_of="2024-12-31")
    assert (report.status, report.notes) == ("ok", list(NEEDS.values()))
    assert padm_ibis.check(config=tmp_path / "padm.toml").exit_code == 0
    assert publish(config, f"duckdb://{tmp_path / 'm.duckdb'}").exit_code == 0
    with pytest.raises(ConfigError, match="NOT_SET_A"):
        publish(config)


def test_a_publication_that_failed_says_why_nobody_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_config(tmp_path, write_school(tmp_path / "north.duckdb"), more=LATE)
    with pytest.raises(WarehouseError, match="no warehouse"):
        publish(load_config(tmp_path / "padm.toml"), f"duckdb://{tmp_path / 'm.duckdb'}")
    assert {r.getMessage() for r in caplog.records} >= {f"No notice by [mail]: {NEEDS['mail']}"}


def test_a_section_that_lacks_more_than_one_variable_is_set_aside_whole(tmp_path: Path) -> None:
    text = '[warehouse]\nurl = "duckdb://w.duckdb"\n[publish]\ntables = ["${NOT_SET_A}"]\nto = "${NOT_SET_B}"\n'
    (tmp_path / "padm.toml").write_text(text, encoding="utf-8")
    assert list(load_config(tmp_path / "padm.toml").unusable) == ["publish", "publish.to"]
