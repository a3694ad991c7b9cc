"""What is said: made of a report, of a record of the history or of an error, as plain text that fits mail and chat."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from padm_ibis.report.attention import Item, of_checks, of_publications, screenful
from padm_ibis.report.run import RunReport
from padm_ibis.report.text import rows

if TYPE_CHECKING:
    from padm_ibis.config import Config
    from padm_ibis.report.history import RunRecord
    from padm_ibis.report.publication import PublishReport
    from padm_ibis.report.results import CheckResult

GOOD = "good"
RUN = "run"
"""The topic of runs; each target of publications has its own."""
_OUTCOMES = {
    "ok": "is ok",
    "up to date": "is up to date",
    "partial": "was partial: what could be read is published, the rest is as it was",
    "failed": "failed: nothing was published, readers keep the last good version",
    "killed": "was killed: nothing was published, readers keep the last good version",
}


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing to tell.

    Attributes
    ----------
    topic
        What it is about: states of different topics are told apart.
    state
        ``good``, or what kind of trouble it is: it is told when that changes.
    title
        The verdict in one line.
    lead
        What stands before it: whether it is new, still so, or over.
    lines
        What needs attention, and what to do.
    run_id
        The run it speaks of, where there was one.
    """

    topic: str
    state: str
    title: str
    lines: tuple[str, ...] = ()
    run_id: str | None = None
    lead: str = ""

    @property
    def good(self) -> bool:
        """Whether nothing has to be done."""
        return self.state == GOOD

    @property
    def subject(self) -> str:
        """The verdict, with who says so."""
        return f"padm-ibis: {self.lead}{self.title}"

    @property
    def text(self) -> str:
        """The whole message."""
        return "\n".join((self.subject, "", *self.lines))

    def recovered(self, before: str, since: dt.datetime) -> Notice:
        """Return the notice that the trouble is over."""
        line = f"The trouble began at {since:%Y-%m-%d %H:%M} UTC; the last that was told: {before}."
        return replace(self, lead="good again: ", lines=(line, *self.lines))

    def reminder(self, since: dt.datetime) -> Notice:
        """Return the notice that the trouble lasts."""
        return replace(self, lead="still: ", lines=(f"The trouble began at {since:%Y-%m-%d %H:%M} UTC.", *self.lines))


def of_report(report: RunReport, config: Config) -> Notice:
    """Return what to say of a run that ended."""
    failed = sorted({failure.source_db for failure in report.failures})
    if report.exit_code == 0:
        return Notice(RUN, GOOD, _title(report.run_id, report.status), _place(config), report.run_id)
    lines = [*_place(config), *_sources(config, failed)]
    if report.error and not report.errors:  # what checks found is told below, without the keys of rows
        lines += ["", *report.error.splitlines()]
    lines += _attention(report)
    lines += ["", "What to do", f"  padm-ibis history {report.run_id}", f"  {_advice(report, failed)}"]
    state, title = _state(report.status, failed), _title(report.run_id, report.status)
    if report.withheld and report.status != "failed":
        targets = ", ".join(publication.target for publication in report.withheld)
        state, title = f"{state}; not published to {targets}", f"{title}; not published to {targets}"
    return Notice(RUN, state, title, tuple(lines), report.run_id)


def of_record(record: RunRecord, config: Config) -> Notice:
    """Return what to say of a run that is known by the history alone: one that was killed, or ran elsewhere."""
    if record.good:
        return Notice(RUN, GOOD, _title(record.run_id, record.status), _place(config), record.run_id)
    failed = sorted({str(failure["source_db"]) for failure in record.details.get("failures", ())})
    checks = [c for c in record.details.get("checks", ()) if c["verdict"] == "error"]
    lines = [*_place(config), *_sources(config, failed), f"began     {record.started_at:%Y-%m-%d %H:%M} UTC"]
    if record.error and not checks:
        lines += ["", *record.error.splitlines()]
    lines += [f"  error   {c['table']}: {c['rule']}: {rows(c['failed'])}" for c in checks]
    lines += ["", "What to do", f"  padm-ibis history {record.run_id}"]
    if record.status == "killed":
        lines.append("  look whether the machine ran out of memory or was restarted; the next run takes up where this one ended")
    return Notice(RUN, _state(record.status, failed), _title(record.run_id, record.status), tuple(lines), record.run_id)


def of_error(error: BaseException, message: str, hint: str | None, config: Config) -> Notice:
    """Return what to say of a run that never began.

    Parameters
    ----------
    message, hint
        Of the error, without secrets.
    """
    lines = [*_place(config), "", *message.splitlines(), "", "What to do", f"  {hint or 'padm-ibis doctor'}"]
    title = "no run began: readers keep the last good version"
    return Notice(RUN, f"not begun: {type(error).__name__}", title, tuple(lines))


def of_publication(report: PublishReport, config: Config) -> Notice:
    """Return what to say of a publication; its differences are counts and sums, no rows."""
    topic = f"publication to {report.target}"
    if not report.exit_code and report.total_tables:
        return Notice(topic, GOOD, topic, tuple(report.lines()[-1:]))
    lines = [*_place(config), "", *report.lines(), "", "What to do", f"  padm-ibis publish --to {report.target} --check"]
    if report.error is None:
        lines.insert(-1, "  padm-ibis check")
    return Notice(topic, "failed", f"{topic} failed", tuple(lines))


def _title(run_id: str, status: str) -> str:
    return f"run {run_id} {_OUTCOMES[status]}"


def _state(status: str, failed: list[str]) -> str:
    return f"{status}: {', '.join(failed)}" if failed else status


def _place(config: Config) -> tuple[str, ...]:
    return (f"warehouse {config.warehouse.url}", f"settings  {config.described}")


def _sources(config: Config, failed: list[str]) -> Iterator[str]:
    names = [f"{name} (not read)" if name in failed else name for name in config.sources]
    if names:
        yield f"sources   {', '.join(names)}"


def _attention(report: RunReport) -> Iterator[str]:
    failures = [Item("error", f"source {f.source_db}: {f.message}", f.hint or "") for f in report.failures]
    found = [*failures, *of_publications(report), *of_checks(_without_keys(report.checks))]
    items, rest = screenful(found)
    if items:
        yield from ("", "What needs attention")
    for item in items:
        yield f"  {item.kind:<8}{item.text}"
        if item.advice:
            yield f"          → {item.advice}"
    if rest:
        yield f"  {rest}"


def _without_keys(checks: Iterable[CheckResult]) -> Iterator[CheckResult]:
    """A row's key is a student's: it stays where only those who read the warehouse see it."""
    return (replace(check, rows=()) if check.failed else check for check in checks)


def _advice(report: RunReport, failed: list[str]) -> str:
    if report.withheld and report.status != "failed":
        return "padm-ibis check, padm-ibis doctor; then padm-ibis run --publish"
    if failed:
        return "padm-ibis doctor says what is wrong with a source"
    if report.errors:
        return "correct the values at the source, or lower the rule under [checks.rules]; then padm-ibis run"
    return "padm-ibis doctor, then padm-ibis run"
