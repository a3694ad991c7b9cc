"""The extraction's own tests, on bronze in a PostgreSQL warehouse: the same loads leave the same rows."""

from __future__ import annotations

import inspect
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import pytest

from padm_ibis.backends.postgres import PostgresBackend
from padm_ibis.config import Config, load_config
from padm_ibis.extract import Extraction, extract
from padm_ibis.sources.postgres import load_reader

sys.path.insert(0, str(Path(__file__).parents[1] / "extract"))

import test_drift
import test_failures
import test_loading
import test_values
from conftest_extract import Bronze, Campus, campus, other  # noqa: F401

pytestmark = [pytest.mark.postgres, pytest.mark.campaign]

ELSEWHERE = {
    "test_identifiers_never_land_in_clear": "reads the DuckDB file; see below",
    "test_all_statements_of_a_source_see_one_snapshot": "steps into the DuckDB store",
}


class PostgresBronze(Bronze):
    """Bronze in PostgreSQL, looked at through DuckDB: a test asks both in one language."""

    warehouse = ""

    def config(self, *names: str) -> Config:
        super().config(*names)
        return load_config(self.folder / "padm.toml", None, self.warehouse)

    def load(self, *names: str, **options: Any) -> Extraction:
        self.runs += 1
        config = self.config(*names)
        with PostgresBackend(config).open() as work:
            return extract(work.store(), config, f"run{self.runs}", **options)

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        with duckdb.connect() as con:
            load_reader(con)
            con.execute(f"ATTACH '{self.warehouse}' AS warehouse (TYPE postgres)")
            con.execute("USE warehouse")
            return con.execute(statement).fetchall()


@pytest.fixture(scope="module")
def warehouse_url(postgres_server: Any) -> Iterator[str]:
    name = f"bronze_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(postgres_server.get_uri(), autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} TEMPLATE template0")
        yield postgres_server.get_uri(database=name)
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def bronze(tmp_path: Path, postgres_url: str, campus: Campus, warehouse_url: str) -> Bronze:  # noqa: F811
    with psycopg.connect(warehouse_url) as con:
        con.execute("DROP SCHEMA IF EXISTS bronze, _padm CASCADE")
    found = PostgresBronze(tmp_path, postgres_url, campus)
    found.warehouse = warehouse_url
    return found


for module in (test_loading, test_values, test_drift, test_failures):
    for name, function in list(vars(module).items()):
        if name.startswith("test_") and "bronze" in inspect.signature(function).parameters and name not in ELSEWHERE:
            globals()[name] = function


def test_nothing_of_a_person_is_in_the_server_in_clear(bronze: Bronze, campus: Campus) -> None:  # noqa: F811
    campus.add("people", {"person": 1, "name": "A", "document": "DNI 00.123.456", "mail": "  Ana@Example.ORG "})
    bronze.load()
    assert len(bronze.rows("people", columns="document_hash")[0][0]) == 64
    tables = bronze.query("SELECT schema_name || '.' || table_name FROM duckdb_tables() WHERE schema_name IN ('bronze', '_padm')")
    content = "".join(str(bronze.query(f"FROM {name}")) for (name,) in tables)
    assert len(tables) > 5
    assert not any(secret in content for secret in ("123.456", "Example", "ana@"))


def test_texts_arrive_as_they_are(bronze: Bronze, campus: Campus) -> None:  # noqa: F811
    texts = ["", " ", "NULL", "\\N", '"', '""', "a,b", "a\nb", "a\r\nb", "\t", "O'Higgins", "ñÑ€😀", None, "\\.", "'"]
    for number, text in enumerate(texts):
        campus.mark(number, "2020-01-01", text)
    bronze.load()
    with psycopg.connect(bronze.warehouse) as con:  # type: ignore[attr-defined]
        assert con.execute("SELECT id, mark FROM bronze.marks ORDER BY id").fetchall() == list(enumerate(texts))
    assert sum(i.changed for i in bronze.load(full_refresh=True).inputs) == 0, "what is equal is not written again"


def test_a_run_that_reconciles_finds_what_is_missing_left_over_and_different(bronze: Bronze, campus: Campus) -> None:  # noqa: F811
    bronze.options[""] = 'sync = "off"'
    for number, text in enumerate(["Ana", "", None, "a\nb", "ñ,€"]):
        campus.add("people", {"person": number, "name": text, "document": str(number)})
    for number in range(4):
        campus.mark(number, "2014-03-01", points="7.250000", day="2014-03-01")
    campus.mark(9, "2024-03-01")
    assert [c for c in bronze.load(reconcile=True).checks if "reconcile" in c.rule] == []
    with psycopg.connect(bronze.warehouse, autocommit=True) as con:  # type: ignore[attr-defined]
        con.execute("DELETE FROM bronze.marks WHERE id = 0")
        con.execute("UPDATE bronze.marks SET mark = 'x' WHERE id = 1")
    campus.sql("DELETE FROM marks WHERE id = 2")
    found = {c.rule: (c.verdict, c.failed, c.rows) for c in bronze.load(reconcile=True).checks if "reconcile" in c.rule}
    assert found == {
        "reconcile_missing": ("error", 1, ("north: id 0",)),
        "reconcile_surplus": ("error", 1, ("north: id 2",)),
        "reconcile_different": ("error", 1, ("north: id 1",)),
    }
    assert [c for c in bronze.load(reconcile=True, full_refresh=["marks"]).checks if "reconcile" in c.rule] == []
