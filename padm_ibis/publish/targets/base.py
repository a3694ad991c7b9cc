"""What every target does, and the statements that they share."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol

import pyarrow as pa

from padm_ibis.publish.databases import Database
from padm_ibis.publish.reconcile import key_condition
from padm_ibis.publish.spec import TableSpec
from padm_ibis.sources.values import quote


class Target(Protocol):
    """A place to publish to, opened for one publication.

    Attributes
    ----------
    sessions
        How many tables it takes at the same time, each in a thread with a session of its own.
    """

    database: Database
    sessions: int

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

    def show(self) -> None:
        """Make the staged tables, and views, visible together, and write the publication down with them."""

    def refuse(self) -> None:
        """Write down that nothing is shown, where that changes nothing else."""


def upsert(spec: TableSpec, columns: pa.Schema, own: str, staged: str) -> list[str]:
    """Return the statements that replace the rows of a table by key."""
    names = ", ".join(quote(name) for name in columns.names)
    return [
        f"DELETE FROM {own} WHERE EXISTS (SELECT 1 FROM {staged} AS s WHERE {key_condition(spec, 's', own)})",
        f"INSERT INTO {own} ({names}) SELECT {names} FROM {staged}",
    ]
