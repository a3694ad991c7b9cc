"""An export says what it was made from, and `verify` finds whatever is not so any more."""

from __future__ import annotations

import json

import duckdb
import pyarrow as pa
import pyarrow.dataset
import pyarrow.parquet as pq
import pytest

import padm_ibis as padm
from padm_ibis import export
from padm_ibis.errors import UsageError

TABLE = "gold_tft_training_dataset"


@pytest.fixture(scope="module")
def exported(config, graph, tmp_path_factory):
    folder = tmp_path_factory.mktemp("export") / "training"
    with padm.connect(config) as warehouse:
        manifest = export.export(warehouse, graph, TABLE, folder)
    return folder, manifest


def test_there_is_a_folder_for_each_partition_and_together_they_hold_the_table(config, exported):
    folder, manifest = exported
    with padm.connect(config) as warehouse:
        table = warehouse.table(TABLE).to_pyarrow()
    assert set(manifest["files"]) == {f"particion={v}/part-0.parquet" for v in set(table["particion"].to_pylist())}
    key = [(name, "ascending") for name in manifest["key"]]
    assert export.read(folder).sort_by(key).equals(table.sort_by(key))


def test_the_folder_is_a_data_set_for_arrow_and_for_duckdb(exported):
    folder, manifest = exported
    rows = manifest["output"]["rows"]
    for partitioning in (None, "hive"):
        data = pyarrow.dataset.dataset(folder, partitioning=partitioning)
        assert data.schema.names == [c["name"] for c in manifest["columns"]]
        assert data.count_rows() == rows
    test = pyarrow.dataset.dataset(folder, partitioning="hive").to_table(filter=pyarrow.dataset.field("particion") == "test")
    assert test.num_rows == manifest["files"]["particion=test/part-0.parquet"]["rows"] > 0
    assert set(test["particion"].to_pylist()) == {"test"}
    with duckdb.connect() as con:
        found = con.execute(f"SELECT count(*), count(DISTINCT particion) FROM read_parquet('{folder}/**/*.parquet')").fetchone()
    assert found == (rows, len(manifest["files"]))


def test_the_manifest_names_everything_the_rows_depend_on(exported):
    _, manifest = exported
    assert manifest["as_of"]
    assert manifest["params"]["max_inactive_years"] == 3
    assert {"historia_academica", "census", "dim_student", "gold_tft_temporal_features"} <= set(manifest["inputs"])
    assert {TABLE, "fact_academic_performance"} <= set(manifest["models"])
    assert {"padm-ibis", "duckdb", "ibis-framework"} <= set(manifest["versions"])
    assert manifest["output"]["rows"] == sum(f["rows"] for f in manifest["files"].values())
    roles = {c["name"]: c["role"] for c in manifest["columns"]}
    assert roles["promedio_historico"] == "observed_real"


def test_what_was_exported_can_be_made_again(config, graph, exported):
    with padm.connect(config) as warehouse:
        verdict = export.verify(warehouse, graph, exported[0])
    assert verdict.differs == []
    assert verdict.equal


def test_a_changed_missing_or_added_file_is_found(config, graph, tmp_path):
    folder = tmp_path / "cohorts"
    with padm.connect(config) as warehouse:
        export.export(warehouse, graph, "mart_cohort_analysis", folder)
        part = folder / "part-0.parquet"
        pq.write_table(pq.read_table(part).slice(1), part)
        assert any("part-0.parquet was changed" in d for d in export.verify(warehouse, graph, folder).differs)
        part.rename(folder / "elsewhere.parquet")
        found = " ".join(export.verify(warehouse, graph, folder).differs)
    assert "part-0.parquet is missing" in found
    assert "elsewhere.parquet is not in the manifest" in found


def test_other_parameters_give_other_rows_and_are_said_to(config, graph, tmp_path):
    folder = tmp_path / "kpi"
    with padm.connect(config) as warehouse:
        export.export(warehouse, graph, "gold_tft_known_future", folder)
        manifest = json.loads((folder / export.MANIFEST).read_text())
        manifest["params"]["period_base_year"] = 1990
        (folder / export.MANIFEST).write_text(json.dumps(manifest))
        verdict = export.verify(warehouse, graph, folder)
    assert not verdict.equal
    assert "built again" in verdict.differs[0]
    assert any("code" in note for note in verdict.notes)


def test_a_folder_with_something_else_is_left_alone(config, graph, tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with padm.connect(config) as warehouse, pytest.raises(UsageError, match="not an empty folder"):
        export.export(warehouse, graph, TABLE, tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.txt"]
    with padm.connect(config) as warehouse, pytest.raises(UsageError, match="no _manifest"):
        export.verify(warehouse, graph, tmp_path)


def test_an_export_replaces_an_earlier_one(config, graph, tmp_path):
    with padm.connect(config) as warehouse:
        first = export.export(warehouse, graph, "gold_tft_known_future", tmp_path / "x")
        second = export.export(warehouse, graph, "gold_tft_known_future", tmp_path / "x")
    assert first["output"] == second["output"]
    assert first["files"] == second["files"]
    assert [p.name for p in tmp_path.iterdir()] == ["x"]


def test_an_export_is_arrow_with_the_types_of_the_contract(exported):
    folder, manifest = exported
    table = export.read(folder)
    assert isinstance(table, pa.Table)
    assert table.column_names == [c["name"] for c in manifest["columns"]]
