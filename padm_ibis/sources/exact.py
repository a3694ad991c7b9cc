"""Whether a text is exactly one value of a type: the one place where that is decided, for files and drifted columns alike.

`exact` gives SQL that reads a text as the wanted type, or yields null where it is not exactly a value of it: nothing is
rounded, cut off, completed or guessed. One pattern a type decides, the same in both dialects, so that no cast can fail.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from padm_ibis.sources import formats
from padm_ibis.sources.values import DECIMAL, literal, sql_type

CELL, ERROR = "\x02", "\x03"
"""What the text of a workbook's cell begins with that was a number, a date or a truth there; or an error, such as ``#N/A``."""
_DAY = (
    r"(?:[0-9]{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)"
    r"|02-(?:0[1-9]|1[0-9]|2[0-8]))"
    r"|(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)-02-29)"
)
_MIDNIGHT = r"[ T]00:00(?::00(?:\.0+)?)?"
_TIME = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]"
_SECONDS = r":[0-5][0-9](?:\.[0-9]{1,6}0*)?"
_ZONE = r" *(?:Z|[+-](?:0[0-9]|1[0-5])(?::?[0-5][0-9])?)"
_FLOAT = r"[+-]?(?:[0-9]{1,40}(?:\.[0-9]{1,40})?|\.[0-9]{1,40})(?:[eE][+-]?[0-9]{1,2})?"
_TRUE, _FALSE = ("true", "t", "1", "yes", "y", "s", "si", "sí"), ("false", "f", "0", "no", "n")


@dataclass(frozen=True, slots=True)
class Written:
    """How a column's values are written.

    Attributes
    ----------
    thousands
        What stands between groups of three digits; empty for nothing.
    date_format, timestamp_format
        ``strptime`` formats, or ``excel`` for serial numbers of days; None for ISO 8601. In DuckDB's dialect only.
    cells
        Whether texts come from a workbook and bear the marks `CELL` and `ERROR`.
    """

    decimal: str = "."
    thousands: str = ""
    date_format: str | None = None
    timestamp_format: str | None = None
    cells: bool = False


ISO = Written()


def filled(column: str) -> str:
    """Return SQL for a text without blanks around it; of nothing but blanks, null."""
    return f"NULLIF(TRIM({column}), '')"


def exact(column: str, wanted: str, dialect: str, timezone: str, written: Written = ISO) -> str:
    """Return SQL for the value that a text exactly is; null where it is none.

    Parameters
    ----------
    wanted
        A type in Ibis's words; of texts, only those of a workbook can be wrong: its errors.
    timezone
        The zone whose wall clock an instant with an offset becomes.
    """
    if written.cells:
        cell = exact(f"substr({column}, 2)", wanted, dialect, timezone)
        plain = exact(column, wanted, dialect, timezone, Written(*_fields(written)))
        return (
            f"CASE WHEN starts_with({column}, chr({ord(ERROR)})) THEN NULL"
            f" WHEN starts_with({column}, chr({ord(CELL)})) THEN {cell} ELSE {plain} END"
        )
    if wanted == "string":
        return column
    return _Reader(dialect, timezone, written).value(filled(column), wanted)


def matches(text: str, pattern: str, dialect: str) -> str:
    """Return a condition: the whole text is as the pattern says."""
    if dialect == "postgres":
        return f"{text} ~ {literal(f'^(?:{pattern})$')}"
    return f"regexp_full_match({text}, {literal(pattern)})"


class _Reader:
    """Reads texts in one dialect, written in one way."""

    def __init__(self, dialect: str, timezone: str, written: Written) -> None:
        self.dialect, self.timezone, self.written = dialect, timezone, written

    def value(self, text: str, wanted: str) -> str:
        if wanted == "date":
            return self._date(text)
        if wanted == "timestamp":
            return self._timestamp(text)
        if wanted == "boolean":
            true, false = (", ".join(literal(word) for word in words) for words in (_TRUE, _FALSE))
            return f"CASE WHEN lower({text}) IN ({true}) THEN TRUE WHEN lower({text}) IN ({false}) THEN FALSE END"
        number = self._plain(text)
        if wanted == "int64":
            bare = f"regexp_replace({number}, {literal('[.]0+$')}, '')"
            return self._case(number, rf"(?:{_INT64})(?:\.0+)?", self._cast(bare, wanted))
        pattern = _decimal(wanted) if DECIMAL.fullmatch(wanted) else _FLOAT
        return self._case(number, pattern, self._cast(number, wanted))

    def _plain(self, text: str) -> str:
        """Return the number as a program writes it: no thousands, a decimal point."""
        mark, comma = self.written.thousands, self.written.decimal == ","
        if mark:
            grouped = rf"[+-]?[0-9]{{1,3}}(?:{re.escape(mark)}[0-9]{{3}})+(?:{re.escape(self.written.decimal)}[0-9]+)?"
            bare = f"WHEN {matches(text, grouped, self.dialect)} THEN replace({text}, {literal(mark)}, '')"
            text = f"CASE {bare} WHEN strpos({text}, {literal(mark)}) = 0 THEN {text} END"
        return f"translate({text}, ',.', '.,')" if comma else text

    def _date(self, text: str) -> str:
        form = self.written.date_format
        if form == formats.EXCEL:
            return formats.serial_day(self._plain(text))
        if form is not None:
            return f"CAST({formats.parsed(formats.without_midnight(text), form)} AS DATE)"
        return self._case(text, f"{_DAY}(?:{_MIDNIGHT})?", self._cast(f"substr({text}, 1, 10)", "date"), dated=True)

    def _timestamp(self, text: str) -> str:
        form = self.written.timestamp_format
        if form == formats.EXCEL:
            return formats.serial_instant(self._plain(text))
        if form is not None:
            value = formats.parsed(text, form)
            return self._wall_clock(value) if "%z" in form else f"CAST({value} AS TIMESTAMP)"
        naive = f"{_DAY}(?:[ T]{_TIME}(?:{_SECONDS})?)?"
        short, full = (f"{_DAY}[ T]{_TIME}{seconds}{_ZONE}" for seconds in ("", _SECONDS))
        completed = f"regexp_replace({text}, '^(.{{16}}) *(.*)$', '\\1:00\\2')"
        tight = f"regexp_replace({text}, ' +([Z+-])', '\\1')"
        return (
            f"CASE WHEN {text} LIKE '0000%' THEN NULL"
            f" WHEN {matches(text, naive, self.dialect)} THEN {self._cast(text, 'timestamp')}"
            f" WHEN {matches(text, full, self.dialect)} THEN {self._wall_clock(self._instant(tight))}"
            f" WHEN {matches(text, short, self.dialect)} THEN {self._wall_clock(self._instant(completed))} END"
        )

    def _instant(self, text: str) -> str:
        return f"{'CAST' if self.dialect == 'postgres' else 'TRY_CAST'}({text} AS TIMESTAMPTZ)"

    def _wall_clock(self, instant: str) -> str:
        if self.dialect == "postgres":  # whose session keeps to the source's zone
            return f"CAST({instant} AS TIMESTAMP)"
        return f"CAST({instant} AT TIME ZONE {literal(self.timezone)} AS TIMESTAMP)"

    def _case(self, text: str, pattern: str, value: str, *, dated: bool = False) -> str:
        year = f" AND {text} NOT LIKE '0000%'" if dated else ""
        return f"CASE WHEN {matches(text, pattern, self.dialect)}{year} THEN {value} END"

    def _cast(self, text: str, wanted: str) -> str:
        # what the pattern lets through casts; DuckDB may cast more rows than the branch is for
        return f"{'CAST' if self.dialect == 'postgres' else 'TRY_CAST'}({text} AS {sql_type(wanted, self.dialect)})"


def _fields(written: Written) -> tuple[str, str, str | None, str | None]:
    return written.decimal, written.thousands, written.date_format, written.timestamp_format


def _decimal(wanted: str) -> str:
    """``decimal(18, 6)``: at most 12 digits before the point and 6 after it; further zeros say nothing."""
    match = DECIMAL.fullmatch(wanted)
    assert match is not None, wanted
    whole, places = int(match[1]) - int(match[2]), int(match[2])
    fraction = rf"\.[0-9]{{1,{places}}}0*" if places else r"\.0+"
    return rf"[+-]?(?:0*[0-9]{{1,{whole}}}(?:{fraction})?|{fraction})"


def _up_to(greatest: str) -> str:
    """A pattern for whole numbers of as many digits as ``greatest`` that are not above it."""
    ways = [greatest]
    for place, digit in enumerate(greatest):
        if digit != "0":
            rest = len(greatest) - place - 1
            ways.append(f"{greatest[:place]}[0-{int(digit) - 1}]" + (f"[0-9]{{{rest}}}" if rest else ""))
    return "|".join(ways)


_GREATEST = str(2**63 - 1)
_INT64 = rf"[+-]?0*(?:[0-9]{{1,{len(_GREATEST) - 1}}}|{_up_to(_GREATEST)})|-{2**63}"
