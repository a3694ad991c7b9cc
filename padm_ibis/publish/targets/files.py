"""A DuckDB or SQLite file as a target."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from pathlib import Path

import pyarrow as pa

from padm_ibis import access, atomic
from padm_ibis.access import followed
from padm_ibis.backends.duckdb.files import copy, copy_whole, wal
from padm_ibis.errors import WarehouseError
from padm_ibis.publish.databases import Database, DuckDBFile, SQLiteFile
from padm_ibis.publish.spec import Publication, TableSpec
from padm_ibis.publish.targets.base import Agree, Stream, Target, upsert
from padm_ibis.publish.targets.history import record
from padm_ibis.publish.targets.losses import strangers_among, would_be_lost
from padm_ibis.sources.values import quote


class FileTarget:
    """A DuckDB or SQLite file: a copy is changed and renamed over it, so readers have one version or the other."""

    sessions = 1
    remembers = False

    def __init__(self, path: Path, scheme: str, publication: Publication, folder: Path) -> None:
        self.path, self.temporary, self._publication = path, folder / path.name, publication
        if path.exists():
            (copy_whole if scheme == "duckdb" else copy)(path, self.temporary)
        self.database: Database = (DuckDBFile if scheme == "duckdb" else SQLiteFile)(self.temporary, read_only=False)

    def beside(self) -> AbstractContextManager[Target]:
        """Return itself: a file has one session."""
        return nullcontext(self)

    def interrupt(self) -> None:
        """Nothing else is going on."""

    def stage(self, spec: TableSpec, rows: pa.RecordBatchReader) -> bool:
        """Write the rows into a table beside the published one."""
        self.database.write(spec.schema, _staging_name(spec), rows)
        return False

    def staged(self, spec: TableSpec) -> str:
        """Return that table."""
        return self.database.place(spec.schema, _staging_name(spec))

    def finish(self, spec: TableSpec) -> None:
        """Nothing: these readers scan."""

    def in_step(self, spec: TableSpec, basis: str) -> str | None:
        """Nobody knows: the whole file is written anew anyway."""
        return None

    def leave(self, spec: TableSpec) -> None:
        """Never asked for."""
        raise NotImplementedError

    def change(self, spec: TableSpec, rows: Stream, gone: Stream) -> None:
        """Never asked for."""
        raise NotImplementedError

    def note(self, spec: TableSpec, basis: str) -> None:
        """Nothing: see `in_step`."""

    def show(self, agree: Agree) -> None:
        """Put the staged tables in place and rename the copy over the file."""
        specs, report = self._publication.specs, self._publication.report
        for spec in specs:
            own = self.database.place(spec.schema, spec.name)
            if self._publication.upserts and self.database.exists(spec.schema, spec.name):
                for statement in upsert(spec, self._publication.columns[spec.name], own, self.staged(spec)):
                    self.database.query(statement)
                self.database.query(f"DROP TABLE {self.staged(spec)}")
            else:
                self.database.query(f"DROP TABLE IF EXISTS {own}")
                self.database.query(f"ALTER TABLE {self.staged(spec)} RENAME TO {quote(spec.name)}")
        for name, statement in self._publication.views.items():
            self.database.query(f"DROP VIEW IF EXISTS {self.database.place(specs[0].schema, name)}")
            self.database.query(f"CREATE VIEW {self.database.place(specs[0].schema, name)} AS {statement}")
        record(self.database, report, "ok")
        self.database.close()
        if not self.path.exists():
            access.restrict(self.temporary)
        if (lost := access.keep(self.path, self.temporary, self._publication.file_mode)) is not None:
            self._publication.patience.tell(f"{lost}.")
        with self._unheld():
            if isinstance(self.database, DuckDBFile):
                wal(self.path).unlink(missing_ok=True)  # what was in it is in the new file
            atomic.put(self.temporary, self.path)

    @contextmanager
    def _unheld(self) -> Iterator[None]:
        """Hold off writers for a moment: what they change would be written beside the new file, and taken for its own."""
        if not self.path.exists() or isinstance(self.database, SQLiteFile):
            yield
            return
        with closing(self._publication.patience.of(lambda: DuckDBFile(self.path, read_only=True))):
            yield

    def refuse(self) -> None:
        """Leave the file as it is, to the byte."""


@contextmanager
def file_target(publication: Publication) -> Iterator[FileTarget]:
    """Open a copy of the file; what a publication that died left beside it is cleared away."""
    assert publication.url.path is not None, "only called for files"
    path, scheme = followed(publication.url.path), publication.url.scheme
    if path.is_dir() or not path.parent.is_dir():
        raise WarehouseError(f"The target {path} is a folder, or its folder does not exist.")
    if not os.access(path.parent, os.W_OK) or (path.exists() and path.stat().st_mode & 0o222 == 0):
        raise WarehouseError(f"The target {path} is read-only.", hint=f"chmod u+w {path}, or name another file.")
    if path.exists() and scheme == "duckdb":
        publication.patience.of(lambda: DuckDBFile(path, read_only=True)).close()  # refuses a file that somebody is writing
    atomic.tidy_beside(path)
    with atomic.private_folder(path) as folder:
        target = FileTarget(path, scheme, publication, folder)
        try:
            there = [spec for spec in publication.specs if target.database.exists(spec.schema, spec.name)]
            if strangers := strangers_among(target.database, publication, there):
                raise would_be_lost(strangers)
            yield target
        finally:
            target.database.close()


def _staging_name(spec: TableSpec) -> str:
    return f"{spec.name}__padm_publish"
