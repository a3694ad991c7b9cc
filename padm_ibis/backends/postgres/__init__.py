"""A warehouse in a PostgreSQL database."""

from __future__ import annotations

from padm_ibis.backends.postgres.work import PostgresBackend, PostgresReader, PostgresWork

__all__ = ["PostgresBackend", "PostgresReader", "PostgresWork"]
