"""Rows in buckets: by the year of their cursor and by parts of a key, the same at a source and in bronze.

What changes at a source lies together: a night's new rows have this year's date, a corrected mark has one student. A bucket
is small enough to be read again when one of its rows moved, and there are few enough of them to keep a digest of each.
"""

from __future__ import annotations

from collections.abc import Iterable

from padm_ibis.sources.spec import ResourceSpec
from padm_ibis.sources.values import quote

PARTS = 64
_YEARS = 1900, 2200
"""Years outside are one bucket: what lies there was moved to the calendar's ends, or is a slip of the pen."""


def bucket(spec: ResourceSpec, dialect: str, row: str) -> str:
    """Return SQL for the number of a row's bucket.

    Parameters
    ----------
    dialect
        Of the place where it is worked out; the number is the same in each.
    row
        The alias under which the row's columns stand.
    """
    part = _part(spec, dialect, row)
    if spec.cursor is None:
        return part
    cursor = f"{row}.{quote(spec.cursor)}"
    first, end = (f"DATE '{year}-01-01'" for year in _YEARS)
    year = (
        f"CASE WHEN {cursor} IS NULL THEN 1 WHEN {cursor} >= {first} AND {cursor} < {end}"
        f" THEN CAST(EXTRACT(YEAR FROM {cursor}) AS BIGINT) ELSE 0 END"
    )
    return f"({year} * {PARTS + 1} + {part})"


def among(spec: ResourceSpec, dialect: str, row: str, buckets: Iterable[int]) -> str:
    """Return SQL for whether a row's bucket is one of some."""
    listed = ", ".join(map(str, sorted(buckets)))
    return f"{bucket(spec, dialect, row)} IN ({listed})" if listed else "FALSE"


def _part(spec: ResourceSpec, dialect: str, row: str) -> str:
    """One of `PARTS` parts of the rows that have a number, or a text, of the key's; without one, a part of its own.

    A number that says whose row it is does as well as one of the key.
    """
    plain = [name for name in (*spec.key, *spec.people) if name not in spec.hashes]
    number = next((name for name in plain if spec.columns[name] == "int64"), None)
    text = next((name for name in plain if spec.columns[name] == "string"), None)
    if number is not None:
        value = f"CAST({row}.{quote(number)} AS BIGINT) % {PARTS}"
        return f"CASE WHEN {row}.{quote(number)} IS NULL THEN {PARTS} ELSE ({value} + {PARTS}) % {PARTS} END"
    if text is not None:
        column = f"{row}.{quote(text)}"
        return f"CASE WHEN {column} IS NULL THEN {PARTS} ELSE {_of_text(column, dialect)} % {PARTS} END"
    return str(PARTS)


def _of_text(column: str, dialect: str) -> str:
    if dialect == "postgres":
        return f"CAST(CAST('x' || substr(md5(convert_to({column}, 'UTF8')), 1, 8) AS BIT(32)) AS BIGINT)"
    return f"CAST('0x' || substr(md5({column}), 1, 8) AS BIGINT)"
