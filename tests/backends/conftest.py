"""Warehouses in databases of their own, on a real PostgreSQL."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from postgres_school import School


@pytest.fixture
def database(postgres_server: Any) -> Iterator[str]:
    """URL of an empty database."""
    name = f"wh_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(postgres_server.get_uri(), autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} TEMPLATE template0 LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8'")
        yield postgres_server.get_uri(database=name)
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def warehouse(tmp_path: Path, database: str) -> School:
    """The small school, not yet built."""
    return School(tmp_path, database)


@pytest.fixture
def built(warehouse: School) -> School:
    """The small school, built once."""
    assert warehouse.run().exit_code == 0
    return warehouse


@pytest.fixture
def role(postgres_server: Any) -> Iterator[Callable[[str], str]]:
    """Make a role of a new name that may log in; return its name."""
    made: list[str] = []
    with psycopg.connect(postgres_server.get_uri(), autocommit=True) as admin:

        def make(options: str = "") -> str:
            name = f"role_{uuid.uuid4().hex[:10]}"
            admin.execute(f"CREATE ROLE {name} LOGIN {options}")
            made.append(name)
            return name

        yield make
        databases = [n for (n,) in admin.execute("SELECT datname FROM pg_database WHERE datallowconn AND datname ~ '^wh_'")]
        for database in databases:
            with psycopg.connect(postgres_server.get_uri(database=database), autocommit=True) as there:
                for name in made:
                    there.execute(f"DROP OWNED BY {name} CASCADE")
        for name in made:
            admin.execute(f"DROP OWNED BY {name} CASCADE")
            admin.execute(f"DROP ROLE IF EXISTS {name}")
