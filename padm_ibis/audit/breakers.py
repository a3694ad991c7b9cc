"""What lowers the class of a column: whether its expression really passes through what its contract declares.

A breaker answers for both ways: for the values that a column is computed from, and for those that only decide what it is
computed over. A condition on whole years or on a band shows no date of birth; but which rows a sensitive answer kept is a
sensitive answer, however coarse: by control, only an aggregate over people breaks that.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import ibis.expr.operations as ops

from padm_ibis.audit.people import aggregates, countable, of_several
from padm_ibis.define.contract import Column, Pii
from padm_ibis.define.grain import Grain
from padm_ibis.define.influence import ROWS, VALUE, Influence, Walk, Ways, path, ref
from padm_ibis.define.lineage import Ref
from padm_ibis.define.model import Model, Resource

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from padm_ibis.define.graph import Graph

RANK: Mapping[str, int] = {"none": 0, "indirect": 1, "direct": 2, "sensitive": 3}
LOWEST: Mapping[str, Pii] = {"keyed_hash": "indirect", "whole_years": "indirect", "bucket": "none", "aggregate": "none"}
"""Breaker → the lowest class that a column may have behind it."""
TELLING = ("direct", "sensitive")
"""Classes that tell something of a person even where they only decide about rows."""
_DATE_PARTS = (ops.ExtractYear, ops.ExtractMonth, ops.ExtractDay)
_COARSE = (
    ops.ExtractYear, ops.ExtractMonth, ops.ExtractQuarter, ops.DateTruncate, ops.FloorDivide,
    ops.SearchedCase, ops.SimpleCase, ops.IfElse, ops.Comparison, ops.IsNull, ops.NotNull,
)  # fmt: skip


def highest(classes: Iterable[str]) -> str:
    """The most protected of some classes; ``none`` of none."""
    return max(classes, key=RANK.__getitem__, default="none")


@dataclass(frozen=True, slots=True)
class Control:
    """A column that decides about another one.

    Attributes
    ----------
    by
        How: ``filter``, ``join``, ``group``, ``window``, ``order`` and so on; see `padm_ibis.define.influence.Influence`.
    """

    ref: Ref
    pii: str
    influence: Influence

    def __str__(self) -> str:
        """``table.column (filter)``."""
        return str(self.ref) if self.influence.by == ROWS else f"{self.ref} ({self.influence.by})"


class Judge:
    """The ways into the columns of one model, and whether breakers hold on them.

    Parameters
    ----------
    classes
        The class of every column that the model reads; one that is not known counts as sensitive.
    """

    def __init__(self, graph: Graph, model: Model, expression: ir.Table, classes: Mapping[Ref, str]) -> None:
        self._graph, self._model, self._classes = graph, model, classes
        grain = Grain(lambda table: (graph[table].grain,) if table in graph.models else ())
        self._all = Walk(expression, grain)
        self._to_groups = Walk(expression, grain, of_several)
        self._expression = expression
        fields = (f for f in expression.op().find(ops.Field) if isinstance(f.rel, ops.PhysicalTable))
        read = (*fields, *expression.op().find(ops.PhysicalTable))
        self._telling = any(self._class(origin) in TELLING for origin in read)

    def controls(self, column: str) -> list[Control]:
        """Return what is direct or sensitive and decides about a column without being its value."""
        return self._that_tell(self._all.column(column)) if self._telling else []

    def of_rows(self) -> list[Control]:
        """Return what is direct or sensitive and decides about the rows, whatever their columns."""
        return self._that_tell(self._all.rows()) if self._telling else []

    def groups(self, column: str, *, control: bool) -> tuple[ops.Aggregate, ...]:
        """Return the aggregations over people on the ways to a column."""
        return aggregates(self._ways(column, control=control).ends)

    def unbroken(self, column: Column, *, values: bool, controls: Iterable[Control]) -> str:
        """Return why the declared breaker does not hold for the values, or for what decides; empty where it does."""
        match column.breaker:
            case "keyed_hash":
                hashed = isinstance(self._model, Resource) and column.name in self._model.hashes
                return "" if hashed else "it is not among the columns that the loader hashes (@resource(hashes=…))"
            case "aggregate":
                return self._not_of_many(column, control=bool(list(controls)))
            case "whole_years":
                passes, what = _counts_years, "terms.whole_years"
            case _:
                passes, what = _coarser, "a band, a year or a comparison"
        if values and not passes(path(ops.Field(self._expression.op(), column.name))):
            return f"it does not pass through {what}"
        for control in controls:
            if control.pii == "sensitive":
                return f"what {control} leaves is sensitive, however coarse: only an aggregate over people breaks that"
            if control.influence.through is None or not passes(path(control.influence.through)):
                return f"{control} decides about it without {what}"
        return ""

    def _that_tell(self, ways: Ways) -> list[Control]:
        found = [Control(ref(i.origin), self._class(i.origin), i) for i in ways.influences if i.by != VALUE]
        return sorted((c for c in found if c.pii in TELLING), key=str)

    def _class(self, origin: ops.Field | ops.PhysicalTable) -> str:
        of_no_model = isinstance(origin, ops.PhysicalTable) and origin.name not in self._graph.models
        return "none" if of_no_model else self._classes.get(ref(origin), "sensitive")

    def _ways(self, column: str, *, control: bool) -> Ways:
        return self._to_groups.column(column) if control else self._to_groups.values(column)

    def _not_of_many(self, column: Column, *, control: bool) -> str:
        ways = self._ways(column.name, control=control)
        if not ways.ends:
            return "it does not pass through an aggregation over people (a count, a sum or a mean, not grouped by person)"
        if not all(countable(self._graph, a) for a in aggregates(ways.ends)):
            return "what it aggregates does not say whose it is: keep source_db, and persona_id or alumno_id, until there"
        for way in ways.influences:
            pii = self._class(way.origin)
            if RANK[pii] > RANK[column.pii] and (way.by == VALUE or pii in TELLING):
                how = "reaches it" if way.by == VALUE else f"decides about it ({way.by})"
                return f"{ref(way.origin)} {how} without an aggregation over people"
        return ""


def _counts_years(nodes: Iterable[ops.Node]) -> bool:
    """Whether dates enter by their year, month and day alone, and a difference of years comes out."""
    nodes = list(nodes)
    years = any(isinstance(n, ops.Subtract) and n.find(ops.ExtractYear, filter=ops.Value) for n in nodes)
    return years and all(any(isinstance(n, part) for n in nodes) for part in _DATE_PARTS)


def _coarser(nodes: Iterable[ops.Node]) -> bool:
    """Whether some operation gives many values one name."""
    return any(isinstance(n, _COARSE) for n in nodes)
