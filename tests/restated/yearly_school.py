"""A kind of source with a point-in-time table: pupils of a house, and the marks of a year."""

from __future__ import annotations

from pathlib import Path

import duckdb
import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir

from padm_ibis.define.contract import BronzeContract, GoldContract, SilverContract, column
from padm_ibis.define.model import model, resource
from padm_ibis.define.source_table import SourceTable
from padm_ibis.params import Params

TABLES = {
    "pupil": SourceTable("pupil", {"pupil": dt.int64, "house": dt.string}, frozenset({"pupil"}), people={"pupil": "persona"}),
    "mark": SourceTable(
        "mark",
        {"mark": dt.int64, "pupil": dt.int64, "year": dt.int64, "day": dt.date, "value": dt.int64},
        frozenset({"mark", "day"}),
        people={"pupil": "persona"},
    ),
}


def _loaded(description: str, alias: str) -> object:
    return column(description, role="metadata", alias=alias, required=True)


class Pupils(BronzeContract):
    """Pupils."""

    class Config:
        unique = ("source_db", "pupil")

    source_db: dt.String = column("Source.", role="key", required=True)
    pupil: dt.Int64 = column("Pupil.", role="key", required=True)
    house: dt.String = column("House.", nullable=True)
    extracted_at: dt.Timestamp = _loaded("When.", "_extracted_at")
    run_id: dt.String = _loaded("Run.", "_run_id")


class Marks(BronzeContract):
    """Marks."""

    class Config:
        unique = ("source_db", "mark")

    source_db: dt.String = column("Source.", role="key", required=True)
    mark: dt.Int64 = column("Mark.", role="key", required=True)
    pupil: dt.Int64 = column("Pupil.", nullable=True)
    year: dt.Int64 = column("Year.", nullable=True)
    day: dt.Date = column("Day.", nullable=True, required=True)
    value: dt.Int64 = column("Value.", nullable=True)
    extracted_at: dt.Timestamp = _loaded("When.", "_extracted_at")
    run_id: dt.String = _loaded("Run.", "_run_id")


class DimPupil(SilverContract):
    """Pupils."""

    class Config:
        unique = ("source_db", "pupil_id")

    source_db: dt.String = column("Source.", role="key")
    pupil_id: dt.Int64 = column("Pupil.", role="key", pii="indirect")
    house: dt.String = column("House.", nullable=True)


class FactMark(SilverContract):
    """Marks."""

    class Config:
        unique = ("source_db", "mark_id")

    source_db: dt.String = column("Source.", role="key")
    mark_id: dt.Int64 = column("Mark.", role="key")
    pupil_id: dt.Int64 = column("Pupil.", fk="dim_pupil.pupil_id", nullable=True)
    anio_evento: dt.Int64 = column("Year.", nullable=True)
    day: dt.Date = column("Day.", nullable=True)
    value: dt.Int64 = column("Value.", role="measure", nullable=True)


class PupilYear(GoldContract):
    """A pupil's year."""

    class Config:
        unique = ("source_db", "pupil_id", "anio_academico")

    source_db: dt.String = column("Source.", role="key")
    pupil_id: dt.Int64 = column("Pupil.", role="key", pii="indirect")
    anio_academico: dt.Int64 = column("Year.", role="key")
    house: dt.String = column("House.", nullable=True)
    marks: dt.Int64 = column("Marks.", role="measure")
    total: dt.Int64 = column("Sum of marks.", role="measure")
    of_all: dt.Int64 = column("Sum of everybody's marks.", role="measure")
    since: dt.Int64 = column("Years since the parameter's first one.", role="measure")
    first_day: dt.Date = column("Day of the first mark.", role="metadata", nullable=True)
    returns: dt.Int64 = column("Whether there is a mark in the next year; null until that is over.", role="target", nullable=True)


class MartHouse(GoldContract):
    """Houses, as they are today."""

    class Config:
        unique = ("source_db", "house")

    source_db: dt.String = column("Source.", role="key")
    house: dt.String = column("House.", role="key")
    pupils: dt.Int64 = column("Pupils.", role="measure")


@resource(Pupils, load="full", constant=("house",))
def pupils(pupil: ir.Table) -> ir.Table:
    """Pupils, one row per pupil."""
    return pupil.select("pupil", "house")


@resource(Marks, load="full", known_at="day")
def marks(mark: ir.Table) -> ir.Table:
    """Marks, one row per mark."""
    return mark.select("mark", "pupil", "year", "day", "value")


@model(DimPupil)
def dim_pupil(pupils: ir.Table) -> ir.Table:
    """Pupils, one row per pupil_id."""
    return pupils.select("source_db", pupil_id="pupil", house="house")


@model(FactMark)
def fact_mark(marks: ir.Table, params: Params) -> ir.Table:
    """Marks until as_of, one row per mark_id."""
    until = marks.filter(marks.day <= params.as_of)
    return until.select("source_db", mark_id="mark", pupil_id="pupil", anio_evento="year", day="day", value="value")


@model(PupilYear, point_in_time=True)
def pupil_year(dim_pupil: ir.Table, fact_mark: ir.Table, params: Params) -> ir.Table:
    """A pupil's year, one row per pupil_id and anio_academico."""
    last = params.last_closed_year
    closed = fact_mark.filter(fact_mark.anio_evento <= last, fact_mark.pupil_id.notnull(), fact_mark.anio_evento.notnull())
    years = closed.group_by("source_db", "pupil_id", "anio_evento").agg(
        marks=closed.count(), total=closed["value"].sum(), first_day=closed.day.min()
    )
    everybody = closed.group_by("source_db", "anio_evento").agg(of_all=closed["value"].sum())
    again = years.select("source_db", "pupil_id", anio_evento=years.anio_evento - 1, again=ibis.literal(1, "int64"))
    rows = years.inner_join(everybody, ["source_db", "anio_evento"])
    rows = rows.left_join(again, ["source_db", "pupil_id", "anio_evento"]).drop(
        "source_db_right", "pupil_id_right", "anio_evento_right"
    )
    rows = rows.left_join(dim_pupil, ["source_db", "pupil_id"])
    return rows.select(
        "source_db",
        "pupil_id",
        anio_academico=rows.anio_evento,
        house=rows.house,
        marks=rows.marks,
        total=rows.total,
        of_all=rows.of_all,
        since=rows.anio_evento - params.period_base_year,
        first_day=rows.first_day,
        returns=ibis.ifelse(rows.anio_evento + 1 > last, ibis.null("int64"), rows.again.coalesce(0)),
    )


@model(MartHouse)
def mart_house(dim_pupil: ir.Table) -> ir.Table:
    """Houses, one row per house."""
    known = dim_pupil.filter(dim_pupil.house.notnull())
    return known.group_by("source_db", "house").agg(pupils=known.count())


BRONZE = (pupils, marks)

Pupil = tuple[int, str]
Mark = tuple[int, int, int, str, int]
PUPILS: list[Pupil] = [(1, "red"), (2, "blue"), (3, "red")]
MARKS: list[Mark] = [
    (10, 1, 2021, "2021-05-01", 7),
    (11, 1, 2022, "2022-05-01", 8),
    (12, 2, 2021, "2021-06-01", 5),
    (13, 2, 2022, "2022-06-01", 6),
    (14, 3, 2022, "2022-07-01", 9),
]
"""Of two closed years by 2023-06-01: five rows of ``pupil_year``."""


def write_school(path: Path, pupils: list[Pupil], marks: list[Mark]) -> Path:
    """Make the source anew."""
    path.unlink(missing_ok=True)
    with duckdb.connect(str(path)) as con:
        con.execute("CREATE SCHEMA school")
        con.execute("CREATE TABLE school.pupil (pupil BIGINT, house VARCHAR)")
        con.execute("CREATE TABLE school.mark (mark BIGINT, pupil BIGINT, year BIGINT, day DATE, value BIGINT)")
        for table, rows in (("pupil", pupils), ("mark", marks)):
            for row in rows:
                con.execute(f"INSERT INTO school.{table} VALUES ({', '.join('?' * len(row))})", list(row))
    return path
