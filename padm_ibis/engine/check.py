"""Checks of the published warehouse, without building anything."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import ibis.expr.types as ir

from padm_ibis.backends.base import backend_of
from padm_ibis.backends.patience import Patience
from padm_ibis.define import contract as contracts
from padm_ibis.define.compile import sql
from padm_ibis.define.graph import differences
from padm_ibis.define.layers import LAYERS
from padm_ibis.define.model import Model
from padm_ibis.definitions import Definitions
from padm_ibis.engine import ledger
from padm_ibis.engine.quality import observe
from padm_ibis.engine.validate import check_relations, relations, validate
from padm_ibis.errors import WarehouseError
from padm_ibis.report.check import CheckReport
from padm_ibis.report.progress import Progress
from padm_ibis.report.results import CheckResult
from padm_ibis.warehouse import Warehouse

if TYPE_CHECKING:
    from padm_ibis.config import Config
    from padm_ibis.params import Params


NOTHING = CheckResult("*", "check", "ok")
"""Written down in place of results where there are none, so that earlier ones are known to be mended."""


def check_warehouse(
    config: Config, layer: str | None, names: tuple[str, ...], *, sources: bool, progress: Progress, wait: float = 0.0
) -> CheckReport:
    """Try contracts, relations and, with ``sources``, counts and freshness; see `padm_ibis.check`."""
    began = time.perf_counter()
    definitions = Definitions(config)
    graph = definitions.graph
    chosen = graph.select(layer, names, only=bool(layer or names))
    with Warehouse(config) as warehouse:
        params = warehouse.params
        report = CheckReport(str(config.warehouse.url), warehouse.run_id, params.as_of)
        existing = warehouse.tables()
        failed_before = _failed_before(warehouse)
        there = [model for model in chosen if model.name in existing[model.layer]]
        report.notes += _not_built(chosen, existing)
        run = partial(_run, warehouse)
        with progress:
            progress.phase("check", len(there))
            for model in there:
                progress.start(model.name)
                report.results += _check_table(warehouse, run, model, params, config, report)
                if model.layer == "bronze":
                    report.results += observe(run, _table(warehouse, model), model, graph.models, config)
                progress.done(model.name)
            built = {model.name for model in graph if model.name in existing[model.layer]}
            for model in there:
                tried = [r for r in relations(graph, params) if r.child is model and r.parent.name in built]
                report.tried += len(tried)
                report.results += (
                    check_relations(run, partial(_table, warehouse), tried, config) if model.layer != "bronze" else ()
                )
        report.tables = len(there)
        if sources and config.sources and (layer in (None, "bronze")):
            _check_sources(config, warehouse, report, progress)
    if report.run_id and (report.results or failed_before):
        _keep(config, report, report.run_id, Patience(wait, progress.note, report.notes.append))
    report.seconds = round(time.perf_counter() - began, 3)
    return report


def _failed_before(warehouse: Warehouse) -> bool:
    """Whether errors stand in ``_padm.check_results`` that a check without any puts behind us."""
    if "check_results" not in warehouse.tables()[ledger.SCHEMA]:
        return False
    table = f"{ledger.SCHEMA}.check_results"
    newest = f"SELECT max(checked_at) FROM {table}"
    return bool(warehouse.execute(f"SELECT 1 FROM {table} WHERE verdict = 'error' AND checked_at = ({newest}) LIMIT 1"))


def _not_built(chosen: Iterable[Model], existing: Mapping[str, Collection[str]]) -> Iterator[str]:
    """Say what is not there: a whole layer in one line."""
    for layer in LAYERS:
        wanted = [m.name for m in chosen if m.layer == layer]
        missing = [name for name in wanted if name not in existing[layer]]
        if len(missing) > 1 and missing == wanted:
            yield f"Nothing of {layer} was built yet: padm-ibis run --layer {layer}"
        else:
            yield from (f"{layer}.{name} was not built yet." for name in missing)


def _keep(config: Config, report: CheckReport, run_id: str, patience: Patience) -> None:
    """Add what was found to ``_padm.check_results``; that it could not be is a note, not the check's failure."""
    now = dt.datetime.now(dt.UTC).replace(tzinfo=None)
    try:
        with backend_of(config).open(patience) as work:
            with work.transaction():
                ledger.write_checks(work, run_id, report.results or [NOTHING], now)
            if ledger.pending(work):  # what a run loaded and readers do not see, or see no more, stays out of their sight
                work.show_history()
            else:
                work.publish(run_id)
    except WarehouseError as error:
        report.notes.append(f"These results were not added to {ledger.SCHEMA}.check_results: {config.mask(error.message)}")


def _check_table(
    warehouse: Warehouse, run: Any, model: Model, params: Params, config: Config, report: CheckReport
) -> tuple[CheckResult, ...]:
    table = _table(warehouse, model)
    found = differences(table.schema(), contracts.schema(model.contract, params))
    report.tried += 1
    if found:
        return tuple(CheckResult(model.name, f"schema: {problem}", "error") for problem in found)
    validation = validate(run, table, model.name, model.contract, params, config)
    report.tried += validation.tried
    return validation.results


def _check_sources(config: Config, warehouse: Warehouse, report: CheckReport, progress: Progress) -> None:
    """Compare counts with the sources and look how old their rows are."""
    from padm_ibis import extract

    found = extract.check_sources(warehouse, config, progress=progress)
    report.tried += found.tried
    report.results += found.checks
    report.notes += found.notes


def _run(warehouse: Warehouse, key: str, make: Callable[[], ir.Table]) -> list[tuple[Any, ...]]:
    return warehouse.execute(sql(make(), warehouse.dialect, pretty=False))


def _table(warehouse: Warehouse, model: Model) -> ir.Table:
    return warehouse.table(f"{model.layer}.{model.name}")
