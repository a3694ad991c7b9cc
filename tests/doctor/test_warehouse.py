"""A warehouse in PostgreSQL, looked at before a run is."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from roles import Role

from padm_ibis.config import load_config
from padm_ibis.doctor import doctor, grants
from padm_ibis.report.health import Diagnosis

pytestmark = pytest.mark.postgres
Look = Callable[[str], list[Diagnosis]]


@pytest.fixture
def look(tmp_path: Path) -> Look:
    """Return what is said of the warehouse at an address, what is well left out."""

    def found(url: str) -> list[Diagnosis]:
        path = tmp_path / "padm.toml"
        path.write_text(f'[warehouse]\nurl = "{url}"\n[privacy]\nhash_key = "a long random key for tests"\n', encoding="utf-8")
        return [d for d in doctor(load_config(path)).findings if d.subject == "warehouse" and d.verdict != "ok"]

    return found


@pytest.fixture
def database(postgres_server: Any) -> Iterator[Callable[[str], str]]:
    """Make a database of an encoding; return its URL."""
    made = []
    with psycopg.connect(postgres_server.get_uri(), autocommit=True) as admin:

        def make(encoding: str) -> str:
            name = f"odd_{uuid.uuid4().hex[:8]}"
            admin.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C'")
            made.append(name)
            return postgres_server.get_uri(database=name)

        yield make
        for name in made:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


def test_one_that_is_well(look: Look, postgres_url: str) -> None:
    assert look(postgres_url) == []


def test_a_role_that_may_not_make_schemas_may_after_the_printed_statements(
    look: Look, postgres_url: str, role: Role, tmp_path: Path
) -> None:
    _, url = role()
    (error,) = look(url)
    assert error.text == f"the role may not make schemas in the database {urlsplit(url).path.strip('/')}"
    assert "--grants" in (error.advice or "")
    with psycopg.connect(postgres_url, autocommit=True) as con:
        con.execute(grants(load_config(tmp_path / "padm.toml")).encode())
    assert look(url) == []


def test_schemas_of_somebody_else(look: Look, postgres_url: str, role: Role) -> None:
    _, url = role()
    with psycopg.connect(postgres_url, autocommit=True) as con:
        con.execute("CREATE SCHEMA gold; CREATE SCHEMA silver")
        try:
            texts = [d.text for d in look(url)]
        finally:
            con.execute("DROP SCHEMA gold; DROP SCHEMA silver")
    listed = "gold (of postgres), silver (of postgres)"
    assert f"the role does not own these schemas, which a run replaces: {listed}" in texts


def test_a_wrong_encoding(look: Look, database: Callable[[str], str]) -> None:
    (error,) = look(database("LATIN1"))
    assert error.text == "the database is encoded in LATIN1; it must be UTF8"


def test_one_out_of_reach_without_its_password(look: Look) -> None:
    (error,) = look("postgres://me:s3cr%40t@127.0.0.1:1/x")
    assert "cannot be reached" in error.text
    assert "s3cr" not in error.text
    assert "no server listens at that port" in (error.advice or "")


def test_a_run_that_is_going_on(look: Look, postgres_url: str) -> None:
    from padm_ibis.backends.postgres.lock import LOCK

    with psycopg.connect(postgres_url, autocommit=True, application_name="padm-ibis run 17@there") as con:
        con.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        (warning,) = look(postgres_url)
    assert warning.text.startswith("a run of 17@there is going on since ")


def test_a_lock_that_somebody_holds(look: Look, postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from padm_ibis.doctor import server

    monkeypatch.setattr(server, "_HELD", 0)
    with psycopg.connect(postgres_url) as con:
        con.execute("CREATE SCHEMA gold; CREATE TABLE gold.mart (n int)")
        con.commit()
        con.execute("LOCK TABLE gold.mart IN ACCESS EXCLUSIVE MODE")
        (warning,) = look(postgres_url)
        con.rollback()
        con.execute("DROP SCHEMA gold CASCADE")
        pid = con.info.backend_pid
    assert warning.text.startswith(f"gold.mart has been locked by the server process {pid} for ")
    assert f"pg_terminate_backend({pid})" in (warning.advice or "")


def test_a_standby_is_read_only(look: Look, postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from padm_ibis.doctor import server

    real = server._row

    def row(con: Any, statement: str) -> Any:
        return real(con, statement.replace("pg_is_in_recovery()", "true"))

    monkeypatch.setattr(server, "_row", row)
    (error,) = look(postgres_url)
    assert error.text == "the server is a standby, and a standby is read-only"
