from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import duckdb
import ibis
import pytest

from padm_ibis.backends.base import Backend, backend_of
from padm_ibis.backends.duckdb import DuckDBBackend, DuckDBWork
from padm_ibis.backends.duckdb.files import copy
from padm_ibis.config import load_config
from padm_ibis.errors import BuildFailed, MissingExtra, WarehouseBusy, WarehouseError

SCHEMA = ibis.schema({"x": "int64", "y": "float64"})


@pytest.fixture
def backend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DuckDBBackend:
    monkeypatch.chdir(tmp_path)
    found = backend_of(load_config())
    assert isinstance(found, DuckDBBackend)
    assert isinstance(found, Backend)
    return found


def publish(backend: DuckDBBackend, value: int, run_id: str = "r1") -> None:
    with backend.open() as work:
        with work.transaction():
            work.create("silver", "a", f"SELECT {value} AS x, 1 AS y", SCHEMA)
        work.publish(run_id)


def published(backend: DuckDBBackend) -> list[tuple[object, ...]]:
    with backend.read() as reader:
        return reader.execute("SELECT x FROM silver.a ORDER BY x")


def test_nothing_is_seen_before_it_is_published(backend: DuckDBBackend) -> None:
    with backend.open() as work:
        work.create("silver", "a", "SELECT 1 AS x, 1 AS y", SCHEMA)
        with pytest.raises(WarehouseError, match="There is no warehouse"):
            published(backend)
        assert work.published_run() is None
        work.publish("r1")
        assert work.published_run() == "r1"
        assert published(backend) == [(1,)]


def test_columns_get_the_types_of_the_contract(backend: DuckDBBackend) -> None:
    with backend.open() as work:
        rows = work.create("gold", "b", "SELECT 1::HUGEINT AS x, 2::DECIMAL(9, 2) AS y UNION ALL SELECT 2, 3", SCHEMA)
        found = work.execute("SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = 'b' ORDER BY column_index")
    assert rows == 2
    assert found == [("x", "BIGINT"), ("y", "DOUBLE")]


def test_a_transaction_holds_together_or_not_at_all(backend: DuckDBBackend) -> None:
    publish(backend, 1)
    with backend.open() as work:
        with suppress(BuildFailed), work.transaction():
            work.create("silver", "a", "SELECT 2 AS x, 1 AS y", SCHEMA)
            work.create("gold", "b", "SELECT 2 AS x, 'no number' AS y", SCHEMA)
        assert work.execute("SELECT x FROM silver.a") == [(1,)]
        assert work.tables()["gold"] == frozenset()
        with work.transaction():  # the connection goes on
            work.create("silver", "a", "SELECT 3 AS x, 1 AS y", SCHEMA)


def test_a_reader_keeps_its_version_and_the_next_one_sees_the_new(backend: DuckDBBackend) -> None:
    publish(backend, 1)
    reader = backend.reader()
    publish(backend, 2, "r2")
    assert reader.execute("SELECT x FROM silver.a") == [(1,)]
    assert reader.con.table("a", database="silver").x.to_pyarrow().to_pylist() == [1]
    assert published(backend) == [(2,)]
    reader.close()


def test_a_reader_cannot_write(backend: DuckDBBackend) -> None:
    publish(backend, 1)
    with backend.read() as reader, pytest.raises(duckdb.Error, match="read-only"):
        reader.execute("CREATE TABLE silver.mine (x INTEGER)")


def test_the_file_is_plain_duckdb_for_anybody(backend: DuckDBBackend) -> None:
    publish(backend, 1)
    with duckdb.connect(str(backend.path), read_only=True) as con:
        assert con.execute("SELECT x FROM silver.a").fetchall() == [(1,)]
    assert sorted(p.name for p in backend.path.parent.iterdir()) == [".warehouse.duckdb.padm", "warehouse.duckdb"]


def test_access_to_the_file_stays_as_its_owner_set_it(backend: DuckDBBackend) -> None:
    publish(backend, 1)
    backend.path.chmod(0o640)
    publish(backend, 2, "r2")
    assert backend.path.stat().st_mode & 0o777 == 0o640
    assert backend.state.stat().st_mode & 0o777 == 0o700


def test_values_are_written_into_statements_safely(backend: DuckDBBackend) -> None:
    with backend.open() as work:
        text = "O'Higgins; DROP TABLE x -- ?"
        assert work.execute("SELECT ?, ?, ?, ?", [text, None, 1.5, True]) == [(text, None, pytest.approx(1.5), True)]


# --- one run at a time -----------------------------------------------------------------------------------


def test_a_second_run_is_refused_and_says_who_holds_it(backend: DuckDBBackend) -> None:
    holder = rf"in use by another run \(process {os.getpid()} "
    with backend.open(), pytest.raises(WarehouseBusy, match=holder) as caught, backend.open():
        pass
    assert caught.value.exit_code == 4
    with backend.open():
        pass


def test_the_lock_outlives_a_copy_of_the_work_file(backend: DuckDBBackend) -> None:
    """DuckDB's own lock does not: POSIX drops it when this process closes any handle of the file."""
    with backend.open() as work:
        work.publish("r1")
        code = "from padm_ibis.config import load_config; from padm_ibis.backends.base import backend_of\n"
        code += "with backend_of(load_config()).open(): pass"
        second = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "WarehouseBusy" in second.stderr


def test_a_lock_file_that_stayed_behind_locks_nobody_out(backend: DuckDBBackend) -> None:
    backend.state.mkdir()
    (backend.state / "lock").write_text('{"pid": 1, "host": "gone", "since": "2020-01-01"}')
    publish(backend, 1)
    assert published(backend) == [(1,)]


# --- killed at any moment ------------------------------------------------------------------------------------

_VICTIM = """
import sys, time
import ibis
from padm_ibis.config import load_config
from padm_ibis.backends.duckdb import shown as module
from padm_ibis.backends.base import backend_of

where = sys.argv[1]
def wait(*_):
    print("now", flush=True)
    time.sleep(60)
with backend_of(load_config()).open() as work:
    schema = ibis.schema({"x": "int64", "y": "float64"})
    work.raw.execute("BEGIN")
    work.create("silver", "a", "SELECT 99 AS x, 1 AS y", schema)
    if where == "build":
        wait()
    work.raw.execute("COMMIT")
    if where == "copied":
        module.sync_folder = wait
        module.Path.replace = lambda *_: wait()
    if where == "renamed":
        module.sync_folder = wait
    work.publish("r99")
"""


@pytest.fixture
def killed(backend: DuckDBBackend) -> Iterator[object]:
    def _kill(where: str) -> None:
        victim = subprocess.Popen([sys.executable, "-c", _VICTIM, where], stdout=subprocess.PIPE, text=True)
        assert victim.stdout is not None
        with victim.stdout:
            assert victim.stdout.readline() == "now\n"
            victim.send_signal(signal.SIGKILL)
            victim.wait()

    return _kill


@pytest.mark.parametrize("where", ["build", "copied"])
def test_a_run_killed_before_the_rename_leaves_the_last_version_to_the_byte(backend: DuckDBBackend, killed, where: str) -> None:
    publish(backend, 1)
    before = backend.path.read_bytes()
    killed(where)
    assert backend.path.read_bytes() == before
    with backend.open() as work:
        assert sorted(p.name for p in backend.state.glob("publish-*")) == []
        # a version that was committed but never published is built on, or made again: either way it can be published
        work.create("silver", "a", "SELECT 5 AS x, 1 AS y", SCHEMA)
        work.publish("r2")
    assert published(backend) == [(5,)]


def test_a_run_killed_after_the_rename_has_published(backend: DuckDBBackend, killed) -> None:
    publish(backend, 1)
    killed("renamed")
    assert published(backend) == [(99,)]
    with backend.open() as work:
        assert work.execute("SELECT x FROM silver.a") == [(99,)]


# --- the readers' file is the truth -----------------------------------------------------------------------------


def test_a_restored_backup_is_what_the_next_run_starts_from(backend: DuckDBBackend, tmp_path: Path) -> None:
    publish(backend, 1)
    shutil.copyfile(backend.path, tmp_path / "backup")
    publish(backend, 2, "r2")
    time.sleep(0.01)
    shutil.copyfile(tmp_path / "backup", backend.path)
    with backend.open() as work:
        assert work.execute("SELECT x FROM silver.a") == [(1,)]


def test_what_somebody_added_to_the_readers_file_is_kept(backend: DuckDBBackend) -> None:
    publish(backend, 1)
    with duckdb.connect(str(backend.path)) as con:
        con.execute("CREATE TABLE mine AS SELECT 42 AS answer")
    publish(backend, 2, "r2")
    with backend.read() as reader:
        assert reader.execute("SELECT answer FROM main.mine") == [(42,)]


def test_a_database_that_was_there_before_is_kept(backend: DuckDBBackend) -> None:
    with duckdb.connect(str(backend.path)) as con:
        con.execute("CREATE TABLE theirs AS SELECT 1 AS x")
    publish(backend, 2)
    with backend.read() as reader:
        assert reader.execute("SELECT x FROM main.theirs") == [(1,)]


def test_a_deleted_readers_file_is_published_again(backend: DuckDBBackend) -> None:
    publish(backend, 1)
    backend.path.unlink()
    with backend.open() as work:
        assert work.published_run() is None
        assert work.execute("SELECT x FROM silver.a") == [(1,)]
        work.publish("r2")
    assert published(backend) == [(1,)]


def test_a_broken_work_file_is_made_again_from_the_readers_file(backend: DuckDBBackend) -> None:
    publish(backend, 1)
    (backend.state / "work.duckdb").write_bytes(b"rubbish" * 1000)
    with backend.open() as work:
        assert work.execute("SELECT x FROM silver.a") == [(1,)]


# --- what cannot be used -------------------------------------------------------------------------------------------


def refused(backend: DuckDBBackend) -> str:
    with pytest.raises(WarehouseError) as caught, backend.open():
        pass
    assert caught.value.exit_code == 3
    return str(caught.value)


def test_a_folder_is_refused(backend: DuckDBBackend) -> None:
    backend.path.mkdir()
    assert "is a folder, not a DuckDB file" in refused(backend)
    with pytest.raises(WarehouseError, match="is a folder"):
        backend.reader()


def test_a_read_only_file_is_refused_and_stays(backend: DuckDBBackend) -> None:
    publish(backend, 1)
    backend.path.chmod(0o444)
    assert "is read-only" in refused(backend)
    assert published(backend) == [(1,)]


def test_a_read_only_folder_is_refused(backend: DuckDBBackend) -> None:
    folder = backend.path.parent
    folder.chmod(0o555)
    try:
        assert f"The folder of the warehouse, {folder} is read-only" in refused(backend)
    finally:
        folder.chmod(0o755)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    backend = backend_of(load_config(warehouse=f"duckdb://{tmp_path}/nowhere/w.duckdb"))
    assert "does not exist" in refused(backend)  # type: ignore[arg-type]


def test_a_full_disk_is_said_and_readers_keep_what_they_had(backend: DuckDBBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(backend, 1)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with backend.open() as work:
        work.create("silver", "a", "SELECT 2 AS x, 1 AS y", SCHEMA)
        monkeypatch.setattr("padm_ibis.backends.duckdb.work.copy", full)
        with pytest.raises(WarehouseError, match=r"disk of .* is full .* could not be written"):
            work.publish("r2")
    assert published(backend) == [(1,)]


def test_a_statement_that_fails_on_the_data_says_which_table_and_shows_no_value(backend: DuckDBBackend) -> None:
    with backend.open() as work:
        with pytest.raises(BuildFailed, match="a could not be built: Conversion Error") as caught:
            work.create("silver", "a", "SELECT 'Juana Manso' AS x, 1 AS y", SCHEMA)
        assert "Juana" not in str(caught.value)
        with pytest.raises(BuildFailed, match="Binder Error"):
            work.create("silver", "a", "SELECT nowhere AS x", SCHEMA)


def test_too_little_memory_is_said_with_the_key_to_change(tmp_path: Path) -> None:
    path = tmp_path / "padm.toml"
    path.write_text("[warehouse]\nurl = 'duckdb://w.duckdb'\nmemory_limit = '12MB'\nthreads = 1")
    with backend_of(load_config(path)).open() as work:
        assert isinstance(work, DuckDBWork)
        assert work.execute("SELECT current_setting('threads')") == [(1,)]
        with pytest.raises(WarehouseError, match=r"memory_limit"):
            work.create("silver", "a", "SELECT length(list(range::VARCHAR)::VARCHAR) AS x, 1 AS y FROM range(5000000)", SCHEMA)


def test_rows_beside_deleted_ones_are_written_anew_when_these_are_many(backend: DuckDBBackend) -> None:
    """Three row groups with gaps are one too many from the first exchange on; it is a tenth from the eleventh on."""
    with backend.open() as work:
        work.create("silver", "a", "SELECT range AS x, 1 AS y FROM range(250_000)", SCHEMA)
        work.publish("r0")
    sizes = []
    for night in range(1, 14):
        with backend.open() as work:
            with work.transaction():
                theirs = f"x % 100 = {night}"
                work.execute(f"CREATE TEMP TABLE theirs AS SELECT * FROM silver.a WHERE {theirs}")
                assert work.exchange("silver", "a", theirs, "theirs") == 250_000
            work.publish(f"r{night}")
            sizes += work.execute("SELECT estimated_size FROM duckdb_tables() WHERE table_name = 'a'")
    assert [size for (size,) in sizes[:11]] == [250_000 + 2_500 * night for night in range(1, 12)]
    assert sizes[11][0] < 275_000


def test_a_file_that_cannot_be_counted_is_told_as_damaged_and_made_anew(
    backend: DuckDBBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(backend, 1)
    counted = []

    def damaged(con: duckdb.DuckDBPyConnection) -> None:
        counted.append(con)
        if len(counted) == 1:
            raise duckdb.IOException("Corrupt database file: computed checksum 1 does not match stored checksum 2")

    monkeypatch.setattr("padm_ibis.backends.duckdb.work._spare_rows", damaged)
    with backend.open() as work:
        assert work.execute("SELECT x FROM silver.a") == [(1,)]
    assert len(counted) == 2
    assert len(list(backend.state.glob("work.invalid.*.duckdb"))) == 1


def test_a_driver_that_is_not_installed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(MissingExtra, match=r"needs psycopg, which is not installed[^$]*padm-ibis\[postgres\]"):
        backend_of(load_config(warehouse="postgres://h/db"))


@pytest.mark.parametrize("shares", [True, False], ids=["blocks can be shared", "no call for that, as on macOS"])
def test_a_copy_is_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shares: bool) -> None:
    monkeypatch.setattr("padm_ibis.backends.duckdb.files.SHARES", shares)
    content = bytes(range(256)) * 40_000
    (tmp_path / "a").write_bytes(content)
    (tmp_path / "b").write_bytes(b"longer than nothing")
    copy(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "b").read_bytes() == content
