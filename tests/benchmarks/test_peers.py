"""The same statements in other tools: what is written for them, that it makes the same rows, and what is told of it."""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
from pathlib import Path
from typing import Any

import _results
import duckdb
import peers
import pytest
from _contenders import AUDITED, CHANGED, DBT, FIRST, MEASURES, NOTHING, OURS, SCRIPT, SQLMESH, UNREAD, differing
from _peer_projects import Statement, dbt_project, referring, sql_script, sqlmesh_project, statements
from _university import DAY, NEXT_DAY, change, configuration, write_source

import padm_ibis as padm
from padm_ibis.cli import invoke
from padm_ibis.params import Params

DIM = Statement("silver", "dim_a", 'SELECT "t"."id" FROM "bronze"."a" AS "t"', ("id",), ("id",))
MART = Statement("gold", "mart_b", 'SELECT "t"."id", 1 AS "n", 2 AS "x" FROM "silver"."dim_a" AS "t"', ("id", "n"), ("id", "n"))
BRONZE = {"a": {"id": "BIGINT"}}
TINY = ["--students", "4", "--rounds", "1", "--select", "fact_reinscription", "--calibration", "100000", "--no-plot"]
KEPT = "PADM_BENCH_ENVIRONMENTS"


def test_a_script_makes_tables_in_their_order() -> None:
    assert sql_script([DIM, MART]).splitlines() == [
        'CREATE OR REPLACE TABLE "silver"."dim_a" AS',
        'SELECT "t"."id" FROM "bronze"."a" AS "t";',
        "",
        'CREATE OR REPLACE TABLE "gold"."mart_b" AS',
        'SELECT "t"."id", 1 AS "n", 2 AS "x" FROM "silver"."dim_a" AS "t";',
    ]


def test_dbt_is_told_what_a_statement_reads_and_what_its_contract_says(tmp_path: Path) -> None:
    dbt_project(tmp_path, [DIM, MART], BRONZE, "dw.duckdb", threads=2)
    model = (tmp_path / "models" / "gold" / "mart_b.sql").read_text()
    assert model == 'SELECT "t"."id", 1 AS "n", 2 AS "x" FROM {{ ref(\'dim_a\') }} AS "t"'
    assert referring(DIM.query) == 'SELECT "t"."id" FROM {{ source(\'bronze\', \'a\') }} AS "t"'
    assert json.loads((tmp_path / "models" / "contracts.yml").read_text()) == {
        "models": [
            {"name": "dim_a", "columns": [{"name": "id", "data_tests": ["not_null", "unique"]}]},
            {
                "name": "mart_b",
                "columns": [{"name": "id", "data_tests": ["not_null"]}, {"name": "n", "data_tests": ["not_null"]}],
                "data_tests": [{"unique_together": {"arguments": {"columns": ["id", "n"]}}}],
            },
        ]
    }


def test_what_dbt_would_take_as_its_own_is_refused() -> None:
    with pytest.raises(ValueError, match="dbt would take"):
        referring("SELECT '{{ x }}'")


def test_sqlmesh_is_told_the_same(tmp_path: Path) -> None:
    for audits, told in (
        (False, ""),
        (True, ", audits (not_null(columns := (id, n)), unique_combination_of_columns(columns := (id, n)))"),
    ):
        sqlmesh_project(tmp_path, [DIM, MART], BRONZE, "dw.duckdb", audits=audits)
        head, _, query = (tmp_path / "models" / "gold" / "mart_b.sql").read_text().split("\n", 2)
        assert head == f"MODEL (name gold.mart_b, kind FULL, cron '@daily'{told});"
        assert query.rstrip("\n") == MART.query


def test_tables_differ_by_rows_and_how_often_they_are_there(tmp_path: Path) -> None:
    same, twice = "SELECT unnest([1, 2]) AS id", "SELECT unnest([1, 2, 2]) AS id"
    for name, dim, mart in (("reference", same, same), ("dw", "SELECT unnest([2, 1]) AS id", twice)):
        with duckdb.connect(str(tmp_path / f"{name}.duckdb")) as con:
            con.execute(f"CREATE SCHEMA silver; CREATE TABLE silver.dim_a AS {dim}")
            con.execute(f"CREATE SCHEMA gold; CREATE TABLE gold.mart_b AS {mart}")
    assert list(differing(tmp_path / "reference.duckdb", tmp_path / "dw.duckdb", [DIM, MART])) == ["gold.mart_b"]


def test_one_in_two_hundred_students_of_each_campus_changes(tmp_path: Path) -> None:
    before, after = tmp_path / "before.duckdb", tmp_path / "after.duckdb"
    schemas = write_source(f"duckdb://{before}", 800)
    shutil.copy(before, after)
    assert change(after, schemas) == 4
    with duckdb.connect() as con:
        con.execute(f"ATTACH '{before}' AS before (READ_ONLY); ATTACH '{after}' AS after (READ_ONLY)")
        for schema in schemas:

            def only_in(one: str, other: str, table: str, schema: str = schema) -> set[int]:
                rows = f"FROM {one}.{schema}.{table} EXCEPT ALL FROM {other}.{schema}.{table}"
                return {alumno for (alumno,) in con.execute(f"SELECT alumno FROM ({rows})").fetchall()}

            people = only_in("before", "after", "sga_alumnos")
            assert len(people) == 2
            assert only_in("after", "before", "sga_alumnos") == people
            assert only_in("after", "before", "sga_reinscripciones") <= people
            assert only_in("before", "after", "sga_reinscripciones") == set()
            assert only_in("before", "after", "sga_insc_cursada") <= people
            assert only_in("after", "before", "sga_insc_cursada") == set()
            assert only_in("after", "before", "sga_eval_detalle_cursadas") <= people
            moved = [only_in(*pair, table) for pair, table in (
                (("after", "before"), "sga_reinscripciones"), (("before", "after"), "sga_insc_cursada"),
                (("after", "before"), "sga_eval_detalle_cursadas"),
            )]  # fmt: skip
            assert all(moved)


def test_between_the_two_days_nothing_closes() -> None:
    day, following = (Params(as_of=as_of) for as_of in (DAY, NEXT_DAY))
    assert dt.timedelta(days=1) == NEXT_DAY - DAY
    assert (day.as_of_year, day.last_closed_year) == (following.as_of_year, following.last_closed_year)
    labels = dt.timedelta(days=day.label_delay_days)
    assert not any(DAY < day.cutoff(anio) + labels <= NEXT_DAY for anio in range(2000, 2040))


def test_what_cannot_be_installed_is_left_out_with_its_reason(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    no_folder = tmp_path / "environments"
    no_folder.touch()
    assert peers.install(no_folder, {"dbt"}) == ({}, {}, {"dbt": "could not be installed (dbt-core<1.12, dbt-duckdb)"})
    assert "environments" in capsys.readouterr().err  # what the command itself said


def test_ours_and_a_script_are_measured_and_make_the_same_rows(tmp_path: Path) -> None:
    assert peers.main([*TINY, "--beside", SCRIPT, "--results", str(tmp_path)]) == 0
    found = json.loads((tmp_path / "peers.json").read_text())
    assert {part: list(measures) for part, measures in found["timings"].items()} == {
        part: list(MEASURES) for part in (OURS, UNREAD, SCRIPT)
    }
    whole, unread = (found["timings"][part][FIRST][0]["cost"]["wall"] for part in (OURS, UNREAD))
    assert 0 < unread < whole
    assert found["checks"][OURS] > 0
    assert (tmp_path / "peers.md").read_text() == _results.page(found)


@pytest.mark.parametrize("name", [DBT, SQLMESH, AUDITED])
def test_a_peer_makes_the_same_rows(tmp_path: Path, name: str) -> None:
    kept = Path(os.environ.get(KEPT, ""), peers.NEEDS[name])
    if not (kept / "ready").exists():
        pytest.skip(f"{kept.name} is not installed: {KEPT} names no folder that `benchmarks/peers.py --environments` filled")
    assert peers.main([*TINY, "--beside", name, "--environments", str(kept.parent), "--results", str(tmp_path)]) == 0
    assert name in json.loads((tmp_path / "peers.json").read_text())["timings"]


@pytest.fixture
def measured() -> dict[str, Any]:
    def rounds(*seconds: float) -> list[dict[str, Any]]:
        return [
            {"cost": {"wall": s, "cpu": s, "peak": 100 << 20}, "unit": {"wall": 0.5, "cpu": 0.5, "peak": None}} for s in seconds
        ]

    machine = {
        "processor": "Some", "cores": 2, "memory_gib": 8, "architecture": "x86_64", "load": 0.1, "python": "3.11.7",
        "duckdb": "1.5.5", "calibration": {"seconds": 0.5, "least": 0.4, "most": 0.6, "readings": 9},
    }  # fmt: skip
    return {
        "machine": machine, "versions": {"dbt-core": "1.11"}, "campuses": 2, "students": 1000, "rounds": 3, "changed": 6,
        "tables": 31, "rows": 1234, "checks": {OURS: 900}, "skipped": {SQLMESH: "could not be installed (sqlmesh)"},
        "timings": {
            OURS: {FIRST: rounds(6, 8, 4), NOTHING: rounds(1, 1, 1), CHANGED: rounds(2, 3, 2)},
            SCRIPT: {FIRST: rounds(2, 2, 2), NOTHING: rounds(2, 2, 2), CHANGED: rounds(2, 2, 1)},
        },
    }  # fmt: skip


def test_the_page_says_seconds_ratios_and_what_is_missing(measured: dict[str, Any]) -> None:
    page = _results.page(measured)
    row = next(line for line in page.splitlines() if line.startswith(f"| **{OURS}**"))
    assert [cell.strip() for cell in row.split("|")[2:-1]] == [
        "6.0 s", "3.00 (2.00 … 4.00)", "1.0 s", "0.50", "2.0 s", "1.50 (1.00 … 2.00)", "100 MiB",
    ]  # fmt: skip
    assert "2 × 500 students, of whom 6 changed: 31 tables, 1,234 rows" in page
    assert "Not measured: SQLMesh: could not be installed (sqlmesh)." in page
    assert "calibration 0.50 s (0.40 … 0.60 in 9 readings)" in page


def test_the_figures_are_put_between_two_marks(measured: dict[str, Any]) -> None:
    text = f"before\n{_results.BEGIN}\nold\n{_results.END}\nafter"
    before, first, _, _, ours, script, last, after = _results.put_into(text, measured).splitlines()
    assert (before, first, last, after) == ("before", _results.BEGIN, _results.END, "after")
    assert ours.endswith("| 6.0 s (3.0 ×) | 1.0 s (0.5 ×) | 2.0 s (1.5 ×) |")
    assert script.endswith("| 2.0 s | 2.0 s | 2.0 s |")


def test_the_statements_are_those_that_sql_prints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("padm.toml").write_text(configuration("duckdb://source.duckdb", ["negocio_sede1"]), encoding="utf-8")
    bronze, found = statements(padm.load_config("padm.toml"), DAY, ["dim_propuesta"])
    assert bronze == ["students"]
    capsys.readouterr()
    assert invoke(["sql", "dim_propuesta", "--dialect", "duckdb", "--as-of", str(DAY)]) == 0
    assert [statement.query for statement in found] == [capsys.readouterr().out.rstrip("\n")]
