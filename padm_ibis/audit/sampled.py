"""Some people of a warehouse, with everything of theirs: enough that hardly any leak is missed that touches more than a few.

They are drawn like lots from a hat, but by a keyed hash: the same ones whenever a version of the warehouse is audited, and
others of the next version.
"""

from __future__ import annotations

from math import ceil, prod

import ibis
import ibis.expr.types as ir
import pydantic.dataclasses
from pydantic import computed_field

from padm_ibis.audit.events import PERSON, SOURCE, STUDENT
from padm_ibis.define.fingerprint import md5

SAMPLED = "sampled"
PERSONS = 1_400
"""Persons that are drawn. However many there are, a leak in SHARE of them is missed less than once in a thousand times."""
SHARE = 0.005


@pydantic.dataclasses.dataclass
class Sample:
    """Which tables were audited on some people, and what that may have missed.

    Attributes
    ----------
    tables
        Tables that are made person by person. All others were audited whole.
    persons
        How many were drawn, each with all student records and everything of theirs.
    of
        How many there are.
    share
        A leak is looked at that shows in this share of them.
    """

    tables: tuple[str, ...]
    persons: int
    of: int
    share: float = SHARE

    @computed_field  # type: ignore[prop-decorator]
    @property
    def touched(self) -> int:
        """How many people such a leak shows in."""
        return ceil(self.share * self.of)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def missed(self) -> float:
        """How probable it is that none of them was drawn."""
        return missed(self.persons, self.of, self.touched)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def bound(self) -> str:
        """What the sample may miss, in words."""
        *first, last = self.tables
        tables = f"{', '.join(first)} and {last} are" if first else f"{last} is"
        drawn = f"{self.persons:,} of {self.of:,} persons, drawn by a keyed hash, with everything of theirs"
        leak = f"a leak that shows in {self.share:g} of all persons ({self.touched:,})"
        return f"{tables} audited on {drawn}: {leak} is missed with a probability of {self.missed:.2g}."


def missed(drawn: int, of: int, touched: int) -> float:
    """Return how probable it is that of ``of`` people ``drawn`` ones hold none of ``touched``: the hypergeometric law."""
    return prod(max(of - drawn - i, 0) / (of - i) for i in range(touched))


def count(students: ir.Table) -> ir.IntegerScalar:
    """How many persons there are."""
    return _whose(students).nunique()


def draw(students: ir.Table, persons: int, key: str) -> ir.Table:
    """Return the student records (source, record, person) of so many persons.

    Parameters
    ----------
    key
        What the draw depends on, besides who there is.
    """
    records = students.select(SOURCE, STUDENT, PERSON, _whose=_whose(students))
    everyone = records.select("_whose").distinct()
    order = ibis.window(order_by=[md5(ibis.literal(f"{key}:") + everyone["_whose"]), everyone["_whose"]])
    drawn = everyone.mutate(_turn=ibis.row_number().over(order)).filter(lambda t: t["_turn"] < persons)
    return records.semi_join(drawn, "_whose").select(SOURCE, STUDENT, PERSON)


def of(sampled: ir.Table, whose: str, rows: ir.Table) -> ir.Table:
    """Return the rows of the people drawn; ``whose`` is the column that says whose a row is."""
    people = sampled.filter(sampled[whose].notnull()).select(SOURCE, whose).distinct()
    return rows.semi_join(people, [SOURCE, whose])


def _whose(students: ir.Table) -> ir.StringColumn:
    """A person in words; a record that names none is somebody's of whom it is all we know."""
    person = ibis.literal("person ") + students[PERSON].cast("string")
    return students[SOURCE] + ":" + person.coalesce(ibis.literal("record ") + students[STUDENT].cast("string"))
