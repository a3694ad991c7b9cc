"""SQL of an expression, for any dialect, without a connection.

Ibis shares one sqlglot node between several parents, and sqlglot's generators edit nodes while they write
(PostgreSQL's integer division, for one): what an edit hits is then a matter of luck. Every statement is
therefore written from a copy of the tree, here and, by `safe`, on connections too.
"""

from __future__ import annotations

import types
from collections.abc import Mapping
from typing import Any, TypeVar

import ibis
import ibis.expr.types as ir
import sqlglot as sg
from ibis.backends.sql import SQLBackend
from ibis.backends.sql import compilers as ibis_compilers
from ibis.backends.sql.compilers.base import SQLGlotCompiler

from padm_ibis.errors import UnknownName

DIALECTS = ("duckdb", "postgres", "pyspark")
_Backend = TypeVar("_Backend", bound=SQLBackend)


def compiler_of(dialect: str) -> SQLGlotCompiler:
    """Return Ibis's compiler for ``dialect``; its database driver need not be installed.

    Raises
    ------
    UnknownName
        If there is no such dialect.
    """
    if dialect not in DIALECTS:
        raise UnknownName("dialect", dialect, DIALECTS)
    if dialect == "pyspark":
        _register_pyspark_options()
    if dialect == "postgres":
        from padm_ibis.define.folding import SpanishPostgres

        return SpanishPostgres()
    return getattr(ibis_compilers, dialect).compiler


def sql(expression: ir.Expr, dialect: str = "duckdb", *, pretty: bool = True) -> str:
    """Return the statement that ``expression`` is in ``dialect``."""
    compiler = compiler_of(dialect)
    return _write(compiler.to_sqlglot(expression.unbind()), compiler.dialect, pretty=pretty)


def create_table_as(layer: str, name: str, query: str, schema: ibis.Schema, dialect: str) -> str:
    """Return the statement that makes a table of a query's rows, each column cast to its type in ``schema``.

    DuckDB replaces a table of that name; PostgreSQL, which cannot, expects it dropped.
    """
    verb = "CREATE TABLE" if dialect == "postgres" else "CREATE OR REPLACE TABLE"
    return f"{verb} {_quote(layer)}.{_quote(name)} AS {conformed(query, schema, dialect)}"


def conformed(query: str, schema: ibis.Schema, dialect: str) -> str:
    """Return a query with each column cast to its type in ``schema``."""
    casts = ", ".join(f"{_cast(column, kind, dialect)} AS {_quote(column)}" for column, kind in schema.items())
    return f"SELECT {casts} FROM ({query}) AS made"


def type_name(kind: Any, dialect: str) -> str:
    """Return what a dialect calls a type; text is ``TEXT`` in PostgreSQL."""
    if dialect == "postgres" and kind.is_string():
        return "TEXT"
    mapper = compiler_of(dialect).type_mapper
    return mapper.from_ibis(kind.copy(nullable=True)).sql(dialect=mapper.dialect)


def _cast(column: str, kind: Any, dialect: str) -> str:
    cast = f"CAST({_quote(column)} AS {type_name(kind, dialect)})"
    # Texts compare by code point in every database: the column says so, whatever the database's own order is.
    return f'{cast} COLLATE "C"' if dialect == "postgres" and kind.is_string() else cast


def safe(con: _Backend) -> _Backend:
    """Make a connection run exactly what `sql` shows: it, too, writes statements from a copy of the tree."""
    compiler = compiler_of(con.name) if con.name in DIALECTS else con.compiler

    def compile(
        self: SQLBackend,
        expr: ir.Expr,
        /,
        *,
        limit: int | None = None,
        params: Mapping[ir.Expr, Any] | None = None,
        pretty: bool = False,
    ) -> str:
        return _write(compiler.to_sqlglot(expr, limit=limit, params=params), self.dialect, pretty=pretty)

    con.compile = types.MethodType(compile, con)
    return con


def _write(tree: Any, dialect: Any, *, pretty: bool) -> str:
    return tree.copy().sql(dialect=dialect, pretty=pretty, unsupported_level=sg.ErrorLevel.RAISE)


def _quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _register_pyspark_options() -> None:
    """Give Ibis the one option that its Spark compiler reads; importing the backend would need PySpark."""
    if ibis.options.pyspark is None:
        from ibis.config import Config as IbisConfig

        class PySpark(IbisConfig):
            treat_nan_as_null: bool = False

        ibis.options.pyspark = PySpark()
