"""Roles that may log in and nothing else."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator

import psycopg
import pytest

Role = Callable[[], tuple[str, str]]


@pytest.fixture
def role(postgres_url: str) -> Iterator[Role]:
    """Make a role that may log in and nothing else; return its name and its URL of this module's database."""
    made: list[str] = []
    with psycopg.connect(postgres_url, autocommit=True) as admin:

        def make() -> tuple[str, str]:
            name = f"reader-{uuid.uuid4().hex[:8]}"
            admin.execute(f"CREATE ROLE \"{name}\" LOGIN PASSWORD 's3cr@t'")
            made.append(name)
            return name, postgres_url.replace("postgres:@", f"{name}:s3cr%40t@")

        yield make
        for name in made:
            admin.execute(f'DROP OWNED BY "{name}" CASCADE')
            admin.execute(f'DROP ROLE "{name}"')
