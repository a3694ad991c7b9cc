"""Given students and their facts → expected cohorts, worked out by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from padm_ibis.gold import mart_cohort_analysis

Run = Callable[..., list[dict[str, Any]]]
KEY = {"source_db": "sede1", "cohorte": 2018, "propuesta_id": 3, "facultad_id": 4, "sede_provincia": "Mendoza"}


def student(alumno: int, **columns: Any) -> dict[str, Any]:
    plain = {"source_db": "sede1", "anio_ingreso": 2018, "propuesta_id": 3, "facultad_id": 4, "sede_provincia": "Mendoza"}
    return {**plain, "alumno_id": alumno, **columns}


def fact(alumno: int, source: str = "sede1", **columns: Any) -> dict[str, Any]:
    return {"source_db": source, "alumno_id": alumno, **columns}


def result(alumno: int, tipo: str | None, resultado: str | None, nota: float | None = None, **columns: Any) -> dict[str, Any]:
    return fact(alumno, tipo_evaluacion=tipo, resultado=resultado, nota_numerica=nota, **columns)


def cohorts(run: Run, students: list[dict[str, Any]], **facts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return run(mart_cohort_analysis, {"dim_student": students, **facts})


def test_all_figures_of_a_cohort(run: Run) -> None:
    (row,) = cohorts(
        run,
        [student(n) for n in (1, 2, 3, 4)],
        dim_propuesta=[{"source_db": "sede1", "propuesta_id": 3, "propuesta_nombre": "Medicina"}],
        dim_facultad=[{"source_db": "sede1", "facultad_id": 4, "facultad_nombre": "Ciencias Médicas"}],
        fact_dropout=[fact(1, anio_academico=2019), fact(2, anio_academico=2022), fact(3, anio_academico=2021)],
        fact_egreso=[fact(4)],
        fact_academic_performance=[
            result(1, "EXAMEN", "A", 8.0),
            result(2, "PROMOCION", "R", 3.0),
            result(4, "CURSADA", "A"),
            result(4, "EXAMEN", "U"),
        ],
    )
    assert row == {
        **KEY,
        "propuesta_nombre": "Medicina",
        "facultad_nombre": "Ciencias Médicas",
        "total_estudiantes": 4,
        "total_desertores": 3,
        "tasa_desercion_pct": 75.0,
        "total_egresados": 1,
        "total_retenidos": 1,
        "tasa_retencion_pct": 25.0,
        "promedio_anios_hasta_dropout": 8 / 3,
        "min_anios_hasta_dropout": 1,
        "max_anios_hasta_dropout": 4,
        "promedio_notas_cohorte": 5.5,
        "tasa_aprobacion_cohorte_pct": 50.0,
    }


def test_no_fact_multiplies_another(run: Run) -> None:
    """Two dropouts, two graduations and three marks of one student, beside one student without any fact."""
    (row,) = cohorts(
        run,
        [student(1), student(2)],
        fact_dropout=[fact(1, anio_academico=2021), fact(1, anio_academico=2019)],
        fact_egreso=[fact(1), fact(1)],
        fact_academic_performance=[
            result(1, "EXAMEN", "A", 10.0, elemento_id=1),
            result(1, "EXAMEN", "R", 1.0, elemento_id=1),
            result(1, "EXAMEN", "R", 1.0, elemento_id=2),
        ],
    )
    assert (row["total_estudiantes"], row["total_desertores"], row["total_egresados"], row["total_retenidos"]) == (2, 1, 1, 1)
    assert (row["promedio_notas_cohorte"], row["tasa_aprobacion_cohorte_pct"]) == (4.0, 100 / 3)
    assert (row["promedio_anios_hasta_dropout"], row["min_anios_hasta_dropout"], row["max_anios_hasta_dropout"]) == (1.0, 1, 1)


def test_years_to_dropout_are_negative_before_the_cohort_and_0_in_its_year(run: Run) -> None:
    dropouts = [fact(1, anio_academico=2016), fact(2, anio_academico=2018)]
    (row,) = cohorts(run, [student(1), student(2)], fact_dropout=dropouts)
    assert [row[f"{name}_anios_hasta_dropout"] for name in ("promedio", "min", "max")] == [-1.0, -2, 0]


def test_a_dropout_of_an_unknown_year_is_a_dropout_without_years(run: Run) -> None:
    dropouts = [fact(1, anio_academico=None), fact(2, anio_academico=2020), fact(2, anio_academico=None)]
    (row,) = cohorts(run, [student(1), student(2)], fact_dropout=dropouts)
    assert (row["total_desertores"], row["promedio_anios_hasta_dropout"], row["max_anios_hasta_dropout"]) == (2, 2.0, 2)


def test_a_graduate_with_a_dropout_is_both(run: Run) -> None:
    (row,) = cohorts(run, [student(1)], fact_dropout=[fact(1, anio_academico=2020)], fact_egreso=[fact(1)])
    assert (row["total_desertores"], row["total_egresados"], row["total_retenidos"], row["tasa_retencion_pct"]) == (1, 1, 0, 0.0)


def test_without_facts_counts_are_0_and_means_and_extremes_null(run: Run) -> None:
    (row,) = cohorts(run, [student(1)])
    assert row == {
        **KEY,
        "propuesta_nombre": None,
        "facultad_nombre": None,
        "total_estudiantes": 1,
        "total_desertores": 0,
        "tasa_desercion_pct": 0.0,
        "total_egresados": 0,
        "total_retenidos": 1,
        "tasa_retencion_pct": 100.0,
        "promedio_anios_hasta_dropout": None,
        "min_anios_hasta_dropout": None,
        "max_anios_hasta_dropout": None,
        "promedio_notas_cohorte": None,
        "tasa_aprobacion_cohorte_pct": None,
    }


def test_a_null_in_the_key_is_a_group_of_its_own_and_loses_no_student(run: Run) -> None:
    students = [
        student(1),
        student(2, propuesta_id=None),
        student(3, propuesta_id=None),
        student(4, facultad_id=None),
        student(5, sede_provincia=None),
        student(6, propuesta_id=None, facultad_id=None, sede_provincia=None),
    ]
    dropouts = [fact(n, anio_academico=2019) for n in (2, 6)]
    rows = cohorts(run, students, fact_dropout=dropouts)
    found = {
        (r["propuesta_id"], r["facultad_id"], r["sede_provincia"]): (r["total_estudiantes"], r["total_desertores"]) for r in rows
    }
    assert len(rows) == 5
    assert found == {
        (3, 4, "Mendoza"): (1, 0),
        (None, 4, "Mendoza"): (2, 1),
        (3, None, "Mendoza"): (1, 0),
        (3, 4, None): (1, 0),
        (None, None, None): (1, 1),
    }


def test_every_part_of_the_key_makes_groups(run: Run) -> None:
    students = [
        student(1),
        student(2, anio_ingreso=2019),
        student(3, propuesta_id=9),
        student(4, facultad_id=9),
        student(5, sede_provincia="San Juan"),
    ]
    assert [r["total_estudiantes"] for r in cohorts(run, students)] == [1, 1, 1, 1, 1]


def test_students_without_a_year_of_entry_are_in_no_cohort(run: Run) -> None:
    assert cohorts(run, [student(1, anio_ingreso=None)], fact_dropout=[fact(1, anio_academico=2019)]) == []


def test_facts_of_an_alumno_that_students_lacks_are_in_no_cohort(run: Run) -> None:
    (row,) = cohorts(run, [student(1)], fact_dropout=[fact(99, anio_academico=2019)], fact_egreso=[fact(99)])
    assert (row["total_estudiantes"], row["total_desertores"], row["total_egresados"]) == (1, 0, 0)


def test_two_campuses_with_the_same_numbers_do_not_mix(run: Run) -> None:
    rows = cohorts(
        run,
        [student(1), student(1, source_db="sede2")],
        dim_propuesta=[
            {"source_db": "sede1", "propuesta_id": 3, "propuesta_nombre": "Medicina"},
            {"source_db": "sede2", "propuesta_id": 3, "propuesta_nombre": "Derecho"},
        ],
        dim_facultad=[
            {"source_db": "sede1", "facultad_id": 4, "facultad_nombre": "Norte"},
            {"source_db": "sede2", "facultad_id": 4, "facultad_nombre": "Sur"},
        ],
        fact_dropout=[fact(1, "sede2", anio_academico=2020)],
        fact_egreso=[fact(1, "sede1")],
        fact_academic_performance=[result(1, "EXAMEN", "A", 9.0, source_db="sede2")],
    )
    names = ("source_db", "propuesta_nombre", "facultad_nombre", "total_desertores", "total_egresados", "promedio_notas_cohorte")
    assert [tuple(r[n] for n in names) for r in rows] == [
        ("sede1", "Medicina", "Norte", 0, 1, None),
        ("sede2", "Derecho", "Sur", 1, 0, 9.0),
    ]


def test_marks_of_every_year_and_of_none_count_each_with_the_same_weight(run: Run) -> None:
    """Four marks of one student and one of another: a mean of students' means would be 6."""
    marks = [result(1, "EXAMEN", "A", 4.0, anio_academico=year, elemento_id=1) for year in (2018, 2019, 2020, None)]
    (row,) = cohorts(run, [student(1), student(2)], fact_academic_performance=[*marks, result(2, "EXAMEN", "A", 8.0)])
    assert row["promedio_notas_cohorte"] == 4.8


def test_equivalences_courses_and_unknown_results_are_told_apart(run: Run) -> None:
    """Only exams and promotions give marks; only A, R and U of exams, promotions and courses are evaluations."""
    results = [
        result(1, "EQUIVALENCIA", "A", 10.0),
        result(1, "CURSADA", "A", 10.0),
        result(1, "EXAMEN", "P", 6.0),
        result(1, "PROMOCION", "R", 4.0),
        result(1, None, "A", 10.0),
    ]
    (row,) = cohorts(run, [student(1)], fact_academic_performance=results)
    assert (row["promedio_notas_cohorte"], row["tasa_aprobacion_cohorte_pct"]) == (5.0, 50.0)


def test_a_course_and_its_promotion_count_once_even_when_the_promotion_is_known_later(run: Run) -> None:
    course = {"elemento_id": 5, "anio_academico": 2018}
    results = [
        result(1, "CURSADA", "A", **course, anio_evento=2018),
        result(1, "PROMOCION", "A", 8.0, **course, anio_evento=2019),
        result(1, "EXAMEN", "R", 2.0),
    ]
    (row,) = cohorts(run, [student(1)], fact_academic_performance=results)
    assert row["tasa_aprobacion_cohorte_pct"] == 50.0
