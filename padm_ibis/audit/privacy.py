"""Which personal data reaches where, computed from the code.

Contracts class the columns of bronze; the class follows the values through every operation. It falls only where a
column declares what breaks it, and only if the expression really passes through that. A column of silver or gold that
is above its declared class is an error, and so is one whose origin is not known: the audit fails closed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field

import ibis.expr.operations as ops
import ibis.expr.types as ir

from padm_ibis import contract as contracts
from padm_ibis.contract import Column, Pii
from padm_ibis.engine.graph import Graph
from padm_ibis.lineage import LOADER_COLUMNS, Lineage, Origin, Ref
from padm_ibis.model import Model, Resource
from padm_ibis.params import Params

RANK: Mapping[str, int] = {"none": 0, "indirect": 1, "direct": 2, "sensitive": 3}
LOWEST: Mapping[str, Pii] = {"keyed_hash": "indirect", "whole_years": "indirect", "bucket": "none", "aggregate": "none"}
"""Breaker → the lowest class that a column may have behind it."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One column of the warehouse, as the data-protection officer sees it.

    Attributes
    ----------
    declared, computed
        The class its contract gives it, and that of the columns its values come from.
    sources
        Source columns its values come from.
    breaker, why
        What lowers the class here, as declared.
    problem
        What is wrong; empty where nothing is.
    """

    table: str
    layer: str
    column: str
    declared: str
    computed: str
    sources: tuple[str, ...]
    breaker: str
    why: str
    problem: str = ""


@dataclass
class PrivacyReport:
    """The class of every column of every table."""

    columns: list[Finding] = field(default_factory=list)

    @property
    def problems(self) -> list[Finding]:
        """Columns that may not stay as they are."""
        return [c for c in self.columns if c.problem]

    @property
    def ok(self) -> bool:
        """Whether no column is above its declared class."""
        return not self.problems

    def json(self) -> str:
        """Return everything as JSON."""
        return json.dumps({"ok": self.ok, "columns": [asdict(c) for c in self.columns]}, ensure_ascii=False, indent=2)


def audit_privacy(graph: Graph, params: Params, names: Iterable[str] = ()) -> PrivacyReport:
    """Follow the class of every column from the sources to gold.

    Parameters
    ----------
    params
        ``include_sensitive`` decides whether sensitive columns exist in gold.
    names
        Tables to report on; by default all. The class is followed through all of them.
    """
    wanted = set(names) or set(graph.names)
    followed = [model for model in graph if model.name in graph.dag.upstream(wanted)]
    audit = _Audit(graph, params, followed)
    return PrivacyReport([f for model in followed for f in audit.table(model) if model.name in wanted])


class _Audit:
    def __init__(self, graph: Graph, params: Params, models: Iterable[Model]) -> None:
        self.graph, self.params = graph, params
        self.expressions = {model.name: graph.bind(model, params) for model in models}
        self.lineage = Lineage(self.expressions, {model.name: model.layer for model in models})
        self.classes: dict[Ref, str] = {}

    def table(self, model: Model) -> Iterator[Finding]:
        """Judge every column of a table; what it reads must have been judged before."""
        for column in contracts.columns(model.contract, self.params):
            ref = Ref(model.name, column.name)
            origin = Origin() if model.layer == "bronze" and column.name in LOADER_COLUMNS else self.lineage.column(ref)
            computed = self._computed(model, column, origin)
            problem = self._problem(model, column, origin, computed)
            # A column that breaks the rules goes on with what it really is.
            self.classes[ref] = column.pii if not problem else max(column.pii, computed, key=RANK.__getitem__)
            sources = self.lineage.sources(ref).values
            yield Finding(
                model.name, model.layer, column.name, column.pii, computed, tuple(str(s) for s in sorted(sources)),
                column.breaker or "", column.why, problem,
            )  # fmt: skip

    def _computed(self, model: Model, column: Column, origin: Origin) -> str:
        """The highest class among the columns that the value comes from; bronze is where classes are declared."""
        if model.layer == "bronze":
            if isinstance(model, Resource) and column.name in model.hashes:
                return "direct"
            return column.pii
        return max((self.classes.get(ref, "sensitive") for ref in origin.values), key=RANK.__getitem__, default="none")

    def _problem(self, model: Model, column: Column, origin: Origin, computed: str) -> str:
        if not origin.resolved:
            return "its origin is not known (SQL text, or an operation that lineage does not follow)"
        if model.layer == "gold" and column.pii == "sensitive" and column.when is None:
            return "sensitive data in gold needs the parameter include_sensitive (when=)"
        if model.layer == "gold" and "direct" in (column.pii, computed) and column.breaker is None:
            return f"{computed} data of a person may not enter gold"
        if model.layer == "gold" and column.breaker is None and (copied := self._copied_hash(Ref(model.name, column.name))):
            return (
                f"it is the keyed hash {copied}, which follows a person everywhere: gold must declare it (breaker='keyed_hash')"
            )
        if RANK[computed] <= RANK[column.pii]:
            return ""
        if column.breaker is None:
            return f"declared {column.pii}, but made from {computed} data"
        if RANK[column.pii] < RANK[LOWEST[column.breaker]]:
            return f"behind {column.breaker} it is {LOWEST[column.breaker]} at least"
        if not column.why:
            return f"the breaker {column.breaker} has no reason (why=)"
        return self._unbroken(model, column)

    def _copied_hash(self, ref: Ref) -> str:
        """The bronze hash that a column is an unchanged copy of, or nothing."""
        while True:
            model = self.graph.models.get(ref.table)
            if isinstance(model, Resource):
                return str(ref) if ref.column in model.hashes else ""
            origin = self.lineage.column(ref)
            if len(origin.values) != 1 or origin.how:
                return ""
            (ref,) = origin.values

    def _unbroken(self, model: Model, column: Column) -> str:
        """Whether the expression fails to pass through the declared breaker."""
        if column.breaker == "keyed_hash":
            hashed = isinstance(model, Resource) and column.name in model.hashes
            return "" if hashed else "it is not among the columns that the loader hashes (@resource(hashes=…))"
        expression = self.expressions[model.name]
        path = _path(expression, column.name)
        if column.breaker == "aggregate":
            return "" if _of_many(path) else "it does not pass through an aggregation over people"
        if column.breaker == "whole_years":
            return "" if _counts_years(path) else "it does not pass through terms.whole_years"
        return "" if _coarser(path) else "it does not pass through a band, a year or a comparison"


def _path(expression: ir.Table, column: str) -> list[ops.Node]:
    """Every value operation between a column and the tables its model reads."""
    seen: set[ops.Node] = set()
    stack: list[ops.Node] = [ops.Field(expression.op(), column)]
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        if isinstance(node, ops.Field):
            stack += _behind(node)
        else:
            stack += [c for c in node.__children__ if isinstance(c, ops.Value)]
    return list(seen)


def _behind(field: ops.Field) -> list[ops.Node]:
    """What a column of a relation stands for, one relation further in."""
    relation = field.rel
    if isinstance(relation, ops.Set):
        return [ops.Field(relation.left, field.name), ops.Field(relation.right, field.name)]
    if field.name in relation.values:
        return [relation.values[field.name]]
    parent = getattr(relation, "parent", None)
    return [ops.Field(parent, field.name)] if parent is not None and field.name in parent.schema else []


_DATE_PARTS = (ops.ExtractYear, ops.ExtractMonth, ops.ExtractDay)


def _counts_years(path: Iterable[ops.Node]) -> bool:
    """Whether dates enter by their year, month and day alone, and a difference of years comes out."""
    path = list(path)
    years = [
        n for n in path if isinstance(n, ops.Subtract) and all(n.find(kind, filter=ops.Value) for kind in (ops.ExtractYear,))
    ]
    return bool(years) and any(isinstance(n, ops.ExtractMonth) for n in path) and any(isinstance(n, ops.ExtractDay) for n in path)


_PERSONS = ("alumno_id", "persona_id", "alumno", "persona")
_COARSE = (
    ops.ExtractYear, ops.ExtractMonth, ops.ExtractQuarter, ops.DateTruncate, ops.FloorDivide,
    ops.SearchedCase, ops.SimpleCase, ops.IfElse, ops.Comparison, ops.IsNull, ops.NotNull,
)  # fmt: skip


def _of_many(path: Iterable[ops.Node]) -> bool:
    """Whether the value comes out of an aggregation (as a total, or as what its groups share) of more than one person."""
    aggregates = {n.rel for n in path if isinstance(n, ops.Field) and isinstance(n.rel, ops.Aggregate)}
    return any(
        not any(f.name in _PERSONS for group in a.groups.values() for f in group.find(ops.Field, filter=ops.Value))
        for a in aggregates
    )


def _coarser(path: Iterable[ops.Node]) -> bool:
    """Whether some operation gives many values one name."""
    return any(isinstance(n, _COARSE) for n in path)
