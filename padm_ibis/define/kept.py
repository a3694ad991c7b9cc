"""What of a bronze row stays although its source changes or loses it: plain words, nothing heavy is imported for them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kept:
    """How a bronze table remembers what its source forgets: no row of it is ever removed by a load.

    Attributes
    ----------
    smallest
        Columns of which the smallest value that any load saw stays.
    lasting
        Columns of which the last value that was not null stays.
    first
        Columns of which the first value that was not null stays.
    growing
        A count that can only grow: a row that comes with less of it is what a purge left, and the whole row stays as it was.
    """

    smallest: tuple[str, ...] = ()
    lasting: tuple[str, ...] = ()
    first: tuple[str, ...] = ()
    growing: str | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that may rightly say something else than the source."""
        return (*self.smallest, *self.lasting, *self.first)
