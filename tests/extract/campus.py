"""A kind of source of a few tables, for tests: every way of loading, every type."""

from __future__ import annotations

from typing import Annotated, Any

import ibis.expr.datatypes as dt
import ibis.expr.types as ir

from padm_ibis.define.contract import BronzeContract, column
from padm_ibis.define.model import resource
from padm_ibis.define.source_table import SourceTable

Numeric = Annotated[dt.Decimal, 18, 6, True]
WIDTH = 200


def _table(name: str, required: str, columns: dict[str, dt.DataType], *, optional: bool = False) -> SourceTable:
    return SourceTable(name, columns, frozenset(required.split()), optional)


TABLES = {
    table.name: table
    for table in (
        _table(
            "marks",
            "id student at",
            {
                "id": dt.int64, "student": dt.int64, "at": dt.timestamp, "mark": dt.string, "points": dt.Decimal(18, 6),
                "day": dt.date,
            },
        ),
        _table("people", "person", {"person": dt.int64, "name": dt.string, "document": dt.string, "mail": dt.string}),
        _table("events", "student at reason", {"student": dt.int64, "at": dt.timestamp, "reason": dt.string, "kind": dt.string}),
        _table("history", "id day", {"id": dt.int64, "day": dt.date, "note": dt.string}),
        _table("history_basic", "id day", {"id": dt.int64, "day": dt.date, "note": dt.string}),
        _table("wide", "id", {"id": dt.int64, **{f"c{n:03}": dt.string for n in range(WIDTH - 1)}}, optional=True),
    )
}  # fmt: skip


def _loader(name: str) -> Any:
    return column(f"The loader's {name}.", role="metadata", alias=name, required=True)


class Marks(BronzeContract):
    """Marks, one row per id."""

    source_db: dt.String = _loader("source_db")
    id: dt.Int64 = column("Mark.", role="key")
    student: dt.Int64 = column("Student.", nullable=True, fk="people.person")
    at: dt.Timestamp = column("When.", nullable=True)
    mark: dt.String = column("Mark.", nullable=True)
    points: Numeric = column("Points.", nullable=True)
    day: dt.Date = column("Day.", nullable=True)
    extracted_at: dt.Timestamp = _loader("_extracted_at")
    run_id: dt.String = _loader("_run_id")

    class Config:
        unique = ("source_db", "id")


class People(BronzeContract):
    """People, one row per person."""

    source_db: dt.String = _loader("source_db")
    person: dt.Int64 = column("Person.", role="key")
    name: dt.String = column("Name.", nullable=True)
    document_hash: dt.String = column("Document.", nullable=True)
    mail_hash: dt.String = column("Mail.", nullable=True)
    extracted_at: dt.Timestamp = _loader("_extracted_at")
    run_id: dt.String = _loader("_run_id")

    class Config:
        unique = ("source_db", "person")


class Events(BronzeContract):
    """Events, one row per student, instant and reason; each part may be null."""

    source_db: dt.String = _loader("source_db")
    student: dt.Int64 = column("Student.", role="key", nullable=True)
    at: dt.Timestamp = column("When.", role="key", nullable=True)
    reason: dt.String = column("Why.", role="key", nullable=True)
    kind: dt.String = column("What.", nullable=True)
    extracted_at: dt.Timestamp = _loader("_extracted_at")
    run_id: dt.String = _loader("_run_id")

    class Config:
        unique = ("source_db", "student", "at", "reason")


class History(BronzeContract):
    """History, one row per id, from a view or its plainer sister."""

    source_db: dt.String = _loader("source_db")
    id: dt.Int64 = column("Row.", role="key")
    day: dt.Date = column("Day.", nullable=True)
    note: dt.String = column("Note.", nullable=True)
    extracted_at: dt.Timestamp = _loader("_extracted_at")
    run_id: dt.String = _loader("_run_id")

    class Config:
        unique = ("source_db", "id")


def _wide() -> type[BronzeContract]:
    names = [f"c{n:03}" for n in range(WIDTH - 1)]
    fields = {
        "source_db": _loader("source_db"), "id": column("Row.", role="key"),
        **{name: column("Text.", nullable=True) for name in names},
        "extracted_at": _loader("_extracted_at"), "run_id": _loader("_run_id"),
    }  # fmt: skip
    kinds = dict.fromkeys(fields, dt.String) | {"id": dt.Int64, "extracted_at": dt.Timestamp}
    body = {"__module__": __name__, "__annotations__": kinds, "Config": type("Config", (), {"unique": ("source_db", "id")})}
    return type("Wide", (BronzeContract,), {**body, **fields})


Wide = _wide()


@resource(Marks, load="incremental", cursor="at", known_at="at")
def marks(marks: ir.Table) -> ir.Table:
    """Marks, one row per id."""
    return marks.select("id", "student", "at", "mark", "points", "day")


@resource(People, load="full", hashes={"document_hash": "documento", "mail_hash": "texto"})
def people(people: ir.Table) -> ir.Table:
    """People, one row per person."""
    return people.select("person", "name", document_hash="document", mail_hash="mail")


@resource(Events, load="incremental", cursor="at")
def events(events: ir.Table) -> ir.Table:
    """Events, one row per student, instant and reason."""
    return events.select("student", "at", "reason", "kind")


@resource(History, load="incremental", cursor="day", fallback={"history": "history_basic"})
def history(history: ir.Table) -> ir.Table:
    """History, one row per id."""
    return history.select("id", "day", "note")


@resource(Wide, load="full")
def wide(wide: ir.Table) -> ir.Table:
    """Wide rows, one row per id."""
    return wide.select("id", *(f"c{n:03}" for n in range(WIDTH - 1)))


BRONZE = (marks, people, events, history, wide)
