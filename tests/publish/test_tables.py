"""What arrives, under which names, and what of other people's stays: values to the bit, on a real server."""

from __future__ import annotations

import datetime as dt
import json
import math
import sqlite3
from collections.abc import Callable
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import duckdb
import psycopg
import pytest

from padm_ibis.config import Config
from padm_ibis.errors import UsageError, WarehouseError
from padm_ibis.publish import publish
from padm_ibis.publish.reconcile import differences

from .conftest import ask, readings

pytestmark = pytest.mark.postgres
Warehouse = Callable[..., Config]
VALUES = """
    SELECT * FROM (VALUES
        (1, 9223372036854775807, 0.1::DOUBLE, 9999999999.99::DECIMAL(12, 2), 12345678901234567890.123456789::DECIMAL(38, 9),
         DATE '2024-02-29', TIMESTAMP '2025-03-01 23:59:59.999999', 'Ñandú 🐦', true, 7::SMALLINT),
        (2, -9223372036854775807, '-0.0'::DOUBLE, -0.01::DECIMAL(12, 2), -0.000000001::DECIMAL(38, 9),
         DATE '0001-01-01', TIMESTAMP '0001-01-01 00:00:00', '', false, -7::SMALLINT),
        (3, 0, 5e-324::DOUBLE, 10000.00::DECIMAL(12, 2), 0::DECIMAL(38, 9),
         DATE '9999-12-31', TIMESTAMP '1969-12-31 23:59:59.000001', 'tab\tline\nquote"\\', NULL, 0::SMALLINT),
        (4, NULL, 'nan'::DOUBLE, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
        (5, 1, '-inf'::DOUBLE, 0.10::DECIMAL(12, 2), 1::DECIMAL(38, 9), DATE '1899-12-31', TIMESTAMP '1999-12-31 00:00:00',
         'x', true, 1::SMALLINT)
    ) AS v(id, whole, fraction, money, fine, day, moment, said, valid, small)"""


def test_values_arrive_to_the_bit(warehouse: Warehouse, mirror: str) -> None:
    assert publish(warehouse(value=VALUES), mirror).exit_code == 0
    rows = ask(mirror, "SELECT whole, fraction, money, fine, said, valid, small FROM shop.value ORDER BY id")
    assert rows[0] == (2**63 - 1, 0.1, Decimal("9999999999.99"), Decimal("12345678901234567890.123456789"), "Ñandú 🐦", True, 7)
    assert rows[1] == (1 - 2**63, 0.0, Decimal("-0.01"), Decimal("-0.000000001"), "", False, -7)
    assert math.copysign(1, rows[1][1]) == -1
    assert rows[2] == (0, 5e-324, Decimal("10000.00"), Decimal("0E-9"), 'tab\tline\nquote"\\', None, 0)
    assert math.isnan(rows[3][1])
    assert (rows[3][0], *rows[3][2:]) == (None,) * 6
    assert rows[4][:3] == (1, -math.inf, Decimal("0.10"))
    assert ask(mirror, "SELECT day::text, moment::text FROM shop.value WHERE day IS NOT NULL ORDER BY id") == [
        ("2024-02-29", "2025-03-01 23:59:59.999999"), ("0001-01-01", "0001-01-01 00:00:00"),
        ("9999-12-31", "1969-12-31 23:59:59.000001"), ("1899-12-31", "1999-12-31 00:00:00"),
    ]  # fmt: skip
    types = ask(
        mirror,
        "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute"
        " WHERE attrelid = 'shop.value'::regclass AND attnum > 0 ORDER BY attnum",
    )
    assert dict(types) == {
        "id": "integer", "whole": "bigint", "fraction": "double precision", "money": "numeric(12,2)", "fine": "numeric(38,9)",
        "day": "date", "moment": "timestamp without time zone", "said": "text", "valid": "boolean", "small": "smallint",
    }  # fmt: skip


@pytest.mark.parametrize("kind", ["duckdb", "sqlite"])
def test_values_arrive_in_a_file(warehouse: Warehouse, tmp_path: Path, kind: str) -> None:
    file = tmp_path / "mirror"
    config = warehouse(value=f"{VALUES} WHERE id <> 4")  # SQLite knows no NaN
    assert publish(config, f"{kind}://{file}").exit_code == 0
    connect, table = (duckdb.connect, "shop.value") if kind == "duckdb" else (sqlite3.connect, "value")
    con = connect(str(file))
    whole, money, day, said = con.execute(f"SELECT whole, money, day, said FROM {table} WHERE id = 1").fetchall()[0]
    con.close()
    assert (whole, float(money), str(day), said) == (2**63 - 1, 9999999999.99, "2024-02-29", "Ñandú 🐦")


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("UPDATE shop.value SET fraction = 0.1002 WHERE id = 1", "fraction sum in ten-thousandths: 1000 at the source, 1002 in"),
        ("UPDATE shop.value SET day = day + 1 WHERE id = 5", "day days: "),
        ("UPDATE shop.value SET said = 'xx' WHERE id = 5", "said bytes: 29 at the source, 30 in the target"),
        ("UPDATE shop.value SET valid = false WHERE id = 1", "valid true: 2 at the source, 1 in the target"),
        ("UPDATE shop.value SET id = 4 WHERE id = 5", "distinct keys: 5 at the source, 4 in the target"),
        ("ALTER TABLE shop.value DROP COLUMN money", "the target has no column money"),
    ],
)
def test_one_changed_value_is_caught(warehouse: Warehouse, mirror: str, damage: str, said: str) -> None:
    config = warehouse(value=VALUES)
    publish(config, mirror)
    ask(mirror, "ALTER TABLE shop.value DROP CONSTRAINT value_pkey")
    ask(mirror, damage)
    report = publish(config, mirror, check_only=True)
    assert report.exit_code == 1
    assert any(difference.startswith(said) for difference in report.tables_detail[0].differences)


@pytest.mark.parametrize(
    ("source", "target", "equal"),
    [
        (2499975000, 2499974999.999997, True),  # floats, added up in another order
        (12.02, 12.03, False),
        (Decimal("12.02"), Decimal("12.020"), True),
        (Decimal("1234567890123456.01"), Decimal("1234567890123456.02"), False),
        (10**12, 10**12 + 1, False),
        (None, 0.0, False),
        (None, None, True),
        (math.inf, math.inf, True),
    ],
)
def test_metrics_over_floats_may_differ_in_the_last_digits_and_no_others(source: object, target: object, equal: bool) -> None:
    assert (differences({"total": source}, {"total": target}) == []) is equal


def test_a_key_that_is_not_unique_is_told_and_nothing_shown(warehouse: Warehouse, mirror: str) -> None:
    publish(warehouse(a="SELECT 1 AS id", b="SELECT 1 AS id"), mirror)
    report = publish(warehouse(a="SELECT 2 AS id", b="SELECT * FROM (VALUES (3), (3)) AS v(id)"), mirror)
    assert report.exit_code == 1
    assert {t.table: t.status for t in report.tables_detail} == {"shop.a": "skipped", "shop.b": "failed"}
    assert report.tables_detail[1].differences == ["the key is not unique at the source: 2 rows, 1 keys"]
    assert (report.successful_tables, report.failed_tables) == (0, 2)
    assert ask(mirror, "SELECT a.id, b.id FROM shop.a, shop.b") == [(1, 1)]
    (written,) = ask(mirror, "SELECT inputs FROM _padm.runs WHERE status = 'failed'")[0]
    assert json.loads(written)["failed_tables"] == 2


def test_a_key_that_is_null_is_told(warehouse: Warehouse, mirror: str) -> None:
    report = publish(warehouse(a="SELECT * FROM (VALUES (NULL::BIGINT), (NULL)) AS v(id)"), mirror)
    assert report.tables_detail[0].differences == [
        "the key column id holds nulls: 2 rows", "the key is not unique at the source: 2 rows, 1 keys",
    ]  # fmt: skip
    report = publish(warehouse(a="SELECT * FROM (VALUES (NULL::BIGINT), (1)) AS v(id)"), mirror)
    assert report.tables_detail[0].differences == ["the key column id holds nulls: 1 rows"]


def test_the_history_in_the_target_is_that_of_the_report(warehouse: Warehouse, mirror: str) -> None:
    publish(warehouse(reading=readings(1000), other=readings(10)), mirror)
    status, rows, seconds, inputs = ask(mirror, "SELECT status, rows, seconds, inputs FROM _padm.runs")[0]
    written = json.loads(inputs)
    assert (status, rows) == ("ok", 1010)
    assert seconds == written["total_execution_time"] > 0
    assert (written["total_tables"], written["successful_tables"], written["failed_tables"]) == (2, 2, 0)
    assert {t["table"]: (t["status"], t["records"]) for t in written["tables_detail"]} == {
        "shop.reading": ("published", 1000), "shop.other": ("published", 10),
    }  # fmt: skip


LONG = "a" * 62
LONGER = {"one": LONG + "é", "two": LONG + "éx"}  # 64 and 65 bytes; cut after 63, both would be the 62 letters


@pytest.mark.parametrize("what", ["tables", "columns"])
def test_names_that_would_be_cut_are_told_before_anything_is_touched(warehouse: Warehouse, mirror: str, what: str) -> None:
    if what == "tables":
        config = warehouse(**dict.fromkeys(LONGER.values(), "SELECT 1 AS id"))
    else:
        config = warehouse(sale=f'SELECT 1 AS id, 2 AS "{LONGER["one"]}", 3 AS "{LONGER["two"]}"')
    with pytest.raises(UsageError, match=f"{LONGER['one']} in the .*it would be the same as {LONGER['two']}"):
        publish(config, mirror)
    assert ask(mirror, "SELECT count(*) FROM pg_namespace WHERE nspname IN ('shop', '_padm')") == [(0,)]
    assert publish(config, f"duckdb://{config.folder / 'mirror.duckdb'}").exit_code == 0


def test_names_of_exactly_63_bytes_arrive(warehouse: Warehouse, mirror: str) -> None:
    name, column = "a" * 61 + "é", "b" * 63
    assert publish(warehouse(**{name: f'SELECT 1 AS id, 5 AS "{column}"'}), mirror).exit_code == 0
    assert ask(mirror, f'SELECT "{column}" FROM shop."{name}"') == [(5,)]


@pytest.mark.parametrize(
    ("object_", "said"),
    [
        ("VIEW shop.sale AS SELECT 1 AS id", "view shop.sale"),
        ("MATERIALIZED VIEW shop.sale AS SELECT 1 AS id", "materialized view shop.sale"),
        ("SEQUENCE shop.sale", "sequence shop.sale"),
    ],
)
def test_an_object_of_another_kind_with_a_tables_name_is_named(
    warehouse: Warehouse, mirror: str, object_: str, said: str
) -> None:
    ask(mirror, f"CREATE SCHEMA shop; CREATE {object_}")
    with pytest.raises(WarehouseError, match=said):
        publish(warehouse(sale="SELECT 1 AS id"), mirror)
    assert ask(mirror, "SELECT count(*) FROM pg_namespace WHERE nspname ~ 'padm'") == [(0,)]


def test_a_view_on_a_column_that_goes_is_named_before_anything_is_touched(warehouse: Warehouse, mirror: str) -> None:
    publish(warehouse(sale="SELECT 1 AS id, 2 AS price"), mirror)
    ask(mirror, "CREATE VIEW mine AS SELECT price FROM shop.sale")
    with pytest.raises(WarehouseError, match=r"the view public.mine: it uses shop.sale.price, which is no longer there"):
        publish(warehouse(sale="SELECT 1 AS id"), mirror)
    with pytest.raises(WarehouseError, match=r"the view public.mine: it uses shop.sale.price, whose type is now text"):
        publish(warehouse(sale="SELECT 1 AS id, 'x' AS price"), mirror)
    assert ask(mirror, "SELECT price FROM mine") == [(2,)]


@pytest.mark.parametrize("kind", ["postgres", "duckdb", "sqlite"])
def test_a_table_that_no_publication_made_is_not_replaced(warehouse: Warehouse, mirror: str, tmp_path: Path, kind: str) -> None:
    url = mirror if kind == "postgres" else f"{kind}://{tmp_path / 'mirror'}"
    theirs = "shop.sale" if kind != "sqlite" else "sale"

    def do(*statements: str) -> list[tuple[int, ...]]:
        connect = {"postgres": psycopg.connect, "duckdb": duckdb.connect, "sqlite": sqlite3.connect}[kind]
        with closing(connect(mirror if kind == "postgres" else str(tmp_path / "mirror"))) as con:
            found = [con.execute(statement) for statement in statements][-1]
            rows = [] if statements[-1].startswith(("CREATE", "DROP")) else found.fetchall()
            con.commit()
            return rows

    do(*([] if kind == "sqlite" else ["CREATE SCHEMA shop"]), f"CREATE TABLE {theirs} AS SELECT 7 AS id, 8 AS mine")
    config = warehouse(sale="SELECT 1 AS id, 2 AS price", other="SELECT 1 AS id")
    with pytest.raises(WarehouseError, match=r"the table shop\.sale: no publication made it") as caught:
        publish(config, url)
    assert "Drop or rename them first" in str(caught.value.hint)
    assert do(f"SELECT * FROM {theirs}") == [(7, 8)]
    do(f"DROP TABLE {theirs}")
    assert publish(config, url).exit_code == 0
    assert publish(config, url).exit_code == 0, "what a publication made the next one replaces"
    assert do(f"SELECT * FROM {theirs}") == [(1, 2)]


def test_objects_indexes_and_comments_of_people_stay(warehouse: Warehouse, mirror: str) -> None:
    publish(warehouse(sale="SELECT 1 AS id, 2 AS price"), mirror)
    ask(
        mirror,
        "CREATE TABLE shop.budget AS SELECT 7 AS amount; CREATE FUNCTION shop.one() RETURNS int LANGUAGE sql AS 'SELECT 1';"
        " CREATE INDEX ON shop.sale (price); COMMENT ON COLUMN shop.sale.price IS 'pesos'; COMMENT ON TABLE shop.sale IS 'ours'",
    )
    assert publish(warehouse(sale="SELECT 1 AS id, 3 AS price"), mirror).exit_code == 0
    assert ask(mirror, "SELECT amount, shop.one(), price FROM shop.budget, shop.sale") == [(7, 1, 3)]
    indexes = ask(mirror, "SELECT indexdef FROM pg_indexes WHERE tablename = 'sale' ORDER BY 1")
    assert [line.partition(" USING ")[2] for (line,) in indexes] == ["btree (price)", "btree (id)"]
    comments = "SELECT obj_description('shop.sale'::regclass), col_description('shop.sale'::regclass, 2)"
    assert ask(mirror, comments) == [("ours", "pesos")]


def test_readers_of_a_table_are_held_up_for_a_moment_only(warehouse: Warehouse, mirror: str) -> None:
    """Whatever takes time, indexes of people included, is done before the tables are locked."""
    publish(warehouse(reading=readings(300_000)), mirror)
    ask(mirror, "CREATE INDEX ON shop.reading (code, station, moment)")
    from concurrent.futures import ThreadPoolExecutor
    from time import perf_counter

    waits = []
    with ThreadPoolExecutor(1) as pool, psycopg.connect(mirror, autocommit=True) as reader:
        running = pool.submit(publish, warehouse(reading=readings(300_001)), mirror)
        while not running.done():
            began = perf_counter()
            reader.execute("SELECT id FROM shop.reading LIMIT 1").fetchall()
            waits.append(perf_counter() - began)
        total = running.result().total_execution_time
    assert max(waits) < total / 4
    assert ask(mirror, "SELECT count(*) FROM shop.reading") == [(300_001,)]


def test_days_are_counted_alike_everywhere(warehouse: Warehouse, mirror: str, tmp_path: Path) -> None:
    days = ", ".join(f"({n}, DATE '{day}', TIMESTAMP '{day} 23:59:59.9')" for n, day in enumerate(map(str, (
        dt.date.min, dt.date(1582, 10, 4), dt.date(1900, 2, 28), dt.date(1969, 12, 31), dt.date(2000, 1, 1), dt.date.max,
    ))))  # fmt: skip
    config = warehouse(day=f"SELECT * FROM (VALUES {days}) AS v(id, day, moment)")
    for target in (mirror, f"duckdb://{tmp_path / 'm.duckdb'}", f"sqlite://{tmp_path / 'm.sqlite'}"):
        assert publish(config, target).exit_code == 0
