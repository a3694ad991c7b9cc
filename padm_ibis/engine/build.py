"""Silver and gold: every stale table is made and checked, and what it was made from is written down."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from padm_ibis.engine import ledger, queries, restated
from padm_ibis.engine.state import RunState
from padm_ibis.report.results import CheckResult
from padm_ibis.report.run import RunReport, TableReport

if TYPE_CHECKING:
    from pandera.errors import SchemaErrors

    from padm_ibis.backends.base import Work
    from padm_ibis.define.model import Model
    from padm_ibis.engine.making import Making
    from padm_ibis.engine.validate import Relation


def build(work: Work, run: RunState, stale: dict[str, str]) -> None:
    """Make and check everything that would come out otherwise; collect all failures, then raise once.

    Parameters
    ----------
    stale
        Tables that may come out otherwise, in building order, each with the reason.
    """
    from padm_ibis.engine.making import Making
    from padm_ibis.engine.renewal import Renewal
    from padm_ibis.engine.validate import check_failed, schema_errors

    graph = run.definitions.graph
    errors: list[SchemaErrors] = []
    broken = set[str]()
    with run.phase("build", len(stale)):
        making = Making(work, run, Renewal(work, run, run.before, stale), restated.watched(graph, stale))
        errors += _check_bronze(work, run, making)
        for name in stale:
            model = graph.models[name]
            if bad := [i for i in model.inputs if i in broken]:
                broken.add(name)
                run.report.tables.append(TableReport(model.layer, name, "skipped", note=f"reads {bad[0]}, which failed"))
                continue
            validation = making.make(model)
            if validation and (error := schema_errors(model.contract, validation)) is not None:
                errors.append(error)
                broken.add(name)
        failed_bronze = any(check.verdict == "error" for check in run.report.checks)
        if not errors and not failed_bronze:
            run.report.checks += _check_relations(work, run, making)
    if errors or run.report.errors:
        raise check_failed(run.report.errors, errors)
    _record(work, run, making)
    making.clear()


def _check_bronze(work: Work, run: RunState, making: Making) -> list[SchemaErrors]:
    """Check the bronze tables that changed, and count what is remarkable in them."""
    from padm_ibis.engine.quality import observe
    from padm_ibis.engine.validate import schema_errors

    graph = run.definitions.graph
    errors = []
    for name in sorted(run.changed & {model.name for model in graph.of("bronze")}):
        model = graph.models[name]
        runner, table = queries.runner(work, run, [model]), queries.table(work, run, model)
        validation = making.try_bronze(model)
        run.bronze_checks[name] = validation.tried
        run.report.checks += [*validation.results, *observe(runner, table, model, graph.models, run.config)]
        if (error := schema_errors(model.contract, validation)) is not None:
            errors.append(error)
    return errors


def _check_relations(work: Work, run: RunState, making: Making) -> list[CheckResult]:
    from padm_ibis.engine.validate import check_relations, relations

    graph = run.definitions.graph
    existing = work.tables()
    params = run.definitions.params(run.request.as_of)
    found: dict[tuple[str, bool], list[Relation]] = {}
    for relation in relations(graph, params):
        child, parent = relation.child, relation.parent
        there = all(m.name in existing[m.layer] or m.name in making.contents for m in (child, parent))
        if there and child.layer != "bronze" and making.to_try(relation):
            found.setdefault((child.name, making.some(relation)), []).append(relation)
            run.related.add((child.name, relation.described))
    results: list[CheckResult] = []
    for (name, in_part), chosen in found.items():
        began = time.perf_counter()
        table = making.some_rows_of(name) if in_part else partial(queries.table, work, run)
        orphans = check_relations(queries.runner(work, run, _ends(chosen)), table, chosen, run.config, in_part=in_part)
        making.keep_orphans(chosen, orphans, in_part=in_part)
        results += orphans
        _add_checks(run.report, name, len(chosen), len(orphans), time.perf_counter() - began)
    return results


def _add_checks(report: RunReport, name: str, tried: int, warnings: int, seconds: float) -> None:
    for number, table in enumerate(report.tables):
        if table.name == name:
            report.tables[number] = replace(
                table,
                checks=table.checks + tried,
                warnings=table.warnings + warnings,
                seconds=round(table.seconds + seconds, 3),
            )


def _ends(relations: Iterable[Relation]) -> list[Model]:
    return [model for relation in relations for model in (relation.child, relation.parent)]


def _record(work: Work, run: RunState, making: Making) -> None:
    """Say of every table that was looked at what it holds and what it was made from, and of bronze by which code it was read."""
    known = ledger.records(work)
    restated.compare(work, run, making.contents, known)
    versions = {name: record.made_by for name, record in known.items()} | making.versions
    for model in making.models:
        node = run.definitions.dag.nodes[model.name]
        found = replace(
            making.record(model),
            code=ledger.code_of(node, run.definitions.fingerprints),
            params=ledger.params_of(node, run.params),
            inputs={name: versions[name] for name in node.inputs if name in versions},
            model=queries.code(run, model),
        )
        ledger.record(work, found)
    models, looked_at = run.definitions.graph.models, {model.name for model in making.models}
    for name, was in known.items():
        if name in models and name not in looked_at:
            found = making.known(was)
            if was.layer == "bronze":
                found = replace(found, model=queries.code(run, models[name]))
            if found != was:
                ledger.record(work, found)
