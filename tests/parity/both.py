"""The same bronze tables, every model built on DuckDB and on PostgreSQL, compared bit by bit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import duckdb
import numpy as np
import psycopg
import pyarrow as pa
from allowed import ALLOWED

from padm_ibis.define import contract as contracts
from padm_ibis.define.compile import create_table_as, sql, type_name
from padm_ibis.define.graph import Graph
from padm_ibis.define.model import Model
from padm_ibis.definitions import collect
from padm_ibis.params import Params
from padm_ibis.sources.postgres import load_reader
from padm_ibis.sources.values import literal, quote


@dataclass
class Comparison:
    """What comparing two warehouses found."""

    tables: int = 0
    rows: int = 0
    values: int = 0
    different: list[str] = field(default_factory=list)
    allowed: dict[tuple[str, str], int] = field(default_factory=dict)

    def add(self, name: str, key: tuple[str, ...], left: pa.Table, right: pa.Table) -> None:
        """Compare one table."""
        self.tables += 1
        self.rows += left.num_rows
        self.values += left.num_rows * left.num_columns
        for column, text in differences(name, key, left, right):
            if (name, column) in ALLOWED:
                self.allowed[name, column] = self.allowed.get((name, column), 0) + 1
            else:
                self.different.append(text)

    def __str__(self) -> str:
        listed = "\n".join(f"  {t}.{c}: {n} times: {ALLOWED[t, c]}" for (t, c), n in sorted(self.allowed.items()))
        counts = f"{self.tables} tables, {self.rows:,} rows, {self.values:,} values equal to the bit"
        return f"{counts}; allowed differences: {listed or 'none'}"


def differences(name: str, key: tuple[str, ...], left: pa.Table, right: pa.Table) -> Iterator[tuple[str, str]]:
    """Yield column and words for whatever differs: columns, types, row sets, values to the last bit."""
    if left.schema.names != right.schema.names:
        yield "", f"{name}: columns {left.schema.names} and {right.schema.names}"
        return
    for mine, other in zip(left.schema, right.schema, strict=True):
        if mine.type != other.type:
            yield mine.name, f"{name}.{mine.name}: {mine.type} and {other.type}"
    if left.num_rows != right.num_rows:
        yield "", f"{name}: {left.num_rows} rows and {right.num_rows}"
        return
    order = [(column, "ascending") for column in key]
    left, right = (t.sort_by(order).combine_chunks() for t in (left, right))
    for column in left.schema.names:
        a, b = (_bits(t.column(column)) for t in (left, right))
        if not a.equals(b):
            at = next(i for i in range(len(a)) if a[i].as_py() != b[i].as_py())
            where = {k: left.column(k)[at].as_py() for k in key}
            yield column, f"{name}.{column}: {left.column(column)[at]} and {right.column(column)[at]} at {where}"


def _bits(column: pa.ChunkedArray) -> pa.Array:
    """A column as an array; floats as their bits, so that 0.0 is not -0.0."""
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if not pa.types.is_floating(array.type):
        return array
    missing = np.asarray(array.is_null())
    return pa.array(array.fill_null(0.0).to_numpy(zero_copy_only=False).view(np.int64), mask=missing)


class Both:
    """An empty DuckDB, and an empty PostgreSQL database."""

    def __init__(self, url: str, graph: Graph | None = None) -> None:
        self.url = url
        self.graph: Graph = graph or collect()
        self.duck = duckdb.connect()
        load_reader(self.duck)
        self.postgres = psycopg.connect(url, autocommit=True)
        self.duck.execute(f"ATTACH {literal(url)} AS pg (TYPE postgres)")
        for schema in ("bronze", "silver", "gold"):
            self.duck.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
            self.postgres.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")
            self.postgres.execute(f"CREATE SCHEMA {schema}")

    def close(self) -> None:
        """Give both back."""
        self.duck.close()
        self.postgres.close()

    def load(self, bronze: Mapping[str, pa.Table], params: Params) -> None:
        """Fill bronze on both sides."""
        for model in self.graph.of("bronze"):
            schema = contracts.schema(model.contract, params)
            rows = bronze.get(model.name, schema.to_pyarrow().empty_table())
            collated = {True: ' COLLATE "C"', False: ""}
            columns = ", ".join(f"{quote(n)} {type_name(k, 'postgres')}{collated[k.is_string()]}" for n, k in schema.items())
            self.postgres.execute(f"CREATE TABLE bronze.{quote(model.name)} ({columns})")
            self.duck.register("given", rows)
            self.duck.execute(create_table_as("bronze", model.name, "SELECT * FROM given", schema, "duckdb"))
            self.duck.execute(f"INSERT INTO pg.bronze.{quote(model.name)} SELECT * FROM bronze.{quote(model.name)}")
            self.duck.unregister("given")
            self.postgres.execute(f"ANALYZE bronze.{quote(model.name)}")

    def build(self, params: Params) -> Comparison:
        """Build silver and gold on both sides and compare every table as soon as it is there."""
        comparison = Comparison()
        for model in self.graph:
            if model.layer != "bronze":
                schema = contracts.schema(model.contract, params)
                expression = self.graph.bind(model, params)
                for con, dialect in ((self.duck, "duckdb"), (self.postgres, "postgres")):
                    con.execute(create_table_as(model.layer, model.name, sql(expression, dialect), schema, dialect))
                self.postgres.execute(f"ANALYZE {model.layer}.{quote(model.name)}")
                comparison.add(model.name, model.grain, *self.read(model))
        return comparison

    def read(self, model: Model) -> tuple[pa.Table, pa.Table]:
        """Return a table as both sides have it."""
        place = f"{model.layer}.{quote(model.name)}"
        self.duck.execute("CALL pg_clear_cache()")
        mine, other = (self.duck.execute(f"SELECT * FROM {side}{place}").to_arrow_table() for side in ("", "pg."))
        return mine, other
