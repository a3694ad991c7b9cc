"""One campus to invent: its size, its calendar and its random streams."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np

from padm_ibis.sample.columns import day

LAST_YEAR = 2025


@dataclass(frozen=True, slots=True)
class Campus:
    """What decides a campus's rows: the same values give the same rows, wherever and whenever.

    Attributes
    ----------
    seed
        Of the whole university.
    number
        1, 2, …; a campus does not depend on how many others there are.
    students
        Rows of ``sga_alumnos``.
    years
        Academic years covered, the last one included.
    last_year
        The last academic year; the database was copied on its last day (28 or 29 February).
    """

    seed: int
    number: int
    students: int
    years: int
    last_year: int

    @property
    def first_year(self) -> int:
        """The first academic year."""
        return self.last_year - self.years + 1

    @property
    def snapshot(self) -> int:
        """The day (since 1970) on which the database was copied: nothing is later, typing errors apart."""
        return int(day(self.last_year + 1, 3, 1)) - 1

    @property
    def last_control(self) -> int:
        """The last academic year whose control of regularity has run: it runs months after the year."""
        return self.last_year - 1

    @property
    def variant(self) -> bool:
        """Whether this installation is of the other kind: other physical types, no regularities in the history view."""
        return self.number % 2 == 0

    def stream(self, name: str) -> np.random.Generator:
        """Random numbers of their own for each table: a table added later moves no other."""
        key = np.random.SeedSequence(self.seed, spawn_key=(self.number, zlib.crc32(name.encode())))
        return np.random.Generator(np.random.PCG64(key))
