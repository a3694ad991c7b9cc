"""A run on a DuckDB warehouse: a private copy, visible as a whole when it is renamed over the readers' file."""

from __future__ import annotations

import glob
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from padm_ibis import access
from padm_ibis.backends.base import Design, Rows
from padm_ibis.backends.duckdb.connection import (
    PUBLISHED,
    explained,
    filled,
    ibis_over,
    quoted,
    run_of,
    settings_of,
    statements,
    tables_of,
)
from padm_ibis.backends.duckdb.damage import check_content, check_header, opened, set_aside
from padm_ibis.backends.duckdb.files import copy, copy_whole, files, identity, make, sync_folder, wal
from padm_ibis.backends.duckdb.kept import NOBODY, Kept
from padm_ibis.backends.duckdb.rewrite import rewrite
from padm_ibis.backends.duckdb.shown import Shown, beside
from padm_ibis.backends.duckdb.store import DuckDBStore
from padm_ibis.backends.patience import Patience
from padm_ibis.define.layers import LAYERS
from padm_ibis.errors import PadmError, WarehouseBusy, WarehouseDamaged, WarehouseError
from padm_ibis.extract.store import LEDGER

if TYPE_CHECKING:
    import ibis
    from ibis.backends.sql import SQLBackend

    from padm_ibis.config import Config
    from padm_ibis.report.versions import Version

# Texts are written in half the time and a smaller file than in the default format; DuckDB 1.3 and later read it.
STORAGE = "v1.3.0"
HISTORY = ("runs", "check_results", "rollbacks")
GAPS = 0.1
"""Deleted rows for each that is there, from which on checkpoints close the gaps that they left."""
FORMER = "padm_former_"
"""Begins the names of tables that are set aside while a transaction lasts."""


class DuckDBWork:
    """The private copy in which one run works."""

    dialect = "duckdb"

    def __init__(self, config: Config, target: Path, patience: Patience) -> None:
        self.config, self.state, self.target, self.patience = config, config.state, target, patience
        self.path = self.state / "work.duckdb"
        self.shown = Shown(target, config.state, Kept(config), patience, config.warehouse.file_mode)
        self._con: SQLBackend | None = None
        self._former: list[tuple[str, str]] = []
        with files(self.target):
            self._make_current()
            self.shown.kept.prune(self.shown.run_id)
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
                for layer, name in self._former:
                    self.raw.execute(f'DROP TABLE "{layer}"."{name}"')
                self.raw.execute("COMMIT")
        except BaseException:
            with suppress(duckdb.Error):  # a fatal error has already ended it
                self.raw.execute("ROLLBACK")
            raise
        finally:
            self._former.clear()

    def store(self) -> DuckDBStore:
        """Return bronze as the extraction sees it."""
        return DuckDBStore(self.raw, lambda: check_content(self.raw, self.path, whole=True))

    def take_up(self, run_id: str) -> None:
        """Nothing: the private copy is the newest state, whatever readers see."""

    def foresee(self, tables: Collection[tuple[str, str]], schema_of: Callable[[str], ibis.Schema]) -> None:
        """Nothing: the file that is replaced holds only what this library wrote."""

    def keep(self) -> None:
        """Nothing: what was written stays in the private copy."""

    def is_worked_on(self) -> bool | None:
        """By this run."""
        return True

    def abandon(self) -> None:
        """Nothing: what a failed run loaded stays in the private copy, for the next run."""

    def set_aside(self, layer: str, name: str) -> tuple[str, str] | None:
        """See `base.Work.set_aside`: under another name, which costs nothing."""
        if name not in self.tables()[layer]:
            return None
        former = (layer, f"{FORMER}{name}")
        self.execute(f'ALTER TABLE "{layer}"."{name}" RENAME TO "{former[1]}"')
        self._former.append(former)
        return former

    def create(self, layer: str, name: str, query: str, schema: ibis.Schema, design: Design | None = None) -> int:
        """Make a table from a query, its columns cast to the contract's types; return its rows."""
        from padm_ibis.define.compile import create_table_as

        with statements(self.target, name):
            self.raw.execute(f'CREATE SCHEMA IF NOT EXISTS "{layer}"')
            self.raw.execute(create_table_as(layer, name, query, schema, self.dialect))
            row = self.raw.execute(f'SELECT count(*) FROM "{layer}"."{name}"').fetchone()
        return int(row[0]) if row else 0

    def exchange(self, layer: str, name: str, theirs: str, rows: str, design: Design | None = None) -> int:
        """See `base.Work.exchange`."""
        place = f'"{layer}"."{name}"'
        with statements(self.target, name):
            self.raw.execute(f"DELETE FROM {place} WHERE rowid IN (SELECT t.rowid FROM {place} AS t WHERE {theirs})")
            self.raw.execute(f"INSERT INTO {place} SELECT * FROM {rows}")
            row = self.raw.execute(f"SELECT count(*) FROM {place}").fetchone()
        return int(row[0]) if row else 0

    def publish(self, run_id: str) -> None:
        """Copy the work file beside the readers' file and rename it over it; the file they had is kept."""
        temporary = self.state / f"publish-{run_id}.duckdb"
        with files(self.target), statements(self.path):
            if "state" in self.tables()[LEDGER]:
                self._name_version(run_id)
            self.raw.execute("CHECKPOINT")
            copy(self.path, temporary)
            self.shown.put(temporary, run_id)

    def show_history(self) -> None:
        """Copy the readers' file, replace the history in the copy, and rename it over the file."""
        published = self.published_run()
        if published is None:
            return
        temporary, source = self.state / "publish-history.duckdb", self.shown.path
        with files(self.target):
            if source == self.target:
                with opened(source):  # nobody writes in it
                    pass
            copy_whole(source, temporary)
        with files(self.target), statements(self.path):
            self._bring_history(temporary, published)
            self.shown.put(temporary, published)

    def rewrite(self, also: Collection[tuple[str, str]] = ()) -> list[str]:
        """See `base.Work.rewrite`: the private copy first, then the readers' file from it."""
        remade, published = self.state / "remake-work.duckdb", self.published_run()
        with files(self.target), statements(self.path):
            self.raw.execute("CHECKPOINT")
            rewrite(self.raw, self._catalog(), remade, storage=STORAGE)
            self._leave()
            wal(self.path).unlink(missing_ok=True)
            remade.replace(self.path)
            sync_folder(self.state)
            self.shown.remember(work=identity(self.path))
        self.raw = self._connect()
        if published is not None:
            self.publish(published)
        if beside(self.target).exists():
            raise WarehouseBusy(
                f"The warehouse {self.target} is open for writing in another program, and is not yet replaced.",
                hint="Close that program, and run again.",
            )
        return []

    def discard_copies(self) -> list[str]:
        """See `base.Work.discard_copies`."""
        with files(self.target):
            kept = self.shown.kept.drop()
        found = [
            path
            for folder, stem in ((self.target.parent, self.target.stem), (self.state, self.path.stem))
            for path in sorted(folder.glob(f"{glob.escape(stem)}.invalid.*.duckdb*"))
        ]
        with files(self.target):
            for path in found:
                path.unlink(missing_ok=True)
        return [*kept, *(path.name for path in found)]

    def _catalog(self) -> str:
        ((name,),) = self.raw.execute("SELECT current_database()").fetchall()
        return str(name)

    def _leave(self) -> None:
        """Close the file; whoever had a connection to it has none."""
        self.raw.close()
        self._con = None

    def roll_back(self, run_id: str, note: Sequence[Any]) -> None:
        """Copy the kept file, bring its history up to date, and rename it over the readers' one; see `base.Work.roll_back`."""
        kept, temporary = self.shown.kept.path_of(run_id), self.state / "publish-rollback.duckdb"
        written = filled(f"{LEDGER}.rollbacks VALUES ({', '.join('?' * len(note))})", note)
        with files(self.target):
            try:
                with opened(kept, whole=True):
                    pass
            except WarehouseDamaged as damage:
                raise WarehouseError(
                    f"The version of the run {run_id} cannot be brought back: {damage.message} Readers keep what they see.",
                    hint="padm-ibis history lists the versions that are kept; padm-ibis rollback RUN brings readers to one.",
                ) from None
            copy_whole(kept, temporary)
        with files(self.target), statements(self.path):
            self._bring_history(temporary, run_id, f"INSERT INTO shown.{written}")
            self.shown.put(temporary, run_id, also=lambda: self.execute(f"INSERT INTO {written}"))

    def _bring_history(self, file: Path, run_id: str, more: str = "") -> None:
        """Write what the work knows of all runs into a file of another version, and which version that is."""
        self.raw.execute(f"ATTACH '{quoted(file)}' AS shown")
        try:
            self.raw.execute(f"CREATE SCHEMA IF NOT EXISTS shown.{LEDGER}")
            for table in sorted(self.tables()[LEDGER] & {*HISTORY}):
                self.raw.execute(f"CREATE OR REPLACE TABLE shown.{LEDGER}.{table} AS FROM {LEDGER}.{table}")
            self.raw.execute(f"CREATE TABLE IF NOT EXISTS shown.{LEDGER}.state (key VARCHAR, value VARCHAR)")
            self._name_version(run_id, "shown.")
            if more:
                self.raw.execute(more)
            self.raw.execute("CHECKPOINT shown")
        finally:
            self.raw.execute("DETACH shown")

    def _name_version(self, run_id: str, file: str = "") -> None:
        """Let a file say itself which version it is, wherever it is copied to."""
        self.execute(f"DELETE FROM {file}{LEDGER}.state WHERE key = ?", [PUBLISHED])
        self.execute(f"INSERT INTO {file}{LEDGER}.state VALUES (?, ?)", [PUBLISHED, run_id])

    def versions(self) -> list[Version]:
        """See `base.Reader.versions`."""
        return self.shown.versions()

    def published_run(self) -> str | None:
        """Return the run whose version readers see; None where the file is gone or was never written."""
        return self.shown.run_id

    def close(self, *, sound: bool = True) -> None:
        """Close the file; what was not committed is gone.

        Parameters
        ----------
        sound
            Whether nothing spoke against the file: one that is doubted is read through by the next run.
        """
        self.raw.close()
        with suppress(OSError):  # it is not empty
            (self.state / "tmp").rmdir()
        with suppress(OSError):
            self.shown.remember(work=identity(self.path) if sound and not wal(self.path).exists() else None)

    def _make_current(self) -> None:
        """Make the work file anew from the readers' file unless that is the one this work file published."""
        if self.path.exists() and self.path.stat().st_size == 0:  # DuckDB was killed as it made it
            self.path.unlink()
        self.shown.settle()
        try:
            with self.shown.unheld(whole=not self.shown.is_known()) as there:
                if not there or (self.path.exists() and self.shown.is_known()):
                    return
                remade = self.state / "remake-work.duckdb"
                copy_whole(self.target, remade)
        except WarehouseBusy as busy:
            if not self.path.exists():
                raise
            self.patience.tell(f"{busy.message} This run goes on without it.")
            return
        wal(self.path).unlink(missing_ok=True)
        if wal(remade).exists():
            wal(remade).replace(wal(self.path))
        remade.replace(self.path)
        self.shown.taken_over(_version(self.path) or self.shown.run_id or NOBODY, work=identity(self.path))

    def _open(self) -> duckdb.DuckDBPyConnection:
        """Open the work file, made anew where it is damaged: from the readers' file, or, where that is gone, from nothing."""
        try:
            return self._connect()
        except WarehouseDamaged as damage:
            aside = set_aside(self.path, damage)
            self.shown.forget()
            with files(self.target):
                self._make_current()
            source = "the warehouse's own" if self.path.exists() else "the sources"
            self.patience.note(f"{aside} It was made anew from {source}.")
            return self._connect()

    def _connect(self) -> duckdb.DuckDBPyConnection:
        settings = {
            **settings_of(self.config),
            "temp_directory": str(self.state / "tmp"),
            "preserve_insertion_order": "false",
        }
        known = self.shown.is_work_known(self.path)
        with files(self.target):
            access.folder(self.state / "tmp")
        if there := self.path.exists():
            check_header(self.path)
        else:
            with files(self.target), statements(self.path):
                make(self.path, f"STORAGE_VERSION '{STORAGE}'")
        try:
            con = duckdb.connect(str(self.path), config=settings)
        except duckdb.Error as error:
            raise explained(error, self.path) from None
        try:
            if there:
                check_content(con, self.path, whole=not known)
                _spare_rows(con)
        except PadmError:
            con.close()
            raise
        except duckdb.Error as error:
            con.close()
            raise explained(error, self.path) from None
        return con


def _spare_rows(con: duckdb.DuckDBPyConnection) -> None:
    """Let checkpoints write rows anew that only lie beside deleted ones when those have become many.

    A person's rows stand anywhere in a table: where some people's are exchanged, nearly all of it would be written.
    """
    tables = con.execute("SELECT schema_name, table_name, estimated_size FROM duckdb_tables() WHERE NOT temporary").fetchall()
    lasting = [f'SELECT count(*) AS n FROM "{layer}"."{name}"' for layer, name, _ in tables if layer in LAYERS]
    if not lasting:
        return
    ((there,),) = con.execute(f"SELECT sum(n) FROM ({' UNION ALL '.join(lasting)})").fetchall()
    with_gaps = sum(size for layer, _, size in tables if layer in LAYERS)
    if with_gaps <= there * (1 + GAPS):
        con.execute("SET GLOBAL max_vacuum_tasks = 0")


def _version(path: Path) -> str | None:
    try:
        with duckdb.connect(str(path)) as con:
            return run_of(con)
    except duckdb.Error as error:
        raise explained(error, path) from None
