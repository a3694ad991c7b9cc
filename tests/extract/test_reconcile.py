"""Bronze compared with its sources: what is missing, left over, different, twice, orphaned or old."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import duckdb
import pytest
from conftest_extract import Bronze, Campus

from padm_ibis.extract.reconcile import Reconciliation, check_sources

pytestmark = pytest.mark.postgres


class Published:
    """As much of a warehouse as the comparison asks for."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def execute(self, sql: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self.file), read_only=True) as con:
            return con.execute(sql).fetchall()

    def tables(self) -> dict[str, frozenset[str]]:
        rows = self.execute("SELECT table_name FROM information_schema.tables WHERE table_schema = 'bronze'")
        return {"bronze": frozenset(name for (name,) in rows)}


def against_source(bronze: Bronze) -> Reconciliation:
    bronze.file.replace(bronze.folder / "warehouse.duckdb")
    try:
        return check_sources(Published(bronze.folder / "warehouse.duckdb"), bronze.config())  # type: ignore[arg-type]
    finally:
        (bronze.folder / "warehouse.duckdb").replace(bronze.file)


def rules(found: Reconciliation) -> dict[tuple[str, str], tuple[str, int]]:
    return {(c.table, c.rule): (c.verdict, c.failed) for c in found.checks if c.rule != "freshness"}


def test_a_warehouse_that_equals_its_sources_has_nothing_to_report(both: Bronze, campus: Campus, other: Campus) -> None:
    for place in (campus, other):
        place.add("people", {"person": 1, "name": "Ana", "document": "12", "mail": "a@b"})
        place.mark(1, "2024-03-01", points=7.25)
        place.mark(2, None)
        place.sql("UPDATE marks SET student = 1")
    both.load()
    assert rules(against_source(both)) == {}


def test_missing_surplus_and_different_rows_are_counted_and_named_by_their_keys(bronze: Bronze, campus: Campus) -> None:
    for n in range(1, 6):
        campus.add("people", {"person": n, "name": f"person {n}", "document": str(n)})
    bronze.load()
    bronze.query("DELETE FROM bronze.people WHERE person IN (1, 2)")
    bronze.query("UPDATE bronze.people SET name = 'x' WHERE person = 3")
    campus.sql("DELETE FROM people WHERE person = 5")
    found = against_source(bronze)
    assert rules(found) == {
        ("bronze.people", "reconcile_missing"): ("error", 2),
        ("bronze.people", "reconcile_surplus"): ("error", 1),
        ("bronze.people", "reconcile_different"): ("error", 1),
    }
    assert {c.rule: c.rows for c in found.checks}["reconcile_missing"] == ("north: person 1", "north: person 2")


def test_a_wrong_hash_is_a_difference(bronze: Bronze, campus: Campus) -> None:
    campus.add("people", {"person": 1, "document": "1"})
    bronze.load()
    bronze.query("UPDATE bronze.people SET document_hash = repeat('0', 64)")
    assert rules(against_source(bronze)) == {("bronze.people", "reconcile_different"): ("error", 1)}


def test_rows_that_came_after_the_last_extraction_are_no_error(bronze: Bronze, campus: Campus) -> None:
    campus.mark(1, "2024-03-01")
    bronze.load()
    later = dt.datetime.now() + dt.timedelta(days=1)
    campus.mark(2, later.isoformat())
    campus.mark(3, "2024-03-02")
    found = rules(against_source(bronze))
    assert found["bronze.marks", "reconcile_missing"] == ("error", 1), "only the row that should have been there"


def test_the_severity_of_each_rule_is_configured(bronze: Bronze, campus: Campus) -> None:
    campus.add("people", {"person": 1}, {"person": 2})
    campus.mark(1, "2024-03-01")
    bronze.load()
    bronze.query("DELETE FROM bronze.people")
    bronze.query("DELETE FROM bronze.marks")
    bronze.options["north"] = '[checks]\nreconcile = "warn"\n[checks.rules]\n"marks.reconcile_missing" = "off"'
    assert rules(against_source(bronze)) == {("bronze.people", "reconcile_missing"): ("warn", 2)}


def test_orphans_of_every_foreign_key_are_counted(bronze: Bronze, campus: Campus) -> None:
    campus.add("people", {"person": 1})
    campus.mark(1, "2024-03-01")
    campus.mark(7, "2024-03-01")
    bronze.load()
    found = against_source(bronze)
    assert rules(found) == {("bronze.marks", "foreign_key(student → people)"): ("warn", 1)}


def test_a_key_that_bronze_holds_twice_is_an_error(bronze: Bronze, campus: Campus) -> None:
    campus.add("people", {"person": 1})
    bronze.load()
    bronze.query("INSERT INTO bronze.people SELECT * FROM bronze.people")
    assert rules(against_source(bronze)) == {("bronze.people", "duplicate_key"): ("error", 1)}


def test_a_key_that_the_source_holds_twice_is_a_warning(bronze: Bronze, campus: Campus) -> None:
    campus.add("history", {"id": 1, "day": "2024-03-01", "note": "a"}, {"id": 1, "day": "2024-03-02", "note": "b"})
    bronze.load()
    assert rules(against_source(bronze)) == {("bronze.history", "duplicate_key_at_source"): ("warn", 1)}


def test_stale_resources_are_named(bronze: Bronze, campus: Campus) -> None:
    bronze.options["north"] = "freshness_hours = { marks = 10, people = 48 }"
    now = dt.datetime.now(dt.UTC).replace(tzinfo=None)
    campus.mark(1, (now - dt.timedelta(hours=20)).isoformat())
    campus.add("history", {"id": 1, "day": (now - dt.timedelta(days=9)).date()})
    bronze.load()
    bronze.query("UPDATE _padm.watermarks SET extracted_at = extracted_at - INTERVAL 3 DAY WHERE resource = 'people'")
    found = {c.table: c.rows[0] for c in against_source(bronze).checks if c.rule == "freshness"}
    assert set(found) == {"bronze.marks", "bronze.history", "bronze.people"}
    assert "north: marks is 17 hours old, by its newest at; late after 10 hours" in found["bronze.marks"]
    assert "north: people was last read 3 days ago; late after 2 days" in found["bronze.people"]


def test_a_source_that_cannot_be_reached_is_an_error_of_the_check(both: Bronze, campus: Campus, other: Campus) -> None:
    both.load()
    both.urls["south"] = "postgres://nobody:pass-word@127.0.0.1:1/x"
    found = against_source(both)
    assert rules(found) == {("south", "reachable"): ("error", 0)}
    assert "pass-word" not in str(found.checks)


def test_a_run_compares_within_its_own_snapshot(bronze: Bronze, campus: Campus) -> None:
    bronze.options[""] = 'sync = "off"'
    campus.mark(1, "2014-03-01")
    campus.mark(2, "2024-03-01")
    bronze.load(reconcile=True)
    campus.sql("DELETE FROM marks WHERE id = 1")
    found = bronze.load(reconcile=True)
    assert [(c.rule, c.failed, c.rows) for c in found.checks if "reconcile" in c.rule] == [
        ("reconcile_surplus", 1, ("north: id 1",))
    ]
    found = bronze.load(reconcile=True, full_refresh=["marks"])
    assert not [c for c in found.checks if "reconcile" in c.rule]
