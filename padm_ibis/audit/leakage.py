"""Proof that no feature sees the future, on the user's own data.

For a cut *a*, every bronze event table is taken back to what was known by ``cutoff(a)`` and everything up to the
point-in-time tables is rebuilt from there, with ``as_of`` on that day: what this warehouse would have shown then. Its
rows of years up to *a* must be those of today, every row there and every feature bit for bit. A second mode leaves
``as_of`` alone and *perturbs*: each student gets a cut, and facts after it get other marks, flipped results and twins.

A cut that took nothing away from a column proves nothing about it: a column that no cut could have moved fails, too.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Literal, get_args

import ibis
import ibis.expr.types as ir

from padm_ibis import contract as contracts
from padm_ibis import terms
from padm_ibis.audit.scratch import Scratch, Statement, quoted
from padm_ibis.engine.graph import Graph
from padm_ibis.errors import UsageError
from padm_ibis.grain import used_columns
from padm_ibis.lineage import Lineage, Ref
from padm_ibis.model import Model, Resource

if TYPE_CHECKING:
    from padm_ibis.warehouse import Warehouse

YEAR, SOURCE, STUDENT = "anio_academico", "source_db", "alumno_id"
Mode = Literal["remove", "perturb"]
MODES: tuple[Mode, ...] = get_args(Mode)
NOT_FEATURES = ("key", "target", "metadata")
ROWS = "(rows)"
EXAMPLES = 3


@dataclass
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

    @property
    def verdict(self) -> str:
        """``leak``, ``constant``, ``vacuous`` (nothing was proved) or ``ok``."""
        if self.moved:
            return "leak"
        if not self.facts:
            return "constant"
        return "ok" if self.effective else "vacuous"


@dataclass
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

    @property
    def ok(self) -> bool:
        """Whether every column was proved to be free of leaks."""
        return not self.leaks and not self.vacuous

    def json(self) -> str:
        """Return everything as JSON."""
        columns = [{**asdict(c), "verdict": c.verdict} for c in self.columns]
        return json.dumps({**asdict(self), "columns": columns, "ok": self.ok}, ensure_ascii=False, indent=2)


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
    """
    began = time.perf_counter()
    audit = _Audit(warehouse, graph, tables, progress)
    chosen = audit.cuts(cuts, sample)
    if "remove" in modes:
        _remove(audit, chosen, progress)
    if "perturb" in modes:
        progress("later facts changed")
        audit.perturb(chosen)
    names = tuple(m.name for m in audit.models)
    report = LeakageReport(str(audit.params.as_of), names, tuple(chosen), tuple(modes), list(audit.found.values()))
    report.seconds = time.perf_counter() - began
    return report


def _remove(audit: _Audit, years: Sequence[int], progress: Callable[[str], None]) -> None:
    with ThreadPoolExecutor(1) as ahead:  # the next cut's statements are written while the engine is busy with this one's
        pending = [ahead.submit(audit.past, year) for year in years]
        for year, statements in zip(years, pending, strict=True):
            progress(f"what was known by the end of {year}")
            audit.remove(year, statements.result())


class _Audit:
    def __init__(self, warehouse: Warehouse, graph: Graph, names: Sequence[str], progress: Callable[[str], None]) -> None:
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
        self.needed = self._needed()
        self.found = self._columns()

    # --- what is there -----------------------------------------------------------------------------

    def _chain(self) -> list[Model]:
        wanted = {m.name for m in self.models}
        for model in reversed(tuple(self.graph)):
            if model.name in wanted and model.layer != "bronze":
                wanted.update(model.inputs)
        return [m for m in self.graph if m.name in wanted]

    def _unbound(self, model: Model) -> ir.Table:
        return contracts.unbound(model.contract, model.name, self.params)

    def _needed(self) -> dict[str, set[str]]:
        """Table → its columns that something audited may depend on."""
        needed: dict[str, set[str]] = {m.name: set(self._compared(m)) | set(m.grain) for m in self.models}
        for model in reversed(self.chain):
            if model.layer == "bronze":
                continue
            for relation, columns in used_columns(self.graph.bind(model, self.params).op()).items():
                if getattr(relation, "namespace", None) is not None:
                    needed.setdefault(relation.name, set()).update(columns)
        return needed

    def _compared(self, model: Model) -> list[str]:
        return [c.name for c in contracts.columns(model.contract, self.params) if c.role not in NOT_FEATURES]

    def _columns(self) -> dict[tuple[str, str], Column]:
        """Every column to compare, with the event tables it may depend on."""
        derived = [m for m in self.chain if m.layer != "bronze"]
        lineage = Lineage({m.name: self.graph.bind(m, self.params) for m in derived}, {m.name: m.layer for m in derived})
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

    # --- the future removed ------------------------------------------------------------------------

    def past(self, year: int) -> list[Statement]:
        """Write the statements that rebuild as of the end of ``year`` from what was known then."""
        then = replace(self.params, as_of=min(self.params.cutoff(year), self.params.as_of))

        def given(model: Model) -> ir.Table:
            table = self._unbound(model)
            event = self._event(model, table)
            return table if event is None else table.filter(event.isnull() | (event <= year))

        rebuilt = self.scratch.plan(self.graph, [m.name for m in self.models], then, given=given, needed=self.needed)
        touched = self._touched([(m, self._later(m, ibis.literal(year))) for m in self.facts])
        return [*rebuilt, touched]

    def remove(self, year: int, statements: Iterable[Statement]) -> None:
        """Rebuild as of the end of ``year``, and compare the rows up to it."""
        for statement in statements:
            self.scratch.run(statement)
        for model in self.models:
            self._compare(model, str(year), f"r.{YEAR} <= {year}", f"b.{YEAR} <= {year}")

    def _event(self, model: Model, table: ir.Table) -> ir.Value | None:
        """The year in which a bronze row entered its student's history."""
        if not isinstance(model, Resource) or model.known_at is None:
            return None
        known = table[model.known_at]
        if known.type().is_integer():
            return terms.plausible_year(known)
        day = known.date() if known.type().is_timestamp() else known
        year = terms.academic_year(terms.plausible_date(day, self.params), self.params)
        return terms.larger(terms.plausible_year(table[YEAR]), year) if YEAR in table.columns else year

    # --- the future changed ------------------------------------------------------------------------

    def perturb(self, years: Sequence[int]) -> None:
        """Give each student one of ``years``, change what became known later, rebuild, and compare."""
        self._assign(years)

        def given(model: Model) -> ir.Table:
            table = self._unbound(model)
            if self._event(model, table) is None:
                return table
            carrier = _carrier(model)
            joined = self._with_cut(model, table, carrier)
            event = self._event(model, joined)
            later = (event > joined._cut).fill_null(False)
            changed = joined.mutate(**_changed(model, joined, later))
            twins = joined.filter(later).mutate(**_twin(model, joined))
            return changed.select(table.columns).union(twins.select(table.columns))

        for statement in self.scratch.plan(
            self.graph, [m.name for m in self.models], self.params, given=given, needed=self.needed
        ):
            self.scratch.run(statement)
        self.scratch.run(self._touched([(m, self._later(m, None)) for m in self.facts]))
        within = f"SELECT 1 FROM {self.scratch.name('cut')} c WHERE c.{SOURCE} = {{0}}.{SOURCE} AND c.alumno = {{0}}.{STUDENT}"
        for model in self.models:
            conditions = [f"EXISTS ({within.format(x)} AND {x}.{YEAR} <= c.cut)" for x in "rb"]
            self._compare(model, "perturbed", *conditions)

    def _assign(self, years: Sequence[int]) -> None:
        """A temporary table of students, each with its person and its cut: all records of a person have one cut."""
        students = self._unbound(self.graph["students"])
        number = students.persona.coalesce(students.alumno) % len(years)
        cut = ibis.cases(*((number == i, y) for i, y in enumerate(years)), else_=years[-1]).cast("int64")
        rows = students.select(SOURCE, "alumno", "persona", cut=cut)
        self.scratch.make("cut", rows, rows.schema())

    def _with_cut(self, model: Model, table: ir.Table, carrier: str | None) -> ir.Table:
        cuts = self.scratch.table("cut")
        if carrier is None:
            return table.mutate(_cut=ibis.literal(9999, "int64"))
        per = cuts.group_by([SOURCE, carrier]).agg(_cut=cuts.cut.max())
        per = per.filter(per[carrier].notnull()).rename(_source=SOURCE, _carrier=carrier)
        joined = table.left_join(per, [table[SOURCE] == per["_source"], table[carrier] == per["_carrier"]])
        return joined.mutate(_cut=joined._cut.coalesce(9999)).drop("_source", "_carrier")

    # --- what was touched --------------------------------------------------------------------------

    def _later(self, model: Model, cut: ir.Value | None) -> ir.Table:
        """Source and student (or person) of the rows of a bronze table after a cut, or after each student's own."""
        table, carrier = self._unbound(model), _carrier(model)
        if carrier is None:
            return table.filter(False).select(SOURCE, id=ibis.null("int64"))
        rows = table if cut is not None else self._with_cut(model, table, carrier)
        limit = rows._cut if cut is None else cut
        return rows.filter(self._event(model, rows) > limit).select(SOURCE, id=rows[carrier].cast("int64")).distinct()

    def _touched(self, later: Iterable[tuple[Model, ir.Table]]) -> Statement:
        """Students, with a flag for each event table that lost (or changed) a row of theirs."""
        students = self._unbound(self.graph["students"]).select(SOURCE, "alumno", "persona")
        parts = []
        for model, rows in later:
            carrier, found = _carrier(model) or "alumno", rows.rename(_source=SOURCE)
            hit = students.join(found, [students[SOURCE] == found["_source"], students[carrier] == found.id])
            parts.append(hit.select(SOURCE, "alumno", fact=ibis.literal(model.name)))
        touched = ibis.union(*parts) if len(parts) > 1 else parts[0]
        flags = {f"f_{m.name}": (touched.fact == m.name).ifelse(1, 0).max() for m in self.facts}
        rows = touched.group_by([SOURCE, "alumno"]).agg(**flags)
        return self.scratch.write("touched", rows, rows.schema())

    # --- comparing ---------------------------------------------------------------------------------

    def _compare(self, model: Model, cut: str, real: str, rebuilt: str) -> None:
        """Count, for each column, the values that differ between today's table and the rebuilt one."""
        columns = self._compared(model)
        key = model.grain
        on = " AND ".join(f"r.{quoted(k)} = b.{quoted(k)}" for k in key)
        mine = f"(SELECT * FROM {quoted(model.layer, model.name)} r WHERE {real})"
        theirs = f"(SELECT * FROM {self.scratch.name(f'then_{model.name}')} b WHERE {rebuilt})"
        joined = f"{mine} r FULL JOIN {theirs} b ON {on}"
        alone = f"(r.{quoted(key[0])} IS NULL OR b.{quoted(key[0])} IS NULL)"
        differs = {c: f"(NOT {alone} AND r.{quoted(c)} IS DISTINCT FROM b.{quoted(c)})" for c in columns}
        differs = {ROWS: alone, **differs}
        sums = ", ".join(f"sum(CASE WHEN {d} THEN 1 ELSE 0 END)" for d in differs.values())
        sets = sorted({self.found[model.name, c].facts for c in differs})
        touched = ", ".join(f"sum(CASE WHEN {_any(s)} THEN 1 ELSE 0 END)" for s in sets)
        flags = (
            f" LEFT JOIN {self.scratch.name('touched')} x ON x.{SOURCE} = coalesce(r.{SOURCE}, b.{SOURCE})"
            f" AND x.alumno = coalesce(r.{STUDENT}, b.{STUDENT})"
        )
        row = self.scratch.row(f"SELECT count(*), {sums}, {touched} FROM {joined}{flags}")
        total, moved, effective = row[0], row[1 : len(differs) + 1], dict(zip(sets, row[len(differs) + 1 :], strict=True))
        for (name, condition), count in zip(differs.items(), moved, strict=True):
            column = self.found[model.name, name]
            column.probes += total
            column.effective += effective[column.facts] or 0
            column.moved += count or 0
            if count and len(column.examples) < EXAMPLES:
                column.examples += self._examples(joined, key, condition, cut, EXAMPLES - len(column.examples))

    def _examples(self, joined: str, key: Sequence[str], condition: str, cut: str, most: int) -> list[str]:
        keys = ", ".join(f"coalesce(r.{quoted(k)}, b.{quoted(k)})" for k in key)
        order = ", ".join(str(i + 1) for i in range(len(key)))
        rows = self.scratch.rows(f"SELECT {keys} FROM {joined} WHERE {condition} ORDER BY {order} LIMIT {most}")
        return [f"{', '.join(str(v) for v in row)} (cut {cut})" for row in rows]


def _any(facts: Sequence[str]) -> str:
    return " OR ".join(f"x.{quoted(f'f_{f}')} = 1" for f in facts) or "FALSE"


def _carrier(model: Model) -> str | None:
    """The column of a bronze table that says whose fact it is."""
    names = {c.name for c in contracts.all_columns(model.contract)}
    return next((c for c in ("alumno", "persona") if c in names), None)


def _changed(model: Resource | Model, table: ir.Table, later: ir.BooleanValue) -> dict[str, ir.Value]:
    """Other values for what says something of the person in later rows: marks, results, answers, measures."""
    changed = {}
    for column in contracts.all_columns(model.contract):
        value = table[column.name]
        if column.role not in ("attribute", "measure") or column.pii == "none" or column.fk or column.name in _KEPT:
            continue
        if (other := _other(column.name, value)) is not None:
            changed[column.name] = later.ifelse(other.cast(value.type()), value)
    return changed


_KEPT = ("alumno", "persona", "origen", "tipo")


def _other(name: str, value: ir.Value) -> ir.Value | None:
    if name.startswith("resultado") and not name.endswith("descripcion"):
        return ibis.cases((value == "A", "R"), else_="A")
    if name.startswith("nota") and not name.endswith("descripcion"):
        return ibis.cases((value == "2", "9"), else_="2")
    if value.type().is_string():
        return ibis.cases((value == "S", "N"), (value == "N", "S"), (value == "true", "false"), else_="S")
    if value.type().is_boolean():
        return ~value
    if value.type().is_numeric():
        return value.coalesce(0) + 1
    return None


def _twin(model: Model, table: ir.Table) -> dict[str, ir.Value]:
    """Another key for a copy of a row."""
    names = [k for k in contracts.key(model.contract) if k not in (SOURCE, "alumno", "persona", YEAR)]
    numbers = [k for k in names if table[k].type().is_integer()]
    texts = [k for k in names if table[k].type().is_string()]
    if numbers:
        return {numbers[-1]: table[numbers[-1]].coalesce(0) + 1_000_000_000}
    return {texts[-1]: table[texts[-1]] + "#"} if texts else {}
