"""A folder of exported files as a source; see docs/sources.md.

Every file is read through before anything is loaded: what is no record of its columns stops the source with an error that
names file and line. Fields are texts, and what they say is decided where that is decided for every source, in
`padm_ibis.sources.exact`. Rows stream from the files into bronze; identifiers are hashed on the way.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, ClassVar

from padm_ibis.config import FilesConfig, OnInvalid
from padm_ibis.errors import SourceError, SourceShapeError, SourceUnreachable, did_you_mean
from padm_ibis.sources.connect import Columns, Source
from padm_ibis.sources.exact import Written
from padm_ibis.sources.files import separated, workbook
from padm_ibis.sources.files.places import Place, places
from padm_ibis.sources.files.text import Text, Unreadable, open_text
from padm_ibis.sources.values import FIELD, literal, quote

if TYPE_CHECKING:
    from padm_ibis.sources.spec import TableSpec

_SHOWN = 5
_DECLARE = "Correct the lines, or declare encoding, separator and formats in [sources.<name>.files]."


class FilesSource(Source):
    """A folder of files."""

    dialect = "duckdb"
    on_invalid: ClassVar[OnInvalid] = "stop"
    missing_hint = "Export it into the folder, a line of column names first."

    def attach(self) -> None:
        """Look for the folder."""
        path = self.config.url.path
        if path is None or not path.is_dir():
            raise SourceUnreachable(f"The source {self.config.name}: there is no folder {path}.")
        self.folder = path
        self.placed: dict[str, Place] = {}
        self._seen: dict[Path, tuple[int, int]] = {}
        self._copies: list[IO[bytes]] = []
        self._texts: dict[str, Text] = {}
        self._rows: dict[str, list[int]] = {}

    def columns(self, tables: Mapping[str, TableSpec]) -> Columns:
        """Read through the files of ``tables``; return table → column → type of those that exist.

        Raises
        ------
        SourceShapeError
            If a table stands in two files, or a line of a file does not fit; the first ones are listed.
        """
        try:
            found = places(self.folder, workbook.titles)
        except Unreadable as error:
            raise SourceError(f"The source {self.config.name}: {error.text}.", hint="Take it out of the folder.") from None
        except OSError as error:
            raise SourceError(f"The source {self.config.name}: {self.place()} cannot be read: {error.strerror}.") from None
        problems = list(self._undeclared(tables, found))
        columns: Columns = {}
        with self.errors():
            for name in tables:
                mine = found.get(name.lower(), [])
                if len(mine) > 1:
                    problems.append(f"{name} is in {' and in '.join(map(str, mine))}: only one of them can be right")
                elif mine:
                    self.placed[name] = mine[0]
                    self._seen[mine[0].path] = _state(mine[0].path)
                    wrong = self._open(name, mine[0])
                    problems += wrong
                    if not wrong:
                        columns[name] = self._described(name, mine[0])
        if problems:
            more = f"; and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
            raise SourceShapeError(f"The source {self.config.name}: {'; '.join(problems[:_SHOWN])}{more}.", hint=_DECLARE)
        return columns

    def written(self, table: str, column: str) -> Written:
        """Return how the texts of a column are written."""
        form = self.config.files.of(table, column)
        iso = {"iso": None}
        return Written(
            form.decimal,
            form.thousands,
            iso.get(form.date_format, form.date_format),
            iso.get(form.timestamp_format, form.timestamp_format),
            cells=table in self._rows,
        )

    def lines(self, table: str, condition: str, most: int) -> list[int]:
        """Return the lines of a text file, or the rows of a sheet, on which a condition holds."""
        numbered = f"(SELECT row_number() OVER () AS padm_row, * FROM {self.qualified(table)})"
        if self.placed[table].form == "parquet":
            return []
        with self.errors():
            found = self.con.execute(f"SELECT padm_row FROM {numbered} WHERE {condition} ORDER BY 1 LIMIT {most}").fetchall()
        numbers = [number for (number,) in found]
        if table in self._rows:
            return [self._rows[table][number - 1] for number in numbers]
        lines: Iterator[int] = (line for line, _ in self._texts[table].records())
        reached, known = 0, []
        for number in numbers:
            known.append(next(islice(lines, number - reached - 1, None)))
            reached = number
        return known

    def relation(self, statement: str) -> str:
        """Return the statement itself: the files are views where it runs."""
        for path, state in self._seen.items():
            if not path.exists() or _state(path) != state:
                raise SourceError(f"The source {self.config.name}: {path.name} changed while it was read.", hint="Run again.")
        return f"({statement})"

    def qualified(self, table: str) -> str:
        """Return the name of the view over a table's file."""
        return f"temp.{quote(self._view(table))}"

    def place(self) -> str:
        """Return the folder's name."""
        return f"the folder {self.folder.name}"

    def named(self, table: str) -> str:
        """Return what a person calls a table: its file, or the names that it may have."""
        return str(self.placed.get(table)) if table in self.placed else f"the file {table}.csv, .csv.gz, .parquet or .xlsx"

    def now(self) -> dt.datetime:
        """Return this machine's clock: a folder has none."""
        return dt.datetime.now(self.config.zone).replace(tzinfo=None)

    def detach(self) -> None:
        """Forget the copies in UTF-8, and the sheets."""
        for copy in getattr(self, "_copies", ()):
            copy.close()
        for table in getattr(self, "_rows", ()):
            self.con.unregister(f"{self._view(table)}_rows")

    def _undeclared(self, tables: Mapping[str, TableSpec], found: Collection[str]) -> Iterator[str]:
        """Say of formats declared for a table or column that there is none: they would be ignored."""
        known = {name.lower(): name for name in tables}
        for name, form in self.config.files.tables.items():
            if name.lower() not in {*known, *found}:
                yield f"files.tables.{name} speaks of a table that is not read. {did_you_mean(name, tables)}".rstrip(" .")
            elif name.lower() in known:
                columns = tables[known[name.lower()]].columns
                for column in form.columns:
                    if column.lower() not in columns:
                        hint = did_you_mean(column, columns)
                        yield f"files.tables.{name}.columns.{column}: {name} has no such column. {hint}".rstrip(" .")

    def _open(self, table: str, place: Place) -> list[str]:
        """Make a view over a table's file; return what is wrong with its lines."""
        form = self.config.files.of(table)
        try:
            match place.form:
                case "parquet":
                    self._create(table, f"SELECT * FROM read_parquet({literal(str(place.path))})")
                    return []
                case "csv":
                    found = self._open_text(table, place, form)
                case "sheet":
                    found = self._open_sheet(table, place, form)
        except Unreadable as error:
            found = [(error.line, error.text)]
        except OSError as error:
            raise SourceError(f"The source {self.config.name}: {place} cannot be read: {error.strerror}.") from None
        return [f"{place} {place.unit} {line}: {text}" if line else f"{place}: {text}" for line, text in found]

    def _open_text(self, table: str, place: Place, form: FilesConfig) -> list[tuple[int | None, str]]:
        text = self._texts[table] = open_text(place.path, form, self._copies)
        found = list(separated.problems(self.con, text, form))
        if not found:
            names = ", ".join(quote(name) for name in text.names if name)
            self._create(table, f"SELECT {names} FROM {separated.relation(text, form.null)}")
        return found

    def _open_sheet(self, table: str, place: Place, form: FilesConfig) -> list[tuple[int | None, str]]:
        sheet = workbook.read(place.path, place.sheet or "", form.skip, form.null)
        self._rows[table] = sheet.rows
        rows = f"{self._view(table)}_rows"
        self.con.register(rows, sheet.table())
        self._create(table, f"SELECT * FROM {quote(rows)}")
        return [*sheet.problems]

    def _described(self, table: str, place: Place) -> dict[str, str]:
        found = {name.lower(): kind for name, kind, *_ in self.con.execute(f"DESCRIBE {self.qualified(table)}").fetchall()}
        if place.form != "parquet":
            return dict.fromkeys(found, FIELD)
        return {**found, **{name: kind for name, kind in self._disguised(place) if name in found}}

    def _disguised(self, place: Place) -> Iterator[tuple[str, str]]:
        """Yield Parquet's columns that DuckDB shows as what they are not: long decimals as floats, nothing as numbers."""
        for name, digits, logical in self.con.execute(
            f"SELECT lower(name), precision, logical_type FROM parquet_schema({literal(str(place.path))})"
        ).fetchall():
            if logical == "NullType()":
                yield name, "null"
            elif (digits or 0) > 38:
                yield name, f"decimal of {digits} digits"

    def _view(self, table: str) -> str:
        return f"{self.alias}__{table}"

    def _create(self, table: str, query: str) -> None:
        self.con.execute(f"CREATE OR REPLACE TEMP VIEW {quote(self._view(table))} AS {query}")


def _state(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_size, found.st_mtime_ns
