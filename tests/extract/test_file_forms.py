"""Files as people export them: every form is read as it is meant, or refused by name."""

from __future__ import annotations

import datetime as dt
import gzip
import warnings
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from conftest_files import Folder

HEAD = "id,student,at,mark,points,day\n"
ROW = "1,7,2024-03-01 10:00,x,7.5,2024-03-01\n"
VALUES = (1, 7, dt.datetime(2024, 3, 1, 10), "x", Decimal("7.5"), dt.date(2024, 3, 1))


@pytest.mark.parametrize(
    ("format", "content"),
    [
        ("", HEAD + ROW),
        ("", (HEAD + ROW).encode("utf-8-sig")),
        ("", (HEAD + ROW).encode("utf-16")),
        ('encoding = "utf-16-le"', (HEAD + ROW).encode("utf-16-le")),
        ('encoding = "windows-1252"', (HEAD + ROW).encode("utf-8-sig")),
        ("", ("sep=;\r\n" + (HEAD + ROW).replace(",", ";").replace("\n", "\r\n"))),
        ("", ("sep=;\n" + (HEAD + ROW).replace(",", ";")).encode("utf-16")),
        ('separator = "~|~"', (HEAD + ROW).replace(",", "~|~")),
        ('separator = "\\t"', (HEAD + ROW).replace(",", "\t")),
        ("skip = 2", 'Universidad "de los Ríos\nListado, al 1/3/2024\n' + HEAD + ROW),
        ("", (HEAD + ROW).replace("\n", ",,\n")),
        ("", HEAD + ROW.replace("\n", ",\n")),
        ("", HEAD.replace("\n", ",,\n") + ROW),
        ("", HEAD + "\n" + ROW + "\n\n"),
        ("", HEAD.rstrip() + "\r\n" + ROW.rstrip()),
        ("", "ID,Student, At ,MARK,Points,day\n" + ROW),
        ("", HEAD.replace("student", '"student"') + ROW.replace("7.5", '"7.5"')),
    ],
)  # fmt: skip
def test_a_csv_file_of_every_form_says_the_same(folder: Folder, format: str, content: str | bytes) -> None:
    folder.format = f"[sources.exports.files]\n{format}\n"
    if "separator" in format:
        folder.format = f"[sources.exports.files.tables.marks]\n{format}\n"
    if "encoding" in format or "skip" in format:
        folder.format = folder.format.replace("files]", "files.tables.marks]")
    (folder.exports / "marks.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    found = folder.load()
    assert not found.failures, found.failures
    assert folder.rows("marks") == [VALUES]


def test_texts_keep_separators_quotes_and_newlines(folder: Folder) -> None:
    folder.format = '[sources.exports.files.tables.history]\nseparator = "||"\n'
    folder.write("people", 'person,name,document,mail\n1,"Ana, ""la ñandú""\nde Río",,\n2, sp ,,\n')
    folder.write("history", 'id||day||note\n1||2024-03-01||"a||b"\n')
    folder.load()
    assert [row[1] for row in folder.rows("people")] == ['Ana, "la ñandú"\nde Río', " sp "]
    assert folder.rows("history") == [(1, dt.date(2024, 3, 1), "a||b")]


def test_a_compressed_file_is_read_and_a_part_of_one_refused(folder: Folder) -> None:
    (folder.exports / "marks.csv").unlink()
    packed = gzip.compress((HEAD + ROW).encode())
    (folder.exports / "marks.csv.gz").write_bytes(packed)
    folder.load()
    assert folder.rows("marks") == [VALUES]
    (folder.exports / "marks.csv.gz").write_bytes(packed[:-12])
    assert "marks.csv.gz: it is not a whole gzip file" in folder.load().failures[0].message
    (folder.exports / "marks.csv.gz").write_bytes((HEAD + ROW).encode())
    assert "marks.csv.gz: it is not a whole gzip file" in folder.load().failures[0].message
    assert folder.rows("marks") == [VALUES]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "marks.csv line 1: not even a line of names"),
        ("id,student,id\n", "marks.csv line 1: the column id stands there twice"),
        (HEAD + '1,1,,"x,,\n2,1,,,,\n', "marks.csv line 2: quotes that do not end, or in the wrong place"),
        (HEAD + ROW + '2,1,,a"b"c,,\n3,1,,"x"y,,\n', "marks.csv line 4: quotes that do not end, or in the wrong place"),
        (HEAD + '1,1,,"two\nlines",,\n2,1\n', "marks.csv line 4: too few columns: 2 for 6"),
        (HEAD.replace("\n", ",\n") + ROW.replace("\n", ",\n") + ROW.replace("\n", ",surplus\n"),
         "marks.csv line 3: a value in column 7, which has no name"),
        ((HEAD + "1,1,,Ñ,,\n").encode("latin-1"), "marks.csv line 2: not in the encoding utf-8"),
        ((HEAD + ROW).encode("utf-16")[:-1], "marks.csv line 2: not in the encoding utf-16"),
    ],
)  # fmt: skip
def test_what_is_no_record_is_named_by_its_line(folder: Folder, content: str | bytes, said: str) -> None:
    (folder.exports / "marks.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    assert said in folder.load().failures[0].message


@pytest.mark.parametrize("other", ["marks.csv.gz", "marks.parquet", "marks.xlsx", "MARKS.CSV"])
def test_a_table_in_two_files_is_an_error_that_names_both(folder: Folder, other: str) -> None:
    (folder.exports / "marks.csv").write_text(HEAD + ROW)
    if other.endswith(".xlsx"):
        write_workbook(folder.exports / other, {"Hoja1": [["id"]]})
    else:
        (folder.exports / other).write_bytes(gzip.compress(HEAD.encode()))
    message = folder.load().failures[0].message
    assert "marks is in " in message
    assert "marks.csv" in message
    assert other in message
    assert "only one of them can be right" in message


def write_workbook(path: Path, sheets: dict[str, list[list[Any]]]) -> None:
    from openpyxl import Workbook

    book = Workbook()
    book.remove(book.active)
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        book.save(path)


NAMES = ["id", "student", "at", "mark", "points", "day"]


def test_a_workbook_has_a_sheet_for_each_resource(folder: Folder) -> None:
    for name in ("marks", "people"):
        (folder.exports / f"{name}.csv").unlink()
    write_workbook(
        folder.exports / "exportación 2024.xlsx",
        {
            "Marks": [NAMES, [1, 7.0, dt.datetime(2024, 3, 1, 10), "x", 7.5, dt.date(2024, 3, 1)], [],
                      ["2", "8", None, 7, "0.25", "2024-03-02"], [None, None, None, " ", None, None]],
            "people": [["person", "name", "document", "mail"], [1, "Ñandú", 12345678, None]],
            "notas al pie": [["whatever"]],
        },
    )  # fmt: skip
    (folder.exports / "~$exportación 2024.xlsx").write_bytes(b"open in Excel")
    found = folder.load()
    assert not found.failures, found.failures
    assert folder.rows("marks") == [VALUES, (2, 8, None, "7", Decimal("0.25"), dt.date(2024, 3, 2))]
    assert [(row[0], row[1]) for row in folder.rows("people")] == [(1, "Ñandú")]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ([1, 7.5, None, "x", 1, None], "(sheet Hoja1) line 4: the value of student is no whole number (a number with a fraction"),
        ([1, 7, None, "x", 1, dt.datetime(2024, 3, 1, 10)], "line 4: the value of day is no date (an instant"),
        ([1, 7, None, "#N/A", 1, None], "line 4: the value of mark is no text (an error of the workbook, such as #N/A)"),
        ([1, 7, None, "x", 0.1234567, None], "line 4: the value of points is no number of its digits"),
        ([1, 7, None, "x", 1, "1/3/2024"], "line 4: the value of day is no date (a date in another format)"),
        ([1, True, None, "x", 1, None], "line 4: the value of student is no whole number (a text)"),
        ([1, 7, None, "=1+1", 1, None], "row 4: a formula without its result"),
        ([1, 7, None, "x", 1, None, "more"], "row 4: a value in column 7, which has no name"),
    ],
)  # fmt: skip
def test_a_cell_that_is_no_value_is_named_by_sheet_and_row(folder: Folder, row: list[Any], said: str) -> None:
    (folder.exports / "marks.csv").unlink()
    folder.format = "[sources.exports.files.tables.marks]\nskip = 1\n"
    write_workbook(folder.exports / "marks.xlsx", {"Hoja1": [["Listado"], NAMES, [2, 2], row]})
    message = folder.load().failures[0].message
    assert said in message
    assert "marks.xlsx (sheet Hoja1)" in message


def test_a_workbook_that_is_none_is_named(folder: Folder) -> None:
    (folder.exports / "marks.csv").unlink()
    (folder.exports / "marks.xlsx").write_bytes(b"no zip at all")
    assert "marks.xlsx: it cannot be opened as a workbook" in folder.load().failures[0].message


def test_a_number_beyond_what_a_float_holds_is_no_whole_number_of_a_workbook(folder: Folder) -> None:
    (folder.exports / "marks.csv").unlink()
    write_workbook(folder.exports / "marks.xlsx", {"marks": [NAMES, [10**11, 2**53 - 1]]})
    folder.load()
    assert [row[:2] for row in folder.rows("marks")] == [(10**11, 2**53 - 1)]
