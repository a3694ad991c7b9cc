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
    """Rows of a table, and the fingerprint of what they say.

    Attributes
    ----------
    total
        The sum of the rows' hashes, from which the fingerprint of the table with some rows exchanged follows.
    """

    rows: int
    fingerprint: str
    total: int = 0


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
    rows, total, version = _summed(work, f"{quote(place)}.{quote(name)}", [column for column, _ in columns])
    return _content(work.dialect, columns, rows, total, version)


def exchanged(work: Work, before: Content, columns: Sequence[tuple[str, str]], gone: str, come: str) -> Content | None:
    """Return what a table holds once some rows took the place of others; None where another engine counted before.

    Parameters
    ----------
    before
        What it held.
    columns
        Names and types of the columns that matter; see `columns_of`.
    gone, come
        Tables of the rows it had and has, qualified and quoted.
    """
    names = [column for column, _ in columns]
    less, minus, version = _summed(work, gone, names)
    more, plus, _ = _summed(work, come, names)
    was = _content(work.dialect, columns, before.rows, before.total, version)
    if was.fingerprint != before.fingerprint:
        return None
    return _content(work.dialect, columns, before.rows - less + more, before.total - minus + plus, version)


def of_place(work: Work, place: str, columns: Sequence[str]) -> str:
    """Return the fingerprint of what some columns of a table say, qualified and quoted."""
    rows, total, version = _summed(work, place, columns)
    return _content(work.dialect, [(column, "") for column in columns], rows, total, version).fingerprint


def _summed(work: Work, place: str, columns: Sequence[str]) -> tuple[int, int, str]:
    hashed = f"SELECT {hash_of(work.dialect, columns)} AS h FROM {place}"
    ((rows, total, version),) = work.execute(f"SELECT count(*), sum(h), {_VERSION[work.dialect]} FROM ({hashed}) AS hashed")
    return int(rows), int(total or 0), str(version)


def _content(dialect: str, columns: Sequence[tuple[str, str]], rows: int, total: int, version: str) -> Content:
    head = ", ".join(f"{column} {kind}" for column, kind in columns)
    digest = hashlib.sha256(f"{head}|{rows}|{total}".encode()).hexdigest()[:32]
    return Content(rows, f"{dialect}-{version.removeprefix('v').split()[0]}:{digest}", total)


def hash_of(dialect: str, columns: Iterable[str]) -> str:
    """Return the engine's own hash of some columns of a row, as SQL."""
    return _HASH[dialect].format(", ".join(quote(column) for column in columns))
