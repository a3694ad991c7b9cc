"""The backend of ``postgres://`` addresses."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import psycopg

from padm_ibis import access
from padm_ibis.backends.patience import AT_ONCE, Patience
from padm_ibis.backends.postgres import lock
from padm_ibis.backends.postgres.connection import connect, explained
from padm_ibis.backends.postgres.reader import PostgresReader
from padm_ibis.backends.postgres.schemas import drop_old, refuse_newer_database
from padm_ibis.backends.postgres.work import PostgresWork
from padm_ibis.errors import PadmError, WarehouseError, WarehouseMissing

if TYPE_CHECKING:
    from padm_ibis.config import Config


class PostgresBackend:
    """A warehouse in the database of a ``postgres://`` address."""

    dialect = "postgres"

    def __init__(self, config: Config) -> None:
        self.config = config

    @contextmanager
    def open(self, patience: Patience = AT_ONCE) -> Iterator[PostgresWork]:
        """Open for one run; see `base.Backend.open`."""
        if not hasattr(os, "mkfifo"):
            raise WarehouseError(
                "A postgres:// warehouse cannot be built on this system: rows pass to the server through a pipe with a name.",
                hint="Run padm-ibis under WSL, Linux or macOS, or keep the warehouse in a duckdb:// file.",
            )
        with suppress(OSError):
            access.folder(self.config.state)
        con = connect(self.config, run=True)
        work: PostgresWork | None = None
        try:
            with explained(self.config):
                patience.of(lambda: lock.take(con, self.config))
                refuse_newer_database(con, self.config)
                drop_old(con)
                con.execute("BEGIN")
            work = PostgresWork(con, self.config)
            try:
                yield work
            except BaseException:
                with suppress(psycopg.Error):
                    con.execute("COMMIT" if work.abandoned else "ROLLBACK")
                raise
            with explained(self.config):
                work.commit()
        finally:
            if work is not None:
                work.close()
            con.close()

    @contextmanager
    def read(self) -> Iterator[PostgresReader]:
        """Open the published version for reading; see `base.Backend.read`."""
        reader = self.reader()
        try:
            yield reader
        finally:
            reader.close()

    @contextmanager
    def ledger(self) -> Iterator[PostgresReader | None]:
        """Open what the database says of itself; see `base.Backend.ledger`."""
        reader = self._connected()
        try:
            yield reader
        finally:
            reader.close()

    def remark(self) -> str | None:
        """Nothing: a server needs no files put in order; see `base.Backend.remark`."""
        return None

    def _connected(self) -> PostgresReader:
        con = connect(self.config, run=False)
        try:
            with explained(self.config):
                refuse_newer_database(con, self.config)
        except PadmError:
            con.close()
            raise
        return PostgresReader(con, self.config)

    def reader(self) -> PostgresReader:
        """Return a reader that the caller closes."""
        reader = self._connected()
        if reader.published_run() is None:
            reader.close()
            raise WarehouseMissing(
                f"There is no warehouse in {self.config.warehouse.url} yet.", hint="Build one first: padm-ibis run"
            )
        return reader
