"""One publication: stage every table, compare it with the source, then show all of them, or none."""

from __future__ import annotations

import copy
import datetime as dt
import json
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

from padm_ibis import access, notify
from padm_ibis.backends.patience import WAIT, Patience
from padm_ibis.config import Config
from padm_ibis.errors import PadmError, UsageError
from padm_ibis.extras import need
from padm_ibis.publish.changes import changed_columns
from padm_ibis.publish.comparison import compare_references, compare_table, timed
from padm_ibis.publish.databases import Source, published_at, source_of
from padm_ibis.publish.destination import Destination, destination
from padm_ibis.publish.failures import explained
from padm_ibis.publish.memory import Memory, basis
from padm_ibis.publish.reconcile import Side
from padm_ibis.publish.spec import Publication, TableSpec, chosen
from padm_ibis.publish.targets import OutOfStep, Target, target_of
from padm_ibis.report.publication import PublishReport, TableDetail

Tell = Callable[[str], None]


def publish(
    config: Config,
    to: str | None = None,
    *,
    tables: Sequence[str] = (),
    mode: str | None = None,
    check_only: bool = False,
    whole: bool = False,
    tell: Tell = lambda line: None,
    wait: float = WAIT,
) -> PublishReport:
    """Replicate tables of the warehouse to another database, reconciled.

    Parameters
    ----------
    to
        ``postgres://…``, ``duckdb://<file>``, ``sqlite://<file>`` or the name of a ``[publish.targets.<name>]``; by
        default ``publish.to``.
    tables
        Names or patterns; by default ``publish.tables``, else all of gold.
    mode
        ``replace`` or ``upsert``.
    check_only
        Compare what the target holds with the source, and write nothing.
    whole
        Send all rows even where the target is known to be in step.
    tell
        Called with one line for each table.
    wait
        Seconds to wait for whoever has the target: another publication, or a program that writes in its file.

    Returns
    -------
    PublishReport
        With ``differences`` where the two sides are not equal; the target then holds what it held before.

    Raises
    ------
    UsageError
        If there is no target, or a pattern names no table.
    WarehouseError
        If a side is out of reach, or something in the target would not survive.
    """
    goal = destination(config, to, tables, mode)
    report = new_report(config, goal)
    try:
        replicate(config, goal, report, check_only=check_only, whole=whole, tell=tell, wait=wait)
    finally:
        notify.tell_publication(config, report)
    return report


def new_report(config: Config, goal: Destination) -> PublishReport:
    """Return the report of a publication that begins now."""
    began = dt.datetime.now(dt.UTC).replace(microsecond=0)
    file = None if goal.url.path is None else access.said(goal.url.path.absolute(), config.state.parent)
    return PublishReport(began, str(config.warehouse.url), str(goal.url), goal.mode, file=file)


def replicate(
    config: Config,
    goal: Destination,
    report: PublishReport,
    *,
    check_only: bool = False,
    whole: bool = False,
    tell: Tell = lambda line: None,
    wait: float = WAIT,
) -> None:
    """Do what `publish` says, and tell nobody: ``report`` gets what was done, as far as it came."""
    began, url = time.perf_counter(), goal.url
    config = config.knowing(url)
    try:
        for side in (config.warehouse.url, url):
            need(side.scheme, f"Publishing {'to' if side is url else 'from'} {side.scheme}://")
        specs = chosen(config, goal.tables)
        report.tables_detail = [TableDetail(spec.qualified) for spec in specs]
        with explained(config, url), source_of(config) as source:
            _check_there(source, specs)
            there = Side(source, {spec.name: source.place(spec.schema, spec.name) for spec in specs})
            columns = {name: source.columns(place) for name, place in there.place.items()}
            views, patience = _views(config, url.scheme), Patience(wait, tell)
            publication = Publication(config, url, specs, columns, views, report, patience, goal.file_mode, whole)
            if check_only:
                _compare_published(there, publication)
            else:
                _show(source, there, publication, began, tell)
    except PadmError as error:
        report.error, report.code = config.mask(error.message), error.exit_code
        error.report = report
        raise
    finally:
        report.close(time.perf_counter() - began)
        remember(config, report)


def _show(source: Source, there: Side, publication: Publication, began: float, tell: Tell) -> None:
    """Publish what changed; all of it where the target turns out not to be what it said."""
    memory = Memory(publication.config, publication.url)
    try:
        try:
            with target_of(publication) as target:
                _replicate(source, there, target, publication, memory, began, tell)
        except OutOfStep:
            tell("The target is not what it was known to be: all of it is published.")
            publication = replace(publication, whole=True)
            with target_of(publication) as target:
                _replicate(source, there, target, publication, memory, began, tell)
    finally:
        memory.discard()


def _replicate(
    source: Source, there: Side, target: Target, publication: Publication, memory: Memory, began: float, tell: Tell
) -> None:
    report = publication.report
    _stage_all(source, there, target, publication, memory, tell)
    if all(detail.sent is None for detail in report.tables_detail):
        compare_references(there, Side(target.database, {s.name: target.staged(s) for s in publication.specs}), publication)
    _tell_columns(target, publication, tell)
    equal = not any(detail.differences for detail in report.tables_detail)
    for detail in report.tables_detail:
        detail.status = "published" if equal else "failed" if detail.differences else "skipped"
    report.close(time.perf_counter() - began)  # what the target's history says is true as soon as anyone can read it
    if not equal:
        target.refuse()
        return
    target.show(lambda place: _agree(there, Side(target.database, place), publication))
    for spec in publication.specs:
        memory.keep(spec, publication.number)


def _agree(there: Side, here: Side, publication: Publication) -> bool:
    """Whether the tables that changed in place are equal on both sides now, and so are the references of all."""
    trial = replace(publication, report=copy.deepcopy(publication.report))
    for spec, detail in zip(trial.specs, trial.report.tables_detail, strict=True):
        if detail.sent or detail.removed:
            compare_table(there, here, spec, detail, trial, keys=False)
    compare_references(there, here, trial)
    return not any(detail.differences for detail in trial.report.tables_detail)


def _tell_columns(target: Target, publication: Publication, tell: Tell) -> None:
    for spec, detail in zip(publication.specs, publication.report.tables_detail, strict=True):
        if detail.sent is not None:  # it is in step: its columns, too
            continue
        detail.columns = changed_columns(target, spec)
        for change in detail.columns:
            tell(f"{spec.qualified}: {change}")


def _stage_all(source: Source, there: Side, target: Target, publication: Publication, memory: Memory, tell: Tell) -> None:
    """Stage the largest tables first, as many at a time as the target takes."""
    pairs = zip(publication.specs, publication.report.tables_detail, strict=True)
    waiting = iter(sorted(pairs, key=lambda pair: -_cells(there, pair[0], publication)))

    def work() -> None:
        with source.beside() as own_source, target.beside() as own_target:
            for spec, detail in waiting:
                with explained(publication.config, publication.url, spec.qualified):
                    _stage(own_source, own_target, spec, detail, publication, memory)
                tell(f"{spec.qualified}  {detail.amount}  {detail.seconds:.2f} s")

    if target.sessions == 1:
        return work()
    with ThreadPoolExecutor(target.sessions) as pool:
        try:
            for done in as_completed([pool.submit(work) for _ in range(target.sessions)]):
                done.result()
        except BaseException:
            deque(waiting, maxlen=0)  # nobody starts another table
            target.interrupt()
            raise
    return None


def _cells(there: Side, spec: TableSpec, publication: Publication) -> int:
    rows = there.database.query(f"SELECT count(*) FROM {there.place[spec.name]}")[0][0]
    return int(rows) * len(publication.columns[spec.name])


def _stage(
    source: Source, target: Target, spec: TableSpec, detail: TableDetail, publication: Publication, memory: Memory
) -> None:
    place, columns = source.place(spec.schema, spec.name), publication.columns[spec.name]
    detail.sent = detail.removed = None
    with timed(detail):
        made_by = basis(spec, columns)
        if target.remembers and memory.take(source, spec, columns, publication.number):
            if _stage_changes(source, target, spec, detail, publication, memory):
                return
            target.note(spec, made_by)
        keyed = target.stage(spec, source.read(f"SELECT * FROM {place}"))
        there, here = Side(source, {spec.name: place}), Side(target.database, {spec.name: target.staged(spec)})
        compare_table(there, here, spec, detail, publication, keys=not keyed)
        if not detail.differences:
            target.finish(spec)


def _stage_changes(
    source: Source, target: Target, spec: TableSpec, detail: TableDetail, publication: Publication, memory: Memory
) -> bool:
    """Stage only what changed of a table that is known to be in step; whether that could be."""
    made_by = basis(spec, publication.columns[spec.name])
    before = target.in_step(spec, made_by)
    found = None if before is None else memory.changes(source, spec, before, publication.number)
    if found is None:
        return False
    detail.records, detail.sent, detail.removed = found.rows, found.arrivals, found.departures
    if found.is_empty:
        memory.discard(spec)
        target.leave(spec)
        return True
    come, gone = (partial(source.read, f"SELECT * FROM {rows}") for rows in (found.come, found.gone))
    target.change(spec, come, gone)
    target.note(spec, made_by)
    return True


def _compare_published(there: Side, publication: Publication) -> None:
    with published_at(publication.config, publication.url) as database:
        found = [spec for spec in publication.specs if database.exists(spec.schema, spec.name)]
        here = Side(database, {spec.name: database.place(spec.schema, spec.name) for spec in found})
        for spec, detail in zip(publication.specs, publication.report.tables_detail, strict=True):
            with timed(detail):
                compare_table(there, here, spec, detail, publication, keys=True)
        compare_references(there, here, publication)


def _check_there(source: Source, specs: Sequence[TableSpec]) -> None:
    missing = [spec.qualified for spec in specs if not source.exists(spec.schema, spec.name)]
    if missing:
        raise UsageError(f"The warehouse does not hold {', '.join(missing)} yet.", hint="Build them first: padm-ibis run")


def _views(config: Config, dialect: str) -> dict[str, str]:
    if config.star is None:
        return {}
    from padm_ibis.publish.star import view_statements

    return view_statements(config, dialect)


def remember(config: Config, report: PublishReport) -> None:
    """Keep what happened in the source's working folder: a target that failed must stay as it was."""
    with access.create(access.folder(config.state) / "publications.jsonl", "a") as history:
        history.write(json.dumps(json.loads(report.json())) + "\n")


def history(config: Config) -> list[dict[str, Any]]:
    """Return the reports of earlier publications from this warehouse, oldest first; a line that is damaged tells nothing."""
    try:
        text = (config.state / "publications.jsonl").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    found = []
    for line in text.splitlines():
        with suppress(ValueError):
            found.append(json.loads(line))
    return [report for report in found if isinstance(report, dict)]
