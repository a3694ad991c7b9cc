"""A warehouse in one DuckDB file.

Readers open ``warehouse.duckdb`` read-only. A run works in a copy of its own, in the folder
``.warehouse.duckdb.padm`` beside it, and publishes by copying that to a temporary file and renaming it over
the readers' file: whoever has the old one open keeps it, whoever opens next has the new one. A process that
is killed at any moment leaves the readers' file as it was.
"""

from __future__ import annotations

from padm_ibis.backends.duckdb.backend import DuckDBBackend
from padm_ibis.backends.duckdb.reader import DuckDBReader
from padm_ibis.backends.duckdb.store import DuckDBStore
from padm_ibis.backends.duckdb.work import STORAGE, DuckDBWork

__all__ = ["STORAGE", "DuckDBBackend", "DuckDBReader", "DuckDBStore", "DuckDBWork"]
