"""What was published to a mirror: beside the warehouse, a file a table with the key and a hash of each row.

The mirror itself says which publication's rows it holds; see `padm_ibis.publish.targets.marks`. Where both name the same one,
what changed since is what these files and the tables of now differ in, and only that is sent.
"""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa

from padm_ibis import access
from padm_ibis.publish.databases import DuckDBFile, Source
from padm_ibis.publish.reconcile import null_safe
from padm_ibis.sources.values import literal, quote

if TYPE_CHECKING:
    from padm_ibis.config import Config, Url
    from padm_ibis.publish.spec import TableSpec

_FOLDER, _PARTIAL = "published", ".partial"
MOST_CHANGED = 0.3
"""Share of a table's rows above which it is published as a whole: that takes less than finding their places."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What became of a table's rows since a publication, in a session on the source.

    Attributes
    ----------
    come
        Rows that are new or say something else, qualified: to be sent.
    gone
        Keys of rows that are no more, or say something else now.
    arrivals, departures
        How many each is.
    rows
        Of the table now.
    """

    come: str
    gone: str
    arrivals: int
    departures: int
    rows: int

    @property
    def is_empty(self) -> bool:
        """Whether the rows are the same."""
        return not self.arrivals and not self.departures


class Memory:
    """What this warehouse published to one mirror."""

    def __init__(self, config: Config, url: Url) -> None:
        self._folder = config.state / _FOLDER / _named(str(url))

    def take(self, source: Source, spec: TableSpec, columns: pa.Schema, publication: str) -> bool:
        """Note the rows of a table, before they are published; whether that can be: a warehouse in PostgreSQL is not asked."""
        if not isinstance(source, DuckDBFile) or not spec.findable:
            return False
        access.folder(self._folder)
        listed, key = (", ".join(map(quote, names)) for names in (columns.names, spec.key))
        rows = f"SELECT {key}, hash({listed}) AS padm_hash FROM {source.place(spec.schema, spec.name)}"
        source.query(f"COPY ({rows}) TO {literal(str(self._partial(spec, publication)))} (FORMAT parquet)")
        return True

    def changes(self, source: Source, spec: TableSpec, before: str, now: str) -> Changes | None:
        """Compare a table with what a publication noted of it; None where it is not remembered, or most of it changed.

        Parameters
        ----------
        before, now
            Publications: one that was shown, and the one that took note of the table since.
        """
        old, new = self._file(spec, before), self._partial(spec, now)
        if not old.is_file():
            return None
        key = ", ".join(map(quote, spec.key))
        match = f"{null_safe(spec.key, 'here', 'there')} AND here.padm_hash = there.padm_hash"
        come, gone = (f"temp.{quote(f'padm_{which}_{spec.name}')}" for which in ("come", "gone"))
        try:
            for table, here, there in ((f"{come}", new, old), (f"{gone}", old, new)):
                files = (f"read_parquet({literal(str(file))})" for file in (here, there))
                source.query(
                    "CREATE OR REPLACE TEMP TABLE {} AS SELECT {} FROM {} here ANTI JOIN {} there ON {}".format(
                        table.removeprefix("temp."), key, *files, match
                    )
                )
        except (duckdb.IOException, duckdb.InvalidInputException, duckdb.BinderException):  # damaged, or of another shape
            return None
        counted = (come, gone, f"read_parquet({literal(str(old))})", f"read_parquet({literal(str(new))})")
        ((arrivals, departures, former, rows),) = source.query(
            f"SELECT {', '.join(f'(SELECT count(*) FROM {place})' for place in counted)}"
        )
        twice = rows != former - departures + arrivals  # a row that is there twice now: the whole table's comparison tells it
        if twice or arrivals + departures > MOST_CHANGED * max(rows, 1):
            return None
        keys = f"{come} AS k ON {null_safe(spec.key, 't', 'k')}"
        place = source.place(spec.schema, spec.name)
        return Changes(f"(SELECT t.* FROM {place} AS t SEMI JOIN {keys})", gone, arrivals, departures, rows)

    def keep(self, spec: TableSpec, publication: str) -> None:
        """Keep what was noted: it has been shown."""
        taken = self._partial(spec, publication)
        if taken.is_file():
            others = [file for file in self._folder.glob(f"{_named(spec.qualified)}-*") if file != taken]
            taken.replace(self._file(spec, publication))
            for file in others:
                file.unlink(missing_ok=True)

    def discard(self, spec: TableSpec | None = None) -> None:
        """Forget what was noted, of one table or of all, and has not been shown."""
        for file in self._folder.glob(f"{_named(spec.qualified) if spec else ''}*{_PARTIAL}"):
            file.unlink(missing_ok=True)

    def _file(self, spec: TableSpec, publication: str) -> Path:
        return self._folder / f"{_named(spec.qualified)}-{publication}.parquet"

    def _partial(self, spec: TableSpec, publication: str) -> Path:
        file = self._file(spec, publication)
        return file.with_name(file.name + _PARTIAL)


def basis(spec: TableSpec, columns: pa.Schema) -> str:
    """Name what the hashes of a table's rows were made by, and what it is made of at a mirror."""
    made = [duckdb.__version__, str(spec.key), str(spec.references), *(f"{field.name} {field.type}" for field in columns)]
    return hashlib.sha256("\n".join(made).encode()).hexdigest()[:16]


def forget(config: Config) -> None:
    """Forget what was published anywhere: the next publication to each mirror is a whole one."""
    shutil.rmtree(config.state / _FOLDER, ignore_errors=True)


def _named(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
