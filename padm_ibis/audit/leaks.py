"""What an audit of leakage found."""

from __future__ import annotations

from dataclasses import field
from typing import Literal, get_args

import pydantic.dataclasses
from pydantic import computed_field

from padm_ibis.audit.proofs import Proof
from padm_ibis.audit.sampled import Sample
from padm_ibis.report.answer import to_json

Mode = Literal["remove", "perturb"]
MODES: tuple[Mode, ...] = get_args(Mode)


@pydantic.dataclasses.dataclass
class Column:
    """What was tried on one column of one table.

    Attributes
    ----------
    probes
        Values compared, over all cuts.
    effective
        Those of students from whom a cut took (or in whom it changed) a fact that the column may depend on.
    moved
        Values that were another one without the future.
    examples
        Keys of moved rows: source, student record, year, and the cut.
    facts
        Bronze event tables in the column's lineage; a column without any is an attribute taken as constant.
    now
        Columns of bronze that say how things stand today, each with its column of the source, as
        ``students.calidad (sga_alumnos.calidad)``. Of a leak: those, and ``table.(rows)``, that move it when nothing else is
        another. Of any other column: those that reach it, by value or by control, and that no change could make move it.
    """

    table: str
    column: str
    facts: tuple[str, ...] = ()
    now: tuple[str, ...] = ()
    probes: int = 0
    effective: int = 0
    moved: int = 0
    examples: list[str] = field(default_factory=list)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def verdict(self) -> str:
        """``leak``, ``constant``, ``vacuous`` (nothing was proved) or ``ok``."""
        if self.moved:
            return "leak"
        if self.now:
            return "vacuous"
        if not self.facts:
            return "constant"
        return "ok" if self.effective else "vacuous"


@pydantic.dataclasses.dataclass
class LeakageReport:
    """The outcome of an audit.

    Attributes
    ----------
    sample
        Which tables were audited on some people, and what that may miss; None where everything was audited whole.
    skipped
        Tables that were asked for and not audited: what they were proved of before is what they are.
    unkept
        Why what was proved could not be remembered, if so.
    """

    as_of: str
    tables: tuple[str, ...]
    cuts: tuple[int, ...]
    modes: tuple[Mode, ...]
    columns: list[Column] = field(default_factory=list)
    sample: Sample | None = None
    skipped: list[Proof] = field(default_factory=list)
    unkept: str | None = None
    seconds: float = 0.0

    @property
    def leaks(self) -> list[Column]:
        """Columns that saw the future."""
        return [c for c in self.columns if c.verdict == "leak"]

    @property
    def vacuous(self) -> list[Column]:
        """Columns about which nothing was proved."""
        return [c for c in self.columns if c.verdict == "vacuous"]

    @computed_field  # type: ignore[prop-decorator]
    @property
    def ok(self) -> bool:
        """Whether every column was proved to be free of leaks."""
        return not self.leaks and not self.vacuous

    def json(self) -> str:
        """Return everything as JSON."""
        return to_json(self)
