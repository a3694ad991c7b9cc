"""What must be equal on both sides before a publication is shown: one query a table and side.

Rows, distinct keys, filled cells and exact sums of every column, and the aggregates that the configuration
declares. Floats are made whole hundredths before they are added up, so that no order of addition matters.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Protocol

import pyarrow as pa

from padm_ibis.publish.spec import TableSpec
from padm_ibis.sources.values import quote


class Database(Protocol):
    """A database that one side of a publication is."""

    dialect: str

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Run one statement and return its rows."""

    def columns(self, table: str) -> pa.Schema:
        """Return the columns of a table, qualified and quoted."""


Measures = dict[str, Any]


def measures(database: Database, table: str, spec: TableSpec, columns: pa.Schema) -> Measures:
    """Return what is compared of a table, by name; ``table`` is qualified and quoted."""
    keys = ", ".join(quote(name) for name in spec.key)
    wanted = {
        "rows": "count(*)",
        "distinct keys": f"(SELECT count(*) FROM (SELECT DISTINCT {keys} FROM {table}) AS k)",
        **{name: sql for column in columns for name, sql in _of_column(column, database.dialect).items()},
        **spec.metrics,
    }
    row = database.query(f"SELECT {', '.join(wanted.values())} FROM {table}")[0]
    return {name: _plain(value) for name, value in zip(wanted, row, strict=True)}


def orphans(database: Database, place: Callable[[str], str | None], spec: TableSpec) -> Measures:
    """Return how many rows point to a row that is not there, by reference; ``place`` is where a table stands."""
    found: Measures = {}
    for reference in spec.references:
        child, parent = place(spec.name), place(reference.table)
        if child is None or parent is None:
            continue
        pairs = zip(reference.columns, reference.target, strict=True)
        match = " AND ".join(f"p.{quote(t)} = c.{quote(own)}" for own, t in pairs)
        filled = " AND ".join(f"c.{quote(own)} IS NOT NULL" for own in reference.columns)
        sql = f"SELECT count(*) FROM {child} AS c WHERE {filled} AND NOT EXISTS (SELECT 1 FROM {parent} AS p WHERE {match})"
        found[f"orphans of {', '.join(reference.columns)} in {reference.table}"] = database.query(sql)[0][0]
    return found


def differences(source: Mapping[str, Any], target: Mapping[str, Any]) -> list[str]:
    """Return, in words, what is not equal on both sides, and keys that are not unique."""
    out = [
        f"{name}: {source[name]} at the source, {target[name]} in the target" for name in source if source[name] != target[name]
    ]
    if source.get("rows") != source.get("distinct keys"):
        out.append(f"the key is not unique at the source: {source['rows']} rows, {source['distinct keys']} keys")
    return out


def _of_column(column: pa.Field, dialect: str) -> dict[str, str]:
    """Aggregates that are exact, and equal on every engine."""
    name, kind = quote(column.name), column.type
    found = {f"{column.name} filled": f"count({name})"}
    if pa.types.is_integer(kind):
        found[f"{column.name} sum"] = f"sum({name})"
    elif pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        found[f"{column.name} sum in hundredths"] = f"sum({_cut(name, dialect)})"
    elif pa.types.is_boolean(kind):
        found[f"{column.name} true"] = f"sum(CASE WHEN {name} THEN 1 ELSE 0 END)"
    elif pa.types.is_string(kind) or pa.types.is_large_string(kind):
        found[f"{column.name} characters"] = f"sum(length({name}))"
    return found


def _cut(name: str, dialect: str) -> str:
    """The nearest whole hundredths, from one and the same float64 on every engine; a mirror may hold decimals as such."""
    number = name if dialect == "sqlite" else f"CAST({name} AS float8)"
    finite = f"CASE WHEN {name} > -1e15 AND {name} < 1e15 THEN {number} * 100 + 0.5 END"
    return f"CAST(floor({finite}) AS {'INTEGER' if dialect == 'sqlite' else 'BIGINT'})"


def _plain(value: Any) -> Any:
    """One Python number for one number, whatever the driver calls it; declared metrics count to six decimals."""
    if isinstance(value, Decimal | float):
        rounded = round(float(value), 6)
        return int(value) if value == int(value) else rounded
    return value


def key_condition(spec: TableSpec, left: str, right: str) -> str:
    """Return the SQL condition that two rows have one key; nulls are equal where the key may hold them."""
    parts: Sequence[str] = [
        f"{left}.{quote(k)} {'IS NOT DISTINCT FROM' if k in spec.nullable_key else '='} {right}.{quote(k)}" for k in spec.key
    ]
    return " AND ".join(parts)
