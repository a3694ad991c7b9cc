"""Everything between bronze and what is compared, table by table: each whole, or the rows of the sampled people alone."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import ibis.expr.types as ir

from padm_ibis.audit import events
from padm_ibis.audit.apart import Rows, apart
from padm_ibis.audit.compare import SOURCE, STUDENT
from padm_ibis.define.grain import used_columns
from padm_ibis.define.graph import Graph
from padm_ibis.define.model import Model


@dataclass(frozen=True, slots=True)
class Part:
    """A table, or its rows of the sampled people."""

    model: Model
    whole: bool = True

    @property
    def label(self) -> str:
        """What it is called among temporary tables: no table's name has a colon."""
        return self.model.name if self.whole else f"{self.model.name}:sampled"

    def __hash__(self) -> int:
        """By its label: a model holds what cannot be hashed."""
        return hash(self.label)


class Chain:
    """The parts from which audited tables are made, in building order.

    Parameters
    ----------
    expressions
        Table name → its expression over tables without data, of all tables between bronze and those audited.
    compared
        Audited table → its columns to compare, those of its key included.
    whole
        Whether to rebuild everything from everybody's rows.

    Attributes
    ----------
    audited
        The parts to compare. Of a table that others need whole, all rows are there anyway.
    needed
        Label of a part → its columns that something audited may depend on.
    """

    def __init__(
        self, graph: Graph, expressions: Mapping[str, ir.Table], compared: Mapping[str, Collection[str]], *, whole: bool
    ) -> None:
        self._used = {name: _read(expression) for name, expression in expressions.items()}
        columns = _needed(self._used, compared)
        self._apart = {} if whole else apart(graph, expressions, columns)
        self.parts, self.audited = self._planned(graph, compared)
        self.needed: dict[str, set[str]] = {part.label: set(compared[part.model.name]) for part in self.audited}
        for part in self.parts:
            for name, read in self._used.get(part.model.name, {}).items():
                self.needed.setdefault(self.input(part, graph[name]).label, set()).update(read)
        self.by_table: Mapping[str, Collection[str]] = columns

    def input(self, part: Part, model: Model) -> Part:
        """The part of a table that another part is made from."""
        return Part(model, part.whole or model.name not in self._apart)

    @property
    def sampled(self) -> tuple[str, ...]:
        """Audited tables of which the rows of the sampled people are compared."""
        return tuple(part.model.name for part in self.audited if not part.whole)

    def _planned(self, graph: Graph, tables: Collection[str]) -> tuple[tuple[Part, ...], tuple[Part, ...]]:
        whole = {name for name in tables if not _of_students(self._apart.get(name))}
        while True:
            audited = {name: Part(graph[name], name in whole) for name in tables}
            parts = self._upstream(graph, audited.values())
            needed_whole = {name for name in tables if Part(graph[name]) in parts}
            if needed_whole == whole:
                ordered = tuple(part for model in graph for part in (Part(model), Part(model, whole=False)) if part in parts)
                return ordered, tuple(part for part in ordered if part in audited.values())
            whole = needed_whole

    def _upstream(self, graph: Graph, parts: Collection[Part]) -> set[Part]:
        found = set(parts)
        for model in reversed(tuple(graph)):
            if model.layer != "bronze":
                mine = [part for part in (Part(model), Part(model, whole=False)) if part in found]
                found |= {self.input(part, graph[name]) for part in mine for name in model.inputs}
        return found


def _of_students(rows: Rows | None) -> bool:
    """Whether a table says of each row of which student record it is."""
    told = {name: i.of for name, i in rows.ids.items()} if rows is not None else {}
    return told.get(SOURCE) == events.SOURCE and told.get(STUDENT) == events.STUDENT


def _read(expression: ir.Table) -> dict[str, set[str]]:
    """Table → the columns that an expression reads of it."""
    found: dict[str, set[str]] = {}
    for relation, columns in used_columns(expression.op()).items():
        if getattr(relation, "namespace", None) is not None:
            found.setdefault(relation.name, set()).update(columns)
    return found


def _needed(used: Mapping[str, Mapping[str, set[str]]], compared: Mapping[str, Collection[str]]) -> dict[str, set[str]]:
    """Table → its columns that something audited may depend on."""
    needed = {name: set(columns) for name, columns in compared.items()}
    for read in used.values():
        for name, columns in read.items():
            needed.setdefault(name, set()).update(columns)
    return needed
