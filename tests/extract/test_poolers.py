"""Sources behind a real PgBouncer, and every form of address that libpq knows: one parser for all of them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import psycopg
import pytest
from conftest_extract import Bronze, Campus
from pooler import PASSWORD, PROGRAM, Start, needs_pgbouncer, poolers
from servers import free_port

pytestmark = [pytest.mark.postgres, needs_pgbouncer]


@pytest.fixture
def start(postgres_url: str) -> Iterator[Start]:
    with poolers(postgres_url) as begin:
        yield begin


@pytest.fixture
def database(postgres_url: str) -> str:
    return urlsplit(postgres_url).path.strip("/")


@pytest.mark.parametrize("mode", ["session", "transaction"])
@pytest.mark.parametrize("pool_size", [1, 5])
def test_a_source_is_read_through_a_pool_and_leaves_nothing_behind(
    bronze: Bronze, campus: Campus, start: Start, database: str, mode: str, pool_size: int
) -> None:
    pooler = start(mode, pool_size=pool_size)
    campus.mark(1, "2024-03-01")
    campus.add("events", {"student": 1, "at": "2024-03-01 23:30:00-03", "reason": "a", "kind": "x"})
    bronze.urls["north"] = pooler.url(database)
    found = bronze.load(reconcile=True)
    assert found.failures == []
    assert bronze.ids() == [1]
    with psycopg.connect(pooler.url(database), autocommit=True) as next_one:
        names = "statement_timeout, lock_timeout, idle_in_transaction_session_timeout, row_security, search_path"
        left = [next_one.execute(f"SHOW {name}").fetchall()[0][0] for name in names.split(", ")]
    assert left == ["0", "0", "0", "on", '"$user", public']


def test_a_pool_that_splits_transactions_is_refused_with_the_reason(
    bronze: Bronze, campus: Campus, start: Start, database: str
) -> None:
    bronze.urls["north"] = start("statement").url(database)
    (failure,) = bronze.load().failures
    assert "pool_mode = statement" in str(failure.hint)


def test_options_that_the_pool_refuses_are_told(bronze: Bronze, campus: Campus, start: Start, database: str) -> None:
    bronze.urls["north"] = start("session").url(database, options="-c%20geqo%3Doff")
    (failure,) = bronze.load().failures
    assert "unsupported startup parameter" in failure.message
    assert "ignore_startup_parameters" in str(failure.hint)
    assert PASSWORD not in f"{failure.message} {failure.hint}"


@pytest.mark.skipif(PROGRAM is None or shutil.which("openssl") is None, reason="makes its certificates with openssl")
def test_the_certificate_is_verified_against_the_name(bronze: Bronze, campus: Campus, start: Start, database: str) -> None:
    pooler = start("session", tls=True)
    campus.mark(1, "2024-03-01")
    trusted = {"sslmode": "verify-full", "sslrootcert": quote(str(pooler.certificate), safe="")}
    bronze.urls["north"] = pooler.url(database, host="localhost", **trusted)
    assert bronze.load().failures == []
    assert bronze.ids() == [1]
    for host, more in (("127.0.0.1", trusted), ("localhost", {**trusted, "sslrootcert": "system"})):
        bronze.urls["north"] = pooler.url(database, host=host, **more)
        (failure,) = bronze.load().failures
        assert not failure.reached
        assert "certificate" in f"{failure.message} {failure.hint}"


def test_every_form_of_address_reaches_the_source(
    bronze: Bronze,
    campus: Campus,
    start: Start,
    database: str,
    postgres_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    port, nobody = start("session").port, free_port()
    socket = parse_qs(urlsplit(postgres_url).query)["host"][0]
    secret = quote(PASSWORD, safe="+")
    (tmp_path / "pass").write_text(f"*:*:{database}:padm:{PASSWORD}\n".replace("\\", "\\\\"))
    (tmp_path / "pass").chmod(0o600)
    (tmp_path / "services").write_text(
        f"[guarani]\nhost=127.0.0.1\nport={port}\ndbname={database}\nuser=padm\npassword={PASSWORD}\n"
    )
    monkeypatch.setenv("PGSERVICEFILE", str(tmp_path / "services"))
    addresses = {
        "several hosts": f"postgresql://padm:{secret}@127.0.0.1:{nobody},127.0.0.1:{port}/{database}?target_session_attrs=read-write",
        "a socket": f"postgres://postgres@/{database}?host={quote(socket, safe='')}",
        "a service": "postgres://?service=guarani",
        "a service and a part of its own": f"postgres:///{database}?service=guarani",
        "a file of passwords": f"postgres://padm@127.0.0.1:{port}/{database}?passfile={quote(str(tmp_path / 'pass'), safe='')}",
        "all after the question mark": f"postgres://?host=127.0.0.1&port={port}&user=padm&password={secret}&dbname={database}",
    }
    for id, (what, address) in enumerate(addresses.items(), 1):
        campus.mark(id, "2024-03-01")
        bronze.urls["north"] = address
        assert bronze.load(resources=["marks"]).failures == [], what
        assert bronze.ids() == list(range(1, id + 1)), what


def test_several_hosts_none_of_which_answers_are_all_named_and_the_password_is_not(bronze: Bronze, campus: Campus) -> None:
    one, two = free_port(), free_port()
    bronze.urls["north"] = f"postgres://padm:{quote(PASSWORD, safe='')}@127.0.0.1:{one},127.0.0.1:{two}/x"
    (failure,) = bronze.load().failures
    assert str(one) in failure.message
    assert str(two) in failure.message
    assert "s+3" not in failure.message
