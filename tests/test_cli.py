from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import duckdb
import pytest
import small_school as school
from small_school import MARKS, write_config, write_school

import padm_ibis
from padm_ibis.cli import COMMANDS, INTERRUPTED, cli, invoke
from padm_ibis.errors import WarehouseError

ROOT = Path(__file__).parent.parent
Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_config(tmp_path, write_school(tmp_path / "north.duckdb"))
    return tmp_path


@pytest.fixture
def command(folder: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    def _command(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = invoke(list(arguments))
        return code, *capsys.readouterr()

    return _command


def python(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(Path(school.__file__).parent)}
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False, cwd=cwd, env=environment)


# --- help --------------------------------------------------------------------------------------------------


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from padm_ibis.cli import invoke; invoke(['--help'])\n"
        "heavy = ('ibis', 'pandera', 'pandas', 'duckdb', 'pydantic', 'pyarrow', 'numpy', 'sqlglot', 'rich')\n"
        "print('loaded:', [m for m in heavy if m in sys.modules])"
    )
    result = python("-c", code)
    assert "loaded: []" in result.stdout
    assert "Usage: padm-ibis" in result.stdout


def leaves() -> list[tuple[str, ...]]:
    """Every command that does something; `audit leakage` is one, `audit` is not."""
    import click

    found: list[tuple[str, ...]] = []
    for name in COMMANDS:
        one = cli.get_command(click.Context(cli), name)  # type: ignore[attr-defined]
        found += [(name, sub) for sub in one.commands] if isinstance(one, click.Group) else [(name,)]
    return found


@pytest.mark.parametrize("path", leaves(), ids=" ".join)
def test_every_command_has_help_and_the_four_common_options(command: Command, path: tuple[str, ...]) -> None:
    code, out, _ = command(*path, "--help")
    assert code == 0
    for option in ("--config", "--profile", "--warehouse", "--json"):
        assert option in out


@pytest.mark.parametrize("name", COMMANDS)
def test_the_line_in_the_list_is_the_first_sentence_of_the_commands_help(name: str) -> None:
    import click

    found = cli.get_command(click.Context(cli), name)  # type: ignore[attr-defined]
    assert " ".join(found.help.split("\n\n")[0].split()) == COMMANDS[name][1]


def test_an_unknown_command_is_named_with_the_nearest(command: Command) -> None:
    code, _, err = command("rnu")
    assert code == 2
    assert "Did you mean 'run'" in err


def test_the_checkout_runs_the_same_command() -> None:
    result = python(str(ROOT / "cli.py"), "--version")
    assert result.stdout.strip() == f"padm-ibis, version {padm_ibis.__version__}"


# --- run ---------------------------------------------------------------------------------------------------


def test_run_prints_its_report_on_stdout_and_progress_on_stderr(command: Command) -> None:
    code, out, err = command("run", "--as-of", "2024-12-31")
    assert code == 0
    assert re.search(r"^silver  dim_pupil  built  2 rows  \d+\.\d\d s  \d checks$", out, re.MULTILINE)
    assert "input   north.marks  3 read  3 changed  3 rows" in out
    assert out.splitlines()[-1].startswith("Done: 3 tables built, ")
    assert "silver.dim_pupil" in err
    assert "Done" not in err


def test_run_writes_its_report_as_json(command: Command, folder: Path) -> None:
    code, out, _ = command("run", "--as-of", "2024-12-31", "--json", "report.json")
    answer = json.loads((folder / "report.json").read_text())
    report = answer["result"]
    assert code == answer["exit_code"] == 0
    assert (answer["command"], answer["version"], answer["error"]) == ("run", padm_ibis.__version__, None)
    assert report["as_of"] == "2024-12-31"
    assert report["status"] == "ok"
    assert [(t["name"], t["rows"]) for t in report["tables"]][-1] == ("mart_pupil", 2)
    assert {i["resource"] for i in report["inputs"]} == {"pupils", "marks"}
    assert "Done" in out
    code, out, _ = command("run", "--as-of", "2024-12-31", "--json", "-")
    assert json.loads(out)["result"]["status"] == "up to date"


def test_layer_select_only_and_full_refresh_reach_the_engine(command: Command, folder: Path) -> None:
    command("run", "--as-of", "2024-12-31")
    assert "mart_pupil" not in command("run", "--layer", "silver", "--as-of", "2024-12-31")[1]
    assert "fact_mark" not in command("run", "--select", "dim_pupil", "--as-of", "2024-12-31")[1]
    _, out, _ = command("run", "--only", "--layer", "gold", "--as-of", "2024-12-31")
    assert "input" not in out
    write_school(folder / "north.duckdb", marks=MARKS[1:])
    for number, arguments in enumerate((["--full-refresh", "marks"], ["--full-refresh", "pupils", "marks"], ["--full-refresh"])):
        write_school(folder / "north.duckdb", marks=MARKS[: 2 - number])
        code, out, err = command("run", *arguments, "--as-of", "2024-12-31")
        assert code == 0, err
        assert f"north.marks  {2 - number} read" in out
        assert f"bronze  marks  loaded  {2 - number} rows" in out


@pytest.mark.parametrize(
    ("arguments", "code", "problem"),
    [
        (["run", "--as-of", "yesterday"], 2, "'yesterday' is not a date"),
        (["run", "--select", "mart_pupils"], 2, "Did you mean 'mart_pupil'"),
        (["run", "--layer", "golden"], 2, "golden"),
        (["run", "mart_pupil"], 2, "named with --select"),
        (["run", "--full-refresh", "mark"], 2, "Did you mean 'marks'"),
        (["run", "--no-such-option"], 2, "No such option"),
        (["run", "--config", "nowhere.toml"], 2, "There is no configuration file nowhere.toml"),
        (["run", "--profile", "prod"], 2, "there is no profile 'prod'"),
        (["run", "--warehouse", "w.duckdb"], 2, "--warehouse 'w.duckdb' is not a URL"),
        (["run", "--warehouse", "pyspark://spark"], 2, "a run yet; only duckdb:// and postgres:// can"),
        (["run", "--warehouse", "duckdb://."], 3, "is a folder, not a DuckDB file"),
        (["run", "--json", "no/such/folder/report.json"], 2, "there is no such folder"),
        (["show", "dim_pupils"], 2, "Did you mean 'dim_pupil'"),
        (["sql", "dim_pupil", "--dialect", "oracle"], 2, "oracle"),
        (["check"], 3, "There is no warehouse"),
    ],
)
def test_bad_input_is_one_clear_error_with_its_exit_code(command: Command, folder: Path, arguments, code, problem) -> None:
    found, out, err = command(*arguments)
    assert found == code
    assert problem in err
    assert "Traceback" not in err
    assert out == ""
    assert not (folder / "w.duckdb").exists()


def test_a_broken_contract_is_exit_code_1_and_its_report_is_written(command: Command, folder: Path) -> None:
    write_school(folder / "north.duckdb", marks=[*MARKS, (13, 1, "2024-08-01", 12)])
    code, _, err = command("run", "--as-of", "2024-12-31", "--json", "report.json")
    assert code == 1
    assert "fact_mark: value: less_than_or_equal_to(10): 1 row, such as source_db=north, mark_id=13" in err
    report = json.loads((folder / "report.json").read_text())["result"]
    assert report["status"] == "failed"
    assert [c["verdict"] for c in report["checks"]] == ["error"]
    assert not (folder / "w.duckdb").exists()


def test_a_partial_run_is_exit_code_1_and_names_the_source(command: Command, folder: Path) -> None:
    write_config(folder, folder / "north.duckdb", folder / "nowhere.duckdb")
    code, out, _ = command("run", "--as-of", "2024-12-31")
    assert code == 1
    assert "error   source nowhere: " in out
    assert out.splitlines()[-1].startswith("Partial: 3 tables built")


def test_a_busy_warehouse_is_exit_code_4(command: Command, folder: Path) -> None:
    from padm_ibis.backends.base import backend_of
    from padm_ibis.config import load_config

    with backend_of(load_config(folder / "padm.toml")).open():
        code, _, err = command("run", "--wait", "0.2")
    assert code == 4
    assert "in use by another run" in err


def test_a_password_is_in_no_output(command: Command, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("URL", "postgres://reader:hunter2-secret@127.0.0.1:1/guarani?connect_timeout=1")
    path = write_config(folder, folder / "north.duckdb")
    path.write_text(path.read_text() + "\n[sources.far]\nkind = 'guarani'\nurl = '${URL}'\nconnect_retries = 0\n")
    code, out, err = command("run", "--json", "report.json", "--layer", "bronze")
    assert code == 1
    assert "far" in out
    assert "hunter2" not in out + err + (folder / "report.json").read_text()


def test_an_interrupted_run_says_so_plainly(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("padm_ibis.api.run", interrupt)
    code, _, err = command("run")
    assert code == INTERRUPTED == 130
    assert err.strip() == "Interrupted. Readers see the last version that was published."


@pytest.mark.parametrize("later", [OSError(9, "Bad file descriptor"), WarehouseError("The warehouse cannot be written.")])
def test_what_fails_while_an_interrupt_is_handled_is_an_interrupt(
    command: Command, monkeypatch: pytest.MonkeyPatch, later: Exception
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        try:
            raise KeyboardInterrupt
        finally:
            raise later

    monkeypatch.setattr("padm_ibis.engine.run.load", interrupt)
    assert command("run")[0] == 130
    assert "killed" in command("history")[1]


def test_what_fails_after_an_interrupt_was_dealt_with_is_told(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        with suppress(KeyboardInterrupt):
            raise KeyboardInterrupt
        raise WarehouseError("The warehouse cannot be written.")

    monkeypatch.setattr("padm_ibis.api.run", fail)
    assert command("run")[0] == 3


def test_a_full_disk_that_nobody_foresaw_is_told_all_the_same(
    folder: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device", str(folder / ".w.duckdb.padm" / "tables.json"))

    monkeypatch.setattr("padm_ibis.engine.run.load", full)
    code, _, err = command("run")
    assert code == 3
    assert f"Error: The disk of {folder}" in err
    assert "Free some space there: a run needs room for two copies of the warehouse" in err
    assert "The disk of" in command("history")[1]
    with pytest.raises(WarehouseError, match=r"The disk of .* is full"):
        padm_ibis.run(as_of="2024-12-31")


def test_an_unforeseen_error_is_one_line_without_secrets(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(*_: object, **__: object) -> None:
        raise ZeroDivisionError("at postgres://u:hunter2@h/db")

    monkeypatch.setattr("padm_ibis.api.run", crash)
    code, _, err = command("run")
    assert code == 1
    assert err.startswith("Error: ZeroDivisionError: at postgres://u:***@h/db")
    assert "PADM_DEBUG=1" in err


# --- the other commands -----------------------------------------------------------------------------------------


def test_plan_prints_what_and_why(command: Command) -> None:
    code, out, _ = command("plan", "--as-of", "2024-12-31")
    assert code == 0
    assert "load  bronze.pupils  from north\n" in out
    assert "build gold.mart_pupil  not built yet\n" in out
    assert out.splitlines()[-1].startswith("duckdb://w.duckdb as of 2024-12-31: 2 to load, 3 to build, 0 to keep")


def test_check_prints_failures_first_and_leaves_with_1(command: Command, folder: Path) -> None:
    command("run", "--as-of", "2024-12-31")
    code, out, _ = command("check", "--offline")
    assert code == 0
    assert re.match(r"5 tables, \d+ rules: 0 failed, 0 warnings", out)
    with duckdb.connect(str(folder / "w.duckdb")) as con:
        con.execute("UPDATE silver.fact_mark SET value = 11, pupil_id = 99 WHERE mark_id = 10")
    code, out, _ = command("check", "--offline", "--json", "check.json")
    assert code == 1
    assert out.startswith("error   fact_mark: value: less_than_or_equal_to(10): 1 row, such as source_db=north, mark_id=10")
    assert "warning fact_mark: pupil_id is not in dim_pupil: 1 row" in out
    assert len(json.loads((folder / "check.json").read_text())["result"]["results"]) == 2


def test_ls_lists_tables_before_and_after_the_first_run(command: Command) -> None:
    code, out, err = command("ls")
    assert code == 0
    assert "silver.dim_pupil  -  -\n" in out
    assert "There is no warehouse" in err
    command("run", "--as-of", "2024-12-31")
    _, out, err = command("ls", "--layer", "silver")
    assert re.search(r"^silver\.dim_pupil  2  \d{4}-\d\d-\d\d ", out, re.MULTILINE)
    assert "gold" not in out
    assert err == ""


def test_show_describes_a_table_from_its_contract(command: Command) -> None:
    code, out, _ = command("show", "fact_mark")
    assert code == 0
    assert "description: Marks until as_of, one row per mark_id." in out
    assert re.search(r"defined at:\s+.*small_school\.py:\d+", out)
    assert re.search(r"read by:\s+mart_pupil", out)
    assert "pupil_id  int64, null, attribute → dim_pupil.pupil_id  Pupil." in out
    assert "value  int64, not null, measure  Value, 0 to 10." in out


@pytest.mark.parametrize(("dialect", "expected"), [("duckdb", '"pupils"'), ("postgres", '"pupils"'), ("pyspark", "`pupils`")])
def test_sql_writes_any_dialect_without_a_connection(command: Command, dialect: str, expected: str) -> None:
    code, out, _ = command("sql", "dim_pupil", "--dialect", dialect)
    assert code == 0
    assert out.startswith("SELECT")
    assert expected in out


def test_sample_writes_a_university(command: Command, folder: Path) -> None:
    code, out, _ = command("sample", "--into", "duckdb://s.duckdb", "--students", "5", "--years", "2", "--campuses", "1")
    assert code == 0
    assert re.match(r"[\d,]+ rows into duckdb://s\.duckdb", out)
    with duckdb.connect(str(folder / "s.duckdb"), read_only=True) as con:
        assert con.execute("SELECT count(*) FROM negocio.sga_alumnos").fetchone()[0] >= 5  # type: ignore[index]


def test_output_into_a_closed_pipe_is_no_error(folder: Path) -> None:
    shell = f"{sys.executable} -m padm_ibis.cli ls | head -1; exit ${{PIPESTATUS[0]}}"
    environment = {**os.environ, "PYTHONPATH": str(Path(school.__file__).parent)}
    result = subprocess.run(["bash", "-c", shell], capture_output=True, text=True, check=False, cwd=folder, env=environment)
    assert "Traceback" not in result.stderr
    assert "BrokenPipe" not in result.stderr


# --- the front door ---------------------------------------------------------------------------------------------------


def test_public_names_are_sorted_and_complete() -> None:
    assert padm_ibis.__all__ == sorted(padm_ibis.__all__)
    assert set(padm_ibis.__all__) == {*padm_ibis._PUBLIC, "__version__"}
    for name in padm_ibis.__all__:
        assert getattr(padm_ibis, name) is not None
    assert dir(padm_ibis) == padm_ibis.__all__
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        padm_ibis.nothing  # noqa: B018


def test_importing_the_package_imports_nothing_heavy() -> None:
    result = python(
        "-c", "import sys, padm_ibis; print([m for m in ('ibis', 'pandera', 'pydantic', 'click') if m in sys.modules])"
    )
    assert result.stdout.strip() == "[]"
