"""Publishing: every table visible together and equal on both sides, or the target keeps what it had."""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import pytest
from servers import Mailbox, smtp_server

from padm_ibis.config import Config, load_config
from padm_ibis.errors import UnknownName, UsageError, WarehouseBusy, WarehouseError
from padm_ibis.publish import load_star, publish
from padm_ibis.publish.run import history
from padm_ibis.publish.spec import chosen

from .conftest import ask

pytestmark = pytest.mark.postgres

STAR = """
[warehouse]
url = "{url}"
[publish]
metrics.sale.revenue = "sum(amount)"
[star]
schema = "shop"
[star.tables.sale]
csv = "sale.csv"
key = ["sale_id"]
references = {{ item_id = "item.item_id" }}
computed = {{ amount = "numeric(12,2) AS (quantity * price)" }}
checks = {{ quantity_is_positive = "quantity > 0" }}
columns = {{ sale_id = "integer", item_id = "integer", quantity = "integer", price = "numeric(10,2)", sold_on = "date" }}
[star.tables.item]
csv = "item.csv"
key = ["item_id"]
columns = {{ item_id = "integer", name = "text" }}
[star.views]
total = "total.sql"
"""
ITEMS = "item_id,name\n1,pencil\n2,ñandú\n"
SALES = "sale_id,item_id,quantity,price,sold_on\n1,1,3,0.29,2025-03-01\n2,2,1,10.01,2025-03-02\n3,1,2,0.57,2024-02-29\n"
REVENUE = 12.02  # 0.87 + 10.01 + 1.14


@pytest.fixture
def shop(tmp_path: Path, postgres_url: str) -> Iterator[Config]:
    """A star schema of two tables, loaded into a fresh schema of this module's database."""
    (tmp_path / "padm.toml").write_text(STAR.format(url=postgres_url))
    (tmp_path / "item.csv").write_text(ITEMS)
    (tmp_path / "sale.csv").write_text(SALES)
    (tmp_path / "total.sql").write_text("SELECT sum(amount) AS revenue FROM shop.sale")
    with psycopg.connect(postgres_url, autocommit=True) as con:
        con.execute("DROP SCHEMA IF EXISTS shop CASCADE")
    config = load_config(tmp_path / "padm.toml")
    load_star(config)
    yield config
    with psycopg.connect(postgres_url, autocommit=True) as con:
        con.execute("DROP SCHEMA IF EXISTS shop CASCADE")


def test_tables_that_others_point_to_come_first(shop: Config) -> None:
    assert [spec.name for spec in chosen(shop, ["*"])] == ["item", "sale"]


def test_a_star_schema_has_its_computed_column_conditions_and_view(shop: Config) -> None:
    url = shop.warehouse.url.reveal()
    assert ask(url, "SELECT sale_id, amount::text FROM shop.sale ORDER BY 1") == [(1, "0.87"), (2, "10.01"), (3, "1.14")]
    assert ask(url, "SELECT revenue::text FROM shop.total") == [(str(REVENUE),)]
    with pytest.raises(psycopg.errors.CheckViolation):
        ask(url, "UPDATE shop.sale SET quantity = 0")


def test_grants_and_indexes_of_a_star_schema_survive_its_next_load(shop: Config) -> None:
    url, role = shop.warehouse.url.reveal(), f"analyst_{os.getpid()}"
    ask(url, f"CREATE ROLE {role}; GRANT SELECT ON shop.sale, shop.total TO {role}; CREATE INDEX ON shop.sale (sold_on)")
    try:
        (shop.folder / "sale.csv").write_text(SALES + "4,2,1,5.00,2025-03-03\n")
        load_star(shop)
        assert ask(url, "SELECT revenue::text FROM shop.total") == [("17.02",)]
        may = (
            f"SELECT has_table_privilege('{role}', 'shop.sale', 'SELECT'), has_table_privilege('{role}', 'shop.total', 'SELECT')"
        )
        assert ask(url, may) == [(True, True)]
        assert ask(url, "SELECT count(*) FROM pg_indexes WHERE tablename = 'sale' AND indexdef LIKE '%sold_on%'") == [(1,)]
        (shop.folder / "total.sql").write_text("SELECT count(*) AS sales FROM shop.sale")
        load_star(load_config(shop.path))
        assert ask(url, "SELECT sales FROM shop.total") == [(4,)]
        assert ask(url, "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'padm%'") == [(0,)]
    finally:
        ask(url, f"DROP OWNED BY {role}; DROP ROLE {role}")


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("sale.csv", SALES + "4,1,many,1.00,2025-03-01\n", "sale.csv, line 5: quantity"),
        ("sale.csv", SALES + "4,1,1\n", "sale.csv, line 5"),
        ("sale.csv", SALES.replace("price", "prize"), "sale.csv, line 1"),
        ("sale.csv", SALES + "4,9,1,1.00,2025-03-01\n", "sale_item_id_fkey"),
        ("sale.csv", SALES + "1,1,1,1.00,2025-03-01\n", "sale_pkey"),
        ("sale.csv", SALES + "4,1,0,1.00,2025-03-01\n", "quantity_is_positive"),
    ],
    ids=["no number", "too short", "other header", "orphan", "key twice", "condition"],
)
def test_a_bad_file_is_named_and_loads_nothing(shop: Config, file: str, text: str, said: str) -> None:
    (shop.folder / file).write_text(text)
    with pytest.raises(Exception, match=said):
        load_star(shop)
    assert ask(shop.warehouse.url.reveal(), "SELECT count(*) FROM shop.sale") == [(3,)]


def test_a_mirror_in_postgres_holds_the_same_and_its_history(shop: Config, mirror: str) -> None:
    report = publish(shop, mirror)
    assert report.exit_code == 0
    assert ask(mirror, "SELECT sale_id, amount::text, sold_on::text FROM shop.sale ORDER BY 1") == [
        (1, "0.87", "2025-03-01"), (2, "10.01", "2025-03-02"), (3, "1.14", "2024-02-29"),
    ]  # fmt: skip
    assert ask(mirror, "SELECT revenue::text FROM shop.total") == [(str(REVENUE),)]
    assert ask(mirror, "SELECT status, layer, tables, rows FROM _padm.runs") == [("ok", "publish", 2, 5)]
    assert ask(mirror, "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'padm_publish%'") == [(0,)]


@pytest.mark.parametrize("kind", ["duckdb", "sqlite"])
def test_a_mirror_in_a_file_holds_the_same(shop: Config, tmp_path: Path, kind: str) -> None:
    file = tmp_path / f"mirror.{kind}"
    assert publish(shop, f"{kind}://{file}").exit_code == 0
    connect = duckdb.connect if kind == "duckdb" else sqlite3.connect
    schema = "shop." if kind == "duckdb" else ""
    con = connect(str(file))
    assert con.execute(f"SELECT count(*), sum(quantity) FROM {schema}sale").fetchall() == [(3, 6)]
    assert float(con.execute(f"SELECT revenue FROM {schema}total").fetchall()[0][0]) == pytest.approx(REVENUE, abs=1e-9)
    assert con.execute(f"SELECT name FROM {schema}item WHERE item_id = 2").fetchall() == [("ñandú",)]
    con.close()
    assert not list(tmp_path.glob(".mirror*"))


@pytest.mark.parametrize("kind", ["postgres", "duckdb", "sqlite"])
def test_publishing_again_changes_nothing_but_the_history(shop: Config, mirror: str, tmp_path: Path, kind: str) -> None:
    target = mirror if kind == "postgres" else f"{kind}://{tmp_path / 'm'}"
    for mode in ("replace", "replace", "upsert"):
        assert publish(shop, target, mode=mode).exit_code == 0
    assert publish(shop, target, check_only=True).exit_code == 0


def test_a_view_with_other_columns_takes_the_place_of_the_old_one(shop: Config, mirror: str) -> None:
    publish(shop, mirror)
    (shop.folder / "total.sql").write_text("SELECT count(*) AS sales FROM shop.sale")
    assert publish(load_config(shop.path), mirror).exit_code == 0
    assert ask(mirror, "SELECT sales FROM shop.total") == [(3,)]


def test_upsert_replaces_rows_by_key_and_keeps_the_others(shop: Config, mirror: str) -> None:
    publish(shop, mirror)
    ask(mirror, "UPDATE shop.item SET name = 'wrong' WHERE item_id = 1; INSERT INTO shop.item VALUES (7, 'own')")
    assert publish(shop, mirror, tables=["item"], mode="upsert").exit_code == 0
    assert ask(mirror, "SELECT item_id, name FROM shop.item ORDER BY 1") == [(1, "pencil"), (2, "ñandú"), (7, "own")]


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("UPDATE shop.sale SET amount = 0 WHERE sale_id = 2", "revenue: 12.02 at the source, 2.01 in the target"),
        ("DELETE FROM shop.sale WHERE sale_id = 3", "rows: 3 at the source, 2 in the target"),
        ("UPDATE shop.sale SET item_id = 5 WHERE sale_id = 1", "orphans of item_id in item: 0 at the source, 1 in the target"),
        ("UPDATE shop.item SET name = NULL WHERE item_id = 1", "name filled: 2 at the source, 1 in the target"),
        ("DROP TABLE shop.item CASCADE", "the target has no such table"),
    ],
)
def test_a_damaged_mirror_is_caught(shop: Config, mirror: str, damage: str, said: str) -> None:
    publish(shop, mirror)
    ask(mirror, damage)
    report = publish(shop, mirror, check_only=True)
    assert report.exit_code == 1
    assert said in [difference for table in report.tables_detail for difference in table.differences]


def test_what_does_not_reconcile_leaves_the_target_as_it_was(
    shop: Config, mirror: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "m.duckdb"
    publish(shop, mirror)
    publish(shop, f"duckdb://{file}")
    before = file.read_bytes()
    ask(shop.warehouse.url.reveal(), "INSERT INTO shop.sale VALUES (4, 1, 1, 1.00, '2025-05-05')")

    from padm_ibis.publish import databases

    for kind in (databases.PostgresDatabase, databases.DuckDBFile):
        real = kind.write

        def loses_a_row(self: Any, schema: str, name: str, rows: Any, real: Any = real) -> None:
            whole = rows.read_all()
            real(self, schema, name, whole.slice(1).to_reader())

        monkeypatch.setattr(kind, "write", loses_a_row)
    for target in (mirror, f"duckdb://{file}"):
        report = publish(shop, target)
        assert report.exit_code == 1
        assert (report.successful_tables, report.failed_tables) == (0, 2)
    assert ask(mirror, "SELECT count(*) FROM shop.sale") == [(3,)]
    assert file.read_bytes() == before
    assert ask(mirror, "SELECT status FROM _padm.runs ORDER BY 1") == [("failed",), ("ok",)]


def test_grants_and_views_of_the_target_survive(shop: Config, mirror: str) -> None:
    publish(shop, mirror)
    role = f"adviser_{os.getpid()}"
    ask(
        mirror,
        f"CREATE ROLE {role}; GRANT SELECT ON shop.sale TO {role}; CREATE VIEW mine AS SELECT max(sale_id) AS m FROM shop.sale",
    )
    ask(shop.warehouse.url.reveal(), "INSERT INTO shop.sale VALUES (4, 1, 1, 1.00, '2025-05-05')")
    assert publish(shop, mirror).exit_code == 0
    assert ask(mirror, "SELECT m FROM mine") == [(4,)]
    assert ask(mirror, f"SELECT has_table_privilege('{role}', 'shop.sale', 'SELECT')") == [(True,)]
    ask(mirror, f"DROP OWNED BY {role}; DROP ROLE {role}")


def test_what_would_be_lost_is_named_before_anything_is_touched(shop: Config, mirror: str) -> None:
    publish(shop, mirror)
    ask(mirror, "CREATE MATERIALIZED VIEW kept AS SELECT * FROM shop.sale")
    with pytest.raises(WarehouseError, match="kept"):
        publish(shop, mirror)
    assert ask(mirror, "SELECT count(*) FROM kept") == [(3,)]


def test_a_second_publication_to_one_database_is_refused(shop: Config, mirror: str) -> None:
    from padm_ibis.publish.targets.postgres import LOCK_KEY

    with psycopg.connect(mirror, autocommit=True) as other:
        other.execute("SELECT pg_advisory_lock(%s)", [LOCK_KEY])
        with pytest.raises(WarehouseBusy, match="Another publication"):
            publish(shop, mirror, wait=0)


def test_a_reader_in_a_long_query_is_waited_for_not_cut_off(shop: Config, mirror: str) -> None:
    publish(shop, mirror)
    with psycopg.connect(mirror) as reader:
        assert reader.execute("SELECT count(*) FROM shop.sale").fetchall() == [(3,)]  # its transaction holds the table
        process = subprocess.Popen(command(shop, mirror), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(6)
        assert process.poll() is None
        assert reader.execute("SELECT count(*) FROM shop.sale").fetchall() == [(3,)]
        reader.commit()
        assert process.wait(60) == 0


@pytest.mark.campaign
def test_a_publication_killed_at_any_moment_shows_one_version(shop: Config, mirror: str, request: pytest.FixtureRequest) -> None:
    rounds = 25 if request.config.getoption("--campaign") else 3
    began = time.monotonic()
    subprocess.run(command(shop, mirror), stdout=subprocess.DEVNULL, check=True, timeout=120)
    whole = time.monotonic() - began
    chance, ended = random.Random(20250301), threading.Event()
    with ThreadPoolExecutor(1) as pool:
        seen = pool.submit(versions, mirror, ended)
        for number in range(rounds):
            ask(shop.warehouse.url.reveal(), f"INSERT INTO shop.item VALUES ({100 + number}, 'x')")
            sale = f"({100 + number}, {100 + number}, 1, 1.00, '2025-05-05')"
            ask(shop.warehouse.url.reveal(), f"INSERT INTO shop.sale VALUES {sale}")
            process = subprocess.Popen(command(shop, mirror), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(whole * chance.uniform(0.5, 1.05))  # before that it only starts
            process.send_signal(signal.SIGKILL)
            process.wait()
        assert publish(shop, mirror).exit_code == 0
        ended.set()
        found = seen.result(timeout=60)
    assert all(sales - 3 == items - 2 for sales, items in found)
    assert found == sorted(found)  # never back to an earlier version
    assert ask(mirror, "SELECT count(*) FROM shop.sale") == [(3 + rounds,)]
    assert ask(mirror, "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'padm_publish%'") == [(0,)]


def versions(url: str, ended: threading.Event) -> list[tuple[Any, ...]]:
    """What somebody sees who looks again and again."""
    found = []
    with psycopg.connect(url, autocommit=True) as con:
        while not ended.is_set():
            both = con.execute("SELECT (SELECT count(*) FROM shop.sale), (SELECT count(*) FROM shop.item)").fetchall()
            found += both if both != found[-1:] else []
    return found


def command(config: Config, target: str) -> list[str]:
    return [sys.executable, "-m", "padm_ibis.cli", "publish", "--config", str(config.path), "--no-load", "--to", target]


def test_wrong_arguments_are_told_without_a_password(shop: Config) -> None:
    with pytest.raises(UsageError, match="scheme 'mysql'") as caught:
        publish(shop, "mysql://me:secret@host/db")
    assert "secret" not in str(caught.value)
    with pytest.raises(UnknownName, match="sales"):
        publish(shop, "duckdb://x.duckdb", tables=["sales"])
    with pytest.raises(UsageError, match="where to"):
        publish(shop)


def test_a_target_that_cannot_be_written_is_one_clear_error(shop: Config, mirror: str, tmp_path: Path) -> None:
    with pytest.raises(WarehouseError, match="folder"):
        publish(shop, f"duckdb://{tmp_path}")
    with pytest.raises(WarehouseError, match="does not exist"):
        publish(shop, mirror.replace("/mirror_", "/nowhere_"))


def test_the_report_has_the_fields_that_were_promised(shop: Config, tmp_path: Path) -> None:
    report = json.loads(publish(shop, f"duckdb://{tmp_path / 'm.duckdb'}").json())
    promised = {"timestamp", "total_tables", "successful_tables", "failed_tables", "total_records_processed"}
    assert promised | {"total_execution_time", "tables_detail"} <= report.keys()
    assert (report["total_tables"], report["total_records_processed"]) == (2, 5)
    assert [entry["target"] for entry in history(shop)] == [report["target"]]


def test_a_failure_is_mailed_to_whoever_is_configured(shop: Config, mirror: str, tmp_path: Path, smtp: Mailbox) -> None:
    text = (tmp_path / "padm.toml").read_text()
    (tmp_path / "padm.toml").write_text(text + smtp.section())
    publish(shop, mirror)
    assert smtp.messages == []
    ask(mirror, "DELETE FROM shop.sale")
    assert publish(load_config(tmp_path / "padm.toml"), mirror, check_only=True).exit_code == 1
    assert len(smtp.messages) == 1
    assert "publication to" in smtp.messages[0]
    assert "rows: 3 at the source, 0 in the target" in smtp.messages[0]


@pytest.fixture
def smtp() -> Iterator[Mailbox]:
    with smtp_server() as mailbox:
        yield mailbox
