"""What must be equal on both sides before a publication is shown: one query a table and side.

Rows, filled cells and an exact sum of every column, distinct keys where no unique index proves them, and the aggregates
that the configuration declares; then the rows that point to nothing. Floats are made whole ten-thousandths before they
are added up, so that no order of addition matters.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol

import pyarrow as pa

from padm_ibis.publish.spec import Reference, TableSpec
from padm_ibis.sources.values import quote


class Database(Protocol):
    """A database that one side of a publication is."""

    dialect: str

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Run one statement and return its rows."""

    def columns(self, table: str) -> pa.Schema:
        """Return the columns of a table, qualified and quoted."""


Measures = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Side:
    """A database, and where in it the tables stand that are compared.

    Attributes
    ----------
    place
        Table → its name there, qualified and quoted.
    """

    database: Database
    place: Mapping[str, str]

    def measures(self, spec: TableSpec, columns: pa.Schema, *, keys: bool) -> Measures:
        """Return what is compared of a table, by name.

        Parameters
        ----------
        keys
            Whether to count distinct keys.
        """
        table = self.place[spec.name]
        wanted = {
            "rows": "count(*)",
            **{name: sql for column in columns for name, sql in _of_column(column, self.database.dialect).items()},
            **spec.metrics,
        }
        if keys:
            listed = ", ".join(quote(name) for name in spec.key)
            wanted["distinct keys"] = f"(SELECT count(*) FROM (SELECT DISTINCT {listed} FROM {table}) AS k)"
        row = self.database.query(f"SELECT {', '.join(wanted.values())} FROM {table}")[0]
        return {name: _plain(value) for name, value in zip(wanted, row, strict=True)}

    def orphans(self, spec: TableSpec, references: Iterable[Reference]) -> Measures:
        """Return how many rows point to a row that is not there, by reference."""
        found: Measures = {}
        for reference in references:
            pairs = zip(reference.columns, reference.target, strict=True)
            match = " AND ".join(f"p.{quote(t)} = c.{quote(own)}" for own, t in pairs)
            filled = " AND ".join(f"c.{quote(own)} IS NOT NULL" for own in reference.columns)
            rows = self.database.query(
                f"SELECT count(*) FROM {self.place[spec.name]} AS c WHERE {filled}"
                f" AND NOT EXISTS (SELECT 1 FROM {self.place[reference.table]} AS p WHERE {match})"
            )
            found[f"orphans of {', '.join(reference.columns)} in {reference.table}"] = rows[0][0]
        return found


def differences(source: Mapping[str, Any], target: Mapping[str, Any]) -> list[str]:
    """Return, in words, what is not equal on both sides."""
    return [
        f"{name}: {source[name]} at the source, {target[name]} in the target"
        for name in source
        if not _equal(source[name], target[name])
    ]


def _equal(source: Any, target: Any) -> bool:
    """Whether two results are one; a declared metric over floats depends on the order in which they are added up."""
    if isinstance(source, float) or isinstance(target, float):
        return source is not None and target is not None and math.isclose(source, target, rel_tol=1e-9, abs_tol=1e-6)
    return bool(source == target)


def key_problems(source: Mapping[str, Any], spec: TableSpec) -> list[str]:
    """Return, in words, why the key of a table does not identify its rows."""
    rows = source["rows"]
    out = [
        f"the key column {name} holds nulls: {rows - source[f'{name} filled']} rows"
        for name in spec.key
        if name not in spec.nullable_key and source[f"{name} filled"] != rows
    ]
    if source.get("distinct keys", rows) != rows:
        out.append(f"the key is not unique at the source: {rows} rows, {source['distinct keys']} keys")
    return out


def _of_column(column: pa.Field, dialect: str) -> dict[str, str]:
    """Aggregates that are exact, and equal on every engine."""
    name, kind = quote(column.name), column.type
    found = {f"{column.name} filled": f"count({name})"}
    if pa.types.is_integer(kind):
        found[f"{column.name} sum"] = f"sum({name})"
    elif pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        found[f"{column.name} sum in ten-thousandths"] = f"sum({_cut(name, dialect)})"
    elif pa.types.is_boolean(kind):
        found[f"{column.name} true"] = f"sum(CASE WHEN {name} THEN 1 ELSE 0 END)"
    elif pa.types.is_string(kind) or pa.types.is_large_string(kind):
        found[f"{column.name} bytes"] = f"sum({_BYTES[dialect].format(name)})"
    elif pa.types.is_date(kind) or (pa.types.is_timestamp(kind) and kind.tz is None):
        found[f"{column.name} days"] = f"sum({_DAYS[dialect].format(name)})"
    return found


# bytes, not characters: no engine has to decode the text
_BYTES = {"duckdb": "strlen({0})", "postgres": "octet_length({0})", "sqlite": "length(CAST({0} AS BLOB))"}
_SINCE = "CASE WHEN isfinite({0}) THEN CAST({0} AS date) - DATE '2000-01-01' END"
_DAYS = {"duckdb": _SINCE, "postgres": _SINCE, "sqlite": "CAST(julianday(date({0})) - 2451544.5 AS INTEGER)"}


def _cut(name: str, dialect: str) -> str:
    """The nearest whole ten-thousandths, from one and the same float64 on every engine; a mirror may hold decimals as such."""
    number = name if dialect == "sqlite" else f"CAST({name} AS float8)"
    finite = f"CASE WHEN {name} > -1e14 AND {name} < 1e14 THEN {number} * 10000 + 0.5 END"
    return f"CAST(floor({finite}) AS {'INTEGER' if dialect == 'sqlite' else 'BIGINT'})"


def _plain(value: Any) -> Any:
    """One Python number for one whole number, whatever the driver calls it."""
    whole = isinstance(value, Decimal | float) and math.isfinite(value) and value == int(value)
    return int(value) if whole else value


def key_condition(spec: TableSpec, left: str, right: str) -> str:
    """Return the SQL condition that two rows have one key; nulls are equal where the key may hold them."""
    parts: Sequence[str] = [
        f"{left}.{quote(k)} {'IS NOT DISTINCT FROM' if k in spec.nullable_key else '='} {right}.{quote(k)}" for k in spec.key
    ]
    return " AND ".join(parts)


def null_safe(key: Iterable[str], left: str, right: str) -> str:
    """Return the SQL condition that two rows have one key; nulls are equal."""
    return " AND ".join(f"{left}.{quote(k)} IS NOT DISTINCT FROM {right}.{quote(k)}" for k in key)
