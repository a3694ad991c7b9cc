"""A second database on the session's server: what is published to."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest


@pytest.fixture
def mirror(postgres_server: Any) -> Iterator[str]:
    """URL of an empty database to publish to."""
    name = f"mirror_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(postgres_server.get_uri(), autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} TEMPLATE template0")
        yield postgres_server.get_uri(database=name)
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
