"""Rows of moments that were already published, and that a run made say something else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Literal

from padm_ibis.report.answer import to_json
from padm_ibis.report.text import rows

Kind = Literal["changed", "added", "removed"]
SHOWN = 3
"""Columns that a line names."""


@dataclass(frozen=True, slots=True)
class Restated:
    """Rows of one point-in-time table that a run restated in one way and for one cause.

    Attributes
    ----------
    kind
        ``changed``: a value is another. ``added``: new, in a year that its source had already. ``removed``: gone.
    cause
        ``late``, ``corrected``, ``deleted``: that happened since to facts of the row's own student or person, of the row's
        year or before. ``code``: an expression or contract is another one. ``parameters``: ``as_of``, or one of ``[pipeline]``.
        ``erased``: it was an erased person's. ``data``: facts of others, or of tables that name nobody. Several, joined by
        ``+``, where each of them may have done it.
    rows
        How many.
    published
        Rows that the table had.
    features
        Of changed rows, those in which something moved that a model may learn from: no label, partition or the like.
    columns
        Of changed rows: column → in how many of them it moved.
    inputs
        Bronze tables of the table's that changed since it was made last.
    """

    table: str
    kind: Kind
    cause: str
    rows: int
    published: int
    features: int = 0
    columns: Mapping[str, int] = field(default_factory=dict)
    inputs: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class RestatedBy:
    """What one run restated; see `Restated`."""

    run_id: str
    found: Restated


@dataclass(frozen=True, slots=True)
class RestatedRow:
    """One restated row: its key, and which of its columns moved; values are kept nowhere."""

    run_id: str
    key: Mapping[str, Any]
    kind: Kind
    cause: str
    columns: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Moved:
    """How much of what a run published is otherwise now.

    Attributes
    ----------
    since
        The run.
    rows
        Rows that it published.
    moved
        Those of them that are other ones, or gone, in the version that readers see.
    added
        Rows that are new in years that it had.
    complete
        Whether the lists of keys that this was counted from are whole; otherwise it is the least that moved.
    """

    table: str
    since: str
    rows: int
    moved: int
    added: int = 0
    complete: bool = True

    def __str__(self) -> str:
        least = "" if self.complete else "at least "
        more = f"; {rows(self.added)} of its years {'is' if self.added == 1 else 'are'} new" if self.added else ""
        verb = "differs" if self.moved == 1 else "differ"
        return (
            f"{least}{self.moved:,} of {rows(self.rows)} ({share(self.moved, self.rows)}) of {self.table} {verb}"
            f" from what run {self.since} published{more}"
        )


@dataclass(frozen=True, slots=True)
class Restatements:
    """What runs restated of one table.

    Attributes
    ----------
    run_id
        The run whose version readers see.
    moved
        With ``since``: how much of that run's version is otherwise now.
    counts
        All of them, by run, the newest first.
    listed
        Restated rows, those of the newest run first; of each run and table no more than 10,000, and none of erased people.
    """

    table: str
    run_id: str | None
    moved: Moved | None = None
    counts: Sequence[RestatedBy] = ()
    listed: Sequence[RestatedRow] = ()

    def json(self) -> str:
        """Return everything as JSON."""
        return to_json(self)


def share(part: int, whole: int) -> str:
    """``(1204, 96311)`` → ``1.3 %``; what is not nothing never shows as 0 %, nor what is not all as 100 %."""
    if not part or not whole:
        return "0 %"
    percent = 100 * part / whole
    if percent < 0.1:
        return "<0.1 %"
    return "100 %" if part == whole else f"{min(percent, 99.9):.1f} %"


def restatements(found: Iterable[Restated]) -> Iterator[str]:
    """Yield a line for each table: how many of its published rows are other ones now, why, and in which columns."""
    for table, group in groupby(found, key=lambda one: one.table):
        yield f"{table}: {_of_table(list(group))}"


def _of_table(found: Sequence[Restated]) -> str:
    of_kind = {kind: sum(one.rows for one in found if one.kind == kind) for kind in ("changed", "removed", "added")}
    moved, published = of_kind["changed"] + of_kind["removed"], found[0].published
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in of_kind.items() if count)
    causes = _most({one.cause: sum(o.rows for o in found if o.cause == one.cause) for one in found}, len(found))
    columns: dict[str, int] = {}
    for one in found:
        for name, count in one.columns.items():
            columns[name] = columns.get(name, 0) + count
    where = f"; columns: {_most(columns, SHOWN)}" if columns else ""
    features = sum(one.features for one in found)
    seen = f" ({features:,} in a feature)" if of_kind["changed"] else ""
    return f"{moved:,} of {rows(published)} restated ({share(moved, published)}): {kinds}{seen}; causes: {causes}{where}"


def _most(counts: Mapping[str, int], most: int) -> str:
    """The greatest of some counts by name, and how many more there are."""
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    rest = f" and {len(ordered) - most} more" if len(ordered) > most else ""
    return ", ".join(f"{name} {count:,}" for name, count in ordered[:most]) + rest


def lines(found: Restatements, most: int) -> Iterator[str]:
    """Yield what was restated as plain lines, at most so many of them for rows."""
    if found.moved is not None:
        yield f"{found.moved}."
    for run_id, group in groupby(found.counts, key=lambda one: one.run_id):
        yield from (f"run {run_id}: {text}" for text in restatements(one.found for one in group))
    if not found.counts:
        yield f"No run restated a row of {found.table}" + (f" since {found.moved.since}." if found.moved else ".")
    for row in found.listed[:most]:
        key = ", ".join(f"{name}={value}" for name, value in row.key.items())
        columns = f": {', '.join(row.columns)}" if row.columns else ""
        yield f"{key}  {row.kind}, {row.cause}{columns}"
    if len(found.listed) > most:
        yield f"and {len(found.listed) - most:,} more of those listed; --limit shows more, --json all"
    counted = sum(one.found.rows for one in found.counts)
    if counted > len(found.listed):
        yield f"{rows(counted - len(found.listed))} more are counted and not listed"
