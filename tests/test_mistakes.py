"""Each mistake of someone who adds a table: the command says file, line and the nearest name that exists, and exits with 2."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import small_school as school

import padm_ibis
from padm_ibis.cli import invoke

MODULE = '''\
from __future__ import annotations

import ibis.expr.datatypes as dt
import ibis.expr.types as ir

from padm_ibis import GoldContract, column, model


class MartRoom(GoldContract):
    """Rooms, one row per room_id."""

    class Config:
        unique = ("room_id",)

    room_id: dt.Int64 = column("Room.", role="key")
    pupils: dt.Int64 = column("Pupils in it.", role="measure", fk=None)


@model(MartRoom)
def mart_room(dim_pupil: ir.Table) -> ir.Table:
    """Rooms, one row per room_id."""
    return dim_pupil.group_by(room_id=dim_pupil.pupil_id).aggregate(pupils=dim_pupil.count())
'''


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], request):
    """Write the module with one text in place of another, plan with it, and return code and message."""
    monkeypatch.chdir(tmp_path)
    name = f"rooms_{abs(hash(request.node.name)) % 10**8}"
    more = f'[models]\nmodules = ["{name}"]'
    school.write_config(tmp_path, school.write_school(tmp_path / "north.duckdb"), more=more)
    monkeypatch.syspath_prepend(str(tmp_path))

    def write(old: str, new: str) -> tuple[int, str, str]:
        assert old in MODULE, "the mistake must be one of the module's own text"
        (tmp_path / f"{name}.py").write_text(MODULE.replace(old, new, 1), encoding="utf-8")
        code = invoke(["run", "--as-of", "2024-12-31"])
        said = capsys.readouterr()
        sys.modules.pop(name, None)
        return code, said.err, f"{name}.py"

    return write


def test_the_module_itself_is_right(written) -> None:
    code, said, _ = written("Rooms, one", "Rooms, one")
    assert code == 0, said


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ('role="measure"', 'role="measur"', 16, "measure"),
        ("room_id: dt.Int64 = column(\"Room.\", role=\"key\")", "room_id: dt.Int64 = column(\"Room.\")", 15, 'role="key"'),
        ("fk=None", 'fk="dim_pupils.pupil_id"', 16, "dim_pupil"),
        ("fk=None", 'fk="dim_pupil.pupil_idd"', 16, "pupil_id"),
        ("fk=None", 'fk="dim_pupil"', 16, "table.column"),
        ('unique = ("room_id",)', 'unique = ("room_idd",)', 12, "room_id"),
        ('    class Config:\n        unique = ("room_id",)\n', "", 9, "unique"),
        ("return dim_pupil.group_by", "dim_pupil.group_by", 19, "returns nothing"),
        ("def mart_room(dim_pupil: ir.Table) -> ir.Table:", "def mart_room(dim_pupil: ir.Table) -> ir.Table", 20, "SyntaxError"),
        ("dim_pupil.pupil_id", "dim_pupil.pupil_idd", 22, "pupil_id"),
        ("mart_room(dim_pupil:", "mart_room(dim_pupils:", 20, "dim_pupil"),
        ("import ibis.expr.types as ir", "import ibis.expr.typos as ir", 4, "ibis.expr.types"),
        ("import GoldContract,", "import GoldContrat,", 6, "GoldContract"),
        ("@model(MartRoom)", "@model(MartRom)", 19, "MartRoom"),
        ("pupils: dt.Int64", "pupils: dt.Int46", 16, "Int64"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_file_line_and_the_nearest_name(written, old: str, new: str, line: int, words: str) -> None:
    code, said, file = written(old, new)
    assert code == 2, said
    assert f"{file}:{line}: " in said
    assert words in said
    assert "Traceback" not in said


def test_a_run_refuses_what_the_rules_refuse_in_this_packages_own_models_too(tmp_path: Path) -> None:
    """A copy of the package in which a mart divides a whole number: nothing is read, nothing is made."""
    shutil.copytree(
        Path(padm_ibis.__file__).parent, tmp_path / "code" / "padm_ibis", ignore=shutil.ignore_patterns("__pycache__")
    )
    mart = tmp_path / "code" / "padm_ibis" / "gold" / "mart_kpi_materia.py"
    text = mart.read_text(encoding="utf-8")
    head, _, last = text.rstrip().rpartition("\n    return ")
    planted = f"{head}\n    planted = {last.partition('(')[0].partition('.')[0]}\n    halves = planted.count() / 2\n"
    mart.write_text(f"{planted}    return {last}.filter(halves > 0)\n", encoding="utf-8")
    program = "from padm_ibis.cli import main; main(['run'])"
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "code")}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2, done.stderr
    assert "mart_kpi_materia" in done.stderr
    assert "integer-division" in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["code"]
