"""A run on a PostgreSQL warehouse: one transaction, visible as a whole when it commits.

Bronze is updated in place, as rows. Silver and gold are built in schemas of their own, ``silver_next`` and
``gold_next``, which at the end change names with the schemas that readers use. Renaming a schema takes no lock on
its tables: whoever is in a long query goes on reading the old ones, and whoever comes next reads the new ones.

What a reader should know: names are looked up when a statement is parsed. A transaction in ``READ COMMITTED``, the
default, sees for each statement the version of that moment; one in ``REPEATABLE READ`` would find a table that was
replaced after its first statement empty.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import errors as pg

from padm_ibis.backends.base import Design, Rows
from padm_ibis.backends.postgres import survivors
from padm_ibis.backends.postgres.connection import Connection, connect, execute, explained
from padm_ibis.define.layers import LAYERS
from padm_ibis.errors import WarehouseBusy, WarehouseError
from padm_ibis.sources.values import quote

if TYPE_CHECKING:
    import ibis
    from ibis.backends.sql import SQLBackend

    from padm_ibis.backends.postgres.store import PostgresStore
    from padm_ibis.config import Config

LEDGER = "_padm"
REPLACED = ("silver", "gold")
OLD = "_padm_old_"
LONGEST_NAME = 63  # bytes; the server would silently cut what is longer
OLDEST_SERVER = 130000
LOCK = int.from_bytes(b"padm")  # advisory locks belong to one database, so one number does for all
_HOLDERS = (
    "FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE l.locktype = 'advisory' AND l.granted AND l.classid = 0"
    " AND l.objid = ? AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)
PATIENCE = 300.0
"""Seconds for which the last step waits for people who read views that have to be pointed to the new tables."""


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
                _take_lock(con, self.config)
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
            raise WarehouseError(
                f"There is no warehouse in {self.config.warehouse.url} yet.", hint="Build one first: padm-ibis run"
            )
        return reader


class _Session:
    """What reading and working have in common."""

    dialect = "postgres"

    def __init__(self, raw: Connection, config: Config) -> None:
        self.raw, self.config = raw, config
        self._con: SQLBackend | None = None

    @property
    def con(self) -> SQLBackend:
        """An Ibis connection to the same session."""
        if self._con is None:
            import ibis

            from padm_ibis.define.compile import safe

            with explained(self.config):
                self._con = safe(ibis.postgres.from_connection(self.raw))
        return self._con

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> Rows:
        """Run one statement and return its rows."""
        with explained(self.config):
            return execute(self.raw, sql, parameters)

    def tables(self) -> dict[str, frozenset[str]]:
        """Return the names of the tables that exist, by layer."""
        found = self.execute(
            "SELECT n.nspname, c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
            " WHERE c.relkind IN ('r', 'p') AND n.nspname = ANY(?)",
            [[*LAYERS, *(_next(layer) for layer in REPLACED), LEDGER]],
        )
        return {
            layer: frozenset(name for schema, name in found if schema in (layer, _next(layer))) for layer in (*LAYERS, LEDGER)
        }

    def published_run(self) -> str | None:
        """Return the run whose version readers see; None where there is none yet."""
        if not self.execute("SELECT pg_catalog.to_regclass(?)", [f"{LEDGER}.state"])[0][0]:
            return None
        found = self.execute(f"SELECT value FROM {LEDGER}.state WHERE key = 'published'")
        return found[0][0] if found else None

    def is_worked_on(self) -> bool | None:
        """Whether somebody holds the lock of a run."""
        return bool(self.execute(f"SELECT EXISTS (SELECT 1 {_HOLDERS})", [LOCK])[0][0])

    def close(self) -> None:
        """Close the connection."""
        self.raw.close()


class PostgresReader(_Session):
    """A read-only session; every statement sees the version of its moment."""


class PostgresWork(_Session):
    """The transaction of one run."""

    def __init__(self, raw: Connection, config: Config) -> None:
        super().__init__(raw, config)
        self.abandoned = False
        self._built: dict[tuple[str, str], Design | None] = {}
        self._unanalysed: set[str] = set()
        self._keys: dict[str, tuple[str, ...]] = {}
        self._store: PostgresStore | None = None

    def locate(self, layer: str, name: str) -> str:
        """Return the schema in which this run finds a table."""
        return _next(layer) if (layer, name) in self._built else layer

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
        from padm_ibis.backends.postgres.store import PostgresStore

        if self._store is None:
            self._store = PostgresStore(self)
        return self._store

    def close(self) -> None:
        """Close the session that sources pass through, and the connection."""
        if self._store is not None:
            self._store.close()
        super().close()

    def loaded(self, table: str, key: Sequence[str]) -> None:
        """Take note that rows of a bronze table changed."""
        self._unanalysed.add(table)
        self._keys[table] = tuple(key)

    # --- before ----------------------------------------------------------------------------------------

    def foresee(self, tables: Collection[tuple[str, str]], schema_of: Callable[[str], ibis.Schema]) -> None:
        """See `base.Work.foresee`."""
        with explained(self.config):
            self._check_server()
            self._forget_lost()
            problems = [
                f"the table {layer}.{name}: its name is longer than {LONGEST_NAME} bytes"
                for layer, name in tables
                if _too_long(name)
            ]
            reserved = execute(self.raw, "SELECT nspname FROM pg_namespace WHERE nspname = ANY(?)", [[*map(_next, REPLACED)]])
            problems += [f"the schema {schema}: a run makes and renames one of that name" for (schema,) in reserved]
            problems += self._foreign_tables(tables)
            layers = {layer for layer, _ in tables if layer in REPLACED}
            problems += self._losses(layers, tables, schema_of)
        if problems:
            listed = "\n".join(f"  {problem}" for problem in dict.fromkeys(problems))
            raise WarehouseError(
                f"In the warehouse {self.config.warehouse.url} there is what a run would destroy or cannot replace;"
                f" nothing was touched.\n{listed}",
                hint="Move or drop these, or let them be made anew after each run: silver and gold are replaced as a whole.",
            )

    def _check_server(self) -> None:
        url = self.config.warehouse.url
        if self.raw.info.server_version < OLDEST_SERVER:
            raise WarehouseError(f"The server of the warehouse {url} is older than PostgreSQL {OLDEST_SERVER // 10000}.")
        encoding, read_only, may_create, owner = execute(
            self.raw,
            "SELECT current_setting('server_encoding'), pg_is_in_recovery(),"
            " has_database_privilege(current_database(), 'CREATE'), (SELECT min(nspname || ' (of ' ||"
            " pg_get_userbyid(nspowner) || ')') FROM pg_namespace WHERE nspname = ANY(?) AND NOT pg_has_role(nspowner, 'USAGE'))",
            [[*LAYERS, LEDGER]],
        )[0]
        if encoding != "UTF8":
            raise WarehouseError(f"The database of the warehouse {url} is encoded in {encoding}; it must be UTF8.")
        if read_only:
            raise WarehouseError(f"The server of the warehouse {url} is a standby: read-only.", hint="Name the primary.")
        if not may_create or owner:
            missing = f"does not own the schema {owner}" if owner else "may not create schemas in the database"
            raise WarehouseError(
                f"The role of the warehouse {url} {missing}.",
                hint="GRANT CREATE ON DATABASE … TO the role, and let it own bronze, silver, gold and _padm.",
            )

    def _forget_lost(self) -> None:
        """Forget tables that somebody dropped: they are made again, bronze is read again from the beginning."""
        lost = execute(
            self.raw,
            f"DELETE FROM {LEDGER}.tables WHERE to_regclass(format('%I.%I', layer, name)) IS NULL RETURNING layer, name",
        )
        bronze = [name for layer, name in lost if layer == "bronze"]
        if bronze and execute(self.raw, "SELECT to_regclass(?)", [f"{LEDGER}.watermarks"])[0][0]:
            execute(self.raw, f"DELETE FROM {LEDGER}.watermarks WHERE resource = ANY(?)", [bronze])

    def _foreign_tables(self, tables: Collection[tuple[str, str]]) -> list[str]:
        """Tables that bear a name of ours and are not ours; the earlier pipeline's, perhaps."""
        known = self._known()
        found = execute(
            self.raw,
            "SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE n.nspname = ANY(?) AND c.relkind NOT IN ('i', 'I', 't')",
            [list(LAYERS)],
        )
        wanted = {*tables}
        return [
            f"{layer}.{name}: this library would make a table of that name, and did not make that one"
            for layer, name in sorted(found)
            if (layer, name) in wanted and name not in known.get(layer, ())
        ]

    def _known(self) -> dict[str, set[str]]:
        """The tables that runs made, by layer."""
        known: dict[str, set[str]] = {}
        for layer, name in execute(self.raw, f"SELECT layer, name FROM {LEDGER}.tables"):
            known.setdefault(layer, set()).add(name)
        return known

    def _losses(
        self, layers: Collection[str], tables: Collection[tuple[str, str]], schema_of: Callable[[str], ibis.Schema]
    ) -> list[str]:
        """What would be lost if the schemas of ``layers`` were replaced, in words."""
        known = self._known()
        problems: list[str] = []
        ours: list[int] = []
        for layer in sorted(layers):
            mine = survivors.tables(self.raw, layer, known.get(layer, ())).values()
            ours += mine
            problems += survivors.members(self.raw, layer, mine)[1]

        def new_types(layer: str, name: str) -> Mapping[str, str]:
            if (layer, name) not in tables:
                return {}
            from padm_ibis.define.compile import type_name

            return {column: type_name(kind, "postgres") for column, kind in schema_of(name).items()}

        problems += survivors.dependents(self.raw, ours)[1]
        problems += survivors.changed_columns(self.raw, ours, new_types)
        return problems + survivors.unowned(self.raw, ours)

    # --- building --------------------------------------------------------------------------------------

    def create(self, layer: str, name: str, query: str, schema: ibis.Schema, design: Design | None = None) -> int:
        """Make a table from a query, its columns cast to the contract's types; return its rows."""
        from padm_ibis.define.compile import create_table_as

        if long := [column for column in (name, *schema) if _too_long(column)]:
            raise WarehouseError(
                f"{layer}.{name}: PostgreSQL cuts names after {LONGEST_NAME} bytes, and would cut {', '.join(long)}.",
                hint="Give it a shorter name.",
            )
        with explained(self.config, name):
            self._analyse()
            place = self._open_schema(layer)
            if (layer, name) in self._built:
                self.raw.execute(f"DROP TABLE {_table(place, name)}")
            rows = self.raw.execute(create_table_as(place, name, query, schema, self.dialect)).rowcount
            # the planner knows nothing of a new table, and validation and later models read it at once
            self.raw.execute(f"ANALYZE {_table(place, name)}")
        self._built[layer, name] = design
        return rows

    def _analyse(self) -> None:
        """Collect statistics of the bronze tables whose rows changed."""
        for table in sorted(self._unanalysed):
            self.raw.execute(f"ANALYZE {table}")
        self._unanalysed.clear()

    def _open_schema(self, layer: str) -> str:
        place = _next(layer)
        if layer in REPLACED and not execute(self.raw, "SELECT 1 FROM pg_namespace WHERE nspname = ?", [place]):
            self.raw.execute(f"CREATE SCHEMA {quote(place)}")
            survivors.carry_schema(self.raw, layer, place)
        return place

    # --- publishing ------------------------------------------------------------------------------------

    def publish(self, run_id: str) -> None:
        """Give the new tables what the old ones had, let schemas change names, commit."""
        with self.transaction():
            self._analyse()
            self._index_bronze()
            layers = [layer for layer in REPLACED if any(built == layer for built, _ in self._built)]
            known = self._known()
            old = {layer: survivors.tables(self.raw, layer, known.get(layer, ())) for layer in layers}
            for (layer, name), design in self._built.items():
                self._finish(layer, name, design, old[layer].get(name))
            for layer in layers:
                for name in sorted(old[layer].keys() - {n for built, n in self._built if built == layer}):
                    self._copy(layer, name, old[layer][name])
            self._put("published", run_id)
            self._swap(layers, {oid for tables in old.values() for oid in tables.values()}, run_id)
        with explained(self.config):
            self.commit()
            self._built.clear()
            drop_old(self.raw)

    def _finish(self, layer: str, name: str, design: Design | None, old: int | None) -> None:
        """Keys, indexes, comments, and what people gave the old table."""
        table = _table(_next(layer), name)
        if design is not None:
            _constrain(self.raw, table, design)
            texts = dict(design.comments)
            if old is not None:
                key = f"comments {layer}.{name}"
                texts = survivors.merged(texts, survivors.comments(self.raw, old), self._get(key))
            self._put(f"comments {layer}.{name}", json.dumps(dict(design.comments), ensure_ascii=False))
            for statement in survivors.comment_statements(table, texts):
                self.raw.execute(statement)
        if old is not None:
            survivors.carry_indexes(self.raw, old, table)
            survivors.carry_table(self.raw, old, table)

    def _copy(self, layer: str, name: str, old: int) -> None:
        """Take a table that was not built in this run along, without touching the one that people read."""
        new, place = _table(_next(layer), name), _table(layer, name)
        self.raw.execute(f"CREATE TABLE {new} (LIKE {place} INCLUDING ALL)")
        self.raw.execute(f"INSERT INTO {new} SELECT * FROM {place}")
        self.raw.execute(f"ANALYZE {new}")
        survivors.carry_table(self.raw, old, new)

    def _index_bronze(self) -> None:
        """Give bronze tables that have none an index on their key; rows came in faster without."""
        for table, key in self._keys.items():
            if not execute(self.raw, "SELECT 1 FROM pg_index WHERE indrelid = ?::regclass", [table]):
                columns = ", ".join(quote(column) for column in key)
                once = " NULLS NOT DISTINCT" if self.raw.info.server_version >= 150000 else ""
                self.raw.execute(f"CREATE UNIQUE INDEX ON {table} ({columns}){once}")

    def _swap(self, layers: Sequence[str], ours: Collection[int], run_id: str) -> None:
        """Let schemas change names; wait for people who are reading a view that has to be pointed anew."""
        from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_random

        try:
            for attempt in Retrying(
                stop=stop_after_delay(PATIENCE),
                wait=wait_random(0.2, 1.0),
                retry=retry_if_exception_type((pg.LockNotAvailable, pg.DeadlockDetected)),
                reraise=True,
            ):
                with attempt, self.raw.transaction():
                    self._rename(layers, ours, run_id)
        except (pg.LockNotAvailable, pg.DeadlockDetected):
            raise WarehouseBusy(
                f"The warehouse {self.config.warehouse.url} could not be published: views that read it were in use for"
                f" {PATIENCE:.0f} seconds on end.",
                hint="Run again, or end the long queries on these views.",
            ) from None

    def _rename(self, layers: Sequence[str], ours: Collection[int], run_id: str) -> None:
        self.raw.execute("SET LOCAL lock_timeout = '2s'")
        views, problems = survivors.dependents(self.raw, ours)
        moved = {}
        for layer in layers:
            mine = [oid for oid in ours if oid in survivors.tables(self.raw, layer, self._known().get(layer, ())).values()]
            moved[layer], stuck = survivors.members(self.raw, layer, mine)
            problems += stuck
        if problems:
            listed = "\n".join(f"  {problem}" for problem in problems)
            raise WarehouseError(f"During the run there came what would be lost; nothing was published.\n{listed}")
        for layer in layers:
            if execute(self.raw, "SELECT 1 FROM pg_namespace WHERE nspname = ?", [layer]):
                old = f"{OLD}{layer}_{re.sub(r'[^A-Za-z0-9]', '_', run_id)}"
                self.raw.execute(f"ALTER SCHEMA {quote(layer)} RENAME TO {quote(old)}")
            self.raw.execute(f"ALTER SCHEMA {quote(_next(layer))} RENAME TO {quote(layer)}")
        for layer in layers:
            survivors.move(self.raw, moved[layer], layer)
        for view in views:
            self.raw.execute(view.restored())

    def keep(self) -> None:
        """Commit what was written so far, and begin the transaction of the run proper."""
        with explained(self.config):
            self.raw.execute("COMMIT")
            self.raw.execute("BEGIN")

    def show_history(self) -> None:
        """Nothing: the history is committed with the run, and read where it stands."""

    def abandon(self) -> None:
        """Undo everything; what is written from here on is committed when the warehouse is closed."""
        with explained(self.config):
            self.raw.execute("ROLLBACK")
            self.raw.execute("BEGIN")
        self._built.clear()
        self._unanalysed.clear()
        self.abandoned = True

    def commit(self) -> None:
        """End the transaction, if there is one; one that failed is never taken for done."""
        if self.raw.info.transaction_status == psycopg.pq.TransactionStatus.INERROR:
            raise WarehouseError(f"The run on the warehouse {self.config.warehouse.url} failed; the server has undone it.")
        if self.raw.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
            self.raw.execute("COMMIT")

    def _get(self, key: str) -> str | None:
        found = execute(self.raw, f"SELECT value FROM {LEDGER}.state WHERE key = ?", [key])
        return found[0][0] if found else None

    def _put(self, key: str, value: str) -> None:
        execute(self.raw, f"DELETE FROM {LEDGER}.state WHERE key = ?", [key])
        execute(self.raw, f"INSERT INTO {LEDGER}.state VALUES (?, ?)", [key, value])


def drop_old(con: Connection) -> None:
    """Drop the schemas that earlier runs replaced; those that somebody still reads wait for the next run.

    Each table in a short transaction of its own, and never with what depends on it.
    """
    con.execute("SET lock_timeout = '3s'")  # the server's own autovacuum gives way after one
    schemas = execute(con, "SELECT nspname FROM pg_namespace WHERE starts_with(nspname, ?)", [OLD])
    for (schema,) in schemas:
        with suppress(pg.LockNotAvailable, pg.DependentObjectsStillExist, pg.InsufficientPrivilege):
            names = execute(
                con, "SELECT relname FROM pg_class WHERE relnamespace = quote_ident(?)::regnamespace AND relkind = 'r'", [schema]
            )
            for (name,) in names:
                con.execute(f"DROP TABLE {_table(schema, name)}")
            con.execute(f"DROP SCHEMA {quote(schema)}")
    con.execute("SET lock_timeout = '30s'")


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


def _take_lock(con: Connection, config: Config) -> None:
    if execute(con, "SELECT pg_try_advisory_lock(?)", [LOCK])[0][0]:
        return
    found = execute(
        con,
        f"SELECT a.pid, a.application_name, to_char(a.backend_start, 'YYYY-MM-DD HH24:MI:SS') {_HOLDERS}",
        [LOCK],
    )
    holder = ""
    if found:
        server, name, since = found[0]
        process = str(name or "").removeprefix("padm-ibis run ").partition("@")
        who = f"process {process[0]} on {process[2]}" if process[2] else f"server process {server}"
        holder = f" ({who}, server process {server}{f', since {since}' if since else ''})"
    raise WarehouseBusy(
        f"The warehouse {config.warehouse.url} is in use by another run{holder}.",
        hint="Wait until it ends. Readers are not affected.",
    )


def _next(layer: str) -> str:
    return f"{layer}_next" if layer in REPLACED else layer


def _table(schema: str, name: str) -> str:
    return f"{quote(schema)}.{quote(name)}"


def _too_long(name: str) -> bool:
    return len(name.encode()) > LONGEST_NAME
