"""The published file, for reading."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from padm_ibis.backends.base import Rows
from padm_ibis.backends.duckdb.connection import explained, filled, ibis_over, quoted, settings_of, statements, tables_of
from padm_ibis.backends.duckdb.damage import check_content, check_header
from padm_ibis.errors import PadmError
from padm_ibis.extract.store import LEDGER

if TYPE_CHECKING:
    from ibis.backends.sql import SQLBackend

    from padm_ibis.config import Config

CATALOG = "warehouse"


class DuckDBReader:
    """The published file, opened read-only."""

    dialect = "duckdb"

    def __init__(self, path: Path, config: Config) -> None:
        self.config, self.path = config, path
        check_header(path)
        # Attached, not connected to: DuckDB would hand a process that still reads the old file the old file again.
        self.raw = duckdb.connect(config=settings_of(config))
        try:
            self.raw.execute(f"ATTACH '{quoted(path)}' AS {CATALOG} (READ_ONLY)")
            self.raw.execute(f"USE {CATALOG}")
            check_content(self.raw, path, whole=False)
        except duckdb.Error as error:
            self.raw.close()
            raise explained(error, path) from None
        except PadmError:
            self.raw.close()
            raise
        self._con: SQLBackend | None = None

    @property
    def con(self) -> SQLBackend:
        """An Ibis connection to the same session."""
        if self._con is None:
            self._con = ibis_over(self.raw)
        return self._con

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> Rows:
        """Run one statement and return its rows."""
        with statements(self.path):
            return self.raw.execute(filled(sql, parameters)).fetchall()

    def tables(self) -> dict[str, frozenset[str]]:
        """Return the names of the tables that exist, by layer."""
        return tables_of(self.raw)

    def published_run(self) -> str | None:
        """Return the run that published this file, by its own history; see `base.Reader.published_run`."""
        if "runs" not in self.tables()[LEDGER]:
            return None
        found = self.execute(
            f"SELECT run_id FROM {LEDGER}.runs WHERE status IN ('ok', 'partial') ORDER BY started_at DESC, run_id DESC LIMIT 1"
        )
        return found[0][0] if found else None

    def is_worked_on(self) -> bool | None:
        """Nobody knows: to try the lock would be in a run's way."""
        return None

    def close(self) -> None:
        """Close the file."""
        self.raw.close()
