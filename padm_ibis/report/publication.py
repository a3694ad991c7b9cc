"""What a publication did: a table on the terminal, JSON for machines."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Literal

from padm_ibis.report.answer import to_json

Status = Literal["published", "checked", "failed", "skipped"]


@dataclass(slots=True)
class TableDetail:
    """One table of a publication.

    Attributes
    ----------
    records
        Rows of the source.
    differences
        What is not equal on both sides, in words; empty when all is.
    columns
        How the columns differ from those that readers had before, in words.
    sent, removed
        Rows that were sent, and keys of rows that were deleted, where the target was known to be in step and got no more than
        what changed; None where it got all rows.
    """

    table: str
    status: Status = "skipped"
    records: int = 0
    seconds: float = 0.0
    differences: list[str] = field(default_factory=list)
    columns: list[str] = field(default_factory=list)
    sent: int | None = None
    removed: int | None = None

    @property
    def amount(self) -> str:
        """How many rows there are, and how many of them were sent where it was not all."""
        return f"{self.records:,} rows" + ("" if self.sent is None else f", {self.sent:,} sent")


@dataclass(slots=True)
class PublishReport:
    """A publication: all of its tables became visible together, or none.

    Attributes
    ----------
    code
        The exit code that ``error`` stands for.
    file
        Where a target that is a file is: from the folder of the warehouse where it is below it, else its whole path.
    """

    timestamp: dt.datetime
    source: str
    target: str
    mode: str
    total_tables: int = 0
    successful_tables: int = 0
    failed_tables: int = 0
    total_records_processed: int = 0
    total_execution_time: float = 0.0
    tables_detail: list[TableDetail] = field(default_factory=list)
    error: str | None = None
    code: int = 1
    file: str | None = None

    @property
    def exit_code(self) -> int:
        """0 when every table is equal on both sides; what the error stands for, where there was one; else 1."""
        return self.code if self.error else 1 if self.failed_tables else 0

    def close(self, seconds: float) -> None:
        """Add up the tables; after an error none of them is visible."""
        if self.error:
            for item in self.tables_detail:
                item.status = "failed"
        self.total_tables = len(self.tables_detail)
        self.failed_tables = sum(t.status in ("failed", "skipped") for t in self.tables_detail)
        self.successful_tables = self.total_tables - self.failed_tables
        self.total_records_processed = sum(t.records for t in self.tables_detail if t.status != "skipped")
        self.total_execution_time = round(seconds, 3)

    def json(self) -> str:
        """Return the report as JSON."""
        return to_json(self)

    def lines(self) -> list[str]:
        """Return the report as plain lines."""
        out = []
        for item in self.tables_detail:
            out.append(f"{item.table}  {item.status}  {item.amount}  {item.seconds:.2f} s")
            out += [f"  changed: {change}" for change in item.columns]
            out += [f"  differs: {difference}" for difference in item.differences]
        if self.error:
            out.append(f"error: {self.error}")
        out.append(
            f"{self.successful_tables} of {self.total_tables} tables, {self.total_records_processed:,} rows,"
            f" in {self.total_execution_time:.1f} s → {self.target}"
        )
        return out
