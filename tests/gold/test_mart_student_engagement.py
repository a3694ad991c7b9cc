"""Given attendance, enrolments and re-enrolments → expected presence of a student, worked out by hand."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

from padm_ibis.gold import mart_student_engagement

Run = Callable[..., list[dict[str, Any]]]


def fact(**columns: Any) -> dict[str, Any]:
    """A fact of student 1 in the year 2020."""
    return {"source_db": "sede1", "alumno_id": 1, "anio_academico": 2020, **columns}


def attendance(comision: int, percentage: float | None, absences: float | None = None, **columns: Any) -> dict[str, Any]:
    flags = {
        "cumple_asistencia_flag": int(percentage is not None and percentage >= 75),
        "riesgo_asistencia_flag": int(percentage is not None and percentage < 50),
    }
    return fact(comision_id=comision, porc_asistencia=percentage, total_inasistencias=absences, **flags, **columns)


NOTHING = {
    "promedio_asistencia": None,
    "total_inasistencias": 0.0,
    "periodos_cumple_asistencia": 0,
    "periodos_riesgo_asistencia": 0,
    "periodos_con_asistencia": 0,
    "inscripciones_cursada": 0,
    "materias_inscriptas": 0,
    "examenes_inscriptos": 0,
    "materias_examen_inscriptas": 0,
    "tuvo_reinscripcion": 0,
    "reinscripciones": 0,
    "primera_reinscripcion": None,
    "ultima_reinscripcion": None,
    "engagement_score": 0.0,
}


def test_all_figures_of_a_year(run: Run) -> None:
    (row,) = run(
        mart_student_engagement,
        {
            "fact_attendance": [attendance(1, 80.0, 2.5), attendance(2, 40.5, 10.0), attendance(3, None)],
            "fact_course_enrollment": [fact(elemento_id=1), fact(elemento_id=1), fact(elemento_id=2), fact(elemento_id=None)],
            "fact_exam_inscription": [fact(elemento_id=7), fact(elemento_id=7)],
            "fact_reinscription": [
                fact(nro_transaccion=2, fecha_reinscripcion="2020-08-01 09:30:00"),
                fact(nro_transaccion=1, fecha_reinscripcion="2020-03-02 18:00:00"),
            ],
        },
    )
    assert row == {
        "source_db": "sede1",
        "alumno_id": 1,
        "anio_academico": 2020,
        "promedio_asistencia": 60.25,
        "total_inasistencias": 12.5,
        "periodos_cumple_asistencia": 1,
        "periodos_riesgo_asistencia": 1,
        "periodos_con_asistencia": 3,
        "inscripciones_cursada": 4,
        "materias_inscriptas": 2,
        "examenes_inscriptos": 2,
        "materias_examen_inscriptas": 1,
        "tuvo_reinscripcion": 1,
        "reinscripciones": 2,
        "primera_reinscripcion": dt.datetime(2020, 3, 2, 18, 0),
        "ultima_reinscripcion": dt.datetime(2020, 8, 1, 9, 30),
        "engagement_score": 0.4 * 60.25 + 40 + 10,
    }


def test_each_of_the_four_facts_alone_makes_a_row(run: Run) -> None:
    """One year each; the others' figures are 0, and null where there is nothing to average."""
    rows = run(
        mart_student_engagement,
        {
            "fact_attendance": [attendance(1, None, anio_academico=2017)],
            "fact_course_enrollment": [fact(anio_academico=2018, elemento_id=1)],
            "fact_exam_inscription": [fact(anio_academico=2019, elemento_id=1)],
            "fact_reinscription": [fact(nro_transaccion=1, fecha_reinscripcion=None)],
        },
    )
    key = {"source_db": "sede1", "alumno_id": 1}
    assert rows == [
        {**key, "anio_academico": 2017, **NOTHING, "periodos_con_asistencia": 1},
        {**key, "anio_academico": 2018, **NOTHING, "inscripciones_cursada": 1, "materias_inscriptas": 1},
        {
            **key, "anio_academico": 2019, **NOTHING,
            "examenes_inscriptos": 1, "materias_examen_inscriptas": 1, "engagement_score": 5.0,
        },
        {**key, "anio_academico": 2020, **NOTHING, "tuvo_reinscripcion": 1, "reinscripciones": 1, "engagement_score": 20.0},
    ]  # fmt: skip


def test_percentages_and_absences_are_cut_to_the_hundredth_before_they_are_added(run: Run) -> None:
    (row,) = run(mart_student_engagement, {"fact_attendance": [attendance(1, 66.666, 0.339), attendance(2, 66.666, 0.339)]})
    assert (row["promedio_asistencia"], row["total_inasistencias"]) == (66.66, 0.66)


def test_facts_do_not_multiply_each_other(run: Run) -> None:
    (row,) = run(
        mart_student_engagement,
        {
            "fact_attendance": [attendance(n, 50.0, 1.0) for n in (1, 2, 3)],
            "fact_course_enrollment": [fact(elemento_id=n) for n in (1, 2)],
            "fact_exam_inscription": [fact(elemento_id=n) for n in (1, 2, 3, 4)],
            "fact_reinscription": [fact(nro_transaccion=n) for n in (1, 2)],
        },
    )
    names = ("total_inasistencias", "periodos_con_asistencia", "inscripciones_cursada", "examenes_inscriptos", "reinscripciones")
    assert [row[n] for n in names] == [3.0, 3, 2, 4, 2]


def test_the_year_is_the_recorded_one_and_a_fact_without_it_is_in_no_row(run: Run) -> None:
    enrolments = [fact(anio_academico=2019, anio_evento=2021), fact(anio_academico=None, anio_evento=2022)]
    assert [r["anio_academico"] for r in run(mart_student_engagement, {"fact_course_enrollment": enrolments})] == [2019]


def test_two_campuses_with_the_same_student_number_are_two_students(run: Run) -> None:
    rows = run(
        mart_student_engagement,
        {
            "fact_course_enrollment": [fact(elemento_id=1), fact(elemento_id=2, source_db="sede2")],
            "fact_reinscription": [fact(nro_transaccion=1, source_db="sede2")],
        },
    )
    assert [(r["source_db"], r["inscripciones_cursada"], r["tuvo_reinscripcion"]) for r in rows] == [
        ("sede1", 1, 0),
        ("sede2", 1, 1),
    ]
