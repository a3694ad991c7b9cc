"""The published version, for reading, and what reading has in common with working."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from padm_ibis.backends.base import Rows
from padm_ibis.backends.postgres.connection import Connection, execute, explained
from padm_ibis.backends.postgres.kept import Kept
from padm_ibis.backends.postgres.lock import holders
from padm_ibis.backends.postgres.schemas import REPLACED, next_of
from padm_ibis.define.layers import LAYERS
from padm_ibis.extract.store import LEDGER

if TYPE_CHECKING:
    from ibis.backends.sql import SQLBackend

    from padm_ibis.config import Config
    from padm_ibis.report.versions import Version


class Session:
    """What reading and working have in common."""

    dialect = "postgres"

    def __init__(self, raw: Connection, config: Config) -> None:
        self.raw, self.config = raw, config
        self._con: SQLBackend | None = None

    @property
    def con(self) -> SQLBackend:
        """An Ibis connection to the same session."""
        if self._con is None:
            import ibis

            from padm_ibis.define.compile import safe

            with explained(self.config):
                self._con = safe(ibis.postgres.from_connection(self.raw))
        return self._con

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> Rows:
        """Run one statement and return its rows."""
        with explained(self.config):
            return execute(self.raw, sql, parameters)

    def tables(self) -> dict[str, frozenset[str]]:
        """Return the names of the tables that exist, by layer."""
        found = self.execute(
            "SELECT n.nspname, c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
            " WHERE c.relkind IN ('r', 'p') AND n.nspname = ANY(?)",
            [[*LAYERS, *(next_of(layer) for layer in REPLACED), LEDGER]],
        )
        return {
            layer: frozenset(name for schema, name in found if schema in (layer, next_of(layer))) for layer in (*LAYERS, LEDGER)
        }

    def published_run(self) -> str | None:
        """Return the run whose version readers see; None where there is none yet."""
        if not self.execute("SELECT pg_catalog.to_regclass(?)", [f"{LEDGER}.state"])[0][0]:
            return None
        found = self.execute(f"SELECT value FROM {LEDGER}.state WHERE key = 'published'")
        return found[0][0] if found else None

    def versions(self) -> list[Version]:
        """See `base.Reader.versions`."""
        with explained(self.config):
            return Kept(self.raw, self.config).versions(self.published_run())

    def is_worked_on(self) -> bool | None:
        """Whether somebody holds the lock of a run."""
        with explained(self.config):
            return bool(holders(self.raw))

    def close(self) -> None:
        """Close the connection."""
        self.raw.close()


class PostgresReader(Session):
    """A read-only session; every statement sees the version of its moment."""
