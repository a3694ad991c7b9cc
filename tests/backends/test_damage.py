"""A file that cannot be read is seen before anything is written, set aside, and what it held is built again."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
from other_programs import client
from postgres_school import School
from small_school import MARKS, PUPILS, write_config, write_school

import padm_ibis as padm
from padm_ibis.cli import invoke
from padm_ibis.config import load_config
from padm_ibis.errors import WarehouseError, WarehouseTooNew
from padm_ibis.publish import publish
from padm_ibis.report.run import RunReport

Run = Callable[..., RunReport]
TOTALS = [(1, 16), (2, 4)]
BLOCK = 262_144
HEADERS = 3 * 4096


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_config(tmp_path, write_school(tmp_path / "north.duckdb"))
    return tmp_path


@pytest.fixture
def run(folder: Path) -> Run:
    def _run(**options: Any) -> RunReport:
        return padm.run(**{"as_of": "2024-12-31", "config": folder / "padm.toml", "wait": 0.3, **options})

    return _run


def totals(folder: Path) -> list[tuple[Any, ...]]:
    with padm.connect(folder / "padm.toml") as warehouse:
        return warehouse.execute("SELECT pupil_id, total FROM gold.mart_pupil ORDER BY pupil_id")


def work(folder: Path) -> Path:
    return folder / ".w.duckdb.padm" / "work.duckdb"


# --- ways in which a file breaks ---------------------------------------------------------------------------


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def cut_in_its_header(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:5000])


def zeroed(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def zeroed_inside(path: Path) -> None:
    """Its heads are whole, and so is what DuckDB reads when it opens it."""
    whole = path.read_bytes()
    for start in range(HEADERS, len(whole), 4096):
        path.write_bytes(whole[:start] + bytes(4096) + whole[start + 4096 :])
        if opens(path) and not reads(path):
            return
    pytest.fail("no part of the file is read only when a table is")


def overwritten(path: Path) -> None:
    path.write_bytes(os.urandom(path.stat().st_size))


def notes(path: Path) -> None:
    path.write_text("not a database, but somebody's notes")


def another_database(path: Path) -> None:
    path.unlink()
    with sqlite3.connect(path) as con:
        con.execute("CREATE TABLE t (x)")
    con.close()


def of_a_newer_duckdb(path: Path) -> None:
    whole = bytearray(path.read_bytes())
    whole[12:20] = struct.pack("<Q", 200)
    path.write_bytes(whole)
    with pytest.raises(duckdb.IOException) as caught:
        duckdb.connect(str(path), read_only=True)
    found = re.search(r"computed checksum (\d+)", str(caught.value))
    assert found
    whole[:8] = struct.pack("<Q", int(found[1]))
    path.write_bytes(whole)
    with pytest.raises(duckdb.IOException, match="version number 200"):
        duckdb.connect(str(path), read_only=True)


def opens(path: Path) -> bool:
    try:
        duckdb.connect(str(path), read_only=True).close()
    except duckdb.Error:
        return False
    return True


def reads(path: Path) -> bool:
    try:
        with duckdb.connect(str(path), read_only=True) as con:
            for schema, table in con.execute("SELECT schema_name, table_name FROM duckdb_tables()").fetchall():
                con.execute(f'FROM "{schema}"."{table}"').fetchall()
    except duckdb.Error:
        return False
    return True


WAYS = [
    emptied,
    truncated,
    cut_in_its_header,
    zeroed,
    zeroed_inside,
    overwritten,
    notes,
    another_database,
    of_a_newer_duckdb,
]


def set_aside(place: Path, stem: str) -> Path:
    [found] = place.glob(f"{stem}.invalid.*.duckdb")
    assert re.fullmatch(rf"{stem}\.invalid\.\d{{8}}T\d{{6}}\.duckdb", found.name)
    return found


@pytest.mark.parametrize("way", WAYS)
def test_a_damaged_warehouse_is_set_aside_with_its_wal_and_told_and_built_anew(run: Run, folder: Path, way) -> None:
    run()
    warehouse, log = folder / "w.duckdb", folder / "w.duckdb.wal"
    way(warehouse)
    log.write_bytes(b"what was not yet written")
    broken = warehouse.read_bytes()
    seen = (0, 3) if way is zeroed_inside else (3,)  # who reads none of it need not know
    assert invoke(["ls", "--config", str(folder / "padm.toml")]) in seen, "who reads is told, and changes nothing"
    assert warehouse.read_bytes() == broken
    report = run()
    assert (report.exit_code, report.published) == (0, True)
    aside = set_aside(folder, "w")
    assert aside.read_bytes() == broken
    assert aside.with_name(f"{aside.name}.wal").read_bytes() == b"what was not yet written"
    [note] = [note for note in report.notes if "set aside" in note]
    assert aside.name in note
    assert totals(folder) == TOTALS
    assert run().status == "up to date"
    assert not log.exists()


@pytest.mark.parametrize("way", [truncated, zeroed_inside, notes])
def test_with_the_work_file_damaged_too_everything_comes_from_the_sources_again(run: Run, folder: Path, way) -> None:
    run()
    way(folder / "w.duckdb")
    way(work(folder))
    report = run()
    assert report.exit_code == 0
    assert [(i.resource, i.since, i.read) for i in report.inputs] == [("pupils", None, 2), ("marks", None, 3)]
    assert set_aside(folder, "w")
    assert set_aside(work(folder).parent, "work")
    assert len([note for note in report.notes if "set aside" in note]) == 2
    assert totals(folder) == TOTALS
    second = run()
    assert second.status == "up to date"
    assert [(i.buckets, i.read) for i in second.inputs if i.resource == "marks"] == [(0, 0)], "what is known of it is there again"


@pytest.mark.parametrize("way", [emptied, truncated, zeroed_inside, overwritten, another_database])
def test_a_damaged_work_file_is_made_anew_from_what_readers_have(run: Run, folder: Path, way) -> None:
    run()
    before = (folder / "w.duckdb").read_bytes()
    way(work(folder))
    report = run()
    assert report.status == "up to date"
    assert (folder / "w.duckdb").read_bytes() == before
    assert bool([note for note in report.notes if "set aside" in note]) == (way is not emptied)
    assert totals(folder) == TOTALS


def test_a_work_file_that_rots_unseen_is_found_by_the_run_that_reads_it(run: Run, folder: Path) -> None:
    """Its size and times are those of the day before: nothing speaks against it until a table is read."""
    run()
    before = work(folder).stat()
    zeroed_inside(work(folder))
    os.utime(work(folder), ns=(before.st_atime_ns, before.st_mtime_ns))
    write_school(folder / "north.duckdb", [*PUPILS, (3, "Cora")], [*MARKS, (13, 3, "2024-07-02", 10)])
    report = run(full_refresh=True)
    assert report.exit_code == 0
    assert totals(folder) == [*TOTALS, (3, 10)]
    assert run().status == "up to date"


def test_a_file_in_use_or_out_of_reach_is_never_taken_for_a_damaged_one(run: Run, folder: Path, monkeypatch) -> None:
    run()
    with client(folder / "w.duckdb") as other:
        run(full_refresh=True)
        other.ask("CREATE TABLE mine AS SELECT 1 AS x")
        run(full_refresh=True)
    connect = duckdb.connect

    def refused(database: str = ":memory:", **options: Any) -> Any:
        if database.endswith("w.duckdb"):
            raise duckdb.IOException(f'IO Error: Cannot open file "{database}": Permission denied')
        return connect(database, **options)

    monkeypatch.setattr(duckdb, "connect", refused)
    with pytest.raises(WarehouseError, match="Permission denied"):
        run()
    monkeypatch.undo()
    assert list(folder.rglob("*.invalid.*")) == []
    run()
    assert totals(folder) == TOTALS


def test_garbage_in_any_file_beside_the_warehouse_ends_nothing(run: Run, folder: Path, capsys) -> None:
    run()
    config = folder / "padm.toml"
    publish(load_config(config), f"duckdb://{folder}/mirror.duckdb", tables=["mart_pupil"])
    state = work(folder).parent
    (state / "schedule.json").write_text("{}")
    (state / "lock.json").write_text("{}")
    files = sorted(f for f in state.rglob("*") if f.is_file() and f.suffix in (".json", ".jsonl"))
    assert {"last_run.json", "published.json", "publications.jsonl"} <= {f.name for f in files}
    for garbage in (b"", b"{", b"[1]", b"null", b"\xff\xfe\x00", b'{"a": 1}'):
        for file in files:
            file.write_bytes(garbage)
        for line in (["status"], ["history"], ["schedule", "status"], ["run", "--as-of", "2024-12-31"], ["plan"]):
            code = invoke([*line, "--config", str(config)])
            said = capsys.readouterr()
            assert code in (0, 1), (garbage, line, said.err)
            assert "PADM_DEBUG" not in said.err, (garbage, line, said.err)
        assert publish(load_config(config), f"duckdb://{folder}/mirror.duckdb", tables=["mart_pupil"]).exit_code == 0
        assert totals(folder) == TOTALS
    assert json.loads((state / "last_run.json").read_text())


# --- newer versions ---------------------------------------------------------------------------------------------


def test_a_warehouse_of_a_newer_version_is_refused_with_the_version_it_needs(run: Run, folder: Path) -> None:
    run()
    with duckdb.connect(str(folder / "w.duckdb")) as con:
        con.execute("UPDATE _padm.state SET value = '99 9.8.7' WHERE key = 'contract'")
    before = (folder / "w.duckdb").read_bytes()
    for action in (run, lambda: padm.connect(folder / "padm.toml")):
        with pytest.raises(WarehouseTooNew, match=r"made by padm-ibis 9\.8\.7.*\n\n.*padm-ibis>=9\.8\.7") as caught:
            action()
        assert caught.value.exit_code == 3
    assert "9.8.7" in str(padm.status(config=folder / "padm.toml").trouble)
    assert (folder / "w.duckdb").read_bytes() == before
    assert list(folder.rglob("*.invalid.*")) == []


def test_a_file_of_a_newer_duckdb_is_refused_where_a_newer_version_of_ours_wrote_it(run: Run, folder: Path) -> None:
    run()
    marker = work(folder).with_name("published.json")
    marker.write_text(json.dumps({**json.loads(marker.read_text()), "contract": 99}))
    of_a_newer_duckdb(folder / "w.duckdb")
    before = (folder / "w.duckdb").read_bytes()
    with pytest.raises(WarehouseTooNew, match="newer padm-ibis"):
        run()
    assert (folder / "w.duckdb").read_bytes() == before


@pytest.mark.postgres
def test_a_postgres_warehouse_of_a_newer_version_is_refused(built: School) -> None:
    built.do("UPDATE _padm.state SET value = '99 9.8.7' WHERE key = 'contract'")
    runs = built.rows("SELECT count(*) FROM _padm.runs")
    with pytest.raises(WarehouseTooNew, match=r"9\.8\.7"):
        built.run()
    with pytest.raises(WarehouseTooNew), built.backend().read():
        pass
    assert built.rows("SELECT count(*) FROM _padm.runs") == runs
