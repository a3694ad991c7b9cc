"""A person is forgotten: every row goes, from everywhere, to the byte; whoever stays, stays as they are; nobody comes back."""

from __future__ import annotations

import json
import shutil
import sqlite3
from pathlib import Path

import pytest
from conftest_erasure import MARKS, NAME, NUMBER, PUPILS, School, traces

import padm_ibis as padm
from padm_ibis.backends.base import backend_of
from padm_ibis.definitions import Definitions
from padm_ibis.errors import ConfigError, UnknownName, UsageError, WarehouseError, WarehouseMissing
from padm_ibis.export import read, verify


def test_every_row_goes_and_every_byte(a_school: School, query) -> None:
    assert a_school.traces() == [
        ".w.duckdb.padm/work.duckdb", "exported/part-0.parquet", "mirror.duckdb", "other.sqlite", "w.duckdb",
    ]  # fmt: skip
    found = a_school.forget()
    assert (found.exit_code, found.people, found.failed) == (0, 1, [])
    assert a_school.traces() == []
    assert a_school.pupils() == [1, 2]
    assert a_school.rows("SELECT mark FROM bronze.marks ORDER BY 1") == [(10,), (11,), (12,)]
    assert a_school.rows("SELECT pupil_id, marks, total FROM gold.mart_pupil ORDER BY 1") == [(1, 2, 16), (2, 1, 4)]
    assert query(a_school.folder / "mirror.duckdb", "SELECT pupil_id FROM gold.mart_pupil ORDER BY 1") == [(1,), (2,)]
    with sqlite3.connect(a_school.folder / "other.sqlite") as other:
        assert other.execute("SELECT pupil_id, name FROM dim_pupil ORDER BY 1").fetchall() == [(1, "Ana"), (2, "Berta")]


def test_the_certificate_says_what_was_removed_where_and_names_nobody(a_school: School) -> None:
    (before,) = a_school.rows("SELECT run_id FROM _padm.runs")
    found = a_school.forget()
    path = Path(found.certificate)
    assert path.stat().st_mode & 0o777 == 0o600
    told = json.loads(path.read_text())
    assert {(item["place"], item["name"]): item["rows"] for item in told["removed"] if item["place"] != "text"} == {
        ("warehouse", "bronze.pupils"): 1,
        ("warehouse", "bronze.marks"): 2,
        ("warehouse", "silver.dim_pupil"): 1,
        ("warehouse", "silver.fact_mark"): 2,
        ("warehouse", "gold.mart_pupil"): 1,
        ("export", str(a_school.folder / "exported")): 1,
        ("mirror", "duckdb://mirror.duckdb"): 4,
        ("mirror", "sqlite://other.sqlite"): 1,
        ("copy", f"000001-{before[0]}.duckdb"): None,  # what readers saw before would have been kept
    }
    assert any("Backups" in text for text in told["unreached"])
    assert [len(mark) for mark in told["marks"]] == [64]
    assert traces(a_school.folder, str(NUMBER), NAME) == []


def test_a_look_counts_and_changes_nothing(a_school: School) -> None:
    before = {path: path.read_bytes() for path in a_school.folder.rglob("*.duckdb")}
    found = a_school.forget(dry_run=True)
    assert {item.name: item.rows for item in found.removed} == {
        "bronze.pupils": 1, "bronze.marks": 2, "silver.dim_pupil": 1, "silver.fact_mark": 2, "gold.mart_pupil": 1,
    }  # fmt: skip
    assert found.certificate is None
    assert {path: path.read_bytes() for path in a_school.folder.rglob("*.duckdb")} == before
    assert not (a_school.folder / ".w.duckdb.padm" / "suppressed.json").exists()


def test_who_was_forgotten_stays_away_and_is_counted(a_school: School) -> None:
    a_school.forget()
    again = [*MARKS, (15, NUMBER, "2024-09-01", 9), (16, 2, "2024-09-01", 9)]
    a_school.change(PUPILS, again)
    report = a_school.run(reconcile=True)
    assert {item.resource: (item.changed, item.suppressed) for item in report.inputs} == {"pupils": (0, 0), "marks": (1, 1)}
    assert "1 row of erased people left out" in next(item.note for item in report.inputs if item.resource == "marks")
    report = a_school.run(full_refresh=True, reconcile=True)
    assert [(p.table, p.rows) for p in report.passed_over if p.kind == "erased"] == [("bronze.marks", 3), ("bronze.pupils", 1)]
    assert (report.exit_code, [c for c in report.checks if c.rule.startswith("reconcile")]) == (0, [])
    checked = padm.check(config=a_school.config)
    assert [c for c in checked.results if c.rule.startswith("reconcile")] == []
    assert a_school.pupils() == [1, 2]
    assert a_school.traces() == []


def test_an_export_says_so_and_is_what_it_says(a_school: School) -> None:
    folder = a_school.export("mart_pupil", "mart")
    elsewhere = shutil.move(a_school.export("dim_pupil", "moved"), a_school.folder / "elsewhere")
    found = a_school.forget(export=[elsewhere])
    assert any(f"{a_school.folder / 'moved'} is not there any more" in text for text in found.unreached)
    for exported, rows in ((folder, [1, 2]), (Path(elsewhere), [1, 2])):
        manifest = json.loads((exported / "_manifest.json").read_text())
        assert [one["rows"] for one in manifest["erased"]] == [1]
        assert manifest["output"]["rows"] == 2
        assert read(exported)["pupil_id"].to_pylist() == rows
        with padm.connect(a_school.config) as warehouse:
            verdict = verify(warehouse, Definitions(a_school.config).graph, exported)
        assert verdict.equal, verdict.differs
        assert any("an erasure" in note for note in verdict.notes)


def test_an_export_that_somebody_changed_stays_one_that_was_changed(a_school: School) -> None:
    import pyarrow.parquet as pq

    file = a_school.folder / "exported" / "part-0.parquet"
    pq.write_table(pq.ParquetFile(file).read().slice(1), file)  # without Ana
    assert a_school.forget().exit_code == 0
    assert read(file.parent)["pupil_id"].to_pylist() == [2]
    with padm.connect(a_school.config) as warehouse:
        verdict = verify(warehouse, Definitions(a_school.config).graph, file.parent)
    assert "the file part-0.parquet was changed." in verdict.differs


def test_a_row_that_was_rejected_goes_too(a_school: School) -> None:
    a_school.change([*PUPILS, (NUMBER, f"{NAME} II")], [*MARKS, (12, 2, "2024-07-01", 5)])
    a_school.run(full_refresh=True)
    assert sorted(a_school.rows("SELECT resource FROM _padm.rejected_rows")) == [("marks",), ("pupils",)]
    found = a_school.forget()
    assert {item.name: item.rows for item in found.removed}["_padm.rejected_rows"] == 1
    assert a_school.rows("SELECT resource FROM _padm.rejected_rows") == [("marks",)]
    assert a_school.traces() == []
    a_school.run(full_refresh=True)
    assert a_school.traces() == []


def test_a_table_that_nothing_makes_any_more_is_cleared_or_told(a_school: School) -> None:
    with backend_of(a_school.config).open() as work:
        work.execute(f"CREATE TABLE gold.mart_of_old AS SELECT 'north' AS source_db, {NUMBER} AS pupil_id, '{NAME}' AS name")
        work.execute("INSERT INTO gold.mart_of_old VALUES ('north', 1, 'Ana'), ('south', 7712345, 'of another source')")
        work.execute("CREATE TABLE gold.counts_of_old AS SELECT 1 AS pupils")
    found = a_school.forget()
    assert {item.name: item.rows for item in found.removed}["gold.mart_of_old"] == 1
    assert a_school.rows("SELECT source_db, pupil_id FROM gold.mart_of_old ORDER BY 2") == [("north", 1), ("south", NUMBER)]
    assert [text for text in found.unreached if text.startswith("gold.")] == [
        "gold.counts_of_old: nothing makes this table any more, and no column of it is known to name a person; look into it."
    ]
    assert a_school.traces() == []


def test_texts_that_named_her_row_do_not_any_more(a_school: School) -> None:
    a_school.change(PUPILS, [*MARKS, (15, NUMBER, "2024-09-01", 12)])
    (a_school.folder / "runs.log").write_text(f"warning fact_mark: 1 row, such as pupil_id={NUMBER}\nnorth: pupil 2\n")
    with a_school.file.open("a") as file:
        file.write('[log]\nfile = "runs.log"\n')
    note = a_school.folder / ".w.duckdb.padm" / "last_run.json"
    note.write_text(json.dumps({"notes": [f"north: pupil {NUMBER}, mark 3"]}))
    a_school.change(PUPILS, MARKS)
    a_school.forget()
    assert (a_school.folder / "runs.log").read_text() == "warning fact_mark: 1 row, such as pupil_id=…\nnorth: pupil 2\n"
    assert traces(a_school.folder, str(NUMBER)) == []


def test_files_that_were_set_aside_as_damaged_go(a_school: School) -> None:
    damaged = a_school.folder / "w.invalid.20240101T000000.duckdb"
    damaged.write_bytes(b"\0" * 100 + NAME.encode())
    found = a_school.forget()
    assert [item.name for item in found.removed if item.place == "copy"][1:] == [damaged.name]
    assert a_school.traces() == []


def test_a_mirror_that_was_published_to_once_is_known(a_school: School, query) -> None:
    from padm_ibis.publish import publish

    once = a_school.folder / "once.duckdb"
    publish(a_school.config, f"duckdb://{once}", tables=["fact_mark"])
    a_school.forget()
    assert query(once, "SELECT DISTINCT pupil_id FROM silver.fact_mark ORDER BY 1") == [(1,), (2,)]
    assert query(once, "SELECT table_name FROM duckdb_tables() WHERE schema_name <> '_padm'") == [("fact_mark",)]


def test_a_mirror_itself_says_what_it_was_published_where_nobody_remembers(a_school: School, query) -> None:
    (a_school.folder / ".w.duckdb.padm" / "publications.jsonl").unlink()
    found = a_school.forget()
    assert {item.name: item.rows for item in found.removed if item.place == "mirror"} == {
        "duckdb://mirror.duckdb": 4,
        "sqlite://other.sqlite": 1,
    }
    assert a_school.traces() == []


def test_a_mirror_out_of_reach_is_told_and_tried_again(a_school: School) -> None:
    mirror = a_school.folder / "mirror.duckdb"
    mirror.chmod(0o400)
    found = a_school.forget()
    assert found.exit_code == 1
    assert [text.split(":")[0] for text in found.failed] == ["The mirror duckdb"]
    assert a_school.pupils() == [1, 2]
    assert "An erasure is not finished" in padm.status(config=a_school.config).to_do[0]
    mirror.chmod(0o600)
    report = a_school.run()
    assert any("An erasure was finished" in note for note in report.notes)
    assert a_school.traces() == []
    assert json.loads(Path(found.certificate).read_text())["failed"] == []
    assert not any("erasure" in text for text in padm.status(config=a_school.config).to_do)


@pytest.mark.parametrize(
    ("persona", "error", "words"),
    [
        ("north:99", UsageError, "nobody with such a number"),
        ("nort:1", UnknownName, "Did you mean 'north'"),
        ("north:Ana", UsageError, "a whole number"),
        ("north", UsageError, "not SOURCE:ID"),
    ],
)
def test_who_is_not_there_is_an_error_that_changes_nothing(a_school: School, persona: str, error: type, words: str) -> None:
    with pytest.raises(error, match=words) as told:
        a_school.forget(persona=persona)
    assert told.value.exit_code == 2
    assert "99" not in str(told.value)
    assert a_school.pupils() == [1, 2, NUMBER]
    assert not (a_school.folder / ".w.duckdb.padm" / "suppressed.json").exists()


def test_what_is_asked_wrongly_changes_nothing(a_school: School, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Who is to be forgotten"):
        a_school.forget(persona=())
    with pytest.raises(UsageError, match="holds no _manifest"):
        a_school.forget(export=[tmp_path])
    hashes = tmp_path / "hashes.txt"
    hashes.write_text("# two\n" + "a" * 64 + "\n12345678\n")
    with pytest.raises(UsageError, match="line 3 is no hash") as told:
        a_school.forget(persona=(), documento=hashes)
    assert "12345678" not in str(told.value)
    assert a_school.pupils() == [1, 2, NUMBER]


def test_without_a_warehouse_there_is_nobody_to_forget(tmp_path: Path) -> None:
    found = School(tmp_path)
    with pytest.raises(WarehouseMissing):
        found.forget()
    assert not (found.folder / "w.duckdb").exists()


# --- the list ----------------------------------------------------------------------------------------------------


def lose(*paths: Path) -> None:
    for path in paths:
        path.unlink()


def test_the_list_survives_in_the_warehouse_or_beside_it(a_school: School) -> None:
    a_school.forget()
    state, beside = a_school.folder / ".w.duckdb.padm", a_school.folder / ".w.duckdb.padm" / "suppressed.json"
    lose(beside)
    assert a_school.run(full_refresh=True).exit_code == 0
    assert beside.exists()
    lose(a_school.folder / "w.duckdb", state / "work.duckdb", state / "published.json")
    assert a_school.run().exit_code == 0
    assert a_school.pupils() == [1, 2]


def test_a_list_that_is_gone_while_runs_know_of_one_refuses(a_school: School) -> None:
    a_school.forget()
    a_school.run()
    state = a_school.folder / ".w.duckdb.padm"
    lose(a_school.folder / "w.duckdb", state / "work.duckdb", state / "published.json", state / "suppressed.json")
    with pytest.raises(WarehouseError, match="list of erased people"):
        a_school.run()
    assert not (a_school.folder / "w.duckdb").exists()


def test_a_list_that_is_damaged_is_made_whole_by_the_warehouse_and_else_refuses(a_school: School) -> None:
    a_school.forget()
    state = a_school.folder / ".w.duckdb.padm"
    (state / "suppressed.json").write_text("{")
    assert a_school.run(full_refresh=True).exit_code == 0
    assert json.loads((state / "suppressed.json").read_text())[""]["marks"]
    (state / "suppressed.json").write_text("{")
    lose(a_school.folder / "w.duckdb", state / "work.duckdb", state / "published.json")
    with pytest.raises(WarehouseError, match="list of erased people"):
        a_school.run()


def test_another_key_is_refused_since_nobody_would_be_recognised(a_school: School) -> None:
    a_school.forget()
    a_school.file.write_text(a_school.file.read_text().replace('hash_key = "k"', 'hash_key = "another"'))
    with pytest.raises(ConfigError, match="not the key that the list of erased people"):
        a_school.run(full_refresh=True)
    assert a_school.pupils() == [1, 2]


def test_the_list_holds_no_hash_that_the_warehouse_holds_elsewhere_nor_a_number(a_school: School) -> None:
    from padm_ibis.extract.hashing import keyed_hash

    a_school.forget()
    text = (a_school.folder / ".w.duckdb.padm" / "suppressed.json").read_text()
    assert str(NUMBER) not in text
    assert keyed_hash(str(NUMBER), "texto", b"k") not in text


def test_a_backup_that_is_put_back_is_cleared_by_the_next_run(a_school: School) -> None:
    old = a_school.folder.parent / "backup.duckdb"
    shutil.copyfile(a_school.folder / "w.duckdb", old)
    a_school.forget()
    shutil.copyfile(old, a_school.folder / "w.duckdb")
    assert a_school.pupils() == [1, 2, NUMBER]
    report = a_school.run(layer="gold", only=True)
    assert any("3 rows of erased people were removed" in note for note in report.notes)
    assert a_school.pupils() == [1, 2]
    assert a_school.traces() == []
