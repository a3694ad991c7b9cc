"""What tables hold, in few characters: cheap enough to be taken of every table that a run changed.

The engine's own 64-bit hash of each row is added up, so that neither the order of rows nor the number of threads
matters, and a row that is there twice counts twice. Such a fingerprint says which engine made it: it can be compared
within one warehouse and with others of that engine. `padm_ibis.define.fingerprint` takes ten times
as long and means the same on every engine; exports carry that one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from padm_ibis.backends.base import Work
from padm_ibis.define.layers import VOLATILE
from padm_ibis.sources.values import quote

_HASH = {"duckdb": "hash({})", "postgres": "pg_catalog.hashtextextended(ROW({})::text, 0)"}
_VERSION = {"duckdb": "version()", "postgres": "pg_catalog.current_setting('server_version')"}


@dataclass(frozen=True, slots=True)
class Content:
    """Rows of a table, and the fingerprint of what they say."""

    rows: int
    fingerprint: str


def of_tables(work: Work, tables: Collection[tuple[str, str]]) -> dict[str, Content]:
    """Return what each table (layer and name) holds, as far as this run has come."""
    columns = columns_of(work, {work.locate(layer, name) for layer, name in tables})
    return {name: _of(work, place, name, columns[place, name]) for layer, name in tables for place in [work.locate(layer, name)]}


def columns_of(work: Work, places: Collection[str]) -> dict[tuple[str, str], list[tuple[str, str]]]:
    """Return schema and table → names and types of its columns that matter, for all tables of some schemas."""
    found: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for schema, table, column, kind in work.execute(
        "SELECT table_schema, table_name, column_name, data_type FROM information_schema.columns"
        f" WHERE table_catalog = current_database() AND table_schema IN ({', '.join('?' * len(places))})"
        " ORDER BY table_schema, table_name, ordinal_position",
        sorted(places),
    ):
        if column not in VOLATILE:
            found.setdefault((schema, table), []).append((column, kind))
    return found


def _of(work: Work, place: str, name: str, columns: Sequence[tuple[str, str]]) -> Content:
    hashed = f"SELECT {hash_of(work.dialect, [column for column, _ in columns])} AS h FROM {quote(place)}.{quote(name)}"
    ((rows, total, version),) = work.execute(f"SELECT count(*), sum(h), {_VERSION[work.dialect]} FROM ({hashed}) AS hashed")
    head = ", ".join(f"{column} {kind}" for column, kind in columns)
    digest = hashlib.sha256(f"{head}|{rows}|{total or 0}".encode()).hexdigest()[:32]
    return Content(int(rows), f"{work.dialect}-{version.removeprefix('v').split()[0]}:{digest}")


def hash_of(dialect: str, columns: Iterable[str]) -> str:
    """Return the engine's own hash of some columns of a row, as SQL."""
    return _HASH[dialect].format(", ".join(quote(column) for column in columns))
