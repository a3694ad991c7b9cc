"""What `new mart` writes over each table there is, and what it refuses."""

from __future__ import annotations

import datetime
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import padm_ibis
from padm_ibis.audit.privacy import audit_privacy
from padm_ibis.cli import invoke
from padm_ibis.define import lint
from padm_ibis.define.graph import Graph
from padm_ibis.define.model import camel
from padm_ibis.definitions import collect
from padm_ibis.errors import PadmError, UnknownName, UsageError
from padm_ibis.params import Params

PARAMS = Params(as_of=datetime.date(2025, 2, 28))
ROOT = Path(__file__).parents[2]
READABLE = [model for model in collect() if model.layer != "bronze"]


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a new mart over each table, one row to a row of it; and some by default, over what has the grain."""
    folder = tmp_path_factory.mktemp("author")
    package = f"marts_{folder.name.replace('-', '_')}"
    (folder / "padm.toml").write_text(f'[models]\nmodules = ["{package}"]\n', encoding="utf-8")
    for model in READABLE:
        name = f"mart_{'de_' * 5}{model.name}"  # long enough for lines to be broken
        padm_ibis.new_mart(name, model.grain, depends=[model.name, "dim_periodo"], config=folder / "padm.toml")
    for number, grain in enumerate(["source_db,propuesta_id", "sexo", "source_db,alumno_id,anio_academico", "anio_academico"]):
        padm_ibis.new_mart(f"mart_nueva_{number}", grain.split(","), config=folder / "padm.toml")
    yield folder
    sys.path.remove(str(folder))


@pytest.fixture(scope="module")
def graph(everything: Path) -> Graph:
    return collect([next(everything.glob("marts_*")).name])


def test_what_is_written_for_any_table_breaks_no_rule(graph: Graph) -> None:
    made = [model for model in graph if not model.function.__module__.startswith("padm_ibis.")]
    assert len(made) == len(READABLE) + 4
    assert graph.check_schemas(made, PARAMS).keys() == {model.name for model in made}
    assert lint.lint_graph(graph, PARAMS, [model.name for model in made]) == []
    assert audit_privacy(graph, PARAMS, [model.name for model in made]).problems == []


def test_by_default_it_reads_the_first_table_with_several_rows_to_one_of_the_grain(graph: Graph) -> None:
    assert [graph[f"mart_nueva_{number}"].inputs for number in range(4)] == [
        ("dim_student",), ("dim_persona",), ("fact_course_enrollment",), ("bridge_docente_comision",),
    ]  # fmt: skip


def test_what_is_written_is_formatted_and_typed_as_is(everything: Path) -> None:
    def tool(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", *arguments], cwd=everything, env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        return "" if done.returncode == 0 else done.stdout + done.stderr

    assert len(list(everything.rglob("*.py"))) > 60
    for width in ("88", "130"):
        assert tool("ruff", "format", "--check", "--isolated", "--line-length", width, ".") == ""
    assert tool("ruff", "check", "--isolated", "--select", "E,F,I,UP,B", "--ignore", "E501", ".") == ""
    assert tool("mypy", "--strict", "--ignore-missing-imports", ".") == ""


def test_every_written_test_fails_until_it_is_filled_in_and_passes_then(everything: Path) -> None:
    """The two of one programme are one row of two, the one of another a row of one."""
    test = everything / "tests" / "test_mart_nueva_0.py"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "0"]

    def run(*more: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        return subprocess.run([*command, *more], cwd=everything, env=environment, capture_output=True, text=True, check=False)

    all_of_them = run("tests")
    assert all_of_them.returncode == 1
    assert f"{len(READABLE) + 4} failed" in all_of_them.stdout
    assert "Fill in EXPECTED" in all_of_them.stdout
    rows = [{"source_db": "sede1", "propuesta_id": number, "filas": count} for number, count in ((1, 2), (2, 1))]
    text = test.read_text(encoding="utf-8")
    test.write_text(text.replace("= None", f"= {rows}"), encoding="utf-8")
    assert run(str(test)).returncode == 0
    test.write_text(text.replace("= None", f"= {rows[:1]}"), encoding="utf-8")
    assert run(str(test)).returncode == 1


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    # The configuration's folder is added to the path; that of an earlier test of this process may hold marts of its own.
    monkeypatch.setattr(sys, "path", [place for place in sys.path if not Path(place, "marts").exists()])
    monkeypatch.delitem(sys.modules, "marts", raising=False)
    return tmp_path


@pytest.mark.parametrize(
    ("name", "grain", "depends", "error", "words"),
    [
        ("alumnosPorPropuesta", "source_db,propuesta_id", "", UsageError, "'mart_alumnos_por_propuesta'"),
        ("mart_año", "anio_academico", "", UsageError, "without accents"),
        ("mart_../x", "anio_academico", "", UsageError, "'mart_x'"),
        (f"mart_{'x' * 60}", "anio_academico", "", UsageError, "63"),
        ("mart_", "anio_academico", "", UsageError, "mart_alumnos_por_propuesta"),
        ("mart_kpi_materia", "anio_academico", "", UsageError, "There is a table"),
        ("mart_kpi__materia", "anio_academico", "", UsageError, "'mart_kpi_materia'"),
        ("mart_a", "", "", UsageError, "--grain source_db,alumno_id"),
        ("mart_a", "source_db,propuesta", "", UnknownName, "'propuesta_id'"),
        ("mart_a", "source_bd,propuesta", "", UsageError, "'source_db'"),
        ("mart_a", "propuesta_id", "", UsageError, "--grain source_db,propuesta_id"),
        ("mart_a", "alumno_id", "dim_student", UsageError, "--grain source_db,alumno_id"),
        ("mart_a", "source_db,comision_id", "dim_student", UnknownName, "dim_student"),
        ("mart_a", "source_db,comision_id,propuesta_id", "", UsageError, "fewer columns"),
        ("mart_a", "source_db,alumno_id", "dim_studnt", UnknownName, "'dim_student'"),
        ("mart_a", "source_db,alumno", "students", UsageError, "bronze"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_written(
    here: Path, name: str, grain: str, depends: str, error: type[PadmError], words: str
) -> None:
    with pytest.raises(error) as caught:
        padm_ibis.new_mart(name, [g for g in grain.split(",") if g], depends=[d for d in [depends] if d])
    assert words in str(caught.value)
    assert list(here.iterdir()) == []


@pytest.mark.parametrize("there", ["marts/mart_a.py", "tests/test_mart_a.py"])
def test_no_file_is_overwritten(here: Path, there: str, capsys: pytest.CaptureFixture[str]) -> None:
    (here / there).parent.mkdir()
    (here / there).write_text("mine", encoding="utf-8")
    assert invoke(["new", "mart", "mart_a", "--grain", "anio_academico"]) == 2
    assert there in capsys.readouterr().err
    assert [path.name for path in here.rglob("*.py")] == [(here / there).name]
    assert (here / there).read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize("module", ["json", "padm_ibis", "class", "1x", "../x", "single"])
def test_a_package_that_would_not_be_found_is_refused(here: Path, module: str) -> None:
    (here / "single.py").write_text("", encoding="utf-8")
    with pytest.raises(UsageError, match="marts"):
        padm_ibis.new_mart("mart_a", ["anio_academico"], module=module)
    assert [path.name for path in here.iterdir()] == ["single.py"]


@pytest.mark.parametrize(
    ("settings", "module", "said"),
    [
        (None, "marts", 'modules = ["marts"]'),
        ("", "marts", "Add this to padm.toml"),
        ('[models]\nmodules = ["small_school"]', "marts", 'modules = ["small_school", "marts"]'),
        ('[models]\nmodules = ["small_school", "ours"]', "ours", "3.  padm-ibis run --select mart_a"),
        ('[models]\nmodules = ["ours.marts"]', "ours.marts", "3.  padm-ibis run --select mart_a"),
    ],
)
def test_where_it_is_written_and_what_to_add_to_the_configuration(
    here: Path, settings: str | None, module: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if settings is not None:
        (here / "padm.toml").write_text(settings, encoding="utf-8")
    assert invoke(["new", "mart", "mart_a", "--grain", "source_db", "--grain", "alumno_id,anio_academico"]) == 0
    told = capsys.readouterr().out
    folder = Path(*module.split("."))
    assert (here / folder / "mart_a.py").is_file()
    assert (here / folder / "__init__.py").is_file()
    assert f"class {camel('mart_a')}(" in (here / folder / "mart_a.py").read_text(encoding="utf-8")
    assert "one row per source_db, alumno_id, anio_academico" in told
    assert said in told
    assert (here / "padm.toml").exists() == (settings is not None), "the configuration is its owner's"
    if settings is not None:
        assert (here / "padm.toml").read_text(encoding="utf-8") == settings
