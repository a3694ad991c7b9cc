"""A warehouse in one DuckDB file.

Readers open ``warehouse.duckdb`` read-only. A run works in a copy of its own, in the folder
``.warehouse.duckdb.padm`` beside it, and publishes by copying that to a temporary file and renaming it over
the readers' file: whoever has the old one open keeps it, whoever opens next has the new one. A process that
is killed at any moment leaves the readers' file as it was.

The lock is a file of its own, held with ``flock``: DuckDB's own lock on the work file is lost as soon as the
process that holds it copies the file (POSIX locks end with the first ``close``).
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import socket
import stat
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from padm_ibis.backends.base import Design, Rows
from padm_ibis.define.layers import LAYERS
from padm_ibis.errors import BuildFailed, PadmError, WarehouseBusy, WarehouseError

if TYPE_CHECKING:
    import ibis
    from ibis.backends.sql import SQLBackend

    from padm_ibis.config import Config

LEDGER = "_padm"
# Texts are written in half the time and a smaller file than in the default format; DuckDB 1.3 and later read it.
STORAGE = "v1.3.0"
_SHARES = hasattr(os, "copy_file_range")
_CATALOG = "warehouse"
HISTORY = ("runs", "check_results")
_LEFTOVERS = ("publish-*.duckdb", "publish-*.duckdb.wal", "remake-*.duckdb", "remake-*.duckdb.wal")
_BROKEN = (
    "not a valid DuckDB database file",
    "Corrupt database",
    "Could not read enough bytes",
    "checksum",
    "older version",
    "newer",
)


class DuckDBBackend:
    """A warehouse in the file of a ``duckdb://`` address."""

    dialect = "duckdb"

    def __init__(self, config: Config) -> None:
        path = config.warehouse.url.path
        assert path is not None, "a duckdb:// address has a path"
        self.config, self.path, self.state = config, path, config.state

    @contextmanager
    def open(self) -> Iterator[DuckDBWork]:
        """Open for one run; see `base.Backend.open`."""
        self._check_target()
        with self._lock():
            self._tidy()
            work = DuckDBWork(self)
            try:
                yield work
            finally:
                work.close()

    @contextmanager
    def read(self) -> Iterator[DuckDBReader]:
        """Open the published version for reading; see `base.Backend.read`."""
        reader = self.reader()
        try:
            yield reader
        finally:
            reader.close()

    @contextmanager
    def ledger(self) -> Iterator[DuckDBReader | None]:
        """Open what the readers' file says of itself; see `base.Backend.ledger`."""
        if not self.path.exists():
            yield None
            return
        with self.read() as reader:
            yield reader

    def reader(self) -> DuckDBReader:
        """Return a reader that the caller closes."""
        if self.path.is_dir():
            raise WarehouseError(f"The warehouse {self.path} is a folder, not a DuckDB file.")
        if not self.path.exists():
            raise WarehouseError(f"There is no warehouse at {self.path}.", hint="Build one first: padm-ibis run")
        return DuckDBReader(self.path, self.config)

    def _check_target(self) -> None:
        folder = self.path.parent
        if self.path.is_dir():
            raise WarehouseError(
                f"The warehouse {self.path} is a folder, not a DuckDB file.",
                hint=f"Name a file in it: --warehouse duckdb://{self.path / 'warehouse.duckdb'}",
            )
        if not folder.is_dir():
            raise WarehouseError(
                f"The folder of the warehouse, {folder}, does not exist.", hint=f"Make it first: mkdir -p {folder}"
            )
        # The administrator may write everywhere; a file that somebody marked read-only is respected all the same.
        for place, name in ((self.path, "The warehouse"), (folder, "The folder of the warehouse,")):
            if place.exists() and (not os.access(place, os.W_OK) or place.stat().st_mode & 0o222 == 0):
                raise WarehouseError(
                    f"{name} {place} is read-only.", hint=f"chmod u+w {place}, or name another file with --warehouse."
                )

    @contextmanager
    def _lock(self) -> Iterator[None]:
        with _files(self.path):
            self.state.mkdir(mode=0o700, exist_ok=True)  # the work file is as private as the warehouse at its strictest
            handle = os.open(self.state / "lock", os.O_RDWR | os.O_CREAT, 0o644)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise WarehouseBusy(
                    f"The warehouse {self.path} is in use by another run{_holder(handle)}.",
                    hint="Wait until it ends. Readers are not affected.",
                ) from None
            os.ftruncate(handle, 0)
            started = time.strftime("%Y-%m-%d %H:%M:%S")
            os.pwrite(handle, json.dumps({"pid": os.getpid(), "host": socket.gethostname(), "since": started}).encode(), 0)
            yield
            os.ftruncate(handle, 0)
        finally:
            os.close(handle)

    def _tidy(self) -> None:
        """Remove what a killed run left behind; safe, since only the holder of the lock gets here."""
        for pattern in _LEFTOVERS:
            for leftover in self.state.glob(pattern):
                leftover.unlink(missing_ok=True)
        shutil.rmtree(self.state / "tmp", ignore_errors=True)


class DuckDBReader:
    """The published file, opened read-only."""

    dialect = "duckdb"

    def __init__(self, path: Path, config: Config) -> None:
        self.config = config
        # Attached, not connected to: DuckDB would hand a process that still reads the old file the old file again.
        self.raw = duckdb.connect(config=_settings(config))
        try:
            self.raw.execute(f"ATTACH '{_quoted(path)}' AS {_CATALOG} (READ_ONLY)")
            self.raw.execute(f"USE {_CATALOG}")
        except duckdb.Error as error:
            self.raw.close()
            raise _explained(error, path) from None
        self._con: SQLBackend | None = None

    @property
    def con(self) -> SQLBackend:
        """An Ibis connection to the same session."""
        if self._con is None:
            self._con = _ibis(self.raw)
        return self._con

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> Rows:
        """Run one statement and return its rows."""
        return self.raw.execute(_filled(sql, parameters)).fetchall()

    def tables(self) -> dict[str, frozenset[str]]:
        """Return the names of the tables that exist, by layer."""
        return _tables(self.raw)

    def published_run(self) -> str | None:
        """Return the run that published this file, by its own history; see `base.Reader.published_run`."""
        if "runs" not in self.tables()[LEDGER]:
            return None
        found = self.execute(
            f"SELECT run_id FROM {LEDGER}.runs WHERE status IN ('ok', 'partial') ORDER BY started_at DESC, run_id DESC LIMIT 1"
        )
        return found[0][0] if found else None

    def is_worked_on(self) -> bool | None:
        """Nobody knows: to try the lock would be in a run's way."""
        return None

    def close(self) -> None:
        """Close the file."""
        self.raw.close()


class DuckDBWork:
    """The private copy in which one run works."""

    dialect = "duckdb"

    def __init__(self, backend: DuckDBBackend) -> None:
        self.backend, self.config, self.state = backend, backend.config, backend.state
        self.path, self.target = backend.state / "work.duckdb", backend.path
        self._marker = backend.state / "published.json"
        self._con: SQLBackend | None = None
        with _files(self.target):
            self._make_current()
        self.raw = self._open()

    @property
    def con(self) -> SQLBackend:
        """An Ibis connection to the same session."""
        if self._con is None:
            self._con = _ibis(self.raw)
        return self._con

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> Rows:
        """Run one statement and return its rows."""
        with _statements(self.target):
            return self.raw.execute(_filled(sql, parameters)).fetchall()

    def tables(self) -> dict[str, frozenset[str]]:
        """Return the names of the tables that exist, by layer."""
        return _tables(self.raw)

    def locate(self, layer: str, name: str) -> str:
        """Return the layer: in the private copy every table is at its final place."""
        return layer

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything inside holds together or not at all."""
        self.raw.execute("BEGIN")
        try:
            yield
            with _statements(self.target):
                self.raw.execute("COMMIT")
        except BaseException:
            with suppress(duckdb.Error):  # a fatal error has already ended it
                self.raw.execute("ROLLBACK")
            raise

    def foresee(self, tables: Collection[tuple[str, str]], schema_of: Callable[[str], ibis.Schema]) -> None:
        """Nothing: the file that is replaced holds only what this library wrote."""

    def keep(self) -> None:
        """Nothing: what was written stays in the private copy."""

    def is_worked_on(self) -> bool | None:
        """By this run."""
        return True

    def abandon(self) -> None:
        """Nothing: what a failed run loaded stays in the private copy, for the next run."""

    def create(self, layer: str, name: str, query: str, schema: ibis.Schema, design: Design | None = None) -> int:
        """Make a table from a query, its columns cast to the contract's types; return its rows."""
        from padm_ibis.define.compile import create_table_as

        with _statements(self.target, name):
            self.raw.execute(f'CREATE SCHEMA IF NOT EXISTS "{layer}"')
            self.raw.execute(create_table_as(layer, name, query, schema, self.dialect))
            row = self.raw.execute(f'SELECT count(*) FROM "{layer}"."{name}"').fetchone()
        return int(row[0]) if row else 0

    def publish(self, run_id: str) -> None:
        """Copy the work file beside the readers' file and rename it over it."""
        temporary = self.state / f"publish-{run_id}.duckdb"
        with _files(self.target), _statements(self.target):
            self.raw.execute("CHECKPOINT")
            _copy(self.path, temporary)
            self._put_in_place(temporary, run_id)

    def show_history(self) -> None:
        """Copy the readers' file, replace the history in the copy, and rename it over the file."""
        published = self.published_run()
        if published is None:
            return
        temporary = self.state / "publish-history.duckdb"
        with _files(self.target), _statements(self.target):
            _copy(self.target, temporary)
            if _wal(self.target).exists():
                _copy(_wal(self.target), _wal(temporary))
            self.raw.execute(f"ATTACH '{_quoted(temporary)}' AS shown")
            try:
                self.raw.execute(f"CREATE SCHEMA IF NOT EXISTS shown.{LEDGER}")
                for table in HISTORY:
                    self.raw.execute(f"CREATE OR REPLACE TABLE shown.{LEDGER}.{table} AS FROM {LEDGER}.{table}")
                self.raw.execute("CHECKPOINT shown")
            finally:
                self.raw.execute("DETACH shown")
            self._put_in_place(temporary, published)

    def _put_in_place(self, temporary: Path, run_id: str) -> None:
        """Rename a finished file over the readers' one, and remember it as ours."""
        _wal(self.target).unlink(missing_ok=True)
        _keep_access(self.target, temporary)
        temporary.replace(self.target)
        _sync_folder(self.target.parent)
        self._marker.write_text(json.dumps({"run_id": run_id, **_identity(self.target)}))

    def published_run(self) -> str | None:
        """Return the run whose version readers see; None where the file is gone or was never written."""
        marker = self._read_marker()
        return None if marker is None or not self.target.exists() else str(marker["run_id"])

    def close(self) -> None:
        """Close the file; what was not committed is gone."""
        self.raw.close()

    def _make_current(self) -> None:
        """Make the work file anew from the readers' file unless that is the one this work file published."""
        marker = self._read_marker()
        if not self.target.exists():
            return
        _probe(self.target)
        if self.path.exists() and marker is not None and marker.items() >= _identity(self.target).items():
            return
        copy = self.state / "remake-work.duckdb"
        _copy(self.target, copy)
        if _wal(self.target).exists():
            _copy(_wal(self.target), _wal(copy))
        _wal(self.path).unlink(missing_ok=True)
        if _wal(copy).exists():
            _wal(copy).replace(_wal(self.path))
        copy.replace(self.path)
        run_id = marker["run_id"] if marker else "unknown"
        self._marker.write_text(json.dumps({"run_id": _last_run(self.path) or run_id, **_identity(self.target)}))

    def _read_marker(self) -> dict[str, Any] | None:
        try:
            marker = json.loads(self._marker.read_text())
        except (OSError, ValueError):
            return None
        return marker if isinstance(marker, dict) and "run_id" in marker else None

    def _open(self) -> duckdb.DuckDBPyConnection:
        temporary = self.state / "tmp"
        settings = {
            **_settings(self.config),
            "temp_directory": str(temporary),
            "preserve_insertion_order": "false",
            "storage_compatibility_version": STORAGE,
        }
        try:
            return duckdb.connect(str(self.path), config=settings)
        except duckdb.Error as error:
            if not any(words in str(error) for words in _BROKEN):
                raise _explained(error, self.path) from None
        # The work file is ours and can be made again; a reader never sees it.
        self.path.unlink(missing_ok=True)
        _wal(self.path).unlink(missing_ok=True)
        self._marker.unlink(missing_ok=True)
        with _files(self.target):
            self._make_current()
        try:
            return duckdb.connect(str(self.path), config=settings)
        except duckdb.Error as error:
            raise _explained(error, self.path) from None


def _ibis(raw: duckdb.DuckDBPyConnection) -> SQLBackend:
    import ibis

    from padm_ibis.define.compile import safe

    return safe(ibis.duckdb.from_connection(raw))


def _settings(config: Config) -> dict[str, Any]:
    chosen = {"memory_limit": config.warehouse.memory_limit, "threads": config.warehouse.threads}
    return {name: str(value) for name, value in chosen.items() if value is not None}


def _tables(raw: duckdb.DuckDBPyConnection) -> dict[str, frozenset[str]]:
    found = raw.execute(
        "SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = current_database() AND NOT temporary"
    ).fetchall()
    return {layer: frozenset(name for schema, name in found if schema == layer) for layer in (*LAYERS, LEDGER)}


def _filled(sql: str, parameters: Sequence[Any]) -> str:
    """Write parameters into the statement: binding them makes DuckDB import pandas, which costs more than the run."""
    if not parameters:
        return sql
    parts = sql.split("?")
    assert len(parts) == len(parameters) + 1, "as many values as question marks"
    return "".join(part + _literal(value) for part, value in zip(parts, parameters, strict=False)) + parts[-1]


def _literal(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bool | int | float):
        return str(value)
    return "'" + str(value).replace("'", "''") + "'"


def _probe(path: Path) -> None:
    """Refuse a file that is no DuckDB database, or that somebody is writing."""
    try:
        duckdb.connect(str(path), read_only=True).close()
    except duckdb.Error as error:
        raise _explained(error, path) from None


def _last_run(path: Path) -> str | None:
    try:
        with duckdb.connect(str(path)) as con:
            row = con.execute(f"SELECT run_id FROM {LEDGER}.runs ORDER BY started_at DESC, run_id DESC LIMIT 1").fetchone()
    except duckdb.CatalogException:
        return None
    except duckdb.Error as error:
        raise _explained(error, path) from None
    return row[0] if row else None


def _identity(path: Path) -> dict[str, int]:
    """What tells this file from a restored or edited one."""
    found = path.stat()
    return {"size": found.st_size, "mtime_ns": found.st_mtime_ns, "inode": found.st_ino}


def _copy(source: Path, target: Path) -> None:
    """Copy a file and have it on disk; file systems that can share blocks do so, where the system has a call for it."""
    with source.open("rb") as reading, target.open("wb") as writing:
        left, shared = os.fstat(reading.fileno()).st_size, False
        try:
            while left and _SHARES and (done := os.copy_file_range(reading.fileno(), writing.fileno(), min(left, 1 << 30))):
                left, shared = left - done, True
        except OSError as error:
            if shared or error.errno == 28:
                raise
        if left:
            shutil.copyfileobj(reading, writing, 1 << 22)
        writing.flush()
        os.fsync(writing.fileno())


def _keep_access(old: Path, new: Path) -> None:
    """Whoever could read the old file, and nobody else, can read the new one."""
    if old.exists():
        found = old.stat()
        with suppress(PermissionError):  # only the administrator gives files away
            os.chown(new, found.st_uid, found.st_gid)
        new.chmod(stat.S_IMODE(found.st_mode))


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _wal(path: Path) -> Path:
    return path.with_name(path.name + ".wal")


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")


def _holder(handle: int) -> str:
    try:
        found = json.loads(os.pread(handle, 4096, 0))
        return f" (process {found['pid']} on {found['host']}, since {found['since']})"
    except (OSError, ValueError, KeyError, TypeError):
        return ""


@contextmanager
def _files(warehouse: Path) -> Iterator[None]:
    """Say of an operating system's error what it means for the warehouse."""
    try:
        yield
    except OSError as error:
        place = error.filename or warehouse
        hint = "Free some space: a run needs room for two copies of the warehouse." if error.errno == 28 else None
        raise WarehouseError(f"The warehouse cannot be written: {error.strerror} ({place}).", hint=hint) from None


@contextmanager
def _statements(warehouse: Path, table: str = "") -> Iterator[None]:
    """Say of DuckDB's error what it means for the warehouse."""
    try:
        yield
    except PadmError:
        raise
    except duckdb.InterruptException:
        raise KeyboardInterrupt from None
    except (duckdb.OutOfMemoryException, duckdb.IOException, duckdb.FatalException) as error:
        raise _explained(error, warehouse, table) from None
    except duckdb.Error as error:
        if not table:
            raise
        # Values in a message may be personal data; names of columns and types are not.
        text = re.sub(r"'[^']*'", "'…'", str(error).strip().splitlines()[0])
        raise BuildFailed(f"{table} could not be built: {text}") from None


def _explained(error: duckdb.Error, path: Path, table: str = "") -> WarehouseError:
    text = str(error).strip().splitlines()[0]
    while_building = f" while building {table}" if table else ""
    if "Conflicting lock" in text or "Could not set lock" in text:
        return WarehouseBusy(
            f"The warehouse {path} is open for writing in another program: {text}", hint="Close it there, or open it read-only."
        )
    if "No space left" in text or ("disk" in text.lower() and "full" in text.lower()):
        return WarehouseError(
            f"The disk of the warehouse {path} is full{while_building}.",
            hint="Free some space: a run needs room for two copies of the warehouse.",
        )
    if isinstance(error, duckdb.OutOfMemoryException):
        return WarehouseError(
            f"DuckDB ran out of memory{while_building}: {text}", hint="Set [warehouse] memory_limit, e.g. '4GB'."
        )
    if any(words in text for words in _BROKEN):
        return WarehouseError(
            f"{path} is not a DuckDB file this version can read: {text}",
            hint="Name another file with --warehouse, or restore this one from a backup.",
        )
    return WarehouseError(f"The warehouse {path} cannot be used{while_building}: {text}")
