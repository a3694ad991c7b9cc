"""The state of a warehouse on one screen, and whether somebody has to do something."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pydantic.dataclasses
from pydantic import computed_field

from padm_ibis.report.answer import to_json
from padm_ibis.report.history import RunRecord
from padm_ibis.report.results import CheckResult
from padm_ibis.report.text import ago, rows
from padm_ibis.report.versions import Comeback, Version

SHOWN = 5
"""Failed checks, and causes of a failure, that fit on the screen; `history RUN` and `check` tell all."""


@dataclass(frozen=True, slots=True)
class SourceAge:
    """How old the rows of one source are.

    Attributes
    ----------
    read_at
        When the resource that was read longest ago was last read, UTC; None if it never was.
    late
        Resources that were last read longer ago than their ``freshness_hours``.
    """

    source_db: str
    read_at: dt.datetime | None
    late: tuple[str, ...] = ()


@pydantic.dataclasses.dataclass(frozen=True, slots=True)
class Status:
    """What is good, what is not, and what comes next.

    Attributes
    ----------
    last_good
        The last run that ended well, with or without news.
    last
        The last run that ended.
    running
        The run that is going on.
    failed_checks
        Errors of the last run, and of the last `check` of the published version.
    next_run
        When the schedule starts the next run, as it says; None without one that is running.
    missing
        Whether nothing was published yet.
    trouble
        Why the warehouse could not be asked: damaged, or out of reach.
    remark
        What has to be done about the place where it is kept.
    versions
        The version that readers see and those they can be brought back to, newest first.
    comeback
        Since when readers see an earlier version than the newest, and by whom; None where they see the newest.
    """

    warehouse: str
    now: dt.datetime
    last_good: RunRecord | None = None
    last: RunRecord | None = None
    running: RunRecord | None = None
    sources: Sequence[SourceAge] = ()
    failed_checks: Sequence[CheckResult] = ()
    next_run: str | None = None
    missing: bool = False
    trouble: str | None = None
    remark: str | None = None
    versions: Sequence[Version] = ()
    comeback: Comeback | None = None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def to_do(self) -> list[str]:
        """What somebody has to do, most urgent first; empty when all is well."""
        found = [f"The warehouse could not be read. {self.trouble}"] if self.trouble else []
        if self.remark:
            found.append(self.remark)
        if self.comeback is not None:
            found.append(f"Readers see {self.comeback.to_run} again. Mend what was wrong since; a run that ends well publishes")
        if self.last is not None and not self.last.good:
            found.append(f"The last run {_ended(self.last)}: padm-ibis history {self.last.run_id}")
        if self.missing and not self.trouble and self.running is None:
            found.append("There is no warehouse yet. Build one: padm-ibis run")
        if self.failed_checks:
            found.append(f"{len(self.failed_checks)} checks failed: padm-ibis check" if len(self.failed_checks) > 1 else
                         "1 check failed: padm-ibis check")  # fmt: skip
        late = [source.source_db for source in self.sources if source.late]
        if late:
            found.append(f"Late: {', '.join(late)}. Is the source reachable, and does somebody run it? padm-ibis doctor")
        return found

    @property
    def exit_code(self) -> int:
        """0 when nothing has to be done, 3 when the warehouse could not be read, else 1."""
        return 3 if self.trouble else 1 if self.to_do else 0

    def json(self) -> str:
        """Return everything as JSON."""
        return to_json(self)


def screen(status: Status) -> Iterator[tuple[str, str]]:
    """Yield the screen: a word, and what stands behind it; an empty word continues the one before."""
    yield "warehouse", status.warehouse + (" (not built yet)" if status.missing and not status.trouble else "")
    yield "last good run", _when(status.last_good, status.now)
    if status.last is not None and status.last is not status.last_good:
        yield "last run", f"{_when(status.last, status.now)}: {status.last.status}"
        for text in (status.last.error or "").splitlines()[:SHOWN]:
            yield "", text
        for failure in list(status.last.details.get("failures", ()))[:SHOWN]:
            yield "", f"{failure['source_db']}: {failure['message']}"
    if status.running is not None:
        yield "running", f"{_when(status.running, status.now)}, {_process(status.running)}"
    yield from _versions(status)
    for number, source in enumerate(status.sources):
        yield "" if number else "sources", f"{source.source_db}: {_age(source, status.now)}"
    for number, check in enumerate(status.failed_checks[:SHOWN]):
        yield "" if number else "failed checks", f"{check.table}: {check.rule}: {rows(check.failed)}"
    if len(status.failed_checks) > SHOWN:
        yield "", f"and {len(status.failed_checks) - SHOWN} more"
    yield "next run", status.next_run or "no schedule of padm-ibis is running"
    for number, text in enumerate(status.to_do or ["nothing"]):
        yield "" if number else "to do", text


def _versions(status: Status) -> Iterator[tuple[str, str]]:
    if status.comeback is not None:
        yield "readers see", status.comeback.told(status.now).removeprefix("readers were ")
    if kept := [version.run_id for version in status.versions if not version.shown]:
        yield "kept versions", f"{', '.join(kept)}: padm-ibis rollback"


def _when(run: RunRecord | None, now: dt.datetime) -> str:
    return "none" if run is None else f"{run.run_id}, {ago(run.started_at, now)}"


def _ended(run: RunRecord) -> str:
    return {"partial": "was partial", "killed": "was killed"}.get(run.status, run.status)


def _process(run: RunRecord) -> str:
    process = run.details.get("process") or {}
    return f"process {process.get('pid', '?')} on {process.get('host', '?')}"


def _age(source: SourceAge, now: dt.datetime) -> str:
    if source.read_at is None:
        return "never read"
    late = f", late: {', '.join(source.late[:3])}{' …' * (len(source.late) > 3)}" if source.late else ""
    return f"read {ago(source.read_at, now)}{late}"
