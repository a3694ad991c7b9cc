"""Who studies what, since when, and what kind of student each one is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from padm_ibis.sample.campus import Campus
from padm_ibis.sample.careers import Curriculum
from padm_ibis.sample.columns import Array, choose

SECOND_CAREERS = 0.05
NEVER = 9_999


@dataclass(frozen=True, slots=True)
class Intake:
    """The rows of ``sga_alumnos``, by position: ``alumno`` is the position + 1, in order of entry.

    Attributes
    ----------
    persons
        How many persons they are.
    person, career, entry
        Position of the person and of the career; academic year of entry.
    person_entry
        Of each person: the first of their entries.
    second
        Whether it is the person's second career.
    ability, drive, work
        Of each alumno: what nobody can see, and everything observed follows from.
        ``work`` is the bracket of weekly hours: 0 none to 3 full time.
    """

    persons: int
    person: Array
    career: Array
    entry: Array
    person_entry: Array
    second: Array
    ability: Array
    drive: Array
    work: Array

    @property
    def size(self) -> int:
        """Rows of ``sga_alumnos``."""
        return len(self.person)

    @property
    def alumno(self) -> Array:
        """``alumno`` of each position."""
        return np.arange(1, self.size + 1)


def intake(campus: Campus, study: Curriculum) -> Intake:
    """Draw a campus's students: some persons have two careers, the second begun later."""
    rng = campus.stream("intake")
    doubles = round(SECOND_CAREERS * campus.students)
    persons = campus.students - doubles
    growth = np.linspace(1.0, 1.3, campus.years)
    first = np.sort(campus.first_year + choose(rng, persons, list(growth)))
    career = choose(rng, persons, [c.share for c in study.careers])
    who = rng.choice(persons, doubles, replace=False)
    later = np.minimum(first[who] + 1 + rng.geometric(0.45, doubles), campus.last_year)
    other = (career[who] + rng.integers(1, len(study.careers), doubles)) % len(study.careers)
    entry = np.concatenate([first, later])
    order = np.argsort(entry, kind="stable")
    person = np.concatenate([np.arange(persons), who])[order]
    ability, drive, work = _traits(campus, persons)
    return Intake(
        persons, person, np.concatenate([career, other])[order], entry[order], first, (np.arange(len(entry)) >= persons)[order],
        ability[person], drive[person], work[person],
    )  # fmt: skip


def _traits(campus: Campus, persons: int) -> tuple[Array, Array, Array]:
    rng = campus.stream("traits")
    ability, drive, need = rng.normal(size=(3, persons))
    return ability, drive, np.digitize(need, (0.1, 0.7, 1.2))
