"""What runs restated, as the warehouse tells it to everybody who reads it, and how much of an earlier version moved by it."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from padm_ibis.engine.causes import ERASED
from padm_ibis.engine.ledger import SCHEMA
from padm_ibis.errors import UnknownName, UsageError
from padm_ibis.report.restated import Moved, Restated, RestatedBy, RestatedRow, Restatements
from padm_ibis.sources.values import literal


class Asked(Protocol):
    """What readers see of a warehouse."""

    @property
    def dialect(self) -> str:
        """The SQL that it speaks."""

    def execute(self, sql: str) -> Sequence[tuple[Any, ...]]:
        """Run a statement and return its rows."""


def read(asked: Asked, table: str, since: str | None = None) -> Restatements:
    """Return what runs restated of a table; a warehouse that an earlier version made knows of nothing.

    Parameters
    ----------
    table
        Layer and name.
    since
        Only by runs after this one: its name, or the beginning of its name.

    Raises
    ------
    UnknownName
        If there is no such run, or more than one.
    UsageError
        If it came after the version that readers see, or did not have the table.
    """
    runs = _Runs(asked)
    counts = list(_counts(asked, table)) if runs.know_of_any else []
    listed = list(_listed(asked, table)) if runs.know_of_any else []
    moved = None
    if since is not None and runs.know_of_any:
        first = runs.named(since)
        later, abandoned = runs.between(first)
        moved = _Comparison(table, counts, listed).moved(first, later, abandoned)
        counts = [one for one in counts if one.run_id in later]
        listed = [row for row in listed if row.run_id in later]
    rows = [RestatedRow(row.run_id, row.key, row.kind, row.cause, row.columns) for row in reversed(listed)]
    return Restatements(table, runs.shown, moved, counts[::-1], rows)


def moved_since(asked: Asked, run_id: str) -> list[Moved]:
    """Return of every table that was restated since a run how much of what it published is otherwise now."""
    if not _Runs(asked).know_of_any:
        return []
    tables = [name for (name,) in asked.execute(f"SELECT DISTINCT table_name FROM {SCHEMA}.restatements ORDER BY 1")]
    had = _Runs(asked).named(run_id).rows
    found = (read(asked, table, run_id).moved for table in tables if table.rpartition(".")[2] in had)
    return [one for one in found if one is not None and (one.moved or one.added)]


@dataclass(frozen=True, slots=True)
class _Run:
    """A run that published: when it began, and how many rows each table had after it."""

    run_id: str
    began: dt.datetime
    rows: Mapping[str, int]


class _Runs:
    """The runs of a warehouse, each with the one whose tables it went on from."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        tables = {name for (name,) in asked.execute(
            f"SELECT table_name FROM information_schema.tables WHERE table_schema = '{SCHEMA}'"
        )}  # fmt: skip
        self.know_of_any = "restatements" in tables
        shown = asked.execute(f"SELECT value FROM {SCHEMA}.state WHERE key = 'published'") if "state" in tables else ()
        self.shown: str | None = shown[0][0] if shown else None
        self._before = self._lineage("rollbacks" in tables)

    def _lineage(self, rolled_back: bool) -> dict[str, str | None]:
        """Run → the one before. After a rollback, a run in PostgreSQL goes on from what readers were brought back to."""
        events = [*self._asked.execute(f"SELECT started_at, run_id, 'run' FROM {SCHEMA}.runs WHERE layer <> 'publish'")]
        if rolled_back and self._asked.dialect == "postgres":
            events += self._asked.execute(f"SELECT rolled_back_at, to_run, 'rollback' FROM {SCHEMA}.rollbacks")
        before: dict[str, str | None] = {}
        last = None
        for _, run_id, what in sorted(events):
            if what == "run":
                before[run_id] = last
            last = run_id
        return before

    def named(self, name: str) -> _Run:
        """Return the run of a name, or the only one whose name begins so."""
        found = self._asked.execute(
            f"SELECT run_id, started_at, contents FROM {SCHEMA}.runs WHERE layer <> 'publish' AND published"
            f" AND left(run_id, {len(name)}) = {literal(name)} ORDER BY started_at"
        )
        exact = [row for row in found if row[0] == name] or found
        if len(exact) != 1:
            newest = f"SELECT run_id FROM {SCHEMA}.runs WHERE published ORDER BY started_at DESC LIMIT 10"
            raise UnknownName("run that published", name, [row[0] for row in exact or self._asked.execute(newest)])
        run_id, began, contents = exact[0]
        return _Run(run_id, began, {table: int(held["rows"]) for table, held in json.loads(contents or "{}").items()})

    def between(self, first: _Run) -> tuple[list[str], list[str]]:
        """Return the runs by which readers' version differs from a run's: those since, and those it had and they have not.

        Raises
        ------
        UsageError
            If what the latter restated is not known here: the file of an earlier version does not know of later ones.
        """
        mine, theirs = self._to(first.run_id), self._to(self.shown)
        abandoned = [run_id for run_id in mine if run_id not in theirs]
        if abandoned and self._asked.dialect != "postgres":
            raise UsageError(
                f"The run {first.run_id} came after {self.shown}, whose version readers see.",
                hint="padm-ibis history lists them.",
            )
        return [run_id for run_id in theirs if run_id not in mine], abandoned

    def _to(self, run_id: str | None) -> list[str]:
        """The runs that a version goes back to, oldest first, its own included."""
        found: list[str] = []
        while run_id is not None and run_id not in found:
            found.append(run_id)
            run_id = self._before.get(run_id)
        return found[::-1]


@dataclass(frozen=True, slots=True)
class _Row(RestatedRow):
    """With the hashes of what it said before and then; None stands for no row."""

    was: str | None = None
    became: str | None = None


def _counts(asked: Asked, table: str) -> Iterator[RestatedBy]:
    """Yield what was counted, the oldest run first."""
    for run_id, kind, cause, count, published, features, columns, inputs in asked.execute(
        "SELECT s.run_id, s.kind, s.cause, s.restated_rows, s.published_rows, s.feature_rows, s.columns, s.inputs"
        f" FROM {SCHEMA}.restatements s JOIN {SCHEMA}.runs r ON r.run_id = s.run_id WHERE s.table_name = {literal(table)}"
        " ORDER BY r.started_at, s.run_id, s.restated_rows, s.kind, s.cause"
    ):
        found = Restated(table, kind, cause, count, published, features, json.loads(columns), json.loads(inputs))
        yield RestatedBy(run_id, found)


def _listed(asked: Asked, table: str) -> Iterator[_Row]:
    """Yield the rows that are listed, those of the oldest run first, within a run in falling order of their keys."""
    for run_id, key, kind, cause, columns, was, became in asked.execute(
        "SELECT k.run_id, k.row_key, k.kind, k.cause, k.columns, k.was, k.became"
        f" FROM {SCHEMA}.restated_keys k JOIN {SCHEMA}.runs r ON r.run_id = k.run_id WHERE k.table_name = {literal(table)}"
        " ORDER BY r.started_at, k.run_id, k.row_key DESC"
    ):
        yield _Row(run_id, json.loads(key), kind, cause, columns.split(",") if columns else (), was, became)


Ends = dict[str, tuple[str | None, str | None]]
"""Key → the hash of its row before some runs, and after them; None stands for no row."""


@dataclass(frozen=True, slots=True)
class _Comparison:
    """What runs restated of one table, oldest first."""

    table: str
    counts: Sequence[RestatedBy]
    listed: Sequence[_Row]

    def moved(self, first: _Run, later: Collection[str], abandoned: Collection[str]) -> Moved:
        """Return how much of what a run published is otherwise by later runs, and without those that were left behind."""
        name = self.table.rpartition(".")[2]
        if name not in first.rows:
            raise UsageError(f"The run {first.run_id} published no {self.table}.", hint="padm-ibis history lists the others.")
        now, then = self._ends(later), self._ends(abandoned)
        both = [
            (then[key][1] if key in then else now[key][0], now[key][1] if key in now else then[key][0]) for key in {*now, *then}
        ]
        moved = sum(was is not None and was != became for was, became in both)
        added = sum(was is None and became is not None for was, became in both)
        runs = {*later, *abandoned}
        erased = sum(one.found.rows for one in self.counts if one.run_id in runs and one.found.cause == ERASED)
        counted = _of_runs((one.run_id, one.found.rows) for one in self.counts if one.run_id in runs and _counts_as_moved(one))
        told = _of_runs((row.run_id, 1) for row in self.listed if row.kind != "added")
        whole = all(told.get(run_id, 0) >= count for run_id, count in counted.items())
        if not whole:  # some keys were not kept: no fewer than the most that one run restated
            moved = max(moved, *counted.values())
        return Moved(self.table, first.run_id, first.rows[name], min(moved + erased, first.rows[name]), added, whole)

    def _ends(self, runs: Collection[str]) -> Ends:
        ends: Ends = {}
        for row in self.listed:
            if row.run_id in runs:
                key = json.dumps(dict(row.key), sort_keys=True)
                ends[key] = (ends[key][0] if key in ends else row.was, row.became)
        return ends


def _counts_as_moved(one: RestatedBy) -> bool:
    return one.found.kind != "added" and one.found.cause != ERASED


def _of_runs(found: Iterable[tuple[str, int]]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for run_id, count in found:
        counts[run_id] = counts.get(run_id, 0) + count
    return counts
