"""The statements of a run: where it finds each table, and what is sent to the engine, kept from run to run."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

from padm_ibis.backends.base import Design, Work

if TYPE_CHECKING:
    import ibis
    import ibis.expr.types as ir

    from padm_ibis.define.graph import Graph
    from padm_ibis.define.model import Model
    from padm_ibis.engine.state import RunState
    from padm_ibis.engine.validate import Run
    from padm_ibis.params import Params


_NONE = "-"


def runner(work: Work, run: RunState, models: Iterable[Model]) -> Run:
    """Run expressions over ``models`` as plain SQL: fetching through Ibis would import pandas."""
    from padm_ibis.define.compile import sql

    places = _places(work, models)

    def execute(key: str, make: Callable[[], ir.Table]) -> list[tuple[Any, ...]]:
        if not key:
            return work.execute(sql(make(), work.dialect, pretty=False))
        kept = run.definitions.statements
        return work.execute(kept.get(f"{work.dialect} {places} {key}", lambda: sql(make(), work.dialect, pretty=False)))

    return execute


def statement(work: Work, run: RunState, model: Model) -> str:
    """The query that makes a table."""
    from padm_ibis.define.compile import sql

    key = place_and_parameters(work, run, model)
    return run.definitions.statements.get(key, lambda: sql(bound(work, run, model), work.dialect, pretty=False))


def place_and_parameters(work: Work, run: RunState, model: Model) -> str:
    """What a statement over a model's inputs depends on, besides the code."""
    inputs = [run.definitions.graph.models[name] for name in model.inputs]
    return f"{work.dialect} {_places(work, inputs)} {model.name} {read_values(run, model)}"


def read_values(run: RunState, model: Model) -> str:
    """The parameters that a model reads, and those that decide on columns, which count for every table."""
    from padm_ibis.define import moments

    columns = {key: value for key, value in run.params.items() if isinstance(value, bool)}
    return f"{columns} {moments.values(parameters(run, model), run.definitions.params(run.request.as_of))}"


def parameters(run: RunState, model: Model) -> tuple[str, ...]:
    """The names of the run parameters that a model reads."""
    from padm_ibis.define import moments

    def written() -> str:
        return _text(moments.read_by(run.definitions.graph, model, run.definitions.params(run.request.as_of)))

    found = run.definitions.statements.get(_parameters_of(run, model.name), written)
    return () if found == _NONE else tuple(found.split())


def keep_parameters(run: RunState, name: str, read: Iterable[str]) -> None:
    """Know from now on which run parameters a model reads."""
    run.definitions.statements.get(_parameters_of(run, name), lambda: _text(read))


def _parameters_of(run: RunState, name: str) -> str:
    """By all that a model may decide on what to read, but the date itself: whoever looks at that is known to read it."""
    from padm_ibis.define import moments

    words = tuple(word for word in moments.WORDS if word != "as_of")
    return f"parameters {name} {moments.values(words, run.definitions.params(run.request.as_of))}"


def _text(read: Iterable[str]) -> str:
    return " ".join(sorted(read)) or _NONE


def _places(work: Work, models: Iterable[Model]) -> str:
    return " ".join(sorted({f"{work.locate(m.layer, m.name)}.{m.name}" for m in models}))


def table(work: Work, run: RunState, model: Model) -> ir.Table:
    """The table of a model where this run finds it."""
    import ibis

    from padm_ibis.define import contract as contracts

    schema = contracts.schema(model.contract, run.definitions.params(run.request.as_of))
    return ibis.table(schema, name=model.name, database=work.locate(model.layer, model.name))


def schema(run: RunState, name: str) -> ibis.Schema:
    """The columns that a table will have."""
    from padm_ibis.define import contract as contracts

    return contracts.schema(run.definitions.graph.models[name].contract, run.definitions.params(run.request.as_of))


def design(model: Model, graph: Graph, params: Params) -> Design:
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


def bound(work: Work, run: RunState, model: Model) -> ir.Table:
    """The expression over the tables this run finds; most often they are where they are read for good."""
    graph = run.definitions.graph
    inputs = [graph.models[name] for name in model.inputs]
    if all(work.locate(m.layer, m.name) == m.layer for m in inputs):
        if model.name not in run.expressions:
            run.expressions[model.name] = graph.bind(model, run.definitions.params(run.request.as_of))
        return run.expressions[model.name]
    return graph.bind(model, run.definitions.params(run.request.as_of), partial(table, work, run))


def code(run: RunState, model: Model) -> str:
    """The fingerprint of a model's expression and contract."""
    from padm_ibis.define import fingerprint, moments

    def written() -> str:
        any_day = moments.DATED.isdisjoint(parameters(run, model))
        expression = run.expressions.get(model.name) if any_day else None
        return fingerprint.of_model(run.definitions.graph, model, run.definitions.params(run.request.as_of), expression)

    configured = {key: value for key, value in run.params.items() if key != "as_of"}
    return run.definitions.statements.get(f"model {model.name} {configured}", written)
