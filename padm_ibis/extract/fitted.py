"""A source's table in the shape that the expressions expect, and those of its columns that only their values can tell of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from padm_ibis.sources.values import quote


@dataclass(frozen=True, slots=True)
class Suspect:
    """A column of which only the values can tell whether they are of the wanted type.

    Attributes
    ----------
    table
        The source table that is read.
    relation
        Its quoted name.
    column, found, wanted
        Name, type at the source and type in Ibis's words.
    invalid
        Condition at the source: there is a value, and it is none of the type.
    names
        Columns that say which row it is, each as SQL.
    vital
        Whether bronze cannot hold the row without it: a part of the key, or one that may not be null.
    """

    table: str
    relation: str
    column: str
    found: str
    wanted: str
    invalid: str
    names: tuple[tuple[str, str], ...] = ()
    vital: bool = False


@dataclass(frozen=True, slots=True)
class Fitted:
    """A source's table in the shape that the expressions expect.

    Attributes
    ----------
    relation
        What stands in a FROM for it, as it is.
    columns
        Name and SQL of each column; empty where the table fits as it is.
    """

    relation: str
    columns: Sequence[tuple[str, str]] = ()
    suspects: tuple[Suspect, ...] = ()

    def sql(self, *, rejecting: bool, only: str = "") -> str:
        """Return what stands in the FROM.

        Parameters
        ----------
        rejecting
            Whether every row with a value that is none of its type is left out, or only where bronze cannot do without it.
        only
            Condition on the table's own columns.
        """
        if not self.columns:
            return f"(SELECT * FROM {self.relation} WHERE {only})" if only else self.relation
        chosen = ", ".join(sql if sql == quote(column) else f"{sql} AS {quote(column)}" for column, sql in self.columns)
        out = [f"NOT ({suspect.invalid})" for suspect in self.suspects if rejecting or suspect.vital]
        where = f" WHERE {' AND '.join([*out, *([only] if only else [])])}" if out or only else ""
        return f"(SELECT {chosen} FROM {self.relation}{where})"
