"""Fingerprints: of what a model is, and of what a table holds.

A table's fingerprint is that of its set of rows: it depends neither on their order nor on threads, files or engine.
Each row is written as text (nulls marked, numbers exact), hashed with MD5, and the hashes are added up; a sum, unlike
an exclusive or, does not lose rows that occur twice.
"""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Iterator, Mapping, Set
from dataclasses import replace
from typing import TYPE_CHECKING

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.operations as ops
import ibis.expr.types as ir

from padm_ibis.define import contract as contracts
from padm_ibis.define.graph import Graph
from padm_ibis.define.layers import VOLATILE
from padm_ibis.define.model import Model
from padm_ibis.params import Params

if TYPE_CHECKING:
    from ibis.backends.sql import SQLBackend

ANY_DAY = datetime.date(2000, 2, 29)


@ibis.udf.scalar.builtin  # type: ignore[untyped-decorator]
def md5(text: str) -> str:  # type: ignore[empty-body]
    """MD5 in hexadecimal digits, the same on DuckDB, PostgreSQL and Spark."""


def of_model(graph: Graph, model: Model, params: Params, written: ir.Table | None = None) -> str:
    """Return the fingerprint of a model: its expression, operation by operation, and its contract.

    It is that of the code, not of a run: the same whatever the date a warehouse speaks for.

    Parameters
    ----------
    written
        Its expression, where that is there and is the same on any day.
    """
    expression = graph.bind(model, replace(params, as_of=ANY_DAY)) if written is None else written
    lines = [*_operations(expression.op())]
    for column in contracts.columns(model.contract, params):
        rules = sorted(f"{check.name} {sorted((check.statistics or {}).items())}" for check in column.checks)
        lines.append(f"{column.name} {column.dtype} {column.nullable} {column.role} {column.pii} {column.fk} {rules}")
    lines.append(str(contracts.key(model.contract)))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:32]


def _operations(root: ops.Node) -> Iterator[str]:
    """Each operation of an expression in one line, after those that it stands on."""
    for node, line in operations(root):
        yield f"{type(node).__name__}({', '.join(line)})"


def operations(root: ops.Node) -> Iterator[tuple[ops.Node, list[str]]]:
    """Yield each operation of an expression after those that it stands on, with what is said of it, those by their numbers."""
    numbers: dict[ops.Node, int] = {}
    waiting = [root]
    while waiting:
        node = waiting[-1]
        missing = [child for child in node.__children__ if child not in numbers]
        if missing:
            waiting += reversed(missing)
            continue
        waiting.pop()
        if node not in numbers:
            numbers[node] = len(numbers)
            # a reference's identifier is a number that Ibis counts up; which one it is is said by its place here
            named = zip(node.argnames, node.args, strict=True)
            yield node, [f"{k}={_part(v, numbers)}" for k, v in named if k != "identifier"]


def _part(value: object, numbers: Mapping[ops.Node, int]) -> str:
    if isinstance(value, ops.Node):
        return f"#{numbers[value]}"
    if isinstance(value, tuple):
        return f"[{', '.join(_part(v, numbers) for v in value)}]"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{k}: {_part(v, numbers)}' for k, v in value.items())}}}"
    if isinstance(value, Set):
        return f"{{{', '.join(sorted(_part(v, numbers) for v in value))}}}"
    return repr(value)


def of_rows(table: ir.Table) -> ir.Table:
    """Return an expression of one row: ``rows``, and the parts of the fingerprint of all rows."""
    columns = [c for c in table.columns if c not in VOLATILE]
    text = ibis.literal("")
    for column in columns:
        text = text + _as_text(table[column]) + "|"
    hashed = table.select(h=md5(text))
    # 28 of the 32 hexadecimal digits, as four numbers that fit PostgreSQL's integer
    parts = {f"p{i}": _number(hashed.h.substr(i * 7, 7)).sum().fill_null(0).cast("int64") for i in range(4)}
    return hashed.agg(rows=hashed.count(), **parts)


def of_expression(con: SQLBackend, table: ir.Table) -> Content:
    """Return how many rows an expression has on a connection, and the fingerprint of what they say."""
    (row,) = con.to_pyarrow(of_rows(table)).to_pylist()
    values = tuple(int(v) for v in row.values())
    return Content(values[0], combine(table.schema(), values))


def combine(schema: ibis.Schema, parts: tuple[int, ...]) -> str:
    """Return one fingerprint of columns and rows."""
    head = ", ".join(f"{name} {_kind(kind)}" for name, kind in schema.items() if name not in VOLATILE)
    return hashlib.sha256(f"{head}|{parts}".encode()).hexdigest()[:32]


class Content(tuple[int, str]):
    """Rows of a table, and the fingerprint of what they say."""

    def __new__(cls, rows: int, fingerprint: str) -> Content:
        """Make one."""
        return super().__new__(cls, (rows, fingerprint))

    @property
    def rows(self) -> int:
        """Number of rows."""
        return self[0]

    @property
    def fingerprint(self) -> str:
        """What the rows say."""
        return self[1]

    def as_dict(self) -> Mapping[str, object]:
        """As plain data."""
        return {"rows": self.rows, "fingerprint": self.fingerprint}


def _kind(kind: dt.DataType) -> str:
    """A type without what an engine adds to it: nullability, the precision of an instant."""
    return "timestamp" if kind.is_timestamp() else str(kind.copy(nullable=True))


def _as_text(value: ir.Value) -> ir.StringValue:
    """A value as text that means the same on every engine; null is a sign that no text holds."""
    kind = value.type()
    if kind.is_floating():
        text = _exact(value)
    elif kind.is_decimal():
        text = (value * 1_000_000).cast("decimal(38,0)").cast("string")
    elif kind.is_boolean():
        text = ibis.cases((value, "1"), else_="0")
    elif kind.is_date():
        text = value.strftime("%Y-%m-%d")
    elif kind.is_timestamp():
        text = value.strftime("%Y-%m-%d %H:%M:%S")
    elif kind.is_string():
        text = value.length().cast("string") + ":" + value
    else:
        text = value.cast("string")
    return value.isnull().ifelse(ibis.literal("~"), text)


def _exact(value: ir.FloatingValue) -> ir.StringValue:
    """A float as two whole numbers, which are exact: its whole part and 10^18 times the rest."""
    size = value.abs()
    whole = size.floor()
    rest = ((size - whole) * 1e18).floor().cast("int64")
    finite = (size < 9e15).fill_null(False)
    exact = (value < 0).ifelse("-", "") + whole.cast("int64").cast("string") + "." + rest.cast("string")
    return finite.ifelse(exact, ibis.literal("inf"))


_DIGITS = "0123456789abcdef"


def _number(digits: ir.StringValue) -> ir.IntegerValue:
    """Seven hexadecimal digits as a whole number."""
    total = ibis.literal(0, "int64")
    for i in range(7):
        total = total * 16 + ibis.literal(_DIGITS).find(digits.substr(i, 1)).cast("int64")
    return total
