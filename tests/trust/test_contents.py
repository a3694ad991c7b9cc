"""A run says of every table what it holds, and the same rows give the same fingerprints however they came about."""

from __future__ import annotations

import json

import duckdb
import pytest
import small_school as school
from source_copies import shuffled

import padm_ibis as padm
from padm_ibis.config import load_config
from padm_ibis.define import fingerprint
from padm_ibis.definitions import Definitions
from padm_ibis.sample import SAMPLE_AS_OF
from padm_ibis.warehouse import Warehouse

AS_OF = "2024-12-31"


def run(config, **options):
    """Run, and return what the run wrote down, as a user would read it."""
    report = padm.run(**{"as_of": AS_OF, "config": config, **options})
    with padm.connect(config) as warehouse:
        ((text,),) = warehouse.execute(f"SELECT contents FROM _padm.runs WHERE run_id = '{report.run_id}'")
    return json.loads(text)


@pytest.fixture
def small(tmp_path):
    return school.write_config(tmp_path, school.write_school(tmp_path / "north.duckdb"))


def test_inputs_and_outputs_are_named_with_rows_content_and_code(small):
    found = run(small)
    assert {n: (f["layer"], f["rows"]) for n, f in found.items()} == {
        "marks": ("bronze", 3), "pupils": ("bronze", 2), "dim_pupil": ("silver", 2), "fact_mark": ("silver", 3),
        "mart_pupil": ("gold", 2),
    }  # fmt: skip
    assert all(f["content"].startswith(f"duckdb-{duckdb.__version__}:") for f in found.values())
    assert len({f["content"] for f in found.values()}) == len({f["model"] for f in found.values()}) == 5


def test_the_code_is_fingerprinted_as_in_a_manifest_whatever_the_date(small):
    first = run(small)
    assert {n: f["model"] for n, f in run(small, as_of="2024-06-15").items()} == {n: f["model"] for n, f in first.items()}
    config = load_config(small)
    graph = Definitions(config).graph
    with Warehouse(config) as warehouse:
        expected = {m.name: fingerprint.of_model(graph, m, warehouse.params) for m in graph}
    assert {n: f["model"] for n, f in first.items()} == expected


def test_only_what_changed_has_another_content(small, tmp_path):
    before = run(small)
    changed = [*school.MARKS[:2], (12, 2, "2024-07-01", 5)]
    school.write_school(tmp_path / "north.duckdb", marks=changed)
    after = run(small)
    assert {n for n in after if after[n]["content"] != before[n]["content"]} == {"marks", "fact_mark", "mart_pupil"}
    school.write_school(tmp_path / "north.duckdb")
    assert {n: f["content"] for n, f in run(small).items()} == {n: f["content"] for n, f in before.items()}


def test_a_warehouse_of_an_earlier_version_gets_the_columns(small, tmp_path):
    padm.run(as_of=AS_OF, config=small)
    with duckdb.connect(tmp_path / "w.duckdb") as con:
        for table, column in (("runs", "versions"), ("runs", "contents"), ("tables", "content"), ("tables", "model")):
            con.execute(f"ALTER TABLE _padm.{table} DROP COLUMN {column}")
    assert padm.plan(as_of=AS_OF, config=small).steps
    assert run(small, as_of="2024-06-15")["fact_mark"]["content"]


def first_students(source):
    with duckdb.connect(source, read_only=True) as con:
        return con.execute("SELECT alumno FROM negocio.sga_alumnos LIMIT 5").fetchall()


def test_threads_and_the_order_of_rows_at_the_source_change_no_content(config, tmp_path):
    folder = config.parent
    shuffled(folder / "source.duckdb", tmp_path / "shuffled.duckdb")
    assert first_students(folder / "source.duckdb") != first_students(tmp_path / "shuffled.duckdb")
    other = tmp_path / "padm.toml"
    text = config.read_text().replace(str(folder), str(tmp_path)).replace("source.duckdb", "shuffled.duckdb")
    other.write_text(text.replace("[warehouse]\n", "[warehouse]\nthreads = 1\n"), encoding="utf-8")
    two = run(other, as_of=SAMPLE_AS_OF)
    with padm.connect(config) as warehouse:
        one = json.loads(warehouse.execute("SELECT contents FROM _padm.runs")[0][0])
    assert len(one) > 46
    assert {n: f["content"] for n, f in one.items()} == {n: f["content"] for n, f in two.items()}
