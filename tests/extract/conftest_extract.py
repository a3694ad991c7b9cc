"""Campuses in a real PostgreSQL, and a warehouse's bronze that is loaded from them."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import duckdb
import psycopg
import pytest
from psycopg import sql

from padm_ibis.backends.duckdb import DuckDBStore
from padm_ibis.config import Config, load_config
from padm_ibis.extract import Extraction, extract

KEY = "a long random key for tests"
SCHEMA = """
CREATE TABLE marks (id bigint PRIMARY KEY, student int, at timestamp, mark varchar(40), points numeric, day date);
CREATE TABLE people (person int PRIMARY KEY, name text, document varchar(20), mail text);
CREATE TABLE events (student int, at timestamptz, reason text, kind char(1));
CREATE TABLE history (id int, day date, note text);
"""
LOADER = ("source_db", "_extracted_at", "_run_id")


class Campus:
    """One schema of the test server."""

    def __init__(self, url: str, name: str) -> None:
        self.name, self.schema = name, f"{name}_{uuid.uuid4().hex[:8]}"
        self.con = psycopg.connect(url, autocommit=True)
        self.sql(f'CREATE SCHEMA "{self.schema}"')
        self.sql(f'SET search_path TO "{self.schema}"')
        self.sql("SET TimeZone TO 'America/Argentina/Buenos_Aires'")
        self.sql(SCHEMA)

    def sql(self, statement: str, values: Sequence[Any] | None = None) -> list[tuple[Any, ...]]:
        cursor = self.con.execute(statement, values)  # type: ignore[arg-type]
        return cursor.fetchall() if cursor.description else []

    def add(self, table: str, *rows: dict[str, Any]) -> None:
        for row in rows:
            names = sql.SQL(", ").join(map(sql.Identifier, row))
            places = sql.SQL(", ").join(sql.Placeholder() * len(row))
            self.con.execute(
                sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(sql.Identifier(table), names, places), list(row.values())
            )

    def mark(self, id: int, at: str | None, mark: str | None = "7", **more: Any) -> None:
        self.add("marks", {"id": id, "student": id, "at": at, "mark": mark, **more})


class Bronze:
    """A warehouse's bronze, loaded as a run would."""

    def __init__(self, folder: Path, url: str, *campuses: Campus) -> None:
        self.folder, self.url, self.campuses = folder, url, campuses
        self.file = folder / "work.duckdb"
        self.key: str | None = KEY
        self.options: dict[str, str] = {}
        self.urls: dict[str, str] = {}
        self.runs = 0

    def config(self, *names: str) -> Config:
        parts = [f'[warehouse]\nurl = "duckdb://{self.folder}/warehouse.duckdb"']
        if self.key is not None:
            parts.append(f'[privacy]\nhash_key = "{self.key}"')
        for campus in self.campuses:
            if not names or campus.name in names:
                parts.append(
                    f'[sources.{campus.name}]\nkind = "campus"\nurl = "{self.urls.get(campus.name, self.url)}"\n'
                    f'schema = "{campus.schema}"\nconnect_retries = 0\n{self.options.get(campus.name, self.options.get("", ""))}'
                )
        path = self.folder / "padm.toml"
        path.write_text("\n".join(parts), encoding="utf-8")
        return load_config(path)

    def load(self, *names: str, **options: Any) -> Extraction:
        """Load the named campuses, or all."""
        self.runs += 1
        with duckdb.connect(str(self.file)) as con:
            return extract(DuckDBStore(con), self.config(*names), f"run{self.runs}", **options)

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self.file)) as con:
            return con.execute(statement).fetchall()

    def rows(self, resource: str, source_db: str | None = None, columns: str = "") -> list[tuple[Any, ...]]:
        """Rows of a bronze table without the loader's columns, in order."""
        where = f"WHERE source_db = '{source_db}'" if source_db else ""
        chosen = ", ".join(f'"{c}"' for c in columns.split(", ")) if columns else f"* EXCLUDE ({', '.join(LOADER)})"
        return self.query(f"SELECT {chosen} FROM bronze.{resource} {where} ORDER BY ALL")

    def ids(self, resource: str = "marks", source_db: str | None = None) -> list[int]:
        return [row[0] for row in self.rows(resource, source_db, "id")]


@pytest.fixture
def campus(postgres_url: str) -> Iterator[Campus]:
    found = Campus(postgres_url, "north")
    yield found
    found.con.close()


@pytest.fixture
def other(postgres_url: str) -> Iterator[Campus]:
    found = Campus(postgres_url, "south")
    yield found
    found.con.close()


@pytest.fixture
def bronze(tmp_path: Path, postgres_url: str, campus: Campus) -> Bronze:
    return Bronze(tmp_path, postgres_url, campus)


@pytest.fixture
def both(tmp_path: Path, postgres_url: str, campus: Campus, other: Campus) -> Bronze:
    return Bronze(tmp_path, postgres_url, campus, other)


def at_database(url: str, name: str) -> str:
    """Return the address of another database of the same server."""
    return urlsplit(url)._replace(path=f"/{name}").geturl()


def changed(found: Extraction) -> dict[str, int]:
    """Rows that changed, by resource, where any did."""
    totals: dict[str, int] = {}
    for item in found.inputs:
        totals[item.resource] = totals.get(item.resource, 0) + item.changed
    return {name: n for name, n in totals.items() if n}
