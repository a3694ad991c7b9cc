"""Write the sample university into a database, all of it or nothing."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from padm_ibis import access, atomic
from padm_ibis.backends.duckdb import STORAGE
from padm_ibis.backends.duckdb.files import copy_whole, wal
from padm_ibis.config import Url
from padm_ibis.config.secrets import hide
from padm_ibis.errors import PadmError, UsageError, WarehouseError
from padm_ibis.sample.campus import LAST_YEAR, Campus
from padm_ibis.sample.schema import physical_tables
from padm_ibis.sample.university import campus_tables
from padm_ibis.sample.views import views
from padm_ibis.sources.values import literal

SCHEMES = ("duckdb", "postgres", "postgresql")
MARK = "padm-ibis sample"
MARKED = "sga_alumnos"
"""The table whose comment says that its schema is a sample: no other is ever replaced."""
SMALL, SMALL_BLOCK = 20_000, 16_384
"""Students below which a new DuckDB file is written in its smallest blocks."""
_LIMITS = {"students": (1, 900_000), "years": (1, 60), "campuses": (1, 50), "last_year": (1990, 2100), "seed": (0, 2**63 - 1)}
_TARGET = "sample_target"


@dataclass(frozen=True, slots=True)
class SampleSource:
    """One campus as it was written: the name its source may have, its schema, and the rows of its tables."""

    name: str
    schema: str
    rows: int

    def __str__(self) -> str:
        return self.schema


@dataclass(frozen=True, slots=True)
class SampleReport:
    """What was written, how long it took, and the date the sample speaks for."""

    sources: tuple[SampleSource, ...]
    rows: int
    seconds: float
    as_of: date


def write_sample(
    url: str | Url,
    *,
    students: int = 500,
    years: int = 12,
    campuses: int = 1,
    seed: int = 7,
    last_year: int = LAST_YEAR,
    schema: str = "negocio",
    replace: bool = False,
) -> SampleReport:
    """Write an invented university, shaped as SIU Guaraní 3, into DuckDB or PostgreSQL.

    The same arguments give the same rows on both, on any machine and any day.

    Parameters
    ----------
    url
        ``duckdb://<file>`` or ``postgres://<user>@<host>/<database>``.
    students
        Rows of ``sga_alumnos`` of each campus; a row of it brings about 150 in other tables.
    years
        Academic years covered, ``last_year`` included.
    campuses
        One is written into ``schema``, several into ``<schema>_sede1``, ``<schema>_sede2``, …
    seed
        Another seed, another university.
    replace
        Whether schemas that an earlier sample wrote may be dropped. Others never are.

    Raises
    ------
    UsageError
        If an argument is out of range, or a schema exists already and may not be replaced.
    WarehouseError
        If the database cannot be opened or written.

    Examples
    --------
    >>> write_sample("duckdb:///tmp/guarani.duckdb", students=50, replace=True).sources[0].schema
    'negocio'
    """
    given = {"students": students, "years": years, "campuses": campuses, "last_year": last_year, "seed": seed}
    _check(given)
    if not schema.isidentifier():
        raise UsageError(f"The schema {schema!r} is no plain name.", hint="Use letters, digits and underscores.")
    started = time.perf_counter()
    names = [schema] if campuses == 1 else [f"{schema}_sede{n}" for n in range(1, campuses + 1)]
    places = {name: Campus(seed, n, students, years, last_year) for n, name in enumerate(names, 1)}
    with _open(_address(url), small=students * campuses < SMALL) as target:
        _make_room(target, names, replace=replace)
        target.execute([statement for name, campus in places.items() for statement in _tables(campus, name)])
        sources = tuple(SampleSource(f"sede{c.number}", name, _fill(target, c, name)) for name, c in places.items())
    seconds = time.perf_counter() - started
    return SampleReport(sources, sum(s.rows for s in sources), seconds, date(last_year + 1, 3, 1))


def _check(given: dict[str, int]) -> None:
    for name, value in given.items():
        least, most = _LIMITS[name]
        if not least <= value <= most:
            raise UsageError(f"{name} = {value} is out of range.", hint=f"Give a number from {least} to {most}.")


def _address(url: str | Url) -> Url:
    if isinstance(url, Url):
        return url
    try:
        return Url.parse(url, SCHEMES)
    except ValueError as error:
        raise UsageError(f"The address of the sample {error}.", hint="Use duckdb://<file> or postgres://….") from None


# --- databases -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Target:
    """An open database, inside a transaction."""

    connection: duckdb.DuckDBPyConnection
    postgres: bool

    def execute(self, statements: Sequence[str]) -> None:
        """Run statements of the database's own dialect."""
        if self.postgres:
            self.connection.execute("CALL postgres_execute(?, ?)", [_TARGET, ";\n".join(statements)])
        else:
            for statement in statements:
                self.connection.execute(statement)

    def query(self, text: str) -> list[tuple[Any, ...]]:
        """Rows of a query in the database's own dialect."""
        if self.postgres:
            return self.connection.execute("FROM postgres_query(?, ?)", [_TARGET, text]).fetchall()
        return self.connection.execute(text).fetchall()

    def insert(self, schema: str, name: str, rows: pa.Table) -> None:
        """Append rows to a table; columns it has besides stay null."""
        # the bare stream: given the table itself, DuckDB imports pyarrow.dataset, and with it pandas, to look what it is
        self.connection.register("sample_rows", rows.__arrow_c_stream__())
        self.connection.execute(
            f"INSERT INTO {_TARGET}.{schema}.{name} ({', '.join(rows.column_names)}) SELECT * FROM sample_rows"
        )
        self.connection.unregister("sample_rows")


@contextmanager
def _open(url: Url, *, small: bool) -> Iterator[_Target]:
    """Open a database for one transaction: committed at the end, rolled back by any error."""
    if url.path is not None:
        with _in_file(url, access.followed(url.path), small=small) as target:
            yield target
        return
    try:
        connection = _connect_postgres(url)
    except duckdb.Error as error:
        raise WarehouseError(f"The sample cannot be written to {url}: {_first_line(error, url)}") from None
    with closing(connection), _transaction(connection, url):
        yield _Target(connection, postgres=True)


@contextmanager
def _in_file(url: Url, path: Path, *, small: bool) -> Iterator[_Target]:
    """Write into a file that nobody else sees, and give it its place when it is done."""
    with ExitStack() as stack:
        try:
            working = stack.enter_context(atomic.private_folder(path)) / path.name
            if path.exists():
                with duckdb.connect(str(path), read_only=True):  # nobody writes in it
                    copy_whole(path, working)
            connection = stack.enter_context(closing(_connect_duckdb(working, small=small)))
        except duckdb.Error as error:
            raise WarehouseError(f"The sample cannot be written to {url}: {_first_line(error, url)}") from None
        except OSError as error:
            raise WarehouseError(f"The sample cannot be written to {url}: {error.strerror}.") from None
        with _transaction(connection, url):
            yield _Target(connection, postgres=False)
        connection.close()
        access.restrict(working)
        access.keep(path, working)
        wal(path).unlink(missing_ok=True)  # what was in it is in the new file
        atomic.put(working, path)


@contextmanager
def _transaction(connection: duckdb.DuckDBPyConnection, url: Url) -> Iterator[None]:
    try:
        connection.execute("BEGIN")
        yield
        connection.execute("COMMIT")
    except duckdb.Error as error:
        raise WarehouseError(f"Writing the sample to {url} failed, nothing was kept: {_first_line(error, url)}") from None


def _connect_duckdb(path: Path, *, small: bool) -> duckdb.DuckDBPyConnection:
    # a table takes at least one block, and so does its key: 75 MB for the default sample, 12 MB in small blocks
    options = [f"STORAGE_VERSION '{STORAGE}'", *([f"BLOCK_SIZE {SMALL_BLOCK}"] if small else [])]
    made = "" if path.exists() else f" ({', '.join(options)})"
    connection = duckdb.connect()
    try:
        connection.execute(f"ATTACH {literal(str(path))} AS {_TARGET}{made}")
        connection.execute(f"USE {_TARGET}")
    except duckdb.Error:
        connection.close()
        raise
    return connection


def _connect_postgres(url: Url) -> duckdb.DuckDBPyConnection:
    # measured: DuckDB's binary COPY takes two thirds of the time of ADBC's, and words stay dictionaries on the way
    from padm_ibis.sources.postgres import load_reader

    connection = duckdb.connect()
    try:
        load_reader(connection)
        connection.execute(f"ATTACH {literal(url.libpq())} AS {_TARGET} (TYPE postgres)")
    except (duckdb.Error, PadmError):
        connection.close()
        raise
    return connection


def _first_line(error: Exception, url: Url) -> str:
    return hide(str(error).splitlines()[0], url.secrets)


# --- schemas ---------------------------------------------------------------------------------------


def _make_room(target: _Target, schemas: Sequence[str], *, replace: bool) -> None:
    """Drop samples in the way if that is allowed; refuse to touch anything else."""
    for schema in schemas:
        if not _tables_in(target, schema):
            continue
        if not _is_sample(target, schema):
            raise UsageError(
                f"The schema {schema} holds tables that no sample wrote.",
                hint="Choose another database: only a sample is ever replaced.",
            )
        if not replace:
            raise UsageError(
                f"The schema {schema} already holds a sample.",
                hint="Replace it (--replace), or choose another place.",
            )
        target.execute([f"DROP SCHEMA {schema} CASCADE"])


def _tables_in(target: _Target, schema: str) -> int:
    found = target.query(f"SELECT count(*) FROM information_schema.tables WHERE table_schema = '{schema}'")
    return int(found[0][0])


def _is_sample(target: _Target, schema: str) -> bool:
    comment = (
        f"SELECT obj_description(to_regclass('{schema}.{MARKED}'), 'pg_class')"
        if target.postgres
        else f"SELECT comment FROM duckdb_tables() WHERE schema_name = '{schema}' AND table_name = '{MARKED}'"
    )
    return any((text or "").startswith(MARK) for (text,) in target.query(comment))


def _tables(campus: Campus, schema: str) -> list[str]:
    tables = physical_tables(campus.variant).values()
    return [f"CREATE SCHEMA IF NOT EXISTS {schema}", *(t.ddl(f"{schema}.{t.name}") for t in tables)]


def _fill(target: _Target, campus: Campus, schema: str) -> int:
    """Load a campus's tables, then add keys and views; return the rows loaded."""
    rows = 0
    for name, content in campus_tables(campus):
        target.insert(schema, name, content)
        rows += content.num_rows
    tables = physical_tables(campus.variant).values()
    keys = [t.key_ddl(f"{schema}.{t.name}") for t in tables]
    # as on a server in use: without statistics the views of a whole university are planned as if they were empty
    known = [f"ANALYZE {schema}.{t.name}" for t in tables] if target.postgres else []
    target.execute([*keys, *known, *_views(campus, schema), _mark(campus, schema)])
    return rows


def _views(campus: Campus, schema: str) -> list[str]:
    today = (date(1970, 1, 1) + timedelta(days=campus.snapshot)).isoformat()
    selects = views(schema, with_regularities=not campus.variant, today=today)
    return [f"CREATE VIEW {schema}.{name} AS {select}" for name, select in selects.items()]


def _mark(campus: Campus, schema: str) -> str:
    size = f"{campus.students} students, {campus.years} years to {campus.last_year}"
    return f"COMMENT ON TABLE {schema}.{MARKED} IS '{MARK}: seed {campus.seed}, campus {campus.number}, {size}'"
