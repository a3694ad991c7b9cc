"""The loading rules: what arrives, what is replaced, what is removed, and what a watermark may and may not do."""

from __future__ import annotations

import datetime as dt

import pytest
from conftest_extract import Bronze, Campus, changed

pytestmark = pytest.mark.postgres


def test_a_first_load_brings_everything_and_a_second_one_changes_nothing(bronze: Bronze, campus: Campus) -> None:
    bronze.options[""] = 'sync = "off"'
    campus.mark(1, "2024-03-01 10:00")
    campus.mark(2, None)
    campus.add("people", {"person": 1, "name": "Ana"})
    campus.add("history", {"id": 1, "day": "2024-03-01", "note": "a"})
    assert changed(bronze.load()) == {"marks": 2, "people": 1, "history": 1}
    again = bronze.load()
    assert changed(again) == {}
    assert {i.resource: i.read for i in again.inputs}["marks"] == 2
    assert bronze.query("SELECT DISTINCT _run_id FROM bronze.marks") == [("run1",)], "unchanged rows are not rewritten"


def test_late_rows_on_and_before_the_watermarks_date_arrive(bronze: Bronze, campus: Campus) -> None:
    campus.mark(1, "2024-03-31 10:00")
    bronze.load()
    campus.mark(2, "2024-03-31 10:00")  # the very same instant
    campus.mark(3, "2024-03-31 00:00")
    campus.mark(4, "2024-03-02 00:00")  # 29 days and more before the watermark
    bronze.load()
    assert bronze.ids() == [1, 2, 3, 4]


def test_a_row_older_than_the_lookback_waits_for_a_full_refresh(bronze: Bronze, campus: Campus) -> None:
    bronze.options[""] = 'sync = "off"'
    campus.mark(1, "2024-03-31 10:00")
    bronze.load()
    campus.mark(2, "2024-01-01 00:00")
    bronze.load()
    assert bronze.ids() == [1]
    assert changed(bronze.load(full_refresh=["marks"])) == {"marks": 1}
    assert bronze.ids() == [1, 2]


def test_the_lookback_is_set_by_resource(bronze: Bronze, campus: Campus) -> None:
    bronze.options[""] = 'sync = "off"\nlookback_days = { marks = 2 }'
    campus.mark(1, "2024-03-31 10:00")
    campus.add("history", {"id": 1, "day": "2024-03-31"})
    bronze.load()
    campus.mark(2, "2024-03-25 00:00")
    campus.add("history", {"id": 2, "day": "2024-03-25"})
    bronze.load()
    assert bronze.ids() == [1]
    assert bronze.ids("history") == [1, 2]


def test_a_corrected_mark_replaces_the_old_row(bronze: Bronze, campus: Campus) -> None:
    campus.mark(1, "2024-03-01", "4")
    campus.mark(2, "2024-03-02", "8")
    bronze.load()
    campus.sql("UPDATE marks SET mark = '9' WHERE id = 1")
    assert changed(bronze.load()) == {"marks": 1}
    assert bronze.rows("marks", columns="id, mark") == [(1, "9"), (2, "8")]


def test_rows_without_a_cursor_arrive_at_every_run_and_are_updated(bronze: Bronze, campus: Campus) -> None:
    campus.mark(1, "2024-03-01")
    bronze.load()
    campus.mark(2, None, "4")
    bronze.load()
    campus.sql("UPDATE marks SET mark = '5' WHERE id = 2")
    campus.mark(3, None)
    bronze.load()
    assert bronze.rows("marks", columns="id, mark") == [(1, "7"), (2, "5"), (3, "7")]


def test_a_source_whose_cursors_are_all_null_is_loaded(bronze: Bronze, campus: Campus) -> None:
    campus.mark(1, None)
    bronze.load()
    campus.mark(2, "1950-01-01")
    bronze.load()
    assert bronze.ids() == [1, 2]


def test_a_deleted_row_stays_until_a_full_refresh_removes_it(bronze: Bronze, campus: Campus) -> None:
    bronze.options[""] = 'sync = "off"'
    campus.mark(1, "2024-03-01")
    campus.mark(2, "2024-03-02")
    campus.add("history", {"id": 1, "day": "2024-03-01"})
    bronze.load()
    campus.sql("DELETE FROM marks WHERE id = 1")
    campus.sql("DELETE FROM history")
    bronze.load()
    assert bronze.ids() == [1, 2]
    assert changed(bronze.load(full_refresh=["marks"])) == {"marks": 1}
    assert bronze.ids() == [2]
    assert bronze.ids("history") == [1], "only the named resource is refreshed"
    bronze.load(full_refresh=True)
    assert bronze.ids("history") == []


def test_a_full_resource_is_what_the_source_holds_now(bronze: Bronze, campus: Campus) -> None:
    campus.add("people", {"person": 1, "name": "Ana"}, {"person": 2, "name": "Bea"}, {"person": 3, "name": "Cora"})
    bronze.load()
    campus.sql("DELETE FROM people WHERE person = 1")
    campus.sql("UPDATE people SET name = 'Beatriz' WHERE person = 2")
    campus.add("people", {"person": 4, "name": "Dora"})
    assert changed(bronze.load()) == {"people": 3}
    assert bronze.rows("people", columns="person, name") == [(2, "Beatriz"), (3, "Cora"), (4, "Dora")]
    campus.sql("DELETE FROM people")
    bronze.load()
    assert bronze.rows("people") == []


@pytest.mark.parametrize("order", [("north", "south"), ("south", "north")])
def test_two_sources_with_the_same_ids_keep_their_own_rows(
    both: Bronze, campus: Campus, other: Campus, order: tuple[str, str]
) -> None:
    campus.mark(1, "2024-03-01", "north's")
    other.mark(1, "2010-03-01", "south's")  # years behind: the other's watermark must not hide it
    for name in order:
        both.load(name)
    both.load()
    assert both.rows("marks", columns="source_db, id, mark") == [("north", 1, "north's"), ("south", 1, "south's")]
    other.mark(2, "2010-03-05")
    campus.sql("DELETE FROM marks")
    both.load(full_refresh=True)
    assert both.rows("marks", columns="source_db, id") == [("south", 1), ("south", 2)]


@pytest.mark.parametrize("future", ["2202-05-01", "infinity", "9999-12-31", "12024-01-01"])
def test_a_date_far_in_the_future_does_not_hide_the_rows_of_the_years_before_it(
    bronze: Bronze, campus: Campus, future: str
) -> None:
    campus.mark(1, "2024-03-01")
    campus.mark(2, future)
    bronze.load()
    campus.mark(3, "2024-03-02")
    bronze.load()
    assert bronze.ids() == [1, 2, 3]
    assert bronze.query("SELECT max(watermark) FROM _padm.watermarks") == [(dt.datetime(2024, 3, 2),)]


def test_a_key_with_nulls_is_one_key(bronze: Bronze, campus: Campus) -> None:
    campus.add("events", {"student": None, "at": "2024-03-01 10:00", "reason": None, "kind": "A"})
    campus.add("events", {"student": None, "at": None, "reason": None, "kind": "B"})
    bronze.load()
    campus.sql("UPDATE events SET kind = 'C' WHERE at IS NULL")
    assert changed(bronze.load()) == {"events": 1}
    assert bronze.rows("events", columns="student, at, reason, kind") == [
        (None, dt.datetime(2024, 3, 1, 10), None, "A"),
        (None, None, None, "C"),
    ]


def test_rows_that_share_a_key_are_kept_apart_and_reported(bronze: Bronze, campus: Campus) -> None:
    for note, day in (("old", "2024-03-01"), ("new", "2024-03-05"), ("new", "2024-03-05"), ("mid", "2024-03-03")):
        campus.add("history", {"id": 1, "day": day, "note": note})
    campus.add("history", {"id": 2, "day": "2024-03-01", "note": "alone"})
    found = bronze.load()
    assert bronze.rows("history", columns="id, note") == [(1, "new"), (2, "alone")], "the latest of them is kept"
    assert {c.rule: (c.table, c.verdict, c.failed) for c in found.checks} == {
        "duplicate_key": ("bronze.history", "warn", 2),
        "duplicate_row": ("bronze.history", "warn", 1),
    }
    kept = bronze.query("SELECT source_db, resource, row_data->>'note' FROM _padm.rejected_rows ORDER BY 3")
    assert kept == [("north", "history", "mid"), ("north", "history", "old")]
    assert changed(bronze.load()) == {}, "the choice does not change from run to run"
    campus.sql("DELETE FROM history WHERE note = 'new'")
    bronze.load(full_refresh=["history"])
    assert bronze.rows("history", columns="id, note") == [(1, "mid"), (2, "alone")]


def test_a_rival_outside_the_lookback_does_not_win_by_default(bronze: Bronze, campus: Campus) -> None:
    campus.add("history", {"id": 1, "day": None, "note": "undated"}, {"id": 1, "day": "2020-01-01", "note": "dated"})
    campus.add("history", {"id": 2, "day": "2024-03-01", "note": "newest"})
    bronze.load()
    assert bronze.rows("history", columns="id, note") == [(1, "dated"), (2, "newest")]
    assert changed(bronze.load()) == {}, "the undated row arrives alone, and is still known as the lesser one"
    assert bronze.rows("history", columns="id, note") == [(1, "dated"), (2, "newest")]


def test_a_first_run_starts_at_the_start_date(bronze: Bronze, campus: Campus) -> None:
    bronze.options[""] = "incremental_start_date = 2020-01-01"
    campus.mark(1, "2019-12-31 23:59:59")
    campus.mark(2, "2020-01-01")
    campus.mark(3, None)
    bronze.load()
    assert bronze.ids() == [2, 3]
    bronze.load(full_refresh=True)
    assert bronze.ids() == [1, 2, 3], "a full refresh reads everything"


def test_rows_before_the_default_start_are_reported_and_a_full_refresh_reads_them(bronze: Bronze, campus: Campus) -> None:
    campus.mark(1, "0024-03-01")  # typed without its century
    campus.mark(2, "2024-03-01")
    found = bronze.load()
    assert bronze.ids() == [2]
    assert [(c.rule, c.failed) for c in found.checks] == [("before_start", 1)]
    bronze.load(full_refresh=["marks"])
    assert bronze.ids() == [1, 2]


def test_a_date_here_and_an_instant_with_zone_there_are_compared_as_instants(both: Bronze, campus: Campus, other: Campus) -> None:
    campus.sql("ALTER TABLE marks ALTER at TYPE date")
    other.sql("ALTER TABLE marks ALTER at TYPE timestamptz")
    both.options[""] = "lookback_days = 0"
    campus.mark(1, "2024-03-01")
    other.mark(1, "2024-03-01 23:30:00-03")  # already 2 March in UTC
    both.load()
    assert both.rows("marks", columns="source_db, at") == [
        ("north", dt.datetime(2024, 3, 1)),
        ("south", dt.datetime(2024, 3, 1, 23, 30)),
    ]
    campus.mark(2, "2024-03-01")
    other.mark(2, "2024-03-02 02:30:00+00")  # the same instant, written otherwise
    other.mark(3, "2024-03-02 04:00:00+00")
    both.load()
    assert both.rows("marks", columns="source_db, id, at")[1:] == [
        ("north", 2, dt.datetime(2024, 3, 1)),
        ("south", 1, dt.datetime(2024, 3, 1, 23, 30)),
        ("south", 2, dt.datetime(2024, 3, 1, 23, 30)),
        ("south", 3, dt.datetime(2024, 3, 2, 1, 0)),
    ]


def test_bronze_that_somebody_emptied_is_loaded_again(bronze: Bronze, campus: Campus) -> None:
    campus.mark(1, "2014-03-01")
    campus.mark(2, "2024-03-01")
    bronze.load()
    bronze.query("DELETE FROM bronze.marks")
    bronze.load()
    assert bronze.ids() == [1, 2]


def test_only_the_named_resources_are_read(bronze: Bronze, campus: Campus) -> None:
    campus.mark(1, "2024-03-01")
    campus.add("people", {"person": 1})
    found = bronze.load(resources=["people"])
    assert [i.resource for i in found.inputs] == ["people"]
    bronze.options[""] = 'resources = ["marks"]'
    assert [i.resource for i in bronze.load().inputs] == ["marks"]
    assert bronze.query("SELECT count(*) FROM bronze.events") == [(0,)], "tables that are not read exist all the same"


def test_an_unknown_resource_is_named_with_the_nearest(bronze: Bronze) -> None:
    from padm_ibis.errors import UnknownName

    with pytest.raises(UnknownName, match=r"no bronze resource named 'mark'.*\n\n.*'marks'"):
        bronze.load(full_refresh=["mark"])
