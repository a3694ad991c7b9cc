"""Bronze in a DuckDB warehouse: rows are staged, and only those that differ are written."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import duckdb

from padm_ibis.define.layers import ABSENT
from padm_ibis.extract.buckets import among, bucket
from padm_ibis.extract.store import (
    DUPLICATE,
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


class DuckDBStore:
    """Bronze in the work file of a DuckDB warehouse: sources are attached to the very same session."""

    def __init__(self, con: duckdb.DuckDBPyConnection, verify: Callable[[], None] = lambda: None) -> None:
        self._con, self.verify = con, verify
        self._staged: dict[str, tuple[str, int | None]] = {}
        self._rows: dict[tuple[str, str], int] = {}
        self._reasons: dict[str, frozenset[tuple[str, str]]] = {}
        self._within, self._odd = False, 0

    @property
    def staging(self) -> duckdb.DuckDBPyConnection:
        """The session of the work file."""
        return self._con

    def prepare(self, specs: Sequence[ResourceSpec]) -> list[str]:
        """See `Store.prepare`."""
        reshaped = []
        with self.transaction():
            for schema in ("bronze", LEDGER):
                self._run(f"CREATE SCHEMA IF NOT EXISTS {schema}")
            for name, columns in TABLES.items():
                self._run(f"CREATE TABLE IF NOT EXISTS {LEDGER}.{name} ({columns})")
            self._run(f"CREATE OR REPLACE TEMP TABLE {TOUCHED} ({TOUCHED_COLUMNS})")
            found: dict[str, list[tuple[str, str]]] = {}
            for table, column, kind in self._run(
                "SELECT table_name, column_name, data_type FROM duckdb_columns() WHERE schema_name = 'bronze'"
                " AND database_name = current_database() ORDER BY table_name, column_index"
            ):
                found.setdefault(table, []).append((column, kind.replace(" ", "")))
            for spec in specs:
                wanted = [(name, sql_type(kind, "duckdb")) for name, kind in spec.columns.items()]
                if found.get(spec.name) == [(name, kind.replace(" ", "")) for name, kind in wanted]:
                    continue
                self._shape(spec.name, wanted, dict(found.get(spec.name, ())))
                if spec.name in found:
                    reshaped.append(spec.name)
        return reshaped

    def _shape(self, name: str, wanted: list[tuple[str, str]], found: Mapping[str, str]) -> None:
        if not found:
            columns = ", ".join(f"{quote(column)} {kind}" for column, kind in wanted)
            self._run(f"CREATE TABLE {_bronze(name)} ({columns})")
            return
        columns = ", ".join(
            f"CAST({quote(column) if column in found else 'NULL'} AS {kind}) AS {quote(column)}" for column, kind in wanted
        )
        self._run(f"CREATE OR REPLACE TABLE {_bronze(name)} AS SELECT {columns} FROM {_bronze(name)}")

    def states(self, source_db: str) -> dict[str, State]:
        """See `Store.states`."""
        rows = self._run(
            "SELECT resource, watermark, loaded_from, definition, extracted_at, rows_read, run_id"
            f" FROM {LEDGER}.watermarks WHERE source_db = {literal(source_db)}"
        )
        return {name: State(*values) for name, *values in rows}

    def rows(self, spec: ResourceSpec, source_db: str) -> int:
        """See `Store.rows`. Within a transaction they are counted once, then kept account of."""
        known = self._rows.get((spec.name, source_db))
        if known is None:
            known = self._one(f"SELECT count(*) FROM {_bronze(spec.name)} WHERE source_db = {literal(source_db)}")
            if self._within:
                self._rows[spec.name, source_db] = known
        return known

    def fingerprint(self, source_db: str) -> tuple[str, str] | None:
        """See `Store.fingerprint`."""
        rows = self._run(f"SELECT salt, fingerprint FROM {LEDGER}.hash_keys WHERE source_db = {literal(source_db)}")
        return (rows[0][0], rows[0][1]) if rows else None

    @contextmanager
    def transaction(self, *, keep: bool = True) -> Iterator[None]:
        """See `Store.transaction`.

        Parameters
        ----------
        keep
            Whether what was written stays; rows may only pass through here.
        """
        self._run("BEGIN")
        self._within, self._odd = True, 0
        try:
            self._run("CREATE OR REPLACE TEMP SEQUENCE padm_odd")
            yield
            self._run("COMMIT" if keep else "ROLLBACK")
        except BaseException:
            with suppress(duckdb.Error):
                self._con.execute("ROLLBACK")
            raise
        finally:
            self._within = False
            for known in (self._staged, self._rows, self._reasons):
                known.clear()

    def stage(
        self, spec: ResourceSpec, query: str, plan: Plan, source_db: str, now: dt.datetime, rejects: Rejects | None = None
    ) -> Staged:
        """See `Store.stage`. Where bronze has no row of this source yet, the rows go there at once."""
        mine = f"source_db = {literal(source_db)}"
        if not self.rows(spec, source_db):
            table, where = _bronze(spec.name), mine
            target = f"INSERT INTO {table}"
        else:
            table, where = f"temp.padm_staged_{spec.name}", "TRUE"
            target = f"CREATE OR REPLACE TEMP TABLE padm_staged_{spec.name} AS"
        columns = ", ".join(quote(name) for name in spec.columns if name != "_run_id")
        # Counting while the rows stream by: a branch of CASE is worked out only for the rows that take it.
        counted = "CASE WHEN padm_odd THEN CASE WHEN nextval('temp.padm_odd') < 0 THEN NULL ELSE _run_id END ELSE _run_id END"
        self._con.execute(f"{target} SELECT {columns}, {counted} AS _run_id FROM ({query})")
        counts = f"count(*), {_greatest(spec, now)}, {_future(spec, now)}, (SELECT nextval('temp.padm_odd'))"
        read, watermark, future, counter = self._run(f"SELECT {counts} FROM {table} WHERE {where}")[0]
        odd, self._odd = counter - 1 - self._odd, counter
        if table != _bronze(spec.name) and plan.replaces and rejects is None and self._is_the_same(spec, table, read, source_db):
            self._staged[spec.name] = table, None
            return Staged(read, watermark, odd)
        invalid = self._keep_rejected(spec, table, where, source_db, plan, rejects)
        early = self._drop_early(spec, table, where, plan)
        copies, rejected = self._drop_duplicates(spec, table, where, source_db) if read else (0, 0)
        if early or copies or rejected:
            watermark = self._one(f"SELECT {_greatest(spec, now)} FROM {table} WHERE {where}")
        self._staged[spec.name] = table, read - early - copies - rejected
        return Staged(read, watermark, odd, copies, rejected, early, invalid, future)

    def arrived(self, spec: ResourceSpec, source_db: str) -> dict[int, int]:
        """See `Store.arrived`."""
        rows = f"{self._staged[spec.name][0]} t WHERE t.source_db = {literal(source_db)}"
        return dict(self._run(f"SELECT {bucket(spec, 'duckdb', 't')}, count(*) FROM {rows} GROUP BY ALL"))

    def apply(self, spec: ResourceSpec, plan: Plan, source_db: str, moment: Moment) -> Change | None:
        """See `Store.apply`. Only rows that differ are written."""
        table, (staged, arrived) = _bronze(spec.name), self._staged.pop(spec.name)
        mine, before = f"source_db = {literal(source_db)}", self.rows(spec, source_db)
        if arrived is None:
            self._con.execute(f"DROP TABLE {staged}")
            return Change(rows=before)
        if staged == table:
            self._rows[spec.name, source_db] = arrived
            self._touch(f"SELECT {literal(spec.name)}, '', {literal(source_db)}, NULL")
            return Change(inserted=arrived, rows=arrived)
        match = " AND ".join(f"s.{quote(name)} IS NOT DISTINCT FROM b.{quote(name)}" for name in spec.key)
        if plan.mode == "buckets" and self._strays(spec, plan, staged, f"{table} b ON b.{mine} AND {match}"):
            self._con.execute(f"DROP TABLE {staged}")
            return None
        absent = self._remember(spec, plan, staged, f"{table} b WHERE b.{mine}", match, moment)
        new, old = (_digests(spec, rows) for rows in (staged, f"{table} WHERE {mine}"))
        self._con.execute(
            "CREATE OR REPLACE TEMP TABLE padm_changed AS SELECT s.padm_row AS new_row, b.padm_row AS old_row"
            f" FROM {new} s LEFT JOIN {old} b ON {match} WHERE b.padm_row IS NULL OR s.padm_content <> b.padm_content"
        )
        inserted, updated = self._run(
            "SELECT count(*) FILTER (old_row IS NULL), count(*) FILTER (old_row IS NOT NULL) FROM padm_changed"
        )[0]
        deleted, beyond, touched = 0, self._beyond(spec, plan, staged), frozenset[int]()
        if plan.mode == "incremental" and inserted + updated:
            touched = self._touched(spec, staged)
        if spec.kept is None and (plan.mode == "buckets" or (plan.replaces and arrived - inserted < before)):
            # A statement of the contract's: what did not arrive is gone at the source.
            read = among(spec, "duckdb", "b", plan.buckets) if plan.mode == "buckets" else "TRUE"
            gone = f"SELECT b.rowid FROM {table} b ANTI JOIN {staged} s ON {match} WHERE b.{mine} AND {read}"
            self._touch(touched_rows(spec, [f"(SELECT * FROM {table} WHERE rowid IN ({gone}))"]))
            deleted = self._one(f"DELETE FROM {table} WHERE rowid IN ({gone})")
        if inserted or updated:
            changed = "(SELECT * FROM {} WHERE rowid IN (SELECT {} FROM padm_changed))"
            both = changed.format(staged, "new_row"), changed.format(table, "old_row")
            self._touch(touched_rows(spec, both))
        if updated:
            self._con.execute(f"DELETE FROM {table} WHERE rowid IN (SELECT old_row FROM padm_changed)")
        if inserted or updated:
            self._con.execute(f"INSERT INTO {table} SELECT * FROM {staged} WHERE rowid IN (SELECT new_row FROM padm_changed)")
        self._con.execute(f"DROP TABLE {staged}")
        self._con.execute("DROP TABLE padm_changed")
        rows = self._rows[spec.name, source_db] = before + inserted - deleted
        unseen = deleted * (plan.lookback is not None)
        return Change(inserted, updated - absent, deleted, rows, absent, beyond + unseen, touched)

    def _remember(self, spec: ResourceSpec, plan: Plan, staged: str, old: str, match: str, moment: Moment) -> int:
        """Put what a kept table remembers of rows into those that arrived, and beside them; return how many are gone."""
        if spec.kept is None:
            return 0
        others = [name for name in spec.own_columns if name not in spec.key]
        if found := remembered(spec.kept, others):
            chosen = ", ".join(f"{quote(name)} = {rule}" for name, rule in found.items())
            self._con.execute(f"UPDATE {staged} s SET {chosen} FROM {old} AND {match}")
        if plan.mode == "incremental":
            return 0
        read = among(spec, "duckdb", "b", plan.buckets) if plan.mode == "buckets" else "TRUE"
        return self._one(absentees(spec, read, staged, old, match, moment))

    def save(self, source_db: str, states: Mapping[str, State], fingerprint: tuple[str, str] | None) -> None:
        """See `Store.save`."""
        mine = f"source_db = {literal(source_db)}"
        if states:
            self._con.execute(f"DELETE FROM {LEDGER}.watermarks WHERE {mine} AND resource IN ({_listed(states)})")
            self._insert("watermarks", *(
                (source_db, resource, state.watermark, state.loaded_from, state.definition, state.extracted_at,
                 state.rows_read, state.run_id)
                for resource, state in states.items()
            ))  # fmt: skip
        if fingerprint is not None and fingerprint != self.fingerprint(source_db):
            self._con.execute(f"DELETE FROM {LEDGER}.hash_keys WHERE {mine}")
            self._insert("hash_keys", (source_db, *fingerprint))

    def syncs(self, source_db: str) -> dict[str, Sync]:
        """See `Store.syncs`."""
        mine = f"source_db = {literal(source_db)}"
        return syncs_of(
            self._run(f"SELECT resource, basis, synced_at, run_id FROM {LEDGER}.syncs WHERE {mine}"),
            self._run(f"SELECT resource, bucket, row_count, digest FROM {LEDGER}.digests WHERE {mine}"),
        )

    def save_syncs(self, source_db: str, before: Mapping[str, Sync], now: Mapping[str, Sync | None]) -> None:
        """See `Store.save_syncs`. Only buckets that are no longer the same are written."""
        mine = f"source_db = {literal(source_db)}"
        if known := before.keys() & now.keys():
            self._con.execute(f"DELETE FROM {LEDGER}.syncs WHERE {mine} AND resource IN ({_listed(known)})")
        heads = [(source_db, name, sync.basis, sync.synced_at, sync.run_id) for name, sync in now.items() if sync is not None]
        if heads:
            self._insert("syncs", *heads)
        for name, sync in now.items():
            was, is_now = (found.buckets if found else {} for found in (before.get(name), sync))
            if stale := [number for number, said in was.items() if is_now.get(number) != said]:
                only = f" AND bucket IN ({', '.join(map(str, stale))})" if len(stale) < len(was) else ""
                self._con.execute(f"DELETE FROM {LEDGER}.digests WHERE {mine} AND resource = {literal(name)}{only}")
            if fresh := [(source_db, name, n, *said) for n, said in is_now.items() if was.get(n) != said]:
                self._insert("digests", *fresh)

    def is_passed_over(self, spec: ResourceSpec, source_db: str) -> bool:
        """See `Store.is_passed_over`."""
        return bool(self._held(spec, source_db))

    def suppress(self, marks: Collection[str]) -> None:
        """See `Store.suppress`."""
        if marks:
            rows = ", ".join(f"({literal(mark)})" for mark in sorted(marks))
            self._con.execute(f"INSERT INTO {LEDGER}.suppressed VALUES {rows}")

    def bronze(self, name: str) -> str:
        """See `Store.bronze`."""
        return _bronze(name)

    def seen_columns(self, source_db: str) -> dict[tuple[str, str], str]:
        """See `Store.seen_columns`."""
        rows = self._run(
            f"SELECT table_name, column_name, data_type FROM {LEDGER}.source_columns WHERE source_db = {literal(source_db)}"
        )
        return {(table, column): kind for table, column, kind in rows}

    def save_columns(self, source_db: str, columns: Mapping[tuple[str, str], str]) -> None:
        """See `Store.save_columns`."""
        if columns == self.seen_columns(source_db):
            return
        self._con.execute(f"DELETE FROM {LEDGER}.source_columns WHERE source_db = {literal(source_db)}")
        rows = ", ".join(_row((source_db, table, column, kind)) for (table, column), kind in columns.items())
        if rows:
            self._con.execute(f"INSERT INTO {LEDGER}.source_columns VALUES {rows}")

    def _strays(self, spec: ResourceSpec, plan: Plan, staged: str, old: str) -> bool:
        """Whether a row arrived in a bucket that was not asked for, or its key stands in one that was not."""
        asked = among(spec, "duckdb", "s", plan.buckets)
        there = among(spec, "duckdb", "b", plan.buckets)
        elsewhere = f"SELECT 1 FROM {staged} s JOIN {old} WHERE NOT {there}"
        return bool(self._run(f"SELECT 1 FROM {staged} s WHERE NOT {asked} UNION ALL {elsewhere} LIMIT 1"))

    def _beyond(self, spec: ResourceSpec, plan: Plan, staged: str) -> int:
        """Count the rows that change and lie before what the lookback would have read."""
        if plan.lookback is None or spec.cursor is None:
            return 0
        seen = f"coalesce(CAST({quote(spec.cursor)} AS TIMESTAMP) >= TIMESTAMP '{plan.lookback}', TRUE)"
        return self._one(f"SELECT count(*) FROM {staged} WHERE rowid IN (SELECT new_row FROM padm_changed) AND NOT {seen}")

    def _touched(self, spec: ResourceSpec, staged: str) -> frozenset[int]:
        """Return the buckets in which a row is, or was, that changes."""
        parts = (
            f"SELECT {bucket(spec, 'duckdb', 't')} FROM {table} t WHERE rowid IN (SELECT {row} FROM padm_changed)"
            for table, row in ((staged, "new_row"), (_bronze(spec.name), "old_row"))
        )
        return frozenset(number for (number,) in self._run(" UNION ".join(parts)))

    def _touch(self, query: str) -> None:
        """Take note of whose rows change."""
        self._con.execute(f"INSERT INTO temp.{TOUCHED} {query}")

    def _is_the_same(self, spec: ResourceSpec, table: str, read: int, source_db: str) -> bool:
        """Whether all rows of a resource arrived and are those of bronze, which has no key twice: compared as a whole."""
        if spec.kept is not None or self._held(spec, source_db) or read != self.rows(spec, source_db):
            return False
        content = f"hash({', '.join(quote(name) for name in spec.own_columns)})"
        mine = f"{_bronze(spec.name)} WHERE source_db = {literal(source_db)}"
        found = [self._run(f"SELECT sum({content}), bit_xor({content}) FROM {rows}") for rows in (table, mine)]
        return bool(found[0] == found[1])

    def _drop_early(self, spec: ResourceSpec, table: str, where: str, plan: Plan) -> int:
        if plan.mode != "first" or plan.loaded_from is None or spec.cursor is None:
            return 0
        return self._one(f"DELETE FROM {table} WHERE {where} AND {quote(spec.cursor)} < DATE '{plan.loaded_from}'")

    def _keep_rejected(
        self, spec: ResourceSpec, table: str, where: str, source_db: str, plan: Plan, rejects: Rejects | None
    ) -> int:
        """Keep the rows that may not arrive, and forget those that do by now; return how many there are."""
        known = f"{LEDGER}.rejected_rows WHERE source_db = {literal(source_db)} AND resource = {literal(spec.name)}"
        reasons = self._held(spec, source_db)
        if plan.replaces and reasons:
            self._run(f"DELETE FROM {known}")
        elif reasons - {DUPLICATE}:
            arrived = f"SELECT {_json(spec.key)} FROM {table} WHERE {where}"
            self._run(f"DELETE FROM {known} AND reason <> {literal(DUPLICATE)} AND key IN ({arrived})")
        if rejects is None:
            return 0
        match = " AND ".join(f"r.{quote(name)} IS NOT DISTINCT FROM t.{quote(name)}" for name in spec.key)
        self._con.execute(
            f"CREATE OR REPLACE TEMP TABLE padm_rejected AS SELECT DISTINCT {_json(spec.key)} AS key, {_content(spec)} AS content"
            f" FROM ({rejects.query}) r ANTI JOIN (SELECT * FROM {table} WHERE {where}) t ON {match}"
        )
        self._run(f"DELETE FROM {known} AND (key, row_data) IN (SELECT (key, content) FROM padm_rejected)")
        self._con.execute(
            f"INSERT INTO {LEDGER}.rejected_rows SELECT {literal(source_db)}, {literal(spec.name)}, key,"
            f" {literal(rejects.reason)}, content FROM padm_rejected"
        )
        count = self._one("SELECT count(*) FROM padm_rejected")
        self._con.execute("DROP TABLE padm_rejected")
        return count

    def _drop_duplicates(self, spec: ResourceSpec, table: str, where: str, source_db: str) -> tuple[int, int]:
        """Keep one row of each key: the one with the latest cursor, then the greatest values; return copies and rejects."""
        resource, mine = literal(spec.name), f"source_db = {literal(source_db)}"
        key = ", ".join(quote(name) for name in spec.key)
        null_safe = " AND ".join(f"t.{quote(name)} IS NOT DISTINCT FROM k.{quote(name)}" for name in spec.key)
        keys = f"(SELECT {key} FROM {table} WHERE {where} GROUP BY ALL HAVING count(*) > 1)"
        rejected_here = f"FROM {LEDGER}.rejected_rows WHERE {mine} AND resource = {resource} AND reason = {literal(DUPLICATE)}"
        again = 0
        if DUPLICATE in self._held(spec, source_db):
            # Its rival may lie before what is read this time.
            same = f"({_json(spec.key)}, {_content(spec)}) IN (SELECT (key, row_data) {rejected_here})"
            again = self._one(f"DELETE FROM {table} WHERE {where} AND {same}")
        if not self._run(f"SELECT 1 FROM {keys} LIMIT 1"):
            return 0, again
        others = [name for name in spec.own_columns if name not in spec.key]
        order = sorted(others, key=lambda name: name != spec.cursor)
        latest = ", ".join(f"t.{quote(name)} DESC NULLS LAST" for name in order) or "t.rowid"
        self._con.execute(
            f"CREATE OR REPLACE TEMP TABLE padm_twice AS SELECT t.rowid AS padm_row, row_number() OVER w AS place,"
            f" rank() OVER w AS likeness FROM (SELECT rowid, * FROM {table} WHERE {where}) t SEMI JOIN {keys} k ON {null_safe}"
            f" WINDOW w AS (PARTITION BY {', '.join(f't.{quote(name)}' for name in spec.key)} ORDER BY {latest})"
        )
        differing = "SELECT padm_row FROM padm_twice WHERE likeness > 1"
        self._con.execute(
            f"INSERT INTO {LEDGER}.rejected_rows SELECT DISTINCT {literal(source_db)}, {resource}, {_json(spec.key)},"
            f" {literal(DUPLICATE)}, {_content(spec)} FROM {table} WHERE rowid IN ({differing})"
        )
        rejected = self._one("SELECT count(*) FROM padm_twice WHERE likeness > 1")
        gone = self._one(f"DELETE FROM {table} WHERE rowid IN (SELECT padm_row FROM padm_twice WHERE place > 1)")
        self._con.execute("DROP TABLE padm_twice")
        return gone - rejected, rejected + again

    def _held(self, spec: ResourceSpec, source_db: str) -> frozenset[str]:
        """Return for which reasons rows of a resource stood in ``rejected_rows`` before this source was read."""
        if source_db not in self._reasons:
            found = self._run(
                f"SELECT DISTINCT resource, reason FROM {LEDGER}.rejected_rows WHERE source_db = {literal(source_db)}"
            )
            self._reasons[source_db] = frozenset((resource, reason) for resource, reason in found)
        return frozenset(reason for resource, reason in self._reasons[source_db] if resource == spec.name)

    def _insert(self, table: str, *rows: Sequence[Any]) -> None:
        self._con.execute(f"INSERT INTO {LEDGER}.{table} VALUES {', '.join(map(_row, rows))}")

    def _one(self, sql: str) -> Any:
        row = self._run(sql)[0]
        return row[0]

    def _run(self, sql: str) -> list[tuple[Any, ...]]:
        return self._con.execute(sql).fetchall()


def _listed(names: Iterable[str]) -> str:
    return ", ".join(literal(name) for name in sorted(names))


def _bronze(name: str) -> str:
    return f"bronze.{quote(name)}"


def _greatest(spec: ResourceSpec, now: dt.datetime) -> str:
    """The watermark never lies in the future: a date typed 2202 must not hide the rows of the next years."""
    if spec.cursor is None:
        return "NULL"
    cursor, moment = f"CAST({quote(spec.cursor)} AS TIMESTAMP)", f"TIMESTAMP '{now:%Y-%m-%d %H:%M:%S.%f}'"
    return f"max({cursor}) FILTER ({cursor} <= {moment} AND {cursor} >= TIMESTAMP '0001-01-01')"


def _future(spec: ResourceSpec, now: dt.datetime) -> str:
    """How many rows of a kept table lie in the future, by the source's clock."""
    if spec.cursor is None or spec.kept is None:
        return "0"
    return f"count(*) FILTER (CAST({quote(spec.cursor)} AS TIMESTAMP) > TIMESTAMP '{now:%Y-%m-%d %H:%M:%S.%f}')"


def _digests(spec: ResourceSpec, rows: str) -> str:
    """Rows as their place, key and a hash of all columns: to join the rows themselves, tables would have to fit in memory.

    That a row and its correction, of the same key, have the same hash of 64 bits is left to happen once in 10^19 corrections.
    """
    key = ", ".join(quote(name) for name in spec.key)
    content = ", ".join(quote(name) for name in (*spec.own_columns, *([ABSENT] if spec.kept is not None else [])))
    return f"(SELECT rowid AS padm_row, {key}, hash({content}) AS padm_content FROM {rows})"


def _json(key: Sequence[str]) -> str:
    return "CAST(to_json([" + ", ".join(f"CAST({quote(name)} AS VARCHAR)" for name in key) + "]) AS VARCHAR)"


def _content(spec: ResourceSpec) -> str:
    row = "{" + ", ".join(f"{literal(name)}: {quote(name)}" for name in spec.own_columns) + "}"
    return f"CAST(to_json({row}) AS VARCHAR)"


def _row(values: Sequence[Any]) -> str:
    """Values as SQL: binding parameters would make DuckDB import pandas, which takes longer than the run."""
    return "(" + ", ".join("NULL" if v is None else str(v) if isinstance(v, int) else literal(str(v)) for v in values) + ")"
