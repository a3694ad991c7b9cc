"""``_padm.passed_over``: how many rows a run passed over, of each table and for each reason, in one place.

What a run did not look at again, because nothing changed there, stands as it was counted last.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from padm_ibis.engine import ledger
from padm_ibis.extract.store import DUPLICATE
from padm_ibis.report.passed import PassedOver

if TYPE_CHECKING:
    from padm_ibis.backends.base import Work
    from padm_ibis.engine.state import RunState

COPY = "copies of another row"
EARLY = "dated before incremental_start_date"
ERASED = "of people who were erased"
_COUNTED = "passed_over"
"""Key of ``_padm.state``: the run that counted last."""


def count(work: Work, run: RunState) -> list[PassedOver]:
    """Return what a run passed over, each beside the run before; nothing that neither of the two has."""
    last = ledger.get(work, _COUNTED)
    before = {found.key: found for found in _read(work, last)} if last else {}
    now = {found.key: found for found in (*_loaded(run), *_rejected(work), *_checked(run))}
    now |= {key: before[key] for key in now.keys() & before.keys() if not _is_examined(run, before[key])}
    for key, found in before.items():
        if key not in now and not _is_examined(run, found):
            now[key] = found
    for key in before.keys() - now.keys():
        now[key] = replace(before[key], rows=0)
    return [_beside(found, before.get(key), last) for key, found in sorted(now.items())]


def write(work: Work, run_id: str, found: list[PassedOver]) -> None:
    """Write down what a run passed over."""
    for one in found:
        values = [run_id, one.kind, one.table, one.source_db, one.reason, one.part, one.rows, one.before]
        work.execute(f"INSERT INTO {ledger.SCHEMA}.passed_over VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values)
    ledger.put(work, _COUNTED, run_id)


def _beside(found: PassedOver, before: PassedOver | None, last: str | None) -> PassedOver:
    if before is None:
        return replace(found, before=None if last is None else 0)
    return replace(found, before=before.rows if before.part == found.part else None)


def _read(work: Work, run_id: str) -> Iterator[PassedOver]:
    rows = work.execute(
        "SELECT kind, table_name, source_db, reason, failed_rows, before_rows, part"
        f" FROM {ledger.SCHEMA}.passed_over WHERE run_id = ? AND failed_rows > 0",
        [run_id],
    )
    yield from (PassedOver(*row) for row in rows)


def _loaded(run: RunState) -> Iterator[PassedOver]:
    """What did not arrive and is kept nowhere."""
    for item in run.report.inputs:
        table, part = f"bronze.{item.resource}", item.since is not None or item.buckets is not None
        if item.copies:
            yield PassedOver("duplicate", table, item.source_db, COPY, item.copies, part=part)
        if item.early:
            yield PassedOver("early", table, item.source_db, EARLY, item.early, part=part)
        if item.suppressed:
            yield PassedOver("erased", table, item.source_db, ERASED, item.suppressed, part=part)


def _rejected(work: Work) -> Iterator[PassedOver]:
    if "rejected_rows" not in work.tables()[ledger.SCHEMA]:
        return
    for source_db, resource, reason, rows in work.execute(
        f"SELECT source_db, resource, reason, count(*) FROM {ledger.SCHEMA}.rejected_rows GROUP BY 1, 2, 3"
    ):
        yield PassedOver("duplicate" if reason == DUPLICATE else "rejected", f"bronze.{resource}", source_db, reason, rows)


def _checked(run: RunState) -> Iterator[PassedOver]:
    """What arrived and belongs to nobody, or points nowhere."""
    layers = {node.name: node.qualified for node in run.definitions.dag}
    for check in run.report.checks:
        if check.passes is not None:
            yield PassedOver(check.passes, layers.get(check.table, check.table), "", check.rule, check.failed)


def _is_examined(run: RunState, found: PassedOver) -> bool:
    """Whether the run looked at what was counted before, so that it would have been counted again."""
    name = found.table.rpartition(".")[2]
    if found.kind == "orphan":
        return name not in run.definitions.dag.nodes or (name, found.reason) in run.related
    if found.kind == "unlinked":
        return name in run.changed
    if found.reason in (COPY, EARLY, ERASED):
        failed = {failure.source_db for failure in run.report.failures}
        return any(
            (i.source_db, i.resource) == (found.source_db, name) and i.source_db not in failed and i.buckets is None
            for i in run.report.inputs
        )
    return True
