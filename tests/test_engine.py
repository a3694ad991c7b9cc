from __future__ import annotations

import datetime as dt
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pandera.errors
import pytest
import small_school as school
from small_school import MARKS, PUPILS, write_config, write_school

import padm_ibis as padm
from padm_ibis.backends.base import backend_of
from padm_ibis.config import load_config
from padm_ibis.define.dag import Node
from padm_ibis.engine import ledger
from padm_ibis.engine.ledger import Record
from padm_ibis.errors import (
    CheckFailed,
    ConfigError,
    DefinitionError,
    PadmError,
    SchemaMismatch,
    SourceUnreachable,
    UnknownName,
    UsageError,
    WarehouseBusy,
    WarehouseError,
)
from padm_ibis.report.progress import Progress
from padm_ibis.report.run import RunReport

Run = Callable[..., RunReport]
AS_OF = "2024-12-31"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_config(tmp_path, write_school(tmp_path / "north.duckdb"))
    return tmp_path


@pytest.fixture
def run(folder: Path) -> Run:
    def _run(**options: Any) -> RunReport:
        return padm.run(**{"as_of": AS_OF, "config": folder / "padm.toml", **options})

    return _run


@pytest.fixture
def failing(run: Run) -> Callable[..., PadmError]:
    def _failing(kind: type[PadmError] = PadmError, **options: Any) -> PadmError:
        with pytest.raises(kind) as caught:
            run(**options)
        return caught.value

    return _failing


def rows(folder: Path, query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect() as con:
        con.execute(f"ATTACH '{folder / 'w.duckdb'}' AS w (READ_ONLY)")
        con.execute("USE w")
        return con.execute(query).fetchall()


def all_but_history(folder: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Everything that readers find, but what is said of runs."""
    found = rows(folder, "SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = 'w'")
    names = [f"{schema}.{table}" for schema, table in found if table not in ("runs", "check_results")]
    assert len(names) > 5
    return {name: rows(folder, f"FROM {name} ORDER BY ALL") for name in names}


def actions(report: RunReport) -> dict[str, str]:
    return {table.name: table.action for table in report.tables}


# --- building ----------------------------------------------------------------------------------------------


def test_a_run_builds_every_layer_from_its_sources(run: Run, folder: Path) -> None:
    report = run()
    assert report.status == "ok"
    assert report.exit_code == 0
    assert rows(folder, "FROM gold.mart_pupil ORDER BY ALL") == [("north", 1, 2, 16), ("north", 2, 1, 4)]
    assert actions(report) == {
        "pupils": "loaded", "marks": "loaded", "dim_pupil": "built", "fact_mark": "built", "mart_pupil": "built",
    }  # fmt: skip
    assert {t.name: t.rows for t in report.tables} == {"pupils": 2, "marks": 3, "dim_pupil": 2, "fact_mark": 3, "mart_pupil": 2}
    assert [(i.source_db, i.resource, i.read) for i in report.inputs] == [("north", "pupils", 2), ("north", "marks", 3)]


def test_the_run_is_written_down_in_the_warehouse(run: Run, folder: Path) -> None:
    report = run()
    found = rows(folder, "SELECT run_id, status, layer, as_of, tables, rows, warnings FROM _padm.runs")
    assert found == [(report.run_id, "ok", "gold", dt.date(2024, 12, 31), 3, 7, 0)]
    inputs = json.loads(rows(folder, "SELECT inputs FROM _padm.runs")[0][0])
    assert [(i["resource"], i["read"]) for i in inputs] == [("pupils", 2), ("marks", 3)]


def test_two_runs_with_the_same_inputs_and_date_give_identical_tables(run: Run, folder: Path) -> None:
    run()
    tables = ("silver.dim_pupil", "silver.fact_mark", "gold.mart_pupil")
    first = {name: rows(folder, f"FROM {name} ORDER BY ALL") for name in tables}
    (folder / "w.duckdb").unlink()
    shutil.rmtree(folder / ".w.duckdb.padm")
    run()
    assert {name: rows(folder, f"FROM {name} ORDER BY ALL") for name in tables} == first


def test_a_run_without_news_touches_nothing(run: Run, folder: Path) -> None:
    run()
    before = (folder / "w.duckdb").stat()
    report = run()
    after = (folder / "w.duckdb").stat()
    assert report.status == "up to date"
    assert report.exit_code == 0
    assert not report.published
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
    assert set(actions(report).values()) == {"unchanged"}


def test_a_run_without_news_imports_neither_ibis_nor_pandera_nor_pandas(run: Run, folder: Path) -> None:
    run()
    code = (
        "import sys; import padm_ibis as padm\n"
        f"report = padm.run(as_of={AS_OF!r}, config={str(folder / 'padm.toml')!r})\n"
        "print(report.status, [m for m in ('ibis', 'pandera', 'pandas', 'pyarrow', 'rich') if m in sys.modules])"
    )
    environment = {"PYTHONPATH": str(Path(school.__file__).parent), "PATH": "/usr/bin:/bin"}
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environment)
    assert result.stdout.strip() == "up to date []", result.stderr


def test_news_rebuild_only_what_reads_them(run: Run, folder: Path) -> None:
    run()
    write_school(folder / "north.duckdb", marks=[*MARKS, (13, 2, "2024-08-01", 6)])
    report = run()
    assert actions(report) == {
        "pupils": "unchanged", "marks": "loaded", "dim_pupil": "unchanged", "fact_mark": "built", "mart_pupil": "built",
    }  # fmt: skip
    assert rows(folder, "FROM gold.mart_pupil ORDER BY ALL") == [("north", 1, 2, 16), ("north", 2, 2, 10)]


def test_another_date_rebuilds_what_depends_on_it(run: Run, folder: Path) -> None:
    run()
    report = run(as_of="2024-06-15")
    assert actions(report)["dim_pupil"] == "unchanged"
    assert actions(report)["fact_mark"] == "built"
    assert next(t.note for t in report.tables if t.name == "fact_mark") == ("as_of 2024-12-31 → 2024-06-15; 50% of all people")
    assert rows(folder, "SELECT mark_id FROM silver.fact_mark ORDER BY 1") == [(10,), (11,)]


def test_rows_of_two_sources_with_the_same_ids_stay_apart(folder: Path) -> None:
    write_config(folder, folder / "north.duckdb", write_school(folder / "south.duckdb", marks=[(10, 1, "2024-05-01", 1)]))
    padm.run(as_of=AS_OF, config=folder / "padm.toml")
    assert rows(folder, "SELECT * FROM gold.mart_pupil ORDER BY ALL") == [
        ("north", 1, 2, 16), ("north", 2, 1, 4), ("south", 1, 1, 1), ("south", 2, 0, 0),
    ]  # fmt: skip


def test_an_empty_source_makes_empty_tables(run: Run, folder: Path) -> None:
    write_school(folder / "north.duckdb", pupils=[], marks=[])
    report = run()
    assert report.status == "ok"
    assert rows(folder, "SELECT count(*) FROM gold.mart_pupil") == [(0,)]


def test_a_layer_is_where_a_run_stops(run: Run, folder: Path) -> None:
    assert list(actions(run(layer="silver"))) == ["pupils", "marks", "dim_pupil", "fact_mark"]
    assert rows(folder, "SELECT count(*) FROM duckdb_tables() WHERE schema_name = 'gold'") == [(0,)]


def test_only_keeps_to_the_named_layer_and_reads_no_source(run: Run, folder: Path) -> None:
    run(layer="silver")
    (folder / "north.duckdb").unlink()
    report = run(layer="gold", only=True)
    assert list(actions(report)) == ["mart_pupil"]
    assert report.inputs == []
    assert rows(folder, "SELECT count(*) FROM gold.mart_pupil") == [(2,)]


def test_selecting_a_table_builds_what_it_reads(run: Run) -> None:
    assert list(actions(run(select="dim_pupil"))) == ["pupils", "dim_pupil"]


def test_a_full_refresh_removes_what_the_source_no_longer_has(run: Run, folder: Path) -> None:
    write_config(folder, folder / "north.duckdb", more='sync = "off"')
    run()
    write_school(folder / "north.duckdb", marks=MARKS[1:])
    run()
    assert rows(folder, "SELECT count(*) FROM silver.fact_mark") == [(3,)]
    report = run(full_refresh=["marks"])
    assert report.status == "ok"
    assert rows(folder, "SELECT count(*) FROM silver.fact_mark") == [(2,)]


# --- what fails changes nothing ----------------------------------------------------------------------------------


def test_a_broken_contract_leaves_the_last_good_tables(run: Run, failing, folder: Path) -> None:
    run()
    before = all_but_history(folder)
    write_school(folder / "north.duckdb", marks=[*MARKS, (13, 1, "2024-08-01", 12), (14, 1, "2024-08-02", -1)])
    error = failing(CheckFailed)
    assert all_but_history(folder) == before
    assert error.exit_code == 1
    (details,) = error.schema_errors  # type: ignore[attr-defined]
    assert isinstance(details, pandera.errors.SchemaErrors)
    assert set(details.failure_cases["failure_case"]) == {"source_db=north, mark_id=13", "source_db=north, mark_id=14"}
    assert "fact_mark: value: less_than_or_equal_to(10): 1 row, such as source_db=north, mark_id=13" in str(error)
    report = error.report
    assert report.status == "failed"
    assert actions(report)["fact_mark"] == "failed"
    assert actions(report)["mart_pupil"] == "skipped"


def test_a_failed_run_is_repeated_until_the_source_is_mended(run: Run, failing, folder: Path) -> None:
    run()
    write_school(folder / "north.duckdb", marks=[*MARKS, (13, 1, "2024-08-01", 12)])
    failing(CheckFailed)
    failing(CheckFailed)  # nothing new at the source, and still not published
    write_school(folder / "north.duckdb", marks=[*MARKS, (13, 1, "2024-08-01", 10)])
    assert run().published
    assert rows(folder, "SELECT total FROM gold.mart_pupil ORDER BY pupil_id") == [(26,), (4,)]
    assert rows(folder, "SELECT status, count(*) FROM _padm.runs GROUP BY ALL ORDER BY ALL") == [("failed", 2), ("ok", 2)]
    assert rows(folder, "SELECT DISTINCT table_name, rule, failed_rows, examples FROM _padm.check_results") == [
        ("fact_mark", "value: less_than_or_equal_to(10)", 1, "source_db=north, mark_id=13")
    ]


def test_all_broken_tables_are_collected_before_the_run_ends(failing, folder: Path) -> None:
    write_school(folder / "north.duckdb", marks=[*MARKS, (13, 1, "2024-08-01", 12)], pupils=[*PUPILS])
    write_config(folder, folder / "north.duckdb", more="[checks]\nforeign_key = 'error'")
    write_school(folder / "north.duckdb", marks=[(13, 1, "2024-08-01", 12), (14, 1, "2024-08-01", None)])
    error = failing(CheckFailed)
    assert "value.not_null: 1 row" in str(error)
    assert "value: less_than_or_equal_to(10): 1 row" in str(error)


def test_orphans_are_a_warning_unless_configured_otherwise(run: Run, failing, folder: Path) -> None:
    write_school(folder / "north.duckdb", marks=[*MARKS, (13, 99, "2024-08-01", 5)])
    report = run()
    assert report.exit_code == 0
    assert [(c.table, c.rule, c.verdict, c.failed, c.rows) for c in report.checks] == [
        ("fact_mark", "pupil_id is not in dim_pupil", "warn", 1, ("source_db=north, mark_id=13, pupil_id=99",))
    ]
    assert next(t.warnings for t in report.tables if t.name == "fact_mark") == 1
    before = all_but_history(folder)
    write_config(folder, folder / "north.duckdb", more="[checks]\nforeign_key = 'error'")
    assert "pupil_id is not in dim_pupil" in str(failing(CheckFailed, as_of="2024-12-30"))
    assert all_but_history(folder) == before


def test_a_bad_source_does_not_stop_a_good_one(run: Run, folder: Path) -> None:
    with duckdb.connect(str(folder / "south.duckdb")) as con:
        con.execute("CREATE SCHEMA school; CREATE TABLE school.pupil (pupil BIGINT, name VARCHAR)")
        con.execute("CREATE TABLE school.mark (mark BIGINT, pupil BIGINT, value BIGINT)")
    write_config(folder, folder / "north.duckdb", folder / "south.duckdb")
    report = run()
    assert report.status == "partial"
    assert report.exit_code == 1
    assert [(f.source_db, f.reached) for f in report.failures] == [("south", True)]
    assert "day" in report.failures[0].message
    assert rows(folder, "SELECT DISTINCT source_db FROM gold.mart_pupil") == [("north",)]


def test_no_source_within_reach_is_exit_code_3_and_leaves_everything(run: Run, failing, folder: Path) -> None:
    run()
    before = all_but_history(folder)
    (folder / "north.duckdb").rename(folder / "away.duckdb")
    error = failing(SourceUnreachable)
    assert error.exit_code == 3
    assert "north" in str(error)
    assert all_but_history(folder) == before


def test_a_source_of_the_wrong_shape_alone_is_exit_code_1(failing, folder: Path) -> None:
    with duckdb.connect(str(folder / "north.duckdb")) as con:
        con.execute("DROP TABLE school.mark")
    error = failing()
    assert error.exit_code == 1
    assert "mark" in str(error)


def test_a_statement_that_fails_leaves_everything(run: Run, failing, folder: Path) -> None:
    run()
    before = all_but_history(folder)
    write_school(folder / "north.duckdb", marks=[*MARKS, *((n, 1, "2024-08-01", 9_000_000_000_000_000_000) for n in (13, 14))])
    assert failing().exit_code == 1
    assert all_but_history(folder) == before


def test_a_busy_warehouse_is_exit_code_4(run: Run, failing, folder: Path) -> None:
    from padm_ibis.backends.base import backend_of
    from padm_ibis.config import load_config

    with backend_of(load_config(folder / "padm.toml")).open():
        assert failing(WarehouseBusy, wait=0).exit_code == 4


def test_readers_read_on_while_a_run_publishes(run: Run, folder: Path) -> None:
    run()
    with padm.connect(folder / "padm.toml") as old:
        before = old.gold.mart_pupil.count().to_pyarrow().as_py()
        write_school(folder / "north.duckdb", pupils=[*PUPILS, (3, "Carla")])
        run()
        assert old.gold.mart_pupil.count().to_pyarrow().as_py() == before == 2
        with padm.connect(folder / "padm.toml") as new:
            assert new.gold.mart_pupil.count().to_pyarrow().as_py() == 3


_VICTIM = """
import sys, time
import padm_ibis as padm
from padm_ibis.engine import build, run

def wait(*args, **kwargs):
    print("now", flush=True)
    time.sleep(60)
module, name = sys.argv[2].split(".")
setattr({"build": build, "run": run}[module], name, wait)
padm.run(as_of="2024-12-31", config=sys.argv[1])
"""


@pytest.mark.parametrize("moment", ["build._check_relations", "run._conclude"])
def test_a_killed_run_leaves_the_last_good_version_and_the_next_one_catches_up(run: Run, folder: Path, moment: str) -> None:
    run()
    before = (folder / "w.duckdb").read_bytes()
    write_school(folder / "north.duckdb", marks=[*MARKS, (13, 2, "2024-08-01", 6)])
    command = [sys.executable, "-c", _VICTIM, str(folder / "padm.toml"), moment]
    environment = {"PYTHONPATH": str(Path(school.__file__).parent), "PATH": "/usr/bin:/bin"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as victim:
        assert victim.stdout is not None
        assert victim.stdout.readline() == "now\n"
        victim.kill()
    assert (folder / "w.duckdb").read_bytes() == before
    report = run()
    assert report.published
    assert rows(folder, "SELECT total FROM gold.mart_pupil ORDER BY pupil_id") == [(16,), (10,)]


# --- before any data -----------------------------------------------------------------------------------------------


@pytest.fixture
def forget_extra(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A module beside padm.toml is found; the next test has another of that name."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield
    sys.modules.pop("extra", None)


@pytest.mark.usefixtures("forget_extra")
def test_a_model_that_does_not_yield_its_contract_is_refused_before_a_source_is_read(failing, folder: Path) -> None:
    (folder / "extra.py").write_text(
        "import ibis.expr.datatypes as dt\nimport ibis.expr.types as ir\n"
        "from padm_ibis.define.contract import GoldContract, column\nfrom padm_ibis.define.model import model\n\n\n"
        "class MartExtra(GoldContract):\n    class Config:\n        unique = ('pupil_id',)\n\n"
        "    pupil_id: dt.Int64 = column('Pupil.', role='key')\n    nombre: dt.String = column('Name.')\n\n\n"
        "@model(MartExtra)\ndef mart_extra(dim_pupil):\n    'Extra, one row per pupil_id.'\n"
        "    return dim_pupil.select('pupil_id', numbre='name')\n"
    )
    write_config(folder, folder / "north.duckdb", more="[models]\nmodules = ['extra']")
    (folder / "north.duckdb").unlink()
    error = failing(SchemaMismatch)
    assert error.exit_code == 2
    assert "extra.py:15: mart_extra: the column 'nombre' of its contract is missing. Did you mean 'numbre'?" in str(error)
    assert not (folder / "w.duckdb").exists()
    assert not (folder / ".w.duckdb.padm").exists()


PLANTED = {
    "integer-division": ("half", "dim_pupil.pupil_id / 2", "terms.ratio(a, b)"),
    "try-cast": ("half", "dim_pupil.name.try_cast('float64')", "re_search"),
    "round": ("half", "(dim_pupil.pupil_id * 0.5).round(1)", "terms.hundredths(x)"),
    "float-sum": ("half", "(dim_pupil.pupil_id * 0.5).sum().over(group_by='source_db')", "terms.from_hundredths"),
    "clock": ("half", "ibis.now().second() * 0.5", "ibis.literal(params.as_of)"),
    "random": ("half", "ibis.random()", "the key of the row"),
    "unordered-window": ("half", "ibis.row_number().over(group_by='source_db') * 0.5", "order_by=the key"),
    "window-tie": ("half", "dim_pupil.pupil_id.lag().over(order_by='name') * 0.5", "added to order_by"),
}


def write_extra(folder: Path, body: str, allow: str = "") -> None:
    (folder / "extra.py").write_text(
        "import ibis\nimport ibis.expr.datatypes as dt\nfrom padm_ibis import GoldContract, column, model\n\n\n"
        "class MartExtra(GoldContract):\n    class Config:\n        unique = ('source_db', 'pupil_id')\n\n"
        "    source_db: dt.String = column('Source.', role='key')\n    pupil_id: dt.Int64 = column('Pupil.', role='key')\n"
        "    half: dt.Float64 = column('A number.', nullable=True)\n\n\n"
        f"@model(MartExtra{allow})\ndef mart_extra(dim_pupil, fact_mark):\n    'Extra, one row per pupil_id.'\n{body}"
    )
    write_config(folder, folder / "north.duckdb", more="[models]\nmodules = ['extra']")


@pytest.mark.parametrize("rule", PLANTED)
@pytest.mark.usefixtures("forget_extra")
def test_a_users_model_that_breaks_a_rule_is_refused_with_the_line_to_write(failing, folder: Path, rule: str) -> None:
    column, expression, instead = PLANTED[rule]
    write_extra(folder, f"    return dim_pupil.select('source_db', 'pupil_id', {column}={expression})\n")
    error = str(failing(DefinitionError))
    assert f"extra.py:15  mart_extra: {rule} half: " in error
    assert instead in error
    assert not (folder / "w.duckdb").exists()


@pytest.mark.usefixtures("forget_extra")
def test_a_users_join_that_may_multiply_rows_is_refused_until_a_reason_is_given(failing, run: Run, folder: Path) -> None:
    join = (
        "    marks = fact_mark.select('source_db', 'pupil_id', half=fact_mark.value * 0.5)\n"
        "    return dim_pupil.left_join(marks, ['source_db', 'pupil_id']).select('source_db', 'pupil_id', 'half').distinct()\n"
    )
    write_extra(folder, join)
    error = str(failing(DefinitionError))
    assert "mart_extra: fan-out fact_mark: " in error
    assert "group_by or terms.one_per on the keys first" in error
    sys.modules.pop("extra")
    reasons = {"fan-out fact_mark": "one mark a pupil in this school", "grain source_db, pupil_id": "one mark a pupil here"}
    write_extra(folder, join, allow=f", allow={reasons!r}")
    (folder / "north.duckdb").unlink()
    write_school(folder / "north.duckdb", marks=[(10, 1, "2024-05-01", 7)])
    assert run().published
    assert rows(folder, "SELECT half FROM gold.mart_extra ORDER BY pupil_id") == [(3.5,), (None,)]


@pytest.mark.parametrize(
    ("options", "kind", "problem"),
    [
        ({"as_of": "last week"}, UsageError, "'last week' is not a date"),
        ({"as_of": "2024-02-30"}, UsageError, "'2024-02-30' is not a date"),
        ({"select": ["mart_pupils"]}, UnknownName, "Did you mean 'mart_pupil'"),
        ({"layer": "golden"}, UnknownName, "Did you mean 'gold'"),
        ({"full_refresh": ["mark"]}, UnknownName, "Did you mean 'marks'"),
        ({"full_refresh": True, "only": True, "layer": "gold"}, UsageError, "leaves bronze out"),
        ({"select": ["mart_pupil"], "only": True, "layer": "silver"}, None, None),
        ({"select": ["dim_pupil"], "only": True, "layer": "gold"}, UsageError, "Nothing to build"),
        ({"layer": "gold", "only": True}, UsageError, "mart_pupil reads silver.dim_pupil, which was never built"),
        ({"warehouse": "duckdb://nowhere/at/all.duckdb"}, WarehouseError, "does not exist"),
        ({"profile": "prod"}, ConfigError, "there is no profile 'prod'"),
    ],
)
def test_wrong_arguments_are_one_clear_error(
    failing, run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch, options, kind, problem
) -> None:
    monkeypatch.chdir(folder)
    if kind is None:
        run(layer="bronze")
        run(**options)
        return
    for _ in range(2):  # what was refused once is not to be there the next time
        assert problem in str(failing(kind, **options))
    assert not (folder / "w.duckdb").exists()
    assert not (folder / "nowhere").exists()


def test_without_sources_a_run_says_what_to_add(failing, folder: Path) -> None:
    write_config(folder)
    assert r"there is no [sources.<name>] to read from" in str(failing(ConfigError))


# --- progress, last run ------------------------------------------------------------------------------------------------


class Listener(Progress):
    def __init__(self) -> None:
        self.said: list[str] = []

    def phase(self, name: str, steps: int | None = None) -> None:
        self.said.append(name)

    def done(self, name: str, detail: str = "") -> None:
        self.said.append(f"{name} {detail}")


def test_progress_is_told_in_order(run: Run) -> None:
    listener = Listener()
    report = run(progress=listener)
    assert [s for s in listener.said if " " not in s] == ["prepare", "extract", "prepare", "build", "publish"]
    assert "silver.dim_pupil 2 rows" in listener.said
    assert set(report.phases) == {"prepare", "extract", "digests", "build", "fingerprint", "publish"}
    assert sum(report.phases.values()) <= report.seconds + 0.1


def test_the_last_run_is_left_beside_the_warehouse_even_without_news(run: Run, folder: Path) -> None:
    run()
    report = run()
    left = json.loads((folder / ".w.duckdb.padm" / "last_run.json").read_text())
    assert left["run_id"] == report.run_id
    assert left["status"] == "up to date"


# --- plan, check, connect ----------------------------------------------------------------------------------------------


def test_plan_says_what_would_be_built_and_why_without_building(run: Run, folder: Path) -> None:
    plan = padm.plan(as_of=AS_OF, config=folder / "padm.toml")
    assert {(s.name, s.action, s.why) for s in plan.steps if s.layer != "bronze"} == {
        (name, "build", "not built yet") for name in ("dim_pupil", "fact_mark", "mart_pupil")
    }
    assert not (folder / "w.duckdb").exists()
    run()
    plan = padm.plan(as_of="2024-06-15", config=folder / "padm.toml")
    assert [(s.name, s.action, s.why) for s in plan.steps] == [
        ("pupils", "load", "from north"),
        ("marks", "load", "from north"),
        ("dim_pupil", "keep", "up to date, unless its sources have news"),
        ("fact_mark", "build", "as_of 2024-12-31 → 2024-06-15"),
        ("mart_pupil", "build", "fact_mark will be rebuilt"),
    ]


def test_check_finds_what_somebody_spoilt_in_the_published_file(run: Run, folder: Path) -> None:
    run()
    assert padm.check(config=folder / "padm.toml", sources=False).errors == []
    with duckdb.connect(str(folder / "w.duckdb")) as con:
        con.execute("UPDATE silver.fact_mark SET value = 11 WHERE mark_id = 10")
        con.execute("ALTER TABLE gold.mart_pupil DROP total")
    report = padm.check(config=folder / "padm.toml", sources=False)
    assert report.exit_code == 1
    assert {(r.table, r.rule) for r in report.errors} == {
        ("fact_mark", "value: less_than_or_equal_to(10)"),
        ("mart_pupil", "schema: the column 'total' of its contract is missing."),
    }


def test_check_compares_counts_with_the_source(run: Run, folder: Path) -> None:
    run()
    assert padm.check(config=folder / "padm.toml").errors == []
    with duckdb.connect(str(folder / "w.duckdb")) as con:
        con.execute("DELETE FROM bronze.marks WHERE mark = 10")
    assert padm.check(config=folder / "padm.toml").exit_code == 1


def test_what_a_check_finds_is_kept_with_what_runs_found(run: Run, folder: Path) -> None:
    report = run()
    with duckdb.connect(str(folder / "w.duckdb")) as con:
        con.execute("DELETE FROM bronze.marks WHERE mark = 10")
    padm.check(config=folder / "padm.toml")
    kept = "SELECT run_id, verdict, failed_rows, examples FROM _padm.check_results WHERE rule = 'reconcile_missing'"
    assert rows(folder, kept) == [(report.run_id, "error", 1, "north: mark 10")]
    assert rows(folder, "SELECT count(*) FROM bronze.marks WHERE mark = 10") == [(0,)], "a check mends nothing"
    run(full_refresh=["marks"])
    assert rows(folder, kept) == [(report.run_id, "error", 1, "north: mark 10")]


def test_a_check_during_a_run_says_that_its_results_are_not_kept(run: Run, folder: Path) -> None:
    run()
    with duckdb.connect(str(folder / "w.duckdb")) as con:
        con.execute("DELETE FROM bronze.marks WHERE mark = 10")
    config = load_config(folder / "padm.toml")
    with backend_of(config).open():
        found = padm.check(config=folder / "padm.toml")
    assert found.exit_code == 1
    assert any(
        "not added to _padm.check_results: The warehouse" in note and "in use by another run" in note for note in found.notes
    )


def test_a_check_shows_nothing_of_a_run_that_could_not_publish(run: Run, folder: Path, failing: Callable[..., PadmError]) -> None:
    first = run()
    write_school(folder / "north.duckdb", marks=[*MARKS, (13, 1, "2024-08-01", 12)])
    failing(CheckFailed)
    with duckdb.connect(str(folder / "w.duckdb"), read_only=True) as con:
        before = con.execute("SELECT count(*) FROM bronze.marks").fetchone()
    padm.check(config=folder / "padm.toml")
    assert rows(folder, "SELECT count(*) FROM bronze.marks") == [before]
    with padm.connect(folder / "padm.toml") as wh:
        assert wh.run_id == first.run_id


def test_the_warehouse_gives_tables_binds_models_and_names_the_nearest(run: Run, folder: Path) -> None:
    run(as_of="2024-06-15")
    with padm.connect(folder / "padm.toml") as wh:
        assert wh.gold.mart_pupil.columns == ("source_db", "pupil_id", "marks", "total")
        assert wh.table("dim_pupil").count().to_pyarrow().as_py() == 2
        assert wh.as_of == dt.date(2024, 6, 15)
        assert wh.bind(school.fact_mark).count().to_pyarrow().as_py() == 2
        assert wh.bind(lambda dim_pupil: dim_pupil.select("name")).columns == ("name",)
        assert dir(wh.silver) == ["dim_pupil", "fact_mark"]
        with pytest.raises(UnknownName, match=r"'silver\.dim_pupil'"):
            wh.table("silver.dim_pupils")
        with pytest.raises(AttributeError, match="mart_pupil"):
            wh.gold.mart_pupils  # noqa: B018
        with pytest.raises(UnknownName):
            wh.bind(lambda fact_marks: fact_marks)


def test_a_warehouse_that_was_never_built_says_what_to_do(folder: Path) -> None:
    with pytest.raises(WarehouseError, match="padm-ibis run"):
        padm.connect(folder / "padm.toml")


# --- what would come out the same ----------------------------------------------------------------------------------


def record(name: str, **changes: Any) -> Record:
    facts: dict[str, Any] = {
        "layer": "silver", "rows": 1, "code": "c1", "params": '{"as_of": "2024-12-31", "x": true}', "inputs": {"b": "r1"},
        "made_by": "r1", "made_at": dt.datetime(2025, 1, 1), "seconds": 0.1,
    }  # fmt: skip
    return Record(name=name, **{**facts, **changes})


PARAMS = {"as_of": dt.date(2024, 12, 31), "x": True}
NODES = (Node("b", "bronze", ()), Node("s", "silver", ("b",), dated=True), Node("g", "gold", ("s",), dated=True))
BRONZE = record("b", layer="bronze", inputs={}, made_by="r1")


@pytest.mark.parametrize(
    ("known", "code", "params", "reasons"),
    [
        ([BRONZE, record("s"), record("g", inputs={"s": "r1"})], "c1", PARAMS, {}),
        ([BRONZE, record("s")], "c1", PARAMS, {"g": "not built yet"}),
        (
            [BRONZE, record("s"), record("g", inputs={"s": "r1"})],
            "c2",
            PARAMS,
            {"s": "its code changed", "g": "its code changed"},
        ),
        (
            [BRONZE, record("s"), record("g", inputs={"s": "r1"})],
            "c1",
            {**PARAMS, "as_of": dt.date(2025, 1, 1)},
            {"s": "as_of 2024-12-31 → 2025-01-01", "g": "as_of 2024-12-31 → 2025-01-01"},
        ),
        (
            [record("b", layer="bronze", inputs={}, made_by="r2"), record("s"), record("g", inputs={"s": "r1"})],
            "c1",
            PARAMS,
            {"s": "b changed", "g": "s will be rebuilt"},
        ),
        # s was built again by a run that did not reach g
        ([BRONZE, record("s", made_by="r5"), record("g", inputs={"s": "r1"})], "c1", PARAMS, {"g": "s changed"}),
    ],
)
def test_a_table_is_stale_when_it_would_come_out_otherwise(known, code: str, params, reasons: dict[str, str]) -> None:
    assert ledger.why_stale(NODES, {r.name: r for r in known}, {"": code}, params) == reasons


def test_a_table_that_takes_no_parameters_depends_on_those_that_choose_columns_only() -> None:
    plain = Node("s", "silver", ("b",))
    assert ledger.params_of(plain, PARAMS) == '{"x": true}'
    assert ledger.params_of(NODES[1], PARAMS) == '{"as_of": "2024-12-31", "x": true}'


def test_the_code_of_a_users_table_is_its_modules_too() -> None:
    code = {"": "package", "mine": "m1"}
    assert ledger.code_of(Node("s", "silver", (), module="mine"), code) == "packagem1"
    assert ledger.code_of(Node("s", "silver", ()), code) == "package"


def test_a_changed_users_module_rebuilds_its_tables(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from padm_ibis.define import code

    path = folder / "mine.py"
    path.write_text("X = 1\n")
    monkeypatch.syspath_prepend(str(folder))
    before = code.module.__wrapped__("mine")
    path.write_text("X = 2\n")
    assert code.module.__wrapped__("mine") != before
    assert code.of(["small_school"]) != code.of([])


def test_a_dead_lock_of_a_killed_load_rebuilds_what_may_have_changed(run: Run, folder: Path) -> None:
    run()
    with duckdb.connect(str(folder / ".w.duckdb.padm" / "work.duckdb")) as con:
        con.execute("INSERT INTO _padm.state VALUES ('loading', 'r0')")
    time.sleep(0.01)
    report = run()
    assert actions(report)["dim_pupil"] == "built"
    assert run().status == "up to date"


def test_statements_are_written_once_for_each_date(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from padm_ibis.define import compile

    run()
    written: list[str] = []
    original = compile.sql

    def counted(expression: Any, *arguments: Any, **options: Any) -> str:
        written.append(str(expression.columns))
        return original(expression, *arguments, **options)

    monkeypatch.setattr(compile, "sql", counted)
    run(as_of="2024-06-15")
    # fact_mark alone holds the date: whose rows it passes, and, since that is half of all, the table; all else is known
    assert written == ["('source_db', 'number')", "('source_db', 'mark_id', 'pupil_id', 'value')"]
    written.clear()
    run(as_of="2024-12-31")
    assert written == ["('source_db', 'number')"], "which rows lie between two days is another question for any two"
