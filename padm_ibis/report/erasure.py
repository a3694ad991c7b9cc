"""What became of an erasure: what was removed where, and what could not be reached. It names nobody."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field

from padm_ibis.report.answer import to_json
from padm_ibis.report.text import rows


@dataclass(frozen=True, slots=True)
class Removed:
    """Rows, or whole things, that are gone.

    Attributes
    ----------
    place
        ``warehouse``, ``export``, ``mirror``, ``copy`` or ``text``.
    name
        The table, folder, address or file.
    rows
        How many; None where all of it was removed or written anew.
    """

    place: str
    name: str
    rows: int | None = None
    note: str = ""

    def __str__(self) -> str:
        """One line, without the place."""
        parts = [self.name, *([rows(self.rows)] if self.rows is not None else []), *([f"({self.note})"] if self.note else [])]
        return "  ".join(parts)


@dataclass(slots=True)
class Erasure:
    """An erasure of people from a warehouse and what was made of it; also the certificate, which is kept.

    Attributes
    ----------
    people
        How many persons, by the warehouse's count: one in each source.
    marks
        Their keyed hashes, as the list that keeps them away has them. Empty in a dry look.
    removed
        What was removed; in a dry look, what would be.
    unreached
        What may still hold them and is out of reach, a sentence each.
    failed
        What is not done yet and will be tried again, a sentence each.
    certificate
        The file that says all this; None in a dry look.
    """

    erasure_id: str
    warehouse: str
    asked_by: str
    began_at: dt.datetime
    ended_at: dt.datetime | None = None
    dry_run: bool = False
    people: int = 0
    marks: list[str] = field(default_factory=list)
    removed: list[Removed] = field(default_factory=list)
    unreached: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    certificate: str | None = None

    @property
    def exit_code(self) -> int:
        """0 when everything within reach was done, else 1."""
        return 1 if self.failed else 0

    def json(self) -> str:
        """Return everything as JSON."""
        return to_json(self)


def lines(found: Erasure) -> Iterator[str]:
    """Yield an erasure as plain lines."""
    persons = f"{found.people:,} person{'s' * (found.people != 1)}"
    for item in found.removed:
        yield f"{item.place:<9}  {item}"
    for text in found.notes:
        yield f"note       {text}"
    for text in found.unreached:
        yield f"beyond     {text}"
    for text in found.failed:
        yield f"not yet    {text}"
    if found.dry_run:
        yield f"{persons} would be erased; nothing was changed."
    elif found.failed:
        yield f"{persons} erased from the warehouse; the rest is tried again by the next run. Certificate: {found.certificate}"
    else:
        yield f"{persons} erased. Certificate: {found.certificate}"
