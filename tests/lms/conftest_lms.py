"""A Moodle in a real PostgreSQL, and a warehouse's bronze that is loaded from it."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import psycopg
import pytest
from definitions import statements
from psycopg import sql

from padm_ibis.backends.duckdb import DuckDBStore
from padm_ibis.backends.postgres import PostgresBackend
from padm_ibis.config import Config, load_config
from padm_ibis.extract import Extraction, extract
from padm_ibis.sources.postgres import load_reader

KEY = "a long random key for tests"
ZONE = ZoneInfo("America/Argentina/Buenos_Aires")
LOADER = ("source_db", "_extracted_at", "_run_id")
VIEWED = {"component": "mod_page", "action": "viewed", "target": "course_module", "crud": "r", "edulevel": 2, "origin": "web"}


def at(text: str) -> int:
    """The seconds since 1970 of a wall clock in the platform's zone."""
    return int(dt.datetime.fromisoformat(text).replace(tzinfo=ZONE).timestamp())


def when(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)


class Moodle:
    """One platform: a schema of the test server with the tables of a version."""

    def __init__(self, url: str, version: str = "5.1", prefix: str = "mdl_", without: tuple[str, ...] = ()) -> None:
        self.url, self.version, self.prefix = url, version, prefix
        self.schema = f"moodle_{uuid.uuid4().hex[:8]}"
        self.con = psycopg.connect(url, autocommit=True)
        self.sql(f'CREATE SCHEMA "{self.schema}"')
        self.sql(f'SET search_path TO "{self.schema}"')
        for statement in statements(version, prefix, without):
            self.sql(statement)
        self.add("course", {"id": 1, "fullname": "Aula virtual", "category": 0})
        for number, name, archetype in (
            (1, "manager", "manager"),
            (3, "editingteacher", "editingteacher"),
            (5, "student", "student"),
        ):
            self.add("role", {"id": number, "shortname": name, "archetype": archetype, "sortorder": number})

    def sql(self, statement: str, values: Sequence[Any] | None = None) -> list[tuple[Any, ...]]:
        cursor = self.con.execute(statement.replace("mdl_", self.prefix), values)  # type: ignore[arg-type]
        return cursor.fetchall() if cursor.description else []

    def add(self, table: str, *rows: dict[str, Any]) -> None:
        for row in rows:
            names = sql.SQL(", ").join(map(sql.Identifier, row))
            places = sql.SQL(", ").join(sql.Placeholder() * len(row))
            self.con.execute(
                sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(sql.Identifier(f"{self.prefix}{table}"), names, places),
                [
                    at(value) if isinstance(value, str) and value[:2] == "20" and value[4:5] == "-" else value
                    for value in row.values()
                ],
            )

    def user(self, id: int, **more: Any) -> None:
        self.add("user", {"id": id, "username": f"user{id}", "timecreated": "2019-03-01", **more})

    def course(self, id: int, **more: Any) -> None:
        self.add("course", {"id": id, "category": 4, "fullname": f"Curso {id}", "shortname": f"C{id}", **more})
        self.add("context", {"id": 100 + id, "contextlevel": 50, "instanceid": id})

    def role(self, user: int, course: int, role: int, since: str, **more: Any) -> None:
        self.add("role_assignments", {"userid": user, "contextid": 100 + course, "roleid": role, "timemodified": since, **more})

    def log(self, user: int, course: int | None, when: str | int, **more: Any) -> None:
        self.add("logstore_standard_log", {**VIEWED, "userid": user, "courseid": course, "timecreated": when, **more})


class Bronze:
    """A warehouse's bronze, loaded as a run would; looked at through DuckDB wherever it is kept."""

    def __init__(self, folder: Path, moodle: Moodle, warehouse: str | None = None) -> None:
        self.folder, self.moodle, self.warehouse = folder, moodle, warehouse
        self.file = folder / "work.duckdb"
        self.options = ""
        self.runs = 0

    def config(self) -> Config:
        path = self.folder / "padm.toml"
        path.write_text(
            f'[warehouse]\nurl = "duckdb://{self.folder}/warehouse.duckdb"\n[privacy]\nhash_key = "{KEY}"\n'
            f'[sources.campus]\nkind = "moodle"\nurl = "{self.moodle.url}"\nschema = "{self.moodle.schema}"\n'
            f'prefix = "{self.moodle.prefix}"\nconnect_retries = 0\n{self.options}',
            encoding="utf-8",
        )
        return load_config(path, None, self.warehouse)

    def load(self, *resources: str, **options: Any) -> Extraction:
        """Load the named tables, or all."""
        self.runs += 1
        config, given = self.config(), {"resources": resources or None, **options}
        if self.warehouse is None:
            with duckdb.connect(str(self.file)) as con:
                found = extract(DuckDBStore(con), config, f"run{self.runs}", **given)
        else:
            with PostgresBackend(config).open() as work:
                found = extract(work.store(), config, f"run{self.runs}", **given)
        assert not found.failures, found.failures
        return found

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self.file)) as con:
            if self.warehouse is not None:
                load_reader(con)
                con.execute(f"ATTACH '{self.warehouse}' AS warehouse (TYPE postgres)")
                con.execute("USE warehouse")
            return con.execute(statement).fetchall()

    def rows(self, resource: str, columns: str = "") -> list[tuple[Any, ...]]:
        """Rows of a bronze table, without the loader's columns unless asked for, in order."""
        chosen = columns or f"* EXCLUDE ({', '.join(LOADER)}, _ausente_desde)"
        return self.query(f"SELECT {chosen} FROM bronze.{resource} ORDER BY ALL")


def note(found: Extraction, resource: str) -> str:
    (report,) = (item for item in found.inputs if item.resource == resource)
    return report.note


@pytest.fixture
def moodle(postgres_url: str) -> Iterator[Moodle]:
    found = Moodle(postgres_url)
    yield found
    found.con.close()


@pytest.fixture
def bronze(tmp_path: Path, moodle: Moodle, request: pytest.FixtureRequest) -> Bronze:
    if getattr(request, "param", "duckdb") == "duckdb":
        return Bronze(tmp_path, moodle)
    moodle.sql("DROP SCHEMA IF EXISTS bronze, _padm CASCADE")  # the warehouse shares the platform's database
    return Bronze(tmp_path, moodle, moodle.url)


on_both = pytest.mark.parametrize("bronze", ["duckdb", "postgres"], indirect=True)
