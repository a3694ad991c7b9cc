"""A small school's warehouse in PostgreSQL: run it, look at it, do things to it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
import small_school as school

import padm_ibis as padm
from padm_ibis.config import load_config
from padm_ibis.report.run import RunReport

AS_OF = "2024-12-31"
Rows = list[tuple[Any, ...]]


class School:
    """A small school's warehouse in PostgreSQL: run it, look at it, do things to it."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder, self.url = folder, url
        self.source = school.write_school(folder / "north.duckdb")
        self.config = school.write_config(folder, self.source)

    def run(self, **options: Any) -> RunReport:
        return padm.run(**{"as_of": AS_OF, "config": self.config, "warehouse": self.url, **options})

    def change(self, pupils: Rows | None = None, marks: Rows | None = None) -> None:
        school.write_school(self.source, pupils, marks)

    def backend(self) -> Any:
        from padm_ibis.backends.base import backend_of

        return backend_of(load_config(self.config, None, self.url))

    def connect(self, **options: Any) -> psycopg.Connection[Any]:
        return psycopg.connect(self.url, autocommit=True, **options)

    def rows(self, query: str) -> Rows:
        with self.connect() as con:
            return con.execute(query).fetchall()

    def do(self, *statements: str) -> None:
        with self.connect() as con:
            for statement in statements:
                con.execute(statement)

    def schemas(self) -> set[str]:
        return {name for (name,) in self.rows("SELECT nspname FROM pg_namespace WHERE nspname !~ '^(pg_|information)'")}


def as_role(url: str, name: str) -> str:
    """Return the URL of the same database for another role."""
    return url.replace("postgresql://postgres:@", f"postgresql://{name}@")
