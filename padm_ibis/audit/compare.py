"""Rebuilt tables beside those of the warehouse: which values differ, and in how many of them something was tried."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from padm_ibis.audit import events
from padm_ibis.audit.sampled import SAMPLED
from padm_ibis.audit.scratch import Scratch, Statement, quoted
from padm_ibis.define.influence import ALL_ROWS
from padm_ibis.define.model import Model

YEAR, SOURCE, STUDENT = "anio_academico", "source_db", "alumno_id"
TOUCHED, CUTS, TODAY = "touched", "cuts", "today_"
ROWS = ALL_ROWS
EXAMPLES = 3


@dataclass(frozen=True, slots=True)
class Cut:
    """Which rows a rebuilt table must share with today's: a condition on the row ``{0}``."""

    label: str
    rows: str


def at(year: int, label: str = "") -> Cut:
    """Rows of years up to one."""
    return Cut(label or str(year), f"{{0}}.{YEAR} <= {year}")


def each_its_own(scratch: Scratch) -> Cut:
    """Rows of years up to the cut that each student was given."""
    mine = f"c.{SOURCE} = {{0}}.{SOURCE} AND c.{events.STUDENT} = {{0}}.{STUDENT} AND {{0}}.{YEAR} <= c.{events.CUT}"
    return Cut("perturbed", f"EXISTS (SELECT 1 FROM {scratch.name(CUTS)} c WHERE {mine})")


@dataclass(slots=True)
class Differences:
    """What one rebuilt table showed.

    Attributes
    ----------
    rows
        Rows compared.
    touched
        Those of students from whom something was taken, or in whom it was changed, by the event tables asked about.
    moved, examples
        Column → values that were others, and keys of some of them.
    """

    rows: int = 0
    touched: Mapping[tuple[str, ...], int] = field(default_factory=dict)
    moved: dict[str, int] = field(default_factory=dict)
    examples: dict[str, list[str]] = field(default_factory=dict)


class Comparison:
    """Today's table of a model beside rebuilt ones.

    Parameters
    ----------
    columns
        Columns to compare.
    stored
        Whether the rebuilt table is there when it is compared; otherwise its query is read, and stored if anything differs.
    sampled
        Label of the part, if only rows of the sampled people are compared.
    """

    def __init__(self, scratch: Scratch, model: Model, columns: Sequence[str], *, stored: bool, sampled: str = "") -> None:
        self._scratch, self._model, self._stored = scratch, model, stored
        self._today = scratch.name(TODAY + sampled) if sampled else quoted(model.layer, model.name)
        mine = f"s.{SOURCE} = b.{SOURCE} AND s.{events.STUDENT} = b.{STUDENT}"
        self._theirs = f" AND EXISTS (SELECT 1 FROM {scratch.name(SAMPLED)} s WHERE {mine})" if sampled else ""
        self._differs = {c: f"r.{quoted(c)} IS DISTINCT FROM b.{quoted(c)}" for c in columns}

    @property
    def table(self) -> str:
        """The name of the table compared."""
        return self._model.name

    def differences(self, statement: Statement, cut: Cut, facts: Collection[tuple[str, ...]] = ()) -> Differences:
        """Count, for each column, the values that differ between today's table and the rebuilt one.

        Whether any differ is asked first: that costs a third of counting them column by column.
        """
        stored = self._scratch.name(statement.name)
        both, alone = self._joined(cut, stored if self._stored else f"({statement.query})")
        sets = sorted(facts)
        touched = ""
        if sets:
            touched = (
                f" LEFT JOIN {self._scratch.name(TOUCHED)} x ON x.{SOURCE} = coalesce(r.{SOURCE}, b.{SOURCE})"
                f" AND x.{events.STUDENT} = coalesce(r.{STUDENT}, b.{STUDENT})"
            )
        hits = [_count(_any(f"x.{quoted(f)}" for f in names)) for names in sets]
        counts = ", ".join(["count(*)", _count(_any([alone, *self._differs.values()])), *hits])
        total, unlike, *hit = self._scratch.row(f"SELECT {counts} FROM {both}{touched}")
        found = Differences(total, dict(zip(sets, hit, strict=True)))
        if unlike:
            if not self._stored:
                self._scratch.run(statement)
                both, _ = self._joined(cut, stored)
            self._find(found, both, {ROWS: alone, **{c: f"NOT {alone} AND {d}" for c, d in self._differs.items()}}, cut)
        return found

    def _joined(self, cut: Cut, rebuilt: str) -> tuple[str, str]:
        """Today's rows ``r`` beside the rebuilt ``b``, and the condition that one of them is missing."""
        model = self._model
        on = " AND ".join(f"r.{quoted(k)} = b.{quoted(k)}" for k in model.grain)
        mine = f"(SELECT * FROM {self._today} r WHERE {cut.rows.format('r')})"
        theirs = f"(SELECT * FROM {rebuilt} b WHERE {cut.rows.format('b')}{self._theirs})"
        first = quoted(model.grain[0])
        return f"{mine} r FULL JOIN {theirs} b ON {on}", f"(r.{first} IS NULL OR b.{first} IS NULL)"

    def _find(self, found: Differences, both: str, differs: Mapping[str, str], cut: Cut) -> None:
        """Say which columns moved, how often, and show some keys."""
        counts = self._scratch.row(f"SELECT {', '.join(_count(d) for d in differs.values())} FROM {both}")
        grain = self._model.grain
        keys = ", ".join(f"coalesce(r.{quoted(k)}, b.{quoted(k)})" for k in grain)
        order = ", ".join(str(i + 1) for i in range(len(grain)))
        for (name, condition), count in zip(differs.items(), counts, strict=True):
            if count:
                rows = self._scratch.rows(f"SELECT {keys} FROM {both} WHERE {condition} ORDER BY {order} LIMIT {EXAMPLES}")
                found.moved[name] = count
                found.examples[name] = [f"{', '.join(str(v) for v in row)} (cut {cut.label})" for row in rows]


def _any(conditions: Iterable[str]) -> str:
    return " OR ".join(conditions) or "FALSE"


def _count(condition: str) -> str:
    return f"count(*) FILTER (WHERE {condition})"
