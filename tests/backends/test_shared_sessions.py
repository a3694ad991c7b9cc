"""A warehouse and a target of publications behind a real PgBouncer, and at every form of address."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
import small_school as school
from pooler import PASSWORD, Start, needs_pgbouncer, poolers
from servers import free_port

from padm_ibis.api import check, run
from padm_ibis.config import load_config
from padm_ibis.errors import PadmError, WarehouseError
from padm_ibis.publish import publish
from padm_ibis.warehouse import connect

pytestmark = [pytest.mark.postgres, needs_pgbouncer]


@pytest.fixture
def start(database: str) -> Iterator[Start]:
    with poolers(database) as begin:
        yield begin


@pytest.fixture
def name(database: str) -> str:
    return urlsplit(database).path.strip("/")


def configured(folder: Path, warehouse: str) -> Path:
    config = school.write_config(folder, school.write_school(folder / "south.duckdb"))
    config.write_text(config.read_text().replace("duckdb://w.duckdb", warehouse), encoding="utf-8")
    return config


def test_a_pool_of_sessions_serves_a_run_its_readers_and_a_publication(
    tmp_path: Path, start: Start, name: str, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pooler = start("session")
    service = f"[mirror]\nhost=127.0.0.1\nport={pooler.port}\nuser=padm\npassword={PASSWORD}\n"
    (tmp_path / "services").write_text(service)
    monkeypatch.setenv("PGSERVICEFILE", str(tmp_path / "services"))
    several = pooler.url(name).replace("127.0.0.1:", f"127.0.0.1:{free_port()},127.0.0.1:")
    config = configured(tmp_path, f"{several}?target_session_attrs=read-write")
    assert run(config=config, as_of="2024-12-31").exit_code == 0
    assert check(config=config).exit_code == 0
    with connect(config) as warehouse:
        assert warehouse.table("gold.mart_pupil").count().to_pyarrow().as_py() == 2
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}_mirror")
    try:
        assert publish(load_config(config), f"postgres://?service=mirror&dbname={name}_mirror").exit_code == 0
        with psycopg.connect(pooler.url(f"{name}_mirror"), autocommit=True) as next_one:
            assert next_one.execute("SELECT count(*) FROM gold.mart_pupil").fetchall() == [(2,)]
            assert next_one.execute("SHOW work_mem").fetchall() == [("4MB",)]
    finally:
        with psycopg.connect(postgres_url, autocommit=True) as admin:
            admin.execute(f"DROP DATABASE {name}_mirror WITH (FORCE)")


@pytest.mark.parametrize("mode", ["transaction", "statement"])
def test_a_pool_that_shares_sessions_is_refused_and_nothing_is_set_in_them(
    tmp_path: Path, start: Start, name: str, mode: str
) -> None:
    pooler = start(mode)
    config = configured(tmp_path, pooler.url(name))
    (tmp_path / "mirror").mkdir()
    mirrored = school.write_config(tmp_path / "mirror", school.write_school(tmp_path / "mirror" / "north.duckdb"))
    assert run(config=mirrored, as_of="2024-12-31").exit_code == 0
    attempts: dict[str, Callable[[], object]] = {
        "warehouse": lambda: run(config=config, as_of="2024-12-31"),
        "warehouse, for reading": lambda: connect(config).table("gold.mart_pupil").count().to_pyarrow(),
        "target": lambda: publish(load_config(mirrored), pooler.url(name)),
    }
    for what, attempt in attempts.items():
        with pytest.raises(WarehouseError, match="a pooler in between") as caught:
            attempt()
        assert f"The {what.partition(',')[0]} postgres://padm:***@127.0.0.1" in caught.value.message
        assert "session mode" in str(caught.value.hint)
    with psycopg.connect(pooler.url(name), autocommit=True) as next_one:
        for setting, value in (("default_transaction_read_only", "off"), ("work_mem", "4MB"), ("search_path", '"$user", public')):
            assert next_one.execute(f"SHOW {setting}").fetchall() == [(value,)]


def test_a_pool_of_one_session_is_one_of_sessions(tmp_path: Path, start: Start, name: str) -> None:
    """The second connection, by which a shared one is recognised, gets none while the first has it."""
    config = configured(tmp_path, start("session", pool_size=1).url(name))
    with pytest.raises(PadmError, match="There is no warehouse in"):
        connect(config).table("gold.mart_pupil")
