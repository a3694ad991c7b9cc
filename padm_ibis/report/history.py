"""What is known of runs after they ended: good, partial, failed or killed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from padm_ibis.report.answer import to_json
from padm_ibis.report.restated import Moved, restatements
from padm_ibis.report.run import RunReport
from padm_ibis.report.text import ago, duration, rows
from padm_ibis.report.versions import Comeback, Version, in_force

Outcome = Literal["running", "ok", "up to date", "partial", "failed", "killed"]
GOOD = ("ok", "up to date")
WIDTH = 80


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One run, as ``_padm.runs`` keeps it. It holds no personal data and no secret: everybody who reads tables reads it.

    Attributes
    ----------
    started_at, finished_at
        UTC. A killed run has no end, and no seconds.
    status
        ``killed`` if its process ended before the run did, or was interrupted.
    published
        Whether readers got a new version by it; None of runs of earlier versions of this library.
    tables, rows
        Tables of silver and gold that were built, and their rows.
    warnings
        Rules that failed without stopping it.
    inputs
        What was read: ``source_db``, ``resource``, ``read``, ``changed``, ``watermark``, ``note`` each.
    details
        ``tables`` (name, action, rows, seconds, note), ``failures`` of sources, ``checks`` that failed, ``notes``,
        ``phases`` in seconds, and the ``process`` it ran in.
    """

    run_id: str
    started_at: dt.datetime
    status: Outcome
    layer: str
    as_of: dt.date | None
    version: str
    params: Mapping[str, Any] = field(default_factory=dict)
    finished_at: dt.datetime | None = None
    seconds: float | None = None
    published: bool | None = None
    tables: int = 0
    rows: int = 0
    warnings: int = 0
    inputs: Sequence[Mapping[str, Any]] = ()
    error: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def good(self) -> bool:
        """Whether nothing has to be done about it."""
        return self.status in GOOD

    @property
    def ended(self) -> bool:
        """Whether it is over, one way or another."""
        return self.status != "running"

    def as_dict(self) -> dict[str, Any]:
        """Return everything as plain data, moments as ISO texts."""
        return {name: _plain(value) for name, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, found: Mapping[str, Any]) -> RunRecord:
        """Read what `as_dict` gave."""
        moments = {name: _moment(found[name]) for name in ("started_at", "finished_at")}
        as_of = dt.date.fromisoformat(found["as_of"]) if found["as_of"] else None
        return cls(**{**found, **moments, "as_of": as_of})


def of_report(report: RunReport, process: Mapping[str, Any], ended: dt.datetime | None) -> RunRecord:
    """Return the record of a run as far as it came; one without an end is still running."""
    built = [t for t in report.tables if t.action == "built"]
    read = ("source_db", "resource", "read", "changed", "watermark", "note")
    return RunRecord(
        run_id=report.run_id,
        started_at=report.started_at,
        status=report.status if ended else "running",
        layer=report.layer,
        as_of=report.as_of,
        version=report.version,
        params=report.params,
        finished_at=ended,
        seconds=report.seconds if ended else None,
        published=report.published if ended else None,
        tables=len(built),
        rows=sum(t.rows for t in built),
        warnings=len(report.warnings),
        inputs=[{name: getattr(item, name) for name in read} for item in report.inputs],
        error=report.error,
        details={
            "process": dict(process),
            "tables": [
                {"table": f"{t.layer}.{t.name}", "action": t.action, "rows": t.rows, "seconds": t.seconds, "note": t.note}
                for t in report.tables
                if t.action not in ("unchanged", "loaded")
            ],
            "failures": [{"source_db": f.source_db, "message": f.message} for f in report.failures],
            "checks": [
                {"table": c.table, "rule": c.rule, "verdict": c.verdict, "failed": c.failed}
                for c in (*report.errors, *report.warnings)
            ],
            "passed_over": [str(found) for found in report.passed_over],
            "restated": list(restatements(report.restated)),
            "notes": list(report.notes),
            "phases": dict(report.phases),
            "suppressed": report.suppressed,
        },
    )


def killed(record: RunRecord) -> RunRecord:
    """Return the record of a run whose process is gone."""
    process = record.details.get("process") or {}
    who = f"process {process['pid']} on {process['host']}" if {"pid", "host"} <= process.keys() else "its process"
    return replace(record, status="killed", published=False, error=f"Killed: {who} ended before the run did.")


def before(records: Iterable[RunRecord], run_id: str) -> RunRecord | None:
    """Return the run that ended last before this one began, or None: what a notice compares a run with.

    The state of the warehouse changed for the worse where that one was `good` and this one is not, and is mended where
    it is the other way round. A run that never began (a wrong configuration, another run in its way) is no run.
    """
    ordered = newest_first(records)
    mine = next((r for r in ordered if r.run_id == run_id), None)
    earlier = (r for r in ordered if r.ended and r.run_id != run_id and (mine is None or r.started_at <= mine.started_at))
    return next(earlier, None)


def troubled_since(records: Iterable[RunRecord]) -> dt.datetime | None:
    """Return when the first of the newest unbroken row of bad runs began; None where the newest that ended was good."""
    since = None
    for record in newest_first(records):
        if record.good:
            break
        if record.ended:
            since = record.started_at
    return since


def newest_first(records: Iterable[RunRecord]) -> list[RunRecord]:
    """Return runs in the order in which `history` lists them."""
    return sorted(records, key=lambda r: (r.started_at, r.run_id), reverse=True)


@dataclass(frozen=True, slots=True)
class History:
    """Runs, newest first, of a warehouse, and what became of their versions.

    Attributes
    ----------
    trouble
        Why the warehouse itself could not be asked.
    versions
        The version that readers see and those they can be brought back to, newest first.
    comebacks
        When readers were brought back to an earlier version, by whom, oldest first.
    moved
        Where one run was asked for: how much of each point-in-time table that it published is otherwise now.
    """

    warehouse: str
    runs: Sequence[RunRecord]
    trouble: str | None = None
    versions: Sequence[Version] = ()
    comebacks: Sequence[Comeback] = ()
    moved: Sequence[Moved] = ()

    @property
    def exit_code(self) -> int:
        """The command's exit code: 3 where the warehouse could not be asked."""
        return 3 if self.trouble else 0

    def json(self) -> str:
        """Return everything as JSON."""
        return to_json(self)


def line(run: RunRecord, now: dt.datetime) -> str:
    """Return a run in one line of at most 80 characters."""
    took = duration(run.seconds) if run.seconds is not None else "-"
    what = _built(run) or ("nothing new" if run.good else _first(run.error or ""))
    text = f"{run.run_id}  {run.status:<10}  {ago(run.started_at, now):<14}  {took:>9}  {what}"
    return text if len(text) <= WIDTH else f"{text[: WIDTH - 1]}…"


def described(run: RunRecord, known: History, now: dt.datetime) -> Iterator[tuple[str, str]]:
    """Yield all that is known of a run: a word, and what stands behind it; an empty word continues the one before."""
    yield "run", f"{run.run_id}: {run.status}"
    yield "started", f"{run.started_at:%Y-%m-%d %H:%M:%S} UTC, {ago(run.started_at, now)}"
    yield "took", "unknown: it did not end by itself" if run.seconds is None and run.ended else duration(run.seconds or 0)
    yield "layer", f"{run.layer}, as of {run.as_of}, padm-ibis {run.version}"
    yield "published", {True: "yes", False: "no: readers kept the version before", None: "not known"}[run.published]
    yield from _listed("version", _version(run.run_id, known, now))
    if run.error:
        yield from _listed("error", run.error.splitlines())
    sources: dict[str, list[Mapping[str, Any]]] = {}
    for item in run.inputs:
        sources.setdefault(str(item["source_db"]), []).append(item)
    yield from _listed("read", (_read(name, items) for name, items in sources.items()))
    yield from _listed("unread", (f"{f['source_db']}: {f['message']}" for f in run.details.get("failures", ())))
    yield from _listed("tables", (_table(t) for t in run.details.get("tables", ())))
    yield from _listed("checks", (_check(c) for c in run.details.get("checks", ())))
    yield from _listed("passed", run.details.get("passed_over", ()))
    yield from _listed("restated", run.details.get("restated", ()))
    yield from _listed("moved since", map(str, known.moved))
    yield from _listed("notes", run.details.get("notes", ()))


def _version(run_id: str, known: History, now: dt.datetime) -> Iterator[str]:
    for version in known.versions:
        if version.run_id == run_id:
            yield "readers see it" if version.shown else f"kept: padm-ibis rollback {run_id}"
    for comeback in known.comebacks:
        if run_id in (comeback.from_run, comeback.to_run):
            yield comeback.told(now)


def of_versions(known: History, now: dt.datetime) -> Iterator[str]:
    """Yield since when readers see an earlier version than the newest, and which are kept."""
    shown = next((version.run_id for version in known.versions if version.shown), None)
    if (comeback := in_force(known.comebacks, shown)) is not None:
        yield comeback.told(now)
    if kept := [version.run_id for version in known.versions if not version.shown]:
        yield f"kept: {', '.join(kept)}"


def _listed(word: str, texts: Iterable[str]) -> Iterator[tuple[str, str]]:
    for number, text in enumerate(texts):
        yield "" if number else word, text


def _read(source: str, items: Sequence[Mapping[str, Any]]) -> str:
    read, changed = (sum(int(item.get(key) or 0) for item in items) for key in ("read", "changed"))
    return f"{source}: {rows(read)} of {len(items)} resources, {changed:,} changed"


def _table(found: Mapping[str, Any]) -> str:
    note = f" ({found['note']})" if found["note"] else ""
    return f"{found['table']} {found['action']}, {rows(found['rows'])}, {duration(found['seconds'])}{note}"


def _check(found: Mapping[str, Any]) -> str:
    return f"{'failed' if found['verdict'] == 'error' else 'warning'} {found['table']}: {found['rule']}: {rows(found['failed'])}"


def _built(run: RunRecord) -> str:
    return f"{run.tables} table{'s' * (run.tables != 1)} built" if run.tables and run.good else ""


def _first(text: str) -> str:
    return next(iter(text.splitlines()), "")


def _plain(value: Any) -> Any:
    if isinstance(value, dt.date | dt.datetime):
        return value.isoformat()
    return value


def _moment(text: str | None) -> dt.datetime | None:
    return dt.datetime.fromisoformat(text) if text else None
