"""What readers see changes in one step: schemas change names.

Renaming a schema takes no lock on its tables: whoever is in a long query goes on reading the old ones, and whoever
comes next reads the new ones.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from psycopg import errors as pg

from padm_ibis.backends.postgres import survivors
from padm_ibis.backends.postgres.connection import Connection, execute
from padm_ibis.backends.postgres.kept import Kept
from padm_ibis.backends.postgres.schemas import OLD, REPLACED, get, known_tables, next_of, put, table
from padm_ibis.errors import WarehouseBusy, WarehouseError
from padm_ibis.sources.values import quote

if TYPE_CHECKING:
    from padm_ibis.backends.base import Design
    from padm_ibis.config import Config

PATIENCE = 300.0
"""Seconds for which the last step waits for people who read views that have to be pointed to the new tables."""


@dataclass(frozen=True, slots=True)
class Publication:
    """The last step of one run, inside its transaction.

    Attributes
    ----------
    built
        Tables of silver and gold that this run made, each with what its contract says of it.
    keys
        Bronze tables whose rows changed → the columns of their key.
    kept
        Knows the versions; None where none shall be kept.
    """

    con: Connection
    config: Config
    built: Mapping[tuple[str, str], Design | None]
    keys: Mapping[str, tuple[str, ...]]
    kept: Kept | None = None

    def make(self, run_id: str) -> None:
        """Give the new tables what the old ones had, and let schemas change names."""
        self._index_bronze()
        layers = [layer for layer in REPLACED if any(built == layer for built, _ in self.built)]
        known = known_tables(self.con)
        old = {layer: survivors.tables(self.con, layer, known.get(layer, ())) for layer in layers}
        for (layer, name), design in self.built.items():
            self._finish(layer, name, design, old[layer].get(name))
        for layer in layers:
            for name in sorted(old[layer].keys() - {n for built, n in self.built if built == layer}):
                self._copy(layer, name, old[layer][name])
        aside = self._keep(run_id, layers)
        put(self.con, "published", run_id)
        swap(self.con, self.config, aside, {oid for tables in old.values() for oid in tables.values()})
        if self.kept is not None:
            self.kept.prune(run_id)

    def _keep(self, run_id: str, layers: Sequence[str]) -> dict[str, str]:
        """Know the new version; return what the schemas that it replaces are called from now on."""
        before = None
        if self.kept is not None:
            before = self.kept.of(get(self.con, "published"))
            if before is None or before.run_id != run_id:
                self.kept.published(run_id, layers)
        name = re.sub(r"[^A-Za-z0-9]", "_", run_id)
        return {layer: before.schema(layer) if before else f"{OLD}{layer}_{name}" for layer in layers}

    def _finish(self, layer: str, name: str, design: Design | None, old: int | None) -> None:
        """Keys, indexes, comments, and what people gave the old table."""
        place = table(next_of(layer), name)
        if design is not None:
            _constrain(self.con, place, design)
            texts = dict(design.comments)
            if old is not None:
                key = f"comments {layer}.{name}"
                texts = survivors.merged(texts, survivors.comments(self.con, old), get(self.con, key))
            put(self.con, f"comments {layer}.{name}", json.dumps(dict(design.comments), ensure_ascii=False))
            for statement in survivors.comment_statements(place, texts):
                self.con.execute(statement)
        if old is not None:
            survivors.carry_indexes(self.con, old, place)
            survivors.carry_table(self.con, old, place)

    def _copy(self, layer: str, name: str, old: int) -> None:
        """Take a table that was not built in this run along, without touching the one that people read."""
        new, place = table(next_of(layer), name), table(layer, name)
        self.con.execute(f"CREATE TABLE {new} (LIKE {place} INCLUDING ALL)")
        self.con.execute(f"INSERT INTO {new} SELECT * FROM {place}")
        self.con.execute(f"ANALYZE {new}")
        survivors.carry_table(self.con, old, new)

    def _index_bronze(self) -> None:
        """Give bronze tables that have none an index on their key; rows came in faster without."""
        for place, key in self.keys.items():
            if not execute(self.con, "SELECT 1 FROM pg_index WHERE indrelid = ?::regclass", [place]):
                columns = ", ".join(quote(column) for column in key)
                once = " NULLS NOT DISTINCT" if self.con.info.server_version >= 150000 else ""
                self.con.execute(f"CREATE UNIQUE INDEX ON {place} ({columns}){once}")


def swap(con: Connection, config: Config, aside: Mapping[str, str], ours: Collection[int]) -> None:
    """Let schemas change names; wait for people who are reading a view that has to be pointed anew.

    Parameters
    ----------
    aside
        Layers whose next schema takes their name → what the one of now is called from then on.
    ours
        The tables of these layers that runs made.

    Raises
    ------
    WarehouseBusy
        If it cannot be done in minutes.
    """
    from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_random

    try:
        for attempt in Retrying(
            stop=stop_after_delay(PATIENCE),
            wait=wait_random(0.2, 1.0),
            retry=retry_if_exception_type((pg.LockNotAvailable, pg.DeadlockDetected)),
            reraise=True,
        ):
            with attempt, con.transaction():
                _rename(con, aside, ours)
    except (pg.LockNotAvailable, pg.DeadlockDetected):
        raise WarehouseBusy(
            f"The warehouse {config.warehouse.url} could not be published: views that read it were in use for"
            f" {PATIENCE:.0f} seconds on end.",
            hint="Run again, or end the long queries on these views.",
        ) from None


def _rename(con: Connection, aside: Mapping[str, str], ours: Collection[int]) -> None:
    con.execute("SET LOCAL lock_timeout = '2s'")
    views, problems = survivors.dependents(con, ours)
    moved = {}
    for layer in aside:
        standing = {oid for (oid,) in execute(con, _TABLES, [layer])}
        moved[layer], stuck = survivors.members(con, layer, standing & {*ours})
        problems += stuck
    if problems:
        listed = "\n".join(f"  {problem}" for problem in problems)
        raise WarehouseError(f"Meanwhile there came what would be lost; nothing was published.\n{listed}")
    for layer, old in aside.items():
        if execute(con, "SELECT 1 FROM pg_namespace WHERE nspname = ?", [layer]):
            con.execute(f"ALTER SCHEMA {quote(layer)} RENAME TO {quote(old)}")
        con.execute(f"ALTER SCHEMA {quote(next_of(layer))} RENAME TO {quote(layer)}")
    for layer in aside:
        survivors.move(con, moved[layer], layer)
    for view in views:
        con.execute(view.restored())


_TABLES = """
    SELECT c.oid::bigint FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = ? AND c.relkind = 'r'"""


def _constrain(con: Connection, table: str, design: Design) -> None:
    """Declare what the contract promises. A rule that was lowered to a warning may be broken: then it is not declared."""
    required = [f"ALTER COLUMN {quote(column)} SET NOT NULL" for column in design.required]
    try:
        with con.transaction():
            if required:
                con.execute(f"ALTER TABLE {table} {', '.join(required)}")
    except pg.NotNullViolation:
        for clause in required:
            with suppress(pg.NotNullViolation), con.transaction():
                con.execute(f"ALTER TABLE {table} {clause}")
    key = ", ".join(quote(column) for column in design.key)
    try:
        with con.transaction():
            if set(design.key) <= set(design.required):
                con.execute(f"ALTER TABLE {table} ADD PRIMARY KEY ({key})")
            elif con.info.server_version >= 150000:
                con.execute(f"ALTER TABLE {table} ADD UNIQUE NULLS NOT DISTINCT ({key})")
            else:
                con.execute(f"CREATE INDEX ON {table} ({key})")
    except (pg.UniqueViolation, pg.NotNullViolation, pg.InvalidTableDefinition):
        con.execute(f"CREATE INDEX ON {table} ({key})")
    for columns in design.joins:
        if columns != design.key[: len(columns)]:
            con.execute(f"CREATE INDEX ON {table} ({', '.join(quote(column) for column in columns)})")
