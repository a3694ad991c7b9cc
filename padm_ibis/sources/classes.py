"""What kind of text a value is that could not be read, in words that give nothing of it away."""

from __future__ import annotations

import re

from padm_ibis.sources.exact import ERROR

_NUMBER = r"[+-]?[0-9]+"
_CLASSES = (
    (ERROR + ".*", "an error of the workbook, such as #N/A"),
    (r"[+-]?0[xX][0-9A-Fa-f]+", "a hexadecimal number"),
    (r"[+-]?[0-9.,]+[eE][+-]?[0-9]+", "a number with an exponent"),
    (r"(?i)[+-]?(nan|inf|infinity)", "no number at all: NaN or infinity"),
    (rf"{_NUMBER}", "a whole number, too large or without meaning here"),
    (rf"{_NUMBER}[.,]0*[0-9]{{3}}", "a number with a fraction, or with thousands set apart"),
    (r"[+-]?[0-9]*[.,][0-9]*", "a number with a fraction or another decimal sign, or too long"),
    (r"[+-]?[0-9][0-9.,'_\s]*", "a number with other signs between its digits"),
    (r"[0-9]{4}-[0-9]{2}-[0-9]{2}", "a day that no calendar has"),
    (r"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9:.]+ *([Zz]|[+-][0-9:]+)?", "an instant, not as declared, or a part of a day"),
    (r"[0-9]{4}-[0-9]{2}-[0-9]{2}.* *[A-Za-z/_]+", "an instant with a zone in words"),
    (r"[0-9]{1,2}[-/.][0-9]{1,2}[-/.][0-9]{2}( .*)?", "a date whose year has two digits"),
    (r"[0-9]{1,4}[-/.][0-9A-Za-zñÑ.]{1,12}[-/.][0-9]{1,4}( .*)?", "a date in another format"),
)


def value_class(text: str) -> str:
    """``1.234`` → ``a number with a fraction, or with thousands set apart``."""
    bare = text.strip().lstrip("\x02")
    return next((words for pattern, words in _CLASSES if re.fullmatch(pattern, bare)), "a text")


_TYPES = {
    "int64": "whole number", "float64": "number", "boolean": "truth value", "date": "date", "timestamp": "instant",
    "string": "text",
}  # fmt: skip


def type_words(wanted: str) -> str:
    """``int64`` → ``whole number``."""
    return _TYPES.get(wanted, "number of its digits" if wanted.startswith("decimal") else wanted)
