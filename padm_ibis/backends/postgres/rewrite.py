"""Tables of a server written anew: a deleted row stays in a table's files until its place is used, or the table rewritten."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from padm_ibis.backends.base import Rows
from padm_ibis.backends.postgres.connection import Connection, execute
from padm_ibis.backends.postgres.schemas import table

STATISTICS = ("pg_statistic", "pg_statistic_ext_data")
"""Where the server keeps the most common values, and some others, of every column."""


def tables_of(con: Connection, schemas: Sequence[str]) -> Rows:
    """Return the tables of schemas: schema and name."""
    return execute(
        con,
        "SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE c.relkind = 'r' AND n.nspname = ANY(?) ORDER BY 1, 2",
        [list(schemas)],
    )


def vacuum(con: Connection, tables: Iterable[tuple[str, str]]) -> None:
    """Write tables anew; outside of any transaction. Each is locked for as long as that takes."""
    for schema, name in tables:
        con.execute(f"VACUUM (FULL, ANALYZE) {table(schema, name)}")


def rewrite_statistics(con: Connection) -> list[str]:
    """Write the server's statistics anew, which hold values of columns; outside of any transaction.

    Returns
    -------
    list[str]
        What holds deleted rows all the same, a sentence each: without the right to write them anew the server only warns.
    """
    log = (
        "The server's write-ahead log keeps what was deleted until it is recycled, its archive for as long as that is kept; a log"
        " of its statements names numbers."
    )
    allowed = (
        "SELECT r.rolsuper OR pg_has_role(current_user, d.datdba, 'USAGE') FROM pg_roles r, pg_database d"
        " WHERE r.rolname = current_user AND d.datname = current_database()"
    )
    if not execute(con, allowed)[0][0]:
        return [
            log,
            f"The server's statistics ({', '.join(STATISTICS)}) may hold values of erased rows until they are written anew, which"
            f" the owner of the database may do: {'; '.join(f'VACUUM FULL pg_catalog.{name}' for name in STATISTICS)}",
        ]
    for name in STATISTICS:
        con.execute(f"VACUUM (FULL) pg_catalog.{name}")
    return [log]
