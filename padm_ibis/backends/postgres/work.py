"""The transaction of one run.

Bronze is updated in place, as rows. Silver and gold are built in schemas of their own, ``silver_next`` and ``gold_next``,
which `publish` lets change names with the schemas that readers use.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psycopg

from padm_ibis.backends.base import Design
from padm_ibis.backends.postgres import bronze_log
from padm_ibis.backends.postgres.connection import Connection, explained
from padm_ibis.backends.postgres.foresee import foresee
from padm_ibis.backends.postgres.kept import Kept
from padm_ibis.backends.postgres.publish import Publication
from padm_ibis.backends.postgres.reader import Session
from padm_ibis.backends.postgres.rewrite import rewrite_statistics, tables_of, vacuum
from padm_ibis.backends.postgres.rollback import roll_back
from padm_ibis.backends.postgres.schemas import LONGEST_NAME, drop_old, next_of, open_next, table, too_long
from padm_ibis.backends.postgres.store import PostgresStore
from padm_ibis.errors import WarehouseBusy, WarehouseError
from padm_ibis.extract.store import LEDGER
from padm_ibis.sources.values import quote

if TYPE_CHECKING:
    import ibis

    from padm_ibis.config import Config


class PostgresWork(Session):
    """The transaction of one run."""

    def __init__(self, raw: Connection, config: Config) -> None:
        super().__init__(raw, config)
        self.abandoned = False
        self.step: int | None = None
        self._kept, self._discarded = Kept(raw, config), list[str]()
        self._built: dict[tuple[str, str], Design | None] = {}
        self._unanalysed: set[str] = set()
        self._keys: dict[str, tuple[str, ...]] = {}
        self._store: PostgresStore | None = None

    def locate(self, layer: str, name: str) -> str:
        """Return the schema in which this run finds a table."""
        return next_of(layer) if (layer, name) in self._built else layer

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything inside holds together or not at all."""
        before = dict(self._built)
        try:
            with explained(self.config), self.raw.transaction():
                yield
        except BaseException:
            self._built = before
            raise

    def store(self) -> PostgresStore:
        """Return bronze as the extraction sees it."""
        if self._store is None:
            self._store = PostgresStore(self)
        return self._store

    def close(self) -> None:
        """Close the session that sources pass through, and the connection."""
        if self._store is not None:
            self._store.close()
        super().close()

    def take_up(self, run_id: str) -> None:
        """See `base.Work.take_up`."""
        with self.transaction():
            self.step = self._kept.take_up(run_id)

    def loaded(self, name: str, key: Sequence[str]) -> None:
        """Take note that rows of a bronze table changed."""
        place = f"bronze.{quote(name)}"
        self._unanalysed.add(place)
        self._keys[place] = tuple(key)
        if self.step is not None:
            bronze_log.know_key(self.raw, name, key)

    def foresee(self, tables: Collection[tuple[str, str]], schema_of: Callable[[str], ibis.Schema]) -> None:
        """See `base.Work.foresee`."""
        foresee(self.raw, self.config, tables, schema_of)

    def set_aside(self, layer: str, name: str) -> tuple[str, str] | None:
        """See `base.Work.set_aside`: what readers use stands in a schema of its own until the run is published."""
        there = self.execute("SELECT pg_catalog.to_regclass(?)", [table(layer, name)])[0][0]
        return None if there is None else (layer, name)

    def create(self, layer: str, name: str, query: str, schema: ibis.Schema, design: Design | None = None) -> int:
        """Make a table from a query, its columns cast to the contract's types; return its rows."""
        from padm_ibis.define.compile import create_table_as

        if long := [column for column in (name, *schema) if too_long(column)]:
            raise WarehouseError(
                f"{layer}.{name}: PostgreSQL cuts names after {LONGEST_NAME} bytes, and would cut {', '.join(long)}.",
                hint="Give it a shorter name.",
            )
        with explained(self.config, name):
            self._analyse()
            place = open_next(self.raw, layer)
            if (layer, name) in self._built:
                self.raw.execute(f"DROP TABLE {table(place, name)}")
            rows = self.raw.execute(create_table_as(place, name, query, schema, self.dialect)).rowcount
            # the planner knows nothing of a new table, and validation and later models read it at once
            self.raw.execute(f"ANALYZE {table(place, name)}")
        self._built[layer, name] = design
        return rows

    def exchange(self, layer: str, name: str, theirs: str, rows: str, design: Design | None = None) -> int:
        """See `base.Work.exchange`: what readers use stays as it is, the rows that stay are copied."""
        with explained(self.config, name):
            self._analyse()
            next_place = table(open_next(self.raw, layer), name)
            if (layer, name) in self._built:
                self.raw.execute(f"DELETE FROM {next_place} t WHERE {theirs}")
            else:
                self.raw.execute(f"CREATE TABLE {next_place} AS SELECT t.* FROM {table(layer, name)} t WHERE NOT {theirs}")
            self.raw.execute(f"INSERT INTO {next_place} SELECT * FROM {rows}")
            self.raw.execute(f"ANALYZE {next_place}")
        self._built[layer, name] = design
        return int(self.execute(f"SELECT count(*) FROM {next_place}")[0][0])

    def _analyse(self) -> None:
        """Collect statistics of the bronze tables whose rows changed."""
        for changed in sorted(self._unanalysed):
            self.raw.execute(f"ANALYZE {changed}")
        self._unanalysed.clear()

    def publish(self, run_id: str) -> None:
        """Give the new tables what the old ones had, let schemas change names, commit."""
        with self.transaction():
            self._analyse()
            kept = None if self.step is None else self._kept
            Publication(self.raw, self.config, self._built, self._keys, kept).make(run_id)
        with explained(self.config):
            self.commit()
            self._built.clear()
            drop_old(self.raw)

    def rewrite(self, also: Collection[tuple[str, str]] = ()) -> list[str]:
        """See `base.Work.rewrite`: the server keeps deleted rows in a table's files until the table is written anew."""
        with explained(self.config):
            self.commit()
            self._discarded = self._kept.drop()
            if left := drop_old(self.raw):
                raise WarehouseBusy(
                    f"An earlier version in the warehouse {self.config.warehouse.url} is still in use: {', '.join(left)}.",
                    hint="End the queries that read it, or drop what depends on it, and run again.",
                )
            vacuum(self.raw, [*tables_of(self.raw, ["bronze", LEDGER, bronze_log.SCHEMA]), *also])
            unreached = rewrite_statistics(self.raw)
            self.raw.execute("BEGIN")
        return unreached

    def discard_copies(self) -> list[str]:
        """See `base.Work.discard_copies`: they went before the tables were written anew."""
        return self._discarded

    def keep(self) -> None:
        """Commit what was written so far, and begin the transaction of the run proper."""
        with explained(self.config):
            self.raw.execute("COMMIT")
            self.raw.execute("BEGIN")

    def roll_back(self, run_id: str, note: Sequence[Any]) -> None:
        """See `base.Work.roll_back`."""
        with self.transaction():
            to = self._kept.of(run_id)
            assert to is not None, "one of `versions`"
            roll_back(self.raw, self.config, to, note)
        with explained(self.config):
            self.commit()
            drop_old(self.raw)

    def show_history(self) -> None:
        """Nothing: the history is committed with the run, and read where it stands."""

    def abandon(self) -> None:
        """Undo everything; what is written from here on is committed when the warehouse is closed."""
        with explained(self.config):
            self.raw.execute("ROLLBACK")
            self.raw.execute("BEGIN")
        self._built.clear()
        self._unanalysed.clear()
        self.step, self.abandoned = None, True

    def commit(self) -> None:
        """End the transaction, if there is one; one that failed is never taken for done."""
        if self.raw.info.transaction_status == psycopg.pq.TransactionStatus.INERROR:
            raise WarehouseError(f"The run on the warehouse {self.config.warehouse.url} failed; the server has undone it.")
        if self.raw.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
            self.raw.execute("COMMIT")
