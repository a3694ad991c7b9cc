"""What a look at everything that a run needs found."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from padm_ibis.report.answer import to_json

Verdict = Literal["ok", "warning", "error"]


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One thing that was looked at.

    Attributes
    ----------
    subject
        ``configuration``, ``versions``, ``warehouse`` or ``source <name>``.
    advice
        What to do about it.
    """

    verdict: Verdict
    subject: str
    text: str
    advice: str | None = None


@dataclass(slots=True)
class Health:
    """All that `padm_ibis.doctor.doctor` found.

    Attributes
    ----------
    grants
        SQL for the databases' administrators, where that alone was asked for.
    """

    findings: list[Diagnosis] = field(default_factory=list)
    seconds: float = 0.0
    grants: str | None = None

    @property
    def errors(self) -> list[Diagnosis]:
        """What stops a run."""
        return [d for d in self.findings if d.verdict == "error"]

    @property
    def exit_code(self) -> int:
        """0 unless something stops a run."""
        return 1 if self.errors else 0

    def json(self) -> str:
        """Return everything as JSON."""
        return to_json(self)
