"""Given results → expected years of a student, worked out by hand."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from padm_ibis.gold import mart_student_academic_summary

Run = Callable[..., list[dict[str, Any]]]


def result(tipo: str | None, resultado: str | None, nota: float | None = None, **columns: Any) -> dict[str, Any]:
    """A result of student 1 in the year 2020, its flags as silver sets them."""
    counted = tipo in ("EXAMEN", "PROMOCION", "CURSADA")
    flags = {
        "aprobado_flag": int(resultado == "A" and tipo in ("EXAMEN", "PROMOCION", "EQUIVALENCIA")),
        "regularizado_flag": int(resultado == "A" and tipo == "CURSADA"),
        "reprobado_flag": int(resultado == "R" and counted),
        "ausente_flag": int(resultado == "U" and counted),
    }
    plain = {"source_db": "sede1", "alumno_id": 1, "anio_academico": 2020, "tipo_evaluacion": tipo, "resultado": resultado}
    return {**plain, **flags, "nota_numerica": nota, **columns}


def years(run: Run, *results: dict[str, Any]) -> list[dict[str, Any]]:
    return run(mart_student_academic_summary, {"fact_academic_performance": list(results)})


def test_all_figures_of_a_first_year(run: Run) -> None:
    (row,) = years(
        run,
        result("EXAMEN", "A", 8.0, elemento_id=1, creditos=4.25),
        result("EXAMEN", "R", 2.0, elemento_id=2, creditos=9.0),
        result("EXAMEN", "A", 6.0, elemento_id=2, creditos=3.5),
        result("PROMOCION", "A", 10.0, elemento_id=3),
        result("CURSADA", "A", 7.0, elemento_id=2),
        result("CURSADA", "U", elemento_id=4),
        result("EQUIVALENCIA", "A", 9.0, elemento_id=5, creditos=1.0),
    )
    assert row == {
        "source_db": "sede1",
        "alumno_id": 1,
        "anio_academico": 2020,
        "total_evaluaciones": 6,
        "materias_cursadas": 5,
        "cursadas_intentadas": 3,
        "examenes_intentados": 3,
        "promedio_notas": 6.5,
        "nota_minima": 2.0,
        "nota_maxima": 10.0,
        # squares of the distances from 6.5: 2.25 + 20.25 + 0.25 + 12.25 = 35, over 3
        "desviacion_notas": row["desviacion_notas"],
        "mediana_notas": 7.0,
        "materias_aprobadas": 4,
        "materias_regularizadas": 1,
        "materias_reprobadas": 1,
        "materias_ausente": 1,
        "tasa_aprobacion": 4 / 6,
        "tasa_reprobacion": 1 / 6,
        "tasa_ausentismo": 1 / 6,
        "creditos_obtenidos": 8.75,
        "total_evaluaciones_acum": 6,
        "materias_aprobadas_acum": 4,
        "materias_reprobadas_acum": 1,
        "creditos_acum": 8.75,
        "promedio_historico": 6.5,
        "tasa_aprobacion_historica": 4 / 6,
        "variacion_promedio": None,
        "variacion_tasa_aprobacion": None,
    }
    assert math.isclose(row["desviacion_notas"], math.sqrt(35 / 3), rel_tol=1e-14)


def test_history_runs_over_all_years_and_means_weigh_every_mark_the_same(run: Run) -> None:
    rows = years(
        run,
        result("EXAMEN", "A", 4.0, anio_academico=2018, elemento_id=1, creditos=2.0),
        result("EXAMEN", "R", 1.0, anio_academico=2020, elemento_id=2),
        result("EXAMEN", "A", 10.0, anio_academico=2020, elemento_id=2, creditos=2.5),
        result("EXAMEN", "A", 5.0, anio_academico=2020, elemento_id=3, creditos=0.25),
    )
    names = (
        "anio_academico", "total_evaluaciones_acum", "materias_aprobadas_acum", "materias_reprobadas_acum", "creditos_acum",
        "promedio_historico", "tasa_aprobacion_historica",
    )  # fmt: skip
    assert [tuple(r[n] for n in names) for r in rows] == [
        (2018, 1, 1, 0, 2.0, 4.0, 1.0),
        (2020, 4, 3, 1, 4.75, 5.0, 0.75),
    ]


def test_the_variation_is_from_the_students_previous_row_however_long_ago(run: Run) -> None:
    rows = years(
        run,
        result("EXAMEN", "A", 8.0, anio_academico=2015),
        result("EXAMEN", "A", 5.5, anio_academico=2020),
        result("EXAMEN", "R", 5.5, anio_academico=2020),
        result("EXAMEN", "A", 9.0, anio_academico=2020, alumno_id=2),
    )
    assert [(r["alumno_id"], r["anio_academico"], r["variacion_promedio"], r["variacion_tasa_aprobacion"]) for r in rows] == [
        (1, 2015, None, None),
        (1, 2020, -2.5, -0.5),
        (2, 2020, None, None),
    ]


def test_a_previous_row_without_marks_leaves_no_variation_and_is_not_skipped(run: Run) -> None:
    rows = years(
        run,
        result("EXAMEN", "A", 8.0, anio_academico=2018),
        result("EQUIVALENCIA", "A", 10.0, anio_academico=2019),
        result("EXAMEN", "A", 6.0, anio_academico=2020),
    )
    assert [(r["variacion_promedio"], r["variacion_tasa_aprobacion"]) for r in rows] == [(None, None)] * 3


def test_equivalences_are_subjects_and_credits_but_no_evaluations_or_marks(run: Run) -> None:
    (row,) = years(run, result("EQUIVALENCIA", "A", 9.0, elemento_id=5, creditos=6.0))
    assert (row["materias_aprobadas"], row["materias_cursadas"], row["creditos_obtenidos"]) == (1, 1, 6.0)
    assert (row["total_evaluaciones"], row["promedio_notas"], row["tasa_aprobacion"], row["promedio_historico"]) == (
        0,
        None,
        None,
        None,
    )


def test_an_unknown_result_counts_in_no_rate_but_its_mark_and_subject_do(run: Run) -> None:
    (row,) = years(run, result("EXAMEN", "P", 8.0, elemento_id=1), result("EXAMEN", "A", 4.0, elemento_id=2))
    assert (row["total_evaluaciones"], row["examenes_intentados"], row["tasa_aprobacion"]) == (1, 1, 1.0)
    assert (row["promedio_notas"], row["materias_cursadas"]) == (6.0, 2)


def test_rates_of_a_year_sum_to_1(run: Run) -> None:
    (row,) = years(run, *(result("EXAMEN", code) for code in "AARRRU"))
    assert (row["tasa_aprobacion"], row["tasa_reprobacion"], row["tasa_ausentismo"]) == (2 / 6, 3 / 6, 1 / 6)


def test_the_year_is_the_recorded_one_not_the_one_in_which_the_result_became_known(run: Run) -> None:
    (row,) = years(run, result("EXAMEN", "A", anio_academico=2019, anio_evento=2021))
    assert row["anio_academico"] == 2019


def test_a_result_without_a_recorded_year_is_in_no_row(run: Run) -> None:
    assert years(run, result("EXAMEN", "A", anio_academico=None, anio_evento=2021)) == []


def test_a_course_and_its_promotion_count_once_even_when_the_promotion_is_known_later(run: Run) -> None:
    (row,) = years(
        run,
        result("CURSADA", "A", elemento_id=1, anio_evento=2020),
        result("PROMOCION", "A", 8.0, elemento_id=1, anio_evento=2021),
    )
    assert (row["total_evaluaciones"], row["materias_regularizadas"], row["materias_aprobadas"]) == (1, 0, 1)


def test_a_course_in_both_records_counts_once_whenever_each_became_known(run: Run) -> None:
    """By its comisión; or, where the history names none, by subject and year."""
    rows = years(
        run,
        result("CURSADA", "A", elemento_id=1, comision_id=10, evaluacion_id="cursada:1:10:7", anio_evento=2020),
        result("CURSADA", "R", elemento_id=1, comision_id=10, evaluacion_id="hist:acta:1:1", anio_evento=2021),
        result("CURSADA", "A", elemento_id=2, comision_id=20, evaluacion_id="cursada:1:20:8", anio_evento=2020),
        result("CURSADA", "R", elemento_id=2, comision_id=None, evaluacion_id="hist:acta:2:1", anio_evento=2021),
        result("CURSADA", "U", elemento_id=3, comision_id=30, evaluacion_id="cursada:1:30:9", anio_evento=2020),
    )
    (row,) = rows
    assert (row["total_evaluaciones"], row["tasa_aprobacion"], row["tasa_reprobacion"]) == (3, 0.0, 2 / 3)


def test_two_campuses_with_the_same_student_number_are_two_students(run: Run) -> None:
    rows = years(
        run,
        result("EXAMEN", "A", 8.0, anio_academico=2019),
        result("EXAMEN", "A", 4.0, source_db="sede2"),
    )
    assert [(r["source_db"], r["anio_academico"], r["promedio_historico"], r["variacion_promedio"]) for r in rows] == [
        ("sede1", 2019, 8.0, None),
        ("sede2", 2020, 4.0, None),
    ]


def test_an_alumno_that_students_lacks_keeps_its_rows(run: Run) -> None:
    """The table reads no dimension: facts of an unknown student stay."""
    assert [r["alumno_id"] for r in years(run, result("EXAMEN", "A", alumno_id=404))] == [404]
