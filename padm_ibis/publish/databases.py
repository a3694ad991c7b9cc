"""The kinds of database that tables are read from and published to, behind one small face."""

from __future__ import annotations

import copy
import math
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa

from padm_ibis.access import followed
from padm_ibis.backends.duckdb.connection import explained
from padm_ibis.backends.duckdb.shown import newest, read
from padm_ibis.config import Config, Url
from padm_ibis.errors import UsageError, WarehouseMissing
from padm_ibis.sources.connection import CONNECTION
from padm_ibis.sources.values import literal, quote

if TYPE_CHECKING:
    from padm_ibis.backends.postgres.connection import Connection

# Of DuckDB: rows stream through, but pages of the file stay, and a table of 150 columns is written a row group at a time.
READING, WRITING = "128MB", "1GB"
BATCH_ROWS = 16_384  # a batch of a table of 150 columns is then some 20 MB


class DuckDBFile:
    """A DuckDB file."""

    dialect = "duckdb"

    def __init__(self, path: Path, *, read_only: bool) -> None:
        self._spill = tempfile.TemporaryDirectory(prefix="padm-publish-")
        self.raw = duckdb.connect(config={"memory_limit": READING if read_only else WRITING, "temp_directory": self._spill.name})
        try:
            self.raw.execute(f"ATTACH {literal(str(path))} AS published{' (READ_ONLY)' if read_only else ''}")
        except duckdb.IOException as error:
            self.close()
            raise explained(error, path) from None
        self.raw.execute("USE published")

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Run one statement and return its rows."""
        return self.raw.execute(sql).fetchall()

    def columns(self, table: str) -> pa.Schema:
        """Return the columns of a table."""
        return self.read(f"SELECT * FROM {table} LIMIT 0").schema

    def read(self, sql: str) -> pa.RecordBatchReader:
        """Stream the rows of a query."""
        return self.raw.execute(sql).to_arrow_reader(BATCH_ROWS)

    def place(self, schema: str, name: str) -> str:
        """Return the qualified and quoted name of a table."""
        return f"{quote(schema)}.{quote(name)}"

    def exists(self, schema: str, name: str) -> bool:
        """Whether there is such a table."""
        found = "SELECT 1 FROM duckdb_tables() WHERE database_name = 'published' AND schema_name = ? AND table_name = ?"
        return bool(self.raw.execute(found, [schema, name]).fetchall())

    def write(self, schema: str, name: str, rows: pa.RecordBatchReader) -> None:
        """Make a table of a stream of rows."""
        self.raw.execute(f"CREATE SCHEMA IF NOT EXISTS {quote(schema)}")
        self.raw.register("incoming", rows)
        self.raw.execute(f"CREATE OR REPLACE TABLE {self.place(schema, name)} AS SELECT * FROM incoming")
        self.raw.unregister("incoming")

    @contextmanager
    def beside(self) -> Iterator[DuckDBFile]:
        """Another session on the same file, for another thread."""
        other = copy.copy(self)
        other.raw = self.raw.cursor()
        other.raw.execute("USE published")
        try:
            yield other
        finally:
            other.raw.close()

    def close(self) -> None:
        """Close the file."""
        self.raw.close()
        self._spill.cleanup()


class SQLiteFile:
    """A SQLite file; it has no schemas, dates are ISO text, booleans 0 or 1, decimals reals."""

    dialect = "sqlite"

    def __init__(self, path: Path, *, read_only: bool) -> None:
        self.path = path
        self.raw = sqlite3.connect(f"file:{path}?mode=ro" if read_only else str(path), uri=read_only, isolation_level=None)
        self.raw.execute("PRAGMA legacy_alter_table = ON")  # renaming a table leaves the views that name it alone
        # not every build of SQLite has it
        self.raw.create_function("floor", 1, lambda number: None if number is None else math.floor(number), deterministic=True)

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Run one statement and return its rows."""
        return self.raw.execute(sql).fetchall()

    def columns(self, table: str) -> pa.Schema:
        """Return the names of the columns; SQLite knows no types."""
        cursor = self.raw.execute(f"SELECT * FROM {table} LIMIT 0")
        return pa.schema([(name, pa.null()) for name, *_ in cursor.description])

    def read(self, sql: str) -> pa.RecordBatchReader:
        """SQLite is only published to."""
        raise UsageError("Tables are published to SQLite, not from it.")

    def place(self, schema: str, name: str) -> str:
        """Return the quoted name of a table."""
        return quote(name)

    def exists(self, schema: str, name: str) -> bool:
        """Whether there is such a table."""
        return bool(self.raw.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", [name]).fetchall())

    def write(self, schema: str, name: str, rows: pa.RecordBatchReader) -> None:
        """Make a table of a stream of rows."""
        import adbc_driver_sqlite.dbapi

        self.raw.execute(f"DROP TABLE IF EXISTS {quote(name)}")
        reals = pa.schema([f.with_type(pa.float64()) if pa.types.is_decimal(f.type) else f for f in rows.schema])
        rows = rows.cast(reals)
        with adbc_driver_sqlite.dbapi.connect(str(self.path)) as con, con.cursor() as cursor:
            cursor.adbc_ingest(name, rows, mode="create")
            con.commit()

    def close(self) -> None:
        """Close the file."""
        self.raw.close()


class PostgresDatabase:
    """A PostgreSQL database: statements and the rows it gets over psycopg, the rows it gives over ADBC."""

    dialect = "postgres"

    def __init__(self, config: Config, url: Url, *, read_only: bool, called: str = "warehouse") -> None:
        from padm_ibis.backends.postgres.connection import connect

        self.config = config.model_copy(update={"warehouse": config.warehouse.model_copy(update={"url": url})})
        self.url, self.read_only, self.called = url, read_only, called
        self.raw: Connection = connect(self.config, run=not read_only, called=called)
        self._asking: Any = None  # a session for `columns`: opening one takes longer than what is asked

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Run one statement and return its rows."""
        cursor = self.raw.execute(sql)
        return cursor.fetchall() if cursor.description else []

    def columns(self, table: str) -> pa.Schema:
        """Return the columns of a table."""
        if self._asking is None:
            self._asking = self._connect(autocommit=True)
        with self._asking.cursor() as cursor:
            cursor.execute(f"SELECT * FROM {table} LIMIT 0")
            return _numbers(cursor.fetch_record_batch().schema)

    def read(self, sql: str) -> pa.RecordBatchReader:
        """Stream the rows of a query; numerics come as decimals, or as float64 where they have no declared scale."""
        schema = self.columns(f"({sql}) AS q")

        def batches() -> Iterator[pa.RecordBatch]:
            with self._copying(sql) as reader:
                for batch in reader:
                    yield pa.RecordBatch.from_arrays(
                        [_plain(array).cast(field.type) for array, field in zip(batch.columns, schema, strict=True)],
                        schema=schema,
                    )

        return pa.RecordBatchReader.from_batches(schema, batches())

    @contextmanager
    def _copying(self, sql: str) -> Iterator[pa.RecordBatchReader]:
        with self._connect(autocommit=False) as con, con.cursor() as cursor:
            cursor.execute(sql)
            yield cursor.fetch_record_batch()

    def _connect(self, *, autocommit: bool) -> Any:
        import adbc_driver_postgresql.dbapi

        address = self.url.libpq(CONNECTION, application_name="padm-ibis", client_encoding="UTF8")
        return adbc_driver_postgresql.dbapi.connect(address, autocommit=autocommit)

    def place(self, schema: str, name: str) -> str:
        """Return the qualified and quoted name of a table."""
        return f"{quote(schema)}.{quote(name)}"

    def exists(self, schema: str, name: str) -> bool:
        """Whether there is such a table."""
        return bool(self.raw.execute("SELECT to_regclass(%s)", [self.place(schema, name)]).fetchall()[0][0])

    def write(self, schema: str, name: str, rows: pa.RecordBatchReader) -> None:
        """Make a table of a stream of rows, by binary COPY."""
        from pgpq import ArrowToPostgresBinaryEncoder

        table, encoder = self.place(schema, name), ArrowToPostgresBinaryEncoder(rows.schema)
        columns = ", ".join(f"{quote(column)} {kind}" for column, kind in column_types(rows.schema).items())
        with self.raw.transaction(), self.raw.cursor() as cursor:
            cursor.execute(f"CREATE TABLE {table} ({columns})")
            # Frozen rows are not written a second time by whoever reads them first; they need a table of this transaction.
            with cursor.copy(f"COPY {table} FROM STDIN (FORMAT binary, FREEZE)") as copy:
                copy.write(encoder.write_header())
                for batch in rows:
                    copy.write(encoder.write_batch(batch))
                copy.write(encoder.finish())

    @contextmanager
    def beside(self) -> Iterator[PostgresDatabase]:
        """Another session on the same database, for another thread."""
        with closing(PostgresDatabase(self.config, self.url, read_only=self.read_only, called=self.called)) as other:
            yield other

    def interrupt(self) -> None:
        """End what another thread is doing on this connection."""
        import psycopg

        with suppress(psycopg.Error):
            self.raw.cancel_safe(timeout=5)

    def close(self) -> None:
        """Close the connection."""
        self.raw.close()
        if self._asking is not None:
            self._asking.close()


Source = DuckDBFile | PostgresDatabase
Database = Source | SQLiteFile


@contextmanager
def source_of(config: Config) -> Iterator[Source]:
    """Open the warehouse to publish from, read-only."""
    url = config.warehouse.url
    if url.path is None:
        database: Source = PostgresDatabase(config, url, read_only=True)
    else:
        path = followed(url.path)
        if not newest(path):
            raise WarehouseMissing(f"There is no warehouse at {path}.", hint="Build one first: padm-ibis run")
        database = read(path, lambda file: DuckDBFile(file, read_only=True))
    with closing(database):
        yield database


@contextmanager
def published_at(config: Config, url: Url) -> Iterator[Database]:
    """Open what is published at ``url``, read-only."""
    database: Database
    if url.path is None:
        database = PostgresDatabase(config, url, read_only=True, called="target")
    elif url.path.is_file():
        database = (DuckDBFile if url.scheme == "duckdb" else SQLiteFile)(followed(url.path), read_only=True)
    else:
        raise UsageError(f"There is nothing published at {url.path}.")
    with closing(database):
        yield database


def column_types(columns: pa.Schema) -> dict[str, str]:
    """Return what PostgreSQL calls the types of columns."""
    import ibis

    from padm_ibis.define.compile import type_name

    kinds = ibis.Schema.from_pyarrow(columns).items()
    # a timestamp of microseconds is the plain one
    return {name: type_name(kind.copy(scale=None) if kind.is_timestamp() else kind, "postgres") for name, kind in kinds}


def _numbers(schema: pa.Schema) -> pa.Schema:
    """The schema with numerics as numbers: ADBC hands them over as text in an opaque type."""
    return pa.schema([pa.field(f.name, _number(f) if isinstance(f.type, pa.BaseExtensionType) else f.type) for f in schema])


def _number(field: pa.Field) -> pa.DataType:
    """``numeric(12,2)`` is a decimal of that size; typmod holds both numbers, four too high."""
    typmod = int((field.metadata or {}).get(b"POSTGRESQL:typmod", b"-1"))
    if typmod < 4:
        return pa.float64()
    precision, scale = (typmod - 4) >> 16, (typmod - 4) & 0x7FF
    return pa.decimal128(precision, scale) if precision <= 38 else pa.float64()


def _plain(array: pa.Array) -> pa.Array:
    return array.storage if isinstance(array, pa.ExtensionArray) else array
