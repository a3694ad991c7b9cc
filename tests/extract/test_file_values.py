"""A field is exactly a value of its column's type, or it is reported: nothing is rounded, cut off or guessed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import duckdb
import pytest
from conftest_files import Folder

from padm_ibis.config.files import FilesConfig
from padm_ibis.errors import ConfigError
from padm_ibis.sources.classes import value_class
from padm_ibis.sources.exact import CELL, ERROR, ISO, Written, exact

ZONE = "America/Argentina/Buenos_Aires"
SPANISH = Written(decimal=",", thousands=".")
NUMERIC = "decimal(18, 6)"


Read = Callable[..., Any]


@pytest.fixture(scope="module")
def read() -> Iterator[Read]:
    """What a text is read as, by DuckDB."""
    with duckdb.connect() as con:

        def value(text: str, wanted: str, written: Written = ISO) -> Any:
            sql = exact("v", wanted, "duckdb", ZONE, written)
            return con.execute(f"SELECT {sql} FROM (SELECT ?::VARCHAR AS v)", [text]).fetchall()[0][0]

        yield value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("7", 7), ("+07", 7), (" 12 ", 12), ("-3", -3), ("7.0", 7), ("7.000", 7), ("9223372036854775807", 2**63 - 1),
        ("-9223372036854775808", -(2**63)), ("0009223372036854775807", 2**63 - 1),
        ("7.5", None), ("1.234", None), ("1,234", None), ("0x10", None), ("1E11", None), ("9223372036854775808", None),
        ("-9223372036854775809", None), ("99999999999999999999", None), ("1_000", None), ("1 000", None), ("٣", None),
        ("NaN", None), ("7.", None), ("--7", None), ("siete", None), ("", None), ("true", None),
    ],
)  # fmt: skip
def test_a_whole_number_is_one_or_is_none(read: Read, text: str, value: int | None) -> None:
    assert read(text, "int64") == value


@pytest.mark.parametrize(
    ("text", "written", "value"),
    [
        ("7.5", ISO, "7.5"), (".5", ISO, "0.5"), ("1.1234560", ISO, "1.123456"), ("999999999999", ISO, "999999999999"),
        ("0000000000000001", ISO, "1"), ("7,5", ISO, None), ("1.1234567", ISO, None), ("1000000000000", ISO, None),
        ("1e3", ISO, None), ("0x1F", ISO, None), ("1.234.567", ISO, None), ("inf", ISO, None),
        ("7,5", SPANISH, "7.5"), ("1.234,5", SPANISH, "1234.5"), ("1.234", SPANISH, "1234"), ("1234,5", SPANISH, "1234.5"),
        ("12.34", SPANISH, None), ("1234.567", SPANISH, None), ("7.5", SPANISH, None), ("1.23,4", SPANISH, None),
        ("1'234.5", Written(thousands="'"), "1234.5"), ("1 234,5", Written(decimal=",", thousands=" "), "1234.5"),
        ("7.5", Written(decimal=","), None), ("1.234", Written(decimal=","), None),
    ],
)  # fmt: skip
def test_a_number_has_the_declared_signs_and_no_more_digits_than_the_type(
    read: Read, text: str, written: Written, value: str | None
) -> None:
    assert read(text, NUMERIC, written) == (None if value is None else Decimal(value))


@pytest.mark.parametrize(
    ("text", "form", "value"),
    [
        ("2024-02-29", None, "2024-02-29"), ("2024-03-01 00:00:00", None, "2024-03-01"), ("2023-02-29", None, None),
        ("1900-02-29", None, None), ("2000-02-29", None, "2000-02-29"), ("2024-04-31", None, None), ("24-03-01", None, None),
        ("2024-03-01 10:00", None, None), ("2024-3-1", None, None), ("01/03/2024", None, None), ("infinity", None, None),
        ("0000-01-01", None, None), ("20240301", None, None), ("epoch", None, None),
        ("31/12/2023", "%d/%m/%Y", "2023-12-31"), ("1/3/2024", "%d/%m/%Y", "2024-03-01"), ("1/3/24", "%d/%m/%Y", None),
        ("31/12/2023 0:00:00", "%d/%m/%Y", "2023-12-31"), ("31/12/2023 0:01", "%d/%m/%Y", None), ("31/02/2024", "%d/%m/%Y", None),
        ("12/31/2023", "%d/%m/%Y", None), ("1/3/24", "%d/%m/%y", "2024-03-01"), ("1/3/2024", "%d/%m/%y", None),
        ("01-ago.-2024", "%d-%b-%Y", "2024-08-01"), ("1-Jan-2024", "%d-%b-%Y", "2024-01-01"), ("1-xyz-2024", "%d-%b-%Y", None),
        ("1 de septiembre de 2024", "%d de %B de %Y", "2024-09-01"),
        ("45291", "excel", "2023-12-31"), ("45291.0", "excel", "2023-12-31"), ("45291.5", "excel", None), ("60", "excel", None),
    ],
)  # fmt: skip
def test_a_date_is_written_as_declared_and_stands_in_the_calendar(
    read: Read, text: str, form: str | None, value: str | None
) -> None:
    expected = None if value is None else dt.date.fromisoformat(value)
    assert read(text, "date", Written(date_format=form)) == expected


@pytest.mark.parametrize(
    ("text", "form", "value"),
    [
        ("2024-02-29", None, "2024-02-29 00:00"), ("2024-02-29T10:30", None, "2024-02-29 10:30"),
        ("2024-03-01 10:00:00.123456000", None, "2024-03-01 10:00:00.123456"), ("2024-03-01 10:00:00.1234567", None, None),
        ("2024-03-01T02:00:00Z", None, "2024-02-29 23:00"), ("2024-03-01 02:00+01:00", None, "2024-02-29 22:00"),
        ("2024-03-01 02:00:00 +0530", None, "2024-02-29 17:30"), ("2024-03-01 02:00:00 -03", None, "2024-03-01 02:00"),
        ("2024-03-01 02:00:00 UTC", None, None), ("2024-03-01 02:00:00 America/Lima", None, None),
        ("2024-03-01 24:00", None, None),
        ("2024-03-01 10:60", None, None), ("2024-03-01 10", None, None), ("24-03-01 10:00", None, None),
        ("1/3/2024 9:05", "%d/%m/%Y %H:%M", "2024-03-01 09:05"), ("01/03/2024", "%d/%m/%Y %H:%M", None),
        ("1/3/2024 9:05:30", "%d/%m/%Y %H:%M", None), ("1/3/2024 25:00", "%d/%m/%Y %H:%M", None),
        ("1/3/2024 9:05:00 p. m.", "%d/%m/%Y %I:%M:%S %p", "2024-03-01 21:05"),
        ("1/3/2024 9:05:00\u00a0a.\u00a0m.", "%d/%m/%Y %I:%M:%S %p", "2024-03-01 09:05"),
        ("1/3/2024 12:05:00 AM", "%d/%m/%Y %I:%M:%S %p", "2024-03-01 00:05"),
        ("2024-03-01 00:00:00 +0000", "%Y-%m-%d %H:%M:%S %z", "2024-02-29 21:00"),
        ("45291.4375", "excel", "2023-12-31 10:30"), ("45291.4166666667", "excel", "2023-12-31 10:00"),
        ("2958466", "excel", None),
    ],
)  # fmt: skip
def test_an_instant_is_written_as_declared_to_the_microsecond(read: Read, text: str, form: str | None, value: str | None) -> None:
    expected = None if value is None else dt.datetime.fromisoformat(value)
    assert read(text, "timestamp", Written(timestamp_format=form)) == expected


def test_a_cell_of_a_workbook_is_what_it_was_there_and_its_texts_are_as_declared(read: Read) -> None:
    spanish = Written(decimal=",", cells=True)
    assert [read(text, NUMERIC, spanish) for text in (f"{CELL}1.5", "1,5", "1.5", f"{ERROR}#N/A")] == [
        Decimal("1.5"), Decimal("1.5"), None, None,
    ]  # fmt: skip
    assert [read(text, "string", spanish) for text in (f"{CELL}7", "1,5", f"{ERROR}#N/A")] == ["7", "1,5", None]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1.234", "a number with a fraction, or with thousands set apart"), ("0x1F", "a hexadecimal number"),
        ("1E11", "a number with an exponent"), ("NaN", "no number at all: NaN or infinity"), ("Juana Pérez", "a text"),
        ("99999999999999999999", "a whole number, too large or without meaning here"),
        ("1/3/24", "a date whose year has two digits"),
        ("2024-02-30", "a day that no calendar has"), ("2024-03-01 10:00 UTC", "an instant with a zone in words"),
        ("31/12/2024", "a date in another format"), ("1 234", "a number with other signs between its digits"),
        (f"{ERROR}#DIV/0!", "an error of the workbook, such as #N/A"),
    ],
)  # fmt: skip
def test_what_a_value_is_is_said_without_the_value(text: str, said: str) -> None:
    assert value_class(text) == said


@pytest.mark.parametrize(
    ("column", "text", "kind"),
    [
        ("student", "7.5", "a number with a fraction"), ("student", "0x10", "a hexadecimal number"),
        ("student", "1E11", "a number with an exponent"), ("points", "1,5", "a number with a fraction or another decimal sign"),
        ("day", "1/3/24", "a date whose year has two digits"), ("at", "2024-03-01 10:00 CET", "an instant with a zone in words"),
    ],
)  # fmt: skip
def test_a_field_that_is_no_value_is_named_by_file_line_column_and_class(
    folder: Folder, column: str, text: str, kind: str
) -> None:
    good = {"id": "1", "student": "1", "at": "2024-03-01", "mark": "7", "points": "1", "day": "2024-03-01"}
    lines = [good, {**good, "id": "2", "mark": '"seven\nlines"'}, {**good, "id": "3", column: f'"{text}"'}]
    folder.write("marks", "\n".join([",".join(good), *(",".join(line.values()) for line in lines)]) + "\n")
    found = folder.load()
    assert f"marks.csv line 5: the value of {column} is no" in found.failures[0].message, "the line as an editor counts it"
    assert kind in found.failures[0].message
    assert text not in found.failures[0].message
    assert folder.rows("marks") == []


def test_all_that_is_wrong_with_values_is_said_at_once(folder: Folder) -> None:
    folder.write("marks", "id,student,at,mark,points,day\n" + "".join(f"{n},x,2024-03-01,,1,\n" for n in range(7)))
    folder.write("people", "person,name,document,mail\n1.5,Ana,,\n")
    message = folder.load().failures[0].message
    assert "marks.csv lines 2, 3, 4, 5, 6 and 2 more: 7 values of student are no whole number (a text)" in message
    assert "people.csv line 2: the value of person is no whole number (a number with a fraction" in message


def test_formats_are_of_the_source_or_of_a_file_or_of_a_column(folder: Folder) -> None:
    folder.format = (
        '[sources.exports.files]\ndecimal = ","\ndate_format = "%d/%m/%Y"\n'
        '[sources.exports.files.tables.marks]\nseparator = ";"\nskip = 1\n'
        '[sources.exports.files.tables.marks.columns.at]\ntimestamp_format = "excel"\ndecimal = "."\n'
        '[sources.exports.files.tables.events]\ndate_format = "iso"\n'
    )
    folder.write("marks", "Listado de notas\nid;student;at;mark;points;day\n1;7;45291.4375;x;7,5;31/12/2023\n")
    folder.write("history", "id,day,note\n1,1/3/2024,a\n")
    folder.load()
    assert folder.rows("marks") == [(1, 7, dt.datetime(2023, 12, 31, 10, 30), "x", Decimal("7.5"), dt.date(2023, 12, 31))]
    assert folder.rows("history") == [(1, dt.date(2024, 3, 1), "a")]


@pytest.mark.parametrize(
    ("format", "said"),
    [
        ('date_format = "%d/%m"', "says no whole day: %Y or %y is missing"), ('date_format = "%d/%m/%Q"', "%Q is not known"),
        ('timestamp_format = "%d/%m/%Y %I:%M"', "%I needs %p"),
        ('decimal = ","\nthousands = ","', "decimal and thousands are both"),
        ('[sources.exports.files.tables.marks]\nthousands = "."', "decimal and thousands are both"),
    ],
)  # fmt: skip
def test_a_format_that_leaves_a_guess_is_refused(folder: Folder, format: str, said: str) -> None:
    folder.format = f"[sources.exports.files]\n{format}\n"
    with pytest.raises(ConfigError) as error:
        folder.load()
    assert said in str(error.value)


def test_a_format_for_what_is_not_there_is_named(folder: Folder) -> None:
    folder.format = (
        '[sources.exports.files.tables.mark]\ndecimal = ","\n[sources.exports.files.tables.marks.columns.poinst]\ndecimal = ","\n'
    )
    message = folder.load().failures[0].message
    assert "files.tables.mark speaks of a table that is not read" in message
    assert "marks has no such column" in message
    assert "'points'" in message


def test_what_is_declared_for_a_column_is_laid_over_the_file_and_the_source() -> None:
    form = FilesConfig.model_validate({"decimal": ",", "tables": {"Marks": {"skip": 2, "columns": {"At": {"decimal": "."}}}}})
    assert (form.of("marks").decimal, form.of("marks").skip, form.of("marks", "at").decimal, form.of("people").skip) == (
        ",",
        2,
        ".",
        0,
    )
