"""What a source system's table looks like to us."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir

Identity = Literal["persona", "alumno", "docente", "documento", "usuario"]
"""What a value that names a person is: of the person, of a student record, of a teacher, of a document, of a user."""


@dataclass(frozen=True, slots=True)
class SourceTable:
    """One table or view of a source system, as far as we read it.

    Attributes
    ----------
    columns
        Name → the Ibis type that the expressions of bronze work with. A source may hold another type that converts.
    required
        Columns without which the table cannot be read; the others become typed nulls where a source lacks them.
    optional_table
        Whether a source may lack the whole table: it is then read as if it had no rows.
    key
        Columns that identify a row at every installation; empty where one may hold a code twice. The definition-time
        checks build on it: what bronze joins to must be unique by this key, or be made so.
    people
        Column → what of a person its values name. By it, and by every column of bronze that is made from such ones alone,
        the rows of a person are found when they are to be erased.
    epoch
        Columns that hold whole seconds since 1970, UTC, and 0 for never: read as instants, their type here is that of one.
    """

    name: str
    columns: Mapping[str, dt.DataType]
    required: frozenset[str]
    optional_table: bool = False
    key: tuple[str, ...] = ()
    people: Mapping[str, Identity] = field(default_factory=dict)
    epoch: frozenset[str] = frozenset()

    def unbound(self) -> ir.Table:
        """Return a table without data that stands for this one."""
        return ibis.table(ibis.schema(dict(self.columns)), name=self.name)
