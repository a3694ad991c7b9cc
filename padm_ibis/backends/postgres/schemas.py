"""Which schemas a warehouse has: those that readers use, those a run builds in, and those that were replaced."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from psycopg import errors as pg

from padm_ibis.backends.contract import refuse_newer
from padm_ibis.backends.postgres import survivors
from padm_ibis.backends.postgres.connection import Connection, execute
from padm_ibis.extract.store import LEDGER
from padm_ibis.sources.values import quote

if TYPE_CHECKING:
    from padm_ibis.config import Config

REPLACED = ("silver", "gold")
OLD = "_padm_old_"
LONGEST_NAME = 63  # bytes; the server would silently cut what is longer


def next_of(layer: str) -> str:
    """Return the schema in which a run builds the tables of a layer."""
    return f"{layer}_next" if layer in REPLACED else layer


def table(schema: str, name: str) -> str:
    """Return a table's name as a statement has it."""
    return f"{quote(schema)}.{quote(name)}"


def too_long(name: str) -> bool:
    """Whether the server would cut a name."""
    return len(name.encode()) > LONGEST_NAME


def drop_old(con: Connection) -> list[str]:
    """Drop the schemas that earlier runs replaced; return those that somebody still reads: they wait for the next run.

    Each table in a short transaction of its own, and never with what depends on it.
    """
    con.execute("SET lock_timeout = '3s'")  # the server's own autovacuum gives way after one
    for schema in old_schemas(con):
        with suppress(pg.LockNotAvailable, pg.DependentObjectsStillExist, pg.InsufficientPrivilege):
            names = execute(
                con, "SELECT relname FROM pg_class WHERE relnamespace = quote_ident(?)::regnamespace AND relkind = 'r'", [schema]
            )
            for (name,) in names:
                con.execute(f"DROP TABLE {table(schema, name)}")
            con.execute(f"DROP SCHEMA {quote(schema)}")
    con.execute("SET lock_timeout = '30s'")
    return old_schemas(con)


def old_schemas(con: Connection) -> list[str]:
    """Return the schemas that runs replaced and that still stand."""
    return [name for (name,) in execute(con, "SELECT nspname FROM pg_namespace WHERE starts_with(nspname, ?) ORDER BY 1", [OLD])]


def refuse_newer_database(con: Connection, config: Config) -> None:
    """Refuse a warehouse that a newer version of this library made; see `contract.refuse_newer`."""
    there = execute(con, "SELECT schemaname, tablename FROM pg_catalog.pg_tables WHERE schemaname = ?", [LEDGER])
    refuse_newer(lambda sql: execute(con, sql), {(schema, name) for schema, name in there}, str(config.warehouse.url))


def open_next(con: Connection, layer: str) -> str:
    """Make the schema in which the tables of a layer are built, where it is missing, with what people gave the old one."""
    place = next_of(layer)
    if layer in REPLACED and not execute(con, "SELECT 1 FROM pg_namespace WHERE nspname = ?", [place]):
        con.execute(f"CREATE SCHEMA {quote(place)}")
        survivors.carry_schema(con, layer, place)
    return place


def get(con: Connection, key: str) -> str | None:
    """Return a fact that the warehouse keeps about itself."""
    found = execute(con, f"SELECT value FROM {LEDGER}.state WHERE key = ?", [key])
    return found[0][0] if found else None


def put(con: Connection, key: str, value: str) -> None:
    """Keep a fact about the warehouse in it."""
    execute(con, f"DELETE FROM {LEDGER}.state WHERE key = ?", [key])
    execute(con, f"INSERT INTO {LEDGER}.state VALUES (?, ?)", [key, value])


def known_tables(con: Connection) -> dict[str, set[str]]:
    """Return the tables that runs made, by layer."""
    known: dict[str, set[str]] = {}
    for layer, name in execute(con, f"SELECT layer, name FROM {LEDGER}.tables"):
        known.setdefault(layer, set()).add(name)
    return known
