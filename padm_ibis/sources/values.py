"""How a value of one type is read as another, in the SQL of the source.

Two steps, both at the source. `convert` gives a column the type that the expressions of bronze work with, whatever type
this installation chose; `land` gives what an expression yields the type and the range that every engine can hold.
"""

from __future__ import annotations

import re
from typing import Literal

Family = Literal["integer", "numeric", "float", "text", "boolean", "date", "timestamp", "instant", "other"]
FIRST_DAY, LAST_DAY = "0001-01-01", "9999-12-31"
LAST_INSTANT = "9999-12-31 23:59:59.999999"
# PostgreSQL's calendar is 29 years longer than DuckDB's, which the values travel through.
_END_OF_TIME = "294247-01-01"
_DECIMAL = re.compile(r"decimal\((\d+), (\d+)\)")

_FAMILIES: tuple[tuple[str, Family], ...] = (
    (r"(small|big|tiny|huge|u\w*)?int(eger)?\d*|(small|big)?serial|oid", "integer"),
    (r"numeric.*|decimal.*|money", "numeric"),
    (r"double( precision)?|real|float\d*", "float"),
    (r"text|varchar.*|character.*|char.*|bpchar|name|citext|string|uuid|enum.*", "text"),
    (r"bool(ean)?", "boolean"),
    (r"date", "date"),
    (r"timestamp( with time zone|tz)", "instant"),
    (r"timestamp.*", "timestamp"),
)


def family(type_name: str) -> Family:
    """Return what kind of type ``information_schema`` means by ``type_name``."""
    name = type_name.lower()
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
    if match := _DECIMAL.fullmatch(wanted):
        return f"{'NUMERIC' if postgres else 'DECIMAL'}({match[1]}, {match[2]})"
    names = {
        "int64": "BIGINT", "string": "TEXT" if postgres else "VARCHAR", "date": "DATE", "timestamp": "TIMESTAMP",
        "float64": "DOUBLE PRECISION" if postgres else "DOUBLE", "boolean": "BOOLEAN",
    }  # fmt: skip
    return names[wanted]


def convert(column: str, found: str, wanted: str, dialect: str, timezone: str) -> str | None:
    """Return SQL that reads ``column`` of the type ``found`` as ``wanted``; None where that makes no sense.

    An instant becomes the wall clock of the source's time zone, an empty text no number and no date.
    """
    kind, target = family(found), _target(wanted)
    zoned = f"({column} AT TIME ZONE {literal(timezone)})"
    filled = f"NULLIF(TRIM({column}), '')"
    as_type = sql_type(wanted, dialect)
    if kind == target:
        return f"CAST({column} AS {as_type})" if found.lower() in ("character", "bpchar", "uuid") else column
    if target == "text":
        return f"CAST({zoned if kind == 'instant' else column} AS {as_type})"
    if target in ("date", "timestamp"):
        if kind in ("date", "timestamp"):
            return f"CAST({column} AS {as_type})"
        return f"CAST({zoned} AS {as_type})" if kind == "instant" else f"CAST({filled} AS {as_type})" if kind == "text" else None
    if target in ("integer", "numeric", "float"):
        return _number(column, kind, filled, target, as_type, dialect)
    return f"CAST({filled} AS {as_type})" if target == "boolean" and kind == "text" else None


def _number(column: str, kind: Family, filled: str, target: Family, as_type: str, dialect: str) -> str | None:
    if kind == "boolean":
        return f"CASE WHEN {column} THEN 1 WHEN NOT {column} THEN 0 END"
    if kind == "text":
        exact = "NUMERIC" if dialect == "postgres" else "DECIMAL(38, 6)"
        return f"CAST(CAST({filled} AS {exact}) AS {as_type})" if target == "integer" else f"CAST({filled} AS {as_type})"
    if kind not in ("integer", "numeric", "float"):
        return None
    if target == "integer":
        # NaN and infinity are no number of anything
        return f"CASE WHEN ABS({column}) < 9e18 THEN CAST({column} AS {as_type}) END"
    return column if target == "numeric" and kind != "float" else f"CAST({column} AS {as_type})"


def land(column: str, wanted: str, dialect: str) -> tuple[str, str | None]:
    """Return SQL that brings a value within what every engine can hold, and a condition: it had to be changed.

    ``infinity`` becomes the last day of the calendar and ``-infinity`` the first, so that its order is kept; a number that
    is none, or that the contract's type cannot hold, becomes null. All others are untouched.
    """
    infinite = f"{column} = '{{}}'" if dialect == "postgres" else f"{column} = CAST('{{}}' AS {sql_type(wanted, dialect)})"
    if wanted == "date":
        last, first = infinite.format("infinity"), infinite.format("-infinity")
        value = f"CASE WHEN {last} THEN DATE '{LAST_DAY}' WHEN {first} THEN DATE '{FIRST_DAY}' ELSE {column} END"
        return value, f"{last} OR {first}"
    if wanted == "timestamp":
        last, first = f"{column} >= TIMESTAMP '{_END_OF_TIME}'", infinite.format("-infinity")
        value = f"CASE WHEN {last} THEN TIMESTAMP '{LAST_INSTANT}' WHEN {first} THEN TIMESTAMP '{FIRST_DAY}' ELSE {column} END"
        return value, f"{last} OR {first}"
    if match := _DECIMAL.fullmatch(wanted):
        limit = 10 ** (int(match[1]) - int(match[2])) - 1
        # The cast outermost: of a CASE, PostgreSQL does not tell the scale, and the reader would take it for a float.
        value = f"CAST(CASE WHEN ABS({column}) < {limit} THEN {column} END AS {sql_type(wanted, dialect)})"
        return value, f"NOT ABS({column}) < {limit}"
    return column, None


def _target(wanted: str) -> Family:
    if wanted.startswith("decimal"):
        return "numeric"
    names: dict[str, Family] = {"int64": "integer", "string": "text", "float64": "float", "boolean": "boolean"}
    return names.get(wanted) or family(wanted)
