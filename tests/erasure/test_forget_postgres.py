"""A person is forgotten in a PostgreSQL warehouse and in its mirrors, on a real server whose files are read."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from conftest_erasure import NAME, NUMBER, School, forms

from padm_ibis.errors import WarehouseBusy

pytestmark = pytest.mark.postgres


@pytest.fixture
def databases(postgres_server: Any) -> Iterator[list[str]]:
    """Two empty databases."""
    names = [f"er_{uuid.uuid4().hex[:12]}" for _ in range(2)]
    with psycopg.connect(postgres_server.get_uri(), autocommit=True) as admin:
        for name in names:
            admin.execute(f"CREATE DATABASE {name} TEMPLATE template0 LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8'")
        yield [postgres_server.get_uri(database=name) for name in names]
        for name in names:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def in_postgres(databases: list[str], tmp_path: Path) -> School:
    warehouse, mirror = databases
    more = (
        f'[publish]\nto = "{mirror}"\ntables = ["dim_pupil", "fact_mark"]\n'
        f'[publish.targets.upserted]\nto = "{mirror}&application_name=upserted"\ntables = ["mart_pupil"]\nmode = "upsert"\n'
    )
    found = School(tmp_path, more, warehouse)
    assert found.run(publish=True).exit_code == 0
    assert found.run(as_of="2024-12-30").exit_code == 0  # an earlier version is there
    return found


def rows(url: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url) as con:
        return con.execute(query).fetchall()


def files_with(server: Any, databases: list[str], text: str) -> list[str]:
    """Return the files of databases that hold a text; of the server's write-ahead log nobody promises anything."""
    with psycopg.connect(server.get_uri(), autocommit=True) as admin:
        admin.execute("CHECKPOINT")
    found = []
    for url in databases:
        ((oid,),) = rows(url, "SELECT oid FROM pg_database WHERE datname = current_database()")
        for path in (Path(server.pgdata) / "base" / str(oid)).iterdir():
            if any(form in path.read_bytes() for form in forms(text)):
                found.append(path.name)
    return found


def test_every_row_goes_and_every_byte_of_the_tables(in_postgres: School, databases: list[str], postgres_server: Any) -> None:
    warehouse, mirror = databases
    assert files_with(postgres_server, databases, NAME) != []
    found = in_postgres.forget()
    assert (found.exit_code, found.failed) == (0, [])
    assert any("write-ahead log" in text for text in found.unreached)
    assert in_postgres.pupils() == [1, 2]
    assert rows(mirror, "SELECT pupil_id FROM silver.dim_pupil ORDER BY 1") == [(1,), (2,)]
    assert rows(mirror, "SELECT pupil_id FROM gold.mart_pupil ORDER BY 1") == [(1,), (2,)]
    assert files_with(postgres_server, databases, "Berta") != []
    assert files_with(postgres_server, databases, NAME) == []
    assert in_postgres.traces() == []
    report = in_postgres.run(full_refresh=True, reconcile=True)
    assert (report.exit_code, {i.resource: i.suppressed for i in report.inputs}) == (0, {"pupils": 1, "marks": 2})
    assert rows(warehouse, f"SELECT count(*) FROM bronze.marks WHERE pupil = {NUMBER}") == [(0,)]


def test_the_list_is_the_warehouses_whatever_machine_a_run_is_on(in_postgres: School, databases: list[str]) -> None:
    in_postgres.forget()
    for path in (in_postgres.folder / ".padm").glob("*.json"):
        path.unlink()
    assert in_postgres.run(full_refresh=True).exit_code == 0
    assert in_postgres.pupils() == [1, 2]


def test_who_still_reads_the_old_version_is_waited_for(in_postgres: School, databases: list[str]) -> None:
    with psycopg.connect(databases[0]) as reader:
        reader.execute("SELECT count(*) FROM silver.dim_pupil").fetchall()
        with pytest.raises(WarehouseBusy, match="still in use"):
            in_postgres.forget()
        assert in_postgres.pupils() == [1, 2]
    report = in_postgres.run()
    assert any("An erasure was finished" in note for note in report.notes)
