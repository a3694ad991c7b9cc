"""A mirror that is known to be in step gets what changed; what anybody touched is replaced; both end as a whole one would."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import duckdb
import psycopg
import pytest

from padm_ibis.config import Config
from padm_ibis.publish import publish
from padm_ibis.publish.memory import forget
from padm_ibis.report.publication import PublishReport

from .conftest import ask, readings

pytestmark = pytest.mark.postgres
Warehouse = Callable[..., Config]
ROWS = 400


def change(config: Config, *statements: str) -> None:
    with duckdb.connect(str(config.folder / "warehouse.duckdb")) as con:
        for statement in statements:
            con.execute(statement)


def sent(report: PublishReport) -> list[tuple[int | None, int | None]]:
    assert report.exit_code == 0, report.lines()
    return [(detail.sent, detail.removed) for detail in report.tables_detail]


def held(config: Config, mirror: str, table: str) -> tuple[list[Any], list[Any]]:
    """Both sides' rows, each read by its own driver."""
    listed = f"SELECT * FROM shop.{table} ORDER BY id"
    with duckdb.connect(str(config.folder / "warehouse.duckdb"), read_only=True) as con:
        return con.execute(listed).fetchall(), ask(mirror, listed)


def test_only_rows_that_changed_are_sent(warehouse: Warehouse, mirror: str) -> None:
    config = warehouse(reading=readings(ROWS), other=readings(50))
    assert sent(publish(config, mirror)) == [(None, None), (None, None)]
    ((before,),) = ask(mirror, "SELECT 'shop.reading'::regclass::oid")
    change(
        config,
        "UPDATE shop.reading SET station = 'moved' WHERE id IN (3, 5, 8)",
        "DELETE FROM shop.reading WHERE id = 13",
        "INSERT INTO shop.reading SELECT * REPLACE (9000 + id AS id) FROM shop.reading WHERE id IN (21, 34)",
    )
    assert sent(publish(config, mirror)) == [(5, 4), (0, 0)]
    there, here = held(config, mirror, "reading")
    assert len(here) == ROWS + 1
    assert here == there
    assert ask(mirror, "SELECT 'shop.reading'::regclass::oid") == [(before,)], "the table is the same, with its grants and all"
    assert sent(publish(config, mirror)) == [(0, 0), (0, 0)]
    assert publish(config, mirror, check_only=True).exit_code == 0
    assert sent(publish(config, mirror, whole=True)) == [(None, None), (None, None)]
    assert ask(mirror, "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'padm_publish%'") == [(0,)]


TOUCHED = {
    "a row changed": "UPDATE shop.reading SET station = 'x' WHERE id = 7",
    "a row changed and back": "UPDATE shop.reading SET station = station WHERE id = 7",
    "a row gone": "DELETE FROM shop.reading WHERE id = 7",
    "a row more": "INSERT INTO shop.reading (id) VALUES (-1)",
    "emptied": "TRUNCATE shop.reading",
    "another column": "ALTER TABLE shop.reading ADD COLUMN note text",
    "another type": "ALTER TABLE shop.reading ALTER COLUMN sensor_id TYPE numeric",
    "no key": "ALTER TABLE shop.reading DROP CONSTRAINT reading_pkey",
    "a trigger": "CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';"
    " CREATE TRIGGER nothing BEFORE INSERT ON shop.reading FOR EACH ROW EXECUTE FUNCTION nothing()",
    "restored": "CREATE TABLE shop.copy (LIKE shop.reading INCLUDING ALL); INSERT INTO shop.copy SELECT * FROM shop.reading;"
    " DROP TABLE shop.reading; ALTER TABLE shop.copy RENAME TO reading",
    "no mark": "DELETE FROM _padm.mirrors",
    "marked otherwise": "UPDATE _padm.mirrors SET publication = 'of another warehouse'",
}


def test_what_anybody_touched_is_replaced_as_a_whole(warehouse: Warehouse, mirror: str) -> None:
    config = warehouse(reading=readings(ROWS))
    publish(config, mirror)
    for number, (what, statement) in enumerate(TOUCHED.items()):
        ask(mirror, statement)
        change(config, f"UPDATE shop.reading SET station = '{what}' WHERE id = {100 + number}")
        if what == "a trigger":  # which a whole publication would lose
            ask(mirror, "DROP TRIGGER nothing ON shop.reading")
            assert sent(publish(config, mirror)) == [(1, 1)]
            continue
        assert sent(publish(config, mirror)) == [(None, None)], what
        there, here = held(config, mirror, "reading")
        assert here == there, what


def test_what_nobody_remembers_here_is_sent_as_a_whole(warehouse: Warehouse, mirror: str) -> None:
    config = warehouse(reading=readings(ROWS))
    publish(config, mirror)
    forget(config)
    assert sent(publish(config, mirror)) == [(None, None)]
    for file in (config.state / "published").rglob("*.parquet"):
        file.write_bytes(b"PAR1" + bytes(20))
    assert sent(publish(config, mirror)) == [(None, None)], "damaged"
    change(config, "ALTER TABLE shop.reading ADD COLUMN note VARCHAR")
    assert sent(publish(config, mirror)) == [(None, None)], "another column"
    change(config, "UPDATE shop.reading SET note = 'all' WHERE id < 150")
    assert sent(publish(config, mirror)) == [(None, None)], "so much that a whole one takes less"
    change(config, "INSERT INTO shop.reading SELECT * FROM shop.reading WHERE id = 1")
    twice = publish(config, mirror)
    assert twice.exit_code == 1
    assert "the key is not unique at the source: 401 rows, 400 keys" in twice.tables_detail[0].differences
    assert ask(mirror, "SELECT count(*) FROM shop.reading") == [(ROWS,)]


def test_somebody_who_writes_between_is_noticed(warehouse: Warehouse, mirror: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the changes were found, and before they are applied."""
    from padm_ibis.publish.targets.postgres import PostgresTarget

    config = warehouse(reading=readings(ROWS))
    publish(config, mirror)
    change(config, "UPDATE shop.reading SET station = 'moved' WHERE id = 3")
    real = PostgresTarget.change

    def late(self: PostgresTarget, *arguments: Any) -> None:
        real(self, *arguments)
        ask(mirror, "UPDATE shop.reading SET station = 'theirs' WHERE id = 4")

    monkeypatch.setattr(PostgresTarget, "change", late)
    assert sent(publish(config, mirror)) == [(None, None)]
    there, here = held(config, mirror, "reading")
    assert here == there


def test_a_reader_sees_all_tables_change_together(warehouse: Warehouse, mirror: str) -> None:
    config = warehouse(reading=readings(ROWS), other=readings(ROWS))
    publish(config, mirror)
    change(config, *(f"UPDATE shop.{table} SET station = 'new' WHERE id = 3" for table in ("reading", "other")))
    with psycopg.connect(mirror) as reader:
        reader.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        both = "SELECT station FROM shop.reading WHERE id = 3 UNION ALL SELECT station FROM shop.other WHERE id = 3"
        before = reader.execute(both).fetchall()
        assert sent(publish(config, mirror)) == [(1, 1), (1, 1)], "it waits for no reader"
        assert reader.execute(both).fetchall() == before == [("estación 3",), ("estación 3",)]
        reader.rollback()
        assert reader.execute(both).fetchall() == [("new",), ("new",)]


def statements(draw: random.Random) -> list[str]:
    """What a night may do to a table."""
    some = f"id % {draw.randint(7, 60)} = {draw.randint(0, 6)}"
    fresh = draw.randint(1000, 10**9)
    return [
        draw.choice(
            [
                f"UPDATE shop.reading SET station = '{draw.choice('abc')}', value = {draw.randint(0, 9)}.5 WHERE {some}",
                f"UPDATE shop.reading SET code = NULL, valid = NOT valid WHERE {some}",
                f"UPDATE shop.reading SET day = DATE '9999-12-31', price = -0.01 WHERE {some}",
                f"UPDATE shop.reading SET value = '{draw.choice(['nan', 'inf', '-0.0'])}'::DOUBLE WHERE {some}",
                f"DELETE FROM shop.reading WHERE {some}",
                f"INSERT INTO shop.reading SELECT * REPLACE (id + {fresh} AS id) FROM shop.reading WHERE {some} AND id < 1000",
                f"UPDATE shop.reading SET id = -id WHERE id = {draw.randint(1, ROWS)}",
            ]
        )
        for _ in range(draw.randint(0, 4))
    ]


def test_after_any_sequence_of_changes_a_mirror_is_what_a_whole_publication_makes(
    warehouse: Warehouse, mirror: str, request: pytest.FixtureRequest
) -> None:
    nights = 400 if request.config.getoption("--campaign") else 8
    draw, config = random.Random(20261130), warehouse(reading=readings(ROWS))
    touches, kinds = [*TOUCHED.values()][:8], set[str]()
    publish(config, mirror)
    for night in range(nights):
        change(config, *statements(draw))
        if draw.random() < 0.2:
            ask(mirror, draw.choice(touches))
        ((how, _),) = sent(publish(config, mirror))
        kinds.add("whole" if how is None else "changes" if how else "nothing")
        there, here = held(config, mirror, "reading")
        assert list(map(repr, here)) == list(map(repr, there)), night
    assert kinds >= {"whole", "changes"}
