"""A run: extract, build, audit, publish.

Bronze is loaded source by source. Silver and gold are built and checked in one transaction of the run's
private copy; only when every table passed is the whole published, in one step. Whatever goes wrong before
that leaves what readers see exactly as it was.
"""

from __future__ import annotations

import datetime as dt
import time
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from padm_ibis import atomic, disk
from padm_ibis.backends.base import Work, backend_of
from padm_ibis.backends.patience import Patience
from padm_ibis.definitions import Definitions
from padm_ibis.engine import erased, history, ledger, listed, passed, queries
from padm_ibis.engine.build import build
from padm_ibis.engine.journal import Journal
from padm_ibis.engine.load import load
from padm_ibis.engine.refusals import check_definitions, check_inputs_exist, check_names
from padm_ibis.engine.state import Request, RunState, now
from padm_ibis.errors import DefinitionError, PadmError, UsageError, WarehouseBusy, WarehouseDamaged, came_of_interrupt
from padm_ibis.report.history import of_report
from padm_ibis.report.names import run_name
from padm_ibis.report.progress import Progress
from padm_ibis.report.run import Action, RunReport, TableReport
from padm_ibis.report.versions import in_force
from padm_ibis.version import __version__

if TYPE_CHECKING:
    from padm_ibis.config import Config


NEVER_BEGAN = (UsageError, DefinitionError, WarehouseBusy)
"""Before the warehouse was opened: such a run is none, and leaves what is said of the last one alone."""


def run(config: Config, request: Request, progress: Progress | None = None) -> RunReport:
    """Bring the warehouse up to date and publish it.

    Raises
    ------
    PadmError
        With the report so far as its ``report``; readers keep the last good version.
    """
    try:
        return _run(config, request, progress)
    except WarehouseDamaged as error:  # it is set aside when it is opened again
        if progress is not None:
            progress.note(f"{error.message} The run begins anew.")
        return _run(config, request, progress)


def _run(config: Config, request: Request, progress: Progress | None) -> RunReport:
    began = time.perf_counter()
    definitions = Definitions(config)
    nodes = definitions.dag.select(request.layer, request.select, only=request.only)
    check_names(config, request, nodes, definitions)
    state = RunState(config, request, definitions, progress or Progress(), _new_report(config, request, definitions), nodes)
    report = state.report
    try:
        if unchecked := definitions.unchecked(node.name for node in nodes):
            with state.phase("prepare"):
                check_definitions(state, unchecked)
        patience = Patience(request.wait, state.progress.note, report.notes.append)
        with backend_of(config).open(patience) as work:
            definitions.keep(node.name for node in nodes)
            _begin(work, state)
            _run_in(work, state, began)
            definitions.statements.keep()
    except BaseException as raised:
        error = disk.told(raised, config.state)
        _fail(state, error, began)
        if state.begun or not isinstance(error, NEVER_BEGAN):
            _leave_beside(state)
        if error is not raised:
            raise error from None
        raise
    _leave_beside(state)
    return report


def _begin(work: Work, run: RunState) -> None:
    """From here on it is a run, whatever becomes of it."""
    ledger.ensure(work)
    history.begin(work, run.config, run.report)
    run.begun = True


def _fail(run: RunState, error: BaseException, began: float) -> None:
    """Say in the report what ended the run; a text that nobody wrote for people may hold a person's data."""
    report = run.report
    report.seconds = round(time.perf_counter() - began, 3)
    if isinstance(error, PadmError):
        error.report = report
    if came_of_interrupt(error):
        report.status, report.error = "killed", "Killed: the run was interrupted."
    elif isinstance(error, PadmError):
        report.status, report.error = "failed", run.config.mask(error.message)
    elif isinstance(error, Exception):
        report.status, report.error = "failed", f"An unexpected {type(error).__name__} ended the run."
    else:
        report.status, report.error = "killed", "Killed: the run was interrupted."


def _run_in(work: Work, run: RunState, began: float) -> None:
    report = run.report
    try:
        bronze = _settle(work, run)
        work.foresee([(node.layer, node.name) for node in run.nodes], partial(queries.schema, run))
        work.take_up(report.run_id)
        run.before = ledger.records(work)
        if run.of("bronze"):
            load(work, run, bronze)
        stale = ledger.why_stale(run.nodes, ledger.records(work), run.definitions.fingerprints, run.params)
        check_inputs_exist(work, run)
        if stale or run.changed:
            with run.phase("prepare"):
                _ = run.definitions.graph
            with work.transaction():
                build(work, run, stale)
                ledger.put(work, "unpublished", report.run_id)
        _list_tables(work, run, stale)
        _conclude(work, run, began)
    except BaseException as error:
        status = report.status
        _fail(run, disk.told(error, run.config.state), began)
        with suppress(PadmError):  # the first error is the one to tell; the journal has what could not be written here
            work.abandon()
            if work.published_run() == report.run_id:  # readers have it, and its own books say so: only what follows was cut off
                report.status, report.published, report.error = status, True, None
            else:
                _write_down(work, run)
        raise


def _settle(work: Work, run: RunState) -> list[str]:
    """Say which tables are built, as far as only the warehouse knows; return the bronze tables to read from sources.

    Where people were erased since bronze was loaded, every table that there is stands for renewal, whatever was asked for.
    """
    bronze = [node.name for node in run.of("bronze")] if run.request.extract else []
    run.suppressed = listed.current(work, run.config, run.report.run_id)
    run.report.suppressed = len(run.suppressed.marks)
    due = erased.is_due(work, run.suppressed)
    if not due and run.request.extract:
        return bronze
    chosen, known = {node.name for node in run.nodes} if run.request.extract else set[str](), ledger.records(work)
    run.nodes = tuple(node for node in run.definitions.dag if node.name in chosen or node.name in known)
    if unchecked := run.definitions.unchecked(node.name for node in run.nodes):
        with run.phase("prepare"):
            check_definitions(run, unchecked)
    return bronze


def _write_down(work: Work, run: RunState) -> None:
    """Write down a run that failed, for everyone who reads the warehouse."""
    ledger.ensure(work)
    _list_tables(work, run, {table.name: "" for table in run.report.tables})
    history.end(work, run.report, now(), run.definitions.code)
    history.show(work)


def _conclude(work: Work, run: RunState, began: float) -> None:
    """Write the run down and publish, unless nothing changed since the last time."""
    report = run.report
    nothing_new = not ledger.pending(work) and work.published_run() is not None
    if report.failures or report.errors:
        report.status = "partial"
    elif nothing_new:
        report.status = "up to date"
    report.seconds = round(time.perf_counter() - began, 3)
    report.published = not nothing_new
    report.passed_over = passed.count(work, run)
    with work.transaction():
        passed.write(work, report.run_id, report.passed_over)
        if report.published:  # until readers see this run, it is pending: whatever ends it before that, the next one shows it
            ledger.put(work, "unpublished", report.run_id)
        history.end(work, report, now(), run.definitions.code)
    if report.published:
        if (comeback := in_force(ledger.comebacks(work), work.published_run())) is not None:
            report.notes.append(f"Readers had been brought back to the version of {comeback.to_run}; they see the newest again.")
        with run.phase("publish"):
            try:
                work.publish(report.run_id)
            except BaseException:
                report.published = False
                raise
    else:
        history.show(work)
    report.seconds = round(time.perf_counter() - began, 3)


def _list_tables(work: Work, run: RunState, stale: dict[str, str]) -> None:
    """Complete the report by the tables that were loaded or left as they were, in building order."""
    known, report = ledger.records(work), run.report
    found = {table.name: table for table in report.tables}
    for node in run.nodes:
        if node.layer == "bronze":
            parts = [i for i in report.inputs if i.resource == node.name]
            changed = sum(i.changed for i in parts)
            rows = known[node.name].rows if node.name in known else 0
            action: Action = "loaded" if changed else "unchanged"
            warned = sum(c.table == node.name and c.verdict == "warn" for c in report.checks)
            seconds = round(sum(i.seconds for i in parts), 3)
            found[node.name] = TableReport(
                "bronze", node.name, action, rows, seconds,
                checks=run.bronze_checks.get(node.name, 0), changed=changed, warnings=warned,
            )  # fmt: skip
        elif node.name not in stale and node.name in known:
            found[node.name] = TableReport(node.layer, node.name, "unchanged", known[node.name].rows)
    report.tables = [found[node.name] for node in run.nodes if node.name in found]


def _new_report(config: Config, request: Request, definitions: Definitions) -> RunReport:
    began = dt.datetime.now(dt.UTC).replace(tzinfo=None)  # to the microsecond: runs are told in the order in which they began
    params = definitions.params(request.as_of).plain()
    params.pop("as_of")
    return RunReport(
        run_id=request.run_id or run_name(began),
        version=__version__,
        started_at=began,
        warehouse=str(config.warehouse.url),
        configuration=config.described,
        layer=request.layer or "gold",
        as_of=request.as_of,
        params=params,
        notes=[error.message for error in config.unusable.values()],
    )


def _leave_beside(run: RunState) -> None:
    """Leave the report beside the warehouse, and a record of the run that needs no warehouse."""
    state, report = run.config.state, run.report
    if not state.parent.is_dir():  # where the place was mistyped, it is not to be there the next time
        return
    try:
        Journal(run.config).put(of_report(report, history.process(), now()))
        atomic.write(state / "last_run.json", report.json())
        atomic.tidy(state)
    except OSError as error:
        run.progress.note(f"This run could not be written down in {state}: {error.strerror}.")
