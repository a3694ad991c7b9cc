"""A folder of exported files as a source: ``<table>.csv`` or ``<table>.parquet``, one for each table of the kind.

CSV files are read with their types, in the encoding, with the separators and formats that ``[sources.<name>.files]``
declares. Every file is read through once before anything is loaded: a line that does not fit stops the source with an
error that names file, line and column. Rows stream from the files into bronze; identifiers are hashed on the way.
"""

from __future__ import annotations

import codecs
import csv
import datetime as dt
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING

import duckdb

from padm_ibis.errors import SourceError, SourceShapeError, SourceUnreachable
from padm_ibis.sources.connect import Columns, Source
from padm_ibis.sources.values import literal, quote, sql_type

if TYPE_CHECKING:
    from padm_ibis.sources.spec import TableSpec

_SHOWN = 5
_CHUNK = 1 << 20
_DECLARE = "Correct the lines, or declare encoding, separator and formats in [sources.<name>.files]."
_OFFSET = r":\d{2}(\.\d+)?\s*(Z|[+-]\d{2}(:?\d{2})?)$"
_REASONS = {
    "CAST": "the value does not fit the type",
    "MISSING COLUMNS": "too few columns",
    "TOO MANY COLUMNS": "too many columns",
    "UNQUOTED VALUE": "a quote that does not end",
    "LINE SIZE OVER MAXIMUM": "the line is too long",
    "INVALID ENCODING": "not in the declared encoding",
    "INVALID STATE": "quotes in the wrong place",
}


class FilesSource(Source):
    """A folder of files."""

    dialect = "duckdb"
    missing_hint = "Export it into the folder, a line of column names first."

    def attach(self) -> None:
        """Look for the folder."""
        path = self.config.url.path
        if path is None or not path.is_dir():
            raise SourceUnreachable(f"The source {self.config.name}: there is no folder {path}.")
        self.folder = path
        self._seen: dict[Path, tuple[int, int]] = {}
        self._copies: list[IO[bytes]] = []

    def columns(self, tables: Mapping[str, TableSpec]) -> Columns:
        """Read through the files of ``tables``; return table → column → type of those that exist.

        Raises
        ------
        SourceShapeError
            If a line of a file does not fit; the first ones are listed.
        """
        files = {path.name.lower(): path for path in sorted(self.folder.iterdir())}
        found: Columns = {}
        problems: list[str] = []
        with self.errors():
            for name, table in tables.items():
                if path := files.get(f"{name}.parquet".lower()):
                    self._view(name, f"SELECT * FROM read_parquet({literal(str(path))})")
                elif path := files.get(f"{name}.csv".lower()):
                    if wrong := self._csv(name, table, path):
                        problems += wrong
                        continue
                else:
                    continue
                self._seen[path] = _state(path)
                described = self.con.execute(f"DESCRIBE {self.qualified(name)}").fetchall()
                found[name] = {column: kind for column, kind, *_ in described}
        if problems:
            more = f"; and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
            raise SourceShapeError(f"The source {self.config.name}: {'; '.join(problems[:_SHOWN])}{more}.", hint=_DECLARE)
        return found

    def relation(self, statement: str) -> str:
        """Return the statement itself: the files are views where it runs."""
        for path, state in self._seen.items():
            if not path.exists() or _state(path) != state:
                raise SourceError(f"The source {self.config.name}: {path.name} changed while it was read.", hint="Run again.")
        return f"({statement})"

    def qualified(self, table: str) -> str:
        """Return the name of the view over a table's file."""
        return f"temp.{quote(f'{self.alias}__{table}')}"

    def place(self) -> str:
        """Return the folder's name."""
        return f"the folder {self.folder.name}"

    def named(self, table: str) -> str:
        """Return the names that a table's file may have."""
        return f"the file {table}.csv or {table}.parquet"

    def now(self) -> dt.datetime:
        """Return this machine's clock: a folder has none."""
        return dt.datetime.now(self.config.zone).replace(tzinfo=None)

    def detach(self) -> None:
        """Forget the copies in UTF-8."""
        for copy in getattr(self, "_copies", ()):
            copy.close()

    def _view(self, table: str, query: str) -> None:
        self.con.execute(f"CREATE OR REPLACE TEMP VIEW {quote(f'{self.alias}__{table}')} AS {query}")

    def _csv(self, table: str, spec: TableSpec, path: Path) -> list[str]:
        """Make a view over one CSV file; return what is wrong with its lines."""
        readable, line = self._in_utf8(path)
        if line is not None:
            return [f"{path.name} line {line}: not in the declared encoding, {self.config.files.encoding}"]
        names = self._header(readable)
        if not names:
            return [f"{path.name} is empty: not even a line of names"]
        if twice := [n for n in dict.fromkeys(names) if names.count(n) > 1]:
            return [f"{path.name} line 1: the column {twice[0]} stands there twice"]
        files = self.config.files
        zoned = files.timestamp_format is not None and "%z" in files.timestamp_format
        kinds = {name: sql_type(spec.columns.get(name, "string"), "duckdb") for name in names}
        kinds = {name: "TIMESTAMPTZ" if kind == "TIMESTAMP" and zoned else kind for name, kind in kinds.items()}
        problems = self._problems(path, readable, kinds)
        if not problems:
            loose = files.timestamp_format is None
            read = {name: "VARCHAR" if kind == "TIMESTAMP" and loose else kind for name, kind in kinds.items()}
            columns = ", ".join(f"{self._value(name, kinds[name], read[name])} AS {quote(name)}" for name in names)
            self._view(table, f"SELECT {columns} FROM {self._reader(readable, read)}")
        return problems

    def _value(self, name: str, kind: str, read: str) -> str:
        column = quote(name)
        if kind == "TIMESTAMP" and read == "VARCHAR":
            zone = literal(self.config.timezone)
            zoned = f"CAST(CAST({column} AS TIMESTAMPTZ) AT TIME ZONE {zone} AS TIMESTAMP)"
            return f"CASE WHEN regexp_matches({column}, '{_OFFSET}') THEN {zoned} ELSE CAST({column} AS TIMESTAMP) END"
        return column

    def _in_utf8(self, path: Path) -> tuple[Path, int | None]:
        """Return the file, or a copy in UTF-8 that has no name and ends with this process, and the line that cannot be read."""
        encoding = codecs.lookup(self.config.files.encoding).name
        if encoding in ("utf-8", "ascii"):
            return path, None
        copy: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - open for as long as its view is read
        self._copies.append(copy)
        decoder, lines = codecs.getincrementaldecoder(encoding)(), 1
        with path.open("rb") as original:
            while True:
                chunk = original.read(_CHUNK)
                try:
                    text = decoder.decode(chunk, final=not chunk)
                except UnicodeDecodeError as error:
                    return path, lines + error.object[: error.start].count(b"\n")
                copy.write(text.encode())
                lines += text.count("\n")
                if not chunk:
                    break
        copy.flush()
        return Path(f"/dev/fd/{copy.fileno()}"), None

    def _header(self, path: Path) -> list[str]:
        files = self.config.files
        try:
            # only the names are taken from here; what follows is decoded, and judged, by the reader
            with path.open(encoding="utf-8-sig", errors="replace", newline="") as lines:
                names = next(csv.reader(lines, delimiter=files.separator, quotechar=files.quote), [])
        except OSError as error:
            raise SourceError(f"The source {self.config.name}: {path.name} cannot be read: {error.strerror}.") from None
        return [name.strip().lower() for name in names]

    def _reader(self, path: Path, kinds: Mapping[str, str], more: str = "") -> str:
        files = self.config.files
        columns = ", ".join(f"{literal(name)}: {literal(kind)}" for name, kind in kinds.items())
        options = [
            "auto_detect = false", "header = true", f"columns = {{{columns}}}", f"delim = {literal(files.separator)}",
            f"quote = {literal(files.quote)}", f"escape = {literal(files.quote)}",
            f"decimal_separator = {literal(files.decimal)}",
            f"nullstr = [{', '.join(literal(text) for text in files.null)}]",
        ]  # fmt: skip
        if files.date_format:
            options.append(f"dateformat = {literal(files.date_format)}")
        if files.timestamp_format:
            options.append(f"timestampformat = {literal(files.timestamp_format)}")
        return f"read_csv({literal(str(path))}, {', '.join(options)}{more})"

    def _problems(self, path: Path, readable: Path, kinds: Mapping[str, str]) -> list[str]:
        """Read a file through and return what is wrong with its lines, without quoting them."""
        errors, scans = "padm_rejects", "padm_reject_scans"
        for table in (errors, scans):
            self.con.execute(f"DROP TABLE IF EXISTS temp.{table}")
        keep = f", store_rejects = true, rejects_table = '{errors}', rejects_scan = '{scans}', rejects_limit = 1000"
        every = ", ".join(f"count({quote(name)})" for name in kinds)
        try:
            self.con.execute(f"SELECT count(*), {every} FROM {self._reader(readable, kinds, keep)}").fetchall()
        except duckdb.InvalidInputException as error:  # some mistakes end the reading
            line = re.search(r"CSV Error on Line: (\d+)", str(error))
            place = f"{path.name} line {line[1]}" if line else path.name
            message = f"The source {self.config.name}: {place} is not readable with the declared separators and encoding."
            raise SourceShapeError(message, hint=_DECLARE) from None
        found = self.con.execute(
            f"SELECT DISTINCT line, column_name, CAST(error_type AS VARCHAR) FROM temp.{errors} ORDER BY ALL"
        ).fetchall()
        return [_problem(path, line, column, reason, kinds) for line, column, reason in found]


def _problem(path: Path, line: int, column: str | None, reason: str, kinds: Mapping[str, str]) -> str:
    text = _REASONS.get(reason, reason.lower())
    if reason == "CAST" and column:
        return f"{path.name} line {line}: the value of {column} is no {kinds.get(column, 'value')}"
    return f"{path.name} line {line}: {text}"


def _state(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_size, found.st_mtime_ns
