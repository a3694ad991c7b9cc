"""SQL of expressions that come again with other years and dates, written once.

Writing a statement takes Ibis longer than an engine takes to run it on a small warehouse, and an audit asks for the
same tables as of one cut after another: their expressions differ in a few literals. The first is written in full. Where
another one differs from it in whole numbers and dates alone, a text with marks in their place is filled in.

Nothing is taken on trust: two expressions are compared operation by operation, and a text with marks counts only if,
filled with the first expression's own values, it is the first statement to the letter. Everything else is written out.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from typing import Any

import ibis.expr.operations as ops
import ibis.expr.types as ir

from padm_ibis.define.compile import compiler_of, sql

Values = Mapping[ops.Literal, ops.Literal]
_LAST_DAY = dt.date(9999, 12, 31)


class Templates:
    """Statements by name."""

    def __init__(self, dialect: str) -> None:
        self._dialect = dialect
        self._first: dict[str, tuple[ops.Node, str]] = {}
        self._marked: dict[str, _Marked | None] = {}

    def sql(self, name: str, expression: ir.Table) -> str:
        """Return the statement of an expression; ``name`` is the same for expressions that are alike."""
        node = expression.op()
        if name in self._first:
            first, text = self._first[name]
            values = other_literals(first, node)
            if values is not None and (filled := self._filled(name, first, text, values)) is not None:
                return filled
        text = sql(expression, self._dialect, pretty=False)
        self._first[name] = node, text
        self._marked.pop(name, None)
        return text

    def filled(self, name: str, expression: ir.Table, values: Values) -> tuple[str, str] | None:
        """Return the statement of an expression, and the same with other literals; None where that has to be written."""
        if name not in self._first or self._first[name][0] != expression.op():
            return None
        text = self._first[name][1]
        filled = self._filled(name, expression.op(), text, values)
        return None if filled is None else (text, filled)

    def _filled(self, name: str, first: ops.Node, text: str, values: Values) -> str | None:
        if all(old == new for old, new in values.items()):
            return text
        if name not in self._marked:
            self._marked[name] = _marked(first, text, values, self._dialect)
        marked = self._marked[name]
        return None if marked is None else marked.filled(values)


class _Marked:
    """A statement with marks for some of its literals."""

    def __init__(self, text: str, marks: Mapping[ops.Literal, str], dialect: str) -> None:
        self._text, self._marks, self._dialect = text, marks, dialect
        longest_first = sorted(marks.values(), key=len, reverse=True)
        self._pattern = re.compile("|".join(rf"(?<![\w.]){re.escape(mark)}(?![\w.])" for mark in longest_first))

    def filled(self, values: Values) -> str | None:
        """Return the text with these values; None where one changed that has no mark."""
        if any(old != new and old not in self._marks for old, new in values.items()):
            return None
        texts = {mark: _written(values.get(old, old), self._dialect) for old, mark in self._marks.items()}
        return self._pattern.sub(lambda found: texts[found[0]], self._text)


def _marked(first: ops.Node, text: str, values: Values, dialect: str) -> _Marked | None:
    """The statement of ``first`` with a mark for each literal that has another value; None if it cannot be had."""
    changed = [old for old, new in values.items() if old != new]
    marks = {old: mark for number, old in enumerate(changed) if (mark := _mark(old, number)) is not None}
    written = {old: _written(mark, dialect) for old, mark in marks.items()}
    if len(marks) < len(changed) or any(mark in text for mark in written.values()):
        return None
    marked = _Marked(sql(first.replace(marks).to_expr(), dialect, pretty=False), written, dialect)
    return marked if marked.filled({}) == text else None


def _mark(literal: ops.Literal, number: int) -> ops.Literal | None:
    """A value of the same type that no expression has."""
    if literal.dtype.is_integer():
        return ops.Literal(literal.dtype.bounds.upper - number, literal.dtype)
    if literal.dtype.is_date():
        return ops.Literal(_LAST_DAY - dt.timedelta(days=number), literal.dtype)
    return None


def _written(literal: ops.Literal, dialect: str) -> str:
    compiler = compiler_of(dialect)
    return compiler.visit_Literal(literal, value=literal.value, dtype=literal.dtype).sql(dialect=compiler.dialect)


def other_literals(one: ops.Node, other: ops.Node) -> Values | None:
    """Return each literal of ``one`` with the one in its place in ``other``; None if anything else differs.

    None, too, where one literal stands for several values: there is no telling which of its places is which.
    """
    found: dict[ops.Literal, ops.Literal] = {}
    seen: set[tuple[ops.Node, ops.Node]] = set()
    waiting: list[tuple[Any, Any]] = [(one, other)]
    while waiting:
        a, b = waiting.pop()
        if not isinstance(a, ops.Node):
            if not _alike(a, b, waiting):
                return None
        elif isinstance(a, ops.Literal):
            if type(b) is not type(a) or a.dtype != b.dtype or found.setdefault(a, b) != b:
                return None
        elif (a, b) not in seen:
            if type(a) is not type(b):
                return None
            seen.add((a, b))
            waiting += zip(a.args, b.args, strict=True)
    return found


def _alike(a: Any, b: Any, waiting: list[tuple[Any, Any]]) -> bool:
    """Whether two arguments that are no operations are the same, apart from operations within, which are left waiting."""
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        waiting += zip(a.values(), b.values(), strict=False)
        return list(a) == list(b)
    if isinstance(a, tuple) and isinstance(b, tuple):
        waiting += zip(a, b, strict=False)
        return len(a) == len(b)
    return bool(a == b)
