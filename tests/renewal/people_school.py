"""A kind of source in which everything is that decides whether some people's rows can be made anew by themselves.

Persons have records (a link that moves), records have marks (of nobody, too; in the future, too), persons answer surveys,
subjects are nobody's. Of gold, some tables are made person by person, some mix people, and some do both.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir

from padm_ibis.define.contract import BronzeContract, GoldContract, SilverContract, column
from padm_ibis.define.model import model, resource
from padm_ibis.define.source_table import SourceTable
from padm_ibis.params import Params

TABLES = {
    "person": SourceTable("person", {"person": dt.int64, "born": dt.date}, frozenset({"person"}), people={"person": "persona"}),
    "record": SourceTable(
        "record",
        {"record": dt.int64, "person": dt.int64, "house": dt.string},
        frozenset({"record"}),
        people={"record": "alumno", "person": "persona"},
    ),
    "mark": SourceTable(
        "mark",
        {"mark": dt.int64, "record": dt.int64, "subject": dt.int64, "day": dt.date, "value": dt.int64},
        frozenset({"mark"}),
        people={"record": "alumno"},
    ),
    "survey": SourceTable(
        "survey", {"person": dt.int64, "day": dt.date, "answer": dt.string}, frozenset({"person"}), people={"person": "persona"}
    ),
    "subject": SourceTable("subject", {"subject": dt.int64, "name": dt.string}, frozenset({"subject"})),
}


def _contract(name: str, base: type, unique: tuple[str, ...], /, **columns: Any) -> type:
    """A contract with columns of the given types; those of the key are required."""
    fields: dict[str, Any] = {"source_db": (dt.String, column("Source.", role="key", required=True))}
    for field, kind in columns.items():
        in_key = field in unique
        fields[field] = (kind, column(f"{field}.", role="key" if in_key else "metadata", nullable=not in_key, required=True))
    if base is BronzeContract:
        fields["extracted_at"] = (dt.Timestamp, column("When.", role="metadata", alias="_extracted_at", required=True))
        fields["run_id"] = (dt.String, column("Run.", role="metadata", alias="_run_id", required=True))
    body: dict[str, Any] = {field: declared for field, (_, declared) in fields.items()}
    body |= {
        "__annotations__": {field: kind for field, (kind, _) in fields.items()},
        "__doc__": f"{name}.",
        "__module__": __name__,
        "Config": type("Config", (), {"unique": unique}),
    }
    return type(name, (base,), body)


_NUMBER, _TEXT, _DATE, _FLOAT = dt.Int64, dt.String, dt.Date, dt.Float64
STUDENT = ["source_db", "record_id"]


@resource(_contract("Persons", BronzeContract, ("source_db", "person"), person=_NUMBER, born=_DATE), load="full")
def persons(person: ir.Table) -> ir.Table:
    """Persons, one row per person."""
    return person.select("person", "born")


@resource(_contract("Records", BronzeContract, ("source_db", "record"), record=_NUMBER, person=_NUMBER, house=_TEXT), load="full")
def records(record: ir.Table) -> ir.Table:
    """Records of persons, one row per record."""
    return record.select("record", "person", "house")


@resource(
    _contract(
        "Marks", BronzeContract, ("source_db", "mark"), mark=_NUMBER, record=_NUMBER, subject=_NUMBER, day=_DATE, value=_NUMBER
    ),
    load="full",
)
def marks(mark: ir.Table) -> ir.Table:
    """Marks, one row per mark."""
    return mark.select("mark", "record", "subject", "day", "value")


@resource(
    _contract("Surveys", BronzeContract, ("source_db", "person", "day"), person=_NUMBER, day=_DATE, answer=_TEXT), load="full"
)
def surveys(survey: ir.Table) -> ir.Table:
    """Answers, one row per person and day."""
    return survey.select("person", "day", "answer")


@resource(_contract("Subjects", BronzeContract, ("source_db", "subject"), subject=_NUMBER, name=_TEXT), load="full")
def subjects(subject: ir.Table) -> ir.Table:
    """Subjects, one row per subject."""
    return subject.select("subject", "name")


@model(_contract("DimPerson", SilverContract, ("source_db", "person_id"), person_id=_NUMBER, born=_DATE, age=_NUMBER))
def dim_person(persons: ir.Table, params: Params) -> ir.Table:
    """Persons with their age at as_of, one row per person_id."""
    age = (ibis.literal(params.as_of.year) - persons.born.year()).cast("int64")
    return persons.select("source_db", person_id="person", born="born", age=age)


@model(_contract("DimRecord", SilverContract, ("source_db", "record_id"), record_id=_NUMBER, person_id=_NUMBER, house=_TEXT))
def dim_record(records: ir.Table) -> ir.Table:
    """Records, one row per record_id."""
    return records.select("source_db", record_id="record", person_id="person", house="house")


@model(
    _contract(
        "FactMark", SilverContract, ("source_db", "mark_id"), mark_id=_NUMBER, record_id=_NUMBER, subject_id=_NUMBER, day=_DATE,
        value=_NUMBER, name=_TEXT,
    )
)  # fmt: skip
def fact_mark(marks: ir.Table, subjects: ir.Table, params: Params) -> ir.Table:
    """Marks known at as_of with the subject's name, one row per mark_id."""
    known = marks.filter(marks.day.isnull() | (marks.day <= ibis.literal(params.as_of)))
    named = known.left_join(subjects, ["source_db", "subject"])
    return named.select(
        "source_db", mark_id="mark", record_id="record", subject_id="subject", day="day", value="value", name="name"
    )


@model(_contract("DimSurvey", SilverContract, ("source_db", "person_id"), person_id=_NUMBER, day=_DATE, answer=_TEXT))
def dim_survey(surveys: ir.Table, params: Params) -> ir.Table:
    """The latest answer known at as_of, one row per person_id."""
    known = surveys.filter(surveys.day <= ibis.literal(params.as_of))
    latest = ibis.window(group_by=["source_db", "person"], order_by=known.day.desc())
    chosen = known.mutate(place=ibis.row_number().over(latest)).filter(lambda t: t.place == 0)
    return chosen.select("source_db", person_id="person", day="day", answer="answer")


@model(
    _contract("Totals", GoldContract, ("source_db", "record_id"), record_id=_NUMBER, marks=_NUMBER, total=_NUMBER, answer=_TEXT)
)
def totals(dim_record: ir.Table, fact_mark: ir.Table, dim_survey: ir.Table) -> ir.Table:
    """Sums of marks and the person's answer, one row per record_id."""
    sums = fact_mark.group_by(STUDENT).agg(marks=fact_mark.count(), total=fact_mark.value.sum())
    rows = dim_record.left_join(sums, STUDENT).select(*dim_record.columns, "marks", "total")
    rows = rows.left_join(dim_survey, ["source_db", "person_id"]).select(*rows.columns, "answer")
    return rows.select(*STUDENT, marks=rows.marks.fill_null(0), total=rows.total, answer="answer")


@model(
    _contract("Years", GoldContract, ("source_db", "record_id", "anio_academico"), record_id=_NUMBER, anio_academico=_NUMBER,
              total=_NUMBER, so_far=_NUMBER, before=_NUMBER),
    point_in_time=True,
)  # fmt: skip
def years(fact_mark: ir.Table, params: Params) -> ir.Table:
    """Closed years of a record, one row per record_id and anio_academico."""
    dated = fact_mark.filter(fact_mark.day.notnull(), fact_mark.record_id.notnull())
    dated = dated.mutate(anio_academico=dated.day.year().cast("int64"))
    closed = dated.filter(dated.anio_academico <= params.last_closed_year)
    by_year = closed.group_by([*STUDENT, "anio_academico"]).agg(total=closed.value.sum())
    in_order = ibis.window(group_by=STUDENT, order_by=by_year.anio_academico)
    so_far = ibis.window(group_by=STUDENT, order_by=by_year.anio_academico, preceding=None, following=0)
    return by_year.select(
        *STUDENT, "anio_academico", "total",
        so_far=by_year.total.sum().over(so_far),
        before=by_year.total.lag().over(in_order),
    )  # fmt: skip


@model(_contract("Ranked", GoldContract, ("source_db", "record_id"), record_id=_NUMBER, house=_TEXT, place=_NUMBER))
def ranked(totals: ir.Table, dim_record: ir.Table) -> ir.Table:
    """Places within a house, one row per record_id: everybody decides about everybody's."""
    rows = dim_record.join(totals, STUDENT)
    best_first = ibis.window(group_by=[rows.source_db, rows.house], order_by=rows.total.desc(nulls_first=False))
    return rows.select(*STUDENT, "house", place=(ibis.rank().over(best_first) + 1).cast("int64"))


@model(_contract("Compared", GoldContract, ("source_db", "record_id"), record_id=_NUMBER, total=_NUMBER, best=_NUMBER))
def compared(totals: ir.Table) -> ir.Table:
    """Sums beside the best of all, one row per record_id: made person by person as long as the best stays."""
    best = totals.group_by("source_db").agg(best=totals.total.max())
    return totals.left_join(best, "source_db").select(*STUDENT, "total", best="best")


@model(_contract("Unpassed", GoldContract, ("source_db", "mark_id"), mark_id=_NUMBER, record_id=_NUMBER, value=_NUMBER))
def unpassed(fact_mark: ir.Table) -> ir.Table:
    """Marks that no better one of the same record and subject makes up for, one row per mark_id, nobody's included."""
    marked = fact_mark.mutate(low=(fact_mark.value < 4).ifelse(fact_mark.record_id, ibis.null("int64")))
    better = fact_mark.filter(fact_mark.value >= 4).select("source_db", "subject_id", low="record_id").distinct()
    return marked.anti_join(better, ["source_db", "low", "subject_id"]).select("source_db", "mark_id", "record_id", "value")


@model(_contract("Families", GoldContract, ("source_db", "person_id"), person_id=_NUMBER, records=_NUMBER, marks=_NUMBER))
def families(totals: ir.Table, dim_record: ir.Table) -> ir.Table:
    """Persons with all their records, one row per person_id that has any."""
    rows = dim_record.join(totals, STUDENT)
    known = rows.filter(rows.person_id.notnull())
    return known.group_by("source_db", "person_id").agg(records=known.count(), marks=known.marks.sum())


@model(_contract("Houses", GoldContract, ("source_db", "house"), house=_TEXT, records=_NUMBER, total=_NUMBER))
def houses(totals: ir.Table, dim_record: ir.Table) -> ir.Table:
    """Houses, one row per house."""
    rows = dim_record.join(totals, STUDENT).filter(lambda t: t.house.notnull())
    return rows.group_by("source_db", "house").agg(records=rows.count(), total=rows.total.sum())


@model(_contract("Aged", GoldContract, ("source_db", "record_id"), record_id=_NUMBER, born=_DATE))
def aged(dim_record: ir.Table, dim_person: ir.Table) -> ir.Table:
    """Records with the person's birth, one row per record_id: nothing of the age, which moves with as_of."""
    rows = dim_record.left_join(dim_person, ["source_db", "person_id"])
    return rows.select(*STUDENT, born="born")


BRONZE = (persons, records, marks, surveys, subjects)
OWNED = {"dim_person", "dim_record", "fact_mark", "dim_survey", "totals", "years", "compared", "unpassed", "families", "aged"}
"""The tables that are made person by person."""
COLUMNS = {
    "person": ("person BIGINT", "born DATE"),
    "record": ("record BIGINT", "person BIGINT", "house VARCHAR"),
    "mark": ("mark BIGINT", "record BIGINT", "subject BIGINT", "day DATE", "value BIGINT"),
    "survey": ("person BIGINT", "day DATE", "answer VARCHAR"),
    "subject": ("subject BIGINT", "name VARCHAR"),
}
Rows = dict[str, list[tuple[Any, ...]]]


def write(path: Path, rows: Rows) -> None:
    """Make the source anew."""
    path.unlink(missing_ok=True)
    with duckdb.connect(str(path)) as con:
        con.execute("CREATE SCHEMA school")
        for table, columns in COLUMNS.items():
            con.execute(f"CREATE TABLE school.{table} ({', '.join(columns)})")
            if rows[table]:
                con.execute(f"INSERT INTO school.{table} VALUES {', '.join(_literals(row) for row in rows[table])}")


def _literals(row: tuple[Any, ...]) -> str:
    values = ("NULL" if value is None else f"'{value}'" for value in row)
    return f"({', '.join(values)})"


def write_config(folder: Path, source: Path, more: str = "", kind: str = __name__) -> Path:
    """Write a padm.toml that reads the source; the warehouse is ``w.duckdb`` beside it."""
    folder.mkdir(exist_ok=True)
    path = folder / "padm.toml"
    path.write_text(
        f'[warehouse]\nurl = "duckdb://w.duckdb"\n[privacy]\nhash_key = "k"\n[sources.north]\nkind = "{kind}"\n'
        f'schema = "school"\nurl = "duckdb://{source}"\nmax_shrinkage = 1\n{more}',
        encoding="utf-8",
    )
    return path
