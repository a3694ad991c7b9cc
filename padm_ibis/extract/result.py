"""What an extraction did, source by source."""

from __future__ import annotations

from dataclasses import dataclass, field

from padm_ibis.extract.findings import Finding
from padm_ibis.extract.suppression import Suppressed
from padm_ibis.report.results import CheckResult
from padm_ibis.report.run import InputReport, SourceFailure


@dataclass(slots=True)
class Extraction:
    """What an extraction did.

    Attributes
    ----------
    suppressed
        People whose rows were left out, with what was learned of them at the sources.
    """

    inputs: list[InputReport] = field(default_factory=list)
    failures: list[SourceFailure] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    checks: list[CheckResult] = field(default_factory=list)
    suppressed: Suppressed | None = None
    digests: float = 0.0
    """Seconds that the sources took to digest their rows."""
    repeated: list[str] = field(default_factory=list)
    """A sentence for each time that a source was read anew."""

    @property
    def changed(self) -> int:
        """Rows of bronze that are new, different or gone."""
        return sum(item.changed for item in self.inputs)

    @property
    def complete(self) -> bool:
        """Whether every source was read."""
        return not self.failures

    @property
    def notes(self) -> list[str]:
        """What a reader of the report should know, one sentence each."""
        return self.repeated + [str(finding) for finding in self.findings if not finding.suffers]

    @property
    def not_given(self) -> list[Finding]:
        """What the sources do not give, with what of bronze is empty by it."""
        return [finding for finding in self.findings if finding.suffers]
