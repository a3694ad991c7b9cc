"""Where every column comes from, read off the Ibis operations: no SQL is parsed, no data read.

A column has *values* (the columns it is computed from) and, apart from them, *indirect* ones: those that only
filter, join, group or order the rows it stands in. Both are followed through every model down to the sources.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import reduce
from typing import Any

import ibis.expr.operations as ops
import ibis.expr.types as ir
from ibis.expr.operations.relations import Simple

from padm_ibis.define.grain import injective
from padm_ibis.define.layers import LOADER_COLUMNS
from padm_ibis.errors import UnknownName

UNRESOLVED = "?"


@dataclass(frozen=True, slots=True, order=True)
class Ref:
    """A column of a table."""

    table: str
    column: str

    def __str__(self) -> str:
        """``table.column``."""
        return f"{self.table}.{self.column}"


NOTHING: frozenset[Ref] = frozenset()


@dataclass(frozen=True, slots=True)
class Origin:
    """What one column is made from, one step back.

    Attributes
    ----------
    values
        Columns it is computed from.
    indirect
        Columns that only decide which rows it is computed over.
    how
        What happens on the way: ``computed``, ``aggregate``, ``window``; empty for a mere copy.
    """

    values: frozenset[Ref] = NOTHING
    indirect: frozenset[Ref] = NOTHING
    how: frozenset[str] = frozenset()

    def __or__(self, other: Origin) -> Origin:
        """Both together."""
        return Origin(self.values | other.values, self.indirect | other.indirect, self.how | other.how)

    @property
    def resolved(self) -> bool:
        """Whether every column it comes from is known."""
        return all(ref.table != UNRESOLVED for ref in self.values | self.indirect)


@dataclass(frozen=True, slots=True)
class _Rows:
    """A relation half-way: its columns, and what decides which rows it has."""

    columns: Mapping[str, Origin]
    rows: frozenset[Ref]


def of_expression(expression: ir.Table) -> dict[str, Origin]:
    """Return, for each column of an expression, what it is made from in the tables that the expression reads."""
    result = expression.op().map(_visit)[expression.op()]
    return {name: Origin(o.values, (o.indirect | result.rows) - o.values, o.how) for name, o in result.columns.items()}


def _visit(node: ops.Node, known: Mapping[ops.Node, Any], **_: Any) -> Any:
    if isinstance(node, ops.Relation):
        return _relation(node, known)
    if isinstance(node, ops.Value):
        return _value(node, known)
    return None


def _all(origins: Iterable[Origin]) -> Origin:
    return reduce(Origin.__or__, origins, Origin())


def _touched(values: Iterable[ops.Node], known: Mapping[ops.Node, Any]) -> frozenset[Ref]:
    """Everything that decides about rows when ``values`` do."""
    origin = _all(known[v] for v in values)
    return origin.values | origin.indirect


def _relation(node: ops.Relation, known: Mapping[ops.Node, Any]) -> _Rows:
    match node:
        case ops.JoinChain():
            parts = [known[t] for t in (node.first, *(link.table for link in node.rest))]
            rows = _touched((p for link in node.rest for p in link.predicates), known)
            return _Rows({n: known[v] for n, v in node.values.items()}, rows.union(*(p.rows for p in parts)))
        case ops.Set():
            return _set(node, known[node.left], known[node.right])
        case ops.DummyTable():
            return _Rows({n: known[v] for n, v in node.values.items()}, NOTHING)
        case ops.SQLQueryResult() | ops.SQLStringView():
            return _Rows({n: Origin(frozenset({Ref(UNRESOLVED, n)})) for n in node.schema.names}, NOTHING)
        case _ if getattr(node, "parent", None) is not None:
            return _derived(node, known[node.parent], known)
        case ops.PhysicalTable():
            return _Rows({n: Origin(frozenset({Ref(node.name, n)})) for n in node.schema.names}, NOTHING)
        case _:
            return _Rows({n: Origin(frozenset({Ref(UNRESOLVED, n)})) for n in node.schema.names}, NOTHING)


def _derived(node: ops.Relation, parent: _Rows, known: Mapping[ops.Node, Any]) -> _Rows:
    match node:
        case ops.Project():
            return _Rows({n: known[v] for n, v in node.values.items()}, parent.rows)
        case ops.Aggregate():
            columns = {n: known[v] for n, v in node.values.items()}
            return _Rows(columns, parent.rows | _touched(node.groups.values(), known))
        case ops.Filter():
            return _Rows(parent.columns, parent.rows | _touched(node.predicates, known))
        case ops.DropColumns():
            return _Rows({n: parent.columns[n] for n in node.schema.names}, parent.rows)
        case ops.Limit(parent=ops.Sort(keys=keys)):
            return _Rows(parent.columns, parent.rows | _touched(keys, known))
        case ops.Distinct() | ops.DropNull():
            return _Rows(parent.columns, parent.rows | _all(parent.columns.values()).values)
        case ops.FillNull():
            return _Rows({n: o | Origin(how=frozenset({"computed"})) for n, o in parent.columns.items()}, parent.rows)
        case ops.TableUnnest():
            return _Rows({**parent.columns, **dict.fromkeys(_new_columns(node), known[node.column])}, parent.rows)
        case ops.Reference() | ops.AliasedRelation() | Simple():
            return parent
        case _:
            return _Rows({n: Origin(frozenset({Ref(UNRESOLVED, n)})) for n in node.schema.names}, parent.rows)


def _new_columns(node: ops.TableUnnest) -> Iterator[str]:
    yield node.column_name
    if node.offset is not None:
        yield node.offset


def _set(node: ops.Set, left: _Rows, right: _Rows) -> _Rows:
    columns = {n: left.columns[n] | right.columns[n] for n in node.schema.names}
    rows = left.rows | right.rows
    if node.distinct or not isinstance(node, ops.Union):
        rows |= _all(columns.values()).values
    return _Rows(columns, rows)


_BY_ORDER = (ops.RowNumber, ops.MinRank, ops.DenseRank, ops.PercentRank, ops.CumeDist, ops.NTile)


def _value(node: ops.Value, known: Mapping[ops.Node, Any]) -> Origin:
    match node:
        case ops.Field():
            return known[node.rel].columns[node.name]
        case ops.WindowFunction():
            return _window(node, known)
        case ops.CountStar() | ops.CountDistinctStar():
            return Origin(how=frozenset({"aggregate"})) | (known[node.where] if node.where is not None else Origin())
        case ops.Alias() | ops.SortKey():
            return known[node.arg]
        case ops.Subquery():
            inner = known[node.rel]
            return _all(
                [
                    *inner.columns.values(),
                    Origin(indirect=inner.rows, how=frozenset({"computed"})),
                    *(known[c] for c in node.__children__ if isinstance(c, ops.Value)),
                ]
            )
        case _:
            origin = _all(known[child] for child in node.__children__ if isinstance(child, ops.Value))
            if injective(node) is not node or not origin.values:
                return origin
            return origin | Origin(how=frozenset({"aggregate" if isinstance(node, ops.Reduction) else "computed"}))


def _window(node: ops.WindowFunction, known: Mapping[ops.Node, Any]) -> Origin:
    keys = [*node.group_by, *node.order_by]
    origin = known[node.func] | Origin(indirect=_touched(keys, known), how=frozenset({"window"}))
    if isinstance(node.func, _BY_ORDER):
        return origin | _all(known[key] for key in node.order_by)
    return origin


@dataclass(frozen=True)
class Lineage:
    """The lineage of a set of models, whole way.

    Parameters
    ----------
    expressions
        Table name → its model's expression over tables without data. Any other table is a source.
    layers
        Table name → its layer.
    """

    expressions: Mapping[str, ir.Table]
    layers: Mapping[str, str] = field(default_factory=dict)
    _direct: dict[str, dict[str, Origin]] = field(default_factory=dict, init=False, repr=False)
    _sources: dict[Ref, Origin] = field(default_factory=dict, init=False, repr=False)

    def layer(self, table: str) -> str:
        """The layer of a table; ``source`` for one that no model makes."""
        return self.layers.get(table, "source")

    def table(self, name: str) -> dict[str, Origin]:
        """Return what each column of a table is made from, one step back.

        Raises
        ------
        UnknownName
            If no model makes that table.
        """
        if name not in self.expressions:
            raise UnknownName("table", name, self.expressions)
        if name not in self._direct:
            self._direct[name] = of_expression(self.expressions[name])
        return self._direct[name]

    def column(self, ref: Ref) -> Origin:
        """Return what a column is made from, one step back; nothing for a source's column.

        Raises
        ------
        UnknownName
            If its table has no such column.
        """
        if ref.table not in self.expressions:
            return Origin()
        columns = self.table(ref.table)
        if ref.column in columns:
            return columns[ref.column]
        if self.layer(ref.table) == "bronze" and ref.column in LOADER_COLUMNS:
            return Origin()
        raise UnknownName("column", ref.column, columns, where=ref.table)

    def sources(self, ref: Ref) -> Origin:
        """Return the source columns a column is made from, and those that only decide about its rows."""
        if ref not in self._sources:
            direct = self.column(ref)
            if ref.table not in self.expressions or not (direct.values | direct.indirect or direct.how):
                self._sources[ref] = Origin(frozenset({ref}) if ref.table not in self.expressions else NOTHING)
            else:
                values = _all(self.sources(v) for v in direct.values)
                indirect = _all(self.sources(v) for v in direct.indirect)
                beside = (values.indirect | indirect.values | indirect.indirect) - values.values
                self._sources[ref] = Origin(values.values, beside, values.how | direct.how)
        return self._sources[ref]


# --- shown -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Node:
    """One column in a tree of lineage.

    Attributes
    ----------
    repeated
        Whether its own origins are shown elsewhere in the tree.
    """

    ref: Ref
    layer: str
    how: tuple[str, ...]
    values: tuple[Node, ...]
    indirect: tuple[Ref, ...]
    repeated: bool = False

    def as_dict(self) -> dict[str, Any]:
        """As plain data, for JSON."""
        return {
            "column": str(self.ref),
            "layer": self.layer,
            "how": list(self.how),
            "values": [child.as_dict() for child in self.values],
            "indirect": [str(ref) for ref in self.indirect],
            **({"repeated": True} if self.repeated else {}),
        }


def tree(lineage: Lineage, ref: Ref) -> Node:
    """Return a column with everything it is made from below it, each column's origins shown once."""
    seen: set[Ref] = set()

    def grow(ref: Ref) -> Node:
        origin, repeated = lineage.column(ref), ref in seen
        seen.add(ref)
        below = () if repeated else tuple(grow(v) for v in sorted(origin.values))
        how = tuple(sorted(origin.how))
        return Node(ref, lineage.layer(ref.table), how, below, tuple(sorted(origin.indirect)), repeated and bool(origin.values))

    return grow(ref)


def edges(lineage: Lineage, starts: Iterable[Ref], *, indirect: bool = False) -> list[tuple[Ref, Ref, bool]]:
    """Return (from, to, whether it is a value) for everything above ``starts``, in a stable order."""
    found: set[tuple[Ref, Ref, bool]] = set()
    pending, seen = list(starts), set()
    while pending:
        ref = pending.pop()
        if ref in seen:
            continue
        seen.add(ref)
        origin = lineage.column(ref)
        found |= {(v, ref, True) for v in origin.values}
        found |= {(v, ref, False) for v in origin.indirect} if indirect else set()
        pending += [*origin.values, *(origin.indirect if indirect else ())]
    return sorted(found)


def mermaid(lineage: Lineage, starts: Iterable[Ref], *, indirect: bool = False) -> str:
    """Return the lineage as a Mermaid flow chart, tables as boxes around their columns."""
    starts = list(starts)
    links = edges(lineage, starts, indirect=indirect)
    columns = sorted({*starts, *(r for a, b, _ in links for r in (a, b))})
    number = {ref: f"c{i}" for i, ref in enumerate(columns)}
    lines = ["flowchart LR"]
    for table in dict.fromkeys(ref.table for ref in columns):
        lines.append(f'  subgraph {table}["{lineage.layer(table)}.{table}"]')
        lines += [f'    {number[ref]}["{ref.column}"]' for ref in columns if ref.table == table]
        lines.append("  end")
    lines += [f"  {number[a]} {'-->' if value else '-.->'} {number[b]}" for a, b, value in links]
    return "\n".join(lines)


def dot(lineage: Lineage, starts: Iterable[Ref], *, indirect: bool = False) -> str:
    """Return the lineage as a Graphviz graph, tables as clusters of their columns."""
    starts = list(starts)
    links = edges(lineage, starts, indirect=indirect)
    columns = sorted({*starts, *(r for a, b, _ in links for r in (a, b))})
    lines = ["digraph lineage {", "  rankdir=LR;", "  node [shape=box];"]
    for i, table in enumerate(dict.fromkeys(ref.table for ref in columns)):
        lines.append(f'  subgraph cluster_{i} {{ label="{lineage.layer(table)}.{table}";')
        lines += [f'    "{ref}" [label="{ref.column}"];' for ref in columns if ref.table == table]
        lines.append("  }")
    lines += [f'  "{a}" -> "{b}"{"" if value else " [style=dashed]"};' for a, b, value in links]
    return "\n".join([*lines, "}"])
