"""The backend of ``postgres://`` addresses."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import psycopg

from padm_ibis.backends.postgres import lock
from padm_ibis.backends.postgres.connection import connect, explained
from padm_ibis.backends.postgres.reader import PostgresReader
from padm_ibis.backends.postgres.schemas import drop_old
from padm_ibis.backends.postgres.work import PostgresWork
from padm_ibis.errors import WarehouseMissing

if TYPE_CHECKING:
    from padm_ibis.config import Config


class PostgresBackend:
    """A warehouse in the database of a ``postgres://`` address."""

    dialect = "postgres"

    def __init__(self, config: Config) -> None:
        self.config = config

    @contextmanager
    def open(self) -> Iterator[PostgresWork]:
        """Open for one run; see `base.Backend.open`."""
        with suppress(OSError):
            self.config.state.mkdir(exist_ok=True)
        con = connect(self.config, run=True)
        work: PostgresWork | None = None
        try:
            with explained(self.config):
                lock.take(con, self.config)
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
        reader = PostgresReader(connect(self.config, run=False), self.config)
        try:
            yield reader
        finally:
            reader.close()

    def reader(self) -> PostgresReader:
        """Return a reader that the caller closes."""
        reader = PostgresReader(connect(self.config, run=False), self.config)
        if reader.published_run() is None:
            reader.close()
            raise WarehouseMissing(
                f"There is no warehouse in {self.config.warehouse.url} yet.", hint="Build one first: padm-ibis run"
            )
        return reader
