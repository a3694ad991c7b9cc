"""Silver and gold: every stale table is made and checked, and what it was made from is written down."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from padm_ibis.engine import ledger, queries, restated
from padm_ibis.engine.state import RunState, now
from padm_ibis.report.results import CheckResult
from padm_ibis.report.run import RunReport, TableReport

if TYPE_CHECKING:
    from pandera.errors import SchemaErrors

    from padm_ibis.backends.base import Work
    from padm_ibis.define.model import Model
    from padm_ibis.engine.validate import Relation, Validation


def build(work: Work, run: RunState, stale: dict[str, str]) -> None:
    """Build and check everything that is stale; collect all failures, then raise once."""
    from padm_ibis.engine.validate import check_failed, schema_errors

    graph = run.definitions.graph
    errors: list[SchemaErrors] = []
    broken = set[str]()
    watched = restated.watched(graph, stale)
    with run.phase("build", len(stale)):
        errors += _check_bronze(work, run)
        for name in stale:
            model = graph.models[name]
            if bad := [i for i in model.inputs if i in broken]:
                broken.add(name)
                run.report.tables.append(TableReport(model.layer, name, "skipped", note=f"reads {bad[0]}, which failed"))
                continue
            if name in watched and (former := work.set_aside(model.layer, name)) is not None:
                run.former[name] = former
            validation = _build_one(work, run, model, stale[name])
            if (error := schema_errors(model.contract, validation)) is not None:
                errors.append(error)
                broken.add(name)
        failed_bronze = any(check.verdict == "error" for check in run.report.checks)
        if not errors and not failed_bronze:
            run.report.checks += _check_relations(work, run, stale)
    if errors or run.report.errors:
        raise check_failed(run.report.errors, errors)
    _record(work, run, [graph.models[name] for name in stale])


def _build_one(work: Work, run: RunState, model: Model, why: str) -> Validation:
    from padm_ibis.define import contract as contracts
    from padm_ibis.engine.validate import validate

    params = run.definitions.params(run.request.as_of)
    run.progress.start(f"{model.layer}.{model.name}")
    began = time.perf_counter()
    query, design = queries.statement(work, run, model), queries.design(model, run.definitions.graph, params)
    rows = work.create(model.layer, model.name, query, contracts.schema(model.contract, params), design)
    runner, table = queries.runner(work, run, [model]), queries.table(work, run, model)
    validation = validate(runner, table, model.name, model.contract, params, run.config)
    failed = any(r.verdict == "error" for r in validation.results)
    run.report.tables.append(
        TableReport(
            model.layer,
            model.name,
            "failed" if failed else "built",
            rows=rows,
            seconds=round(time.perf_counter() - began, 3),
            checks=validation.tried,
            warnings=validation.warnings,
            note=why,
        )
    )
    run.report.checks += validation.results
    run.progress.done(f"{model.layer}.{model.name}", f"{rows:,} rows")
    return validation


def _check_bronze(work: Work, run: RunState) -> list[SchemaErrors]:
    """Check the bronze tables that changed, and count what is remarkable in them."""
    from padm_ibis.engine.quality import observe
    from padm_ibis.engine.validate import schema_errors, validate

    graph = run.definitions.graph
    params = run.definitions.params(run.request.as_of)
    errors = []
    for name in sorted(run.changed & {model.name for model in graph.of("bronze")}):
        model = graph.models[name]
        runner, table = queries.runner(work, run, [model]), queries.table(work, run, model)
        validation = validate(runner, table, name, model.contract, params, run.config)
        run.bronze_checks[name] = validation.tried
        run.report.checks += [*validation.results, *observe(runner, table, model, graph.models, run.config)]
        if (error := schema_errors(model.contract, validation)) is not None:
            errors.append(error)
    return errors


def _check_relations(work: Work, run: RunState, stale: dict[str, str]) -> list[CheckResult]:
    from padm_ibis.engine.validate import check_relations, relations

    graph = run.definitions.graph
    existing = work.tables()
    params = run.definitions.params(run.request.as_of)
    found: dict[str, list[Relation]] = {}
    for relation in relations(graph, params):
        there = all(m.name in existing[m.layer] or m.name in stale for m in (relation.child, relation.parent))
        if there and relation.child.layer != "bronze" and {relation.child.name, relation.parent.name} & stale.keys():
            found.setdefault(relation.child.name, []).append(relation)
            run.related.add((relation.child.name, relation.described))
    results: list[CheckResult] = []
    for name, chosen in found.items():
        began = time.perf_counter()
        orphans = check_relations(queries.runner(work, run, _ends(chosen)), partial(queries.table, work, run), chosen, run.config)
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


def _record(work: Work, run: RunState, built: Sequence[Model]) -> None:
    """Say of every table that was made what it holds and what it was made from, and of bronze by which code it was read."""
    contents = run.contents(work, [(model.layer, model.name) for model in built])
    known = ledger.records(work)
    restated.compare(work, run, contents, known)
    seconds = {t.name: t.seconds for t in run.report.tables}
    versions = {name: record.made_by for name, record in known.items()} | dict.fromkeys(contents, run.report.run_id)
    for model in built:
        node, holds = run.definitions.dag.nodes[model.name], contents[model.name]
        found = ledger.Record(
            model.name,
            model.layer,
            holds.rows,
            code=ledger.code_of(node, run.definitions.fingerprints),
            params=ledger.params_of(node, run.params),
            inputs={name: versions[name] for name in node.inputs if name in versions},
            made_by=run.report.run_id,
            made_at=now(),
            seconds=seconds[model.name],
            content=holds.fingerprint,
            model=queries.code(run, model),
        )
        ledger.record(work, found)
    models = run.definitions.graph.models
    for name, was in known.items():
        if was.layer == "bronze" and name in models and was.model != (code := queries.code(run, models[name])):
            ledger.record(work, replace(was, model=code))
