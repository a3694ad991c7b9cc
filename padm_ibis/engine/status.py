"""How a warehouse is: asked of its history and of what it last read, without any source and without the lock."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from padm_ibis.backends.base import Reader, backend_of
from padm_ibis.engine import history, ledger, unfinished
from padm_ibis.errors import WarehouseError
from padm_ibis.report.history import RunRecord
from padm_ibis.report.results import CheckResult
from padm_ibis.report.status import SourceAge, Status
from padm_ibis.report.versions import in_force
from padm_ibis.sources import rhythm

if TYPE_CHECKING:
    from padm_ibis.config import Config, SourceConfig

Read = Mapping[tuple[str, str], dt.datetime]
"""(source, resource) → when it was last read, UTC."""


def status_of(config: Config, now: dt.datetime, next_run: str | None) -> Status:
    """Return the state of a warehouse; see `padm_ibis.status`."""
    known = history.read(config)
    ended = [run for run in known.runs if run.ended]
    last = next(iter(ended), None)
    published, checks = _published(config, _since_published(ended, known.shown))
    read = {**published}
    for run in ended:
        for key in _read_by(run):
            read[key] = max(run.started_at, read.get(key, run.started_at))
    return Status(
        warehouse=str(config.warehouse.url),
        now=now,
        last_good=next((run for run in ended if run.good), None),
        last=last,
        running=next((run for run in known.runs if not run.ended), None),
        sources=[_age(source, read, now) for source in config.sources.values()],
        failed_checks=_failed(last, checks),
        next_run=next_run,
        missing=known.missing,
        trouble=known.trouble,
        remark=backend_of(config).remark() or unfinished.remark(config),
        versions=known.versions,
        comeback=in_force(known.comebacks, known.shown),
    )


def _published(config: Config, since: Sequence[str]) -> tuple[Read, list[CheckResult]]:
    """What the warehouse says of its sources and of the last check; nothing where it cannot be asked."""
    try:
        with backend_of(config).ledger() as reader:
            return ({}, []) if reader is None else (_watermarks(reader), _errors(reader, since))
    except WarehouseError:  # `history.read` has told
        return {}, []


def _watermarks(reader: Reader) -> Read:
    if "watermarks" not in reader.tables()[ledger.SCHEMA]:
        return {}
    found = reader.execute(f"SELECT source_db, resource, extracted_at FROM {ledger.SCHEMA}.watermarks")
    return {(source, resource): at for source, resource, at in found}


def _since_published(ended: Sequence[RunRecord], shown: str | None) -> list[str]:
    """The run of the version that readers see, under whose name `check` writes, and those after it; ``ended`` is newest first."""
    number = next((n for n, run in enumerate(ended) if run.run_id == shown), -1)
    return [run.run_id for run in ended[: number + 1]]


def _errors(reader: Reader, runs: Sequence[str]) -> list[CheckResult]:
    """What was found by the last check of the newest version: `check`'s, or a later run's own."""
    if not runs or "check_results" not in reader.tables()[ledger.SCHEMA]:
        return []
    marks = ", ".join("?" * len(runs))
    table = f"(SELECT * FROM {ledger.SCHEMA}.check_results WHERE run_id IN ({marks})) AS found"
    found = reader.execute(
        f"SELECT table_name, rule, failed_rows FROM {table} WHERE verdict = 'error'"
        f" AND checked_at = (SELECT max(checked_at) FROM {table}) ORDER BY table_name, rule",
        [*runs, *runs],
    )
    return [CheckResult(name, rule, "error", failed) for name, rule, failed in found]


def _failed(last: RunRecord | None, checks: Iterable[CheckResult]) -> list[CheckResult]:
    own = [
        CheckResult(c["table"], c["rule"], "error", c["failed"])
        for c in (last.details.get("checks", ()) if last else ())
        if c["verdict"] == "error"
    ]
    return list({(c.table, c.rule): c for c in (*own, *checks)}.values())


def _read_by(run: RunRecord) -> Iterable[tuple[str, str]]:
    """What a run read, if it kept it: a run that failed or was killed may have lost it."""
    if not run.good and run.status != "partial":
        return
    failed = {failure["source_db"] for failure in run.details.get("failures", ())}
    for item in run.inputs:
        if item["source_db"] not in failed and not str(item.get("note") or "").startswith("not read"):
            yield str(item["source_db"]), str(item["resource"])


def _age(source: SourceConfig, read: Read, now: dt.datetime) -> SourceAge:
    mine = {resource: at for (name, resource), at in read.items() if name == source.name}
    late = [r for r, at in mine.items() if now - at > dt.timedelta(hours=source.freshness(r) or rhythm.READ_HOURS)]
    return SourceAge(source.name, min(mine.values(), default=None), tuple(sorted(late)))
