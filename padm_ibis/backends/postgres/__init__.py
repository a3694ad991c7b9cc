"""A warehouse in a PostgreSQL database: a run is one transaction, visible as a whole when it commits.

What a reader should know: names are looked up when a statement is parsed. A transaction in ``READ COMMITTED``, the
default, sees for each statement the version of that moment; one in ``REPEATABLE READ`` would find a table that was
replaced after its first statement empty.
"""

from __future__ import annotations

from padm_ibis.backends.postgres.backend import PostgresBackend
from padm_ibis.backends.postgres.reader import PostgresReader
from padm_ibis.backends.postgres.work import PostgresWork

__all__ = ["PostgresBackend", "PostgresReader", "PostgresWork"]
