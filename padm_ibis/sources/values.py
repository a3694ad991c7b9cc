"""How a value of one type is read as another.

Three steps. `padm_ibis.sources.conversion` gives a column the type that the expressions of bronze work with, whatever type
this installation chose; `bounded` keeps numbers within the contract's; both are done by the source. `landed` gives what
arrives the type and the range that every engine can hold: it is done here, where a server's time is not spent on it.
"""

from __future__ import annotations

import re
from typing import Literal

Family = Literal["integer", "numeric", "float", "text", "boolean", "date", "timestamp", "instant", "time", "document", "other"]
FIELD = "field"
"""The type of a text file's columns: none but the one that we read them as."""
FIRST_DAY, LAST_DAY = "0001-01-01", "9999-12-31"
LAST_INSTANT = "9999-12-31 23:59:59.999999"
# PostgreSQL's first day is 4714-11-24 BC: whatever lies before it has run over the end of DuckDB's calendar.
_BEFORE_ALL = "4800-01-01 (BC)"
DECIMAL = re.compile(r"decimal\((\d+), (\d+)\)")

_FAMILIES: tuple[tuple[str, Family], ...] = (
    (r"(small|big|tiny|huge|u\w*)?int(eger)?\d*|(small|big)?serial|oid", "integer"),
    (r"(numeric|decimal)( ?\([\d, ]+\))?|money", "numeric"),
    (r"double( precision)?|real|float\d*", "float"),
    (r'text|varchar.*|character.*|char.*|"char"|bpchar|name|(.+\.)?citext|string|enum.*|field', "text"),
    (r"bool(ean)?", "boolean"),
    (r"date", "date"),
    (r"timestamp( with time zone|tz)", "instant"),
    (r"timestamp.*", "timestamp"),
    (r"time( without time zone)?", "time"),
    (r"jsonb?|xml|uuid", "document"),
)


def family(type_name: str) -> Family:
    """Return what kind of type a database means by ``type_name``; lists of a type are none of its kind."""
    name = type_name.lower()
    if name.endswith("]"):
        return "other"
    return next((kind for pattern, kind in _FAMILIES if re.fullmatch(pattern, name)), "other")


def quote(name: str) -> str:
    """``a"b`` → ``"a""b"``."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """``it's`` → ``'it''s'``."""
    return "'" + text.replace("'", "''") + "'"


def null(wanted: str, dialect: str) -> str:
    """Return a null of the wanted type."""
    return f"CAST(NULL AS {sql_type(wanted, dialect)})"


def sql_type(wanted: str, dialect: str) -> str:
    """``decimal(18, 6)`` → ``NUMERIC(18, 6)`` in PostgreSQL, ``DECIMAL(18, 6)`` in DuckDB."""
    postgres = dialect == "postgres"
    if match := DECIMAL.fullmatch(wanted):
        return f"{'NUMERIC' if postgres else 'DECIMAL'}({match[1]}, {match[2]})"
    names = {
        "int64": "BIGINT", "string": "TEXT" if postgres else "VARCHAR", "date": "DATE", "timestamp": "TIMESTAMP",
        "float64": "DOUBLE PRECISION" if postgres else "DOUBLE", "boolean": "BOOLEAN",
    }  # fmt: skip
    return names[wanted]


def bounded(column: str, wanted: str, dialect: str) -> tuple[str, str | None]:
    """Return SQL of the source that brings a number within the contract's type, and a condition: it was none, or too large.

    Such a number becomes null. Only PostgreSQL must do it before the row is sent: of a number without declared digits the
    reader makes a float. All other values pass untouched, for `landed`.
    """
    match = DECIMAL.fullmatch(wanted)
    if match is None:
        return column, None
    limit = 10 ** (int(match[1]) - int(match[2])) - 1
    # The cast outermost: of a CASE, PostgreSQL does not tell the scale, and the reader would take it for a float.
    value = f"CAST(CASE WHEN ABS({column}) < {limit} THEN {column} END AS {sql_type(wanted, dialect)})"
    return value, f"NOT ABS({column}) < {limit}"


def landed(column: str, wanted: str) -> tuple[str, str | None]:
    """Return DuckDB's SQL that gives a value the contract's type and range, and a condition: it had to be changed.

    ``infinity`` becomes the last day of the calendar and ``-infinity`` the first, so that its order is kept. An instant of
    PostgreSQL's last 29 years, which DuckDB's calendar lacks, arrives as one long before PostgreSQL's first, and is taken
    for infinity.
    """
    kind = sql_type(wanted, "duckdb")
    typed = f"CAST({column} AS {kind})"
    if wanted not in ("date", "timestamp"):
        return typed, None
    outside = f"NOT isfinite({typed})"
    if wanted == "timestamp":
        outside = f"{typed} < TIMESTAMP '{_BEFORE_ALL}' OR {typed} = TIMESTAMP 'infinity'"
    late = LAST_DAY if wanted == "date" else LAST_INSTANT
    end = f"CASE WHEN {typed} = CAST('-infinity' AS {kind}) THEN {kind} '{FIRST_DAY}' ELSE {kind} '{late}' END"
    return f"CASE WHEN {outside} THEN {end} ELSE {typed} END", outside
