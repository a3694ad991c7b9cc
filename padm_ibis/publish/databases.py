"""The kinds of database that tables are read from and published to, behind one small face."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa

from padm_ibis.config import Config, Url
from padm_ibis.errors import UsageError, WarehouseBusy, WarehouseError
from padm_ibis.sources.values import literal, quote

if TYPE_CHECKING:
    from padm_ibis.backends.postgres.connection import Connection

BATCH_ROWS = 65_536


class DuckDBFile:
    """A DuckDB file."""

    dialect = "duckdb"

    def __init__(self, path: Path, *, read_only: bool) -> None:
        self.raw = duckdb.connect()
        try:
            self.raw.execute(f"ATTACH {literal(str(path))} AS published{' (READ_ONLY)' if read_only else ''}")
        except duckdb.IOException as error:
            self.raw.close()
            kind = WarehouseBusy if "lock" in str(error) else WarehouseError
            raise kind(f"{path} cannot be opened: {str(error).splitlines()[0]}") from None
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

    def close(self) -> None:
        """Close the file."""
        self.raw.close()


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
    """A PostgreSQL database: statements over psycopg, rows over ADBC."""

    dialect = "postgres"

    def __init__(self, config: Config, url: Url, *, read_only: bool) -> None:
        from padm_ibis.backends.postgres.connection import connect

        self.config = config.model_copy(update={"warehouse": config.warehouse.model_copy(update={"url": url})})
        self.url = url
        self.raw: Connection = connect(self.config, run=not read_only)

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Run one statement and return its rows."""
        cursor = self.raw.execute(sql)
        return cursor.fetchall() if cursor.description else []

    def columns(self, table: str) -> pa.Schema:
        """Return the columns of a table."""
        with self._copying(f"SELECT * FROM {table} LIMIT 0") as reader:
            return _numbers(reader.schema)

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
        import adbc_driver_postgresql.dbapi

        with adbc_driver_postgresql.dbapi.connect(self.url.reveal()) as con, con.cursor() as cursor:
            cursor.execute(sql)
            yield cursor.fetch_record_batch()

    def place(self, schema: str, name: str) -> str:
        """Return the qualified and quoted name of a table."""
        return f"{quote(schema)}.{quote(name)}"

    def exists(self, schema: str, name: str) -> bool:
        """Whether there is such a table."""
        return bool(self.raw.execute("SELECT to_regclass(%s)", [self.place(schema, name)]).fetchall()[0][0])

    def write(self, schema: str, name: str, rows: pa.RecordBatchReader) -> None:
        """Make a table of a stream of rows, by COPY."""
        import adbc_driver_postgresql.dbapi

        with adbc_driver_postgresql.dbapi.connect(self.url.reveal()) as con, con.cursor() as cursor:
            cursor.adbc_ingest(name, rows, mode="create", db_schema_name=schema)
            con.commit()

    def close(self) -> None:
        """Close the connection."""
        self.raw.close()


Database = DuckDBFile | SQLiteFile | PostgresDatabase


@contextmanager
def source_of(config: Config) -> Iterator[DuckDBFile | PostgresDatabase]:
    """Open the warehouse to publish from, read-only."""
    url = config.warehouse.url
    if url.path is not None and not url.path.is_file():
        raise WarehouseError(f"There is no warehouse at {url.path}.", hint="Build one first: padm-ibis run")
    database = PostgresDatabase(config, url, read_only=True) if url.path is None else DuckDBFile(url.path, read_only=True)
    try:
        yield database
    finally:
        database.close()


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
