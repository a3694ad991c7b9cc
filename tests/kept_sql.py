"""A connection for tests of models: equal expressions are written as SQL once."""

from __future__ import annotations

from typing import Any

import ibis.expr.types as ir
import pyarrow as pa


class KeptSQL:
    """Stands for an Ibis connection in `run_model`; writing SQL from an expression takes longer than running it.

    Why keeping it is safe: the SQL of an expression depends on nothing but the expression and the engine. The model's function is
    called by each test, and any other expression that it yields is written anew. Of the rows of a test none is left for the
    next: each table is emptied before it is filled, and the engine plans each statement again.
    """

    def __init__(self, con: Any) -> None:
        self._con = con
        self._given: dict[tuple[str, pa.Schema], ir.Table] = {}
        self._made: dict[Any, tuple[ir.Table, str]] = {}

    def create_table(self, name: str, rows: pa.Table | ir.Table, *, temp: bool) -> ir.Table:
        """See Ibis; of a name, the random ending that `run_model` gives it does not count."""
        if isinstance(rows, ir.Table):
            return self._result(name, rows, temp)
        key = (name.rpartition("_")[0], rows.schema)
        table = self._given.get(key)
        if table is None:
            table = self._given[key] = self._con.create_table(name, rows, temp=temp)
        else:
            self._empty(table)
            self._con.insert(table.op().name, rows)
        return table

    def _result(self, name: str, expression: ir.Table, temp: bool) -> ir.Table:
        if expression.op() not in self._made:
            table = self._con.create_table(name, expression, temp=temp)
            self._made[expression.op()] = table, f'INSERT INTO "{name}" {self._con.compile(expression)}'
            return table
        table, statement = self._made[expression.op()]
        self._empty(table)
        self._con.con.execute(statement)
        return table

    def _empty(self, table: ir.Table) -> None:
        self._con.con.execute(f'DELETE FROM "{table.op().name}"')
