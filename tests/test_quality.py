from __future__ import annotations

import datetime
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import ibis.expr.types as ir
import pytest

from padm_ibis.config import load_config
from padm_ibis.define import contract as contracts
from padm_ibis.define.compile import sql
from padm_ibis.define.graph import Graph
from padm_ibis.definitions import collect
from padm_ibis.engine.quality import observe
from padm_ibis.params import Params
from padm_ibis.report.results import CheckResult
from padm_ibis.testing.run_model import rows_as_table

PARAMS = Params(as_of=datetime.date(2024, 12, 31))


@pytest.fixture(scope="module")
def graph() -> Graph:
    return collect()


@pytest.fixture
def counted(graph: Graph, tmp_path: Path) -> Callable[..., tuple[CheckResult, ...]]:
    def _counted(name: str, rows: list[dict[str, Any]], settings: str = "") -> tuple[CheckResult, ...]:
        path = tmp_path / "padm.toml"
        path.write_text(settings)
        model = graph[name]
        reader = next(m for m in graph if m.layer == "silver" and name in m.inputs)
        statements: list[str] = []
        with duckdb.connect() as con:
            arrow = rows_as_table(name, rows, reader)  # noqa: F841 - DuckDB reads it by its name
            con.execute(f"CREATE SCHEMA bronze; CREATE TABLE bronze.{name} AS FROM arrow")

            def run(key: str, make: Callable[[], ir.Table]) -> list[tuple[Any, ...]]:
                statements.append(sql(make(), "duckdb"))
                return con.execute(statements[-1]).fetchall()

            found = observe(run, contracts.unbound(model.contract, name, PARAMS), model, graph.models, load_config(path))
        assert len(statements) == 1 + len(found)  # one for all counts, one more for what was found
        return found

    return _counted


def texts(found: tuple[CheckResult, ...]) -> dict[str, int]:
    return {result.rule: result.failed for result in found}


def test_rows_without_a_student_are_counted(counted) -> None:
    found = counted("dropout", [{"perdida_regularidad": 1, "alumno": None}, {"perdida_regularidad": 2, "alumno": 7}])
    assert texts(found) == {"alumno is null: no fact keeps the row": 1}
    assert found[0].verdict == "warn"
    assert found[0].rows == ("source_db=sede1, perdida_regularidad=1",)


def test_codes_that_are_no_result_are_counted_and_blanks_are_not(counted) -> None:
    rows = [
        {"registro": f"r{n}", "alumno": 1, "resultado": code} for n, code in enumerate(["A", "R", "U", "P", "a", None, "", " "])
    ]
    found = counted("historia_academica", rows)
    assert texts(found) == {"resultado is none of A, R, U": 2}
    assert "resultado" not in " ".join(found[0].rows)


def test_marks_that_became_null_are_counted_and_words_for_no_mark_are_not(counted) -> None:
    marks = ["7", "7,50", " 10 ", "Ausente", "A", "NA", "APROBADO", "-", "", None]
    rubbish = ["11", "7.5.0", "-3", "7/10", "10,01", "siete"]
    rows = [{"registro": f"r{n}", "alumno": 1, "resultado": "A", "nota": mark} for n, mark in enumerate([*marks, *rubbish])]
    assert texts(counted("historia_academica", rows)) == {"nota is no mark from 0 to 10 and became null": len(rubbish)}


def test_flags_that_became_null_are_counted(counted) -> None:
    flags = ["S", "N", "true", "false", " S ", None, "", "si", "1", "X"]
    rows = [{"persona": n, "dato_censal": n, "beca": flag} for n, flag in enumerate(flags)]
    assert texts(counted("census", rows)) == {"beca is neither S nor N and became null": 3}
    students = [{"alumno": n, "regular": flag} for n, flag in enumerate(["S", "?"])]
    assert texts(counted("students", students)) == {"regular is neither S nor N and became null": 1}


def test_severity_is_configured_for_all_and_for_one(counted) -> None:
    rows = [{"registro": "r1", "alumno": None, "resultado": "X", "nota": "99"}]
    settings = "[checks]\nunknown_code = 'error'\nmissing_student = 'off'\n"
    settings += "[checks.rules]\n'historia_academica.nota.unreadable_value' = 'off'"
    assert [(r.rule, r.verdict) for r in counted("historia_academica", rows, settings)] == [
        ("resultado is none of A, R, U", "error")
    ]


def test_good_rows_say_nothing(counted) -> None:
    assert counted("historia_academica", [{"registro": "r", "alumno": 1, "resultado": "A", "nota": "8"}]) == ()
