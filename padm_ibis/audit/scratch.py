"""Temporary tables on a warehouse's own connection: nothing of an audit is ever written to the warehouse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ibis
import ibis.expr.types as ir

from padm_ibis.engine.compile import create_table_as, sql

if TYPE_CHECKING:
    from padm_ibis.warehouse import Warehouse

PLACES = {"duckdb": "temp", "postgres": "pg_temp"}


class Scratch:
    """Tables that live as long as the connection.

    Attributes
    ----------
    made
        Name → the table as an expression.
    """

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse
        self._place = PLACES[warehouse.dialect]
        self.made: dict[str, ir.Table] = {}

    def name(self, name: str) -> str:
        """The name of a temporary table in SQL."""
        return quoted(self._place, f"padm_{name}")

    def table(self, name: str) -> ir.Table:
        """Return a table made before."""
        return self.made[name]

    def make(self, name: str, expression: ir.Table, schema: ibis.Schema) -> ir.Table:
        """Write an expression's rows into a temporary table, columns cast to ``schema``, and return that table."""
        if self._warehouse.dialect == "postgres":
            self._run(f"DROP TABLE IF EXISTS {self.name(name)}")
        query = sql(expression, self._warehouse.dialect, pretty=False)
        statement = create_table_as(self._place, f"padm_{name}", query, schema, self._warehouse.dialect)
        self._run(statement.replace("TABLE", "TEMPORARY TABLE", 1))
        if self._warehouse.dialect == "postgres":
            self._run(f"ANALYZE {self.name(name)}")
        self.made[name] = ibis.table(schema, name=f"padm_{name}", database=self._place)
        return self.made[name]

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """Return the rows of a statement."""
        return self._warehouse.execute(statement)

    def row(self, statement: str) -> tuple[Any, ...]:
        """Return the first row of a statement."""
        return self.rows(statement)[0]

    def number(self, statement: str) -> Any:
        """Return the first value of a statement."""
        return self.row(statement)[0]

    def _run(self, statement: str) -> None:
        self._warehouse.execute(statement)


def quoted(*names: str) -> str:
    """A name in SQL, its parts joined by dots."""
    return ".".join('"' + name.replace('"', '""') + '"' for name in names)
