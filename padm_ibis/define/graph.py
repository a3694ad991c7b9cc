"""The graph of tables: collected from functions, ordered by their signatures, checked before any data is read."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from graphlib import CycleError, TopologicalSorter
from types import MappingProxyType, ModuleType

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir

from padm_ibis.define import contract as contracts
from padm_ibis.define import declared, mistakes, moments, places
from padm_ibis.define.contract import Contract
from padm_ibis.define.dag import Dag, Node
from padm_ibis.define.layers import LAYERS, LOADER_COLUMNS
from padm_ibis.define.model import MARK, PARAMS, Model, Resource, model_of
from padm_ibis.define.source_table import SourceTable
from padm_ibis.errors import DefinitionError, SchemaMismatch, did_you_mean
from padm_ibis.params import Params

READS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"bronze": (), "silver": ("bronze", "silver"), "gold": ("silver", "gold")}
)

INPUTS = "Its inputs have the columns of their contracts; see `padm-ibis show <table>`."
TableFunction = Callable[..., ir.Table]


@dataclass(frozen=True, slots=True)
class Graph:
    """Every table that can be built, in an order in which it can be.

    Attributes
    ----------
    models
        Name → model, each after all that it reads.
    sources
        Name → table of a source system that a bronze table may read.
    dag
        The same as plain names.
    """

    models: Mapping[str, Model]
    sources: Mapping[str, SourceTable]
    dag: Dag

    def __iter__(self) -> Iterator[Model]:
        return iter(self.models.values())

    def __getitem__(self, name: str) -> Model:
        return self.models[self.dag[name].name]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all tables, in building order."""
        return tuple(self.models)

    def of(self, layer: str) -> tuple[Model, ...]:
        """Return the tables of one layer, in building order."""
        return tuple(m for m in self if m.layer == layer)

    def select(self, layer: str | None = None, names: Sequence[str] = (), *, only: bool = False) -> tuple[Model, ...]:
        """Return the tables that a run builds, in order; see `Dag.select`."""
        return tuple(self.models[node.name] for node in self.dag.select(layer, names, only=only))

    def bind(self, model: Model, params: Params, table: Callable[[Model], ir.Table] | None = None) -> ir.Table:
        """Return the expression of ``model`` over unbound tables of its inputs' contracts.

        Parameters
        ----------
        table
            Gives the table that stands for an input; by default the unbound one in its layer's schema.
        """
        if model.layer == "bronze":
            inputs = {name: self.sources[name].unbound() for name in model.inputs}
        else:
            given = table or partial(_unbound, params)
            inputs = {name: given(self.models[name]) for name in model.inputs}
        try:
            made: object = model.function(**inputs, **({PARAMS: params} if model.takes_params else {}))
        except Exception as error:
            place, _, told = mistakes.in_model(error, model.path, model.where).partition(": ")
            raise DefinitionError(f"{place}: {model.name} cannot be written as an expression: {told}", hint=INPUTS) from error
        if not isinstance(made, ir.Table):
            what = "nothing; its last line is to return its table" if made is None else f"{type(made).__name__}, not a table"
            raise DefinitionError(f"{model.where}: {model.name} returns {what}.")
        return made

    def check_schemas(
        self, models: Iterable[Model], params: Params, parameters: dict[str, set[str]] | None = None
    ) -> dict[str, ir.Table]:
        """Build the expression of each model and compare it with its contract, without any data.

        Parameters
        ----------
        parameters
            Takes in the names of the parameters that each model reads.

        Raises
        ------
        DefinitionError
            If some cannot be written; all are listed.
        SchemaMismatch
            If some do not fit; every difference of every table is listed, and what cannot be written too.
        """
        expressions: dict[str, ir.Table] = {}
        unwritten, different = list[str](), list[str]()
        for model in models:
            read = parameters.setdefault(model.name, set()) if parameters is not None else set()
            plain = partial(_unbound, params)
            try:
                expressions[model.name] = expression = self.bind(model, moments.watched(params, read), plain)
            except DefinitionError as error:
                unwritten.append(error.message)
            else:
                wrong = differences(expression.schema(), expected(model, params))
                different += [f"{model.where}: {model.name}: {w}" for w in wrong]
        if different:
            hint = "A model's last step is one select in the order of its contract."
            raise SchemaMismatch("\n".join(unwritten + different), hint=hint)
        if unwritten:
            raise DefinitionError("\n".join(unwritten), hint=INPUTS)
        return expressions


def _unbound(params: Params, model: Model) -> ir.Table:
    return contracts.unbound(model.contract, model.name, params)


def expected(model: Model, params: Params) -> ibis.Schema:
    """Return the schema that a model's expression must have: bronze leaves three columns to the loader."""
    schema = contracts.schema(model.contract, params)
    if model.layer != "bronze":
        return schema
    return ibis.schema({name: kind for name, kind in schema.items() if name not in LOADER_COLUMNS})


def differences(found: ibis.Schema, wanted: ibis.Schema) -> list[str]:
    """Return every way in which a schema is not the wanted one; nullability does not count."""
    problems = []
    surplus = [name for name in found if name not in wanted]
    for name in wanted:
        if name not in found:
            near = did_you_mean(name, surplus) if surplus else ""
            problems.append(f"the column {name!r} of its contract is missing.{' ' + near if near.startswith('Did') else ''}")
        elif (have := _plain_type(found[name])) != (want := _plain_type(wanted[name])):
            problems.append(f"the column {name!r} is {have}, its contract says {want}.")
    problems += [f"the column {name!r} is not in its contract." for name in surplus]
    if not problems and (moved := [(f, w) for f, w in zip(found, wanted, strict=True) if f != w]):
        problems.append(f"its columns are not in the contract's order: {moved[0][0]!r} stands where {moved[0][1]!r} should.")
    return problems


def _plain_type(kind: dt.DataType) -> dt.DataType:
    """Return the type without what engines add to it: nullability, and the digits of an instant's second."""
    return dt.Timestamp(timezone=kind.timezone) if isinstance(kind, dt.Timestamp) else kind.copy(nullable=True)


def marked(module: ModuleType) -> list[TableFunction]:
    """Return the functions of ``module`` that are models, in the order of their definition; packages name them too."""
    found = {id(value): value for value in vars(module).values() if callable(value) and hasattr(value, MARK)}
    return sorted(found.values(), key=lambda f: (f.__code__.co_filename, f.__code__.co_firstlineno))


def build(functions: Iterable[TableFunction], sources: Mapping[str, SourceTable] | None = None) -> Graph:
    """Order models by their signatures.

    Raises
    ------
    DefinitionError
        If two have one name, a contract is not one or refers to nowhere, one reads a table that does not exist or
        that its layer may not read, or some read each other in a circle. All mistakes but circles are collected first.
    """
    tables = dict(sources or {})
    models: dict[str, Model] = {}
    problems: list[str] = []
    refused = set[str]()  # what reads them is not wrong itself
    for function in functions:
        try:
            model = model_of(function)
        except DefinitionError as error:
            problems += error.message.splitlines()
            refused.add(function.__name__)
            continue
        if model.name in models and models[model.name] != model:
            problems.append(f"{model.where}: there is a table {model.name!r} already, at {models[model.name].where}.")
        models.setdefault(model.name, model)
    for model in models.values():
        problems += _wrong_inputs(model, models, tables, refused)
    problems += _wrong_contracts(models, refused)
    if problems:
        raise DefinitionError("\n".join(problems))
    ordered = {name: models[name] for name in _ordered(models)}
    return Graph(MappingProxyType(ordered), MappingProxyType(tables), Dag.of(_node(model) for model in ordered.values()))


def _node(model: Model) -> Node:
    inputs = model.inputs if model.layer != "bronze" else ()
    module = model.function.__module__
    return Node(model.name, model.layer, inputs, model.takes_params, "" if module.split(".")[0] == "padm_ibis" else module)


def _wrong_contracts(models: Mapping[str, Model], refused: Iterable[str]) -> Iterator[str]:
    """What is wrong with each contract alone, then with the references between those that can be read."""
    readable: dict[str, type[Contract]] = {}
    for name, model in models.items():
        wrong = declared.problems(model.contract)
        yield from wrong
        if not wrong:
            readable[name] = model.contract
            if isinstance(model, Resource):
                yield from declared.times(model)
    if len(readable) == len(models) and not refused:
        for contract in readable.values():
            yield from declared.foreign_keys(contract, readable)


def _wrong_inputs(
    model: Model, models: Mapping[str, Model], sources: Mapping[str, SourceTable], refused: Iterable[str]
) -> Iterator[str]:
    if model.layer == "bronze":
        existing, kind = {*sources}, "source table"
    else:
        existing, kind = {n for n, m in models.items() if m.layer in READS[model.layer]}, "table"
    for name in model.inputs:
        if name in existing or name in refused:
            continue
        place = f"{_file(model)}:{_line(model, name)}: {model.name} reads {name!r}"
        if name in models:
            allowed = " and ".join(READS[model.layer]) or "tables of its source"
            yield f"{place}, which is {models[name].layer}; {model.layer} reads {allowed} only."
        else:
            yield f"{place}, but there is no {kind} of that name. {did_you_mean(name, {*existing, PARAMS})}"


def _ordered(models: Mapping[str, Model]) -> list[str]:
    """Dependencies first; within that, layer by layer and in the order given."""
    rank = {name: (LAYERS.index(model.layer), number) for number, (name, model) in enumerate(models.items())}
    sorter = TopologicalSorter({n: [i for i in m.inputs if i in models and m.layer != "bronze"] for n, m in models.items()})
    try:
        sorter.prepare()
    except CycleError as error:
        circle = list(reversed(error.args[1]))
        places = "\n".join(f"  {models[n].where}: {n} reads {i}" for n, i in itertools.pairwise(circle))
        raise DefinitionError(
            f"These tables read each other in a circle:\n{places}", hint="One of them must do without."
        ) from None
    ordered: list[str] = []
    ready: list[str] = []
    while sorter.is_active():
        ready = sorted([*ready, *sorter.get_ready()], key=rank.__getitem__)
        ordered.append(ready.pop(0))
        sorter.done(ordered[-1])
    return ordered


def _file(model: Model) -> str:
    return model.where.rpartition(":")[0]


def _line(model: Model, parameter: str) -> int:
    """The line on which ``parameter`` stands: signatures run over several."""
    return places.parameter_lines(model.path, model.name).get(parameter, model.line)


def resources(models: Iterable[Model]) -> tuple[Resource, ...]:
    """Return the models that are read from sources."""
    return tuple(m for m in models if isinstance(m, Resource))
