"""How a warehouse's bronze tables would have been: as they were known then, with a later that was another, or with another now.

All of it is statements; whoever asks runs them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from graphlib import CycleError, TopologicalSorter

import ibis
import ibis.expr.types as ir

from padm_ibis.audit import current, events, sampled
from padm_ibis.audit.chain import Chain, Part
from padm_ibis.audit.compare import CUTS, SOURCE, STUDENT, TODAY, TOUCHED
from padm_ibis.audit.sampled import SAMPLED
from padm_ibis.audit.scratch import Scratch, Statement
from padm_ibis.audit.series import Moment, Series
from padm_ibis.define import contract as contracts
from padm_ibis.define.graph import Graph
from padm_ibis.define.influence import rows_of
from padm_ibis.define.layers import VOLATILE
from padm_ibis.define.lineage import Ref
from padm_ibis.define.model import Model, Resource
from padm_ibis.params import Params

EVENTS, LATEST = "events_", "latest"


class Past:
    """The statements of one audit.

    Parameters
    ----------
    chain
        What is rebuilt.
    reached
        Columns of bronze that reach what is compared, by value or by control.
    existing
        Names of the tables that the warehouse has.
    drawn
        The student records of the sampled people; None where there is no sample.
    """

    def __init__(
        self,
        graph: Graph,
        params: Params,
        chain: Chain,
        scratch: Scratch,
        *,
        reached: Collection[Ref],
        existing: Collection[str],
        drawn: ir.Table | None = None,
    ) -> None:
        self._graph, self._params, self._chain, self._scratch = graph, params, chain, scratch
        self._reached, self._drawn = reached, drawn
        self._read = [(part, part.model) for part in chain.parts if isinstance(part.model, Resource)]
        read = {model.name: model for _, model in self._read}.values()
        self.facts = tuple(m for m in read if m.known_at is not None)
        self._bronze = [m for m in graph if isinstance(m, Resource) and m.name in existing]
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
        made = {part.label: self._write(part.label, self._dated(part, m)) for part, m in self._read if m.known_at is not None}
        for model in self._undated:
            named = [*self._named_by_facts(model), *self._named_by_undated(model, made)]
            rows = current.known(model, self._unbound(model), self._kept_undated(model), named, self._params)
            made[model.name] = self._write(model.name, current.other_values(model, rows, self._now(model)))
        for part, model in self._read:
            if part.label not in made:
                made[part.label] = self._write(part.label, self._of_sampled(model, made[model.name].table))
        self._tables = {label: statement.table for label, statement in made.items()}
        students = self._unbound(self._graph["students"])
        latest = events.latest(students, [(m, self._events(m)) for m in self.facts])
        drawn = [] if self._drawn is None else [self._scratch.write(SAMPLED, self._drawn, self._drawn.schema())]
        return [*drawn, *made.values(), self._scratch.write(LATEST, latest, latest.schema()), *self._today()]

    def _today(self) -> Iterator[Statement]:
        """What the warehouse says of the sampled people."""
        for part in self._chain.audited:
            if not part.whole:
                model = part.model
                rows = self._unbound(model).select(*contracts.schema(model.contract, self._params))
                people = self._sampled().rename(**{STUDENT: events.STUDENT})
                rows = rows.select(*(c for c in rows.columns if c in self._chain.needed[part.label]))
                rows = rows.semi_join(people, [SOURCE, STUDENT])
                yield self._scratch.write(TODAY + part.label, rows, rows.schema())

    def _events(self, model: Resource) -> ir.Table:
        """The rows of an event table, of everybody if they are there."""
        whole, sampled = Part(model), Part(model, whole=False)
        return self._tables[(whole if whole.label in self._tables else sampled).label]

    def _of_sampled(self, model: Resource, rows: ir.Table) -> ir.Table:
        whose = events.carrier(model)
        assert whose is not None, "a table of which some people's rows are taken says whose they are"
        return sampled.of(self._sampled(), whose, rows)

    def _sampled(self) -> ir.Table:
        assert self._drawn is not None, "there is a sample where parts are sampled"
        return self._scratch.table(SAMPLED, self._drawn.schema())

    def _dated(self, part: Part, model: Resource) -> ir.Table:
        needed = self._chain.needed.get(part.label, ())
        columns = self._kept(model, needed, events.carrier(model), model.known_at)
        rows = events.dated(model, self._unbound(model), columns, self._params)
        rows = current.other_values(model, rows, self._now(model))
        return rows if part.whole else self._of_sampled(model, rows)

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
        return self._kept(model, self._chain.by_table.get(model.name, ()), model.since, *named)

    def _kept(self, model: Resource, needed: Collection[str], *more: str | None) -> list[str]:
        kept = {*needed, *model.grain, *more}
        return [c for c in self._unbound(model).columns if c in kept]

    def _now(self, model: Resource) -> list[str]:
        """Columns of a table that say how things stand today, of those that may matter.

        Tables without dates are small, and all their columns are tried, whatever the operations say of what reaches what.
        """
        now = [c for c in self._chain.by_table.get(model.name, ()) if model.time_of(c) == "now"]
        tried = model.known_at is None
        return sorted(c for c in now if Ref(model.name, c) in self._reached or (tried and c not in VOLATILE))

    # --- rebuilt -----------------------------------------------------------------------------------------

    def removed(self, years: Sequence[int]) -> Callable[[int], list[Statement]]:
        """Return what writes the statements that rebuild as of the end of one of ``years`` from what was known then."""
        cuts = {year: Moment(year, min(self._params.cutoff(year), self._params.as_of)) for year in years}

        def rebuilt(part: Part) -> Callable[[Moment], Statement]:
            return lambda cut: self._rebuilt(part, replace(self._params, as_of=cut.as_of), cut.year)

        writers = [self._later_than, *(rebuilt(part) for part in self._made())]
        series = [Series(self._scratch, tuple(cuts.values()), write) for write in writers]
        return lambda year: [one.at(cuts[year]) for one in series]

    def _later_than(self, cut: Moment) -> Statement:
        latest = self._latest()
        later = {m.name: (latest[m.name] > cut.year).fill_null(False) for m in self.facts}
        table = latest.select(SOURCE, events.STUDENT, **later)
        return self._scratch.write(TOUCHED, table, table.schema())

    def changed(self, years: Sequence[int]) -> list[Statement]:
        """Write the statements that give each student one of ``years``, change what became known later, and rebuild."""
        cuts = events.cuts(self._unbound(self._graph["students"]), years)
        students = self._scratch.write(CUTS, cuts, cuts.schema())
        others = [self._write(part.label, self._changed(part, model, students.table)) for part, model in self._read]
        both = self._latest().join(students.table, [SOURCE, events.STUDENT])
        later = {m.name: (both[m.name] > both[events.CUT]).fill_null(False) for m in self.facts}
        touched = both.select(SOURCE, events.STUDENT, **later)
        rebuilt = [self._rebuilt(part, self._params, self._params.last_closed_year) for part in self._made()]
        return [students, *others, self._scratch.write(TOUCHED, touched, touched.schema()), *rebuilt]

    def _changed(self, part: Part, model: Resource, students: ir.Table) -> ir.Table:
        """Rows with other facts after each student's cut, or, of a table without dates, with newcomers."""
        if model.known_at is not None:
            return events.changed(model, self._dated(part, model), students)
        rows = current.other_values(model, self._unbound(model).select(*self._kept_undated(model)), self._now(model))
        return current.with_newcomers(model, rows if part.whole else self._of_sampled(model, rows), self._params)

    def only(self, suspect: Ref, tables: Sequence[str]) -> list[Statement]:
        """Write the statements that rebuild tables with one column of bronze, or one table's rows, as they might have been."""

        def given(model: Model) -> ir.Table:
            table = self._unbound(model)
            if model.name != suspect.table or not isinstance(model, Resource):
                return table
            if suspect == rows_of(model.name):
                return current.with_newcomers(model, table, self._params).drop(events.EVENT)
            return current.other_values(model, table, [suspect.column])

        return self._scratch.plan(self._graph, tables, self._params, given=given, needed=self._chain.by_table)

    def _made(self) -> Iterator[Part]:
        return (part for part in self._chain.parts if part.model.layer != "bronze")

    def _rebuilt(self, part: Part, params: Params, year: int) -> Statement:
        """Write the statement that makes a part from what bronze has until ``year``."""

        def given(model: Model) -> ir.Table:
            source = self._chain.input(part, model)
            schema = contracts.schema(model.contract, self._params)
            if model.layer == "bronze":
                return events.until(self._tables[source.label], year, schema)
            return self._scratch.made(source.label, schema, self._chain.needed.get(source.label, ()))

        expression = self._graph.bind(part.model, params, given)
        schema = contracts.schema(part.model.contract, params)
        return self._scratch.then(part.label, expression, schema, self._chain.needed.get(part.label, ()))

    def _write(self, label: str, table: ir.Table) -> Statement:
        return self._scratch.write(EVENTS + label, table, table.schema())

    def _latest(self) -> ir.Table:
        whole = dict.fromkeys((events.STUDENT, *(m.name for m in self.facts)), "int64")
        return self._scratch.table(LATEST, ibis.schema({SOURCE: "string", **whole}))

    def _unbound(self, model: Model) -> ir.Table:
        return contracts.unbound(model.contract, model.name, self._params)
