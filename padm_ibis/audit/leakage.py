"""Proof that no feature sees the future, on the user's own data.

For a cut *a*, every bronze event table is taken back to what was known by ``cutoff(a)`` and everything up to the
point-in-time tables is rebuilt from there, with ``as_of`` on that day: what this warehouse would have shown then. Its
rows of years up to *a* must be those of today, every row there and every feature bit for bit. A second mode leaves
``as_of`` alone and *perturbs*: each student gets a cut, and facts after it get other marks, flipped results and twins.

Some columns have no past: a source overwrites them in place, and today's value knows what came later. What is *now* (see
`padm_ibis.define.model.Resource`) is therefore another at every cut, and rows that came later are not there yet; whatever
moves by that is a leak, too.

A cut that took nothing away from a column proves nothing about it: a column that no cut could have moved fails, too.

A table that is made person by person (`padm_ibis.audit.apart`) is audited on a sample of people: their rows, rebuilt from
theirs alone, are to the bit those that a rebuild of everything would give. Tables in which people meet are audited whole.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cached_property, partial
from typing import TYPE_CHECKING

import ibis.expr.types as ir

from padm_ibis.audit import sampled
from padm_ibis.audit.chain import Chain, Part
from padm_ibis.audit.compare import EXAMPLES, ROWS, SOURCE, STUDENT, YEAR, Comparison, Cut, at, each_its_own
from padm_ibis.audit.leaks import MODES, Column, LeakageReport, Mode
from padm_ibis.audit.past import Past
from padm_ibis.audit.proofs import Proof, Proofs, definitions, prover
from padm_ibis.audit.reach import Reach
from padm_ibis.audit.sampled import PERSONS, Sample
from padm_ibis.audit.scratch import THEN, Scratch, Statement, one_version, quoted
from padm_ibis.define import contract as contracts
from padm_ibis.define.graph import Graph
from padm_ibis.define.influence import rows_of
from padm_ibis.define.layers import LOADER_COLUMNS
from padm_ibis.define.lineage import Lineage, Ref, of_expression
from padm_ibis.define.model import Model, Resource
from padm_ibis.errors import UsageError

if TYPE_CHECKING:
    from padm_ibis.warehouse import Warehouse

__all__ = ["MODES", "PERSONS", "ROWS", "Column", "LeakageReport", "Mode", "audit_leakage"]
NOT_FEATURES = ("key", "target", "metadata")


def audit_leakage(
    warehouse: Warehouse,
    graph: Graph,
    *,
    tables: Sequence[str] = (),
    cuts: Sequence[int] = (),
    sample: int | None = None,
    modes: Sequence[Mode] = MODES,
    whole: bool = False,
    persons: int = PERSONS,
    changed: bool = False,
    progress: Callable[[str], None] = lambda text: None,
) -> LeakageReport:
    """Take the future away and see whether the past changes.

    Parameters
    ----------
    tables
        Tables to audit; by default all that are marked point-in-time. Each has a row per year (``anio_academico``).
    cuts
        Years at whose cutoff to cut; by default every closed year the tables have.
    sample
        Cut at this many years only, spread evenly.
    modes
        ``remove`` takes later facts away, cut by cut; ``perturb`` changes them, in one further rebuild. Either changes
        what is *now*.
    whole
        Audit every table on everybody, and not those that are made person by person on a sample of people.
    persons
        How many people the sample has; the report says what a sample of so many may miss.
    changed
        Audit only tables of which something is another since it was proved that none of their columns leaks: their own
        definition or that of anything they are made from, a parameter, or this library. An audit of every closed year
        remembers what it proved, beside the warehouse.

    Raises
    ------
    UsageError
        If a table has no years, or there is nothing to cut.
    WarehouseError
        If another version was published meanwhile.
    """
    began = time.perf_counter()
    asked = _asked(warehouse, graph, tables)
    memory = _Memory(warehouse, graph, asked, modes, None if whole else persons)
    skipped = memory.proved() if changed else []
    names = [name for name in asked if name not in {proof.table for proof in skipped}]
    report = LeakageReport(str(warehouse.params.as_of), tuple(names), (), tuple(modes), skipped=skipped)
    if names:
        with one_version(warehouse):
            _audit(warehouse, graph, report, cuts, sample, memory.persons, progress)
        if not cuts and sample is None:
            memory.keep(report)
    report.seconds = time.perf_counter() - began
    return report


def _asked(warehouse: Warehouse, graph: Graph, names: Sequence[str]) -> list[str]:
    existing = frozenset(n for layer in warehouse.tables().values() for n in layer)
    asked = [graph[n].name for n in names] or [m.name for m in graph if m.point_in_time and m.name in existing]
    if not asked:
        raise UsageError("No table of this warehouse is marked point-in-time.", hint="Name one: padm-ibis audit leakage TABLE.")
    return asked


def _audit(
    warehouse: Warehouse,
    graph: Graph,
    report: LeakageReport,
    cuts: Sequence[int],
    sample: int | None,
    persons: int | None,
    progress: Callable[[str], None],
) -> None:
    """Audit the tables of a report, and write what was found into it."""
    audit = _Audit(warehouse, graph, report.tables, persons)
    chosen = audit.cuts(cuts, sample)
    audit.rebuild(chosen, report.modes, progress)
    if unproved := audit.unproved():
        every = _Audit(warehouse, graph, unproved, None)
        every.rebuild(chosen, report.modes, lambda step: progress(f"{step}, of everybody"))
        audit.take(every)
    audit.name_what_is_now(progress)
    report.cuts, report.columns, report.sample = tuple(chosen), list(audit.found.values()), audit.sample


class _Memory:
    """What earlier audits proved of some tables of this warehouse, and what this one does."""

    def __init__(
        self, warehouse: Warehouse, graph: Graph, names: Sequence[str], modes: Sequence[Mode], persons: int | None
    ) -> None:
        self._warehouse, self._graph, self._names, self._modes, self.persons = warehouse, graph, names, modes, persons
        self._proofs = Proofs(warehouse.config)

    @cached_property
    def _definitions(self) -> Mapping[str, str | None]:
        return definitions(self._graph, self._names, self._warehouse.params)

    def proved(self) -> list[Proof]:
        """Return what was proved before of tables as they are now defined."""
        found = (self._proofs.of(name, self._definitions[name], self._modes, self.persons) for name in self._names)
        return [proof for proof in found if proof is not None]

    def keep(self, report: LeakageReport) -> None:
        """Remember of which tables everything was proved, and that others are not proved any more."""
        failed = {c.table for c in (*report.leaks, *report.vacuous)}
        sampled = report.sample.tables if report.sample else ()
        now = dt.datetime.now(dt.UTC).replace(microsecond=0, tzinfo=None)
        proofs = [
            Proof(name, now, self._warehouse.run_id, report.as_of, report.modes, self.persons if name in sampled else None,
                  definition, prover())
            for name in report.tables
            if name not in failed and (definition := self._definitions[name]) is not None
        ]  # fmt: skip
        try:
            self._proofs.keep(proofs, failed)
        except OSError as error:
            report.unkept = error.strerror or type(error).__name__


class _Audit:
    def __init__(self, warehouse: Warehouse, graph: Graph, names: Sequence[str], persons: int | None) -> None:
        self.graph, self.params = graph, warehouse.params
        existing = frozenset(n for layer in warehouse.tables().values() for n in layer)
        self.models = [graph[n] for n in names]
        self.scratch = Scratch(warehouse)
        for model in self.models:
            if not {YEAR, SOURCE, STUDENT} <= {c.name for c in contracts.columns(model.contract, self.params)}:
                raise UsageError(f"{model.name} has no row per {SOURCE}, {STUDENT} and {YEAR}: there is no past to compare.")
        chain = self._chain()
        derived = {m.name: graph.bind(m, self.params) for m in chain if m.layer != "bronze"}
        self.reach = Reach(graph, derived)
        students = contracts.unbound(graph["students"].contract, "students", self.params)
        everybody = self.scratch.value(sampled.count(students))
        whole = persons is None or everybody <= persons
        self.chain = Chain(graph, derived, {m.name: [*self._compared(m), *m.grain] for m in self.models}, whole=whole)
        reached = frozenset().union(*(self.reach.bronze(Ref(m.name, c)) for m in self.models for c in [ROWS, *self._compared(m)]))
        drawn = None
        self.sample: Sample | None = None
        if persons is not None and self.chain.sampled:
            drawn = sampled.draw(students, persons, warehouse.run_id or "")
            self.sample = Sample(self.chain.sampled, persons, everybody)
        self.past = Past(graph, self.params, self.chain, self.scratch, reached=reached, existing=existing, drawn=drawn)
        self.found = self._columns(derived)
        # Nothing else reads these: they are compared as they are made, without a table.
        read = {
            self.chain.input(part, graph[name])
            for part in self.chain.parts
            for name in part.model.inputs
            if part.model.layer != "bronze"
        }
        last = [part for part in self.chain.audited if part not in read]
        self.last = {THEN + part.label for part in last}
        self.comparisons = {THEN + part.label: self._comparison(part, stored=part not in last) for part in self.chain.audited}

    # --- what is there -----------------------------------------------------------------------------

    def _chain(self) -> tuple[Model, ...]:
        wanted = {m.name for m in self.models}
        for model in reversed(tuple(self.graph)):
            if model.name in wanted and model.layer != "bronze":
                wanted.update(model.inputs)
        return tuple(m for m in self.graph if m.name in wanted)

    def _comparison(self, part: Part, *, stored: bool) -> Comparison:
        label = "" if part.whole else part.label
        return Comparison(self.scratch, part.model, self._compared(part.model), stored=stored, sampled=label)

    def _compared(self, model: Model) -> list[str]:
        return [c.name for c in contracts.columns(model.contract, self.params) if c.role not in NOT_FEATURES]

    def _columns(self, derived: Mapping[str, ir.Table]) -> dict[tuple[str, str], Column]:
        """Every column to compare, with the event tables it may depend on and what is now and reaches it."""
        lineage = Lineage(derived, {name: self.graph[name].layer for name in derived})
        facts = {m.name for m in self.past.facts}
        found = {}
        for model in self.models:
            for name in [ROWS, *self._compared(model)]:
                first = lineage.sources(Ref(model.name, model.grain[-1] if name == ROWS else name))
                values = {r.table for r in first.values if r.column != SOURCE}
                # A computed column depends on the facts that decide about its rows, a copied attribute on none.
                reached = values | ({r.table for r in first.indirect} if values & facts or name == ROWS or not values else set())
                now = [self._told(ref) for ref in sorted(self.reach.bronze(Ref(model.name, name))) if self._is_now(ref)]
                found[model.name, name] = Column(model.name, name, tuple(sorted(reached & facts)), tuple(now))
        return found

    def _is_now(self, ref: Ref) -> bool:
        model = self.graph.models.get(ref.table)
        return isinstance(model, Resource) and ref != rows_of(ref.table) and model.time_of(ref.column) == "now"

    def _told(self, ref: Ref) -> str:
        """A column of bronze, and of the source that it comes from; or a table's rows."""
        if ref == rows_of(ref.table) or ref.column in LOADER_COLUMNS:
            return str(ref)
        origin = of_expression(self.graph.bind(self.graph[ref.table], self.params))[ref.column]
        return f"{ref} ({', '.join(str(r) for r in sorted(origin.values))})"

    def cuts(self, given: Sequence[int], sample: int | None) -> list[int]:
        """The years to cut at."""
        last = self.params.last_closed_year
        if not given:
            first = min(self.scratch.number(f"SELECT min({YEAR}) FROM {quoted(m.layer, m.name)}") or last for m in self.models)
            given = range(first, last)
        years = sorted({y for y in given if y < last})
        if sample is not None and 0 < sample < len(years):
            years = [years[i * (len(years) - 1) // max(sample - 1, 1)] for i in range(sample)] if sample > 1 else [years[-1]]
        if not years:
            raise UsageError(
                f"There is no closed year to cut at: the last one is {last}.", hint="Give --cut with an earlier year."
            )
        return sorted(set(years))

    # --- comparing ---------------------------------------------------------------------------------

    def rebuild(self, years: Sequence[int], modes: Sequence[Mode], progress: Callable[[str], None]) -> None:
        """Rebuild at every cut, and compare."""
        past = self.past
        steps: list[tuple[str, Callable[[], list[Statement]], Cut | None]] = [("events by year", past.by_year, None)]
        if "remove" in modes:
            removed = past.removed(years)
            steps += [(f"what was known by the end of {y}", partial(removed, y), at(y)) for y in years]
        if "perturb" in modes:
            steps += [("later facts changed", partial(past.changed, years), each_its_own(self.scratch))]
        with ThreadPoolExecutor(1) as ahead:  # the next cut's statements are written while the engine is busy with this one's
            pending = [ahead.submit(write) for _, write, _ in steps]
            try:
                for (label, _, cut), statements in zip(steps, pending, strict=True):
                    progress(label)
                    self.make(statements.result(), cut)
            finally:
                ahead.shutdown(wait=False, cancel_futures=True)

    def unproved(self) -> list[str]:
        """Tables of which the sampled people prove too little."""
        tables = self.sample.tables if self.sample else ()
        return [t for t in tables if any(c.table == t and c.verdict == "vacuous" for c in self.found.values())]

    def take(self, every: _Audit) -> None:
        """Take what was found on everybody instead of what was found on the sample."""
        self.found |= every.found
        if self.sample:
            tables = tuple(t for t in self.sample.tables if t not in {m.name for m in every.models})
            self.sample = replace(self.sample, tables=tables) if tables else None

    def make(self, statements: Sequence[Statement], cut: Cut | None) -> None:
        """Make temporary tables and, at a cut, compare the audited ones with those of the warehouse."""
        for statement in statements:
            if statement.name not in self.last:
                self.scratch.run(statement)
            if cut is not None and (comparison := self.comparisons.get(statement.name)) is not None:
                self._note(comparison, statement, cut)

    def _note(self, comparison: Comparison, statement: Statement, cut: Cut) -> None:
        columns = [c for c in self.found.values() if c.table == comparison.table]
        seen = comparison.differences(statement, cut, {c.facts for c in columns})
        for column in columns:
            column.probes += seen.rows
            column.effective += seen.touched[column.facts]
            column.moved += seen.moved.get(column.column, 0)
            column.examples = [*column.examples, *seen.examples.get(column.column, [])][:EXAMPLES]

    def name_what_is_now(self, progress: Callable[[str], None]) -> None:
        """Of what reaches a leaking column and is now, name what moves it, in anybody, when nothing else is another."""
        leaks = [c for c in self.found.values() if c.verdict == "leak"]
        reaching = {(c.table, c.column): self._suspects(c) for c in leaks}
        moved: dict[tuple[str, str], list[str]] = {key: [] for key in reaching}
        everybody = {m.name: self._comparison(Part(m), stored=True) for m in self.models}
        for suspect in sorted(set().union(*reaching.values())):
            progress(f"{suspect} alone")
            tables = sorted({table for (table, _), refs in reaching.items() if suspect in refs})
            for statement in self.past.only(suspect, tables):
                self.scratch.run(statement)
                table = statement.name.removeprefix(THEN)
                if table not in tables:
                    continue
                seen = everybody[table].differences(statement, at(self.params.last_closed_year - 1, str(suspect)))
                for name in seen.moved:
                    if (table, name) in moved:
                        moved[table, name].append(self._told(suspect))
        for column in leaks:
            column.now = tuple(moved[column.table, column.column])

    def _suspects(self, column: Column) -> set[Ref]:
        undated = {m.name for m in self.graph if isinstance(m, Resource) and m.known_at is None}
        reached = self.reach.bronze(Ref(column.table, column.column))
        return {r for r in reached if self._is_now(r) or (r == rows_of(r.table) and r.table in undated)}
