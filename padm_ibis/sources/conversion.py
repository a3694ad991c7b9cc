"""How a column of one type is read as another: a clear conversion or a refusal, for every type; see docs/sources.md.

What a type promises is converted. What only the values can tell, such as whether a text is a number, is judged value by
value: what is not exactly a value of the wanted type becomes null, and a condition says of which rows.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from padm_ibis.sources.exact import ISO, Written, exact, filled
from padm_ibis.sources.values import DECIMAL, Family, family, literal, null, sql_type

_WIDE = re.compile(r"u?hugeint|ubigint|oid8", re.IGNORECASE)
_AS_THEY_ARE = ("text", "varchar", "character varying", "field")


@dataclass(frozen=True, slots=True)
class Reading:
    """How a column is read.

    Attributes
    ----------
    sql
        The value; null where it is none of the wanted type.
    invalid
        Condition: there is a value, and it is none of the wanted type. None where the types leave no doubt.
    remark
        What the conversion leaves out, where it does.
    """

    sql: str
    invalid: str | None = None
    remark: str = ""


def convert(column: str, found: str, wanted: str, dialect: str, timezone: str, written: Written = ISO) -> Reading | None:
    """Return how ``column`` of the type ``found`` is read as ``wanted``; None where that makes no sense.

    An instant becomes the wall clock of the source's time zone, a text of blanks no number and no date.
    """
    return _Conversion(column, found, wanted, dialect, timezone, written).reading()


_END_OF_DAYS = 253402300800
"""Seconds of the first instant after the year 9999."""


def of_epoch(column: str, found: str, dialect: str, timezone: str) -> Reading | None:
    """Return how whole seconds since 1970, UTC, are read: as the wall clock of the source's time zone.

    0 is never, a null; what lies before it, or after the year 9999, is none. Null where the type is no whole number's.
    """
    if family(found) not in ("integer", "numeric"):
        return None
    if dialect == "postgres":  # its sessions keep to the source's zone
        instant = f"CAST(to_timestamp({column}) AS TIMESTAMP)"
    else:
        instant = f"(to_timestamp({column}) AT TIME ZONE {literal(timezone)})"
    fits = f"{column} > 0 AND {column} < {_END_OF_DAYS}"
    return Reading(
        f"CASE WHEN {fits} THEN {instant} END", f"{column} IS NOT NULL AND ({column} < 0 OR {column} >= {_END_OF_DAYS})"
    )


class _Conversion:
    def __init__(self, column: str, found: str, wanted: str, dialect: str, timezone: str, written: Written) -> None:
        self.column, self.found, self.wanted = column, found.lower(), wanted
        self.postgres, self.timezone, self.written = dialect == "postgres", timezone, written
        self.dialect, self.type = dialect, sql_type(wanted, dialect)
        if self.found == "money":  # its text is the locale's, its number is exact
            self.column = f"CAST({column} AS NUMERIC)"

    def reading(self) -> Reading | None:
        kind, target = family(self.found), family_of(self.wanted)
        if kind == "text":
            return self._of_text(target)
        if self.found == "null":
            return Reading(null(self.wanted, self.dialect))
        ways: dict[Family, Callable[[Family], Reading | None]] = {
            "text": self._to_text, "integer": self._to_integer, "numeric": self._to_numeric, "float": self._to_float,
            "date": self._to_date, "timestamp": self._to_timestamp,
        }  # fmt: skip
        if target in ways:
            return ways[target](kind)
        return Reading(self.column) if kind == target else None

    def _of_text(self, target: Family) -> Reading:
        if target == "text" and not self.written.cells:
            return Reading(self.column if self.found in _AS_THEY_ARE else self._cast())
        text = self.column if self.found in _AS_THEY_ARE else f"CAST({self.column} AS {sql_type('string', self.dialect)})"
        value = exact(text, self.wanted, self.dialect, self.timezone, self.written)
        return Reading(value, f"{filled(text)} IS NOT NULL AND ({value}) IS NULL")

    def _to_text(self, kind: Family) -> Reading | None:
        if kind == "other":
            return None
        return Reading(f"CAST({self._zoned()} AS {self.type})" if kind == "instant" else self._cast())

    def _to_integer(self, kind: Family) -> Reading | None:
        c = self.column
        if kind == "integer":
            return self._judged(f"TRY_CAST({c} AS BIGINT)") if _WIDE.fullmatch(self.found) else Reading(c)
        if kind in ("numeric", "float"):
            if self.postgres:
                fits = f"{c} >= -9223372036854775808 AND {c} < 9223372036854775808 AND {c} = TRUNC({c})"
                return self._judged(f"CASE WHEN {fits} THEN {self._cast()} END")
            return self._judged(f"CASE WHEN {c} = trunc({c}) THEN TRY_CAST({c} AS BIGINT) END")
        return self._of_boolean(kind)

    def _to_numeric(self, kind: Family) -> Reading | None:
        if kind in ("integer", "numeric"):  # `bounded` looks at the range
            return Reading(self.column)
        if kind == "float":
            match = DECIMAL.fullmatch(self.wanted)
            assert match is not None, self.wanted
            limit = 10 ** (int(match[1]) - int(match[2])) - 1
            cast = self._cast() if self.postgres else f"TRY_CAST({self.column} AS {self.type})"
            return self._judged(f"CASE WHEN ABS({self.column}) < {limit} THEN {cast} END")
        return self._of_boolean(kind)

    def _to_float(self, kind: Family) -> Reading | None:
        if kind == "float":
            return Reading(self.column)
        return Reading(self._cast()) if kind in ("integer", "numeric") else self._of_boolean(kind)

    def _to_date(self, kind: Family) -> Reading | None:
        if kind == "date":
            return Reading(self.column)
        if kind not in ("timestamp", "instant"):
            return None
        value = self._zoned() if kind == "instant" else self.column
        return Reading(f"CAST({value} AS {self.type})", remark="the time of day is left out")

    def _to_timestamp(self, kind: Family) -> Reading | None:
        if kind == "instant":
            return Reading(f"CAST({self._zoned()} AS {self.type})")
        if self.found == "timestamp_ns":
            return self._judged(f"CASE WHEN epoch_ns({self.column}) % 1000 = 0 THEN {self._cast()} END")
        if kind == "timestamp":
            return Reading(self.column)
        return Reading(self._cast()) if kind == "date" else None

    def _of_boolean(self, kind: Family) -> Reading | None:
        return Reading(f"CASE WHEN {self.column} THEN 1 WHEN NOT {self.column} THEN 0 END") if kind == "boolean" else None

    def _judged(self, value: str) -> Reading:
        return Reading(value, f"{self.column} IS NOT NULL AND ({value}) IS NULL")

    def _cast(self) -> str:
        return f"CAST({self.column} AS {self.type})"

    def _zoned(self) -> str:
        # PostgreSQL looks the zone's name up for every row; its sessions keep to the source's zone
        if self.postgres:
            return f"CAST({self.column} AS TIMESTAMP)"
        return f"({self.column} AT TIME ZONE {literal(self.timezone)})"


def family_of(wanted: str) -> Family:
    """Return what kind of type a contract means by ``wanted``."""
    if wanted.startswith("decimal"):
        return "numeric"
    names: dict[str, Family] = {"int64": "integer", "string": "text", "float64": "float", "boolean": "boolean"}
    return names.get(wanted) or family(wanted)
