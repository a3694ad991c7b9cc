"""Folders of exported files: the same rules, and no line is lost in silence."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from conftest_files import EMPTY, Folder

from padm_ibis.errors import ConfigError


def test_csv_files_are_loaded_by_the_same_rules(folder: Folder) -> None:
    folder.write("marks", 'id,student,at,mark,points,day\n1,7,2024-03-01 10:00,"7,5",0.25,2024-03-01\n2,,,,,\n')
    folder.load()
    assert folder.rows("marks") == [
        (1, 7, dt.datetime(2024, 3, 1, 10), "7,5", Decimal("0.25"), dt.date(2024, 3, 1)),
        (2, None, None, None, None, None),
    ]
    folder.write("marks", "id,student,at,mark,points,day\n1,7,2024-03-01 10:00,8,0.25,2024-03-01\n")
    found = folder.load()
    assert sum(i.changed for i in found.inputs) == 1
    assert len(folder.rows("marks")) == 2, "an incremental resource keeps what a later export leaves out"
    folder.load(full_refresh=True)
    assert len(folder.rows("marks")) == 1


def test_encoding_separator_decimal_comma_and_formats_are_declared(folder: Folder) -> None:
    folder.format = (
        '[sources.exports.files]\nencoding = "windows-1252"\nseparator = ";"\ndecimal = ","\ndate_format = "%d/%m/%Y"\n'
        'timestamp_format = "%d/%m/%Y %H:%M"\nnull = ["", "NULL"]\n'
    )
    for name, text in EMPTY.items():
        folder.write(name, text.replace(",", ";"))
    text = "ID;Student;At;Mark;Points;Day\r\n1;7;01/02/2024 10:30;“Ñandú” 5 €;1234,5;31/12/2023\r\n2;NULL;;;;\r\n"
    folder.write("marks", text, "cp1252")
    folder.load()
    assert folder.rows("marks") == [
        (1, 7, dt.datetime(2024, 2, 1, 10, 30), "“Ñandú” 5 €", Decimal("1234.5"), dt.date(2023, 12, 31)),
        (2, None, None, None, None, None),
    ]


def test_an_instant_with_a_zone_is_the_wall_clock_of_the_sources_zone(folder: Folder) -> None:
    folder.write(
        "events", "student,at,reason,kind\n1,2024-03-01T02:00:00Z,a,\n2,2024-03-01 02:00:00+01:00,b,\n3,2024-03-01 02:00,c,\n"
    )
    folder.load()
    assert [row[1] for row in folder.rows("events")] == [
        dt.datetime(2024, 2, 29, 23), dt.datetime(2024, 2, 29, 22), dt.datetime(2024, 3, 1, 2),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("2,x,2024-03-01,7,1,2024-03-01", "the value of student is no whole number (a text)"),
        ("2,1,2024-03-01,7,1,2024-02-30", "the value of day is no date (a day that no calendar has)"),
        ("2,1,31/12/2024,7,1,2024-03-01", "the value of at is no instant (a date in another format)"),
        ("2,1,2024-03-01,7,1", "too few columns"),
        ("2,1,2024-03-01,7,1,2024-03-01,surplus", "too many columns"),
    ],
)
def test_a_malformed_line_stops_the_source_and_is_named(folder: Folder, line: str, reason: str) -> None:
    good = "1,1,2024-03-01,7,1,2024-03-01"
    folder.write("marks", f"id,student,at,mark,points,day\n{good}\n")
    folder.load()
    folder.write("marks", f"id,student,at,mark,points,day\n{good}\n{line}\n{good.replace('1,', '3,', 1)}\n")
    found = folder.load()
    assert f"marks.csv line 3: {reason}" in found.failures[0].message
    assert len(folder.rows("marks")) == 1


def test_a_byte_that_is_not_in_the_encoding_stops_the_source(folder: Folder) -> None:
    folder.write("people", "person,name,document,mail\n1,Ana,,\n2,Ñandú,,\n", "latin-1")
    assert "people.csv line 3" in folder.load().failures[0].message


def test_parquet_files_are_read_too(folder: Folder) -> None:
    (folder.exports / "marks.csv").unlink()
    folder.con.execute(
        "COPY (SELECT 1::INTEGER AS id, 2::SMALLINT AS student, TIMESTAMPTZ '2024-03-01 02:00:00+00' AS at, 7.5::DOUBLE AS mark,"
        f" 0.1::DECIMAL(4,2) AS points, DATE '2024-03-01' AS day) TO '{folder.exports}/marks.parquet' (FORMAT parquet)"
    )
    folder.load()
    assert folder.rows("marks") == [(1, 2, dt.datetime(2024, 2, 29, 23), "7.5", Decimal("0.1"), dt.date(2024, 3, 1))]


def test_a_missing_file_is_a_missing_table_and_a_missing_column_a_missing_column(folder: Folder) -> None:
    (folder.exports / "people.csv").unlink()
    assert "the file people.csv, .csv.gz, .parquet or .xlsx is missing" in folder.load().failures[0].message
    folder.write("people", "person,name\n1,Ana\n")
    found = folder.load()
    assert found.complete
    assert {f.column for f in found.findings if f.table == "people"} == {"document", "mail"}


def test_a_file_that_changes_while_it_is_read_stops_the_source(folder: Folder) -> None:
    folder.write("marks", "id,student,at,mark,points,day\n1,1,,,,\n")

    def on_progress(source: str, resource: str, rows: int) -> None:
        if resource == "marks":
            folder.write("people", "person,name,document,mail\n1,Ana,,\n")

    assert "people.csv changed while it was read" in folder.load(on_progress=on_progress).failures[0].message


def test_an_unknown_key_of_files_is_named_with_the_nearest(folder: Folder) -> None:
    folder.format = '[sources.exports.files]\nseperator = ";"\n'
    with pytest.raises(ConfigError, match=r"(?s)unknown key 'sources.exports.files.seperator'.*'separator'"):
        folder.load()


def test_a_folder_that_is_not_there_cannot_be_reached(folder: Folder) -> None:
    folder.exports.rename(folder.folder / "elsewhere")
    assert not folder.load().failures[0].reached
