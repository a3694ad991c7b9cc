"""A warehouse, a mirror, an export and a configuration of the version before are taken over, and nothing is asked of anyone."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest
from ibis import selectors as s

import padm_ibis as padm
from padm_ibis.define.layers import LAYERS
from padm_ibis.sample import SAMPLE_AS_OF

pytestmark = pytest.mark.early

AS_OF = SAMPLE_AS_OF.isoformat()
EXPORTED = "mart_kpi_materia"
REDEFINED = "gold_tft_training_dataset"
RENAMED = {"anio_ingreso": "anio_ingreso_relativo", "anio_nacimiento": "anio_nacimiento_relativo"}
"""What readers of the redefined table must change, as the changelog says; each with its ``_faltante``."""
CONFIGURATION = """
[warehouse]
url = "{warehouse}"

[sources.sede1]
url = "duckdb://source.duckdb"
schema = "negocio_sede1"

[sources.sede2]
url = "duckdb://source.duckdb"
schema = "negocio_sede2"

[privacy]
hash_key = "of the test, not of anyone"

[publish]
to = "duckdb://mirror.duckdb"
"""


@dataclass(frozen=True)
class University:
    """A folder with everything in it, and what the newer version said of its first morning there."""

    folder: Path
    first: dict[str, Any]


def rows_of(folder: Path) -> dict[str, Counter[tuple[Any, ...]]]:
    """Name → its rows, counted; without the loader's own columns, which say when and by which run."""
    with padm.connect(folder / "padm.toml") as warehouse:
        return {
            f"{layer}.{name}": Counter(
                tuple(str(value) for value in row.values())
                for row in warehouse.table(f"{layer}.{name}").drop(s.startswith("_")).to_pyarrow().to_pylist()
            )
            for layer in LAYERS
            for name in warehouse.tables()[layer]
        }


def grown(folder: Path, warehouse: str, earlier: Callable[..., Any], now: Callable[..., Any]) -> University:
    """Build, publish and export by the version before; then run the newer one in the same folder."""
    (folder / "padm.toml").write_text(CONFIGURATION.format(warehouse=warehouse), encoding="utf-8")
    earlier(folder, "sample", "--into", "duckdb://source.duckdb", "--students", "40", "--campuses", "2")
    earlier(folder, "run", "--as-of", AS_OF)
    earlier(folder, "publish")
    earlier(folder, "export", EXPORTED, "--to", "exported")
    earlier(folder, "export", REDEFINED, "--to", "redefined")
    now(folder, "run", "--as-of", AS_OF, "--json", "first.json")
    return University(folder, json.loads((folder / "first.json").read_text())["result"])


@pytest.fixture(scope="module", params=["duckdb", pytest.param("postgres", marks=pytest.mark.postgres)])
def university(request, tmp_path_factory, earlier, now) -> University:
    folder = tmp_path_factory.mktemp("university")
    url = "duckdb://warehouse.duckdb" if request.param == "duckdb" else request.getfixturevalue("postgres_url")
    return grown(folder, url, earlier, now)


def test_all_is_compared_once_and_nothing_arrives_twice(university):
    inputs = university.first["inputs"]
    with_cursor = {"academic", "census", "historia_academica", "exam_inscriptions", "course_inscriptions"}
    assert with_cursor <= {i["resource"] for i in inputs}
    read = [i for i in inputs if i["resource"] in with_cursor]
    assert {(i["since"] or "1900-01-01")[:10] for i in read} == {"1900-01-01"}, "all of it, once"
    assert [i["resource"] for i in read if i["watermark"] is None or not i["read"]] == []
    assert [i["resource"] for i in inputs if i["changed"]] == []


@pytest.fixture(scope="session")
def fresh(tmp_path_factory, now) -> dict[str, Counter[tuple[Any, ...]]]:
    """The same university, built by this version alone."""
    folder = tmp_path_factory.mktemp("fresh")
    (folder / "padm.toml").write_text(CONFIGURATION.format(warehouse="duckdb://warehouse.duckdb"), encoding="utf-8")
    now(folder, "sample", "--into", "duckdb://source.duckdb", "--students", "40", "--campuses", "2")
    now(folder, "run", "--as-of", AS_OF)
    return rows_of(folder)


def test_every_table_is_what_a_fresh_build_would_be(university, fresh):
    taken_over = rows_of(university.folder)
    assert len(fresh) > 45
    assert {name for name in fresh.keys() | taken_over.keys() if fresh.get(name) != taken_over.get(name)} == set()


def test_the_runs_of_before_are_still_told(university):
    with padm.connect(university.folder / "padm.toml") as warehouse:
        runs = warehouse.execute("SELECT run_id, status FROM _padm.runs ORDER BY started_at, run_id")
    assert len(runs) == 2
    assert runs[0][1] == "ok"
    assert runs[1][0] == university.first["run_id"]


def test_an_export_is_still_verified(university, now):
    assert f"Equal: {EXPORTED} as of {AS_OF}" in now(university.folder, "verify", "exported").stdout


def test_an_export_of_a_table_that_is_defined_otherwise_now_differs_and_the_reason_is_said(university, now):
    told = now(university.folder, "verify", "redefined", expect=1)
    said = told.stdout + told.stderr
    assert "and other content than the" in said
    assert f"the code of {REDEFINED} is another one" in said


def test_a_mirror_is_told_which_columns_are_others_now_and_then_published_without_a_word(university, now):
    told = now(university.folder, "publish")
    said = [line.strip() for line in told.stderr.splitlines() if ": column " in line]
    ending = ("", "_faltante")
    assert sorted(said) == sorted(
        f"gold.{REDEFINED}: column {name}{end} is {fate}"
        for before, after in RENAMED.items()
        for end in ending
        for name, fate in ((before, "gone"), (after, "new"))
    )
    told = now(university.folder, "publish")
    assert "column" not in told.stdout + told.stderr
    now(university.folder, "publish", "--check")


def test_a_mirror_whose_columns_changed_says_which_before_they_are_replaced(university, now):
    with duckdb.connect(university.folder / "mirror.duckdb") as mirror:
        mirror.execute("ALTER TABLE gold.mart_cohort_analysis RENAME COLUMN cohorte TO cohort")
        mirror.execute("ALTER TABLE gold.mart_ranking_docentes ALTER COLUMN evaluaciones TYPE VARCHAR")
    told = now(university.folder, "publish", "--json", "publication.json")
    assert "gold.mart_cohort_analysis: column cohort is gone" in told.stderr
    assert "gold.mart_cohort_analysis: column cohorte is new" in told.stderr
    assert "gold.mart_ranking_docentes: column evaluaciones was TEXT, is now BIGINT" in told.stderr
    detail = json.loads((university.folder / "publication.json").read_text())["result"]["tables_detail"]
    assert {d["table"]: len(d["columns"]) for d in detail if d["columns"]} == {
        "gold.mart_cohort_analysis": 2,
        "gold.mart_ranking_docentes": 1,
    }
    now(university.folder, "publish", "--check")
