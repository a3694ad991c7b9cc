"""A DuckDB file written anew: what was deleted from the old one, and lies in its free blocks, is in no block of the new one."""

from __future__ import annotations

import re
from collections.abc import Iterable
from graphlib import TopologicalSorter
from pathlib import Path

from duckdb import DuckDBPyConnection

from padm_ibis.backends.duckdb.connection import quoted
from padm_ibis.backends.duckdb.files import make
from padm_ibis.sources.values import literal, quote

_NEW = "padm_rewritten"
Table = tuple[str, str]


def rewrite(con: DuckDBPyConnection, catalog: str, target: Path, *, storage: str | None = None) -> None:
    """Write everything that an attached file holds into a new one, its owner's alone: tables, views, indexes, comments, rows.

    Parameters
    ----------
    catalog
        The file's name in the session.
    storage
        Version of the file format; by default DuckDB's own choice.
    """
    make(target, f"STORAGE_VERSION {literal(storage)}" if storage else "TYPE duckdb")
    con.execute(f"ATTACH '{quoted(target)}' AS {_NEW}")
    try:
        con.execute(f"COPY FROM DATABASE {quote(catalog)} TO {_NEW} (SCHEMA)")
        for schema, name in _parents_first(con, catalog):
            columns = ", ".join(quote(column) for column in _stored(con, catalog, schema, name))
            place = f"{quote(schema)}.{quote(name)}"
            con.execute(f"INSERT INTO {_NEW}.{place} ({columns}) SELECT {columns} FROM {quote(catalog)}.{place}")
        con.execute(f"CHECKPOINT {_NEW}")
    finally:
        con.execute(f"DETACH {_NEW}")


def _parents_first(con: DuckDBPyConnection, catalog: str) -> Iterable[Table]:
    """Return the tables, each after those that its foreign keys point to."""
    mine = f"database_name = {literal(catalog)}"
    tables: dict[Table, set[Table]] = {
        (schema, name): set()
        for schema, name in con.execute(f"SELECT schema_name, table_name FROM duckdb_tables() WHERE {mine}").fetchall()
    }
    for schema, name, parent in con.execute(
        "SELECT schema_name, table_name, referenced_table FROM duckdb_constraints()"
        f" WHERE {mine} AND referenced_table <> table_name"
    ).fetchall():
        tables[schema, name].add((schema, parent))  # a foreign key stays in its schema
    return TopologicalSorter({table: parents & tables.keys() for table, parents in tables.items()}).static_order()


def _stored(con: DuckDBPyConnection, catalog: str, schema: str, name: str) -> list[str]:
    """Return the columns of a table that are not computed from others."""
    where = f"database_name = {literal(catalog)} AND schema_name = {literal(schema)} AND table_name = {literal(name)}"
    ((made,),) = con.execute(f"SELECT sql FROM duckdb_tables() WHERE {where}").fetchall()
    columns = con.execute(f"SELECT column_name FROM duckdb_columns() WHERE {where} ORDER BY column_index").fetchall()
    return [
        c for (c,) in columns if not re.search(rf"(?:{re.escape(quote(c))}|\b{re.escape(c)}) [^,]*?GENERATED ALWAYS AS", made)
    ]
