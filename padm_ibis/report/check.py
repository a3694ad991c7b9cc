"""What a check of the published warehouse found."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

from padm_ibis.report.answer import to_json
from padm_ibis.report.results import CheckResult


@dataclass(slots=True)
class CheckReport:
    """What `check` found in the published warehouse."""

    warehouse: str
    run_id: str | None
    as_of: dt.date | None
    tables: int = 0
    tried: int = 0
    results: list[CheckResult] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def errors(self) -> list[CheckResult]:
        """Rules whose failure is an error."""
        return [r for r in self.results if r.verdict == "error"]

    @property
    def exit_code(self) -> int:
        """The command's exit code for this outcome."""
        return 1 if self.errors else 0

    def json(self) -> str:
        """Return everything as JSON."""
        return to_json(self)
