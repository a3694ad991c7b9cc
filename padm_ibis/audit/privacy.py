"""Which personal data reaches where, computed from the code.

Contracts class the columns of bronze; the class follows the values through every operation. It falls only where a
column declares what breaks it, and only if the expression really passes through that. A column of silver or gold that
is above its declared class is an error, and so is one whose origin is not known: the audit fails closed.

An aggregate over at least *k* people is proved twice. By its shape, always: every way from the column to what is above
its declared class must end in an aggregation whose groups are not single people and which takes all rows together (a
count, a sum, a mean; the least mark of a group is one student's mark). By its data, where there is a warehouse: the
smallest group that the table shows must be of *k* different people or more. A warehouse without the table, or without
what the table is made from, is no proof, and the report says that nobody was counted.

The schema ``_padm`` belongs to the report: rows of bronze that lost to another one of their key are kept there whole, as
bronze would hold them, direct identifiers hashed; and the checks' examples are keys of rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import ibis.expr.operations as ops
import pydantic.dataclasses
from pydantic import computed_field

from padm_ibis.audit import people
from padm_ibis.audit.people import Route, countable, route, smallest_group
from padm_ibis.define import contract as contracts
from padm_ibis.define.contract import Column, Pii
from padm_ibis.define.graph import Graph
from padm_ibis.define.layers import LOADER_COLUMNS
from padm_ibis.define.lineage import Lineage, Origin, Ref
from padm_ibis.define.model import Model, Resource
from padm_ibis.params import Params
from padm_ibis.report.answer import to_json

if TYPE_CHECKING:
    from padm_ibis.warehouse import Warehouse

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
    k, smallest
        Of an aggregate: the people that each group must have, and those that the smallest has in the warehouse;
        None where nobody was counted.
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
    k: int | None = None
    smallest: int | None = None


@pydantic.dataclasses.dataclass
class PrivacyReport:
    """The class of every column of every table."""

    columns: list[Finding] = field(default_factory=list)

    @property
    def problems(self) -> list[Finding]:
        """Columns that may not stay as they are."""
        return [c for c in self.columns if c.problem]

    @computed_field  # type: ignore[prop-decorator]
    @property
    def ok(self) -> bool:
        """Whether no column is above its declared class."""
        return not self.problems

    def json(self) -> str:
        """Return everything as JSON."""
        return to_json(self)


def audit_privacy(
    graph: Graph, params: Params, names: Iterable[str] = (), *, warehouse: Warehouse | None = None
) -> PrivacyReport:
    """Follow the class of every column from the sources to gold.

    Parameters
    ----------
    params
        ``include_sensitive`` decides whether sensitive columns exist in gold.
    names
        Tables to report on; by default all, and the schema ``_padm``. The class is followed through all of them.
    warehouse
        Where the people behind aggregates are counted; without it they are judged by their shape alone.
    """
    wanted = set(names) or set(graph.names)
    followed = [model for model in graph if model.name in graph.dag.upstream(wanted)]
    audit = _Audit(graph, params, followed, warehouse)
    found = [f for model in followed for f in audit.table(model) if model.name in wanted]
    return PrivacyReport(found if wanted < set(graph.names) else [*found, *audit.ledger(followed)])


def counts_people(graph: Graph) -> bool:
    """Whether any column says that it is an aggregate over people: only then is a warehouse of use."""
    return any(c.breaker == "aggregate" for model in graph for c in contracts.all_columns(model.contract))


class _Audit:
    def __init__(self, graph: Graph, params: Params, models: Iterable[Model], warehouse: Warehouse | None) -> None:
        self.graph, self.params, self.warehouse = graph, params, warehouse
        self.expressions = {model.name: graph.bind(model, params) for model in models}
        self.lineage = Lineage(self.expressions, {model.name: model.layer for model in models})
        self.classes: dict[Ref, str] = {}
        self.counted: dict[tuple[str, ops.Aggregate], int | None] = {}

    def table(self, model: Model) -> Iterator[Finding]:
        """Judge every column of a table; what it reads must have been judged before."""
        for column in contracts.columns(model.contract, self.params):
            ref = Ref(model.name, column.name)
            origin = Origin() if model.layer == "bronze" and column.name in LOADER_COLUMNS else self.lineage.column(ref)
            computed = self._computed(model, column, origin)
            problem = self._problem(model, column, origin, computed)
            lowered = column.breaker == "aggregate" and RANK[computed] > RANK[column.pii]
            smallest = self._smallest(model, column) if lowered and not problem else None
            if smallest is not None and column.k is not None and smallest < column.k:
                problem = f"its smallest group is of {smallest} people, not of {column.k} at least"
            # A column that breaks the rules goes on with what it really is.
            self.classes[ref] = column.pii if not problem else max(column.pii, computed, key=RANK.__getitem__)
            sources = self.lineage.sources(ref).values
            yield Finding(
                model.name, model.layer, column.name, column.pii, computed, tuple(str(s) for s in sorted(sources)),
                column.breaker or "", column.why, problem, column.k, smallest,
            )  # fmt: skip

    def ledger(self, models: Sequence[Model]) -> Iterator[Finding]:
        """Columns of ``_padm`` that hold values of rows, classed by the contracts of the tables these come from."""
        bronze = [m for m in models if m.layer == "bronze"]
        rows = [Ref(m.name, c.name) for m in bronze for c in contracts.columns(m.contract, self.params)]
        rejected = [Ref(m.name, name) for m in bronze for name in m.grain]
        checked = [Ref(m.name, name) for m in models for name in m.grain]
        for column, refs, sources, why in (
            ("rejected_rows.key", rejected, "keys of bronze", "keys of rows that lost to another one of their key"),
            ("rejected_rows.row_data", rows, "bronze", "those rows whole, as bronze would hold them: identifiers are hashed"),
            ("check_results.examples", checked, "keys of all tables", "keys of rows that broke a rule"),
        ):
            highest = max((self.classes[ref] for ref in refs), key=RANK.__getitem__, default="none")
            table, _, name = column.partition(".")
            yield Finding(table, "_padm", name, highest, highest, (sources,), "", why)

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
        if column.breaker == "aggregate":
            return self._not_of_many(column, route(expression, column.name))
        path = people.path(ops.Field(expression.op(), column.name))
        if column.breaker == "whole_years":
            return "" if _counts_years(path) else "it does not pass through terms.whole_years"
        return "" if _coarser(path) else "it does not pass through a band, a year or a comparison"

    def _not_of_many(self, column: Column, ways: Route) -> str:
        if not ways.aggregates:
            return "it does not pass through an aggregation over people (a count, a sum or a mean, not grouped by person)"
        if not all(countable(self.graph, a) for a in ways.aggregates):
            return "what it aggregates does not say whose it is: keep source_db, and persona_id or alumno_id, until there"
        beside = [f for f in ways.open if RANK[self.classes.get(_ref(f), "sensitive")] > RANK[column.pii]]
        return f"{_ref(beside[0])} reaches it without an aggregation over people" if beside else ""

    def _smallest(self, model: Model, column: Column) -> int | None:
        """The people of the smallest group behind a column."""
        if self.warehouse is None:
            return None
        expression = self.expressions[model.name]
        found = []
        for aggregate in route(expression, column.name).aggregates:
            if (model.name, aggregate) not in self.counted:
                self.counted[model.name, aggregate] = smallest_group(self.warehouse, self.graph, model, expression, aggregate)
            found.append(self.counted[model.name, aggregate])
        return min((people for people in found if people is not None), default=None)


def _ref(field: ops.Field) -> Ref:
    return Ref(getattr(field.rel, "name", ""), field.name)


_DATE_PARTS = (ops.ExtractYear, ops.ExtractMonth, ops.ExtractDay)


def _counts_years(path: Iterable[ops.Node]) -> bool:
    """Whether dates enter by their year, month and day alone, and a difference of years comes out."""
    path = list(path)
    years = [
        n for n in path if isinstance(n, ops.Subtract) and all(n.find(kind, filter=ops.Value) for kind in (ops.ExtractYear,))
    ]
    return bool(years) and any(isinstance(n, ops.ExtractMonth) for n in path) and any(isinstance(n, ops.ExtractDay) for n in path)


_COARSE = (
    ops.ExtractYear, ops.ExtractMonth, ops.ExtractQuarter, ops.DateTruncate, ops.FloorDivide,
    ops.SearchedCase, ops.SimpleCase, ops.IfElse, ops.Comparison, ops.IsNull, ops.NotNull,
)  # fmt: skip


def _coarser(path: Iterable[ops.Node]) -> bool:
    """Whether some operation gives many values one name."""
    return any(isinstance(n, _COARSE) for n in path)
