"""A folder of exported files as a source: ``<table>.csv`` or ``<table>.parquet``."""

from __future__ import annotations

from collections.abc import Collection

from padm_ibis.errors import SourceUnreachable
from padm_ibis.sources.connect import Columns, Source
from padm_ibis.sources.values import quote


class FilesSource(Source):
    """A folder of files, each read once into a temporary table."""

    dialect = "duckdb"

    def attach(self) -> None:
        """Look for the folder."""
        path = self.config.url.path
        if path is None or not path.is_dir():
            raise SourceUnreachable(f"The source {self.config.name}: there is no folder {path}.")

    def columns(self, tables: Collection[str]) -> Columns:
        """Read the files, and return what they hold."""
        raise NotImplementedError

    def relation(self, statement: str) -> str:
        """Return the statement itself."""
        return f"({statement})"

    def qualified(self, table: str) -> str:
        """Return the name of the temporary table."""
        return f"temp.{quote(f'{self.alias}__{table}')}"
