"""The text of a new table's files, as ``ruff format`` leaves it whatever the length of a line is."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from string import Template
from typing import Any

import ibis.expr.datatypes as dt

from padm_ibis.author.grain import SOURCE
from padm_ibis.define import contract as contracts
from padm_ibis.define.contract import Column
from padm_ibis.define.model import Model, camel

COUNT = "filas"

_WIDTH = 88  # of a line: what fits in it stays whole wherever lines may be longer

_MODEL = Template('''\
"""TODO: say in a line what $name is for."""

from __future__ import annotations

import ibis.expr.datatypes as dt
import ibis.expr.types as ir
from padm_ibis import GoldContract, column, model


class $contract(GoldContract):
    """TODO: say what it holds, one row per $grain."""

$columns

    class Config:
$unique


@model($contract)
$signature
    """TODO: say what it holds, one row per $grain."""
    rows = $table
$key
    return rows.group_by(key).agg($count=rows.count())
''')

_TEST = Template('''\
"""$name from three rows: what goes in, and what comes out."""

from __future__ import annotations

from typing import Any

from padm_ibis.testing import model_rows

$imported

# What it reads. A column left out is null, or the plainest that its contract allows.
GIVEN: dict[str, list[dict[str, Any]]] = {
$given
}
# TODO: instead of None the rows that these should give, worked out by hand, in the
# order of the key: [{$example}, …]
EXPECTED: list[dict[str, Any]] | None = None


def test_three_rows() -> None:
    assert EXPECTED is not None, "Fill in EXPECTED: the rows that GIVEN should give"
$found
    assert found == EXPECTED
''')


@dataclass(frozen=True, slots=True)
class Parts:
    """What a new table is made of.

    Attributes
    ----------
    key
        Its columns, as the contract shall have them.
    table
        The table whose rows it counts at first.
    reads
        All tables that it reads.
    """

    name: str
    module: str
    key: tuple[Column, ...]
    table: Model
    reads: tuple[Model, ...]


def model(parts: Parts) -> str:
    """Return the file of a model and its contract."""
    count = _column(COUNT, "Int64", f"Rows of {parts.table.name}.", role="measure", pii="indirect", ge=0)
    names = [column.name for column in parts.key]
    key = [_literal(name) for name in names]
    return _MODEL.substitute(
        name=parts.name,
        contract=camel(parts.name),
        grain=_listed(names),
        columns="\n".join([*(_key_column(column) for column in parts.key), count]),
        unique=_line(8, "unique = [", key, "]"),
        signature=_line(0, f"def {parts.name}(", [f"{table.name}: ir.Table" for table in parts.reads], ") -> ir.Table:"),
        table=parts.table.name,
        key=_line(4, "key = [", key, "]"),
        count=COUNT,
    )


def test(parts: Parts) -> str:
    """Return the file of its test."""
    head = f"from {parts.module}.{parts.name} import "
    whole = len(head + parts.name) <= _WIDTH
    example = {**{column.name: value for column, value in _values(parts.key, 1)}, COUNT: 1}
    return _TEST.substitute(
        name=parts.name,
        imported=head + parts.name if whole else _line(0, f"{head}(", [parts.name], ")"),
        given="\n".join([*_given(parts), *(f'    "{table.name}": [],' for table in parts.reads[1:])]),
        example=", ".join(_entries(example)),
        found=_line(4, "found = model_rows(", [parts.name, "GIVEN"], ")"),
    )


def _key_column(column: Column) -> str:
    hashed = column.name.endswith("_hash")  # gold says of a keyed hash that it is one: it follows a person everywhere
    return _column(
        column.name, type(column.dtype).__name__, column.description,
        role="key", pii=None if column.pii == "none" else column.pii, nullable=column.nullable or None, fk=column.fk,
        breaker="keyed_hash" if hashed else None, why=(column.why or "TODO: say why it is needed here.") if hashed else None,
    )  # fmt: skip


def _column(name: str, kind: str, description: str, **options: Any) -> str:
    written = [f"{option}={_literal(value)}" for option, value in options.items() if value is not None]
    return _line(4, f"{name}: dt.{kind} = column(", [_literal(description), *written], ")")


def _line(indent: int, head: str, items: Iterable[str], tail: str) -> str:
    """A line with a list in it, or, where that is too long, a line for each of the list."""
    space, parts = " " * indent, list(items)
    whole = f"{space}{head}{', '.join(parts)}{tail}"
    return whole if len(whole) <= _WIDTH else "\n".join([space + head, *(f"{space}    {part}," for part in parts), space + tail])


def _given(parts: Parts) -> list[str]:
    """The rows of the table that is counted: its key, and what the new one groups by."""
    table = contracts.columns(parts.table.contract)
    grouped = {column.name for column in parts.key}
    own = [column for column in table if column.name in parts.table.grain and column.name not in grouped]
    rows = []
    for number, group in enumerate(_numbers(parts), 1):
        values = {column.name: value for column, value in [*_values(parts.key, group), *_values(own, number)]}
        rows.append(_line(8, "{", _entries(values), "},"))
    return [f'    "{parts.table.name}": [', *rows, "    ],"]


def _numbers(parts: Parts) -> tuple[int, int, int]:
    """Two rows of the first and one of the second, but where the table has one row to each of the key."""
    alone = set(parts.table.grain) <= {column.name for column in parts.key}
    return (1, 2, 3) if alone else (1, 1, 2)


def _values(columns: Iterable[Column], number: int) -> list[tuple[Column, Any]]:
    return [(column, "sede1" if column.name == SOURCE else _value(column, number)) for column in columns]


def _entries(row: Mapping[str, Any]) -> list[str]:
    return [f'"{name}": {_literal(value)}' for name, value in row.items()]


def _value(column: Column, number: int) -> Any:
    """A plain value of a column: the first, the second or the third that its contract allows."""
    limits = {name: value for check in column.checks for name, value in (check.statistics or {}).items()}
    if allowed := limits.get("allowed_values"):
        return allowed[min(number, len(allowed)) - 1]
    if column.name.startswith(("anio", "cohorte")):
        return 2020 + number
    kinds: dict[type[dt.DataType], Any] = {
        dt.String: "abc"[number - 1],
        dt.Boolean: number > 1,
        dt.Date: f"2024-03-0{number}",
        dt.Timestamp: f"2024-03-0{number}T10:00:00",
        dt.Float64: float(number),
    }
    return kinds.get(type(column.dtype), number)


def _literal(value: Any) -> str:
    """A value as Python writes it, in double quotes."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)


def _listed(names: Iterable[str]) -> str:
    *before, last = names
    return f"{', '.join(before)} and {last}" if before else last
