"""What the engine asks of a place where a warehouse is kept.

A `Backend` opens a warehouse twice over: as `Work`, for one run that nobody sees until it is published, and
as `Reader`, for everybody else. What readers see changes in one step, `Work.publish`, or not at all.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from padm_ibis.errors import ConfigError
from padm_ibis.extras import need

if TYPE_CHECKING:
    import ibis
    from ibis.backends.sql import SQLBackend

    from padm_ibis.backends.patience import Patience
    from padm_ibis.config import Config
    from padm_ibis.extract.store import Store
    from padm_ibis.report.versions import Version

Rows = list[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Design:
    """What a server wants to know of a table beyond its columns' types.

    Attributes
    ----------
    key
        Columns that identify a row.
    required
        Columns without nulls.
    joins
        Groups of columns by which the table is joined to others.
    comments
        Column → what it means; the table's own under the empty name.
    """

    key: tuple[str, ...]
    required: tuple[str, ...] = ()
    joins: tuple[tuple[str, ...], ...] = ()
    comments: Mapping[str, str] = field(default_factory=dict)


class Reader(Protocol):
    """The published version of a warehouse, for reading; never blocks a run and is never blocked by one."""

    dialect: str

    @property
    def con(self) -> SQLBackend:
        """An Ibis connection; made when first asked for, since importing Ibis takes half a second."""

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> Rows:
        """Run one plain SQL statement (``?`` marks parameters) and return its rows."""

    def tables(self) -> dict[str, frozenset[str]]:
        """Return the names of the tables of bronze, silver and gold that exist, and of ``_padm``."""

    def published_run(self) -> str | None:
        """Return the run whose version readers see; None where there is none yet, or it is gone."""

    def versions(self) -> list[Version]:
        """Return the version that readers see and those that are kept, newest first."""

    def is_worked_on(self) -> bool | None:
        """Whether somebody has the warehouse open for a run; None where only the process itself can tell."""

    def close(self) -> None:
        """Give the connection back."""


class Work(Reader, Protocol):
    """A warehouse opened by one run: nobody else writes, nobody sees anything before `publish`."""

    def locate(self, layer: str, name: str) -> str:
        """Return the schema in which this run finds ``name``: where it was built in this run, else last built."""

    def transaction(self) -> AbstractContextManager[None]:
        """All statements inside hold together or not at all; an exception undoes them and goes on."""

    def store(self) -> Store:
        """Return bronze as the extraction sees it."""

    def take_up(self, run_id: str) -> None:
        """Go on from the newest state, though readers may have been brought back from it; before anything is loaded.

        Parameters
        ----------
        run_id
            The run that goes on.
        """

    def foresee(self, tables: Collection[tuple[str, str]], schema_of: Callable[[str], ibis.Schema]) -> None:
        """Look for what would prevent publishing, before anything is read or built.

        Parameters
        ----------
        tables
            Layer and name of every table that this run may replace.
        schema_of
            Gives the columns that a table will have; importing the models takes seconds, so it is called only if needed.

        Raises
        ------
        WarehouseError
            If there is any; all of it is listed.
        """

    def set_aside(self, layer: str, name: str) -> tuple[str, str] | None:
        """Keep a table of silver or gold as it was beside the one that `create` makes in its place, until the transaction ends.

        Returns
        -------
        tuple[str, str] | None
            The schema and the name under which it is found meanwhile; None where there is none yet.
        """

    def create(self, layer: str, name: str, query: str, schema: ibis.Schema, design: Design | None = None) -> int:
        """Make the table ``name`` from a query, its columns cast to ``schema``; return its rows."""

    def exchange(self, layer: str, name: str, theirs: str, rows: str, design: Design | None = None) -> int:
        """Let other rows take the place of some rows of a table that there is; return its rows.

        Parameters
        ----------
        theirs
            The condition that the rows fulfil which go, over the table as ``t``.
        rows
            The table of those that come, qualified and quoted, with the same columns.
        """

    def publish(self, run_id: str) -> None:
        """Make everything committed visible to readers, in one step; the version they saw is kept.

        Raises
        ------
        WarehouseError
            If it cannot be written; readers keep what they had.
        """

    def roll_back(self, run_id: str, note: Sequence[Any]) -> None:
        """Let readers see a version that is kept, in one step; the one they saw is kept. What the next run works on stays.

        Parameters
        ----------
        run_id
            The run that published it.
        note
            A row of ``_padm.rollbacks`` that is written down in the same step.

        Raises
        ------
        WarehouseError
            If it is damaged, or would take something along that people made; readers keep what they had.
        """

    def abandon(self) -> None:
        """Give up what this run did, so that only what is recorded from here on stays; for a run that failed."""

    def keep(self) -> None:
        """Make what was written so far stay, whatever becomes of this run; for the ledger, before anything is loaded."""

    def rewrite(self, also: Collection[tuple[str, str]] = ()) -> list[str]:
        """Write the warehouse anew, so that what was deleted is in none of its files; readers keep the version they have.

        Parameters
        ----------
        also
            Tables of silver and gold, layer and name, that no run made anew since rows of them were deleted.

        Returns
        -------
        list[str]
            What may hold it all the same and cannot be reached from here, a sentence each.

        Raises
        ------
        WarehouseBusy
            If somebody holds a file or a table that has to go.
        """

    def discard_copies(self) -> list[str]:
        """Remove what is kept of the warehouse beside its present version: earlier ones, damaged files; return the names."""

    def show_history(self) -> None:
        """Make the tables of ``_padm`` that are for people visible to readers, in one step, and nothing else.

        Raises
        ------
        WarehouseError
            If it cannot be written; readers keep what they had.
        """


@runtime_checkable
class Backend(Protocol):
    """A place where a warehouse is kept."""

    dialect: str

    def open(self, patience: Patience = ...) -> AbstractContextManager[Work]:
        """Open for one run; a file that is damaged is set aside, noted, and made anew.

        Parameters
        ----------
        patience
            How long to wait for whoever has it; by default not at all.

        Raises
        ------
        WarehouseBusy
            If another run still has it open then.
        WarehouseTooNew
            If a newer version of this library made it.
        WarehouseError
            If it is no warehouse, read-only, full or out of reach.
        """

    def remark(self) -> str | None:
        """Return what whoever looks after it has to do about the place itself; None where that is nothing."""

    def read(self) -> AbstractContextManager[Reader]:
        """Open the published version for reading.

        Raises
        ------
        WarehouseError
            If nothing was published yet, or it is out of reach.
        """

    def ledger(self) -> AbstractContextManager[Reader | None]:
        """Open for reading what the warehouse knows about itself, published or not; None where it knows nothing yet.

        Raises
        ------
        WarehouseError
            If it is no warehouse, damaged or out of reach.
        """


_BACKENDS = {
    "duckdb": "padm_ibis.backends.duckdb:DuckDBBackend",
    "postgres": "padm_ibis.backends.postgres:PostgresBackend",
}


def backend_of(config: Config) -> Backend:
    """Return the backend that ``warehouse.url`` names, without connecting.

    Raises
    ------
    ConfigError
        If no run can build there yet.
    MissingExtra
        If its driver is not installed.
    """
    scheme = config.warehouse.url.scheme
    if scheme not in _BACKENDS:
        raise ConfigError(
            f"A {scheme}:// warehouse cannot be built by a run yet; only duckdb:// and postgres:// can.",
            hint=f"padm-ibis sql NAME --dialect {scheme} writes the statement of each table.",
        )
    module, _, name = _BACKENDS[scheme].partition(":")
    need(scheme, f"A {scheme}:// warehouse")
    backend: Backend = getattr(import_module(module), name)(config)
    return backend
