"""Every block of the README runs as printed, in its order, in a fresh folder, and shows what is printed below it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import pytest
from readme import ROOT, Block, blocks

from padm_ibis.sample import write_sample

pytestmark = pytest.mark.early

# What stands for servers of the reader's, and what is made smaller to save time; everything else runs to the letter.
STANDS_FOR = {
    "postgres://me@localhost/guarani --students 5000": "{guarani} --students 5",
    "postgres://me@bi-server/marts": "{marts}",
    "export GUARANI_SEDE1_URL=… GUARANI_SEDE2_URL=… PADM_HASH_KEY=…": (
        "export GUARANI_SEDE1_URL='{guarani}' GUARANI_SEDE2_URL='{guarani2}' PADM_HASH_KEY='a long random key for tests'"
    ),
}
# Lines that are not run here, and why.
NOT_RUN = {
    "python -m pip install -q -c requirements.lock . && padm-ibis run": "installs: `.ci/newest` does it, to the letter",
    'python -m pip install -q -c requirements.lock -e ".[test]" && python -m pytest -n 2': "is these tests: `.ci/run` runs it",
    'python -m pip install "padm-ibis[postgres]"': "needs a registry that has the package",
}
OTHERS = {"Adding a table": "tests/test_adding_a_table.py follows it literally"}
DATABASES = ("guarani", "guarani2", "marts")


@dataclass
class Reader:
    """Somebody with the README open: a folder, a shell and servers."""

    folder: Path
    servers: dict[str, str]

    def shell(self, script: str) -> str:
        for printed, meant in STANDS_FOR.items():
            script = script.replace(printed, meant.format(**self.servers))
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "120"}
        command = f'padm-ibis() {{ "{sys.executable}" -m padm_ibis.cli "$@"; }}\nset -e\n{script}'
        done = subprocess.run(
            ["bash", "-c", command], cwd=self.folder, env=environment, capture_output=True, text=True, timeout=180, check=False
        )
        assert done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}"
        return done.stdout

    def settle(self, configuration: str) -> None:
        """Go to a folder of its own with a ``padm.toml``."""
        self.folder = self.folder / "mine"
        self.folder.mkdir()
        (self.folder / "padm.toml").write_text(configuration, encoding="utf-8")

    def python(self, code: str) -> None:
        self.shell(f"'{sys.executable}' - <<'END'\n{code}\nEND\n")


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory, postgres_server: Any) -> Iterator[Reader]:
    servers = {name: postgres_server.get_uri(database=f"readme_{name}") for name in DATABASES}
    with psycopg.connect(postgres_server.get_uri(), autocommit=True) as admin:
        for name in servers:
            admin.execute(f"CREATE DATABASE readme_{name} TEMPLATE template0 LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8'")
        write_sample(servers["guarani2"], students=5)
        yield Reader(tmp_path_factory.mktemp("readme"), servers)
        for name in servers:
            admin.execute(f"DROP DATABASE readme_{name} WITH (FORCE)")


def said(text: str) -> str:
    """Words alone: how lines are broken and how long something took are not promised."""
    return " ".join(re.sub(r"\b[0-9]+(\.[0-9]+)? (m?s|min)\b", "… s", text).split())


@pytest.mark.postgres
def test_every_block_runs_as_printed(reader: Reader) -> None:
    code = ""
    for block in blocks():
        if block.section in OTHERS:
            continue
        match block.language:
            case "console":
                follow(reader, block)
            case "sh":
                follow_script(reader, block)
            case "python":
                code += block.text  # a later block goes on where an earlier one ended
                reader.python(code)
            case "sql":
                with duckdb.connect(str(reader.folder / "warehouse.duckdb"), read_only=True) as con:
                    assert con.execute(block.text).fetchall(), block.where
            case "toml":
                reader.settle(block.text)
            case "":
                assert block.text.startswith("padm_ibis/\n"), f"What is this? {block.where}"
            case _:
                pytest.fail(f"Nobody runs {block.where}")


def follow(reader: Reader, block: Block) -> None:
    for command, shown in block.commands():
        output = said(reader.shell(command))
        missing = [line for line in shown if line != "…" and said(line.rstrip("…")) not in output]
        assert not missing, f"{block.where}: `{command}` does not show {missing}, but\n{output}"


def follow_script(reader: Reader, block: Block) -> None:
    """Run the lines of a script in one shell, but for those that are not run here."""
    lines = [re.sub(r"\s+# .*", "", line) for line in block.text.splitlines()]
    if kept := [line for line in lines if line not in NOT_RUN]:
        reader.shell("\n".join(kept))


def test_what_is_not_run_or_replaced_stands_there() -> None:
    text = "\n".join(re.sub(r"\s+# .*", "", line) for block in blocks() for line in block.text.splitlines())
    assert [line for line in (*STANDS_FOR, *NOT_RUN) if line not in text] == []
    assert OTHERS.keys() <= {block.section for block in blocks()}


def test_ci_runs_the_first_two_commands_to_the_letter() -> None:
    first, second = [line for line in NOT_RUN if "requirements.lock" in line]
    newest, whole = [(ROOT / ".ci" / name).read_text(encoding="utf-8") for name in ("newest", "run")]
    assert f"\n{first}\n" in newest
    assert "\n.ci/newest python\n" in whole
    assert whole.endswith(f"\n{second}\n")


def test_the_pythons_are_told_the_same_everywhere() -> None:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    told = re.findall(r'"Programming Language :: Python :: (3\.\d+)"', project)
    assert told == ["3.11", "3.12", "3.13"]
    assert 'requires-python = ">=3.11"' in project
    assert f"Python {told[0]} to {told[-1]}" in (ROOT / "README.md").read_text(encoding="utf-8")
