"""A run while it goes on: what was asked for, what is known so far, and how long each phase took."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from padm_ibis.define.dag import Node
from padm_ibis.definitions import Definitions
from padm_ibis.engine import content
from padm_ibis.engine.content import Content
from padm_ibis.extract.suppression import Suppressed
from padm_ibis.report.progress import Progress
from padm_ibis.report.run import RunReport

NOBODY = Suppressed(b"")
"""The list of erased people before it was read."""

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from padm_ibis.backends.base import Work
    from padm_ibis.config import Config
    from padm_ibis.engine.ledger import Record


@dataclass(frozen=True, slots=True)
class Request:
    """What a run was asked for.

    Attributes
    ----------
    full_refresh
        Bronze tables to read from the beginning; empty for all, None for none.
    reconcile
        Whether bronze is compared with its sources, row by row, before anything is built.
    accept_drop
        Bronze tables that may lose any number of rows, ``name`` or ``source.name``.
    run_id
        Its name; None for a new one.
    wait
        Seconds to wait for whoever has the warehouse.
    extract
        Whether sources are read; False builds the tables that there are from what is in bronze.
    """

    as_of: dt.date
    layer: str | None = None
    select: tuple[str, ...] = ()
    only: bool = False
    full_refresh: tuple[str, ...] | None = None
    reconcile: bool = False
    accept_drop: tuple[str, ...] = ()
    run_id: str | None = None
    wait: float = 0.0
    extract: bool = True


@dataclass(frozen=True, slots=True)
class Standing:
    """Rows of a table as they were, beside those that took their place.

    Attributes
    ----------
    former, latter
        Schema and name of where they stand meanwhile.
    in_part
        Whether these are some rows of the table; all others are as they were.
    """

    former: tuple[str, str]
    latter: tuple[str, str]
    in_part: bool = False


@dataclass(slots=True)
class RunState:
    """One run while it goes on."""

    config: Config
    request: Request
    definitions: Definitions
    progress: Progress
    report: RunReport
    nodes: tuple[Node, ...]
    expressions: dict[str, ir.Table] = field(default_factory=dict)
    changed: frozenset[str] = frozenset()
    bronze_checks: dict[str, int] = field(default_factory=dict)
    suppressed: Suppressed = NOBODY
    begun: bool = False
    related: set[tuple[str, str]] = field(default_factory=set)
    before: Mapping[str, Record] = field(default_factory=dict)
    """What every table was made from when the run began."""
    touched: bool = False
    """Whether the loading wrote down whose rows it changed."""
    former: dict[str, Standing] = field(default_factory=dict)
    """Tables that this run makes anew and compares with what they were."""

    @property
    def params(self) -> dict[str, Any]:
        """The run parameters by name, ``as_of`` among them."""
        return self.definitions.params(self.request.as_of).plain()

    def of(self, *layers: str) -> tuple[Node, ...]:
        """The tables of this run in these layers, in building order."""
        return tuple(node for node in self.nodes if node.layer in layers)

    @contextmanager
    def phase(self, name: str, steps: int | None = None) -> Iterator[None]:
        """Show a phase while it lasts, and add up its seconds in the report."""
        self.progress.phase(name, steps)
        with self.timed(name):
            yield

    def contents(self, work: Work, tables: Collection[tuple[str, str]]) -> dict[str, Content]:
        """What each of these tables (layer and name) holds now."""
        if not tables:
            return {}
        with self.timed("fingerprint"):
            return content.of_tables(work, tables)

    def set_apart(self, phase: str, part: str, seconds: float) -> None:
        """Tell of a part of a phase by itself."""
        phases = self.report.phases
        phases[phase], phases[part] = round(max(phases.get(phase, 0.0) - seconds, 0.0), 3), round(seconds, 3)

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Add up the seconds of a part that is too short to be shown."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.report.phases[name] = round(self.report.phases.get(name, 0.0) + time.perf_counter() - began, 3)


def now() -> dt.datetime:
    """Return the moment in UTC as the ledger writes it: without zone, in whole seconds."""
    return dt.datetime.now(dt.UTC).replace(tzinfo=None, microsecond=0)
