"""Bronze in a PostgreSQL warehouse.

Sources are read into a DuckDB session of this process, where rows are hashed, fitted and freed of duplicates as for any
warehouse; from there they go by COPY into the run's own transaction, and only those that differ are written.
"""

from __future__ import annotations

import itertools
import os
import tempfile
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
from psycopg import errors as pg

from padm_ibis import access
from padm_ibis.backends.duckdb.store import DuckDBStore
from padm_ibis.backends.postgres import bronze_log
from padm_ibis.backends.postgres.connection import execute, explained
from padm_ibis.define.layers import ABSENT
from padm_ibis.errors import WarehouseError
from padm_ibis.extract.buckets import among, bucket
from padm_ibis.extract.store import (
    LEDGER,
    TABLES,
    TOUCHED,
    TOUCHED_COLUMNS,
    Change,
    Moment,
    Plan,
    Rejects,
    Staged,
    State,
    Sync,
    absentees,
    remembered,
    syncs_of,
    touched_rows,
)
from padm_ibis.sources.spec import ResourceSpec
from padm_ibis.sources.values import literal, quote, sql_type

if TYPE_CHECKING:
    from padm_ibis.backends.postgres.work import PostgresWork

_CHUNK = 1 << 20
_LINE = 1 << 21


class PostgresStore:
    """Bronze as the extraction sees it; see `padm_ibis.extract.store.Store`."""

    def __init__(self, work: PostgresWork) -> None:
        self._work, self._con = work, work.raw
        chosen = {"memory_limit": work.config.warehouse.memory_limit, "threads": work.config.warehouse.threads}
        self._folder = tempfile.TemporaryDirectory(prefix="padm-")
        settings = {name: str(value) for name, value in chosen.items() if value is not None}
        self._duck = duckdb.connect(config={**settings, "temp_directory": self._folder.name})
        self._staged = DuckDBStore(self._duck)
        self._rejected: dict[str, list[tuple[Any, ...]]] = {}

    def close(self) -> None:
        """Close the session and remove what it wrote to disk."""
        self._duck.close()
        self._folder.cleanup()

    def verify(self) -> None:
        """Nothing: the server looks after its files."""

    @property
    def staging(self) -> duckdb.DuckDBPyConnection:
        """A session in memory, through which the rows of sources pass."""
        return self._duck

    def prepare(self, specs: Sequence[ResourceSpec]) -> list[str]:
        """See `Store.prepare`."""
        self._staged.prepare(specs)
        reshaped = []
        with explained(self._work.config), self._con.transaction():
            for schema in ("bronze", LEDGER):
                self._run(f"CREATE SCHEMA IF NOT EXISTS {schema}")
            for name, columns in TABLES.items():
                self._run(f"CREATE TABLE IF NOT EXISTS {LEDGER}.{name} ({columns})")
            self._run(f"DROP TABLE IF EXISTS pg_temp.{TOUCHED}")
            self._run(f"CREATE TEMP TABLE {TOUCHED} ({TOUCHED_COLUMNS})")
            found: dict[str, dict[str, str]] = {}
            for table, column, kind in self._run(
                "SELECT c.relname, a.attname, upper(format_type(a.atttypid, a.atttypmod)) FROM pg_attribute a"
                " JOIN pg_class c ON c.oid = a.attrelid AND c.relkind = 'r' AND c.relnamespace = 'bronze'::regnamespace"
                " WHERE a.attnum > 0 AND NOT a.attisdropped ORDER BY c.relname, a.attnum"
            ):
                found.setdefault(table, {})[column] = _plain(kind)
            for spec in specs:
                wanted = {name: sql_type(kind, "postgres") for name, kind in spec.columns.items()}
                if spec.name not in found:
                    columns = ", ".join(f"{quote(name)} {_collated(kind)}" for name, kind in wanted.items())
                    self._run(f"CREATE TABLE {_bronze(spec.name)} ({columns})")
                elif list(found[spec.name].items()) != [(name, _plain(kind)) for name, kind in wanted.items()]:
                    self._reshape(spec.name, wanted, found[spec.name])
                    reshaped.append(spec.name)
        return reshaped

    def _reshape(self, name: str, wanted: Mapping[str, str], found: Mapping[str, str]) -> None:
        """Bring a table to another contract, in place, so that grants on it stay; it is locked until the run ends."""
        table = _bronze(name)
        pairs = zip(wanted.items(), found.items(), strict=False)
        same = sum(1 for _ in itertools.takewhile(lambda p: (p[0][0], _plain(p[0][1])) == p[1], pairs))
        fresh, stale = dict(list(wanted.items())[same:]), list(found)[same:]
        old = {column: f"padm_old_{number}" for number, column in enumerate(stale)}
        for column, renamed in old.items():
            self._run(f"ALTER TABLE {table} RENAME COLUMN {quote(column)} TO {renamed}")
        if fresh:
            added = ", ".join(f"ADD COLUMN {quote(column)} {_collated(kind)}" for column, kind in fresh.items())
            self._run(f"ALTER TABLE {table} {added}")
        kept = [f"{quote(c)} = CAST(CAST({old[c]} AS TEXT) AS {kind})" for c, kind in fresh.items() if c in old]
        if kept:
            self._run(f"UPDATE {table} SET {', '.join(kept)}")
        try:
            with self._con.transaction():
                for renamed in old.values():
                    self._con.execute(f"ALTER TABLE {table} DROP COLUMN {renamed}")
        except pg.DependentObjectsStillExist as error:
            raise WarehouseError(
                f"{table} must get other columns, and something uses those that go: {error.diag.message_detail}.",
                hint="Drop what depends on it, run, and make it anew.",
            ) from None

    def states(self, source_db: str) -> dict[str, State]:
        """See `Store.states`."""
        rows = self._run(
            "SELECT resource, watermark, loaded_from, definition, extracted_at, rows_read, run_id"
            f" FROM {LEDGER}.watermarks WHERE source_db = ?",
            [source_db],
        )
        return {name: State(*values) for name, *values in rows}

    def rows(self, spec: ResourceSpec, source_db: str) -> int:
        """See `Store.rows`."""
        return self._one(f"SELECT count(*) FROM {_bronze(spec.name)} WHERE source_db = ?", [source_db])

    def fingerprint(self, source_db: str) -> tuple[str, str] | None:
        """See `Store.fingerprint`."""
        rows = self._run(f"SELECT salt, fingerprint FROM {LEDGER}.hash_keys WHERE source_db = ?", [source_db])
        return (rows[0][0], rows[0][1]) if rows else None

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """See `Store.transaction`. One at each end: the source's snapshot, and a savepoint of the run."""
        try:
            with self._staged.transaction(keep=False), explained(self._work.config), self._con.transaction():
                yield
        finally:
            self._rejected.clear()

    def stage(
        self, spec: ResourceSpec, query: str, plan: Plan, source_db: str, now: Any, rejects: Rejects | None = None
    ) -> Staged:
        """See `Store.stage`. Rows rejected before are known to the session while it looks for duplicates."""
        mine = f"source_db = {literal(source_db)} AND resource = {literal(spec.name)}"
        before = [row for row in self._rejected_of(source_db) if row[1] == spec.name]
        staged = self._staged.stage(spec, query, plan, source_db, now, rejects)
        after = self._duck.execute(f"SELECT * FROM {LEDGER}.rejected_rows WHERE {mine}").fetchall()
        if sorted(before) != sorted(after):
            self._run(f"DELETE FROM {LEDGER}.rejected_rows WHERE {mine}")
            for row in after:
                self._insert("rejected_rows", row)
        return staged

    def _rejected_of(self, source_db: str) -> list[tuple[Any, ...]]:
        """Return the rows of a source that were rejected before, which the session knows from here on."""
        if source_db not in self._rejected:
            found = self._rejected[source_db] = self._run(
                f"SELECT * FROM {LEDGER}.rejected_rows WHERE source_db = {literal(source_db)}"
            )
            for row in found:
                self._duck.execute(f"INSERT INTO {LEDGER}.rejected_rows VALUES ({', '.join(literal(text) for text in row)})")
        return self._rejected[source_db]

    def arrived(self, spec: ResourceSpec, source_db: str) -> dict[int, int]:
        """See `Store.arrived`."""
        return self._staged.arrived(spec, source_db)

    def apply(self, spec: ResourceSpec, plan: Plan, source_db: str, moment: Moment) -> Change | None:
        """See `Store.apply`. Only rows that differ are written."""
        table, mine = _bronze(spec.name), f"source_db = {literal(source_db)}"
        query = f"SELECT * FROM bronze.{quote(spec.name)} WHERE {mine}"
        if not self._run(f"SELECT 1 FROM {table} WHERE {mine} LIMIT 1"):
            rows = self._copy(spec, query, table)
            change = Change(inserted=rows, rows=rows)
            self._touch(f"SELECT {literal(spec.name)}, '', {literal(source_db)}, NULL")
        else:
            columns = ", ".join(f"{quote(n)} {_collated(sql_type(k, 'postgres'))}" for n, k in spec.columns.items())
            self._run(f"CREATE TEMP TABLE padm_staged ({columns}) ON COMMIT DROP")
            self._copy(spec, query, "pg_temp.padm_staged")
            self._run("ANALYZE pg_temp.padm_staged")
            found = self._upsert(spec, plan, table, mine, moment)
            self._run("DROP TABLE pg_temp.padm_staged")
            if found is None:
                self._duck.execute(f"DELETE FROM bronze.{quote(spec.name)} WHERE {mine}")
                return None
            change = found
        if change.total:
            self._work.loaded(spec.name, ("source_db", *spec.key))
        return change

    def _upsert(self, spec: ResourceSpec, plan: Plan, table: str, mine: str, moment: Moment) -> Change | None:
        old, match = f"(SELECT ctid AS padm_row, * FROM {table} WHERE {mine}) b", _match(spec)
        if plan.mode == "buckets" and self._strays(spec, plan, f"{old} ON {match}"):
            return None
        others = [name for name in spec.own_columns if name not in spec.key]
        absent = self._remember(spec, plan, f"{table} b WHERE b.{mine}", moment)
        if spec.kept is not None:
            others.append(ABSENT)
        differs = " OR ".join(f"s.{quote(name)} IS DISTINCT FROM b.{quote(name)}" for name in others)
        self._run(
            "CREATE TEMP TABLE padm_changed ON COMMIT DROP AS SELECT s.ctid AS new_row, b.padm_row AS old_row"
            f" FROM pg_temp.padm_staged s LEFT JOIN {old} ON {match} WHERE b.padm_row IS NULL OR {differs or 'FALSE'}"
        )
        deleted, beyond, touched = 0, self._beyond(spec, plan), self._touched(spec, plan, table)
        if spec.kept is None and (plan.replaces or plan.mode == "buckets"):
            # A statement of the contract's: what did not arrive is gone at the source.
            read = among(spec, "postgres", "b", plan.buckets) if plan.mode == "buckets" else "TRUE"
            gone = f"SELECT padm_row FROM {old} WHERE {read} AND NOT EXISTS (SELECT FROM pg_temp.padm_staged s WHERE {match})"
            self._touch(touched_rows(spec, [f"(SELECT t.* FROM {table} t JOIN ({gone}) g ON t.ctid = g.padm_row)"]))
            deleted = self._delete(spec, f"USING ({gone}) g WHERE t.ctid = g.padm_row")
        changed = "(SELECT t.* FROM {} t JOIN pg_temp.padm_changed c ON t.ctid = c.{})"
        both = changed.format("pg_temp.padm_staged", "new_row"), changed.format(table, "old_row")
        self._touch(touched_rows(spec, both))
        updated = self._delete(spec, "USING pg_temp.padm_changed c WHERE t.ctid = c.old_row")
        names = ", ".join(quote(name) for name in spec.columns)
        written = self._count(
            f"INSERT INTO {table} ({names}) SELECT {names} FROM pg_temp.padm_staged s"
            " JOIN pg_temp.padm_changed c ON s.ctid = c.new_row"
        )
        self._run("DROP TABLE pg_temp.padm_changed")
        rows = self._one(f"SELECT count(*) FROM {table} WHERE {mine}")
        unseen = deleted * (plan.lookback is not None)
        return Change(written - updated, updated - absent, deleted, rows, absent, beyond + unseen, touched)

    def _remember(self, spec: ResourceSpec, plan: Plan, old: str, moment: Moment) -> int:
        """Put what a kept table remembers of rows into those that arrived, and beside them; return how many are gone."""
        if spec.kept is None:
            return 0
        staged, match = "pg_temp.padm_staged", _match(spec)
        others = [name for name in spec.own_columns if name not in spec.key]
        if found := remembered(spec.kept, others):
            chosen = ", ".join(f"{quote(name)} = {rule}" for name, rule in found.items())
            self._run(f"UPDATE {staged} s SET {chosen} FROM {old} AND {match}")
        if plan.mode == "incremental":
            return 0
        read = among(spec, "postgres", "b", plan.buckets) if plan.mode == "buckets" else "TRUE"
        return self._count(absentees(spec, read, staged, old, match, moment))

    def _strays(self, spec: ResourceSpec, plan: Plan, old: str) -> bool:
        """Whether a row arrived in a bucket that was not asked for, or its key stands in one that was not."""
        asked, there = (among(spec, "postgres", row, plan.buckets) for row in "sb")
        staged = "SELECT 1 FROM pg_temp.padm_staged s"
        return bool(self._run(f"{staged} WHERE NOT {asked} UNION ALL {staged} JOIN {old} WHERE NOT {there} LIMIT 1"))

    def _beyond(self, spec: ResourceSpec, plan: Plan) -> int:
        """Count the rows that change and lie before what the lookback would have read."""
        if plan.lookback is None or spec.cursor is None:
            return 0
        seen = f"coalesce(CAST(s.{quote(spec.cursor)} AS TIMESTAMP) >= TIMESTAMP '{plan.lookback}', TRUE)"
        changed = "pg_temp.padm_staged s JOIN pg_temp.padm_changed c ON s.ctid = c.new_row"
        return self._one(f"SELECT count(*) FROM {changed} WHERE NOT {seen}")

    def _touched(self, spec: ResourceSpec, plan: Plan, table: str) -> frozenset[int]:
        """Return the buckets in which a row is, or was, that changes."""
        if plan.mode != "incremental":
            return frozenset()
        parts = (
            f"SELECT {bucket(spec, 'postgres', 't')} FROM {place} t JOIN pg_temp.padm_changed c ON t.ctid = c.{row}"
            for place, row in (("pg_temp.padm_staged", "new_row"), (table, "old_row"))
        )
        return frozenset(number for (number,) in self._run(" UNION ".join(parts)))

    def _touch(self, query: str) -> None:
        """Take note of whose rows change."""
        self._run(f"INSERT INTO pg_temp.{TOUCHED} {query}")

    def _delete(self, spec: ResourceSpec, condition: str) -> int:
        """Take rows away, and write them down where earlier versions are kept; return how many."""
        table, step = _bronze(spec.name), self._work.step
        if step is None:
            return self._count(f"DELETE FROM {table} t {condition}")
        return self._count(bronze_log.deleting(table, condition, step, spec.name, ("source_db", *spec.key)))

    def _copy(self, spec: ResourceSpec, query: str, table: str) -> int:
        """Send the rows of a DuckDB query into a table; DuckDB writes CSV into a pipe, PostgreSQL reads it."""
        names = ", ".join(quote(name) for name in spec.columns)
        texts = [name for name, kind in spec.columns.items() if kind == "string"]
        # PostgreSQL's texts cannot hold the character NUL
        cleaned = ", ".join(f"replace({quote(n)}, chr(0), '') AS {quote(n)}" for n in texts)
        shown = f"SELECT * REPLACE ({cleaned}) FROM ({query})" if cleaned else query
        forced = f", FORCE_QUOTE ({', '.join(quote(name) for name in texts)})" if texts else ""
        pipe = Path(self._folder.name) / "rows.csv"
        os.mkfifo(pipe, access.FILE)
        failure: list[BaseException] = []

        def write() -> None:
            try:
                self._duck.execute(f"COPY ({shown}) TO {literal(str(pipe))} (FORMAT csv, HEADER false, NULLSTR ''{forced})")
            except BaseException as error:
                failure.append(error)
                with suppress(OSError):  # whoever waits for the other end must not wait for ever
                    os.close(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))

        writer = threading.Thread(target=write, daemon=True)
        writer.start()
        try:
            with explained(self._work.config, spec.name), self._con.cursor() as cursor:
                with (
                    cursor.copy(f"COPY {table} ({names}) FROM STDIN (FORMAT csv)") as copy,
                    pipe.open("rb", buffering=0) as reader,
                ):
                    while block := reader.read(_CHUNK):
                        copy.write(block)
                    writer.join()
                    if failure:
                        raise failure[0]
                return cursor.rowcount
        finally:
            self._end(writer, pipe)
            pipe.unlink(missing_ok=True)

    def _end(self, writer: threading.Thread, pipe: Path) -> None:
        """End a writer that nobody reads from: it may wait for the other end to be opened, where no interrupt reaches it."""
        while writer.is_alive():
            self._duck.interrupt()
            with suppress(OSError):
                os.close(os.open(pipe, os.O_RDONLY | os.O_NONBLOCK))
            writer.join(timeout=0.05)

    def save(self, source_db: str, states: Mapping[str, State], fingerprint: tuple[str, str] | None) -> None:
        """See `Store.save`."""
        for resource, state in states.items():
            self._run(f"DELETE FROM {LEDGER}.watermarks WHERE source_db = ? AND resource = ?", [source_db, resource])
            self._insert(
                "watermarks",
                (source_db, resource, state.watermark, state.loaded_from, state.definition, state.extracted_at,
                 state.rows_read, state.run_id),
            )  # fmt: skip
        if fingerprint is not None and fingerprint != self.fingerprint(source_db):
            self._run(f"DELETE FROM {LEDGER}.hash_keys WHERE source_db = ?", [source_db])
            self._insert("hash_keys", (source_db, *fingerprint))

    def syncs(self, source_db: str) -> dict[str, Sync]:
        """See `Store.syncs`."""
        return syncs_of(
            self._run(f"SELECT resource, basis, synced_at, run_id FROM {LEDGER}.syncs WHERE source_db = ?", [source_db]),
            self._run(f"SELECT resource, bucket, row_count, digest FROM {LEDGER}.digests WHERE source_db = ?", [source_db]),
        )

    def save_syncs(self, source_db: str, before: Mapping[str, Sync], now: Mapping[str, Sync | None]) -> None:
        """See `Store.save_syncs`. Only buckets that are no longer the same are written."""
        if known := before.keys() & now.keys():
            self._run(f"DELETE FROM {LEDGER}.syncs WHERE source_db = ? AND resource = ANY(?)", [source_db, sorted(known)])
        for name, sync in now.items():
            was, is_now = (found.buckets if found else {} for found in (before.get(name), sync))
            if sync is not None:
                self._insert("syncs", (source_db, name, sync.basis, sync.synced_at, sync.run_id))
            if stale := [number for number, said in was.items() if is_now.get(number) != said]:
                condition = "source_db = ? AND resource = ? AND bucket = ANY(?)"
                self._run(f"DELETE FROM {LEDGER}.digests WHERE {condition}", [source_db, name, stale])
            if fresh := [(source_db, name, n, *said) for n, said in is_now.items() if was.get(n) != said]:
                with (
                    explained(self._work.config),
                    self._con.cursor() as cursor,
                    cursor.copy(f"COPY {LEDGER}.digests FROM STDIN") as copy,
                ):
                    for row in fresh:
                        copy.write_row(row)

    def is_passed_over(self, spec: ResourceSpec, source_db: str) -> bool:
        """See `Store.is_passed_over`."""
        return any(row[1] == spec.name for row in self._rejected_of(source_db))

    def suppress(self, marks: Collection[str]) -> None:
        """See `Store.suppress`."""
        if marks:
            rows = ", ".join(f"({literal(mark)})" for mark in sorted(marks))
            self._run(f"INSERT INTO {LEDGER}.suppressed VALUES {rows}")

    def bronze(self, name: str) -> str:
        """See `Store.bronze`: a copy in the session of `staging`, since the run's own rows are visible to nobody else."""
        copy = f"padm_bronze_{name}"
        columns = self._duck.execute(
            f"SELECT column_name, data_type FROM duckdb_columns() WHERE schema_name = 'bronze' AND table_name = {literal(name)}"
            " ORDER BY column_index"
        ).fetchall()
        names = ", ".join(quote(column) for column, _ in columns)
        types = ", ".join(f"{literal(column)}: {literal(kind)}" for column, kind in columns)
        file = Path(self._folder.name) / "bronze.csv"
        statement = f"COPY (SELECT {names} FROM {_bronze(name)}) TO STDOUT (FORMAT csv, FORCE_QUOTE *)"
        longest = _LINE  # DuckDB takes many times a line's greatest length as its buffer; the server sends row by row
        with (
            explained(self._work.config),
            self._con.cursor() as cursor,
            cursor.copy(statement) as rows,
            access.create_binary(file) as out,
        ):
            for row in rows:
                longest = max(longest, len(row))
                out.write(row)
        self._duck.execute(
            f"CREATE OR REPLACE TEMP TABLE {quote(copy)} AS SELECT * FROM read_csv({literal(str(file))}, columns={{{types}}},"
            " header=false, delim=',', quote='\"', escape='\"', nullstr='', allow_quoted_nulls=false, auto_detect=false,"
            f" max_line_size={longest}, parallel=false)"
        )
        file.unlink()
        return f"temp.{quote(copy)}"

    def seen_columns(self, source_db: str) -> dict[tuple[str, str], str]:
        """See `Store.seen_columns`."""
        rows = self._run(
            f"SELECT table_name, column_name, data_type FROM {LEDGER}.source_columns WHERE source_db = ?", [source_db]
        )
        return {(table, column): kind for table, column, kind in rows}

    def save_columns(self, source_db: str, columns: Mapping[tuple[str, str], str]) -> None:
        """See `Store.save_columns`."""
        if columns == self.seen_columns(source_db):
            return
        self._run(f"DELETE FROM {LEDGER}.source_columns WHERE source_db = ?", [source_db])
        rows = [(source_db, table, column, kind) for (table, column), kind in columns.items()]
        with explained(self._work.config), self._con.cursor() as cursor:
            cursor.executemany(f"INSERT INTO {LEDGER}.source_columns VALUES (%s, %s, %s, %s)", rows)

    def _insert(self, table: str, row: Sequence[Any]) -> None:
        self._run(f"INSERT INTO {LEDGER}.{table} VALUES ({', '.join('?' * len(row))})", row)

    def _run(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with explained(self._work.config):
            return execute(self._con, sql, parameters)

    def _one(self, sql: str, parameters: Sequence[Any] = ()) -> int:
        return int(self._run(sql, parameters)[0][0])

    def _count(self, sql: str) -> int:
        """Run a statement and return how many rows it touched."""
        with explained(self._work.config):
            return self._con.execute(sql).rowcount


def _bronze(name: str) -> str:
    return f"bronze.{quote(name)}"


def _match(spec: ResourceSpec) -> str:
    """Equal keys, nulls included, in words that PostgreSQL can hash: it compares ``IS NOT DISTINCT FROM`` pair by pair."""
    parts = []
    for name in spec.key:
        column, filler = quote(name), _FILLERS.get(spec.columns[name], "''")
        parts.append(f"coalesce(s.{column}, {filler}) = coalesce(b.{column}, {filler})")
        parts.append(f"(s.{column} IS NULL) = (b.{column} IS NULL)")
    return " AND ".join(parts)


_FILLERS = {
    "int64": "0", "float64": "0", "boolean": "false", "date": "DATE '2000-01-01'", "timestamp": "TIMESTAMP '2000-01-01'",
}  # fmt: skip


def _collated(kind: str) -> str:
    """Texts compare by code point in every database."""
    return f'{kind} COLLATE "C"' if kind == "TEXT" else kind


def _plain(kind: str) -> str:
    """``timestamp without time zone`` → ``TIMESTAMP``, ``numeric(18,6)`` → ``NUMERIC(18,6)``."""
    return kind.upper().replace(" WITHOUT TIME ZONE", "").replace(" ", "")
