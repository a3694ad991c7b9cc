"""What a run did: data first, then the same as a table, as plain lines and as JSON."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from padm_ibis.report.answer import to_json
from padm_ibis.report.passed import PassedOver, changes, summary
from padm_ibis.report.publication import PublishReport
from padm_ibis.report.restated import Restated, restatements
from padm_ibis.report.results import CheckResult
from padm_ibis.report.text import duration, examples, rows

Status = Literal["ok", "up to date", "partial", "failed", "killed"]
Action = Literal["loaded", "built", "unchanged", "failed", "skipped"]
FIRST = "not built yet"
EXIT_CODES = {"ok": 0, "up to date": 0, "partial": 1, "failed": 1, "killed": 1}


@dataclass(frozen=True, slots=True)
class TableReport:
    """One table of a run.

    Attributes
    ----------
    rows
        Rows that it holds now.
    changed
        Rows that arrived, changed or went; None where the table was made anew.
    seconds
        Time spent on it, checks included.
    checks
        Rules that were tried.
    warnings
        Rules that failed without stopping the run.
    source_db
        In bronze: the source these rows came from.
    note
        Why it was left as it was, or what was remarkable.
    """

    layer: str
    name: str
    action: Action
    rows: int = 0
    seconds: float = 0.0
    checks: int = 0
    warnings: int = 0
    changed: int | None = None
    source_db: str | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class InputReport:
    """One resource of one source, as far as a run read it.

    Attributes
    ----------
    since
        From which value of the cursor on; None for everything.
    watermark
        Greatest value of the cursor that arrived, as text.
    read
        Rows that arrived.
    changed
        Rows of bronze that are new, different or gone: ``added``, ``updated`` and ``deleted`` of them.
    beyond
        Of these, rows that lie before the lookback, or were deleted at the source: only its digests tell of them.
    buckets
        How many parts of the resource were read again, where its digests told which; None where it was read otherwise.
    copies, early
        Rows that did not arrive: copies of another, and those before ``incremental_start_date``.
    suppressed
        Rows that were left out because they are of people who were erased.
    """

    source_db: str
    resource: str
    read: int = 0
    changed: int = 0
    rows: int = 0
    seconds: float = 0.0
    since: str | None = None
    watermark: str | None = None
    note: str = ""
    copies: int = 0
    early: int = 0
    suppressed: int = 0
    added: int = 0
    updated: int = 0
    deleted: int = 0
    beyond: int = 0
    buckets: int | None = None


@dataclass(frozen=True, slots=True)
class SourceFailure:
    """A source that could not be read: its tables stay as they were."""

    source_db: str
    message: str
    hint: str | None = None
    reached: bool = False


@dataclass(slots=True)
class RunReport:
    """All of a run; what ``--json`` writes and ``_padm.runs`` keeps."""

    run_id: str
    version: str
    started_at: dt.datetime
    warehouse: str
    configuration: str
    layer: str
    as_of: dt.date | None
    params: dict[str, Any] = field(default_factory=dict)
    status: Status = "ok"
    seconds: float = 0.0
    published: bool = False
    phases: dict[str, float] = field(default_factory=dict)
    inputs: list[InputReport] = field(default_factory=list)
    failures: list[SourceFailure] = field(default_factory=list)
    tables: list[TableReport] = field(default_factory=list)
    checks: list[CheckResult] = field(default_factory=list)
    passed_over: list[PassedOver] = field(default_factory=list)
    restated: list[Restated] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    error: str | None = None
    publications: list[PublishReport] = field(default_factory=list)
    suppressed: int = 0
    """Keyed hashes on the list of erased people."""

    @property
    def exit_code(self) -> int:
        """The command's exit code for this outcome: the greatest of the run's own and of its publications'."""
        return max(EXIT_CODES[self.status], *(p.exit_code for p in self.publications), 0)

    @property
    def withheld(self) -> list[PublishReport]:
        """Publications after which their target holds what it held before."""
        return [p for p in self.publications if p.exit_code]

    @property
    def warnings(self) -> list[CheckResult]:
        """Rules that failed without stopping the run."""
        return [c for c in self.checks if c.verdict == "warn"]

    @property
    def errors(self) -> list[CheckResult]:
        """Rules whose failure stopped the run."""
        return [c for c in self.checks if c.verdict == "error"]

    def json(self) -> str:
        """Return everything as JSON."""
        return to_json(self)

    def of(self, layer: str) -> list[TableReport]:
        """Return the tables of one layer."""
        return [t for t in self.tables if t.layer == layer]


def headline(report: RunReport) -> str:
    """Return the outcome in one line."""
    total = sum(t.rows for t in report.tables if t.action in ("built", "loaded"))
    built = sum(t.action == "built" for t in report.tables)
    steps = " · ".join(f"{name} {duration(seconds)}" for name, seconds in report.phases.items() if seconds >= 0.01)
    if report.status == "up to date":
        return f"Up to date: nothing to build ({duration(report.seconds)})" + published(report)
    loaded = sum(t.action == "loaded" for t in report.tables)
    count, how = (loaded, "loaded") if loaded and not built else (built, "built")
    what = f"{count} table{'s' * (count != 1)} {how}, {rows(total)}, in {duration(report.seconds)}"
    word = {"ok": "Done", "partial": "Partial", "failed": "Failed", "killed": "Killed"}[report.status]
    return f"{word}: {what}" + (f" ({steps})" if steps else "") + published(report)


def published(report: RunReport) -> str:
    """Return what became of the publications, as the end of the verdict; empty where none was asked for."""
    if not report.publications:
        return ""
    good = len(report.publications) - len(report.withheld)
    return f"; published to {good} of {len(report.publications)} target{'s' * (len(report.publications) != 1)}"


def lines(report: RunReport) -> Iterator[str]:
    """Yield the report as plain lines, for logs."""
    yield f"padm-ibis {report.version}  run {report.run_id}  as_of {report.as_of}  {report.warehouse}"
    for item in report.inputs:
        since = f"  since {item.since}" if item.since else ""
        note = f"  ({item.note})" if item.note else ""
        yield (
            f"input   {item.source_db}.{item.resource}  {item.read:,} read  {item.changed:,} changed  "
            f"{item.rows:,} rows  {item.seconds:.2f} s{since}{note}"
        )
    for table in report.tables:
        note = f"  ({table.note})" if table.note and table.note != FIRST else ""
        yield (
            f"{table.layer:<7} {table.name}  {table.action}  {table.rows:,} rows  {table.seconds:.2f} s  "
            f"{table.checks} checks{f', {table.warnings} warnings' * (table.warnings > 0)}{note}"
        )
    for publication in report.publications:
        yield from (f"publish {line}" for line in publication.lines())
    yield from problems(report)
    yield headline(report)


def beyond(report: RunReport) -> str:
    """Return how many rows changed that the lookback would not have seen, and where; empty where none did."""
    found = {f"{i.source_db}.{i.resource}": i.beyond for i in report.inputs if i.beyond}
    if not found:
        return ""
    where = ", ".join(f"{name} {count:,}" for name, count in sorted(found.items(), key=lambda pair: (-pair[1], pair[0])))
    return f"{rows(sum(found.values()))} beyond the lookback: {where}"


def problems(report: RunReport) -> Iterator[str]:
    """Yield what went wrong or was remarkable, most serious first."""
    for failure in report.failures:
        yield f"error   source {failure.source_db}: {failure.message}"
    for check in report.errors:
        yield f"error   {check.table}: {check.rule}: {rows(check.failed)}{examples(check)}"
    for check in report.warnings:
        yield f"warning {check.table}: {check.rule}: {rows(check.failed)}{examples(check)}"
    for note in (*changes(report.passed_over), *report.notes):
        yield f"note    {note}"
    if synced := beyond(report):
        yield f"late    {synced}"
    if passed := summary(report.passed_over):
        yield f"passed  {passed}"
    for line in restatements(report.restated):
        yield f"restate {line}"
