"""A kind of source of five tables, for tests of the engine: a school, its pupils and their marks."""

from __future__ import annotations

from pathlib import Path

import duckdb
import ibis.expr.datatypes as dt
import ibis.expr.types as ir

from padm_ibis.define.contract import BronzeContract, GoldContract, SilverContract, column
from padm_ibis.define.model import model, resource
from padm_ibis.define.source_table import SourceTable
from padm_ibis.params import Params

TABLES = {
    "pupil": SourceTable("pupil", {"pupil": dt.int64, "name": dt.string}, frozenset({"pupil"}), people={"pupil": "persona"}),
    "mark": SourceTable(
        "mark",
        {"mark": dt.int64, "pupil": dt.int64, "day": dt.date, "value": dt.int64},
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
    name: dt.String = column("Name.", pii="direct", nullable=True)
    extracted_at: dt.Timestamp = _loaded("When.", "_extracted_at")
    run_id: dt.String = _loaded("Run.", "_run_id")


class Marks(BronzeContract):
    """Marks."""

    class Config:
        unique = ("source_db", "mark")

    source_db: dt.String = column("Source.", role="key", required=True)
    mark: dt.Int64 = column("Mark.", role="key", required=True)
    pupil: dt.Int64 = column("Pupil.", nullable=True)
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
    name: dt.String = column("Name.", pii="direct", nullable=True)


class FactMark(SilverContract):
    """Marks."""

    class Config:
        unique = ("source_db", "mark_id")

    source_db: dt.String = column("Source.", role="key")
    mark_id: dt.Int64 = column("Mark.", role="key")
    pupil_id: dt.Int64 = column("Pupil.", fk="dim_pupil.pupil_id", nullable=True)
    value: dt.Int64 = column("Value, 0 to 10.", role="measure", ge=0, le=10)


class MartPupil(GoldContract):
    """Pupils and their marks."""

    class Config:
        unique = ("source_db", "pupil_id")

    source_db: dt.String = column("Source.", role="key")
    pupil_id: dt.Int64 = column("Pupil.", role="key")
    marks: dt.Int64 = column("Marks.", role="measure")
    total: dt.Int64 = column("Sum of marks.", role="measure")


@resource(Pupils, load="full")
def pupils(pupil: ir.Table) -> ir.Table:
    """Pupils, one row per pupil."""
    return pupil.select("pupil", "name")


@resource(Marks, load="incremental", cursor="day")
def marks(mark: ir.Table) -> ir.Table:
    """Marks, one row per mark."""
    return mark.select("mark", "pupil", "day", "value")


@model(DimPupil)
def dim_pupil(pupils: ir.Table) -> ir.Table:
    """Pupils, one row per pupil_id."""
    return pupils.select("source_db", pupil_id="pupil", name="name")


@model(FactMark)
def fact_mark(marks: ir.Table, params: Params) -> ir.Table:
    """Marks until as_of, one row per mark_id."""
    return marks.filter(marks.day <= params.as_of).select("source_db", mark_id="mark", pupil_id="pupil", value="value")


@model(MartPupil)
def mart_pupil(dim_pupil: ir.Table, fact_mark: ir.Table) -> ir.Table:
    """Pupils with their marks, one row per pupil_id."""
    totals = fact_mark.group_by("source_db", "pupil_id").aggregate(marks=fact_mark.count(), total=fact_mark.value.sum())
    joined = dim_pupil.left_join(totals, ["source_db", "pupil_id"])
    return joined.select("source_db", "pupil_id", marks=joined.marks.coalesce(0), total=joined.total.coalesce(0))


BRONZE = (pupils, marks)

PUPILS = [(1, "Ana"), (2, "Berta")]
MARKS = [(10, 1, "2024-05-01", 7), (11, 1, "2024-06-01", 9), (12, 2, "2024-07-01", 4)]


def write_school(
    path: Path, pupils: list[tuple[object, ...]] | None = None, marks: list[tuple[object, ...]] | None = None
) -> Path:
    """Make the source anew."""
    path.unlink(missing_ok=True)
    with duckdb.connect(str(path)) as con:
        con.execute("CREATE SCHEMA school")
        con.execute("CREATE TABLE school.pupil (pupil BIGINT, name VARCHAR)")
        con.execute("CREATE TABLE school.mark (mark BIGINT, pupil BIGINT, day DATE, value BIGINT)")
        for table, rows in (("pupil", PUPILS if pupils is None else pupils), ("mark", MARKS if marks is None else marks)):
            for row in rows:
                con.execute(f"INSERT INTO school.{table} VALUES ({', '.join('?' * len(row))})", row)
    return path


def write_config(folder: Path, *sources: Path, more: str = "") -> Path:
    """Write a padm.toml for schools; the warehouse is ``w.duckdb`` beside it."""
    parts = ['[warehouse]\nurl = "duckdb://w.duckdb"\n[privacy]\nhash_key = "k"']
    parts += [f'[sources.{p.stem}]\nkind = "small_school"\nschema = "school"\nurl = "duckdb://{p}"' for p in sources]
    path = folder / "padm.toml"
    path.write_text("\n".join([*parts, more]), encoding="utf-8")
    return path
