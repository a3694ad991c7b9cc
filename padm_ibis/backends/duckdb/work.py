"""A run on a DuckDB warehouse: a private copy, visible as a whole when it is renamed over the readers' file."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from padm_ibis.backends.base import Design, Rows
from padm_ibis.backends.duckdb.connection import (
    BROKEN,
    explained,
    filled,
    ibis_over,
    quoted,
    settings_of,
    statements,
    tables_of,
)
from padm_ibis.backends.duckdb.files import copy, files, identity, keep_access, sync_folder, wal
from padm_ibis.backends.duckdb.store import DuckDBStore
from padm_ibis.extract.store import LEDGER

if TYPE_CHECKING:
    import ibis
    from ibis.backends.sql import SQLBackend

    from padm_ibis.config import Config

# Texts are written in half the time and a smaller file than in the default format; DuckDB 1.3 and later read it.
STORAGE = "v1.3.0"
HISTORY = ("runs", "check_results")


class DuckDBWork:
    """The private copy in which one run works."""

    dialect = "duckdb"

    def __init__(self, config: Config, target: Path) -> None:
        self.config, self.state, self.target = config, config.state, target
        self.path, self._marker = self.state / "work.duckdb", self.state / "published.json"
        self._con: SQLBackend | None = None
        with files(self.target):
            self._make_current()
        self.raw = self._open()

    @property
    def con(self) -> SQLBackend:
        """An Ibis connection to the same session."""
        if self._con is None:
            self._con = ibis_over(self.raw)
        return self._con

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> Rows:
        """Run one statement and return its rows."""
        with statements(self.target):
            return self.raw.execute(filled(sql, parameters)).fetchall()

    def tables(self) -> dict[str, frozenset[str]]:
        """Return the names of the tables that exist, by layer."""
        return tables_of(self.raw)

    def locate(self, layer: str, name: str) -> str:
        """Return the layer: in the private copy every table is at its final place."""
        return layer

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything inside holds together or not at all."""
        self.raw.execute("BEGIN")
        try:
            yield
            with statements(self.target):
                self.raw.execute("COMMIT")
        except BaseException:
            with suppress(duckdb.Error):  # a fatal error has already ended it
                self.raw.execute("ROLLBACK")
            raise

    def store(self) -> DuckDBStore:
        """Return bronze as the extraction sees it."""
        return DuckDBStore(self.raw)

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

        with statements(self.target, name):
            self.raw.execute(f'CREATE SCHEMA IF NOT EXISTS "{layer}"')
            self.raw.execute(create_table_as(layer, name, query, schema, self.dialect))
            row = self.raw.execute(f'SELECT count(*) FROM "{layer}"."{name}"').fetchone()
        return int(row[0]) if row else 0

    def publish(self, run_id: str) -> None:
        """Copy the work file beside the readers' file and rename it over it."""
        temporary = self.state / f"publish-{run_id}.duckdb"
        with files(self.target), statements(self.target):
            self.raw.execute("CHECKPOINT")
            copy(self.path, temporary)
            self._put_in_place(temporary, run_id)

    def show_history(self) -> None:
        """Copy the readers' file, replace the history in the copy, and rename it over the file."""
        published = self.published_run()
        if published is None:
            return
        temporary = self.state / "publish-history.duckdb"
        with files(self.target), statements(self.target):
            copy(self.target, temporary)
            if wal(self.target).exists():
                copy(wal(self.target), wal(temporary))
            self.raw.execute(f"ATTACH '{quoted(temporary)}' AS shown")
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
        wal(self.target).unlink(missing_ok=True)
        keep_access(self.target, temporary)
        temporary.replace(self.target)
        sync_folder(self.target.parent)
        self._marker.write_text(json.dumps({"run_id": run_id, **identity(self.target)}))

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
        if self.path.exists() and marker is not None and marker.items() >= identity(self.target).items():
            return
        remade = self.state / "remake-work.duckdb"
        copy(self.target, remade)
        if wal(self.target).exists():
            copy(wal(self.target), wal(remade))
        wal(self.path).unlink(missing_ok=True)
        if wal(remade).exists():
            wal(remade).replace(wal(self.path))
        remade.replace(self.path)
        run_id = marker["run_id"] if marker else "unknown"
        self._marker.write_text(json.dumps({"run_id": _last_run(self.path) or run_id, **identity(self.target)}))

    def _read_marker(self) -> dict[str, Any] | None:
        try:
            marker = json.loads(self._marker.read_text())
        except (OSError, ValueError):
            return None
        return marker if isinstance(marker, dict) and "run_id" in marker else None

    def _open(self) -> duckdb.DuckDBPyConnection:
        temporary = self.state / "tmp"
        settings = {
            **settings_of(self.config),
            "temp_directory": str(temporary),
            "preserve_insertion_order": "false",
            "storage_compatibility_version": STORAGE,
        }
        try:
            return duckdb.connect(str(self.path), config=settings)
        except duckdb.Error as error:
            if not any(words in str(error) for words in BROKEN):
                raise explained(error, self.path) from None
        # The work file is ours and can be made again; a reader never sees it.
        self.path.unlink(missing_ok=True)
        wal(self.path).unlink(missing_ok=True)
        self._marker.unlink(missing_ok=True)
        with files(self.target):
            self._make_current()
        try:
            return duckdb.connect(str(self.path), config=settings)
        except duckdb.Error as error:
            raise explained(error, self.path) from None


def _probe(path: Path) -> None:
    """Refuse a file that is no DuckDB database, or that somebody is writing."""
    try:
        duckdb.connect(str(path), read_only=True).close()
    except duckdb.Error as error:
        raise explained(error, path) from None


def _last_run(path: Path) -> str | None:
    try:
        with duckdb.connect(str(path)) as con:
            row = con.execute(f"SELECT run_id FROM {LEDGER}.runs ORDER BY started_at DESC, run_id DESC LIMIT 1").fetchone()
    except duckdb.CatalogException:
        return None
    except duckdb.Error as error:
        raise explained(error, path) from None
    return row[0] if row else None
