"""Proof that no feature sees the future, on the user's own data.

For a cut *a*, every bronze event table is taken back to what was known by ``cutoff(a)`` and everything up to the
point-in-time tables is rebuilt from there, with ``as_of`` on that day: what this warehouse would have shown then. Its
rows of years up to *a* must be those of today, every row there and every feature bit for bit. A second mode leaves
``as_of`` alone and *perturbs*: each student gets a cut, and facts after it get other marks, flipped results and twins.

A cut that took nothing away from a column proves nothing about it: a column that no cut could have moved fails, too.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Literal, get_args

import ibis
import ibis.expr.types as ir
import pydantic.dataclasses
from pydantic import computed_field

from padm_ibis.audit import events
from padm_ibis.audit.scratch import THEN, Scratch, Statement, one_version, quoted
from padm_ibis.define import contract as contracts
from padm_ibis.define.grain import used_columns
from padm_ibis.define.graph import Graph
from padm_ibis.define.lineage import Lineage, Ref
from padm_ibis.define.model import Model, Resource
from padm_ibis.errors import UsageError
from padm_ibis.params import Params
from padm_ibis.report.answer import to_json

if TYPE_CHECKING:
    from padm_ibis.warehouse import Warehouse

YEAR, SOURCE, STUDENT = "anio_academico", "source_db", "alumno_id"
EVENTS, LATEST, TOUCHED, CUTS = "events_", "latest", "touched", "cuts"
Mode = Literal["remove", "perturb"]
MODES: tuple[Mode, ...] = get_args(Mode)
NOT_FEATURES = ("key", "target", "metadata")
ROWS = "(rows)"
EXAMPLES = 3


@pydantic.dataclasses.dataclass
class Column:
    """What was tried on one column of one table.

    Attributes
    ----------
    probes
        Values compared, over all cuts.
    effective
        Those of students from whom a cut took (or in whom it changed) a fact that the column may depend on.
    moved
        Values that were another one without the future.
    examples
        Keys of moved rows: source, student record, year, and the cut.
    facts
        Bronze event tables in the column's lineage; a column without any is an attribute taken as constant.
    """

    table: str
    column: str
    facts: tuple[str, ...] = ()
    probes: int = 0
    effective: int = 0
    moved: int = 0
    examples: list[str] = field(default_factory=list)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def verdict(self) -> str:
        """``leak``, ``constant``, ``vacuous`` (nothing was proved) or ``ok``."""
        if self.moved:
            return "leak"
        if not self.facts:
            return "constant"
        return "ok" if self.effective else "vacuous"


@pydantic.dataclasses.dataclass
class LeakageReport:
    """The outcome of an audit."""

    as_of: str
    tables: tuple[str, ...]
    cuts: tuple[int, ...]
    modes: tuple[str, ...]
    columns: list[Column] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def leaks(self) -> list[Column]:
        """Columns that saw the future."""
        return [c for c in self.columns if c.verdict == "leak"]

    @property
    def vacuous(self) -> list[Column]:
        """Columns about which nothing was proved."""
        return [c for c in self.columns if c.verdict == "vacuous"]

    @computed_field  # type: ignore[prop-decorator]
    @property
    def ok(self) -> bool:
        """Whether every column was proved to be free of leaks."""
        return not self.leaks and not self.vacuous

    def json(self) -> str:
        """Return everything as JSON."""
        return to_json(self)


def audit_leakage(
    warehouse: Warehouse,
    graph: Graph,
    *,
    tables: Sequence[str] = (),
    cuts: Sequence[int] = (),
    sample: int | None = None,
    modes: Sequence[Mode] = MODES,
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
        ``remove`` takes later facts away, cut by cut; ``perturb`` changes them, in one further rebuild.

    Raises
    ------
    UsageError
        If a table has no years, or there is nothing to cut.
    WarehouseError
        If another version was published meanwhile.
    """
    began = time.perf_counter()
    audit = _Audit(warehouse, graph, tables)
    chosen = audit.cuts(cuts, sample)
    with one_version(warehouse):
        _rebuild(audit, chosen, modes, progress)
    names = tuple(m.name for m in audit.models)
    report = LeakageReport(str(audit.params.as_of), names, tuple(chosen), tuple(modes), list(audit.found.values()))
    report.seconds = time.perf_counter() - began
    return report


def _rebuild(audit: _Audit, years: Sequence[int], modes: Sequence[Mode], progress: Callable[[str], None]) -> None:
    steps: list[tuple[str, Callable[[], list[Statement]], _Cut | None]] = [("events by year", audit.by_year, None)]
    if "remove" in modes:
        steps += [(f"what was known by the end of {y}", partial(audit.past, y), _at(y)) for y in years]
    if "perturb" in modes:
        steps += [("later facts changed", partial(audit.changed, years), _each_its_own(audit.scratch))]
    with ThreadPoolExecutor(1) as ahead:  # the next cut's statements are written while the engine is busy with this one's
        pending = [ahead.submit(write) for _, write, _ in steps]
        try:
            for (label, _, cut), statements in zip(steps, pending, strict=True):
                progress(label)
                audit.make(statements.result(), cut)
        finally:
            ahead.shutdown(wait=False, cancel_futures=True)


@dataclass(frozen=True, slots=True)
class _Cut:
    """Which rows a rebuilt table must share with today's: a condition on the row ``{0}``."""

    label: str
    rows: str


def _at(year: int) -> _Cut:
    return _Cut(str(year), f"{{0}}.{YEAR} <= {year}")


def _each_its_own(scratch: Scratch) -> _Cut:
    mine = f"c.{SOURCE} = {{0}}.{SOURCE} AND c.{events.STUDENT} = {{0}}.{STUDENT} AND {{0}}.{YEAR} <= c.{events.CUT}"
    return _Cut("perturbed", f"EXISTS (SELECT 1 FROM {scratch.name(CUTS)} c WHERE {mine})")


class _Audit:
    def __init__(self, warehouse: Warehouse, graph: Graph, names: Sequence[str]) -> None:
        self.graph, self.params = graph, warehouse.params
        self.existing = {n for layer in warehouse.tables().values() for n in layer}
        self.models = [graph[n] for n in names] or [m for m in graph if m.point_in_time and m.name in self.existing]
        self.scratch = Scratch(warehouse)
        if not self.models:
            raise UsageError(
                "No table of this warehouse is marked point-in-time.", hint="Name one: padm-ibis audit leakage TABLE."
            )
        for model in self.models:
            if not {YEAR, SOURCE, STUDENT} <= {c.name for c in contracts.columns(model.contract, self.params)}:
                raise UsageError(f"{model.name} has no row per {SOURCE}, {STUDENT} and {YEAR}: there is no past to compare.")
        self.chain = self._chain()
        self.facts = [m for m in self.chain if isinstance(m, Resource) and m.known_at is not None]
        derived = {m.name: graph.bind(m, self.params) for m in self.chain if m.layer != "bronze"}
        self.needed = self._needed(derived)
        self.found = self._columns(derived)
        # Nothing else reads these: they are compared as they are made, without a table.
        self.last = [m for m in self.models if not any(m.name in other.inputs for other in self.chain)]

    # --- what is there -----------------------------------------------------------------------------

    def _chain(self) -> list[Model]:
        wanted = {m.name for m in self.models}
        for model in reversed(tuple(self.graph)):
            if model.name in wanted and model.layer != "bronze":
                wanted.update(model.inputs)
        return [m for m in self.graph if m.name in wanted]

    def _unbound(self, model: Model) -> ir.Table:
        return contracts.unbound(model.contract, model.name, self.params)

    def _needed(self, derived: Mapping[str, ir.Table]) -> dict[str, set[str]]:
        """Table → its columns that something audited may depend on."""
        needed: dict[str, set[str]] = {m.name: set(self._compared(m)) | set(m.grain) for m in self.models}
        for expression in derived.values():
            for relation, columns in used_columns(expression.op()).items():
                if getattr(relation, "namespace", None) is not None:
                    needed.setdefault(relation.name, set()).update(columns)
        return needed

    def _compared(self, model: Model) -> list[str]:
        return [c.name for c in contracts.columns(model.contract, self.params) if c.role not in NOT_FEATURES]

    def _columns(self, derived: Mapping[str, ir.Table]) -> dict[tuple[str, str], Column]:
        """Every column to compare, with the event tables it may depend on."""
        lineage = Lineage(derived, {name: self.graph[name].layer for name in derived})
        facts = {m.name for m in self.facts}
        found = {}
        for model in self.models:
            for name in [ROWS, *self._compared(model)]:
                first = lineage.sources(Ref(model.name, model.grain[-1] if name == ROWS else name))
                values = {r.table for r in first.values if r.column != SOURCE}
                # A computed column depends on the facts that decide about its rows, a copied attribute on none.
                reached = values | ({r.table for r in first.indirect} if values & facts or name == ROWS or not values else set())
                found[model.name, name] = Column(model.name, name, tuple(sorted(reached & facts)))
        return found

    def cuts(self, given: Sequence[int], sample: int | None) -> list[int]:
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

    # --- the past, from bronze -----------------------------------------------------------------------

    def by_year(self) -> list[Statement]:
        """Write the statements that date every row of bronze, once for all cuts, and say until when a student has any."""
        made = [self._events(m, self._dated(m)) for m in self.facts]
        students = self._unbound(self.graph["students"])
        latest = events.latest(students, [(m, s.table) for m, s in zip(self.facts, made, strict=True)])
        return [*made, self.scratch.write(LATEST, latest, latest.schema())]

    def past(self, year: int) -> list[Statement]:
        """Write the statements that rebuild as of the end of ``year`` from what was known then."""
        then = replace(self.params, as_of=min(self.params.cutoff(year), self.params.as_of))
        latest = self._latest()
        later = latest.select(SOURCE, events.STUDENT, **{m.name: (latest[m.name] > year).fill_null(False) for m in self.facts})
        return [self.scratch.write(TOUCHED, later, later.schema()), *self._rebuilt(then, year)]

    def changed(self, years: Sequence[int]) -> list[Statement]:
        """Write the statements that give each student one of ``years``, change what became known later, and rebuild."""
        cuts = events.cuts(self._unbound(self.graph["students"]), years)
        students = self.scratch.write(CUTS, cuts, cuts.schema())
        others = [self._events(m, events.changed(m, self._dated(m), students.table)) for m in self.facts]
        both = self._latest().join(students.table, [SOURCE, events.STUDENT])
        later = {m.name: (both[m.name] > both[events.CUT]).fill_null(False) for m in self.facts}
        touched = both.select(SOURCE, events.STUDENT, **later)
        rebuilt = self._rebuilt(self.params, self.params.last_closed_year)
        return [students, *others, self.scratch.write(TOUCHED, touched, touched.schema()), *rebuilt]

    def _dated(self, model: Resource) -> ir.Table:
        bronze = self._unbound(model)
        kept = self.needed.get(model.name, set()) | set(model.grain) | {events.carrier(model), model.known_at}
        return events.dated(model, bronze, [c for c in bronze.columns if c in kept], self.params)

    def _events(self, model: Resource, table: ir.Table) -> Statement:
        return self.scratch.write(EVENTS + model.name, table, table.schema())

    def _latest(self) -> ir.Table:
        whole = dict.fromkeys((events.STUDENT, *(m.name for m in self.facts)), "int64")
        return self.scratch.table(LATEST, ibis.schema({SOURCE: "string", **whole}))

    def _rebuilt(self, params: Params, year: int) -> list[Statement]:
        """Write the statements that make the audited tables from the events until ``year``."""
        facts = {m.name: self._dated(m).schema() for m in self.facts}

        def given(model: Model) -> ir.Table:
            if model.name not in facts:
                return self._unbound(model)
            table = self.scratch.table(EVENTS + model.name, facts[model.name])
            return events.until(table, year, contracts.schema(model.contract, self.params))

        return self.scratch.plan(self.graph, [m.name for m in self.models], params, given=given, needed=self.needed)

    # --- comparing ---------------------------------------------------------------------------------

    def make(self, statements: Sequence[Statement], cut: _Cut | None) -> None:
        """Make temporary tables and, at a cut, compare the audited ones with those of the warehouse."""
        rebuilt = {THEN + m.name: m for m in self.models}
        last = {THEN + m.name for m in self.last}
        for statement in statements:
            if statement.name not in last:
                self.scratch.run(statement)
            if cut is not None and statement.name in rebuilt:
                self._compare(rebuilt[statement.name], statement, cut)

    def _compare(self, model: Model, statement: Statement, cut: _Cut) -> None:
        """Count, for each column, the values that differ between today's table and the rebuilt one.

        Whether any differ is asked first: that costs a third of counting them column by column.
        """
        made = model not in self.last
        both, alone = self._joined(model, cut, self.scratch.name(statement.name) if made else f"({statement.query})")
        differs = {c: f"r.{quoted(c)} IS DISTINCT FROM b.{quoted(c)}" for c in self._compared(model)}
        sets = sorted({self.found[model.name, c].facts for c in (ROWS, *differs)})
        total, unlike, *hit = self.scratch.row(
            f"SELECT count(*), {_count(_any([alone, *differs.values()]))},"
            f" {', '.join(_count(_any(f'x.{quoted(f)}' for f in facts)) for facts in sets)}"
            f" FROM {both} LEFT JOIN {self.scratch.name(TOUCHED)} x ON x.{SOURCE} = coalesce(r.{SOURCE}, b.{SOURCE})"
            f" AND x.{events.STUDENT} = coalesce(r.{STUDENT}, b.{STUDENT})"
        )
        effective = dict(zip(sets, hit, strict=True))
        for name in (ROWS, *differs):
            column = self.found[model.name, name]
            column.probes += total
            column.effective += effective[column.facts]
        if unlike:
            if not made:
                self.scratch.run(statement)
                both, _ = self._joined(model, cut, self.scratch.name(statement.name))
            self._find(model, cut, both, {ROWS: alone, **{c: f"NOT {alone} AND {d}" for c, d in differs.items()}})

    def _joined(self, model: Model, cut: _Cut, rebuilt: str) -> tuple[str, str]:
        """Today's rows ``r`` beside the rebuilt ``b``, and the condition that one of them is missing."""
        on = " AND ".join(f"r.{quoted(k)} = b.{quoted(k)}" for k in model.grain)
        mine = f"(SELECT * FROM {quoted(model.layer, model.name)} r WHERE {cut.rows.format('r')})"
        theirs = f"(SELECT * FROM {rebuilt} b WHERE {cut.rows.format('b')})"
        first = quoted(model.grain[0])
        return f"{mine} r FULL JOIN {theirs} b ON {on}", f"(r.{first} IS NULL OR b.{first} IS NULL)"

    def _find(self, model: Model, cut: _Cut, both: str, differs: Mapping[str, str]) -> None:
        """Say which columns moved, how often, and show some keys."""
        counts = self.scratch.row(f"SELECT {', '.join(_count(d) for d in differs.values())} FROM {both}")
        keys = ", ".join(f"coalesce(r.{quoted(k)}, b.{quoted(k)})" for k in model.grain)
        order = ", ".join(str(i + 1) for i in range(len(model.grain)))
        for (name, condition), count in zip(differs.items(), counts, strict=True):
            column = self.found[model.name, name]
            column.moved += count
            if count and (missing := EXAMPLES - len(column.examples)) > 0:
                rows = self.scratch.rows(f"SELECT {keys} FROM {both} WHERE {condition} ORDER BY {order} LIMIT {missing}")
                column.examples += [f"{', '.join(str(v) for v in row)} (cut {cut.label})" for row in rows]


def _any(conditions: Iterable[str]) -> str:
    return " OR ".join(conditions) or "FALSE"


def _count(condition: str) -> str:
    return f"count(*) FILTER (WHERE {condition})"
