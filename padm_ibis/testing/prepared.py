"""A model compiled once, to be run on many small sets of tables: some thirty times as fast as `run_model`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager

import ibis
import ibis.expr.operations as ops
import ibis.expr.types as ir
import pyarrow as pa

from padm_ibis.define import contract as contracts
from padm_ibis.define import graph as graphs
from padm_ibis.define.compile import sql
from padm_ibis.define.contract import Contract, Layer
from padm_ibis.define.grain import used_columns
from padm_ibis.define.graph import Graph
from padm_ibis.define.layers import LAYERS
from padm_ibis.define.model import Model, model_of
from padm_ibis.definitions import collect
from padm_ibis.params import Params
from padm_ibis.testing.run_model import DEFAULT_PARAMS

Tables = Mapping[str, pa.Table]


class Chain:
    """Models and the tables between them and what is given, as statements that an engine holds ready.

    Attributes
    ----------
    expressions
        Name → expression over the tables it reads, of every table that is made.
    inputs
        Table name → schema, of the tables to be given.
    reads
        Table name → the columns of it that matter: those that an expression uses.
    """

    def __init__(self, graph: Graph, models: Collection[Model], params: Params, given: Layer) -> None:
        self.params = params
        self._con = ibis.duckdb.connect(threads=1).con
        # A plan is kept while the data changes: what DuckDB 1.5 concludes from an empty table ("no nulls") would stay in it.
        self._con.execute("SET disabled_optimizers = 'statistics_propagation,compressed_materialization,empty_result_pullup'")
        steps = _steps(graph, models, given)
        self.expressions = {step.name: graph.bind(step, params, lambda m: _table(m, params)) for step in steps}
        self.models = tuple(models)
        self._schemas = {model.name: self.expressions[model.name].schema().to_pyarrow() for model in models}
        wanted = {model.name for model in models}
        narrow = _narrowed(self.expressions, wanted)
        used = _used(narrow.values())
        self._before = [name for name in narrow if name in used]
        self.inputs: dict[str, pa.Schema] = {n: leaf.schema.to_pyarrow() for n, (leaf, _) in used.items() if n not in narrow}
        self.reads = {name: frozenset(used[name][1]) for name in self.inputs}
        self._swapped = {name: _Swapped(schema, self.reads[name]) for name, schema in self.inputs.items()}
        self._questions: dict[ops.Node, str] = {}
        self._create()
        self._prepare(narrow, wanted)

    def __call__(self, tables: Tables) -> dict[str, pa.Table]:
        """Run on the given tables; one that is left out is empty."""
        with self._made(tables):
            return {m.name: self._result(m.name) for m in self.models}

    def ask(self, question: ir.Table, tables: Tables) -> pa.Table:
        """Run another expression over the tables that the models read; it is planned once."""
        name = self._questions.get(question.op())
        if name is None:
            name = self._questions[question.op()] = f"question_{len(self._questions)}"
            self._con.execute(f'PREPARE "{name}" AS {sql(question, "duckdb", pretty=False)}')
        with self._made(tables):
            return self._con.execute(f'EXECUTE "{name}"').to_arrow_table()

    def _result(self, name: str) -> pa.Table:
        """A result in the types that Ibis gives it, as a table would have: an engine's sum of integers is wider."""
        return self._con.execute(f'EXECUTE "result_{name}"').to_arrow_table().cast(self._schemas[name])

    def _create(self) -> None:
        made = {name: self.expressions[name].schema().to_pyarrow() for name in self._before}
        for name, schema in {**self.inputs, **made}.items():
            self._con.register("padm_empty", schema.empty_table())
            self._con.execute(f'CREATE TABLE "{name}" AS FROM padm_empty')
        for name, swapped in self._swapped.items():
            self._con.register(f"given_{name}", swapped)

    def _prepare(self, narrow: Mapping[str, ir.Table], wanted: Collection[str]) -> None:
        """Plan every statement; only after the last CREATE, for a plan older than the catalogue is made anew at every run."""
        for name, swapped in self._swapped.items():
            columns = _listed(swapped.columns)
            self._con.execute(f'PREPARE "load_{name}" AS INSERT INTO "{name}" ({columns}) SELECT {columns} FROM "given_{name}"')
        for name in self._before:
            made = f'INSERT INTO "{name}" ({_listed(narrow[name].columns)}) {sql(narrow[name], "duckdb", pretty=False)}'
            self._con.execute(f'PREPARE "make_{name}" AS {made}')
        for name in wanted:
            result = f'FROM "{name}"' if name in self._before else sql(narrow[name], "duckdb", pretty=False)
            self._con.execute(f'PREPARE "result_{name}" AS {result}')

    @contextmanager
    def _made(self, tables: Tables) -> Iterator[None]:
        with self.loaded(tables):
            for name in self._before:
                self._con.execute(f'EXECUTE "make_{name}"')
            yield

    @contextmanager
    def loaded(self, tables: Tables) -> Iterator[None]:
        """Hold the given tables, and nothing else, as long as the block lasts."""
        self._con.execute("BEGIN")
        try:
            for name, swapped in self._swapped.items():
                table = tables.get(name)
                if table is not None and table.num_rows:
                    swapped.put(table)
                    self._con.execute(f'EXECUTE "load_{name}"')
            yield
        finally:
            self._con.execute("ROLLBACK")


class Prepared:
    """A model and what it reads above the tables that are given, held ready.

    Attributes
    ----------
    model
        The model.
    expression
        Its expression over the tables it reads.
    inputs, reads
        The tables to be given, and the columns of them that matter; see `Chain`.
    chain
        The model with those that make its inputs.
    """

    def __init__(self, chain: Chain) -> None:
        self.chain, (self.model,) = chain, chain.models
        self.params, self.inputs, self.reads = chain.params, chain.inputs, chain.reads
        self.expression = chain.expressions[self.model.name]

    @property
    def contract(self) -> type[Contract]:
        """The contract of the model."""
        return self.model.contract

    def __call__(self, tables: Tables) -> pa.Table:
        """Run on the given tables; one that is left out is empty."""
        return self.chain(tables)[self.model.name]

    def ask(self, question: ir.Table, tables: Tables) -> pa.Table:
        """Run another expression over the tables that the model reads; it is planned once."""
        return self.chain.ask(question, tables)


class _Swapped:
    """The columns that matter of a table whose rows change while an engine knows it once: to register each anew is slow."""

    def __init__(self, schema: pa.Schema, reads: Collection[str]) -> None:
        self._schema = pa.schema([field for field in schema if field.name in reads] or [schema.field(0)])
        self._table = self._schema.empty_table()

    @property
    def columns(self) -> list[str]:
        return self._schema.names

    def put(self, table: pa.Table) -> None:
        self._table = table.select(self.columns).cast(self._schema)

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._table.__arrow_c_stream__(requested_schema)


def prepare(
    function: Callable[..., ir.Table],
    *,
    params: Params = DEFAULT_PARAMS,
    graph: Graph | None = None,
    given: Layer = "silver",
) -> Prepared:
    """Compile a model once, to run it on many inputs.

    Parameters
    ----------
    graph
        What makes the model's inputs; by default this package's tables, among which the model takes its place.
    given
        The layer up to which tables are given. Gold that reads gold has that made too; with ``"bronze"``, silver as well.

    Examples
    --------
    >>> from padm_ibis.silver import dim_elemento
    >>> run = prepare(dim_elemento)
    >>> run({}).num_rows
    0
    """
    record = model_of(function)
    return Prepared(Chain(_with(record, graph or collect()), [record], params, given))


def _with(model: Model, graph: Graph) -> Graph:
    """The graph in which a model stands for the table it is named after."""
    if model.name in graph.names and graph[model.name] is model:
        return graph
    return graphs.build([*(m.function for m in graph if m.name != model.name), model.function], graph.sources)


def _steps(graph: Graph, models: Iterable[Model], given: Layer) -> list[Model]:
    """The models, and those of the layers above ``given`` that they read, in building order."""
    made = LAYERS[LAYERS.index(given) + 1 :]
    wanted = {model.name for model in models}
    for other in reversed(tuple(graph)):
        if other.name in wanted:
            wanted |= {n for n in other.inputs if n in graph.names and graph[n].layer in made}
    return [m for m in graph if m.name in wanted]


def _narrowed(steps: dict[str, ir.Table], whole: Collection[str]) -> dict[str, ir.Table]:
    """The expressions in building order; of those that are not wanted whole, only the columns that a later one reads."""
    narrow: dict[str, ir.Table] = {}
    for name, expression in reversed(steps.items()):
        _, read = (None, expression.columns) if name in whole else _used(narrow.values()).get(name, (None, ()))
        if read:
            narrow[name] = expression.select([c for c in expression.columns if c in read])
    return dict(reversed(narrow.items()))


def _listed(columns: Iterable[str]) -> str:
    return ", ".join(f'"{name}"' for name in columns)


def _table(model: Model, params: Params) -> ir.Table:
    return ibis.table(contracts.schema(model.contract, params), name=model.name)


def _used(expressions: Iterable[ir.Table]) -> dict[str, tuple[ops.UnboundTable, set[str]]]:
    """Table name → the table, and the columns of it that are used."""
    used: dict[str, tuple[ops.UnboundTable, set[str]]] = {}
    for expression in expressions:
        for relation, columns in used_columns(expression.op()).items():
            if isinstance(relation, ops.UnboundTable):
                used.setdefault(relation.name, (relation, set()))[1].update(columns)
    return used
