"""Dates and instants that a file writes in a format of its own, in DuckDB's SQL.

DuckDB's ``strptime`` alone takes ``1/3/24`` for the year 24 and ignores what it does not expect; so a pattern made from
the format decides first. Months may have Spanish or English names, and ``a. m.`` is as good as ``AM``.
"""

from __future__ import annotations

import re

from padm_ibis.sources.values import literal

EXCEL = "excel"
"""The format of serial numbers: days since 1899-12-30, as Excel keeps dates."""
_MONTHS = (
    "ene|jan", "feb", "mar", "abr|apr", "may", "jun", "jul", "ago|aug", "sep|set", "oct", "nov", "dic|dec",
)  # fmt: skip
_NAME = rf"(?:(?i:{'|'.join(_MONTHS)})[A-Za-z]*\.?)"
_PATTERNS = {
    "d": "(?:0?[1-9]|[12][0-9]|3[01])", "m": "(?:0?[1-9]|1[0-2])", "Y": "[0-9]{4}", "y": "[0-9]{2}", "b": _NAME, "B": _NAME,
    "H": "(?:0?[0-9]|1[0-9]|2[0-3])", "I": "(?:0?[1-9]|1[0-2])", "M": "[0-5][0-9]", "S": "[0-5][0-9]", "f": "[0-9]{1,6}",
    "p": r"[\s\x{00A0}\x{202F}]*(?i:[ap])\.?[\s\x{00A0}\x{202F}]*(?i:m)\.?", "z": r"[+-][0-9]{2}:?[0-9]{2}", "%": "%",
}  # fmt: skip
_DIRECTIVE = re.compile("%-?([A-Za-z%])| +")
# Excel holds 1900 for a leap year: what lies before its 1 March is a day off, and nobody can say in which direction.
_FIRST_DAY, _LAST_DAY = 61, 2958465


def pattern(form: str) -> str:
    """Return the pattern of the texts that are written in a format."""
    parts, last = [], 0
    for found in _DIRECTIVE.finditer(form):
        parts += [re.escape(form[last : found.start()]), _PATTERNS[found[1]] if found[1] else " +"]
        last = found.end()
    return "".join([*parts, re.escape(form[last:])]).replace(f" +{_PATTERNS['p']}", _PATTERNS["p"])


def parsed(text: str, form: str) -> str:
    """Return SQL for what a text in a format says; null where it is not written so, or no calendar has such a day."""
    value, plain = text, form.replace("%-", "%")
    if "%b" in plain or "%B" in plain:
        plain = plain.replace("%b", "%m").replace("%B", "%m")
        for number, names in enumerate(_MONTHS, start=1):
            value = rf"regexp_replace({value}, '(?i)(?:{names})[a-z]*\.?', '{number:02}')"
    if "%p" in plain:
        plain = re.sub(" *%p", "%p", plain)
        value = rf"regexp_replace({value}, '[\s\x{{00A0}}\x{{202F}}]*(?i)([ap])\.?[\s\x{{00A0}}\x{{202F}}]*m\.?', '\1M')"
    value = f"regexp_replace({value}, ' +', ' ', 'g')"
    plain = re.sub(" +", " ", plain)
    return f"CASE WHEN regexp_full_match({text}, {literal(pattern(form))}) THEN try_strptime({value}, {literal(plain)}) END"


def without_midnight(text: str) -> str:
    """Return SQL for a text without the midnight that some programs write behind a day."""
    return rf"regexp_replace({text}, '[ T]+0?0:00(:00(\.0+)?)?$', '')"


def serial_day(number: str) -> str:
    """Return SQL for the day of a serial number; null for a part of a day."""
    days = f"TRY_CAST(regexp_replace({number}, '[.]0+$', '') AS INTEGER)"
    known = rf"regexp_full_match({number}, '[0-9]{{2,7}}(?:\.0+)?') AND {days} BETWEEN {_FIRST_DAY} AND {_LAST_DAY}"
    return f"CASE WHEN {known} THEN DATE '1899-12-30' + {days} END"


def serial_instant(number: str) -> str:
    """Return SQL for the instant of a serial number, to the millisecond, which is what fifteen digits hold."""
    days = f"TRY_CAST({number} AS DECIMAL(28, 18))"
    known = rf"regexp_full_match({number}, '[0-9]{{2,7}}(?:\.[0-9]+)?') AND {days} >= {_FIRST_DAY} AND {days} < {_LAST_DAY + 1}"
    # in two steps: the product would not fit into 38 digits
    passed = f"CAST(round(CAST({days} - trunc({days}) AS DOUBLE) * 86400000) AS BIGINT)"
    return (
        f"CASE WHEN {known} THEN TIMESTAMP '1899-12-30' + to_days(CAST(trunc({days}) AS INTEGER)) + to_milliseconds({passed}) END"
    )
