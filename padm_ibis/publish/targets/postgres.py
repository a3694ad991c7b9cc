"""A PostgreSQL database as a target."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pyarrow as pa

from padm_ibis.errors import WarehouseBusy
from padm_ibis.publish.databases import Database, PostgresDatabase
from padm_ibis.publish.reconcile import key_condition
from padm_ibis.publish.spec import Publication, TableSpec
from padm_ibis.publish.star import replace_view
from padm_ibis.publish.targets import marks
from padm_ibis.publish.targets.base import Agree, OutOfStep, Stream, upsert
from padm_ibis.publish.targets.history import record
from padm_ibis.publish.targets.losses import refuse_cut_names, refuse_losses, would_be_lost
from padm_ibis.sources.values import quote

if TYPE_CHECKING:
    from padm_ibis.backends.postgres.survivors import View

STAGE, ASIDE, GONE = "padm_publish", "padm_publish_old", "padm_gone"
_LEFTOVERS = f"^{STAGE}(_[0-9a-f]{{8}})?$"
LOCK_KEY = 7_230_417  # of pg_try_advisory_lock: one publication to a database at a time
LOCK_ATTEMPTS = 100
LOCK_PAUSE = 1.0  # seconds in which readers go on
LOCK_WAIT = 5  # seconds for somebody who writes in a table of ours
# Of deadlock_timeout: we give way before the server looks for somebody to cut off, and readers never are.
LOCK_SHARE = 0.8
SESSIONS = 2  # that load tables at the same time: while one waits for the server, the other works
# Samples of 9,000 rows: on 150 columns the default takes as long as loading them.
STATISTICS = 30


@dataclass(slots=True)
class _Staged:
    """What the sessions of one publication staged together.

    Attributes
    ----------
    before
        Table → what the target says of it, where it is known to be in step.
    changed
        The tables of which only changes are staged.
    same
        The tables that are left as they are.
    basis
        Table → what its new mark says that it is made by.
    after
        Table → its new mark, where it was changed.
    """

    before: dict[str, marks.Mark] = field(default_factory=dict)
    changed: set[str] = field(default_factory=set)
    same: set[str] = field(default_factory=set)
    basis: dict[str, str] = field(default_factory=dict)
    after: dict[str, marks.Mark] = field(default_factory=dict)


class PostgresTarget:
    """A PostgreSQL database: tables are loaded into a schema of their own and moved in one short transaction.

    Of a table that is known to be in step, only what changed is loaded, and applied in that transaction.
    """

    sessions = SESSIONS

    def __init__(self, database: PostgresDatabase, publication: Publication, stage: str, staged: _Staged | None = None) -> None:
        self._postgres = database
        self.database: Database = database
        self._con, self._publication, self._stage = database.raw, publication, stage
        self._beside: set[PostgresDatabase] = set()
        self._staged = staged or _Staged()
        self.remembers = not publication.upserts

    @contextmanager
    def beside(self) -> Iterator[PostgresTarget]:
        """Open another session that stages into the same schema."""
        with self._postgres.beside() as database:
            database.raw.execute(f"SET default_statistics_target = {STATISTICS}")
            self._beside.add(database)
            try:
                yield PostgresTarget(database, self._publication, self._stage, self._staged)
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

    def in_step(self, spec: TableSpec, basis: str) -> str | None:
        """See `Target.in_step`."""
        if self._publication.whole:
            return None
        mark, own = marks.mark_of(self._con, spec.qualified), self.database.place(spec.schema, spec.name)
        if mark is None or mark.basis != basis or not marks.is_untouched(self._con, own, mark):
            return None
        self._staged.before[spec.name] = mark
        return mark.publication

    def leave(self, spec: TableSpec) -> None:
        """See `Target.leave`."""
        self._staged.same.add(spec.name)

    def change(self, spec: TableSpec, rows: Stream, gone: Stream) -> None:
        """See `Target.change`."""
        self.database.write(self._stage, spec.name, rows())
        self.database.write(self._stage, self._gone(spec), gone())
        self._con.execute(f"ANALYZE {self.database.place(self._stage, self._gone(spec))}")
        self._staged.changed.add(spec.name)

    def note(self, spec: TableSpec, basis: str) -> None:
        """See `Target.note`."""
        self._staged.basis[spec.name] = basis

    def _gone(self, spec: TableSpec) -> str:
        return f"{GONE}_{self._publication.specs.index(spec)}"

    def show(self, agree: Agree) -> None:
        """Put the staged tables in place; wait for readers, never block them long."""
        from psycopg import errors as pg
        from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_fixed

        busy = (pg.QueryCanceled, pg.LockNotAvailable, pg.DeadlockDetected)
        clashes = (pg.UniqueViolation, pg.NotNullViolation)
        stop, wait = stop_after_attempt(LOCK_ATTEMPTS), wait_fixed(LOCK_PAUSE)
        try:
            for attempt in Retrying(retry=retry_if_exception_type(busy), stop=stop, wait=wait, reraise=True):
                with attempt, self._con.transaction():
                    self._swap(agree)
                    self._mark()
                    record(self.database, self._publication.report, "ok")
        except clashes:
            if not self._staged.changed:
                raise
            raise OutOfStep from None
        except busy:
            raise WarehouseBusy(
                "Readers hold the tables of the target, and did not let go for minutes; they keep the old content.",
                hint="SELECT pid, query FROM pg_stat_activity WHERE state <> 'idle' shows them.",
            ) from None

    def refuse(self) -> None:
        """Add the failed publication to the history; the tables stay."""
        record(self.database, self._publication.report, "failed")

    def _swap(self, agree: Agree) -> None:
        """Do what takes time first, and lock the tables that people read last."""
        from padm_ibis.backends.postgres import survivors

        changed, kept, con = self._staged.changed, self._staged.changed | self._staged.same, self._con
        for spec in self._publication.specs:
            if spec.name in changed:
                self._change(spec)
        place = {s.name: self._own(s) if s.name in kept else self.staged(s) for s in self._publication.specs}
        if kept and len(self._staged.same) < len(self._publication.specs) and not agree(place):
            raise OutOfStep
        specs = [spec for spec in self._publication.specs if spec.name not in kept]
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

    def _change(self, spec: TableSpec) -> None:
        """Apply the changes of a table; readers go on, and writers, of whom there should be none, wait."""
        mark, own = self._staged.before[spec.name], self._own(spec)
        self._con.execute(f"SET LOCAL lock_timeout = '{LOCK_WAIT}s'")
        self._con.execute(f"LOCK TABLE {own} IN SHARE ROW EXCLUSIVE MODE")
        self._con.execute("SET LOCAL lock_timeout = 0")
        if not marks.is_untouched(self._con, own, mark):
            raise OutOfStep
        gone = self.database.place(self._stage, self._gone(spec))
        names = ", ".join(quote(name) for name in self._publication.columns[spec.name].names)
        deleted = self._con.execute(f"DELETE FROM {own} AS o USING {gone} AS g WHERE {key_condition(spec, 'g', 'o')}").rowcount
        inserted = self._con.execute(f"INSERT INTO {own} ({names}) SELECT {names} FROM {self.staged(spec)}").rowcount
        ((wanted,),) = self._con.execute(f"SELECT count(*) FROM {gone}").fetchall()
        if deleted != wanted:
            raise OutOfStep
        writers = (*mark.transactions, marks.own_transaction(self._con)) if inserted else mark.transactions
        rows = mark.rows - deleted + inserted
        after = marks.Mark(self._publication.number, self._staged.basis[spec.name], mark.oid, rows, writers, mark.shape)
        self._staged.after[spec.name] = after

    def _mark(self) -> None:
        """Have every table say whose rows it holds."""
        for spec, detail in zip(self._publication.specs, self._publication.report.tables_detail, strict=True):
            if spec.name in self._staged.basis:
                after = self._staged.after
                marks.put(
                    self._con, spec.qualified, after[spec.name] if spec.name in after else self._new_mark(spec, detail.records)
                )

    def _new_mark(self, spec: TableSpec, rows: int) -> marks.Mark:
        own, made_by = self._own(spec), self._staged.basis[spec.name]
        oid, shape = marks.oid_of(self._con, own), marks.shape_of(self._con, own)
        assert oid is not None, "it has just been put there"
        return marks.Mark(self._publication.number, made_by, oid, rows, marks.writer_of(self._con, own), shape)

    def _own(self, spec: TableSpec) -> str:
        return self.database.place(spec.schema, spec.name)

    def _upsert(self, spec: TableSpec) -> None:
        own = self._own(spec)
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
            raise would_be_lost(problems)
        return views

    def _carry(self, old: int, staged: str) -> None:
        from padm_ibis.backends.postgres import survivors

        survivors.carry_indexes(self._con, old, staged)  # those that came since the table was finished
        texts = survivors.comments(self._con, old)
        columns = {c for (c,) in self._con.execute("SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass", [staged])}
        for statement in survivors.comment_statements(staged, {c: text for c, text in texts.items() if c in {"", *columns}}):
            self._con.execute(statement)
        survivors.carry_table(self._con, old, staged)


def _take(database: PostgresDatabase, publication: Publication) -> None:
    from padm_ibis.backends.postgres.lock import holder

    if not database.query(f"SELECT pg_try_advisory_lock({LOCK_KEY})")[0][0]:
        raise WarehouseBusy(
            f"Another publication to {publication.url} is going on{holder(database.raw, LOCK_KEY)}.",
            hint="Wait until it ends, or for longer: --wait SECONDS.",
        )


@contextmanager
def postgres_target(publication: Publication) -> Iterator[PostgresTarget]:
    """Lock the database for one publication and give it a staging schema, which goes with it."""
    import psycopg

    refuse_cut_names(publication)
    database = PostgresDatabase(publication.config, publication.url, read_only=False, called="target")
    con, stage = database.raw, f"{STAGE}_{secrets.token_hex(4)}"
    try:
        publication.patience.of(lambda: _take(database, publication))
        refuse_losses(database, publication)
        for (leftover,) in con.execute("SELECT nspname FROM pg_namespace WHERE nspname ~ %s", [_LEFTOVERS]).fetchall():
            con.execute(f"DROP SCHEMA {quote(leftover)} CASCADE")
        con.execute(f"CREATE SCHEMA {stage}")
        yield PostgresTarget(database, publication, stage)
    finally:
        with suppress(psycopg.Error):  # a lost connection: the next publication clears it away
            con.execute(f"DROP SCHEMA IF EXISTS {stage} CASCADE")
        database.close()
