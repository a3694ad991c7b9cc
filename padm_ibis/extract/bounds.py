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


class Bound:
    """What reading may take of the memory; what does not fit is put on disk.

    It begins with what the columns of the widest table need and grows where a table needs more: a step that cannot be put
    on disk, such as the hashes of millions of keys. Up to what DuckDB may take anyway, or what is configured.
    """

    def __init__(self, con: duckdb.DuckDBPyConnection, config: Config, columns: int) -> None:
        self._con = con
        limit = "SELECT l, parse_formatted_bytes(l) // 1000000 FROM (SELECT current_setting('memory_limit') AS l)"
        self._most, self._megabytes = con.execute(limit).fetchall()[0]
        self._now = self._megabytes
        if config.warehouse.memory_limit is None:
            self._take(max(_MEMORY, _MEMORY_A_COLUMN * columns))

    def grow(self) -> str | None:
        """Double it; return what it is now, or None where it may not grow."""
        if self._now >= self._megabytes:
            return None
        self._take(2 * self._now)
        return f"{self._now:,} MB"

    def lift(self) -> None:
        """Give back what DuckDB may take anyway."""
        # RESET would change what the setting says and leave the bound in force (DuckDB 1.5.5)
        self._con.execute(f"SET memory_limit = '{self._most}'")

    def _take(self, megabytes: int) -> None:
        self._now = min(megabytes, self._megabytes)
        self._con.execute(f"SET memory_limit = '{self._now}MB'")


@contextmanager
def bounded_memory(con: duckdb.DuckDBPyConnection, config: Config, columns: int) -> Iterator[Bound]:
    """Hold reading to a bound; see `Bound`."""
    bound = Bound(con, config, columns)
    try:
        yield bound
    finally:
        bound.lift()


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
