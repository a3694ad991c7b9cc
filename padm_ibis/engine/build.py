"""A run: extract, build, audit, publish.

Bronze is loaded source by source. Silver and gold are built and checked in one transaction of the run's
private copy; only when every table passed is the whole published, in one step. Whatever goes wrong before
that leaves what readers see exactly as it was.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import os
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from padm_ibis.backends.base import Design, Work, backend_of
from padm_ibis.define.dag import Node
from padm_ibis.definitions import Definitions
from padm_ibis.engine import content, ledger
from padm_ibis.engine.content import Content
from padm_ibis.errors import ConfigError, PadmError, SourceUnreachable, UnknownName, UsageError
from padm_ibis.report.progress import Progress
from padm_ibis.report.results import CheckResult
from padm_ibis.report.run import Action, RunReport, TableReport
from padm_ibis.version import __version__

if TYPE_CHECKING:
    import ibis
    import ibis.expr.types as ir
    from pandera.errors import SchemaErrors

    from padm_ibis.config import Config
    from padm_ibis.define.graph import Graph
    from padm_ibis.define.model import Model
    from padm_ibis.engine.validate import Relation, Run, Validation
    from padm_ibis.params import Params


@dataclass(frozen=True, slots=True)
class Request:
    """What a run was asked for.

    Attributes
    ----------
    full_refresh
        Bronze tables to read from the beginning; empty for all, None for none.
    reconcile
        Whether bronze is compared with its sources, row by row, before anything is built.
    """

    as_of: dt.date
    layer: str | None = None
    select: tuple[str, ...] = ()
    only: bool = False
    full_refresh: tuple[str, ...] | None = None
    reconcile: bool = False


@dataclass(slots=True)
class _Run:
    """One run while it goes on."""

    config: Config
    request: Request
    definitions: Definitions
    progress: Progress
    report: RunReport
    nodes: tuple[Node, ...]
    expressions: dict[str, ir.Table] = field(default_factory=dict)
    changed: frozenset[str] = frozenset()
    bronze_checks: dict[str, int] = field(default_factory=dict)

    @property
    def params(self) -> dict[str, Any]:
        return dataclasses.asdict(self.definitions.params(self.request.as_of))

    def of(self, *layers: str) -> tuple[Node, ...]:
        return tuple(node for node in self.nodes if node.layer in layers)

    @contextmanager
    def phase(self, name: str, steps: int | None = None) -> Iterator[None]:
        self.progress.phase(name, steps)
        with self.timed(name):
            yield

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        began = time.perf_counter()
        try:
            yield
        finally:
            self.report.phases[name] = round(self.report.phases.get(name, 0.0) + time.perf_counter() - began, 3)


def run(config: Config, request: Request, progress: Progress | None = None) -> RunReport:
    """Bring the warehouse up to date and publish it.

    Raises
    ------
    PadmError
        With the report so far as its ``report``; readers keep the last good version.
    """
    began = time.perf_counter()
    definitions = Definitions(config)
    nodes = definitions.dag.select(request.layer, request.select, only=request.only)
    _check_names(config, request, nodes, definitions)
    state = _Run(config, request, definitions, progress or Progress(), _new_report(config, request, definitions), nodes)
    report = state.report
    try:
        if unchecked := definitions.unchecked(node.name for node in nodes):
            with state.phase("prepare"):
                _check_definitions(state, unchecked)
        with backend_of(config).open() as work:
            definitions.keep(node.name for node in nodes)
            _run_in(work, state, began)
            definitions.statements.keep()
    except PadmError as error:
        report.status, report.error = "failed", config.mask(error.message)
        report.seconds = round(time.perf_counter() - began, 3)
        error.report = report
        raise
    finally:
        _write_last_run(config, report)
    return report


def _run_in(work: Work, run: _Run, began: float) -> None:
    ledger.ensure(work)
    report = run.report
    try:
        work.foresee([(node.layer, node.name) for node in run.nodes], partial(_schema, run))
        if run.of("bronze"):
            _load(work, run)
        stale = ledger.why_stale(run.nodes, ledger.records(work), run.definitions.fingerprints, run.params)
        _check_inputs_exist(work, run)
        if stale or run.changed:
            with run.phase("prepare"):
                _ = run.definitions.graph
            with work.transaction():
                _build(work, run, stale)
                ledger.put(work, "unpublished", report.run_id)
        _list_tables(work, run, stale)
        _conclude(work, run, began)
    except PadmError as error:
        report.status, report.error = "failed", run.config.mask(error.message)
        report.seconds = round(time.perf_counter() - began, 3)
        with suppress(PadmError):  # the first error is the one to tell
            work.abandon()
            ledger.ensure(work)
            _list_tables(work, run, {table.name: "" for table in report.tables})
            ledger.write_run(work, report, _now(), run.definitions.code)
        raise


def _conclude(work: Work, run: _Run, began: float) -> None:
    """Write the run down and publish, unless nothing changed since the last time."""
    report = run.report
    nothing_new = not ledger.get(work, "unpublished") and work.published_run() is not None
    if report.failures or report.errors:
        report.status = "partial"
    elif nothing_new:
        report.status = "up to date"
    report.seconds = round(time.perf_counter() - began, 3)
    report.published = not nothing_new
    with work.transaction():
        ledger.put(work, "unpublished", None)
        ledger.write_run(work, report, _now(), run.definitions.code)
    if report.published:
        with run.phase("publish"):
            try:
                work.publish(report.run_id)
            except BaseException:
                report.published = False
                ledger.put(work, "unpublished", report.run_id)
                raise
    report.seconds = round(time.perf_counter() - began, 3)


# --- before any data -------------------------------------------------------------------------------------


def _new_report(config: Config, request: Request, definitions: Definitions) -> RunReport:
    now = _now()
    params = dataclasses.asdict(definitions.params(request.as_of))
    params.pop("as_of")
    return RunReport(
        run_id=f"{now:%Y%m%dT%H%M%S}-{secrets.token_hex(2)}",
        version=__version__,
        started_at=now,
        warehouse=str(config.warehouse.url),
        configuration=config.described,
        layer=request.layer or "gold",
        as_of=request.as_of,
        params=params,
    )


def _check_names(config: Config, request: Request, nodes: Sequence[Node], definitions: Definitions) -> None:
    bronze = [node.name for node in definitions.dag if node.layer == "bronze"]
    for name in request.full_refresh or ():
        if name.removeprefix("bronze.") not in bronze:
            raise UnknownName("bronze table", name, bronze, where="--full-refresh")
    if not nodes:
        raise UsageError("Nothing to build: no selected table is in that layer.", hint="Leave out --only, or name another layer.")
    wants_bronze = any(node.layer == "bronze" for node in nodes)
    if request.full_refresh is not None and not wants_bronze:
        raise UsageError("--full-refresh reads the sources again, but this run leaves bronze out.", hint="Leave out --only.")
    if wants_bronze and not config.sources:
        raise ConfigError(
            f"{config.described}: there is no [sources.<name>] to read from.",
            hint="Add one, or build from what is there: --only --layer gold.",
        )


def _check_definitions(run: _Run, names: Iterable[str]) -> None:
    """Build expressions, compare them with their contracts and hold them to the rules: before any data is read.

    The rules are for models of other packages: this one's are held to them by its own tests.
    """
    names = list(names)
    graph = run.definitions.graph
    params = run.definitions.params(run.request.as_of)
    run.expressions.update(graph.check_schemas([graph.models[name] for name in names], params))
    if foreign := [name for name in names if run.definitions.dag.nodes[name].module]:
        from padm_ibis.define.lint import lint_graph, refuse

        refuse(lint_graph(graph, params, foreign))


def _check_inputs_exist(work: Work, run: _Run) -> None:
    """With ``only``, what is read but not built must be there from an earlier run."""
    existing, chosen = work.tables(), {node.name for node in run.nodes}
    nodes = run.definitions.dag.nodes
    for node in run.of("silver", "gold"):
        for name in node.inputs:
            if name not in chosen and name not in existing[nodes[name].layer]:
                raise UsageError(
                    f"{node.name} reads {nodes[name].qualified}, which was never built.",
                    hint=f"Leave out --only, or select {name} too.",
                )


# --- bronze ------------------------------------------------------------------------------------------------


def _load(work: Work, run: _Run) -> None:
    from padm_ibis.extract import load_sources

    bronze = [node.name for node in run.of("bronze")]
    if run.config.sample:
        _make_sample(run)
    interrupted = ledger.get(work, "loading")
    ledger.put(work, "loading", run.report.run_id)
    with run.phase("extract", len(bronze) * len(run.config.sources)):
        loaded = load_sources(
            work,
            run.config,
            run_id=run.report.run_id,
            resources=bronze,
            full_refresh=run.request.full_refresh,
            reconcile=run.request.reconcile,
            progress=run.progress,
        )
    run.report.inputs, run.report.failures = list(loaded.inputs), list(loaded.failures)
    run.report.checks += loaded.checks
    run.report.notes += loaded.notes
    changed = {i.resource for i in loaded.inputs if i.changed}
    known = ledger.records(work)
    existing = work.tables()["bronze"]
    # After a run that was killed while loading nobody knows what it changed.
    fresh = {name for name in existing if name in changed or name not in known or interrupted}
    found = _contents(work, run, [("bronze", name) for name in sorted(fresh)])
    with work.transaction():
        ledger.bronze_changed(work, found, run.report.run_id, _now())
        ledger.put(work, "loading", None)
        if fresh:
            ledger.put(work, "unpublished", run.report.run_id)
    run.changed = frozenset(fresh)
    if loaded.failures and len(loaded.failures) == len(run.config.sources):
        first = loaded.failures[0]
        listed = "\n".join(f"  {f.source_db}: {f.message}" for f in loaded.failures)
        if any(f.reached for f in loaded.failures):
            raise PadmError(f"No source could be loaded; the warehouse is as it was.\n{listed}", hint=first.hint)
        raise SourceUnreachable(f"No source could be reached; the warehouse is as it was.\n{listed}", hint=first.hint)


def _make_sample(run: _Run) -> None:
    from padm_ibis.config import SAMPLE_CAMPUSES

    path = next(iter(run.config.sources.values())).url.path
    assert path is not None, "the sample is a file"
    if not path.exists():
        from padm_ibis.sample import write_sample

        run.progress.note("No padm.toml: making a sample university (500 students, 2 campuses) to read from.")
        with run.phase("sample"):
            temporary = path.with_suffix(".new.duckdb")
            temporary.unlink(missing_ok=True)
            write_sample(f"duckdb://{temporary}", students=500, years=12, campuses=SAMPLE_CAMPUSES, seed=7)
            temporary.replace(path)
    run.report.notes.append(
        f"No padm.toml: the sources are a sample university of invented people, {path.parent.name}/{path.name}."
    )


# --- silver and gold ---------------------------------------------------------------------------------------


def _build(work: Work, run: _Run, stale: dict[str, str]) -> None:
    """Build and check everything that is stale; collect all failures, then raise once."""
    from padm_ibis.engine.validate import check_failed, schema_errors

    graph = run.definitions.graph
    errors: list[SchemaErrors] = []
    broken = set[str]()
    with run.phase("build", len(stale)):
        errors += _check_bronze(work, run)
        for name in stale:
            model = graph.models[name]
            if bad := [i for i in model.inputs if i in broken]:
                broken.add(name)
                run.report.tables.append(TableReport(model.layer, name, "skipped", note=f"reads {bad[0]}, which failed"))
                continue
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


def _build_one(work: Work, run: _Run, model: Model, why: str) -> Validation:
    from padm_ibis.define import contract as contracts
    from padm_ibis.engine.validate import validate

    params = run.definitions.params(run.request.as_of)
    run.progress.start(f"{model.layer}.{model.name}")
    began = time.perf_counter()
    query = _statement(work, run, model)
    rows = work.create(
        model.layer, model.name, query, contracts.schema(model.contract, params), _design(model, run.definitions.graph, params)
    )
    validation = validate(_runner(work, run, [model]), _table(work, run, model), model.name, model.contract, params, run.config)
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


def _check_bronze(work: Work, run: _Run) -> list[SchemaErrors]:
    """Check the bronze tables that changed, and count what is remarkable in them."""
    from padm_ibis.engine.quality import observe
    from padm_ibis.engine.validate import schema_errors, validate

    graph = run.definitions.graph
    params = run.definitions.params(run.request.as_of)
    errors = []
    for name in sorted(run.changed & {model.name for model in graph.of("bronze")}):
        model = graph.models[name]
        runner, table = _runner(work, run, [model]), _table(work, run, model)
        validation = validate(runner, table, name, model.contract, params, run.config)
        run.bronze_checks[name] = validation.tried
        run.report.checks += [*validation.results, *observe(runner, table, model, graph.models, run.config)]
        if (error := schema_errors(model.contract, validation)) is not None:
            errors.append(error)
    return errors


def _check_relations(work: Work, run: _Run, stale: dict[str, str]) -> list[CheckResult]:
    from padm_ibis.engine.validate import check_relations, relations

    graph = run.definitions.graph
    existing = work.tables()
    params = run.definitions.params(run.request.as_of)
    found: dict[str, list[Relation]] = {}
    for relation in relations(graph, params):
        there = all(m.name in existing[m.layer] or m.name in stale for m in (relation.child, relation.parent))
        if there and relation.child.layer != "bronze" and {relation.child.name, relation.parent.name} & stale.keys():
            found.setdefault(relation.child.name, []).append(relation)
    results: list[CheckResult] = []
    for name, chosen in found.items():
        began = time.perf_counter()
        orphans = check_relations(_runner(work, run, _ends(chosen)), partial(_table, work, run), chosen, run.config)
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


def _record(work: Work, run: _Run, built: Sequence[Model]) -> None:
    """Say of every table that was made, and of bronze that changed, what it holds and what it was made from."""
    contents = _contents(work, run, [(model.layer, model.name) for model in built])
    known, seconds = ledger.records(work), {t.name: t.seconds for t in run.report.tables}
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
            made_at=_now(),
            seconds=seconds[model.name],
            content=holds.fingerprint,
            model=_code(run, model),
        )
        ledger.record(work, found)
    for name in sorted(run.changed & run.definitions.graph.models.keys()):
        ledger.record(work, replace(known[name], model=_code(run, run.definitions.graph.models[name])))


def _contents(work: Work, run: _Run, tables: Sequence[tuple[str, str]]) -> dict[str, Content]:
    if not tables:
        return {}
    with run.timed("fingerprint"):
        return content.of_tables(work, tables)


def _code(run: _Run, model: Model) -> str:
    """The fingerprint of a model's expression and contract."""
    from padm_ibis.define import fingerprint

    params = run.definitions.params(run.request.as_of)
    settings = {key: value for key, value in run.params.items() if key != "as_of"}
    key = f"model {model.name} {settings}"
    return run.definitions.statements.get(key, lambda: fingerprint.of_model(run.definitions.graph, model, params))


def _runner(work: Work, run: _Run, models: Iterable[Model]) -> Run:
    """Run expressions over ``models`` as plain SQL: fetching through Ibis would import pandas."""
    from padm_ibis.define.compile import sql

    places = _places(work, models)

    def execute(key: str, make: Callable[[], ir.Table]) -> list[tuple[Any, ...]]:
        if not key:
            return work.execute(sql(make(), work.dialect, pretty=False))
        kept = run.definitions.statements
        return work.execute(kept.get(f"{work.dialect} {places} {key}", lambda: sql(make(), work.dialect, pretty=False)))

    return execute


def _statement(work: Work, run: _Run, model: Model) -> str:
    """The query that makes a table."""
    from padm_ibis.define.compile import sql

    inputs = [run.definitions.graph.models[name] for name in model.inputs]
    params = ledger.params_of(run.definitions.dag.nodes[model.name], run.params)
    key = f"{work.dialect} {_places(work, inputs)} {model.name} {params}"
    return run.definitions.statements.get(key, lambda: sql(_bound(work, run, model), work.dialect, pretty=False))


def _places(work: Work, models: Iterable[Model]) -> str:
    return " ".join(sorted({f"{work.locate(m.layer, m.name)}.{m.name}" for m in models}))


def _ends(relations: Iterable[Relation]) -> list[Model]:
    return [model for relation in relations for model in (relation.child, relation.parent)]


def _table(work: Work, run: _Run, model: Model) -> ir.Table:
    """The table of a model where this run finds it."""
    import ibis

    from padm_ibis.define import contract as contracts

    schema = contracts.schema(model.contract, run.definitions.params(run.request.as_of))
    return ibis.table(schema, name=model.name, database=work.locate(model.layer, model.name))


def _schema(run: _Run, name: str) -> ibis.Schema:
    """The columns that a table will have."""
    from padm_ibis.define import contract as contracts

    return contracts.schema(run.definitions.graph.models[name].contract, run.definitions.params(run.request.as_of))


def _design(model: Model, graph: Graph, params: Params) -> Design:
    """What the contract says of a table: key, columns without nulls, columns it is joined by, comments."""
    from padm_ibis.define import contract as contracts
    from padm_ibis.engine.validate import relations_of

    columns = contracts.columns(model.contract, params)
    joins = [tuple(mine for mine, _ in relation.pairs()) for relation in relations_of(model, graph, params)]
    grain = next(iter((model.function.__doc__ or "").strip().splitlines()), "")
    return Design(
        key=model.grain,
        required=tuple(c.name for c in columns if not c.nullable),
        joins=tuple(dict.fromkeys(joins)),
        comments={"": grain, **{c.name: c.description for c in columns}},
    )


def _bound(work: Work, run: _Run, model: Model) -> ir.Table:
    """The expression over the tables this run finds; most often they are where they are read for good."""
    graph = run.definitions.graph
    inputs = [graph.models[name] for name in model.inputs]
    if model.name in run.expressions and all(work.locate(m.layer, m.name) == m.layer for m in inputs):
        return run.expressions[model.name]
    return graph.bind(model, run.definitions.params(run.request.as_of), partial(_table, work, run))


# --- after -------------------------------------------------------------------------------------------------


def _list_tables(work: Work, run: _Run, stale: dict[str, str]) -> None:
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


def _write_last_run(config: Config, report: RunReport) -> None:
    """Leave the report beside the warehouse: what a run that published nothing did is nowhere else to be read."""
    with suppress(OSError):
        if config.state.is_dir():
            temporary = config.state / f"last_run.{os.getpid()}.tmp"
            temporary.write_text(report.json(), encoding="utf-8")
            temporary.replace(config.state / "last_run.json")


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC).replace(tzinfo=None, microsecond=0)
