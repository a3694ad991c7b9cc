"""Temporary tables on a warehouse's own connection: nothing of an audit is ever written to the warehouse."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import ibis
import ibis.expr.types as ir

from padm_ibis.audit.template import Templates, Values
from padm_ibis.define import contract as contracts
from padm_ibis.define.compile import conformed, sql
from padm_ibis.define.fingerprint import Content, combine, of_rows
from padm_ibis.define.graph import Graph
from padm_ibis.define.model import Model
from padm_ibis.errors import WarehouseError
from padm_ibis.params import Params

if TYPE_CHECKING:
    from padm_ibis.warehouse import Warehouse

Given = Callable[[Model], ir.Table]
THEN = "then_"
PLACES = {"duckdb": "temp", "postgres": "pg_temp"}
# A reader's session may write nothing, not even what is temporary, and is not set up for statements of a hundred columns.
SETTINGS = {
    "postgres": ("SET default_transaction_read_only = off", "SET jit = off", "SET work_mem = '128MB'"),
}
LONGEST_NAME = 63  # PostgreSQL cuts longer ones without a word


@dataclass(frozen=True, slots=True)
class Statement:
    """How to make one temporary table, that table as an expression, and the expression that it is made from."""

    name: str
    query: str
    table: ir.Table
    made: ir.Table


class Scratch:
    """Tables that live as long as the connection."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse
        self._place = PLACES[warehouse.dialect]
        self._templates = Templates(warehouse.dialect)
        if warehouse.dialect == "postgres":
            _check_server(warehouse)
        for setting in SETTINGS.get(warehouse.dialect, ()):
            warehouse.execute(setting)

    def name(self, name: str) -> str:
        """The name of a temporary table in SQL."""
        return quoted(self._place, _name(name))

    def table(self, name: str, schema: ibis.Schema) -> ir.Table:
        """Return a temporary table as an expression."""
        return ibis.table(schema, name=_name(name), database=self._place)

    def write(self, name: str, expression: ir.Table, schema: ibis.Schema) -> Statement:
        """Return the statement that makes a temporary table of an expression's rows, columns cast to ``schema``."""
        query = conformed(self._templates.sql(name, expression), schema, self._warehouse.dialect)
        return Statement(name, query, self.table(name, schema), expression)

    def filled(self, statement: Statement, values: Values) -> Statement | None:
        """Return a statement with other literals; None if it has to be written."""
        texts = self._templates.filled(statement.name, statement.made, values)
        return None if texts is None else replace(statement, query=statement.query.replace(*texts))

    def run(self, statement: Statement) -> ir.Table:
        """Make a temporary table, in place of an earlier one of that name, and return it."""
        table = self.name(statement.name)
        self._warehouse.execute(f"DROP TABLE IF EXISTS {table}")
        self._warehouse.execute(f"CREATE TEMPORARY TABLE {table} AS {statement.query}")
        if self._warehouse.dialect == "postgres":
            self._warehouse.execute(f"ANALYZE {table}")
        return statement.table

    def rebuild(self, graph: Graph, names: Sequence[str], params: Params) -> dict[str, ir.Table]:
        """Make tables anew from the warehouse's bronze, with everything between; return them by name."""
        statements = self.plan(graph, names, params)
        return {s.name.removeprefix(THEN): self.run(s) for s in statements}

    def plan(
        self,
        graph: Graph,
        names: Sequence[str],
        params: Params,
        *,
        given: Given | None = None,
        needed: Mapping[str, Collection[str]] | None = None,
    ) -> list[Statement]:
        """Return the statements that make tables anew from bronze, with everything between.

        Parameters
        ----------
        given
            Gives the table that stands for a bronze one; by default that of the warehouse.
        needed
            Table → the columns that matter; the others are left null, which costs nothing.
        """
        known: dict[str, ir.Table] = {}
        statements = []
        wanted = graph.dag.upstream(names)
        for model in graph:
            if model.name not in wanted:
                continue
            if model.layer == "bronze":
                known[model.name] = (given or _published(params))(model)
                continue
            expression = graph.bind(model, params, lambda m: known[m.name])
            kept = None if needed is None else needed.get(model.name, ())
            statements.append(self.then(model.name, expression, contracts.schema(model.contract, params), kept))
            known[model.name] = statements[-1].table
        return statements

    def then(self, label: str, expression: ir.Table, schema: ibis.Schema, needed: Collection[str] | None = None) -> Statement:
        """Return the statement that makes a table anew, as far as its columns are needed."""
        kept = _kept(schema, needed)
        statement = self.write(THEN + label, expression.select(*kept), kept)
        return replace(statement, table=self.made(label, schema, needed))

    def made(self, label: str, schema: ibis.Schema, needed: Collection[str] | None = None) -> ir.Table:
        """Return a table that is made anew as an expression; columns that are not needed are null."""
        kept = _kept(schema, needed)
        table = self.table(THEN + label, kept)
        if len(kept) == len(schema):
            return table
        return table.select(**{c: table[c] if c in kept else ibis.null(t) for c, t in schema.items()})

    def fingerprint(self, table: ir.Table) -> Content:
        """Return rows and fingerprint of a temporary table."""
        row = self.row(sql(of_rows(table), self._warehouse.dialect, pretty=False))
        return Content(int(row[0]), combine(table.schema(), tuple(int(v) for v in row)))

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """Return the rows of a statement."""
        return self._warehouse.execute(statement)

    def row(self, statement: str) -> tuple[Any, ...]:
        """Return the first row of a statement."""
        return self.rows(statement)[0]

    def value(self, expression: ir.Scalar) -> Any:
        """Return an expression's one value."""
        return self.number(sql(expression.as_table(), self._warehouse.dialect, pretty=False))

    def number(self, statement: str) -> Any:
        """Return the first value of a statement."""
        return self.row(statement)[0]


def _published(params: Params) -> Given:
    return lambda model: contracts.unbound(model.contract, model.name, params)


@contextmanager
def one_version(warehouse: Warehouse) -> Iterator[None]:
    """Refuse what was found if meanwhile a run published another version: half of it would be about that one.

    A DuckDB file that is open stays as it is; on a server every statement sees the version of its moment.

    Raises
    ------
    WarehouseError
        If that happened.
    """
    before = warehouse.run_id
    yield
    if (now := warehouse.run_id) != before:
        raise WarehouseError(f"The run {now} replaced the warehouse {warehouse.url} meanwhile.", hint="Ask again.")


def _check_server(warehouse: Warehouse) -> None:
    """Temporary tables need a right that everybody has by default, and a primary."""
    ((standby, allowed),) = warehouse.execute("SELECT pg_is_in_recovery(), has_database_privilege(current_database(), 'TEMP')")
    if standby or not allowed:
        what = "is a standby, on which nothing can be made" if standby else "lets its role make no temporary tables"
        hint = "Name the primary with --warehouse." if standby else "GRANT TEMPORARY ON DATABASE … TO the role."
        raise WarehouseError(f"The warehouse {warehouse.url} {what}; what is rebuilt is kept in those.", hint=hint)


def _kept(schema: ibis.Schema, needed: Collection[str] | None) -> ibis.Schema:
    """The columns of a table that are needed; one, where only its rows are."""
    kept = {name: kind for name, kind in schema.items() if needed is None or name in needed}
    return ibis.schema(kept or dict(list(schema.items())[:1]))


def _name(name: str) -> str:
    """A temporary table's name, short enough for every server."""
    full = f"padm_{name}"
    return full if len(full.encode()) <= LONGEST_NAME else f"padm_{hashlib.sha256(name.encode()).hexdigest()[:24]}"


def quoted(*names: str) -> str:
    """A name in SQL, its parts joined by dots."""
    return ".".join('"' + name.replace('"', '""') + '"' for name in names)
