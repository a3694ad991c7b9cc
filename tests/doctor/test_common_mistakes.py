"""The mistakes that people make, each told in one useful sentence."""

from __future__ import annotations

import re
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import duckdb
import psycopg
import pytest
from conftest_extract import Bronze, Campus, at_database
from roles import Role

from padm_ibis.config import load_config
from padm_ibis.doctor import doctor
from padm_ibis.report.health import Diagnosis
from padm_ibis.sources.hints import hint_for

pytestmark = pytest.mark.postgres


def only_error(bronze: Bronze) -> Diagnosis:
    (found,) = doctor(bronze.config()).errors
    return found


def test_a_wrong_schema_is_one_sentence_that_names_the_right_one(bronze: Bronze, campus: Campus) -> None:
    right, campus.schema = campus.schema, "negocio"
    error = only_error(bronze)
    assert re.fullmatch(
        rf"the schema negocio has none of the 6 tables that are read;.* the schema {right} has 4 of them",
        error.text,
    )
    assert error.advice == f'Write schema = "{right}" in [sources.north].'
    (failure,) = bronze.load().failures
    assert error.text.partition(";")[0] in failure.message, "a run says the same"
    assert failure.hint == error.advice


def test_a_wrong_schema_of_a_file_likewise(tmp_path: Path, bronze: Bronze, campus: Campus) -> None:
    with duckdb.connect(str(tmp_path / "north.duckdb")) as con:
        con.execute("CREATE SCHEMA guarani; CREATE TABLE guarani.people (person INT); CREATE TABLE guarani.marks (id INT)")
    bronze.urls["north"] = f"duckdb://{tmp_path}/north.duckdb"
    assert only_error(bronze).advice == 'Write schema = "guarani" in [sources.north].'


def test_a_database_without_any_of_the_tables(bronze: Bronze, campus: Campus) -> None:
    bronze.urls["north"] = at_database(bronze.url, "postgres")
    error = only_error(bronze)
    assert error.text == f"the schema {campus.schema} has none of the 6 tables that are read"


def test_a_wrong_database_is_told_with_the_nearest_one(bronze: Bronze, campus: Campus) -> None:
    right = urlsplit(bronze.url).path.strip("/")
    bronze.urls["north"] = at_database(bronze.url, right + "x")
    error = only_error(bronze)
    assert f'database "{right}x" does not exist' in error.text
    assert f"Did you mean '{right}'" in (error.advice or "")


@pytest.mark.parametrize(
    ("address", "said", "advice"),
    [
        ("postgres://me@127.0.0.1:1/x", "Connection refused", "no server listens at that port"),
        ("postgres://me@no-such-host.invalid/x", "could not translate host name", "check the host of the URL"),
        ("postgres://me@/x?host=/nowhere", "No such file or directory", "No server listens at that socket"),
        ("postgres://me@127.0.0.1:1/x?sslmode=odd", "sslmode", None),
    ],
)
def test_a_wrong_address(bronze: Bronze, campus: Campus, address: str, said: str, advice: str | None) -> None:
    bronze.urls["north"] = address
    error = only_error(bronze)
    assert said in error.text
    assert advice is None or advice in (error.advice or "")


def test_a_wrong_user(bronze: Bronze, campus: Campus) -> None:
    bronze.urls["north"] = bronze.url.replace("postgres:@", "nobody:s3cr%40t@")
    error = only_error(bronze)
    assert 'role "nobody" does not exist' in error.text
    assert "There is no such user" in (error.advice or "")


@pytest.mark.parametrize(
    ("message", "advice"),
    [
        ('FATAL:  password authentication failed for user "me"', "%-encoded"),
        ("fe_sendauth: no password supplied", "wants a password"),
        ('FATAL:  no pg_hba.conf entry for host "1.2.3.4", user "me", database "x", no encryption', "pg_hba.conf"),
        ("connection to server at 1.2.3.4, port 5432 failed: timeout expired", "a firewall, a VPN"),
        ("server does not support SSL, but SSL was required", "sslmode"),
        ("SSL error: certificate verify failed", "sslrootcert"),
        ('FATAL:  role "me" is not permitted to log in', "LOGIN"),
        ('FATAL:  permission denied for database "x"', "--grants"),
        ("FATAL:  sorry, too many clients already", "max_connections"),
        ("permission denied for function f_ubicacion", "--grants"),
        ("canceling statement due to statement timeout", "statement_timeout_s"),
        ('invalid byte sequence for encoding "UTF8": 0xf1', "encoding"),
    ],
)
def test_what_a_server_says_is_explained(message: str, advice: str) -> None:
    assert advice in (hint_for(message) or "")


def test_everything_that_is_wrong_is_found_at_once_and_each_thing_told_once(both: Bronze, campus: Campus, other: Campus) -> None:
    both.key = None
    both.urls["north"] = "postgres://me:s3cr%40t@127.0.0.1:1/x"
    other.sql("DROP TABLE people; ALTER TABLE marks DROP COLUMN student")
    errors = doctor(both.config()).errors
    assert [d.subject for d in errors] == ["configuration", "source north", "source south", "source south"]
    assert len({d.text for d in errors}) == 4


def test_a_database_that_does_not_know_its_encoding(bronze: Bronze, campus: Campus, postgres_url: str) -> None:
    name = f"ascii_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'")
        try:
            bronze.urls["north"] = at_database(postgres_url, name)
            found = doctor(bronze.config()).findings
        finally:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    assert any(d.verdict == "warning" and "SQL_ASCII" in d.text and "convert" in (d.advice or "") for d in found)


def test_a_clock_that_is_off(bronze: Bronze, campus: Campus, monkeypatch: pytest.MonkeyPatch) -> None:
    import datetime as dt

    from padm_ibis.doctor import source

    class Late(dt.datetime):
        @classmethod
        def now(cls, tz: dt.tzinfo | None = None) -> dt.datetime:
            return dt.datetime.now(tz) - dt.timedelta(minutes=5)

    class Module:
        datetime, UTC = Late, dt.UTC

    monkeypatch.setattr(source, "dt", Module)
    assert [d.text for d in doctor(bronze.config()).findings if "clock" in d.text] == ["its clock is +300 s off this machine's"]


def test_what_is_needed_and_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from padm_ibis.doctor import machine

    for module in ("psycopg", "adbc_driver_sqlite"):
        monkeypatch.setitem(sys.modules, module, None)
    (tmp_path / "padm.toml").write_text(
        '[warehouse]\nurl = "postgres://me@127.0.0.1:1/x"\n[publish]\nto = "sqlite://x.db"\n', encoding="utf-8"
    )
    found = [d for d in machine.versions(load_config(tmp_path / "padm.toml")) if d.verdict == "error"]
    assert [d.advice for d in found] == ["pip install 'padm-ibis[postgres]'", "pip install 'padm-ibis[sqlite]'"]


@pytest.fixture
def locked(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "padm.toml").write_text('[warehouse]\nurl = "duckdb://w.duckdb"\n', encoding="utf-8")
    yield folder
    folder.chmod(0o755)


def test_a_folder_that_may_not_be_written(locked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from padm_ibis.doctor import disk

    # the superuser, who may run these tests, may write anywhere
    monkeypatch.setattr(disk.os, "access", lambda place, mode: False)
    errors = [d for d in doctor(load_config(locked / "padm.toml")).errors if d.subject == "warehouse"]
    assert [d.text for d in errors] == [f"{locked} may not be written"]
    assert "read-only" in (errors[0].advice or "")


def test_a_role_that_may_not_log_in(bronze: Bronze, campus: Campus, role: Role) -> None:
    name, bronze.urls["north"] = role()
    campus.sql(f'ALTER ROLE "{name}" NOLOGIN')
    assert "LOGIN" in (only_error(bronze).advice or "")
