"""Statements of one cut after another, of which two are written and those between are filled in.

Making expressions takes Python longer than an engine takes to run them on some people's rows. From cut to cut they differ in
whole numbers and dates alone: those of the first and the last cut are made and compared, operation by operation.
Where each of their literals stays as it is, or goes with the year or with the day of the cut, the statements of
the other cuts are the first ones with other literals. Where anything else is different, every cut's are made.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import ibis.expr.operations as ops

from padm_ibis.audit.scratch import Scratch, Statement
from padm_ibis.audit.template import other_literals

Law = Callable[["Moment"], ops.Literal]


@dataclass(frozen=True, slots=True)
class Moment:
    """A cut: the year, and the day for which everything is rebuilt."""

    year: int
    as_of: dt.date


class Series:
    """One statement at some cuts.

    Parameters
    ----------
    write
        Makes the statement of one cut.
    """

    def __init__(self, scratch: Scratch, cuts: Sequence[Moment], write: Callable[[Moment], Statement]) -> None:
        self._scratch, self._write = scratch, write
        self._ends = tuple(dict.fromkeys((cuts[0], cuts[-1])))
        self._written: dict[Moment, Statement] = {}
        self._laws: Mapping[ops.Literal, Law] | None = None

    def at(self, cut: Moment) -> Statement:
        """Return the statement of a cut."""
        if cut in self._ends:
            return self._made(cut)
        if any(end not in self._written for end in self._ends):
            self._laws = laws_of([self._made(end).made.op() for end in self._ends], self._ends)
        filled = None
        if self._laws is not None:
            values = {old: law(cut) for old, law in self._laws.items()}
            filled = self._scratch.filled(self._made(self._ends[0]), values)
        return filled or self._write(cut)

    def _made(self, cut: Moment) -> Statement:
        if cut not in self._written:
            self._written[cut] = self._write(cut)
        return self._written[cut]


def laws_of(made: Sequence[ops.Node], cuts: Sequence[Moment]) -> dict[ops.Literal, Law] | None:
    """Return how each literal of the first cut's expression goes with the cut; None if anything goes in no simple way."""
    first, *later = made
    others = [other_literals(first, other) for other in later]
    found: dict[ops.Literal, Law] = {}
    for literal in others[0] or () if others else ():
        places = [other[literal] for other in others if other is not None]
        law = law_of([literal, *places], cuts) if len(places) == len(later) else None
        if law is None:
            return None
        found[literal] = law
    return None if None in others else found


def law_of(literals: Sequence[ops.Literal], cuts: Sequence[Moment]) -> Law | None:
    """Return how a literal goes with the cut: not at all, by the year, or by days from the day; None if it does otherwise."""
    first = literals[0]
    if all(literal == first for literal in literals):
        return lambda cut: first
    measured: list[int]
    if first.dtype.is_integer():
        measured = [literal.value - cut.year for literal, cut in zip(literals, cuts, strict=True)]
        law: Law = lambda cut: ops.Literal(cut.year + measured[0], first.dtype)  # noqa: E731
    elif first.dtype.is_date():
        measured = [(literal.value - cut.as_of).days for literal, cut in zip(literals, cuts, strict=True)]
        law = lambda cut: ops.Literal(cut.as_of + dt.timedelta(days=measured[0]), first.dtype)  # noqa: E731
    else:
        return None
    return law if len(set(measured)) == 1 else None
