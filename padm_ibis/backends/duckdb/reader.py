"""The published file, for reading."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from padm_ibis.backends.base import Rows
from padm_ibis.backends.duckdb.connection import explained, filled, ibis_over, quoted, run_of, settings_of, statements, tables_of
from padm_ibis.backends.duckdb.damage import check_content, check_header
from padm_ibis.backends.duckdb.kept import Kept
from padm_ibis.backends.duckdb.shown import Shown, all_versions
from padm_ibis.backends.patience import AT_ONCE
from padm_ibis.errors import PadmError

if TYPE_CHECKING:
    from ibis.backends.sql import SQLBackend

    from padm_ibis.config import Config
    from padm_ibis.report.versions import Version

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
        """Return the run that published this file, by its own books; see `base.Reader.published_run`."""
        with statements(self.path):
            return run_of(self.raw)

    def versions(self) -> list[Version]:
        """See `base.Reader.versions`; where the working folder is out of sight, only the one that readers see is known."""
        shown = Shown(self.path, self.config.state, Kept(self.config), AT_ONCE)
        run_id = self.published_run()
        return all_versions(shown.kept, self.path, run_id, shown.number_of(run_id))

    def is_worked_on(self) -> bool | None:
        """Nobody knows: to try the lock would be in a run's way."""
        return None

    def close(self) -> None:
        """Close the file."""
        self.raw.close()
