"""A source in a DuckDB file: the embedded sample, or a university's own copy."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

import duckdb

from padm_ibis import access
from padm_ibis.errors import SourceUnreachable
from padm_ibis.sources.connect import Columns, Source
from padm_ibis.sources.messages import driver_message
from padm_ibis.sources.values import literal, quote

if TYPE_CHECKING:
    from padm_ibis.sources.spec import TableSpec


class DuckDBSource(Source):
    """One schema of a DuckDB file, attached read-only."""

    dialect = "duckdb"
    digests = True

    def attach(self) -> None:
        """Attach the file."""
        path = self.config.url.path
        assert path is not None, "a duckdb:// address has a path"
        if not path.is_file():
            raise SourceUnreachable(f"The source {self.config.name}: there is no file {path}.")
        self.detach()
        try:
            self.con.execute(f"ATTACH {literal(str(access.followed(path)))} AS {self.alias} (READ_ONLY)")
        except duckdb.Error as error:
            text = driver_message(error, self.config)
            hint = self.explained(error).hint
            raise SourceUnreachable(f"The source {self.config.name} cannot be opened: {text}.", hint=hint) from None

    def columns(self, tables: Mapping[str, TableSpec]) -> Columns:
        """Return what ``information_schema`` shows of ``tables``."""
        names = ", ".join(literal(name) for name in sorted(tables))
        place = f"table_catalog = {literal(self.alias)} AND table_schema = {literal(self.config.schema)}"
        found: Columns = {}
        for table, column, kind in self.rows(
            "SELECT table_name, column_name, data_type FROM information_schema.columns"
            f" WHERE {place} AND table_name IN ({names}) ORDER BY table_name, ordinal_position"
        ):
            found.setdefault(table, {})[column] = kind
        return found

    def schemas(self, tables: Collection[str]) -> dict[str, int]:
        """Return the schemas that have some of ``tables``, and how many."""
        return dict(
            self.rows(
                "SELECT table_schema, count(*) FROM information_schema.tables"
                f" WHERE table_catalog = {literal(self.alias)} AND table_name IN ({', '.join(map(literal, sorted(tables)))})"
                " GROUP BY ALL ORDER BY ALL"
            )
        )

    def relation(self, statement: str) -> str:
        """Return the statement itself: the file is attached where it runs."""
        return f"({statement})"

    def qualified(self, table: str) -> str:
        """Return the name with catalogue and schema."""
        return f"{quote(self.alias)}.{quote(self.config.schema)}.{quote(table)}"
