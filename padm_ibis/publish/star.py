"""A star schema described by configuration alone: CSV files into a database, with keys, checks and views.

Everything is read and checked before the database is touched, and written in one transaction: a malformed line,
a duplicate key, an orphan or a broken condition leaves what was there.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from padm_ibis.config import Config, StarConfig, StarTable
from padm_ibis.errors import ConfigError, SourceError, UsageError
from padm_ibis.extras import need
from padm_ibis.publish.spec import chosen
from padm_ibis.sources.values import literal, quote

if TYPE_CHECKING:
    from padm_ibis.backends.postgres.connection import Connection

MOST_BAD_LINES = 5
_NEW, _OLD = "padm_star_new", "padm_star_old"  # only inside the transaction of a load


def load_star(config: Config, *, tell: Callable[[str], None] = lambda line: None) -> dict[str, int]:
    """Load the CSV files of ``[star]`` into the warehouse's database; return the rows of each table.

    Raises
    ------
    UsageError
        If nothing is described, or the warehouse is no PostgreSQL database.
    SourceError
        If a file is missing or a line malformed (file and line are named), or the rows break a key or a condition.
    """
    star = config.star
    if star is None:
        raise UsageError(f"{config.described} describes no star schema.", hint="Add [star] and [star.tables.<name>].")
    if config.warehouse.url.scheme != "postgres":
        raise UsageError("A star schema is loaded into PostgreSQL.", hint='[warehouse] url = "postgres://user@host/database"')
    need("postgres", "A star schema")
    views = view_statements(config, "postgres")
    with duckdb.connect() as reader:
        tables = {spec.name: star.tables[spec.name] for spec in chosen(config, ["*"])}  # those that others point to first
        rows = {name: _read(reader, config.folder, star, name, table) for name, table in tables.items()}
        _write(config, star, tables, reader, views)
    for name, count in rows.items():
        tell(f"{star.schema_}.{name}  {count:,} rows")
    return rows


def view_statements(config: Config, dialect: str) -> dict[str, str]:
    """Return the SELECT of each view, written for ``dialect``; a schema is only named where there are any.

    Raises
    ------
    ConfigError
        If a file is missing or no single SELECT.
    """
    import sqlglot as sg

    assert config.star is not None, "only called for a star schema"
    found = {}
    for name, file in config.star.views.items():
        path = config.folder / file
        try:
            tree = sg.parse_one(path.read_text(encoding="utf-8"), read="postgres")
        except (OSError, sg.errors.ParseError) as error:
            raise ConfigError(f"star.views.{name}: {file} cannot be read: {type(error).__name__}.") from None
        if not isinstance(tree, sg.exp.Query):
            raise ConfigError(f"star.views.{name}: {file} is no single SELECT.")
        if dialect == "sqlite":
            for table in tree.find_all(sg.exp.Table):
                table.set("db", None)
        found[name] = tree.sql(dialect=dialect)
    return found


def _read(reader: duckdb.DuckDBPyConnection, folder: Path, star: StarConfig, name: str, table: StarTable) -> int:
    """Read one file into a table of its own; every line or none."""
    path = folder / table.csv
    if not path.is_file():
        raise SourceError(f"star.tables.{name}: there is no file {table.csv}.")
    options = {
        "header": "true", "delim": literal(star.separator), "decimal_separator": literal(star.decimal),
        "dateformat": literal(star.date_format), "encoding": literal(star.encoding), "null_padding": "false",
        "store_rejects": "true", "rejects_table": literal(f"bad_{name}"), "rejects_scan": literal(f"scan_{name}"),
        "columns": "{" + ", ".join(f"{literal(c)}: {literal(_duckdb(kind))}" for c, kind in table.columns.items()) + "}",
    }  # fmt: skip
    header = path.read_text(encoding=star.encoding).partition("\n")[0].strip("\ufeff\r\n ").split(star.separator)
    if [h.strip('" ') for h in header] != list(table.columns):
        raise SourceError(
            f"{table.csv}, line 1: the columns are {', '.join(header)}.", hint=f"Expected, in order: {', '.join(table.columns)}."
        )
    scan = f"read_csv({literal(str(path))}, {', '.join(f'{k} = {v}' for k, v in options.items())})"
    try:
        reader.execute(f"CREATE TABLE {quote(name)} AS SELECT * FROM {scan}")
    except duckdb.Error as error:
        raise SourceError(f"{table.csv} cannot be read: {str(error).splitlines()[0]}") from None
    bad = reader.execute(f"SELECT line, column_name, error_type FROM {quote(f'bad_{name}')} ORDER BY line").fetchall()
    if bad:
        shown = "\n".join(f"  {table.csv}, line {n}: {c or 'the line'}: {_words(kind)}" for n, c, kind in bad[:MOST_BAD_LINES])
        raise SourceError(f"{table.csv} has {len(bad)} malformed values; nothing was loaded.\n{shown}")
    return int(reader.execute(f"SELECT count(*) FROM {quote(name)}").fetchall()[0][0])


def _words(kind: str) -> str:
    return {"CAST": "not of its type", "MISSING COLUMNS": "values are missing", "TOO MANY COLUMNS": "too many values"}.get(
        str(kind), str(kind).lower()
    )


def _write(
    config: Config, star: StarConfig, tables: dict[str, StarTable], reader: duckdb.DuckDBPyConnection, views: dict[str, str]
) -> None:
    import psycopg

    from padm_ibis.backends.postgres.connection import connect

    with connect(config, run=True) as con:
        try:
            with con.transaction():
                con.execute(f"CREATE SCHEMA IF NOT EXISTS {quote(star.schema_)}")
                con.execute(f"CREATE SCHEMA {_NEW}")
                for name, table in tables.items():
                    con.execute(_create(name, table))
                    _copy(con, name, table, reader)
                _exchange(con, star.schema_, list(tables), views)
        except psycopg.errors.IntegrityError as error:
            where = error.diag.table_name or "a table"
            raise SourceError(
                f"star.tables.{where}: the rows break {error.diag.constraint_name or 'a constraint'}; nothing was loaded."
            ) from None
        except psycopg.errors.DependentObjectsStillExist:
            raise UsageError(
                f"Something else depends on the tables of {star.schema_}; nothing was loaded.",
                hint="Drop it first, or load into another schema.",
            ) from None


def _exchange(con: Connection, schema: str, tables: list[str], views: dict[str, str]) -> None:
    """Put the loaded tables in place of the old ones: the moment that readers wait for, whatever the loading took."""
    from padm_ibis.backends.postgres import survivors

    old = survivors.tables(con, schema, tables)
    for name, oid in old.items():
        survivors.carry_indexes(con, oid, f"{_NEW}.{quote(name)}")
        survivors.carry_table(con, oid, f"{_NEW}.{quote(name)}")
    con.execute(f"CREATE SCHEMA {_OLD}")
    for name in tables:
        if name in old:
            con.execute(f"ALTER TABLE {quote(schema)}.{quote(name)} SET SCHEMA {_OLD}")
        con.execute(f"ALTER TABLE {_NEW}.{quote(name)} SET SCHEMA {quote(schema)}")
    for view, statement in views.items():
        replace_view(con, f"{quote(schema)}.{quote(view)}", statement)
    for name in reversed(tables):
        con.execute(f"DROP TABLE IF EXISTS {_OLD}.{quote(name)}")
    con.execute(f"DROP SCHEMA {_NEW}, {_OLD}")


def replace_view(con: Connection, view: str, statement: str, run: Callable[[str], object] | None = None) -> None:
    """Give a view its statement; grants on it stay, unless its columns are others now.

    Parameters
    ----------
    view
        Qualified and quoted.
    run
        What runs a statement, if not the connection itself.
    """
    from psycopg import errors as pg

    run = run or con.execute
    try:
        with con.transaction():
            run(f"CREATE OR REPLACE VIEW {view} AS {statement}")
    except pg.InvalidTableDefinition:
        run(f"DROP VIEW {view}")
        run(f"CREATE VIEW {view} AS {statement}")


def _create(name: str, table: StarTable) -> str:
    """The statement that makes a table with its keys, references, computed columns and conditions."""
    lines = [f"{quote(c)} {kind}" for c, kind in table.columns.items()]
    for column, text in table.computed.items():
        kind, _, expression = text.partition(" AS ")
        lines.append(f"{quote(column)} {kind} GENERATED ALWAYS AS ({expression}) STORED")
    lines.append(f"PRIMARY KEY ({', '.join(quote(c) for c in table.key)})")
    for column, target in table.references.items():
        parent, _, key = target.partition(".")
        lines.append(f"FOREIGN KEY ({quote(column)}) REFERENCES {_NEW}.{quote(parent)} ({quote(key)})")
    lines += [f"CONSTRAINT {quote(rule)} CHECK ({condition})" for rule, condition in table.checks.items()]
    return f"CREATE TABLE {_NEW}.{quote(name)} ({', '.join(lines)})"


def _copy(con: Connection, name: str, table: StarTable, reader: duckdb.DuckDBPyConnection) -> None:
    columns = ", ".join(quote(c) for c in table.columns)
    rows: Any = reader.execute(f"SELECT {columns} FROM {quote(name)}")
    with con.cursor() as cursor, cursor.copy(f"COPY {_NEW}.{quote(name)} ({columns}) FROM STDIN") as copy:
        while batch := rows.fetchmany(10_000):
            for row in batch:
                copy.write_row(row)


def _duckdb(kind: str) -> str:
    return re.sub(r"^(text|citext)$", "VARCHAR", kind.strip(), flags=re.IGNORECASE)
