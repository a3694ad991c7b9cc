"""The backend of ``duckdb://`` addresses."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import duckdb

from padm_ibis import access, atomic
from padm_ibis.backends.duckdb.connection import explained
from padm_ibis.backends.duckdb.files import files
from padm_ibis.backends.duckdb.lock import held
from padm_ibis.backends.duckdb.reader import DuckDBReader
from padm_ibis.backends.duckdb.shown import beside, newest, read
from padm_ibis.backends.duckdb.work import DuckDBWork
from padm_ibis.backends.patience import AT_ONCE, Patience
from padm_ibis.errors import WarehouseDamaged, WarehouseError, WarehouseMissing
from padm_ibis.sources.messages import tells_of_damage

if TYPE_CHECKING:
    from padm_ibis.config import Config

_LEFTOVERS = ("publish-*.duckdb", "publish-*.duckdb.wal", "remake-*.duckdb", "remake-*.duckdb.wal")


class DuckDBBackend:
    """A warehouse in the file of a ``duckdb://`` address."""

    dialect = "duckdb"

    def __init__(self, config: Config) -> None:
        path = config.warehouse.url.path
        assert path is not None, "a duckdb:// address has a path"
        with files(path):
            self.config, self.path, self.state = config, access.followed(path), config.state

    @contextmanager
    def open(self, patience: Patience = AT_ONCE) -> Iterator[DuckDBWork]:
        """Open for one run; see `base.Backend.open`."""
        self._check_target()
        with held(self.path, self.state, patience):
            self._tidy()
            if (mode := self.config.warehouse.file_mode) is not None:  # a run that has nothing new replaces no file
                for place in newest(self.path):
                    access.restrict(place, mode)
            work = DuckDBWork(self.config, self.path, patience)
            sound = True
            try:
                yield work
            except WarehouseDamaged:
                sound = False
                raise
            except duckdb.Error as error:
                if not tells_of_damage(str(error)):
                    raise
                sound = False
                raise explained(error, work.path) from None
            finally:
                work.close(sound=sound)

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
        if not newest(self.path):
            yield None
            return
        with self.read() as reader:
            yield reader

    def reader(self) -> DuckDBReader:
        """Return a reader that the caller closes."""
        if self.path.is_dir():
            raise WarehouseError(f"The warehouse {self.path} is a folder, not a DuckDB file.")
        if not newest(self.path):
            raise WarehouseMissing(f"There is no warehouse at {self.path}.", hint="Build one first: padm-ibis run")
        return read(self.path, lambda path: DuckDBReader(path, self.config))

    def remark(self) -> str | None:
        """Whether a version stands beside the file; see `base.Backend.remark`."""
        found = newest(self.path)[:1]
        if found in ([], [self.path]):
            return None
        return (
            f"Another program has {self.path.name} open for writing: the newest version stands beside it, as {found[0].name}."
            " Close that program; the next run puts it in its place"
        )

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

    def _tidy(self) -> None:
        """Remove what a killed run left behind; safe, since only the holder of the lock gets here."""
        for pattern in _LEFTOVERS:
            for leftover in self.state.glob(pattern):
                leftover.unlink(missing_ok=True)
        shutil.rmtree(self.state / "tmp", ignore_errors=True)
        for place in (self.state / "work.duckdb", self.path, beside(self.path)):
            atomic.tidy_beside(place)
