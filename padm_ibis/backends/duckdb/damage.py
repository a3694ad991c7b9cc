"""Whether a file is a warehouse that can be read: looked at before anything is written, and set aside where it cannot.

A file that somebody has open, or that may not be read, is no damaged one.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from padm_ibis.backends.contract import refuse_newer
from padm_ibis.backends.duckdb.connection import explained, not_readable
from padm_ibis.backends.duckdb.files import files, wal
from padm_ibis.errors import WarehouseBusy, WarehouseDamaged

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_HEADERS = 3 * 4096
_MAGIC = slice(8, 12), b"DUCK"


@contextmanager
def opened(path: Path, *, whole: bool = False) -> Iterator[DuckDBPyConnection]:
    """Open a file that can be used, read-only: while it is open, nobody can write in it.

    Parameters
    ----------
    whole
        Read every value, so that damage anywhere is seen.

    Raises
    ------
    WarehouseDamaged
        If it is truncated, overwritten, of another program or of another version of DuckDB.
    WarehouseBusy
        If somebody has it open for writing.
    WarehouseError
        If a newer version of this library made it, or it may not be read.
    """
    check_header(path)
    try:
        con = duckdb.connect(str(path), read_only=True)
    except duckdb.ConnectionException:  # in this very process, with other settings
        raise WarehouseBusy(
            f"The warehouse {path} is open in this process, too.", hint="Close it there, or open it with padm_ibis.connect()."
        ) from None
    except duckdb.Error as error:
        raise explained(error, path) from None
    with con:
        check_content(con, path, whole=whole)
        yield con


def check_header(path: Path) -> None:
    """Refuse what is no DuckDB file, before DuckDB guesses what else it may be.

    Raises
    ------
    WarehouseDamaged
        If it is none.
    """
    with files(path), path.open("rb") as file:
        head = file.read(_HEADERS)
    if head[_MAGIC[0]] != _MAGIC[1]:
        raise not_readable(path, "it is not a valid DuckDB database file" if head else "it is empty")
    if len(head) < _HEADERS:
        raise not_readable(path, "it is cut off")


def check_content(con: DuckDBPyConnection, path: Path, *, whole: bool) -> None:
    """Refuse a file of a newer version of this library, or one that, read as a ``whole``, turns out to be damaged.

    Raises
    ------
    WarehouseDamaged, WarehouseError
        As `opened`.
    """
    try:
        tables = con.execute(
            "SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = current_database() AND NOT temporary"
        ).fetchall()
        refuse_newer(lambda sql: con.execute(sql).fetchall(), set(tables), str(path))
        for schema, table in tables if whole else ():
            con.execute(f'SELECT bit_xor(hash(t)) FROM "{schema}"."{table}" AS t').fetchall()
    except duckdb.Error as error:
        raise explained(error, path) from None


def set_aside(path: Path, damage: WarehouseDamaged) -> str:
    """Give a damaged file, and what was not yet written into it, another name; return the sentence that tells of it."""
    moment = dt.datetime.now(dt.UTC)
    aside = path.with_name(f"{path.stem}.invalid.{moment:%Y%m%dT%H%M%S}.duckdb")
    if aside.exists():
        aside = path.with_name(f"{path.stem}.invalid.{moment:%Y%m%dT%H%M%S.%f}.duckdb")
    with files(path):
        path.replace(aside)
        if wal(path).exists():
            wal(path).replace(wal(aside))
    return f"{damage.message} It was set aside as {aside.name}."
