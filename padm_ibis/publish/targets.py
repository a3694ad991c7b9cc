"""Where tables are published to: staged out of sight, shown together, or the old content stays."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

import pyarrow as pa

from padm_ibis.config import Config, Url
from padm_ibis.engine import ledger
from padm_ibis.errors import UsageError, WarehouseBusy, WarehouseError
from padm_ibis.publish.databases import Database, DuckDBFile, PostgresDatabase, SQLiteFile
from padm_ibis.publish.reconcile import key_condition
from padm_ibis.publish.report import PublishReport
from padm_ibis.publish.spec import TableSpec
from padm_ibis.sources.values import literal, quote

STAGE, ASIDE = "padm_publish", "padm_publish_old"
LOCK_KEY = 7_230_417  # of pg_try_advisory_lock: one publication to a database at a time
LOCK_WAIT = "3s"
LOCK_ATTEMPTS = 40


class Target(Protocol):
    """A place to publish to, opened for one publication."""

    database: Database

    def stage(self, spec: TableSpec, rows: pa.RecordBatchReader) -> None:
        """Write the rows of a table where nobody sees them."""

    def staged(self, spec: TableSpec) -> str:
        """Return where the staged rows of a table are, qualified and quoted."""

    def show(self, specs: Sequence[TableSpec], views: dict[str, str], report: PublishReport) -> None:
        """Make the staged tables, and views, visible together, and write the publication down with them."""

    def refuse(self, report: PublishReport) -> None:
        """Write down that nothing is shown, where that changes nothing else."""


@contextmanager
def target_of(config: Config, url: Url, specs: Sequence[TableSpec], mode: str) -> Iterator[Target]:
    """Open a target for one publication.

    Raises
    ------
    WarehouseBusy
        If another publication to it is going on.
    WarehouseError
        If it is out of reach, or holds what would not survive.
    """
    if url.path is not None:
        if config.warehouse.url.path is not None and url.path.resolve() == config.warehouse.url.path.resolve():
            raise UsageError(f"{url} is the warehouse itself.", hint="Name another file: --to duckdb://mirror.duckdb")
        with _file_target(url) as target:
            yield target
    else:
        with _postgres_target(config, url, specs, mode) as target:
            yield target


# --- files ------------------------------------------------------------------------------------------------


class FileTarget:
    """A DuckDB or SQLite file: a copy is changed and renamed over it, so readers have one version or the other."""

    def __init__(self, path: Path, scheme: str) -> None:
        self.path, self.temporary = path, path.with_name(f".{path.name}.publish-{os.getpid()}")
        if path.exists():
            shutil.copyfile(path, self.temporary)
        self.database: Database = (DuckDBFile if scheme == "duckdb" else SQLiteFile)(self.temporary, read_only=False)

    def stage(self, spec: TableSpec, rows: pa.RecordBatchReader) -> None:
        """Write the rows into a table beside the published one."""
        self.database.write(spec.schema, _staging_name(spec), rows)

    def staged(self, spec: TableSpec) -> str:
        """Return that table."""
        return self.database.place(spec.schema, _staging_name(spec))

    def show(self, specs: Sequence[TableSpec], views: dict[str, str], report: PublishReport) -> None:
        """Put the staged tables in place and rename the copy over the file."""
        for spec in specs:
            own = self.database.place(spec.schema, spec.name)
            if report.mode == "upsert" and self.database.exists(spec.schema, spec.name):
                for statement in upsert(spec, own, self.staged(spec), self.database):
                    self.database.query(statement)
                self.database.query(f"DROP TABLE {self.staged(spec)}")
            else:
                self.database.query(f"DROP TABLE IF EXISTS {own}")
                self.database.query(f"ALTER TABLE {self.staged(spec)} RENAME TO {quote(spec.name)}")
        for name, statement in views.items():
            self.database.query(f"DROP VIEW IF EXISTS {self.database.place(specs[0].schema, name)}")
            self.database.query(f"CREATE VIEW {self.database.place(specs[0].schema, name)} AS {statement}")
        record(self.database, report, "ok")
        self.database.close()
        self.temporary.replace(self.path)

    def refuse(self, report: PublishReport) -> None:
        """Leave the file as it is, to the byte."""


@contextmanager
def _file_target(url: Url) -> Iterator[FileTarget]:
    path = url.path
    assert path is not None, "only called for files"
    if path.is_dir() or not path.parent.is_dir():
        raise WarehouseError(f"The target {path} is a folder, or its folder does not exist.")
    if not os.access(path.parent, os.W_OK) or (path.exists() and path.stat().st_mode & 0o222 == 0):
        raise WarehouseError(f"The target {path} is read-only.", hint=f"chmod u+w {path}, or name another file.")
    if path.exists() and url.scheme == "duckdb":
        DuckDBFile(path, read_only=True).close()  # refuses a file that somebody is writing
    for leftover in path.parent.glob(f".{path.name}.publish-*"):
        if not _is_alive(leftover.name.rpartition("-")[2].partition(".")[0]):
            leftover.unlink(missing_ok=True)
    target = FileTarget(path, url.scheme)
    try:
        yield target
    finally:
        target.database.close()
        target.temporary.unlink(missing_ok=True)
        target.temporary.with_name(target.temporary.name + ".wal").unlink(missing_ok=True)


def _is_alive(pid: str) -> bool:
    return pid.isdigit() and Path(f"/proc/{pid}").exists()


# --- PostgreSQL -------------------------------------------------------------------------------------------


class PostgresTarget:
    """A PostgreSQL database: tables are loaded into a schema of their own and moved in one short transaction."""

    def __init__(self, database: PostgresDatabase) -> None:
        self.database: Database = database
        self._con = database.raw

    def stage(self, spec: TableSpec, rows: pa.RecordBatchReader) -> None:
        """Load the rows by COPY."""
        self.database.write(STAGE, spec.name, rows)

    def staged(self, spec: TableSpec) -> str:
        """Return the table in the staging schema."""
        return self.database.place(STAGE, spec.name)

    def show(self, specs: Sequence[TableSpec], views: dict[str, str], report: PublishReport) -> None:
        """Give the staged tables keys and indexes, then put them in place; wait for readers, never block them long."""
        from psycopg import errors as pg
        from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_fixed

        for spec in specs:
            self._finish(spec)
        retry = retry_if_exception_type((pg.LockNotAvailable, pg.DeadlockDetected))
        try:
            for attempt in Retrying(retry=retry, stop=stop_after_attempt(LOCK_ATTEMPTS), wait=wait_fixed(1), reraise=True):
                with attempt, self._con.transaction():
                    self._con.execute(f"SET LOCAL lock_timeout = '{LOCK_WAIT}'")
                    self._swap(specs, report.mode, views)
                    record(self.database, report, "ok")
        except pg.LockNotAvailable:
            raise WarehouseBusy(
                "Readers hold the tables of the target, and did not let go for minutes; they keep the old content.",
                hint="SELECT pid, query FROM pg_stat_activity WHERE state <> 'idle' shows them.",
            ) from None

    def refuse(self, report: PublishReport) -> None:
        """Add the failed publication to the history; the tables stay."""
        record(self.database, report, "failed")

    def _finish(self, spec: TableSpec) -> None:
        table = self.staged(spec)
        columns = ", ".join(quote(name) for name in spec.key)
        nulls = " NULLS NOT DISTINCT" if spec.nullable_key else ""
        self._con.execute(f"ALTER TABLE {table} ADD {'UNIQUE' + nulls if spec.nullable_key else 'PRIMARY KEY'} ({columns})")
        for reference in spec.references:
            if reference.columns != spec.key[: len(reference.columns)]:
                self._con.execute(f"CREATE INDEX ON {table} ({', '.join(quote(c) for c in reference.columns)})")
        self._con.execute(f"ANALYZE {table}")

    def _swap(self, specs: Sequence[TableSpec], mode: str, views: dict[str, str]) -> None:
        from padm_ibis.backends.postgres import survivors

        oids = {s.name: oid for s in specs for oid in survivors.tables(self._con, s.schema, [s.name]).values()}
        replaced = [s for s in specs if mode == "replace" or s.name not in oids]
        depending, problems = survivors.dependents(self._con, [oids[s.name] for s in replaced if s.name in oids])
        if problems:
            raise _would_be_lost(problems)
        self._con.execute(f"CREATE SCHEMA {ASIDE}")
        for spec in specs:
            self._con.execute(f"CREATE SCHEMA IF NOT EXISTS {quote(spec.schema)}")
            own, staged = self.database.place(spec.schema, spec.name), self.staged(spec)
            if spec not in replaced:
                for statement in upsert(spec, own, staged, self.database):
                    self._con.execute(statement)
                continue
            if spec.name in oids:
                survivors.carry_table(self._con, oids[spec.name], staged)
                survivors.carry_indexes(self._con, oids[spec.name], staged)
                self._con.execute(f"ALTER TABLE {own} SET SCHEMA {ASIDE}")
            self._con.execute(f"ALTER TABLE {staged} SET SCHEMA {quote(spec.schema)}")
        for view in depending:
            self._con.execute(view.restored())
        self._con.execute(f"DROP SCHEMA {ASIDE} CASCADE")  # nothing but the old tables can be in it
        for name, statement in views.items():
            self._con.execute(f"CREATE OR REPLACE VIEW {self.database.place(specs[0].schema, name)} AS {statement}")


@contextmanager
def _postgres_target(config: Config, url: Url, specs: Sequence[TableSpec], mode: str) -> Iterator[PostgresTarget]:
    import psycopg

    from padm_ibis.backends.postgres import survivors

    database = PostgresDatabase(config, url, read_only=False)
    con = database.raw
    try:
        if not con.execute("SELECT pg_try_advisory_lock(%s)", [LOCK_KEY]).fetchall()[0][0]:
            raise WarehouseBusy(f"Another publication to {url} is going on.", hint="Wait until it ends.")
        if mode == "replace":
            oids = [oid for s in specs for oid in survivors.tables(con, s.schema, [s.name]).values()]
            _, problems = survivors.dependents(con, oids)
            problems += survivors.unowned(con, oids)
            if problems:
                raise _would_be_lost(problems)
        con.execute(f"DROP SCHEMA IF EXISTS {STAGE} CASCADE")
        con.execute(f"CREATE SCHEMA {STAGE}")
        yield PostgresTarget(database)
    finally:
        with suppress(psycopg.Error):  # a lost connection: the next publication clears it away
            con.execute(f"DROP SCHEMA IF EXISTS {STAGE} CASCADE")
        database.close()


def _would_be_lost(problems: Sequence[str]) -> WarehouseError:
    listed = "\n".join(f"  {problem}" for problem in problems)
    return WarehouseError(
        f"The target's tables cannot be replaced without losing what depends on them; nothing was changed.\n{listed}",
        hint="Drop it first, or publish with --mode upsert, which keeps the tables.",
    )


def upsert(spec: TableSpec, own: str, staged: str, database: Database) -> list[str]:
    """Return the statements that replace the rows of a table by key."""
    columns = ", ".join(quote(name) for name in database.columns(staged).names)
    return [
        f"DELETE FROM {own} WHERE EXISTS (SELECT 1 FROM {staged} AS s WHERE {key_condition(spec, 's', own)})",
        f"INSERT INTO {own} ({columns}) SELECT {columns} FROM {staged}",
    ]


def record(database: Database, report: PublishReport, status: str) -> None:
    """Add a publication to the history ``_padm.runs`` of the target (``_padm_runs`` where there are no schemas)."""
    if database.dialect != "sqlite":
        database.query(f"CREATE SCHEMA IF NOT EXISTS {ledger.SCHEMA}")
    table = "_padm_runs" if database.dialect == "sqlite" else f"{ledger.SCHEMA}.runs"
    database.query(f"CREATE TABLE IF NOT EXISTS {table} ({ledger.TABLES['runs']})")
    began = f"{report.timestamp:%Y-%m-%d %H:%M:%S}"
    values: dict[str, str] = {
        "run_id": f"publish-{report.timestamp:%Y%m%dT%H%M%S}", "started_at": began, "status": status, "layer": "publish",
        "params": json.dumps({"mode": report.mode, "source": report.source}), "inputs": report.json(),
        "tables": str(len(report.tables_detail)), "rows": str(sum(t.records for t in report.tables_detail)),
    }  # fmt: skip
    names, texts = ", ".join(values), ", ".join(literal(value) for value in values.values())
    database.query(f"INSERT INTO {table} ({names}) VALUES ({texts})")


def _staging_name(spec: TableSpec) -> str:
    return f"{spec.name[:46]}__padm_publish"
