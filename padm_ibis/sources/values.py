"""How a value of one type is read as another.

Three steps. `convert` gives a column the type that the expressions of bronze work with, whatever type this installation
chose; `bounded` keeps numbers within the contract's; both are done by the source. `landed` gives what arrives the type and
the range that every engine can hold: it is done here, where a server's time is not spent on it.
"""

from __future__ import annotations

import re
from typing import Literal

Family = Literal["integer", "numeric", "float", "text", "boolean", "date", "timestamp", "instant", "other"]
FIRST_DAY, LAST_DAY = "0001-01-01", "9999-12-31"
LAST_INSTANT = "9999-12-31 23:59:59.999999"
# PostgreSQL's first day is 4714-11-24 BC: whatever lies before it has run over the end of DuckDB's calendar.
_BEFORE_ALL = "4800-01-01 (BC)"
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
    # PostgreSQL looks the zone's name up for every row; its sessions keep to the source's zone, see `PostgresSource.address`
    zoned = f"CAST({column} AS TIMESTAMP)" if dialect == "postgres" else f"({column} AT TIME ZONE {literal(timezone)})"
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


def bounded(column: str, wanted: str, dialect: str) -> tuple[str, str | None]:
    """Return SQL of the source that brings a number within the contract's type, and a condition: it was none, or too large.

    Such a number becomes null. Only PostgreSQL must do it before the row is sent: of a number without declared digits the
    reader makes a float. All other values pass untouched, for `landed`.
    """
    match = _DECIMAL.fullmatch(wanted)
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
    last, first = (f"{typed} = CAST('{end}' AS {kind})" for end in ("infinity", "-infinity"))
    if wanted == "timestamp":
        last = f"({last} OR {typed} < TIMESTAMP '{_BEFORE_ALL}' AND NOT {first})"
    late = LAST_DAY if wanted == "date" else LAST_INSTANT
    value = f"CASE WHEN {last} THEN {kind} '{late}' WHEN {first} THEN {kind} '{FIRST_DAY}' ELSE {typed} END"
    return value, f"{last} OR {first}"


def _target(wanted: str) -> Family:
    if wanted.startswith("decimal"):
        return "numeric"
    names: dict[str, Family] = {"int64": "integer", "string": "text", "float64": "float", "boolean": "boolean"}
    return names.get(wanted) or family(wanted)
