"""Which personal data reaches where, computed from the code.

Contracts class the columns of bronze; the class follows the values through every operation. It falls only where a
column declares what breaks it, and only if the expression really passes through that. A column of silver or gold that
is above its declared class is an error, and so is one whose origin is not known: the audit fails closed.

A column that shows no value of another one may still tell of it: of the rows that a filter on it kept, of the groups, the
matches or the order it made. What is direct or sensitive is followed on those ways, too (by control).

An aggregate over at least *k* people is proved twice. By its shape, always: every way from the column to what is above
its declared class must end in an aggregation whose groups are not single people and which takes all rows together (a
count, a sum, a mean; the least mark of a group is one student's mark). By its data, where there is a warehouse: the
smallest group that the table shows must be of *k* different people or more. A warehouse without the table, or without
what the table is made from, is no proof, and the report says that nobody was counted.

The schema ``_padm`` belongs to the report: rows of bronze that lost to another one of their key are kept there whole, as
bronze would hold them, direct identifiers hashed; and the checks' examples are keys of rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import ibis.expr.operations as ops
import pydantic.dataclasses
from pydantic import computed_field

from padm_ibis.audit.breakers import LOWEST, RANK, TELLING, Control, Judge, highest
from padm_ibis.audit.people import smallest_group
from padm_ibis.define import contract as contracts
from padm_ibis.define.contract import Column
from padm_ibis.define.graph import Graph
from padm_ibis.define.influence import rows_of
from padm_ibis.define.layers import LOADER_COLUMNS
from padm_ibis.define.lineage import Lineage, Origin, Ref
from padm_ibis.define.model import Model, Resource
from padm_ibis.params import Params
from padm_ibis.report.answer import to_json

if TYPE_CHECKING:
    from padm_ibis.warehouse import Warehouse


@dataclass(frozen=True, slots=True)
class Finding:
    """One column of the warehouse, as the data-protection officer sees it.

    Attributes
    ----------
    declared, computed
        The class its contract gives it, and that of the columns its values come from (by value).
    sources
        Source columns its values come from.
    breaker, why
        What lowers the class here, as declared.
    k, smallest
        Of an aggregate: the people that each group must have, and those that the smallest has in the warehouse;
        None where nobody was counted.
    problem
        What is wrong; empty where nothing is.
    control, controls
        The class of what only decides about it, and those columns of the tables read, each with how:
        ``dim_census.disc_visual (filter)``. Only what is direct or sensitive tells anything this way.
    path
        The way of the most protected of what is behind it, by value or by control, from a source column to this one.
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
    control: str = "none"
    controls: tuple[str, ...] = ()
    path: tuple[str, ...] = ()


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


@dataclass(frozen=True, slots=True)
class _Step:
    """What is before a column on its way, and how that is told."""

    ref: Ref
    shown: str


class _Audit:
    def __init__(self, graph: Graph, params: Params, models: Iterable[Model], warehouse: Warehouse | None) -> None:
        self.graph, self.params, self.warehouse = graph, params, warehouse
        self.expressions = {model.name: graph.bind(model, params) for model in models}
        self.lineage = Lineage(self.expressions, {model.name: model.layer for model in models})
        self.classes: dict[Ref, str] = {}
        self.steps: dict[Ref, _Step] = {}
        self.judges: dict[str, Judge] = {}
        self.counted: dict[tuple[str, ops.Aggregate], int | None] = {}

    def table(self, model: Model) -> list[Finding]:
        """Judge every column of a table; what it reads must have been judged before."""
        found = [self._column(model, column) for column in contracts.columns(model.contract, self.params)]
        # Whatever decides about the rows decides about every column: what holds for one of them holds for the rows.
        controls = [] if model.layer == "bronze" else self._judge(model).of_rows()
        lowest = min((self.classes[Ref(f.table, f.column)] for f in found), key=RANK.__getitem__)
        rows = rows_of(model.name)
        self.classes[rows] = lowest if controls and lowest in TELLING else "none"
        self._step(rows, (), controls)
        return found

    def _column(self, model: Model, column: Column) -> Finding:
        ref = Ref(model.name, column.name)
        origin = Origin() if model.layer == "bronze" and column.name in LOADER_COLUMNS else self.lineage.column(ref)
        computed, controls = self._computed(model, column, origin), self._controls(model, column)
        control = highest(c.pii for c in controls)
        problem, smallest = self._problem(model, column, origin, computed, controls), None
        if not problem and column.breaker == "aggregate" and RANK[highest((computed, control))] > RANK[column.pii]:
            groups = self._judge(model).groups(column.name, control=RANK[control] > RANK[column.pii])
            smallest = self._smallest(model, groups)
        if smallest is not None and column.k is not None and smallest < column.k:
            problem = f"its smallest group is of {smallest} people, not of {column.k} at least"
        # A column that breaks the rules goes on with what it really is.
        self.classes[ref] = column.pii if not problem else highest((column.pii, computed, control))
        self._step(ref, origin.values, controls)
        sources = self.lineage.sources(ref).values
        return Finding(
            model.name, model.layer, column.name, column.pii, computed, tuple(str(s) for s in sorted(sources)),
            column.breaker or "", column.why, problem, column.k, smallest, control, tuple(dict.fromkeys(map(str, controls))),
            () if highest((computed, control)) == "none" else self._path(ref),
        )  # fmt: skip

    def _step(self, ref: Ref, values: Iterable[Ref], controls: Iterable[Control]) -> None:
        """Keep which of what is behind a column is the most protected: a value, if what decides is no more so."""
        behind = [(self.classes.get(v, "none"), _Step(v, str(v))) for v in sorted(values)]
        behind += [(c.pii, _Step(c.ref, str(c))) for c in controls]
        if behind:
            self.steps[ref] = max(behind, key=lambda one: RANK[one[0]])[1]

    def _path(self, ref: Ref) -> tuple[str, ...]:
        found = [str(ref)]
        while (step := self.steps.get(ref)) is not None:
            found.append(step.shown)
            ref = step.ref
        return tuple(reversed(found))

    def _controls(self, model: Model, column: Column) -> list[Control]:
        """What decides about a column; bronze is where classes are declared."""
        return [] if model.layer == "bronze" else self._judge(model).controls(column.name)

    def _judge(self, model: Model) -> Judge:
        if model.name not in self.judges:
            self.judges[model.name] = Judge(self.graph, model, self.expressions[model.name], self.classes)
        return self.judges[model.name]

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
            worst = highest(self.classes[ref] for ref in refs)
            table, _, name = column.partition(".")
            yield Finding(table, "_padm", name, worst, worst, (sources,), "", why)

    def _computed(self, model: Model, column: Column, origin: Origin) -> str:
        """The highest class among the columns that the value comes from; bronze is where classes are declared."""
        if model.layer == "bronze":
            if isinstance(model, Resource) and column.name in model.hashes:
                return "direct"
            return column.pii
        return highest(self.classes.get(ref, "sensitive") for ref in origin.values)

    def _problem(self, model: Model, column: Column, origin: Origin, computed: str, controls: Sequence[Control]) -> str:
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
        if model.layer == "gold" and column.breaker is None and (direct := [c for c in controls if c.pii == "direct"]):
            return f"direct data of a person may not decide what gold shows: {direct[0]}"
        above = [c for c in controls if RANK[c.pii] > RANK[column.pii]]
        if RANK[computed] > RANK[column.pii] or above:
            return self._not_lowered(model, column, computed, above)
        return ""

    def _not_lowered(self, model: Model, column: Column, computed: str, controls: Sequence[Control]) -> str:
        """Why the class may not be lower here than what it is made from, or than what decides about it."""
        by_value = RANK[computed] > RANK[column.pii]
        if column.breaker is None and by_value:
            return f"declared {column.pii}, but made from {computed} data"
        if column.breaker is None:
            worst = max(controls, key=lambda c: RANK[c.pii])
            return f"declared {column.pii}, but {worst.pii} data decides what it is made over: {worst}"
        if RANK[column.pii] < RANK[LOWEST[column.breaker]]:
            return f"behind {column.breaker} it is {LOWEST[column.breaker]} at least"
        if not column.why:
            return f"the breaker {column.breaker} has no reason (why=)"
        return self._judge(model).unbroken(column, values=by_value, controls=controls)

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

    def _smallest(self, model: Model, aggregates: Iterable[ops.Aggregate]) -> int | None:
        """The people of the smallest group of some aggregations."""
        if self.warehouse is None:
            return None
        expression = self.expressions[model.name]
        found = []
        for aggregate in aggregates:
            if (model.name, aggregate) not in self.counted:
                self.counted[model.name, aggregate] = smallest_group(self.warehouse, self.graph, model, expression, aggregate)
            found.append(self.counted[model.name, aggregate])
        return min((people for people in found if people is not None), default=None)
