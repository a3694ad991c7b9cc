"""Whose the rows of an expression are: what is proven, and what must not be."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace

import ibis
import ibis.expr.types as ir
import pytest

from padm_ibis.define.clock import passed, turns
from padm_ibis.define.moments import read_by
from padm_ibis.define.needed import needed_columns
from padm_ibis.define.owner import Key, Ownership, keys_by_table, of_expression, of_people
from padm_ibis.definitions import collect
from padm_ibis.engine.moved import keys_of
from padm_ibis.params import Params
from padm_ibis.sources.spec import kind_spec

MARKS = ibis.table({"source_db": "string", "record": "int64", "subject": "int64", "value": "int64", "day": "date"}, name="marks")
RECORDS = ibis.table({"source_db": "string", "record": "int64", "person": "int64", "house": "string"}, name="records")
SURVEYS = ibis.table({"source_db": "string", "person": "int64", "answer": "string"}, name="surveys")
SUBJECTS = ibis.table({"source_db": "string", "subject": "int64", "name": "string"}, name="subjects")
STUDENT, PERSON = ["source_db", "record"], ["source_db", "person"]
DECLARED = {
    "marks": (Key("alumno", "source_db", "record"),),
    "records": (Key("alumno", "source_db", "record"), Key("persona", "source_db", "person", sure=False)),
    "surveys": (Key("persona", "source_db", "person"),),
}


def over(*group: str, **frame: int | None) -> ir.WindowBuilder:
    return ibis.window(group_by=list(group), order_by=MARKS.day, **frame)


def best() -> ir.Table:
    return MARKS.group_by("source_db").agg(best=MARKS.value.max())


def sums() -> ir.Table:
    return MARKS.group_by(STUDENT).agg(total=MARKS.value.sum())


def low() -> ir.Table:
    return MARKS.mutate(low=(MARKS.value < 4).ifelse(MARKS.record, ibis.null("int64")))


OWNED: dict[str, Callable[[], ir.Table]] = {
    "rows as they are": lambda: MARKS.filter(MARKS.value > 3),
    "a renamed key": lambda: MARKS.select("source_db", other="record", value="value"),
    "sums of a record": sums,
    "a window over a record's rows": lambda: MARKS.select(*STUDENT, n=ibis.row_number().over(over(*STUDENT))),
    "names of subjects": lambda: MARKS.left_join(SUBJECTS, ["source_db", "subject"]).select(*MARKS.columns, "name"),
    "a record with its sums": lambda: RECORDS.left_join(sums(), STUDENT).select(*RECORDS.columns, "total"),
    "a record with its person's answer": lambda: RECORDS.left_join(SURVEYS, PERSON).select(*RECORDS.columns, "answer"),
    "marks that one of the same record makes up for": lambda: low().anti_join(
        MARKS.select("source_db", low="record"), ["source_db", "low"]
    ),
    "a union of the same key": lambda: MARKS.select(*STUDENT).union(RECORDS.select(*STUDENT), distinct=True),
    "a person's records, of those that have a person": lambda: (
        RECORDS.filter(RECORDS.person.notnull()).group_by(PERSON).agg(n=ibis._.count())
    ),
    "years laid out": lambda: RECORDS.select(*STUDENT, year=ibis.range(2000, 2003).unnest()),
}
MIXED: dict[str, Callable[[], ir.Table]] = {
    "the best of all": best,
    "a rank among all": lambda: MARKS.select(*STUDENT, n=ibis.rank().over(over("source_db"))),
    "a rank among all, joined before": lambda: MARKS.join(RECORDS, STUDENT).select(
        *STUDENT, n=ibis.rank().over(ibis.window(group_by=RECORDS.house, order_by=RECORDS.person))
    ),
    "sums of a subject": lambda: MARKS.group_by("source_db", "subject").agg(total=MARKS.value.sum()),
    "records of one number in two sources": lambda: MARKS.group_by("record").agg(total=MARKS.value.sum()),
    "records without a person together": lambda: RECORDS.group_by(PERSON).agg(n=RECORDS.count()),
    "others of the house": lambda: RECORDS.join(RECORDS.view(), ["source_db", "house"]).select("source_db", "record"),
    "the first ten": lambda: MARKS.order_by("value").limit(10),
    "no key left": lambda: MARKS.select("value"),
    "marks beside any person's answer": lambda: MARKS.join(SURVEYS, "source_db").select(*MARKS.columns, "answer"),
    "above the mean of all": lambda: MARKS.filter(MARKS.value > MARKS.value.mean().as_scalar()),
    "subjects, whoever has them": lambda: SUBJECTS.left_join(MARKS, ["source_db", "subject"]).select(*SUBJECTS.columns, "record"),
    "a key of half of the rows": lambda: low().group_by("source_db", "low").agg(n=ibis._.count()),
    "a shifted number": lambda: MARKS.select("source_db", record=MARKS.record + 1),
    "records beside the sums of the next": lambda: (
        RECORDS.mutate(following=RECORDS.record + 1)
        .left_join(sums(), ["source_db", ("following", "record")])
        .group_by("source_db", "following")
        .agg(n=ibis._.count())
    ),
    "records without a person beside any other": lambda: RECORDS.inner_join(
        other := RECORDS.view(), [RECORDS.source_db == other.source_db, RECORDS.person.identical_to(other.person)]
    ).select("source_db", "record"),
    "what some have that others lack": lambda: RECORDS.select(*PERSON).distinct(),
    "nobody's": lambda: SUBJECTS,
}


def owned(expression: ir.Table) -> Ownership | None:
    return of_expression(expression, DECLARED)


@pytest.mark.parametrize("name", OWNED)
def test_what_is_made_person_by_person_is_proven(name: str) -> None:
    found = owned(OWNED[name]())
    assert found is not None
    assert found.key.sure
    assert found.populations == ()


@pytest.mark.parametrize("name", MIXED)
def test_what_mixes_people_is_not(name: str) -> None:
    assert owned(MIXED[name]()) is None


def test_what_is_said_of_all_is_a_population() -> None:
    best_of_all = best()
    found = owned(MARKS.left_join(best_of_all, "source_db").select(*MARKS.columns, "best"))
    assert found is not None
    assert [relation.schema.names for relation in found.populations] == [("source_db", "best")]
    assert found.inputs == {"marks": DECLARED["marks"][0]}


def test_some_peoples_rows_are_read_alone_and_everybodys_where_all_are_meant() -> None:
    """Worked out by hand: records 1 and 2 have 3 and 8; of record 1 alone, the best of all is still 8."""
    con = ibis.duckdb.connect()
    rows = [{"source_db": "a", "record": n, "subject": 1, "value": v, "day": dt.date(2024, 1, 1)} for n, v in ((1, 3), (2, 8))]
    con.create_table("marks", ibis.memtable(rows, schema=MARKS.schema()))
    who = {"source_db": "string", "number": "int64"}
    con.create_table("people", ibis.memtable([{"source_db": "a", "number": 1}], schema=who))
    expression = MARKS.left_join(best(), "source_db").select(*STUDENT, "value", "best")
    found = owned(expression)
    assert found is not None
    con.create_table("of_all", found.populations[0].to_expr().unbind())
    people = {"alumno": ibis.table(who, name="people")}
    some = of_people(expression, found, people, [ibis.table(found.populations[0].schema, name="of_all")])
    assert con.to_pyarrow(some).to_pylist() == [{"source_db": "a", "record": 1, "value": 3, "best": 8}]


def test_the_packages_tables_of_people() -> None:
    """Worked out from what each is: students, persons and their facts; no ranking, cohort, subject, programme or calendar."""
    graph, params = collect(), Params(dt.date(2026, 3, 1))
    bronze: dict[str, tuple[Key, ...]] = {}
    for name, column in (
        ("personas", "persona"), ("census", "persona"), ("course_inscriptions", "alumno"), ("academic", "alumno"),
        ("historia_academica", "alumno"), ("exam_inscriptions", "alumno"), ("attendance", "alumno"),
        ("reinscripciones", "alumno"), ("dropout", "alumno"), ("alumnos_hist_calidad", "alumno"), ("egresos", "alumno"),
    ):  # fmt: skip
        bronze[name] = (Key(column, "source_db", column),)
    bronze["students"] = (Key("alumno", "source_db", "alumno"), Key("persona", "source_db", "persona", sure=False))
    assert keys_of(kind_spec("guarani").resources.values()) == bronze
    expressions = {model.name: graph.bind(model, params) for model in graph if model.layer != "bronze"}
    people = {name for name, keys in keys_by_table(expressions, bronze).items() if keys and name in expressions}
    assert people == {
        "dim_persona", "dim_census", "dim_student", "fact_course_enrollment", "fact_academic_performance",
        "fact_exam_inscription", "fact_attendance", "fact_reinscription", "fact_dropout", "fact_student_status_history",
        "fact_egreso", "gold_tft_static_features", "gold_tft_temporal_features", "gold_tft_training_dataset",
        "mart_student_academic_summary", "mart_student_engagement", "mart_student_risk_features",
    }  # fmt: skip


def test_numbers_of_different_types_are_no_identity() -> None:
    """A record's number that one table has as text cannot be compared with others; the person's number still can."""
    specs = dict(kind_spec("guarani").resources)
    dropout = specs["dropout"]
    specs["dropout"] = replace(dropout, columns={**dropout.columns, "alumno": "string"})
    found = keys_of(specs.values())
    assert {key.identity for keys in found.values() for key in keys} == {"persona"}
    assert found["students"] == (Key("persona", "source_db", "persona", sure=False),)


# --- what a later date turns ---------------------------------------------------------------------------------


def until(day: str) -> ir.Table:
    known = MARKS.filter(MARKS.day.isnull() | (MARKS.day <= ibis.literal(dt.date.fromisoformat(day))))
    return known.group_by(STUDENT).agg(total=known.value.sum())


def test_a_later_date_turns_the_rows_that_it_passes() -> None:
    (turn,) = turns(until("2024-05-01"), until("2024-05-03")) or ()
    whose = passed(turn, DECLARED)
    assert whose is not None
    key, people = whose
    assert key == DECLARED["marks"][0]
    con = ibis.duckdb.connect()
    days = {n: dt.date(2024, 5, n) for n in (1, 2, 3, 4)} | {5: None}
    rows = [{"source_db": "a", "record": n, "subject": 1, "value": 1, "day": day} for n, day in days.items()]
    con.create_table("marks", ibis.memtable(rows, schema=MARKS.schema()))
    assert sorted(row["number"] for row in con.to_pyarrow(people).to_pylist()) == [2, 3]


def test_the_same_expression_turns_nothing_and_another_anything() -> None:
    assert turns(until("2024-05-01"), until("2024-05-01")) == ()
    assert turns(until("2024-05-01"), MARKS) is None
    dated = [MARKS.mutate(seen=ibis.literal(dt.date(2024, 5, day))) for day in (1, 2)]
    assert turns(*dated) is None, "a date that is told, not compared with, is in every row"
    windows = [MARKS.mutate(late=MARKS.day.max().over(over(*STUDENT)) <= ibis.literal(dt.date(2024, 5, day))) for day in (1, 2)]
    assert turns(*windows) is None, "a row's own comparison is all that is looked at"


def test_a_table_reads_the_parameters_that_it_is_written_with() -> None:
    graph, params = collect(), Params(dt.date(2026, 3, 1))
    assert read_by(graph, graph["mart_ranking_docentes"], params) == ("ranking_min_evaluaciones",)
    assert "as_of" in read_by(graph, graph["fact_egreso"], params)
    temporal = read_by(graph, graph["gold_tft_temporal_features"], params)
    assert temporal == ("last_closed_year", "last_labelled_year", "max_inactive_years")
    assert read_by(graph, graph["dim_elemento"], params) == ()


# --- what decides ---------------------------------------------------------------------------------------------


def test_columns_that_are_carried_along_decide_nothing() -> None:
    carried = MARKS.mutate(twice=MARKS.value * 2).left_join(SUBJECTS, ["source_db", "subject"])
    assert needed_columns(carried.select("source_db", "record", "twice").op()) == {
        "marks": {"source_db", "record", "subject", "value"}, "subjects": {"source_db", "subject"},
    }  # fmt: skip
    assert needed_columns(MARKS.filter(MARKS.day.notnull()).select("record").op()) == {"marks": {"record", "day"}}
    assert needed_columns(MARKS.distinct().select("record").op()) == {"marks": set(MARKS.columns)}
    assert needed_columns(MARKS.drop("day").op()) == {"marks": set(MARKS.columns) - {"day"}}
    ranked = MARKS.mutate(n=ibis.row_number().over(over(*STUDENT)))
    assert needed_columns(ranked.select("n").op()) == {"marks": {"source_db", "record", "day"}}
    assert needed_columns(ranked.select("value").op()) == {"marks": {"value"}}
