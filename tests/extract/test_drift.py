"""A source's tables are not always what they were: read first, then believed."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from conftest_extract import Bronze, Campus, changed

pytestmark = pytest.mark.postgres


def test_a_missing_optional_column_is_null_and_a_warning(bronze: Bronze, campus: Campus) -> None:
    campus.sql("ALTER TABLE marks DROP COLUMN points")
    campus.mark(1, "2024-03-01")
    found = bronze.load()
    assert bronze.rows("marks", columns="id, points") == [(1, None)]
    about = [(f.level, f.table, f.column, f.resources) for f in found.findings if f.table != "wide"]
    assert about == [("warning", "marks", "points", ("marks",))]
    assert f"{campus.schema}.marks has no column points: it counts as null" in found.notes[0]


def test_a_missing_required_column_is_an_error_that_names_table_and_column(both: Bronze, campus: Campus, other: Campus) -> None:
    other.mark(1, "2024-03-01")
    campus.sql("ALTER TABLE marks DROP COLUMN student; ALTER TABLE events DROP COLUMN reason")
    found = both.load()
    message = found.failures[0].message
    assert f"{campus.schema}.marks has no column student" in message
    assert f"{campus.schema}.events has no column reason" in message, "all of it is said at once"
    assert found.failures[0].reached
    assert both.ids("marks", "south") == [1]


def test_a_missing_required_table_is_an_error_that_names_it(bronze: Bronze, campus: Campus) -> None:
    campus.sql("DROP TABLE people")
    failure = bronze.load().failures[0]
    assert f"{campus.schema}.people is missing" in failure.message
    assert "needed by people" in failure.message


def test_a_missing_optional_table_is_empty(bronze: Bronze, campus: Campus) -> None:
    found = bronze.load()
    assert bronze.query("SELECT count(*) FROM bronze.wide") == [(0,)]
    assert [f.text for f in found.findings if f.table == "wide"] == [
        f"the table or view {campus.schema}.wide is missing: it counts as empty"
    ]


def test_a_table_the_user_may_not_read_counts_as_missing(bronze: Bronze, campus: Campus) -> None:
    role = f"reader_{campus.schema}"
    campus.sql(f'CREATE ROLE "{role}" LOGIN; GRANT USAGE ON SCHEMA "{campus.schema}" TO "{role}"')
    campus.sql(f'GRANT SELECT ON marks, events, history TO "{role}"')
    bronze.urls["north"] = bronze.url.replace("postgres:@", f"{role}@")
    try:
        assert f"{campus.schema}.people may not be read (the role {role} lacks SELECT)" in bronze.load().failures[0].message
    finally:
        campus.sql(f'DROP OWNED BY "{role}"; DROP ROLE "{role}"')


def test_a_new_column_is_a_note_once(bronze: Bronze, campus: Campus) -> None:
    bronze.load()
    campus.sql("ALTER TABLE marks ADD COLUMN teacher int")
    notes = bronze.load().findings
    assert ("note", f"{campus.schema}.marks has a new column teacher (integer)") in [(f.level, f.text) for f in notes]
    assert not [f for f in bronze.load().findings if f.level == "note"]


def test_a_changed_type_that_converts_is_converted(bronze: Bronze, campus: Campus) -> None:
    campus.sql("ALTER TABLE marks ALTER student TYPE varchar(10), ALTER mark TYPE numeric(4,2) USING mark::numeric")
    campus.sql("ALTER TABLE marks ALTER day TYPE timestamptz, ALTER points TYPE double precision, ALTER at TYPE text")
    campus.add(
        "marks", {"id": 1, "student": " 12 ", "at": "2024-03-01 10:00", "mark": 7.5, "day": "2024-03-01 23:00-03", "points": 0.1}
    )
    campus.add("marks", {"id": 2, "student": "", "at": " ", "mark": None, "day": None, "points": None})
    found = bronze.load()
    assert bronze.rows("marks") == [
        (1, 12, dt.datetime(2024, 3, 1, 10), "7.50", Decimal("0.100000"), dt.date(2024, 3, 1)),
        (2, None, None, None, None, None),
    ]
    assert {f.column for f in found.findings if f.level == "warning" and f.table == "marks"} == {"student", "at", "day"}
    assert "day is timestamp with time zone at the source and is read as date: the time of day is left out" in str(found.notes)


def test_a_boolean_is_read_as_text_or_number(bronze: Bronze, campus: Campus) -> None:
    campus.sql("ALTER TABLE marks ALTER mark TYPE boolean USING mark = '7', ALTER student TYPE boolean USING student = 1")
    campus.add("marks", {"id": 1, "student": True, "mark": False}, {"id": 2, "student": False, "mark": None})
    bronze.load()
    assert bronze.rows("marks", columns="id, student, mark") == [(1, 1, "false"), (2, 0, None)]


def test_a_type_that_makes_no_sense_is_an_error_that_names_it(bronze: Bronze, campus: Campus) -> None:
    campus.sql("ALTER TABLE marks ALTER at TYPE boolean USING true")
    message = bronze.load().failures[0].message
    assert f"{campus.schema}.marks.at is of type boolean, which is no timestamp" in message


def test_the_fallback_view_is_read_and_recorded(bronze: Bronze, campus: Campus) -> None:
    campus.sql("ALTER TABLE history RENAME TO kept")
    campus.sql("CREATE VIEW history_basic AS SELECT id, day FROM kept")
    campus.add("kept", {"id": 1, "day": "2024-03-01", "note": "full"})
    found = bronze.load()
    assert bronze.rows("history") == [(1, dt.date(2024, 3, 1), None)]
    assert {i.resource: i.note for i in found.inputs}["history"] == "history_basic in place of history"


def test_there_is_never_a_mixture_of_a_view_and_its_fallback(bronze: Bronze, campus: Campus) -> None:
    campus.sql("ALTER TABLE history RENAME TO kept")
    campus.sql("CREATE VIEW history_basic AS SELECT id, day FROM kept")
    campus.add("kept", {"id": 1, "day": "2014-03-01", "note": "a"}, {"id": 2, "day": "2024-03-01", "note": "b"})
    bronze.load()
    campus.sql("CREATE VIEW history AS SELECT * FROM kept")
    found = bronze.load()
    assert bronze.rows("history", columns="id, note") == [(1, "a"), (2, "b")], "the row before the lookback is read again too"
    assert "definition changed" in {i.resource: i.note for i in found.inputs}["history"]
    campus.sql("DROP VIEW history")
    bronze.load()
    assert bronze.rows("history", columns="id, note") == [(1, None), (2, None)]


def test_a_column_that_comes_back_is_filled_in_old_rows_too(bronze: Bronze, campus: Campus) -> None:
    campus.mark(1, "2014-03-01")
    campus.mark(2, "2024-03-01")
    campus.sql("ALTER TABLE marks DROP COLUMN points")
    bronze.load()
    campus.sql("ALTER TABLE marks ADD COLUMN points numeric; UPDATE marks SET points = 5")
    assert changed(bronze.load()) == {"marks": 2}
    assert bronze.rows("marks", columns="id, points") == [(1, 5), (2, 5)]


def test_a_materialised_view_is_a_table_like_any_other(bronze: Bronze, campus: Campus) -> None:
    campus.sql("ALTER TABLE history RENAME TO kept")
    campus.add("kept", {"id": 1, "day": "2024-03-01", "note": "a"})
    campus.sql("CREATE MATERIALIZED VIEW history AS SELECT * FROM kept")
    bronze.load()
    assert bronze.ids("history") == [1]


def test_bronze_of_an_earlier_contract_is_reshaped_and_read_again(bronze: Bronze, campus: Campus) -> None:
    campus.mark(1, "2014-03-01", points=5)
    campus.mark(2, "2024-03-01", points=5)
    bronze.load()
    bronze.query("ALTER TABLE bronze.marks DROP COLUMN points")
    bronze.query("ALTER TABLE bronze.marks ADD COLUMN abandoned INTEGER")
    bronze.load()
    assert bronze.rows("marks", columns="id, points") == [(1, 5), (2, 5)]
    assert [c for (c,) in bronze.query("SELECT column_name FROM duckdb_columns() WHERE table_name = 'marks'")][-2:] == [
        "_extracted_at",
        "_run_id",
    ]
