"""Given silver facts → totals, blocks and what else the gold tables share, worked out by hand, on every engine."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa
import pytest

from padm_ibis.define.model import model_of
from padm_ibis.gold import gold_tft_training_dataset
from padm_ibis.params import Params
from padm_ibis.testing.run_model import rows_as_table
from padm_ibis.words import yearly
from tests.gold.careers import Career, Row, tables

PARAMS = Params(as_of=dt.date(2025, 2, 28))
Load = Callable[..., dict[str, ir.Table]]
Rows = Callable[[ir.Table], list[Row]]


@pytest.fixture(scope="module", params=["duckdb", pytest.param("postgres", marks=pytest.mark.postgres)])
def backend(request: pytest.FixtureRequest) -> Any:
    return ibis.duckdb.connect() if request.param == "duckdb" else request.getfixturevalue("postgres")


@pytest.fixture
def load(backend: Any) -> Load:
    """Tables of the engine, from rows by table name."""

    def tables_of(given: dict[str, list[Row]]) -> dict[str, ir.Table]:
        arrow = {name: rows_as_table(name, rows, model_of(gold_tft_training_dataset)) for name, rows in given.items()}
        return {name: backend.create_table(ibis.util.gen_name(name[:30]), table, temp=True) for name, table in arrow.items()}

    return tables_of


@pytest.fixture
def rows(backend: Any) -> Rows:
    """Rows of an expression in the order of all their values, as they arrive in a table."""

    def ordered(expression: ir.Table) -> list[Row]:
        table: pa.Table = backend.create_table(ibis.util.gen_name("out"), expression, temp=True).to_pyarrow()
        return sorted(table.to_pylist(), key=lambda row: str(list(row.values())))

    return ordered


def performance(load: Load, *careers: Career) -> ir.Table:
    return load(tables(*careers))["fact_academic_performance"]


def years_of(load: Load, rows: Rows, career: Career, year: str = "anio_academico") -> list[Row]:
    return rows(yearly.academic_years(performance(load, career), year))


# --- the academic block -----------------------------------------------------------------------------------------------


def test_all_figures_of_a_year(load: Load, rows: Rows) -> None:
    career = (
        Career(ident=1)
        .result(2020, "CURSADA", "A", 4.0, subject=1)
        .result(2020, "EXAMEN", "R", 2.0, subject=1)
        .result(2020, "EXAMEN", "A", 7.25, subject=1, credits=4.5)
        .result(2020, "EXAMEN", "U", None, subject=2)
        .result(2020, "CURSADA", "U", None, subject=3)
        .result(2020, "PROMOCION", "A", 9.0, subject=4, credits=2.25)
        .result(2020, "EQUIVALENCIA", "A", 8.0, subject=5, credits=1.0)
    )
    (row,) = years_of(load, rows, career)
    assert row == {
        **career.who,
        "anio_academico": 2020,
        "total_evaluaciones": 6,
        "materias_cursadas": 5,
        "cursadas_intentadas": 3,
        "examenes_intentados": 3,
        "promedio_notas": 1825 / 300,
        "nota_minima": 2.0,
        "nota_maxima": 9.0,
        # marks 2, 7.25 and 9: (3 · (4 + 52.5625 + 81) - 18.25²) / (3 · 2) = 13.2708333…
        "desviacion_notas": math.sqrt((3 * 1375625 - 1825**2) / 6) / 100,
        "mediana_notas": 7.25,
        "materias_aprobadas": 3,
        "materias_regularizadas": 1,
        "materias_reprobadas": 1,
        "materias_ausente": 2,
        "tasa_aprobacion": 3 / 6,
        "tasa_reprobacion": 1 / 6,
        "tasa_ausentismo": 2 / 6,
        "creditos_obtenidos": 7.75,
        "total_evaluaciones_acum": 6,
        "materias_aprobadas_acum": 3,
        "materias_reprobadas_acum": 1,
        "creditos_acum": 7.75,
        "promedio_historico": 1825 / 300,
        "tasa_aprobacion_historica": 0.5,
    }
    assert row["desviacion_notas"] == pytest.approx(3.6429154)


def test_what_has_no_known_result_or_kind_is_a_subject_but_no_evaluation(load: Load, rows: Rows) -> None:
    career = Career().result(2020, "EXAMEN", "X", 9.0, subject=1).add(
        "fact_academic_performance", 2020, elemento_id=2, nota_numerica=5.0, resultado="A"
    )  # fmt: skip
    (row,) = years_of(load, rows, career)
    assert (row["total_evaluaciones"], row["examenes_intentados"], row["materias_cursadas"]) == (0, 0, 2)
    assert (row["tasa_aprobacion"], row["tasa_aprobacion_historica"]) == (None, None)
    assert (row["promedio_notas"], row["desviacion_notas"]) == (9.0, None)


def test_an_equivalence_is_a_pass_with_credits_and_neither_evaluation_nor_mark(load: Load, rows: Rows) -> None:
    (row,) = years_of(load, rows, Career().result(2020, "EQUIVALENCIA", "A", 10.0, credits=6.0))
    assert (row["materias_aprobadas"], row["creditos_obtenidos"]) == (1, 6.0)
    assert (row["total_evaluaciones"], row["promedio_notas"], row["tasa_aprobacion"]) == (0, None, None)


def test_the_mark_of_a_course_is_no_final_mark(load: Load, rows: Rows) -> None:
    (row,) = years_of(load, rows, Career().result(2020, "CURSADA", "A", 10.0))
    assert (row["total_evaluaciones"], row["promedio_notas"], row["mediana_notas"]) == (1, None, None)


def test_a_subject_counts_once_however_often_it_was_taken(load: Load, rows: Rows) -> None:
    career = Career()
    for _ in range(3):
        career.result(2020, "EXAMEN", "R", 2.0, subject=1).result(2020, "CURSADA", "U", subject=1)
    (row,) = years_of(load, rows, career)
    assert (row["materias_cursadas"], row["cursadas_intentadas"], row["materias_reprobadas"], row["materias_ausente"]) == (1,) * 4
    assert (row["total_evaluaciones"], row["examenes_intentados"]) == (6, 3)


def test_a_result_without_a_subject_is_an_evaluation_of_none(load: Load, rows: Rows) -> None:
    (row,) = years_of(load, rows, Career().result(2020, "PROMOCION", "A", 6.0, subject=None, credits=3.0))
    assert (row["total_evaluaciones"], row["promedio_notas"], row["creditos_obtenidos"]) == (1, 6.0, 3.0)
    assert (row["materias_cursadas"], row["materias_aprobadas"], row["cursadas_intentadas"]) == (0, 0, 0)


def test_credits_of_what_was_not_passed_do_not_count(load: Load, rows: Rows) -> None:
    career = Career().result(2020, "CURSADA", "A", credits=6.0).result(2020, "EXAMEN", "R", 2.0, credits=6.0)
    (row,) = years_of(load, rows, career)
    assert (row["creditos_obtenidos"], row["creditos_acum"]) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("marks", "median"),
    [
        ([7.0], 7.0),
        ([4.0, 7.0], 5.5),
        ([2.0, 9.0, 4.0], 4.0),
        ([10.0, 2.0, 2.0, 7.0], 4.5),
        ([7.0, 7.0, 7.0, 2.0], 7.0),
        ([2.0, 2.0, 2.0, 9.0, 9.0], 2.0),
        ([0.01, 0.02], 0.015),
    ],
)
def test_the_median_is_the_mean_of_the_two_middle_marks(load: Load, rows: Rows, marks: list[float], median: float) -> None:
    career = Career()
    for mark in marks:
        career.result(2020, "EXAMEN", "A", mark)
    (row,) = years_of(load, rows, career)
    assert row["mediana_notas"] == median


def test_sums_are_exact_where_floats_are_not(load: Load, rows: Rows) -> None:
    career = Career()
    for n in range(10):
        career.result(2020, "EXAMEN", "A", 0.1, subject=n, credits=0.1)
    (row,) = years_of(load, rows, career)
    assert sum([0.1] * 10) != 1.0
    assert (row["promedio_notas"], row["creditos_obtenidos"], row["desviacion_notas"]) == (0.1, 1.0, 0.0)


def test_credits_are_cut_to_the_hundredth_one_by_one(load: Load, rows: Rows) -> None:
    career = Career().result(2020, "EXAMEN", "A", 5.0, credits=1.009).result(2020, "EXAMEN", "A", 5.0, subject=2, credits=1.009)
    (row,) = years_of(load, rows, career)
    assert row["creditos_obtenidos"] == 2.0


def test_history_adds_up_year_by_year_and_divides_at_the_end(load: Load, rows: Rows) -> None:
    career = (
        Career()
        .result(2018, "EXAMEN", "A", 10.0, subject=1, credits=1.0)
        .result(2020, "EXAMEN", "R", 1.0, subject=2)
        .result(2020, "EXAMEN", "A", 4.0, subject=2, credits=2.0)
        .result(2021, "CURSADA", "U", subject=3)
    )
    found = years_of(load, rows, career)
    assert [
        (r["anio_academico"], r["total_evaluaciones_acum"], r["materias_aprobadas_acum"], r["materias_reprobadas_acum"],
         r["creditos_acum"], r["promedio_historico"], r["tasa_aprobacion_historica"])
        for r in found
    ] == [(2018, 1, 1, 0, 1.0, 10.0, 1.0), (2020, 3, 2, 1, 3.0, 5.0, 2 / 3), (2021, 4, 2, 1, 3.0, 5.0, 0.5)]  # fmt: skip


def test_the_year_is_the_one_asked_for_and_a_fact_without_it_is_in_none(load: Load, rows: Rows) -> None:
    career = Career().result(2019, "EXAMEN", "A", 6.0, known=2020).result(None, "EXAMEN", "A", 8.0, known=2021)
    undated = career.result(None, "EXAMEN", "A", 8.0)
    assert [r["anio_academico"] for r in years_of(load, rows, undated)] == [2019]
    assert [r["anio_evento"] for r in years_of(load, rows, undated, "anio_evento")] == [2020, 2021]


def test_students_of_two_campuses_with_one_number_are_two(load: Load, rows: Rows) -> None:
    here = Career(source="sede1", ident=1).result(2020, "EXAMEN", "A", 10.0)
    there = Career(source="sede2", ident=1).result(2020, "EXAMEN", "R", 2.0).result(2021, "EXAMEN", "A", 4.0)
    found = rows(yearly.academic_years(performance(load, here, there), "anio_academico"))
    assert [(r["source_db"], r["anio_academico"], r["promedio_historico"]) for r in found] == [
        ("sede1", 2020, 10.0), ("sede2", 2020, 2.0), ("sede2", 2021, 3.0),
    ]  # fmt: skip


# --- one result per course, in reports ----------------------------------------------------------------------------------


def course(evaluation: str, kind: str, *, year: int | None = 2020, known: int | None = None, **columns: Any) -> Row:
    event = max((y for y in (year, known) if y is not None), default=None)
    given = {"source_db": "sede1", "alumno_id": 1, "elemento_id": 5, "comision_id": 50, "anio_academico": year, **columns}
    return {"evaluacion_id": evaluation, "tipo_evaluacion": kind, "anio_evento": event, **given}


ONE_RESULT = {
    "a promotion covers its course, in whatever year it became known": (
        [course("hist:1", "CURSADA"), course("hist:2", "PROMOCION", known=2022)], {"hist:2"},
    ),
    "and the course of the evaluations": (
        [course("cursada:1:50:1", "CURSADA"), course("hist:2", "PROMOCION", known=2022)], {"hist:2"},
    ),
    "a failed promotion too": (
        [course("hist:1", "CURSADA"), course("hist:2", "PROMOCION", resultado="R")], {"hist:2"},
    ),
    "not that of another year": (
        [course("hist:1", "CURSADA"), course("hist:2", "PROMOCION", year=2021)], {"hist:1", "hist:2"},
    ),
    "not that of another subject": (
        [course("hist:1", "CURSADA"), course("hist:2", "PROMOCION", elemento_id=6)], {"hist:1", "hist:2"},
    ),
    "not that of another student": (
        [course("hist:1", "CURSADA"), course("hist:2", "PROMOCION", alumno_id=2)], {"hist:1", "hist:2"},
    ),
    "not that of another campus": (
        [course("hist:1", "CURSADA"), course("hist:2", "PROMOCION", source_db="sede2")], {"hist:1", "hist:2"},
    ),
    "a promotion of an unknown subject covers none": (
        [course("hist:1", "CURSADA", elemento_id=None), course("hist:2", "PROMOCION", elemento_id=None)], {"hist:1", "hist:2"},
    ),
    "an exam is not covered": (
        [course("hist:1", "EXAMEN"), course("hist:2", "PROMOCION")], {"hist:1", "hist:2"},
    ),
    "an equivalence is not covered": (
        [course("hist:1", "EQUIVALENCIA"), course("hist:2", "PROMOCION")], {"hist:1", "hist:2"},
    ),
    "the history covers the evaluations of one comision": (
        [course("cursada:1:50:1", "CURSADA", year=2019, elemento_id=9), course("hist:1", "CURSADA", known=2023)], {"hist:1"},
    ),
    "even without any year": (
        [course("cursada:1:50:1", "CURSADA"), course("hist:1", "CURSADA", year=None)], {"hist:1"},
    ),
    "not of another comision": (
        [course("cursada:1:50:1", "CURSADA"), course("hist:1", "CURSADA", comision_id=51)], {"cursada:1:50:1", "hist:1"},
    ),
    "without a comision it covers the subject of the year": (
        [course("cursada:1:50:1", "CURSADA"), course("hist:1", "CURSADA", comision_id=None)], {"hist:1"},
    ),
    "but not of another year": (
        [course("cursada:1:50:1", "CURSADA"), course("hist:1", "CURSADA", comision_id=None, year=2021)],
        {"cursada:1:50:1", "hist:1"},
    ),
    "the evaluations do not cover the history": (
        [course("hist:1", "CURSADA"), course("hist:3", "CURSADA")], {"hist:1", "hist:3"},
    ),
    "an exam of the history covers no course": (
        [course("cursada:1:50:1", "CURSADA"), course("hist:1", "EXAMEN")], {"cursada:1:50:1", "hist:1"},
    ),
    "both rules look at all rows": (
        [course("cursada:1:50:1", "CURSADA", year=2019), course("hist:1", "CURSADA"), course("hist:2", "PROMOCION", known=2021)],
        {"hist:2"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", ONE_RESULT)
def test_in_reports_a_course_counts_once(load: Load, rows: Rows, case: str) -> None:
    given, kept = ONE_RESULT[case]
    facts = load({"fact_academic_performance": given})["fact_academic_performance"]
    once = yearly.one_result_per_course(facts)
    assert once.columns == facts.columns
    assert {row["evaluacion_id"] for row in rows(once)} == kept


# --- engagement and changes ---------------------------------------------------------------------------------------------


def engagement(load: Load, rows: Rows, year: str, *careers: Career) -> list[Row]:
    facts = load(tables(*careers))
    names = ("fact_attendance", "fact_course_enrollment", "fact_exam_inscription", "fact_reinscription")
    return rows(yearly.engagement_years(*(facts[name] for name in names), year))


def test_no_fact_of_a_year_multiplies_another(load: Load, rows: Rows) -> None:
    career = (
        Career(ident=1)
        .attends(2020, 80.0, 2.5).attends(2020, 40.5, 10.25).attends(2020)
        .enrols(2020, 2020, elemento_id=1).enrols(2020, elemento_id=2).enrols(2020)
        .exam(2020, elemento_id=7).exam(2020, elemento_id=7)
        .reenrols(2020, "2020-08-01 09:30:00").reenrols(2020, "2020-03-02 18:00:00").reenrols(2020)
    )  # fmt: skip
    assert engagement(load, rows, "anio_academico", career) == [
        {
            **career.who,
            "anio_academico": 2020,
            "promedio_asistencia": 60.25,
            "total_inasistencias": 12.75,
            "periodos_cumple_asistencia": 1,
            "periodos_riesgo_asistencia": 1,
            "periodos_con_asistencia": 3,
            "inscripciones_cursada": 4,
            "materias_inscriptas": 2,
            "examenes_inscriptos": 2,
            "materias_examen_inscriptas": 1,
            "tuvo_reinscripcion": 1,
            "reinscripciones": 3,
            "primera_reinscripcion": dt.datetime(2020, 3, 2, 18),
            "ultima_reinscripcion": dt.datetime(2020, 8, 1, 9, 30),
        }
    ]


def test_there_is_a_row_for_every_year_that_any_of_the_four_facts_mentions(load: Load, rows: Rows) -> None:
    career = Career().attends(2018).enrols(2019).exam(2020).reenrols(2021)
    for fact in ("fact_attendance", "fact_course_enrollment", "fact_exam_inscription"):
        career.add(fact, None)
    found = engagement(load, rows, "anio_academico", career)
    assert [r["anio_academico"] for r in found] == [2018, 2019, 2020, 2021]
    assert [r["promedio_asistencia"] for r in found] == [None] * 4
    assert [r["tuvo_reinscripcion"] for r in found] == [0, 0, 0, 1]
    assert [r["primera_reinscripcion"] for r in found] == [None] * 4


def test_engagement_goes_by_the_year_asked_for(load: Load, rows: Rows) -> None:
    career = Career().enrols(2019, known=2020).reenrols(2021, known=2020)
    assert [r["anio_evento"] for r in engagement(load, rows, "anio_evento", career)] == [2020, 2021]
    assert [r["anio_academico"] for r in engagement(load, rows, "anio_academico", career)] == [2019, 2021]


def test_changes_are_counted_by_year(load: Load, rows: Rows) -> None:
    facts = load(tables(Career(ident=1).changes_status(2019, 2020, 2020)))["fact_student_status_history"]
    undated = Career(ident=2).add("fact_student_status_history", None)
    assert rows(yearly.status_totals(facts, "anio_evento")) == [
        {"source_db": "sede1", "alumno_id": 1, "anio_evento": 2019, "cambios_estado": 1},
        {"source_db": "sede1", "alumno_id": 1, "anio_evento": 2020, "cambios_estado": 2},
    ]
    assert rows(yearly.status_totals(load(tables(undated))["fact_student_status_history"], "anio_evento")) == []


# --- the survey in force --------------------------------------------------------------------------------------------------


def test_a_survey_is_in_force_from_the_year_in_which_it_was_taken(load: Load, rows: Rows) -> None:
    def survey(day: str, source: str = "sede1", **answers: Any) -> Row:
        return {"source_db": source, "persona_id": 7, "fecha_relevamiento": day, **answers}

    given = load(
        {
            "dim_census": [
                survey("2019-02-28", vive_con=1), survey("2019-03-01", vive_con=2), survey("2020-02-29", vive_con=3),
                survey("2022-03-01", vive_con=None), survey("2015-01-01", source="sede2", vive_con=4),
            ]
        }
    )["dim_census"]  # fmt: skip
    asked = [(7, 2017), (7, 2018), (7, 2019), (7, 2020), (7, 2021), (7, 2022), (7, None), (None, 2020), (8, 2020)]
    people = load(
        {
            "dim_student": [
                {"source_db": "sede1", "alumno_id": n, "persona_id": p, "anio_ingreso": t} for n, (p, t) in enumerate(asked)
            ]
        }
    )["dim_student"].select("source_db", "alumno_id", "persona_id", "anio_ingreso")  # fmt: skip
    found = rows(yearly.census_in_force(people, given, "anio_ingreso", PARAMS))
    assert [(r["alumno_id"], r["fecha_relevamiento"] and str(r["fecha_relevamiento"]), r["vive_con"]) for r in found] == [
        (0, None, None),
        (1, "2019-02-28", 1),
        (2, "2020-02-29", 3),
        (3, "2020-02-29", 3),
        (4, "2020-02-29", 3),
        (5, "2022-03-01", None),
        (6, None, None),
        (7, None, None),
        (8, None, None),
    ]


def test_the_answers_are_all_but_the_keys_and_disabilities_are_asked_for(load: Load) -> None:
    census = load({"dim_census": []})["dim_census"]
    plain = yearly.survey_columns(census, PARAMS)
    everything = yearly.survey_columns(census, Params(as_of=PARAMS.as_of, include_sensitive=True))
    assert set(everything) - set(plain) == {"disc_auditiva", "disc_visual", "disc_motora", "disc_otra"}
    assert set(census.columns) - set(everything) == {"source_db", "persona_id", "fecha_relevamiento", "es_ultimo"}
