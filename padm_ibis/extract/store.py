"""Where bronze is kept: what the extraction asks of a warehouse.

Rows of one source are staged first and applied together with their watermarks in one transaction: what a source sent
is there as a whole, or not at all.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import duckdb

from padm_ibis.define.kept import Kept
from padm_ibis.define.layers import ABSENT
from padm_ibis.sources.spec import ResourceSpec
from padm_ibis.sources.values import literal, quote

LEDGER = "_padm"
DUPLICATE = "another row has this key"
"""Why a row stands in ``rejected_rows`` that is like no other in anything but its key."""
Mode = Literal["full", "refresh", "first", "incremental", "buckets"]


@dataclass(frozen=True, slots=True)
class State:
    """What the warehouse knows of one resource of one source.

    Attributes
    ----------
    watermark
        Greatest value of the cursor seen that was not in the future, in the source's time zone.
    loaded_from
        First day of the cursor that was asked for; None for everything.
    definition
        Fingerprint of the statement the rows were read by.
    extracted_at
        When it was last read, UTC.
    """

    watermark: dt.datetime | None
    loaded_from: dt.date | None
    definition: str
    extracted_at: dt.datetime
    rows_read: int = 0
    run_id: str = ""


Buckets = Mapping[int, tuple[int, str]]
"""Bucket → its rows at the source, and a digest of what they say, whatever their order."""


@dataclass(frozen=True, slots=True)
class Sync:
    """What a source said of a resource's rows when bronze was last known to be in step with it.

    Attributes
    ----------
    basis
        Names what the digests were made by: those of another basis say nothing.
    synced_at
        When they were asked for, UTC.
    run_id
        The run that loaded the resource last, whichever way; where another one has, they say nothing.
    """

    basis: str
    synced_at: dt.datetime
    run_id: str
    buckets: Buckets


TOUCHED = "padm_touched"
"""The temporary table of whose rows a run inserted, changed or removed: ``resource``, ``identity``, ``source_db``, ``number``.

A number that is null stands for rows that are nobody's, and one for all of a source's: then any table may come out otherwise.
"""
TOUCHED_COLUMNS = "resource text, identity text, source_db text, number text"


def touched_rows(spec: ResourceSpec, rows: Iterable[str]) -> str:
    """Return the query of whose rows some relations' are, as rows of `TOUCHED`."""
    owners = spec.owners.items()
    parts = [
        f"SELECT {literal(spec.name)}, {literal(identity)}, source_db, CAST({quote(column)} AS text) FROM {relation} AS t"
        + (f" WHERE {quote(column)} IS NOT NULL" if number else "")
        for relation in rows
        for number, (column, identity) in enumerate(owners)
    ]
    return " UNION ".join(parts) or f"SELECT {literal(spec.name)}, '', '', CAST(NULL AS text)"


def syncs_of(heads: Iterable[tuple[Any, ...]], buckets: Iterable[tuple[Any, ...]]) -> dict[str, Sync]:
    """Return, by resource, what rows of ``syncs`` and ``digests`` say, each without its ``source_db``."""
    found: dict[str, dict[int, tuple[int, str]]] = {}
    for resource, number, count, digest in buckets:
        found.setdefault(resource, {})[number] = (count, digest)
    return {name: Sync(basis, synced_at, run_id, found.get(name, {})) for name, basis, synced_at, run_id in heads}


@dataclass(frozen=True, slots=True)
class Plan:
    """How one resource of one source is read this time.

    Attributes
    ----------
    mode
        ``full`` and ``refresh`` replace all rows, ``first`` loads from a start date on, ``incremental`` upserts, ``buckets``
        replaces the rows of some buckets.
    since
        Only rows whose cursor is not before it, or null.
    why
        Why everything is read again, where nobody asked for it.
    buckets
        Those that are read and replaced; see `padm_ibis.extract.buckets`.
    lookback
        From which value of the cursor on the rows would have been read without digests.
    """

    mode: Mode
    since: dt.datetime | None = None
    loaded_from: dt.date | None = None
    why: str = ""
    buckets: frozenset[int] = frozenset()
    lookback: dt.datetime | None = None

    @property
    def replaces(self) -> bool:
        """Whether all rows that do not arrive are gone at the source."""
        return self.mode not in ("incremental", "buckets")

    @property
    def is_empty(self) -> bool:
        """Whether nothing is read, since nothing moved."""
        return self.mode == "buckets" and not self.buckets


@dataclass(frozen=True, slots=True)
class Staged:
    """Rows that arrived, ready to be applied.

    Attributes
    ----------
    odd
        Rows with a value that had to be changed to fit (infinity, NaN, out of range).
    copies
        Rows left out because they are copies of another.
    rejected
        Rows left out because another row has their key; kept in ``_padm.rejected_rows``.
    early
        Rows left out because they lie before ``incremental_start_date``.
    invalid
        Rows left out because a value in them is none of its column's type; kept in ``_padm.rejected_rows``.
    future
        Of a kept table: rows whose cursor lies after the source's clock.
    """

    read: int
    watermark: dt.datetime | None = None
    odd: int = 0
    copies: int = 0
    rejected: int = 0
    early: int = 0
    invalid: int = 0
    future: int = 0


@dataclass(frozen=True, slots=True)
class Rejects:
    """Rows that are to be left out, and why.

    Attributes
    ----------
    query
        A DuckDB query like that of the rows that arrive, of those and the others; what is invalid is null in it.
    reason
        What is wrong with a row that does not arrive.
    """

    query: str
    reason: str


@dataclass(frozen=True, slots=True)
class Change:
    """What applying staged rows did to bronze.

    Attributes
    ----------
    beyond
        Of the rows that changed, those that the lookback would not have seen.
    buckets
        Those in which rows changed that were read from the watermark on.
    absent
        Rows of a kept table that its source has no more, as of now: they stay.
    """

    inserted: int = 0
    updated: int = 0
    deleted: int = 0
    rows: int = 0
    absent: int = 0
    beyond: int = 0
    buckets: frozenset[int] = frozenset()

    @property
    def total(self) -> int:
        """Rows that are new, different or gone."""
        return self.inserted + self.updated + self.deleted + self.absent


@dataclass(frozen=True, slots=True)
class Moment:
    """When bronze is loaded, and by which run.

    Attributes
    ----------
    today
        The source's day.
    now
        UTC.
    """

    today: dt.date
    now: dt.datetime
    run_id: str


def absentees(spec: ResourceSpec, read: str, staged: str, old: str, match: str, moment: Moment) -> str:
    """Return the statement that puts what a kept table has, and its source has no more, beside what arrived.

    Parameters
    ----------
    read
        Condition: a row of bronze (``b``) is one of those that were asked for.
    staged
        The table of what arrived.
    old
        What bronze has, as ``… b WHERE …``.
    match
        Condition: a row that arrived (``s``) has the key of one of bronze.
    """
    own = {
        ABSENT: f"DATE '{moment.today}'",
        "_extracted_at": f"TIMESTAMP '{moment.now:%Y-%m-%d %H:%M:%S.%f}'",
        "_run_id": literal(moment.run_id),
    }
    names = ", ".join(quote(name) for name in spec.columns)
    values = ", ".join(own.get(name, f"b.{quote(name)}") for name in spec.columns)
    return (
        f"INSERT INTO {staged} ({names}) SELECT {values} FROM {old} AND b.{quote(ABSENT)} IS NULL AND {read}"
        f" AND NOT EXISTS (SELECT 1 FROM {staged} s WHERE {match})"
    )


def remembered(kept: Kept, columns: Iterable[str]) -> dict[str, str]:
    """Return, by column, SQL for what a kept row holds, of what arrives (``s``) and what bronze has of it (``b``).

    Parameters
    ----------
    columns
        Those that the source gives, but those of the key.
    """
    rules = dict.fromkeys(kept.smallest, "least({s}, {b})")
    rules |= dict.fromkeys(kept.lasting, "coalesce({s}, {b})") | dict.fromkeys(kept.first, "coalesce({b}, {s})")
    less = f"s.{quote(kept.growing)} < b.{quote(kept.growing)}" if kept.growing else None
    found = {}
    for name in columns:
        s, b = f"s.{quote(name)}", f"b.{quote(name)}"
        rule = rules.get(name, "{s}").format(s=s, b=b)
        if less is not None:
            rule = f"CASE WHEN {less} THEN {b} ELSE {rule} END"
        if rule != s:
            found[name] = rule
    return found


class Store(Protocol):
    """A warehouse, as the extraction sees it."""

    @property
    def staging(self) -> duckdb.DuckDBPyConnection:
        """The DuckDB connection that sources are attached to and their rows pass through."""

    def verify(self) -> None:
        """Read the warehouse through, where it is a file of ours.

        Raises
        ------
        WarehouseDamaged
            If it is damaged.
        """

    def prepare(self, specs: Sequence[ResourceSpec]) -> list[str]:
        """Make the tables that are missing and reshape those of an earlier contract; return the latter's names."""

    def states(self, source_db: str) -> dict[str, State]:
        """Return what is known of a source's resources."""

    def rows(self, spec: ResourceSpec, source_db: str) -> int:
        """Return how many rows of a source bronze holds."""

    def fingerprint(self, source_db: str) -> tuple[str, str] | None:
        """Return salt and fingerprint of the key that a source's hashes were made with."""

    def transaction(self) -> Any:
        """All of one source: it holds together or not at all."""

    def stage(
        self, spec: ResourceSpec, query: str, plan: Plan, source_db: str, now: dt.datetime, rejects: Rejects | None = None
    ) -> Staged:
        """Read the rows of a DuckDB query: the columns of the contract, and ``padm_odd``, whether a value was changed.

        Rows of ``rejects`` whose key does not arrive are kept in ``_padm.rejected_rows``.
        """

    def arrived(self, spec: ResourceSpec, source_db: str) -> dict[int, int]:
        """Return how many of the staged rows lie in each bucket, as bronze tells it."""

    def apply(self, spec: ResourceSpec, plan: Plan, source_db: str, moment: Moment) -> Change | None:
        """Bring bronze to what was staged; None where buckets do not do: a key stands in one that was not read, too.

        Parameters
        ----------
        moment
            Of a kept table: when the source was found to have no more what did not arrive.
        """

    def syncs(self, source_db: str) -> dict[str, Sync]:
        """Return what is known of the digests of a source's resources."""

    def save_syncs(self, source_db: str, before: Mapping[str, Sync], now: Mapping[str, Sync | None]) -> None:
        """Keep the digests of resources; None forgets them."""

    def is_passed_over(self, spec: ResourceSpec, source_db: str) -> bool:
        """Whether rows of a resource did not arrive and are kept as rejected."""

    def save(self, source_db: str, states: Mapping[str, State], fingerprint: tuple[str, str] | None) -> None:
        """Keep watermarks and the key's fingerprint."""

    def suppress(self, marks: Collection[str]) -> None:
        """Keep marks of erased people; see `extract.suppression`."""

    def bronze(self, name: str) -> str:
        """Return what stands for a bronze table in a FROM of `staging`."""

    def seen_columns(self, source_db: str) -> dict[tuple[str, str], str]:
        """Return the source's columns as they were when last read: (table, column) → type."""

    def save_columns(self, source_db: str, columns: Mapping[tuple[str, str], str]) -> None:
        """Keep the source's columns."""


TABLES = {
    "watermarks": "source_db VARCHAR, resource VARCHAR, watermark TIMESTAMP, loaded_from DATE, definition VARCHAR,"
    " extracted_at TIMESTAMP, rows_read BIGINT, run_id VARCHAR",
    "hash_keys": "source_db VARCHAR, salt VARCHAR, fingerprint VARCHAR",
    "source_columns": "source_db VARCHAR, table_name VARCHAR, column_name VARCHAR, data_type VARCHAR",
    "rejected_rows": "source_db VARCHAR, resource VARCHAR, key VARCHAR, reason VARCHAR, row_data VARCHAR",
    "suppressed": "mark VARCHAR",
    "syncs": "source_db VARCHAR, resource VARCHAR, basis VARCHAR, synced_at TIMESTAMP, run_id VARCHAR",
    "digests": "source_db VARCHAR, resource VARCHAR, bucket BIGINT, row_count BIGINT, digest VARCHAR",
}
"""What the schema ``_padm`` keeps of extractions: table → columns, in words that every engine understands."""
