"""Rows that a run passed over: what did not arrive, and what arrived and points nowhere; beside what the run before counted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from padm_ibis.report.text import rows

Kind = Literal["duplicate", "rejected", "early", "erased", "unlinked", "orphan"]
WORDS: dict[Kind, str] = {
    "duplicate": "duplicate",
    "rejected": "rejected",
    "early": "before the first day",
    "erased": "of erased people",
    "unlinked": "unlinked",
    "orphan": "orphaned",
}


@dataclass(frozen=True, slots=True)
class PassedOver:
    """Rows of one table that were passed over for one reason.

    Attributes
    ----------
    kind
        ``duplicate``: its key, or all of it, is another row's. ``rejected``: a value in it is none of its column's type.
        ``early``: before ``incremental_start_date``. ``erased``: of people who were erased. ``unlinked``: of nobody, so that
        no fact keeps it. ``orphan``: what it points to is not there.
    source_db
        Empty where rows of all sources are counted together.
    before
        What the run before counted; None where there was none, or it counted over other rows.
    part
        Whether the rows are those that were read this time, from a watermark on; otherwise all there are.
    """

    kind: Kind
    table: str
    source_db: str
    reason: str
    rows: int
    before: int | None = None
    part: bool = False

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What tells it from the others of a run."""
        return self.kind, self.table, self.source_db, self.reason

    def __str__(self) -> str:
        who = f"{self.source_db}: " if self.source_db else ""
        was = "" if self.before is None or self.before == self.rows else f", {self.before:,} the run before"
        return f"{self.table}: {who}{self.reason}: {rows(self.rows)}{was}"


def summary(found: Iterable[PassedOver]) -> str:
    """Say in one line how many rows of each kind; empty where there are none."""
    found = list(found)
    return " · ".join(text for kind in WORDS if (text := _of_kind(kind, [p for p in found if p.kind == kind])))


def _of_kind(kind: Kind, found: Sequence[PassedOver]) -> str:
    total, before = sum(p.rows for p in found), sum(p.before or 0 for p in found)
    if not (total or before):
        return ""
    was = f" ({before:,} before)" if before != total and all(p.before is not None for p in found) else ""
    return f"{total:,} {WORDS[kind]}{was}"


def changes(found: Iterable[PassedOver]) -> Iterator[str]:
    """Yield what is more or less than the run before counted."""
    yield from (f"passed over: {p}" for p in found if p.before is not None and p.before != p.rows)
