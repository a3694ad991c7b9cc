"""What runs restated, as the warehouse tells it to everybody who reads it, and how much of an earlier version moved by it."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from padm_ibis.engine.causes import ERASED
from padm_ibis.engine.ledger import SCHEMA
from padm_ibis.errors import UnknownName, UsageError
from padm_ibis.report.restated import Moved, Restated, RestatedBy, RestatedRow, Restatements
from padm_ibis.sources.values import literal

Query = Callable[[str], Sequence[tuple[Any, ...]]]


@dataclass(frozen=True, slots=True)
class _Run:
    """A run of the warehouse: when it began, and how many rows each table had after it."""

    run_id: str
    began: dt.datetime
    rows: Mapping[str, int]


def read(query: Query, table: str, since: str | None = None) -> Restatements:
    """Return what runs restated of a table; with ``since``, those after the run of that name, or the only one it begins.

    Parameters
    ----------
    query
        Runs a statement on what readers see.
    table
        Layer and name.

    Raises
    ------
    UnknownName
        If there is no such run, or more than one.
    UsageError
        If it came after the version that readers see, or did not have the table.
    """
    shown = _shown(query)
    first = None if since is None else _named(query, since)
    after = f" AND r.started_at > TIMESTAMP {literal(str(first.began))}" if first else ""
    counts = list(_counts(query, table, after))
    listed = list(_listed(query, table, after))
    moved = None if first is None else _moved(table, first, shown, counts, listed)
    rows = [RestatedRow(row.run_id, row.key, row.kind, row.cause, row.columns) for row in reversed(listed)]
    return Restatements(table, None if shown is None else shown.run_id, moved, counts[::-1], rows)


def moved_since(query: Query, run_id: str) -> list[Moved]:
    """Return of every table that was restated since a run how much of what it published is otherwise now."""
    if not _exists(query):
        return []
    tables = [name for (name,) in query(f"SELECT DISTINCT table_name FROM {SCHEMA}.restatements ORDER BY 1")]
    first = _named(query, run_id)
    found = (read(query, table, run_id).moved for table in tables if table.rpartition(".")[2] in first.rows)
    return [one for one in found if one is not None and (one.moved or one.added)]


def _exists(query: Query) -> bool:
    return bool(query(f"SELECT 1 FROM information_schema.tables WHERE table_schema = '{SCHEMA}' AND table_name = 'restatements'"))


def _named(query: Query, name: str) -> _Run:
    found = query(
        f"SELECT run_id, started_at, contents FROM {SCHEMA}.runs WHERE layer <> 'publish' AND published"
        f" AND left(run_id, {len(name)}) = {literal(name)} ORDER BY started_at"
    )
    exact = [row for row in found if row[0] == name] or found
    if len(exact) != 1:
        known = exact or query(f"SELECT run_id FROM {SCHEMA}.runs WHERE published ORDER BY started_at DESC LIMIT 10")
        raise UnknownName("run that published", name, [row[0] for row in known])
    return _run(*exact[0])


def _shown(query: Query) -> _Run | None:
    found = query(
        f"SELECT r.run_id, r.started_at, r.contents FROM {SCHEMA}.runs r JOIN {SCHEMA}.state s ON s.value = r.run_id"
        " WHERE s.key = 'published'"
    )
    return _run(*found[0]) if found else None


def _run(run_id: str, began: dt.datetime, contents: str | None) -> _Run:
    return _Run(run_id, began, {name: int(held["rows"]) for name, held in json.loads(contents or "{}").items()})


def _counts(query: Query, table: str, after: str) -> Iterator[RestatedBy]:
    """Yield what was counted, the oldest run first."""
    if not _exists(query):
        return
    for run_id, kind, cause, count, published, features, columns, inputs in query(
        "SELECT s.run_id, s.kind, s.cause, s.restated_rows, s.published_rows, s.feature_rows, s.columns, s.inputs"
        f" FROM {SCHEMA}.restatements s JOIN {SCHEMA}.runs r ON r.run_id = s.run_id WHERE s.table_name = {literal(table)}{after}"
        " ORDER BY r.started_at, s.run_id, s.restated_rows, s.kind, s.cause"
    ):
        yield RestatedBy(
            run_id, Restated(table, kind, cause, count, published, features, json.loads(columns), json.loads(inputs))
        )


@dataclass(frozen=True, slots=True)
class _Row(RestatedRow):
    """With the hashes of what it said before and then; None stands for no row."""

    was: str | None = None
    became: str | None = None


def _listed(query: Query, table: str, after: str) -> Iterator[_Row]:
    """Yield the rows that are listed, those of the oldest run first, within a run in falling order of their keys."""
    if not _exists(query):
        return
    for run_id, key, kind, cause, columns, was, became in query(
        "SELECT k.run_id, k.row_key, k.kind, k.cause, k.columns, k.was, k.became"
        f" FROM {SCHEMA}.restated_keys k JOIN {SCHEMA}.runs r ON r.run_id = k.run_id WHERE k.table_name = {literal(table)}{after}"
        " ORDER BY r.started_at, k.run_id, k.row_key DESC"
    ):
        yield _Row(run_id, json.loads(key), kind, cause, columns.split(",") if columns else (), was, became)


def _moved(table: str, first: _Run, shown: _Run | None, counts: Sequence[RestatedBy], listed: Iterable[_Row]) -> Moved:
    name = table.rpartition(".")[2]
    if shown is not None and shown.began < first.began:
        raise UsageError(
            f"The run {first.run_id} came after {shown.run_id}, whose version readers see.", hint="padm-ibis history lists them."
        )
    if name not in first.rows:
        raise UsageError(f"The run {first.run_id} published no {table}.", hint="padm-ibis history lists earlier and later ones.")
    ends: dict[str, tuple[str | None, str | None]] = {}
    told: dict[str, int] = {}
    for row in listed:
        key = json.dumps(dict(row.key), sort_keys=True)
        ends[key] = (ends[key][0] if key in ends else row.was, row.became)
        told[row.run_id] = told.get(row.run_id, 0) + (row.kind != "added")
    moved = sum(was is not None and was != became for was, became in ends.values())
    added = sum(was is None and became is not None for was, became in ends.values())
    erased = sum(one.found.rows for one in counts if one.found.cause == ERASED)
    counted: dict[str, int] = {}
    for one in counts:
        if one.found.kind != "added" and one.found.cause != ERASED:
            counted[one.run_id] = counted.get(one.run_id, 0) + one.found.rows
    whole = all(told.get(run_id, 0) >= count for run_id, count in counted.items())
    if not whole:  # some keys were not kept: no fewer than the most that one run restated
        moved = max(moved, *counted.values())
    return Moved(table, first.run_id, first.rows[name], min(moved + erased, first.rows[name]), added, whole)
