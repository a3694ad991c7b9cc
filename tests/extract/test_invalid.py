"""One value that is none of its column's type costs that value or that row, not the source; and somebody is told."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal

import pytest
from conftest_extract import Bronze, Campus
from conftest_files import Folder

REJECTED = "SELECT resource, key, reason, row_data FROM _padm.rejected_rows ORDER BY ALL"


@pytest.fixture
def drifted(campus: Campus) -> Campus:
    """Marks whose student and points are texts there, one of each being none."""
    campus.sql("ALTER TABLE marks ALTER student TYPE text, ALTER points TYPE text")
    campus.add(
        "marks",
        {"id": 1, "student": "7", "points": "0.50", "at": "2024-03-01"},
        {"id": 2, "student": "Juana Pérez", "points": "7,5", "at": "2024-03-02"},
        {"id": 3, "student": "1.234", "points": "1", "at": "2024-03-03"},
        {"id": 4, "student": " ", "points": "0000000000001.10", "at": "2024-03-04"},
    )
    return campus


@pytest.mark.postgres
def test_by_default_such_a_value_is_null_and_told_with_table_column_and_key(bronze: Bronze, drifted: Campus) -> None:
    drifted.add("people", {"person": 1, "name": "Ana"})
    found = bronze.load()
    assert found.complete
    assert bronze.rows("marks", columns="id, student, points") == [
        (1, 7, Decimal("0.5")), (2, None, None), (3, None, Decimal("1")), (4, None, Decimal("1.1")),
    ]  # fmt: skip
    assert bronze.rows("people", columns="person") == [(1,)], "what has nothing to do with it is loaded"
    told = [c for c in found.checks if c.rule == "unreadable_value"]
    assert [(c.table, c.failed) for c in told] == [("bronze.marks", 3)]
    place = f"north: {drifted.schema}.marks, at"
    assert told[0].rows == (
        f"{place} for example id 2: 2 values of student are no whole number (a text), null",
        f"{place} id 2: the value of points is no number of its digits (a number with a fraction or another decimal sign, or"
        " too long), null",
    )
    assert "Juana" not in str(found)


@pytest.mark.postgres
def test_stop_stops_the_source_and_says_all_of_it(both: Bronze, drifted: Campus, other: Campus) -> None:
    other.mark(1, "2024-03-01")
    both.options["north"] = 'on_invalid = "stop"'
    failure = both.load().failures[0]
    assert f"{drifted.schema}.marks, at for example id 2: 2 values of student are no whole number" in failure.message
    assert "the value of points is no number" in failure.message
    assert "Juana" not in failure.message
    assert both.ids("marks") == [1], "the other source is loaded"


@pytest.mark.postgres
def test_reject_leaves_the_row_out_and_keeps_it_until_it_is_mended(bronze: Bronze, drifted: Campus) -> None:
    bronze.options["north"] = '[sources.north.on_invalid]\nmarks = "reject"'
    drifted.sql("INSERT INTO marks (id, student, at, day) VALUES (5, '5', '2024-03-05', 'infinity')")
    found = bronze.load(reconcile=True)
    assert bronze.ids() == [1, 4]
    kept = bronze.query(REJECTED)
    reason = "marks.student is no whole number; marks.points is no number of its digits"
    assert [row[:3] for row in kept] == [("marks", f'["{n}"]', reason) for n in (2, 3, 5)]
    assert json.loads(kept[1][3])["points"] == 1.0
    assert json.loads(kept[1][3])["student"] is None
    assert "Juana" not in str(kept)
    assert [c.rule for c in found.checks] == ["unreadable_value"], "what was left out is not missing"
    bronze.load()
    assert len(bronze.query(REJECTED)) == 3, "and is kept once"
    drifted.sql("UPDATE marks SET student = NULL, points = NULL, at = '2024-04-01' WHERE id = 2")
    bronze.load()
    assert bronze.ids() == [1, 2, 4]
    assert [row[1] for row in bronze.query(REJECTED)] == ['["3"]', '["5"]']


@pytest.mark.postgres
def test_a_key_that_is_no_value_costs_its_row(bronze: Bronze, campus: Campus) -> None:
    campus.sql("ALTER TABLE people DROP CONSTRAINT people_pkey, ALTER person TYPE text")
    for person in ("1", "1.234", "x"):
        campus.add("people", {"person": person, "name": f"N{person}", "document": "12.345"})
    found = bronze.load(reconcile=True)
    assert bronze.rows("people", columns="person, name") == [(1, "N1")]
    kept = bronze.query(REJECTED)
    assert [row[:3] for row in kept] == [("people", "[null]", "people.person is no whole number")] * 2
    assert "12345" not in str(kept)
    (told,) = found.checks
    assert (told.rule, told.failed) == ("unreadable_value", 2)
    assert told.rows[0].startswith(f"north: {campus.schema}.people: 2 values of person are no whole number (")
    assert told.rows[0].endswith("), its row is left out")


@pytest.mark.postgres
def test_stop_is_for_what_is_out_of_range_too(bronze: Bronze, campus: Campus) -> None:
    bronze.options["north"] = '[sources.north.on_invalid]\nmarks = "stop"'
    campus.mark(7, "2024-03-01", points=Decimal("1e30"))
    campus.mark(8, "2024-03-01")
    failure = bronze.load().failures[0]
    assert "marks: infinity, NaN or too large, which stops the source, for example at id 7: points (1)" in failure.message


@pytest.mark.postgres
def test_a_null_is_no_reason_to_leave_a_row_out(bronze: Bronze, campus: Campus) -> None:
    bronze.options["north"] = 'on_invalid = "reject"'
    campus.mark(1, None, None)
    campus.add("events", {"student": None, "at": None, "reason": None})
    bronze.load(reconcile=True)
    assert bronze.ids() == [1]
    assert len(bronze.rows("events")) == 1
    assert bronze.query(REJECTED) == []


def test_files_stop_unless_they_are_told_otherwise(folder: Folder) -> None:
    folder.write("marks", "id,student,at,mark,points,day\n1,7,2024-03-01,,1,\n2,x,2024-03-02,,1,\n")
    assert "marks.csv line 3: the value of student is no whole number (a text)" in folder.load().failures[0].message
    assert folder.rows("marks") == []
    folder.format = 'on_invalid = "null"\n'
    found = folder.load()
    assert [row[:3] for row in folder.rows("marks")] == [(1, 7, dt.datetime(2024, 3, 1)), (2, None, dt.datetime(2024, 3, 2))]
    assert found.checks[0].rows == ("exports: marks.csv line 3: the value of student is no whole number (a text), null",)
    folder.format = 'on_invalid = "reject"\n'
    folder.load()
    assert [row[0] for row in folder.rows("marks")] == [1]
    assert [row[:3] for row in folder.con.execute(REJECTED).fetchall()] == [
        ("marks", '["2"]', "marks.student is no whole number")
    ]
