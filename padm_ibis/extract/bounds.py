"""What reading may take of the machine: memory and threads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import duckdb

from padm_ibis.sources.connect import Source

if TYPE_CHECKING:
    from padm_ibis.config import Config

# Megabytes: what passes through is collected into groups of 122,880 rows before it is written, so wide tables need more.
_MEMORY, _MEMORY_A_COLUMN = 256, 6


@contextmanager
def bounded_memory(con: duckdb.DuckDBPyConnection, config: Config, columns: int) -> Iterator[None]:
    """Rows pass through; what does not fit is put on disk, unless the configuration grants more.

    The bound depends on the columns of the widest table, never on rows.
    """
    if config.warehouse.memory_limit is not None:
        yield
        return
    before = con.execute("SELECT current_setting('memory_limit')").fetchall()[0][0]
    con.execute(f"SET memory_limit = '{max(_MEMORY, _MEMORY_A_COLUMN * columns)}MB'")
    try:
        yield
    finally:
        # RESET would change what the setting says and leave the bound in force (DuckDB 1.5.5)
        con.execute(f"SET memory_limit = '{before}'")


@contextmanager
def bounded_threads(con: duckdb.DuckDBPyConnection, source: Source) -> Iterator[None]:
    """A server's rows come in one stream: further threads would only wait for it, and DuckDB's wait busily."""
    if source.dialect != "postgres":
        yield
        return
    before = con.execute("SELECT current_setting('threads')").fetchall()[0][0]
    con.execute("SET threads = 1")
    try:
        yield
    finally:
        con.execute(f"SET threads = {before}")
