"""How a warehouse's bronze tables would have been: as they were known then, with a later that was another, or with another now.

All of it is statements; whoever asks runs them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from graphlib import CycleError, TopologicalSorter

import ibis
import ibis.expr.types as ir

from padm_ibis.audit import current, events
from padm_ibis.audit.compare import CUTS, SOURCE, TOUCHED
from padm_ibis.audit.scratch import Scratch, Statement
from padm_ibis.define import contract as contracts
from padm_ibis.define.graph import Graph
from padm_ibis.define.influence import rows_of
from padm_ibis.define.layers import VOLATILE
from padm_ibis.define.lineage import Ref
from padm_ibis.define.model import Model, Resource
from padm_ibis.params import Params

EVENTS, LATEST = "events_", "latest"


@dataclass(frozen=True, slots=True)
class Asked:
    """What is rebuilt.

    Attributes
    ----------
    tables
        Names of the tables that are compared.
    chain
        Everything that they are made from, bronze included.
    needed
        Table → its columns that something compared may depend on.
    reached
        Columns of bronze that reach what is compared, by value or by control.
    existing
        Names of the tables that the warehouse has.
    """

    tables: tuple[str, ...]
    chain: tuple[Model, ...]
    needed: Mapping[str, Collection[str]]
    reached: Collection[Ref]
    existing: frozenset[str]


class Past:
    """The statements of one audit."""

    def __init__(self, graph: Graph, params: Params, asked: Asked, scratch: Scratch) -> None:
        self._graph, self._params, self._asked, self._scratch = graph, params, asked, scratch
        read = [m for m in asked.chain if isinstance(m, Resource)]
        self.facts = tuple(m for m in read if m.known_at is not None)
        self._bronze = [m for m in graph if isinstance(m, Resource) and m.name in asked.existing]
        self._undated = self._ordered([m for m in read if m.known_at is None])
        self._tables: dict[str, ir.Table] = {}

    def _ordered(self, undated: Iterable[Resource]) -> list[Resource]:
        """Tables without dates, each after the others that name its rows; those are taken in, too."""
        others = {m.name: m for m in self._bronze if m.known_at is None}
        found, waiting = dict[str, list[str]](), [m.name for m in undated]
        while waiting:
            name = waiting.pop(0)
            if name not in found:
                found[name] = [o for o, other in others.items() if current.mentions(others[name], other) is not None]
                waiting += found[name]
        try:
            return [others[name] for name in TopologicalSorter(found).static_order()]
        except CycleError:
            return [others[name] for name in found]

    # --- written once ----------------------------------------------------------------------------------

    def by_year(self) -> list[Statement]:
        """Date every row of bronze, once for all cuts, what is now being another; and say until when a student has any fact."""
        made = {m.name: self._write(m, self._dated(m)) for m in self.facts}
        for model in self._undated:
            named = [*self._named_by_facts(model), *self._named_by_undated(model, made)]
            rows = current.known(model, self._unbound(model), self._kept_undated(model), named, self._params)
            made[model.name] = self._write(model, current.other_values(model, rows, self._now(model)))
        self._tables = {name: statement.table for name, statement in made.items()}
        students = self._unbound(self._graph["students"])
        latest = events.latest(students, [(m, self._tables[m.name]) for m in self.facts])
        return [*made.values(), self._scratch.write(LATEST, latest, latest.schema())]

    def _dated(self, model: Resource) -> ir.Table:
        columns = self._kept(model, events.carrier(model), model.known_at)
        rows = events.dated(model, self._unbound(model), columns, self._params)
        return current.other_values(model, rows, self._now(model))

    def _named_by_facts(self, model: Resource) -> Iterator[ir.Table]:
        for other in self._bronze:
            if other.known_at is not None and (names := current.mentions(model, other)) is not None:
                bronze = self._unbound(other)
                yield current.mentioned(names, bronze, events.year_of(other, bronze, self._params))

    def _named_by_undated(self, model: Resource, made: Mapping[str, Statement]) -> Iterator[ir.Table]:
        for other in self._undated:
            if other.name in made and (names := current.mentions(model, other)) is not None:
                rows = made[other.name].table
                yield current.mentioned(names, rows, rows[events.EVENT])

    def _kept_undated(self, model: Resource) -> list[str]:
        """Columns of a table without dates that matter, those that name rows of another one included."""
        found = (current.mentions(other, model) for other in self._undated)
        named = {name for names in found if names is not None for name in names.values()}
        return self._kept(model, model.since, *named)

    def _kept(self, model: Resource, *more: str | None) -> list[str]:
        kept = {*self._asked.needed.get(model.name, ()), *model.grain, *more}
        return [c for c in self._unbound(model).columns if c in kept]

    def _now(self, model: Resource) -> list[str]:
        """Columns of a table that say how things stand today, of those that may matter.

        Tables without dates are small, and all their columns are tried, whatever the operations say of what reaches what.
        """
        now = [c for c in self._asked.needed.get(model.name, ()) if model.time_of(c) == "now"]
        tried = model.known_at is None
        return sorted(c for c in now if Ref(model.name, c) in self._asked.reached or (tried and c not in VOLATILE))

    # --- rebuilt -----------------------------------------------------------------------------------------

    def at(self, year: int) -> list[Statement]:
        """Write the statements that rebuild as of the end of ``year`` from what was known then."""
        then = replace(self._params, as_of=min(self._params.cutoff(year), self._params.as_of))
        latest = self._latest()
        later = latest.select(SOURCE, events.STUDENT, **{m.name: (latest[m.name] > year).fill_null(False) for m in self.facts})
        return [self._scratch.write(TOUCHED, later, later.schema()), *self._rebuilt(then, year)]

    def changed(self, years: Sequence[int]) -> list[Statement]:
        """Write the statements that give each student one of ``years``, change what became known later, and rebuild."""
        cuts = events.cuts(self._unbound(self._graph["students"]), years)
        students = self._scratch.write(CUTS, cuts, cuts.schema())
        others = [self._write(m, events.changed(m, self._dated(m), students.table)) for m in self.facts]
        others += [self._write(m, self._with_newcomers(m)) for m in self._undated]
        both = self._latest().join(students.table, [SOURCE, events.STUDENT])
        later = {m.name: (both[m.name] > both[events.CUT]).fill_null(False) for m in self.facts}
        touched = both.select(SOURCE, events.STUDENT, **later)
        rebuilt = self._rebuilt(self._params, self._params.last_closed_year)
        return [students, *others, self._scratch.write(TOUCHED, touched, touched.schema()), *rebuilt]

    def _with_newcomers(self, model: Resource) -> ir.Table:
        rows = current.other_values(model, self._unbound(model).select(*self._kept_undated(model)), self._now(model))
        return current.with_newcomers(model, rows, self._params)

    def only(self, suspect: Ref, tables: Sequence[str]) -> list[Statement]:
        """Write the statements that rebuild tables with one column of bronze, or one table's rows, as they might have been."""

        def given(model: Model) -> ir.Table:
            table = self._unbound(model)
            if model.name != suspect.table or not isinstance(model, Resource):
                return table
            if suspect == rows_of(model.name):
                return current.with_newcomers(model, table, self._params).drop(events.EVENT)
            return current.other_values(model, table, [suspect.column])

        return self._scratch.plan(self._graph, tables, self._params, given=given, needed=self._asked.needed)

    def _rebuilt(self, params: Params, year: int) -> list[Statement]:
        """Write the statements that make the tables asked for from what bronze has until ``year``."""

        def given(model: Model) -> ir.Table:
            return events.until(self._tables[model.name], year, contracts.schema(model.contract, self._params))

        return self._scratch.plan(self._graph, self._asked.tables, params, given=given, needed=self._asked.needed)

    def _write(self, model: Model, table: ir.Table) -> Statement:
        return self._scratch.write(EVENTS + model.name, table, table.schema())

    def _latest(self) -> ir.Table:
        whole = dict.fromkeys((events.STUDENT, *(m.name for m in self.facts)), "int64")
        return self._scratch.table(LATEST, ibis.schema({SOURCE: "string", **whole}))

    def _unbound(self, model: Model) -> ir.Table:
        return contracts.unbound(model.contract, model.name, self._params)
