"""Versions that readers saw before: their schemas under other names, their books, and what bronze held (`bronze_log`).

A schema of silver or gold may belong to several versions: a run that built nothing of a layer leaves it as it is. It has the
number of the first version that it belongs to.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from padm_ibis.backends.postgres import bronze_log
from padm_ibis.backends.postgres.connection import execute
from padm_ibis.backends.postgres.foresee import forget_lost
from padm_ibis.backends.postgres.schemas import OLD, REPLACED, get, put
from padm_ibis.extract.store import LEDGER
from padm_ibis.report.versions import Version, newest_first, too_many
from padm_ibis.sources.values import literal, quote

if TYPE_CHECKING:
    from padm_ibis.backends.postgres.connection import Connection
    from padm_ibis.config import Config

BOOKS = ("tables", "watermarks", "hash_keys", "source_columns", "rejected_rows")
"""Tables of ``_padm`` that say what a version is made of; those of its history belong to all versions."""
COMMENTS = "state"
"""Of that table, what is known of comments belongs to a version as well."""
WORK = 0
"""In place of a version's number: the newest state, from which the next run goes on after a rollback."""
WORK_STEP = "work_step"
"""Key of ``_padm.state``: the step after which bronze was that newest state; only there after a rollback."""
_VERSIONS = "number bigint, run_id text, silver bigint, gold bigint, step bigint"


@dataclass(frozen=True, slots=True)
class Made:
    """A version: whose run, which schemas, and after which step bronze is its own."""

    number: int
    run_id: str
    silver: int
    gold: int
    step: int

    def schema(self, layer: str) -> str:
        """Return what a layer of it is called while readers see another."""
        return f"{bronze_log.SCHEMA}_{getattr(self, layer)}_{layer}"


class Kept:
    """The versions that one warehouse keeps."""

    def __init__(self, con: Connection, config: Config) -> None:
        self.con = con
        self.number, self.most = config.warehouse.keep_versions, config.warehouse.most_bytes

    # --- what there is -----------------------------------------------------------------------------------

    def all(self) -> list[Made]:
        """Return the version that readers see and those that are kept, oldest first."""
        if not execute(self.con, "SELECT to_regclass(?)", [f"{LEDGER}.versions"])[0][0]:
            return []
        names = "number, run_id, silver, gold, step"
        return [Made(*row) for row in execute(self.con, f"SELECT {names} FROM {LEDGER}.versions ORDER BY number")]

    def of(self, run_id: str | None) -> Made | None:
        """Return the version of a run."""
        return next((made for made in self.all() if made.run_id == run_id), None)

    def versions(self, shown: str | None) -> list[Version]:
        """Return the same with what each takes beside the one readers see, newest first.

        None where an earlier version of this library published since: what that run changed in bronze is not known.
        """
        found = self.all()
        if all(made.run_id != shown for made in found):
            return []
        names = {layer: next((getattr(m, layer) for m in found if m.run_id == shown), None) for layer in REPLACED}

        def size(made: Made) -> int:
            if made.run_id == shown:
                return self._size(REPLACED)
            return self._size([made.schema(layer) for layer in REPLACED if getattr(made, layer) != names[layer]])

        return newest_first(Version(made.run_id, made.number, size(made), made.run_id == shown) for made in found)

    def _size(self, schemas: Sequence[str]) -> int:
        return int(execute(
            self.con,
            "SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0) FROM pg_class c JOIN pg_namespace n"
            " ON n.oid = c.relnamespace WHERE n.nspname = ANY(?) AND c.relkind = 'r'",
            [list(schemas)],
        )[0][0])  # fmt: skip

    # --- what a run does ---------------------------------------------------------------------------------

    def take_up(self, run_id: str) -> int | None:
        """Let a run go on from the newest state; return the step that it is, or None where nothing shall be kept."""
        if self.number == 0 and not self.all():
            return None
        self.register()
        if (step := get(self.con, WORK_STEP)) is not None:
            bronze_log.go_to(self.con, int(step))
            self._open_books(WORK, bronze_only=True)
            self._forget_work()
            forget_lost(self.con)
        if self.number == 0:
            self.drop()
            return None
        return bronze_log.begin(self.con, run_id)

    def register(self) -> None:
        """Make the tables, and know the version that readers see, though it was made when none were kept."""
        bronze_log.ensure(self.con)
        self.con.execute(f"CREATE TABLE IF NOT EXISTS {bronze_log.SCHEMA}.books (number bigint, name text, row_data text)")
        self.con.execute(f"CREATE TABLE IF NOT EXISTS {LEDGER}.versions ({_VERSIONS})")
        shown = get(self.con, "published")
        if shown is not None and self.of(shown) is None:
            self.drop()  # whoever published it did not write down what they changed
            number = self._next()
            self.add(Made(number, shown, number, number, bronze_log.last_step(self.con)))

    def add(self, made: Made) -> None:
        """Know a version, whose books are those of now."""
        values = [made.number, made.run_id, made.silver, made.gold, made.step]
        execute(self.con, f"INSERT INTO {LEDGER}.versions VALUES (?, ?, ?, ?, ?)", values)
        self._close_books(made.number)

    def published(self, run_id: str, layers: Sequence[str]) -> None:
        """Know a new version, of which some layers were built; drop those that are too many."""
        before, number, step = self.of(get(self.con, "published")), self._next(), bronze_log.last_step(self.con)
        built = {layer: number if before is None or layer in layers else getattr(before, layer) for layer in REPLACED}
        self.add(Made(number, run_id, step=step, **built))

    def prune(self, shown: str) -> None:
        """Drop what is more than shall be kept; its tables go once nobody reads them."""
        gone = too_many(self.versions(shown), self.number, self.most)
        for version in gone:
            execute(self.con, f"DELETE FROM {LEDGER}.versions WHERE number = ?", [version.number])
        self._tidy()

    def drop(self) -> list[str]:
        """Drop all but the version that readers see, and the newest state where that is another; return the runs' names."""
        found = self.all()
        if not found:
            return []
        shown = get(self.con, "published")
        with self.con.transaction():
            execute(self.con, f"DELETE FROM {LEDGER}.versions WHERE run_id IS DISTINCT FROM ?", [shown])
            self._forget_work()
            bronze_log.forget(self.con)
            execute(self.con, f"UPDATE {LEDGER}.versions SET step = ?", [bronze_log.last_step(self.con)])
            for made in self.all():
                self._close_books(made.number)  # as they are by now: rows may have been erased
            self._tidy()
        return [f"the version of {made.run_id}" for made in found if made.run_id != shown]

    def _tidy(self) -> None:
        """Drop what belongs to no version any more."""
        found = self.all()
        wanted = {made.schema(layer) for made in found for layer in REPLACED}
        kept = execute(
            self.con, "SELECT nspname, oid FROM pg_namespace WHERE starts_with(nspname, ?) ORDER BY 1", [f"{bronze_log.SCHEMA}_"]
        )
        for schema, number in kept:
            if schema not in wanted:
                self.con.execute(f"ALTER SCHEMA {quote(schema)} RENAME TO {quote(f'{OLD}{number}')}")
        numbers = [made.number for made in found]
        execute(self.con, f"DELETE FROM {bronze_log.SCHEMA}.books WHERE number <> ALL(?)", [[*numbers, WORK]])
        steps = [made.step for made in found]
        if (work := get(self.con, WORK_STEP)) is not None:
            steps.append(int(work))
        if steps:
            bronze_log.forget(self.con, min(steps))

    def _next(self) -> int:
        return max((made.number for made in self.all()), default=0) + 1

    # --- what a rollback does ----------------------------------------------------------------------------

    def leave_work(self) -> None:
        """Keep the newest state, unless readers were brought back before and it is kept already."""
        if get(self.con, WORK_STEP) is None:
            put(self.con, WORK_STEP, str(bronze_log.last_step(self.con)))
            self._close_books(WORK)

    def show(self, made: Made) -> None:
        """Let bronze and the books be those of a version."""
        bronze_log.go_to(self.con, made.step)
        self._open_books(made.number)

    def _forget_work(self) -> None:
        execute(self.con, f"DELETE FROM {LEDGER}.state WHERE key = ?", [WORK_STEP])
        execute(self.con, f"DELETE FROM {bronze_log.SCHEMA}.books WHERE number = ?", [WORK])

    def _close_books(self, number: int) -> None:
        execute(self.con, f"DELETE FROM {bronze_log.SCHEMA}.books WHERE number = ?", [number])
        for name in (*BOOKS, COMMENTS):
            if execute(self.con, "SELECT to_regclass(?)", [f"{LEDGER}.{name}"])[0][0]:
                self.con.execute(
                    f"INSERT INTO {bronze_log.SCHEMA}.books SELECT {number}, {literal(name)}, row_to_json(t)::text"
                    f" FROM {LEDGER}.{name} t {_mine(name)}"
                )

    def _open_books(self, number: int, *, bronze_only: bool = False) -> None:
        """Put a version's books in the place of those of now; of the newest state, only what they say of bronze."""
        for name in (*BOOKS, *(() if bronze_only else (COMMENTS,))):
            table, only = f"{LEDGER}.{name}", " AND t.layer = 'bronze'" if bronze_only and name == "tables" else ""
            self.con.execute(f"DELETE FROM {table} t {_mine(name) or 'WHERE true'}{only}")
            self.con.execute(
                f"INSERT INTO {table} SELECT t.* FROM {bronze_log.SCHEMA}.books b,"
                f" json_populate_record(NULL::{table}, b.row_data::json) t"
                f" WHERE b.number = {number} AND b.name = {literal(name)}{only}"
            )


def _mine(name: str) -> str:
    return "WHERE starts_with(t.key, 'comments ')" if name == COMMENTS else ""
