"""What tells something of a column: values it is computed from, and values that only decide what it is computed over.

A column that filters, joins, groups, orders or partitions leaves its mark on what is left, whether or not it is shown.
The way back is walked operation by operation, from a column to the tables that its model reads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import ibis.expr.operations as ops
import ibis.expr.types as ir

from padm_ibis.define.grain import Grain
from padm_ibis.define.lineage import Ref

VALUE, ROWS = "value", "rows"
ALL_ROWS = f"({ROWS})"
Ends = Callable[[ops.Node], bool]


@dataclass(frozen=True, slots=True)
class Influence:
    """A column of a table read, or that table's rows, and how it reaches the column that was asked for.

    Attributes
    ----------
    by
        ``value``, or how it decides: ``filter``, ``join``, ``group``, ``window``, ``order``, ``limit``, ``distinct``, a set
        operation's name, ``unnest``; ``rows`` of a table, which may be there for a reason that its model knows.
    through
        The condition or key that it stands in; None where its value arrives, and for rows.
    """

    origin: ops.Field | ops.PhysicalTable
    by: str
    through: ops.Value | None = None


@dataclass(frozen=True, slots=True)
class Ways:
    """All ways from a column back: to the tables read, or to where they were told to end."""

    influences: tuple[Influence, ...]
    ends: tuple[ops.Node, ...]


@dataclass(frozen=True, slots=True)
class _Step:
    node: ops.Node
    by: str = VALUE
    through: ops.Value | None = None


def rows_of(table: str) -> Ref:
    """That a table has the rows it has, as something that tells like a column."""
    return Ref(table, ALL_ROWS)


def ref(origin: ops.Field | ops.PhysicalTable) -> Ref:
    """The column or the rows of a table that a way begins at."""
    return Ref(getattr(origin.rel, "name", ""), origin.name) if isinstance(origin, ops.Field) else rows_of(origin.name)


class Walk:
    """The ways back through one expression.

    Parameters
    ----------
    grain
        Proves that a left join adds no row: then its right side decides about its own columns alone.
    ends
        Columns and aggregations at which a way ends; by default none.
    """

    def __init__(self, expression: ir.Table, grain: Grain, ends: Ends = lambda node: False) -> None:
        self._root, self._ends = expression.op(), ends
        self._optional = dict(_optional(self._root, grain))
        self._rows: Ways | None = None

    def column(self, name: str) -> Ways:
        """Every way to a column: to its values, and to what decides about its rows."""
        values, rows = self._followed(_Step(ops.Field(self._root, name))), self.rows()
        both = dict.fromkeys((*values.influences, *rows.influences))
        return Ways(tuple(both), tuple(dict.fromkeys((*values.ends, *rows.ends))))

    def rows(self) -> Ways:
        """Every way to what decides about the rows, whatever their columns."""
        if self._rows is None:
            self._rows = self._followed(_Step(self._root))
        return self._rows

    def values(self, name: str) -> Ways:
        """The ways to a column's values alone."""
        found = self._followed(_Step(ops.Field(self._root, name)), decisions=False)
        return Ways(tuple(i for i in found.influences if i.by == VALUE), found.ends)

    def _followed(self, start: _Step, *, decisions: bool = True) -> Ways:
        influences, ends, seen, waiting = dict[Influence, None](), dict[ops.Node, None](), set[_Step](), [start]
        while waiting:
            step = waiting.pop()
            if step in seen:
                continue
            seen.add(step)
            if self._ends(step.node):
                ends[step.node] = None
            elif isinstance(step.node, ops.Field) and not behind(step.node):
                influences[Influence(step.node, step.by, step.through)] = None
            elif isinstance(step.node, ops.PhysicalTable) and not _before(step.node):
                influences[Influence(step.node, ROWS)] = None
            else:
                further = self._of_rows(step.node) if isinstance(step.node, ops.Relation) else self._of_value(step)
                waiting += [s for s in further if decisions or (s.by == VALUE and not isinstance(s.node, ops.Relation))]
        return Ways(tuple(influences), tuple(ends))

    def _of_value(self, step: _Step) -> Iterator[_Step]:
        node = step.node
        if isinstance(node, ops.WindowFunction):
            yield _Step(node.func, step.by, step.through)
            keys = (*node.group_by, *node.order_by, node.start, node.end)
            yield from (_Step(key, "window", key) for key in keys if isinstance(key, ops.Node))
            return
        yield from (_Step(n, step.by, step.through) for n in _inside(node))
        if isinstance(node, ops.Field) and (link := self._optional.get(node.rel)) is not None:
            yield from (_Step(p, "join", p) for p in link.predicates)
            yield _Step(link.table)
        if isinstance(node, ops.Subquery):
            yield _Step(node.rel)

    def _of_rows(self, relation: ops.Relation) -> Iterator[_Step]:
        """What decides which rows a relation has, and how many."""
        for kind, value in _deciding(relation):
            yield _Step(value, kind, value)
        if isinstance(relation, ops.Limit):  # a number of rows that is counted elsewhere tells of the rows there
            counted = [n for n in (relation.n, relation.offset) if isinstance(n, ops.Value)]
            yield from (_Step(other) for n in counted for other in n.relations)
        for before in _before(relation):
            if before in self._optional:
                continue
            yield _Step(before)
        if isinstance(relation, ops.JoinChain):
            for link in relation.rest:
                if link.table not in self._optional:
                    yield from (_Step(p, "join", p) for p in link.predicates)


def path(start: ops.Node) -> list[ops.Node]:
    """Return every operation between a value and the tables its model reads."""
    seen, waiting = dict[ops.Node, None](), [start]
    while waiting:
        node = waiting.pop()
        if node not in seen:
            seen[node] = None
            waiting += _inside(node)
    return list(seen)


def _inside(node: ops.Node) -> list[ops.Node]:
    """What a value is made of, one operation further in."""
    if isinstance(node, ops.Field):
        return behind(node)
    found = [c for c in node.__children__ if not isinstance(c, ops.Relation)]
    return [*found, *(ops.Field(node.rel, name) for name in node.rel.schema.names)] if isinstance(node, ops.Subquery) else found


def behind(field: ops.Field) -> list[ops.Node]:
    """Return what a column of a relation stands for, one relation further in; nothing for one of a table."""
    relation = field.rel
    if isinstance(relation, ops.Difference):
        return [ops.Field(relation.left, field.name)]
    if isinstance(relation, ops.Set):
        return [ops.Field(relation.left, field.name), ops.Field(relation.right, field.name)]
    if isinstance(relation, ops.TableUnnest) and field.name in (relation.column_name, relation.offset):
        return [relation.column]
    if isinstance(relation, ops.FillNull) and isinstance(given := _replacement(relation, field.name), ops.Node):
        return [ops.Field(relation.parent, field.name), given]
    if field.name in relation.values:
        return [relation.values[field.name]]
    parent = getattr(relation, "parent", None)
    return [ops.Field(parent, field.name)] if parent is not None and field.name in parent.schema else []


def _replacement(relation: ops.FillNull, name: str) -> object:
    given = relation.replacements
    return given.get(name) if isinstance(given, Mapping) else given


def _before(relation: ops.Relation) -> list[ops.Relation]:
    """The relations whose rows are those of this one, before it leaves some out or brings them together."""
    if isinstance(relation, ops.JoinChain):
        return [relation.first, *(link.table for link in relation.rest)]
    return [c for c in relation.__children__ if isinstance(c, ops.Relation)]


def _deciding(relation: ops.Relation) -> Iterator[tuple[str, ops.Value]]:
    match relation:
        case ops.Filter():
            yield from (("filter", p) for p in relation.predicates)
        case ops.Aggregate():
            yield from (("group", g) for g in relation.groups.values())
        case ops.Sort():
            yield from (("order", k) for k in relation.keys)
        case ops.Limit():
            yield from (("limit", n) for n in (relation.n, relation.offset) if isinstance(n, ops.Value))
        case ops.Distinct() | ops.DropNull():
            yield from (("distinct", ops.Field(relation.parent, n)) for n in relation.parent.schema.names)
        case ops.Set() if relation.distinct or not isinstance(relation, ops.Union):
            for side in (relation.left, relation.right):
                yield from ((type(relation).__name__.lower(), ops.Field(side, n)) for n in side.schema.names)
        case ops.TableUnnest():
            yield "unnest", relation.column
        case ops.Project() | ops.DummyTable():
            yield from (("unnest", u) for v in relation.values.values() for u in v.find(ops.Unnest, filter=ops.Value))
        case _:
            return


def _optional(root: ops.Node, grain: Grain) -> Iterator[tuple[ops.Relation, ops.JoinLink]]:
    """The right sides of left joins that neither add a row nor take one away."""
    for chain in root.find(ops.JoinChain):
        for link in chain.rest:
            if link.how == "any_left" or (link.how == "left" and grain.unique_right(link)):
                yield link.table, link
