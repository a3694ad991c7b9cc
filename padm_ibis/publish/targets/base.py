"""What every target does, and the statements that they share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Protocol

import pyarrow as pa

from padm_ibis.publish.databases import Database
from padm_ibis.publish.reconcile import key_condition
from padm_ibis.publish.spec import TableSpec
from padm_ibis.sources.values import quote

Stream = Callable[[], pa.RecordBatchReader]
"""Begins to read; one of a session's at a time."""
Agree = Callable[[Mapping[str, str]], bool]
"""Whether tables that were changed in place are equal on both sides, given where each table stands."""


class OutOfStep(Exception):
    """A table of the target is not what its mark says: it has to be published as a whole."""


class Target(Protocol):
    """A place to publish to, opened for one publication.

    Attributes
    ----------
    sessions
        How many tables it takes at the same time, each in a thread with a session of its own.
    remembers
        Whether it can say whose rows its tables hold, so that only changes need to be sent.
    """

    database: Database
    sessions: int
    remembers: bool

    def beside(self) -> AbstractContextManager[Target]:
        """Open another session for another thread."""

    def interrupt(self) -> None:
        """End what the sessions of other threads are doing."""

    def stage(self, spec: TableSpec, rows: pa.RecordBatchReader) -> bool:
        """Write the rows of a table where nobody sees them; return whether its key is proved to be unique."""

    def staged(self, spec: TableSpec) -> str:
        """Return where the staged rows of a table are, qualified and quoted."""

    def finish(self, spec: TableSpec) -> None:
        """Give a staged table what readers need."""

    def in_step(self, spec: TableSpec, basis: str) -> str | None:
        """Return the publication whose rows a table holds, to the last; None where nobody knows that."""

    def leave(self, spec: TableSpec) -> None:
        """Have `show` leave a table as it is: it is in step, and nothing changed."""

    def change(self, spec: TableSpec, rows: Stream, gone: Stream) -> None:
        """Write the rows that changed where nobody sees them, and the keys of those that are to go; `show` applies both."""

    def note(self, spec: TableSpec, basis: str) -> None:
        """Have the target say with a table, staged or changed, that it holds this publication's rows."""

    def show(self, agree: Agree) -> None:
        """Make the staged tables, the changes and views visible together, and write the publication down with them.

        Raises
        ------
        OutOfStep
            If a table that was to be changed is not what it was, or is not equal afterwards; nothing is shown then.
        """

    def refuse(self) -> None:
        """Write down that nothing is shown, where that changes nothing else."""


def upsert(spec: TableSpec, columns: pa.Schema, own: str, staged: str) -> list[str]:
    """Return the statements that replace the rows of a table by key."""
    names = ", ".join(quote(name) for name in columns.names)
    return [
        f"DELETE FROM {own} WHERE EXISTS (SELECT 1 FROM {staged} AS s WHERE {key_condition(spec, 's', own)})",
        f"INSERT INTO {own} ({names}) SELECT {names} FROM {staged}",
    ]
