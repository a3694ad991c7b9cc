"""Copies of a university's source."""

from __future__ import annotations

import duckdb


def shuffled(source, target):
    """The same university, the rows of every table in another order."""
    with duckdb.connect(target) as con:
        con.execute(f"ATTACH '{source}' AS original (READ_ONLY)")
        con.execute("CREATE SCHEMA negocio")
        for (table,) in con.execute("SELECT table_name FROM duckdb_tables() WHERE database_name = 'original'").fetchall():
            con.execute(f'CREATE TABLE negocio."{table}" AS SELECT * FROM original.negocio."{table}" ORDER BY hash(rowid)')
        views = "SELECT sql FROM duckdb_views() WHERE database_name = 'original' AND schema_name = 'negocio'"
        for (view,) in con.execute(views).fetchall():
            con.execute(view.replace("original.negocio", "negocio"))
