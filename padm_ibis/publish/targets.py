"""Where tables are published to: staged out of sight, shown together, or the old content stays."""

from __future__ import annotations

import datetime as dt
import glob
import json
import os
import re
import secrets
import shutil
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pyarrow as pa

from padm_ibis.engine import ledger
from padm_ibis.errors import UsageError, WarehouseBusy, WarehouseError
from padm_ibis.processes import is_alive
from padm_ibis.publish.databases import Database, DuckDBFile, PostgresDatabase, SQLiteFile, column_types
from padm_ibis.publish.reconcile import key_condition
from padm_ibis.publish.spec import Publication, TableSpec
from padm_ibis.publish.star import replace_view
from padm_ibis.report.publication import PublishReport
from padm_ibis.sources.values import literal, quote
from padm_ibis.version import __version__

if TYPE_CHECKING:
    from padm_ibis.backends.postgres.survivors import View

STAGE, ASIDE = "padm_publish", "padm_publish_old"
_LEFTOVERS = f"^{STAGE}(_[0-9a-f]{{8}})?$"
LONGEST_NAME = 63  # bytes; PostgreSQL cuts the rest off without a word
LOCK_KEY = 7_230_417  # of pg_try_advisory_lock: one publication to a database at a time
LOCK_ATTEMPTS = 100
LOCK_PAUSE = 1.0  # seconds in which readers go on
# Of deadlock_timeout: we give way before the server looks for somebody to cut off, and readers never are.
LOCK_SHARE = 0.8
SESSIONS = 2  # that load tables at the same time: while one waits for the server, the other works
# Samples of 9,000 rows: on 150 columns the default takes as long as loading them.
STATISTICS = 30
_HISTORY = {"duckdb": (ledger.SCHEMA, "runs"), "postgres": (ledger.SCHEMA, "runs"), "sqlite": ("", "_padm_runs")}


class Target(Protocol):
    """A place to publish to, opened for one publication.

    Attributes
    ----------
    sessions
        How many tables it takes at the same time, each in a thread with a session of its own.
    """

    database: Database
    sessions: int

    def beside(self) -> AbstractContextManager[Target]:
        """Open another session for another thread."""

    def interrupt(self) -> None:
        """End what the sessions of other threads are doing."""

    def stage(self, spec: TableSpec, rows: pa.RecordBatchReader) -> bool:
        """Write the rows of a table where nobody sees them; return whether its key is proved to be unique."""

    def staged(self, spec: TableSpec) -> str:
        """Return where the staged rows of a table are, qualified and quoted."""

    def finish(self, spec: TableSpec) -> None:
        """Give a staged table what readers need."""

    def show(self) -> None:
        """Make the staged tables, and views, visible together, and write the publication down with them."""

    def refuse(self) -> None:
        """Write down that nothing is shown, where that changes nothing else."""


@contextmanager
def target_of(publication: Publication) -> Iterator[Target]:
    """Open a target for one publication.

    Raises
    ------
    WarehouseBusy
        If another publication to it is going on.
    WarehouseError
        If it is out of reach, or holds what would not survive.
    """
    path, own = publication.url.path, publication.config.warehouse.url.path
    if path is not None and own is not None and path.resolve() == own.resolve():
        raise UsageError(f"{publication.url} is the warehouse itself.", hint="Name another file: --to duckdb://mirror.duckdb")
    with (_postgres_target if path is None else _file_target)(publication) as target:
        yield target


# --- files ------------------------------------------------------------------------------------------------


class FileTarget:
    """A DuckDB or SQLite file: a copy is changed and renamed over it, so readers have one version or the other."""

    sessions = 1

    def __init__(self, path: Path, scheme: str, publication: Publication) -> None:
        self.path, self.temporary = path, path.with_name(f".{path.name}.publish-{os.getpid()}")
        self._publication = publication
        if path.exists():
            shutil.copyfile(path, self.temporary)
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

    def show(self) -> None:
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
        self.temporary.replace(self.path)

    def refuse(self) -> None:
        """Leave the file as it is, to the byte."""


@contextmanager
def _file_target(publication: Publication) -> Iterator[FileTarget]:
    path, scheme = publication.url.path, publication.url.scheme
    assert path is not None, "only called for files"
    if path.is_dir() or not path.parent.is_dir():
        raise WarehouseError(f"The target {path} is a folder, or its folder does not exist.")
    if not os.access(path.parent, os.W_OK) or (path.exists() and path.stat().st_mode & 0o222 == 0):
        raise WarehouseError(f"The target {path} is read-only.", hint=f"chmod u+w {path}, or name another file.")
    if path.exists() and scheme == "duckdb":
        DuckDBFile(path, read_only=True).close()  # refuses a file that somebody is writing
    for leftover in path.parent.glob(f".{glob.escape(path.name)}.publish-*"):
        maker = re.search(r"\.publish-(\d+)", leftover.name)
        if maker and not is_alive(int(maker[1])):
            leftover.unlink(missing_ok=True)
    target = FileTarget(path, scheme, publication)
    try:
        there = [spec for spec in publication.specs if target.database.exists(spec.schema, spec.name)]
        if strangers := _strangers(target.database, publication, there):
            raise _would_be_lost(strangers)
        yield target
    finally:
        target.database.close()
        for file in path.parent.glob(f"{glob.escape(target.temporary.name)}*"):  # and its journal or log
            file.unlink(missing_ok=True)


# --- PostgreSQL -------------------------------------------------------------------------------------------


class PostgresTarget:
    """A PostgreSQL database: tables are loaded into a schema of their own and moved in one short transaction."""

    sessions = SESSIONS

    def __init__(self, database: PostgresDatabase, publication: Publication, stage: str) -> None:
        self._postgres = database
        self.database: Database = database
        self._con, self._publication, self._stage = database.raw, publication, stage
        self._beside: set[PostgresDatabase] = set()

    @contextmanager
    def beside(self) -> Iterator[PostgresTarget]:
        """Open another session that stages into the same schema."""
        with self._postgres.beside() as database:
            database.raw.execute(f"SET default_statistics_target = {STATISTICS}")
            self._beside.add(database)
            try:
                yield PostgresTarget(database, self._publication, self._stage)
            finally:
                self._beside.discard(database)

    def interrupt(self) -> None:
        """End what the sessions of other threads are doing."""
        for database in tuple(self._beside):
            database.interrupt()

    def stage(self, spec: TableSpec, rows: pa.RecordBatchReader) -> bool:
        """Load the rows by COPY and declare the key; a key that is not unique is for the comparison to tell."""
        from psycopg import errors as pg

        self.database.write(self._stage, spec.name, rows)
        columns = ", ".join(quote(name) for name in spec.key)
        kind = "UNIQUE NULLS NOT DISTINCT" if spec.nullable_key else "PRIMARY KEY"
        try:
            self._con.execute(f"ALTER TABLE {self.staged(spec)} ADD {kind} ({columns})")
        except (pg.UniqueViolation, pg.NotNullViolation):
            return False
        return True

    def staged(self, spec: TableSpec) -> str:
        """Return the table in the staging schema."""
        return self.database.place(self._stage, spec.name)

    def finish(self, spec: TableSpec) -> None:
        """Give a staged table indexes, statistics, and what people gave the one it replaces."""
        from padm_ibis.backends.postgres import survivors

        table = self.staged(spec)
        for reference in self._publication.references(spec):
            if reference.columns != spec.key[: len(reference.columns)]:
                self._con.execute(f"CREATE INDEX ON {table} ({', '.join(quote(c) for c in reference.columns)})")
        for oid in survivors.tables(self._con, spec.schema, [spec.name]).values():
            survivors.carry_indexes(self._con, oid, table)
        self._con.execute(f"ANALYZE {table}")

    def show(self) -> None:
        """Put the staged tables in place; wait for readers, never block them long."""
        from psycopg import errors as pg
        from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_fixed

        busy = (pg.QueryCanceled, pg.LockNotAvailable, pg.DeadlockDetected)
        stop, wait = stop_after_attempt(LOCK_ATTEMPTS), wait_fixed(LOCK_PAUSE)
        try:
            for attempt in Retrying(retry=retry_if_exception_type(busy), stop=stop, wait=wait, reraise=True):
                with attempt, self._con.transaction():
                    self._swap()
                    record(self.database, self._publication.report, "ok")
        except busy:
            raise WarehouseBusy(
                "Readers hold the tables of the target, and did not let go for minutes; they keep the old content.",
                hint="SELECT pid, query FROM pg_stat_activity WHERE state <> 'idle' shows them.",
            ) from None

    def refuse(self) -> None:
        """Add the failed publication to the history; the tables stay."""
        record(self.database, self._publication.report, "failed")

    def _swap(self) -> None:
        """Do what takes time first, and lock the tables that people read last."""
        from padm_ibis.backends.postgres import survivors

        specs, con = self._publication.specs, self._con
        oids = {s.name: oid for s in specs for oid in survivors.tables(con, s.schema, [s.name]).values()}
        replaced = {s.name for s in specs if not self._publication.upserts or s.name not in oids}
        depending = self._depending([oid for name, oid in oids.items() if name in replaced])
        con.execute(f"CREATE SCHEMA {ASIDE}")
        for spec in specs:
            con.execute(f"CREATE SCHEMA IF NOT EXISTS {quote(spec.schema)}")
            if spec.name not in replaced:
                self._upsert(spec)
            elif spec.name in oids:
                self._carry(oids[spec.name], self.staged(spec))
        self._exchange([s for s in specs if s.name in replaced], oids, depending)
        con.execute(f"DROP SCHEMA {ASIDE} CASCADE")  # nothing but the old tables can be in it

    def _exchange(self, replaced: Sequence[TableSpec], old: Collection[str], depending: Sequence[View]) -> None:
        quickly, place = self._quickly(), self.database.place
        if locked := [place(s.schema, s.name) for s in replaced if s.name in old]:
            quickly(f"LOCK TABLE {', '.join(locked)} IN ACCESS EXCLUSIVE MODE")
        for spec in replaced:
            if spec.name in old:
                quickly(f"ALTER TABLE {place(spec.schema, spec.name)} SET SCHEMA {ASIDE}")
            quickly(f"ALTER TABLE {self.staged(spec)} SET SCHEMA {quote(spec.schema)}")
        for view in depending:
            quickly(view.restored())
        for name, statement in self._publication.views.items():
            replace_view(self._con, place(self._publication.specs[0].schema, name), statement, quickly)
        self._con.execute("SET LOCAL statement_timeout = 0")

    def _upsert(self, spec: TableSpec) -> None:
        own = self.database.place(spec.schema, spec.name)
        for statement in upsert(spec, self._publication.columns[spec.name], own, self.staged(spec)):
            self._con.execute(statement)

    def _quickly(self) -> Callable[[str], object]:
        """Run statements that wait for readers, and make others wait, for less than a second together."""
        waits = "SELECT setting::float FROM pg_settings WHERE name = 'deadlock_timeout'"
        until = time.monotonic() + LOCK_SHARE * self._con.execute(waits).fetchall()[0][0] / 1000

        def run(statement: str) -> object:
            left = max(1, int((until - time.monotonic()) * 1000))
            self._con.execute(f"SET LOCAL statement_timeout = {left}")
            return self._con.execute(statement)

        return run

    def _depending(self, oids: Sequence[int]) -> Sequence[View]:
        """Views that read the old tables; anything else may have come since the publication began."""
        from padm_ibis.backends.postgres import survivors

        views, problems = survivors.dependents(self._con, oids)
        if problems:
            raise _would_be_lost(problems)
        return views

    def _carry(self, old: int, staged: str) -> None:
        from padm_ibis.backends.postgres import survivors

        survivors.carry_indexes(self._con, old, staged)  # those that came since the table was finished
        texts = survivors.comments(self._con, old)
        columns = {c for (c,) in self._con.execute("SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass", [staged])}
        for statement in survivors.comment_statements(staged, {c: text for c, text in texts.items() if c in {"", *columns}}):
            self._con.execute(statement)
        survivors.carry_table(self._con, old, staged)


@contextmanager
def _postgres_target(publication: Publication) -> Iterator[PostgresTarget]:
    import psycopg

    _refuse_cut_names(publication)
    database = PostgresDatabase(publication.config, publication.url, read_only=False, called="target")
    con, stage = database.raw, f"{STAGE}_{secrets.token_hex(4)}"
    try:
        if not con.execute("SELECT pg_try_advisory_lock(%s)", [LOCK_KEY]).fetchall()[0][0]:
            raise WarehouseBusy(f"Another publication to {publication.url} is going on.", hint="Wait until it ends.")
        _refuse_losses(database, publication)
        for (leftover,) in con.execute("SELECT nspname FROM pg_namespace WHERE nspname ~ %s", [_LEFTOVERS]).fetchall():
            con.execute(f"DROP SCHEMA {quote(leftover)} CASCADE")
        con.execute(f"CREATE SCHEMA {stage}")
        yield PostgresTarget(database, publication, stage)
    finally:
        with suppress(psycopg.Error):  # a lost connection: the next publication clears it away
            con.execute(f"DROP SCHEMA IF EXISTS {stage} CASCADE")
        database.close()


def _refuse_cut_names(publication: Publication) -> None:
    """Names that PostgreSQL would cut: two of them may even become one."""
    schemas = {spec.schema for spec in publication.specs}
    names = {f"schema {s}": [t.name for t in publication.specs if t.schema == s] + list(publication.views) for s in schemas}
    names |= {f"table {spec.qualified}": list(publication.columns[spec.name].names) for spec in publication.specs}
    names["database"] = sorted(schemas)
    problems = []
    for where, own in names.items():
        for name in own:
            if len(name.encode()) > LONGEST_NAME:
                same = [n for n in own if n != name and n.encode()[:LONGEST_NAME] == name.encode()[:LONGEST_NAME]]
                problems.append(f"{name} in the {where}" + (f"; it would be the same as {', '.join(same)}" if same else ""))
    if problems:
        raise UsageError(
            f"PostgreSQL cuts names after {LONGEST_NAME} bytes, and would cut these; nothing was changed.\n{_listed(problems)}",
            hint="Give them shorter names, or publish to DuckDB or SQLite.",
        )


def _refuse_losses(database: PostgresDatabase, publication: Publication) -> None:
    """Name what would not survive, before anything is touched."""
    from padm_ibis.backends.postgres import survivors

    con, problems = database.raw, []
    for schema in {spec.schema for spec in publication.specs}:
        tables = [spec.name for spec in publication.specs if spec.schema == schema]
        taken = con.execute(_TAKEN, {"schema": schema, "tables": tables, "views": list(publication.views)})
        problems += [f"the {described}: it has the name of one to publish" for (described,) in taken]
    there = [(s, oid) for s in publication.specs for oid in survivors.tables(con, s.schema, [s.name]).values()]
    problems += _strangers(database, publication, [spec for spec, _ in there])
    if not publication.upserts:
        oids = [oid for _, oid in there]
        types = {(s.schema, s.name): column_types(publication.columns[s.name]) for s in publication.specs}
        problems += survivors.dependents(con, oids)[1]
        problems += survivors.changed_columns(con, oids, lambda schema, name: types[schema, name])
        problems += survivors.unowned(con, oids)
    if problems:
        raise _would_be_lost(problems)


def _strangers(database: Database, publication: Publication, there: Iterable[TableSpec]) -> list[str]:
    """Tables that would be replaced and that no publication made."""
    if publication.upserts:
        return []
    ours = published_before(database)
    return [f"the table {spec.qualified}: no publication made it" for spec in there if spec.qualified not in ours]


_TAKEN = """
    SELECT pg_describe_object('pg_class'::regclass, c.oid, 0) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = %(schema)s AND (c.relname = ANY(%(tables)s) AND c.relkind <> 'r'
                                      OR c.relname = ANY(%(views)s) AND c.relkind <> 'v')
    ORDER BY 1"""


def _would_be_lost(problems: Sequence[str]) -> WarehouseError:
    return WarehouseError(
        f"The target's tables cannot be replaced without losing these; nothing was changed.\n{_listed(problems)}",
        hint="Drop or rename them first, or publish with --mode upsert, which keeps the tables.",
    )


def _listed(problems: Sequence[str]) -> str:
    return "\n".join(f"  {problem}" for problem in problems)


def upsert(spec: TableSpec, columns: pa.Schema, own: str, staged: str) -> list[str]:
    """Return the statements that replace the rows of a table by key."""
    names = ", ".join(quote(name) for name in columns.names)
    return [
        f"DELETE FROM {own} WHERE EXISTS (SELECT 1 FROM {staged} AS s WHERE {key_condition(spec, 's', own)})",
        f"INSERT INTO {own} ({names}) SELECT {names} FROM {staged}",
    ]


def published_before(database: Database) -> set[str]:
    """Return the tables that the target's history says were published to it."""
    if not database.exists(*_HISTORY[database.dialect]):
        return set()
    history = database.place(*_HISTORY[database.dialect])
    reports = database.query(f"SELECT inputs FROM {history} WHERE layer = 'publish' AND status = 'ok'")
    return {detail["table"] for (text,) in reports for detail in json.loads(text)["tables_detail"]}


def record(database: Database, report: PublishReport, status: str) -> None:
    """Add a publication to the history ``_padm.runs`` of the target (``_padm_runs`` where there are no schemas)."""
    if database.dialect != "sqlite":
        database.query(f"CREATE SCHEMA IF NOT EXISTS {ledger.SCHEMA}")
    table = database.place(*_HISTORY[database.dialect])
    database.query(f"CREATE TABLE IF NOT EXISTS {table} ({ledger.TABLES['runs']})")
    ended = report.timestamp + dt.timedelta(seconds=report.total_execution_time)
    values: dict[str, str] = {
        "run_id": f"publish-{report.timestamp:%Y%m%dT%H%M%S}-{secrets.token_hex(2)}",
        "started_at": f"{report.timestamp:%Y-%m-%d %H:%M:%S}", "finished_at": f"{ended:%Y-%m-%d %H:%M:%S}",
        "seconds": str(report.total_execution_time), "status": status, "layer": "publish", "version": __version__,
        "params": json.dumps({"mode": report.mode, "source": report.source}), "inputs": report.json(),
        "tables": str(len(report.tables_detail)), "rows": str(report.total_records_processed),
    }  # fmt: skip
    names, texts = ", ".join(values), ", ".join(literal(value) for value in values.values())
    database.query(f"INSERT INTO {table} ({names}) VALUES ({texts})")


def _staging_name(spec: TableSpec) -> str:
    return f"{spec.name}__padm_publish"
