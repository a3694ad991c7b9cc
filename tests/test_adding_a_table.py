"""The README's "Adding a table", to the letter, by somebody who has the package installed and a folder of their own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest
from readme import ROOT, Block, blocks

SECTION = "Adding a table"
TABLE = "mart_carga_anual"


@dataclass(frozen=True)
class Author:
    """A folder outside of the repository, and a shell in it."""

    folder: Path

    def shell(self, script: str) -> subprocess.CompletedProcess[str]:
        words = f'padm-ibis() {{ "{sys.executable}" -m padm_ibis.cli "$@"; }}\npython() {{ "{sys.executable}" "$@"; }}\nset -e\n'
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "120"}
        return subprocess.run(
            ["bash", "-c", words + script],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )

    def runs(self, script: str) -> str:
        done = self.shell(script)
        assert done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}"
        return done.stdout

    def pastes(self, block: Block) -> Path:
        """Replace the file that the block's first line names: it must be one that was written."""
        name, text = re.fullmatch(r"# (\S+)\n(.*)", block.text, re.DOTALL).groups()  # type: ignore[union-attr]
        assert (self.folder / name).is_file()
        (self.folder / name).write_text(text, encoding="utf-8")
        return self.folder / name


@pytest.fixture(scope="module")
def section() -> dict[str, list[Block]]:
    found: dict[str, list[Block]] = {}
    for block in blocks():
        if block.section == SECTION:
            found.setdefault(block.language, []).append(block)
    return found


def test_the_section_holds_to_the_letter(section: dict[str, list[Block]], tmp_path: Path) -> None:
    author = Author(tmp_path)
    (settings,), (begin,), (model, test), (look,) = (section[language] for language in ("toml", "sh", "python", "console"))
    (pytest_line, _), (run_line, _), *shown = look.commands()
    (tmp_path / "padm.toml").write_text(settings.text, encoding="utf-8")
    author.runs(begin.text)

    begun = author.shell(pytest_line)
    assert begun.returncode == 1
    assert "Fill in EXPECTED" in begun.stdout

    pasted = [author.pastes(model), author.pastes(test)]
    assert "1 passed" in author.runs(pytest_line)
    author.runs(f"python -m ruff format --check --isolated --line-length 130 {' '.join(map(str, pasted))}")

    author.runs(run_line)
    assert [command.split()[1] for command, _ in shown] == ["show", "sql"]
    for command, lines in shown:
        output = author.runs(command)
        assert [line for line in lines if line != "…" and line not in output.splitlines()] == []
    with duckdb.connect(str(tmp_path / "warehouse.duckdb"), read_only=True) as con:
        columns = "source_db, alumno_id, anio_academico"
        (built,) = con.execute(f"SELECT count(*) FROM gold.{TABLE}").fetchone() or (0,)
        by_hand = con.execute(f"""
            SELECT {columns}, count(*) FROM (
                SELECT DISTINCT {columns}, elemento_id FROM silver.fact_course_enrollment
                WHERE anio_academico IS NOT NULL AND elemento_id IS NOT NULL) GROUP BY ALL
            """).fetchall()
        made = con.execute(f"SELECT {columns}, materias FROM gold.{TABLE}").fetchall()
    assert built > 500
    assert sorted(made) == sorted(by_hand)


def test_a_table_that_reads_it_is_tested_with_its_contract_and_rebuilt_when_shared_words_change(
    section: dict[str, list[Block]], tmp_path: Path
) -> None:
    """What the section's list says: tables of one's own that read each other, ``_words.py``, and ``params``."""
    author = Author(tmp_path)
    (settings,), (begin,), (model, _) = (section[language] for language in ("toml", "sh", "python"))
    (tmp_path / "padm.toml").write_text(settings.text, encoding="utf-8")
    author.runs(begin.text.replace("padm-ibis sample\n", ""))
    author.pastes(model)
    author.runs(f"padm-ibis new mart mart_carga --grain source_db,alumno_id --depends {TABLE}")
    (tmp_path / "marts" / "_words.py").write_text("YEARS = 1\n", encoding="utf-8")
    file = tmp_path / "marts" / "mart_carga.py"
    text = file.read_text(encoding="utf-8").replace(
        "import GoldContract, column, model", "import GoldContract, Params, column, model\n\nfrom marts._words import YEARS"
    )
    text = text.replace(f"{TABLE}: ir.Table)", f"{TABLE}: ir.Table, params: Params)")
    text = text.replace(f"rows = {TABLE}\n", f"rows = {TABLE}.filter({TABLE}.anio_academico > params.as_of_year - YEARS)\n")
    file.write_text(text, encoding="utf-8")
    test = tmp_path / "tests" / "test_mart_carga.py"
    # GIVEN is of 2021 and 2022 for the first, of 2023 for the second; 2023-04-01 lies in 2023, and one year is looked at
    given = test.read_text(encoding="utf-8").replace("= None", '= [{"source_db": "sede1", "alumno_id": 2, "filas": 1}]')
    test.write_text(given.replace("GIVEN)", 'GIVEN, as_of="2023-04-01")'), encoding="utf-8")
    assert author.shell("python -m pytest -q tests/test_mart_carga.py").returncode == 0, given

    code = "import padm_ibis; from padm_ibis.definitions import Definitions as D; print(D(padm_ibis.load_config()).fingerprints)"
    before = author.runs(f"python -c '{code}'")
    (tmp_path / "marts" / "_words.py").write_text("YEARS = 2\n", encoding="utf-8")
    assert author.runs(f"python -c '{code}'") != before
