"""What commands say of tables, as plain data: their list, their columns, their SQL, where a column comes from."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Any

from padm_ibis.report.restated import Restatements


@dataclass(frozen=True, slots=True)
class ListedTable:
    """One table of the list; ``rows`` and ``made_at`` (UTC) are None where it was never built."""

    table: str
    rows: int | None
    made_at: dt.datetime | None
    reads: list[str]


Listing = list[ListedTable]


@dataclass(frozen=True, slots=True)
class DescribedColumn:
    """One column as its contract has it.

    Attributes
    ----------
    time
        In bronze: ``constant``, ``dated`` (as known at the date of its row) or ``now`` (as things stand today); else None.
    """

    name: str
    type: str
    null: bool
    role: str
    pii: str
    foreign_key: str | None
    description: str
    time: str | None = None


@dataclass(frozen=True, slots=True)
class DescribedTable:
    """One table: what a row is, what it reads, who reads it.

    Attributes
    ----------
    parameters
        The run parameters that it depends on, and what follows from them, such as ``last_closed_year``.
    per_person
        The columns that say whose a row is, where rows of some people can be made anew by themselves.
    """

    table: str
    description: str
    key: list[str]
    defined_at: str
    reads: list[str]
    read_by: list[str]
    parameters: list[str]
    per_person: list[str]
    columns: list[DescribedColumn]


Shown = DescribedTable | Restatements


@dataclass(frozen=True, slots=True)
class Statement:
    """The statement that makes a table, in one dialect."""

    table: str
    dialect: str
    sql: str


@dataclass(frozen=True, slots=True)
class NewTable:
    """What was written for a table to begin with.

    Attributes
    ----------
    files
        From the folder of the configuration; the model and the test last.
    configured
        Whether ``[models] modules`` has the package already; ``modules`` is what it should hold.
    configuration
        Name of the configuration's file, if there is one.
    """

    table: str
    key: list[str]
    reads: list[str]
    module: str
    files: list[str]
    configured: bool
    modules: list[str]
    configuration: str | None


@dataclass(frozen=True, slots=True)
class Branch:
    """A column and, below it, the columns its values come from; ``indirect`` ones only decide which rows count."""

    column: str
    layer: str
    how: list[str]
    values: list[Branch]
    indirect: list[str]
    repeated: bool = field(default=False)


Branches = Branch | list[Branch]
Manifest = dict[str, Any]
