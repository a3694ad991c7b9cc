"""Given enrolments and results → expected figures of each subject, worked out by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from padm_ibis.gold import mart_kpi_materia

Run = Callable[..., list[dict[str, Any]]]


def enrolled(alumno: int, elemento: int | None = 5, anio: int | None = 2020, source: str = "sede1") -> dict[str, Any]:
    return {"source_db": source, "alumno_id": alumno, "elemento_id": elemento, "anio_academico": anio}


def result(alumno: int, tipo: str | None, resultado: str | None, nota: float | None = None, **columns: Any) -> dict[str, Any]:
    """A result in subject 5 of the year 2020."""
    plain = {"source_db": "sede1", "elemento_id": 5, "anio_academico": 2020}
    return {**plain, "alumno_id": alumno, "tipo_evaluacion": tipo, "resultado": resultado, "nota_numerica": nota, **columns}


def subjects(
    run: Run, enrolments: list[dict[str, Any]], results: list[dict[str, Any]], names: list[dict[str, Any]] | None = None
) -> list[dict[str, Any]]:
    tables = {"fact_course_enrollment": enrolments, "fact_academic_performance": results, "dim_elemento": names or []}
    return run(mart_kpi_materia, tables)


def test_all_figures_of_a_subject(run: Run) -> None:
    enrolments = [enrolled(1, anio=2019), enrolled(1), enrolled(2), enrolled(3), enrolled(4)]
    results = [
        result(1, "EXAMEN", "A", 8.0),
        result(2, "PROMOCION", "A", 7.5),
        result(3, "EXAMEN", "R", 2.0),
        result(4, "CURSADA", "U"),
    ]
    names = [{"source_db": "sede1", "elemento_id": 5, "materia_nombre": "Álgebra"}]
    before, row = subjects(run, enrolments, results, names)
    assert (before["anio_academico"], before["inscriptos"], before["tasa_recursada"]) == (2019, 1, 0.0)
    assert row == {
        "source_db": "sede1",
        "elemento_id": 5,
        "anio_academico": 2020,
        "materia_nombre": "Álgebra",
        "inscriptos": 4,
        "total_evaluaciones": 4,
        "promedio_notas": 17.5 / 3,
        "tasa_aprobacion": 0.5,
        "tasa_reprobacion": 0.25,
        "tasa_ausentismo": 0.25,
        "tasa_recursada": 0.25,
    }


def test_a_student_enrolled_twice_in_a_year_counts_once_and_does_not_repeat(run: Run) -> None:
    (row,) = subjects(run, [enrolled(1), enrolled(1), enrolled(2)], [])
    assert (row["inscriptos"], row["tasa_recursada"]) == (2, 0.0)


def test_repeating_is_of_the_same_subject_and_source_in_an_earlier_year(run: Run) -> None:
    """Student 1 repeats; 2 took another subject before; 3 is another person at another campus; 4 has an undated enrolment."""
    enrolments = [
        enrolled(1, anio=2018),
        enrolled(2, elemento=6, anio=2018),
        enrolled(3, anio=2018, source="sede2"),
        enrolled(4, anio=None),
        *(enrolled(n) for n in (1, 2, 3, 4)),
        enrolled(1, anio=2021),
    ]
    rates = {(r["source_db"], r["elemento_id"], r["anio_academico"]): r["tasa_recursada"] for r in subjects(run, enrolments, [])}
    assert rates == {
        ("sede1", 5, 2018): 0.0,
        ("sede1", 5, 2020): 0.25,
        ("sede1", 5, 2021): 1.0,
        ("sede1", 6, 2018): 0.0,
        ("sede2", 5, 2018): 0.0,
    }


def test_a_subject_with_results_and_no_enrolment_has_no_rate_of_repeating(run: Run) -> None:
    (row,) = subjects(run, [], [result(1, "EXAMEN", "A", 6.0)])
    assert (row["inscriptos"], row["total_evaluaciones"], row["promedio_notas"], row["tasa_recursada"]) == (0, 1, 6.0, None)


def test_a_subject_with_enrolments_and_no_result_has_counts_of_0_and_no_rates(run: Run) -> None:
    (row,) = subjects(run, [enrolled(1)], [])
    assert row["total_evaluaciones"] == 0
    assert {row[n] for n in ("promedio_notas", "tasa_aprobacion", "tasa_reprobacion", "tasa_ausentismo")} == {None}


def test_equivalences_and_unknown_results_mention_the_subject_and_count_in_no_figure(run: Run) -> None:
    results = [result(1, "EQUIVALENCIA", "A", 9.0), result(2, "CURSADA", "P"), result(3, None, "A"), result(4, "CURSADA", None)]
    (row,) = subjects(run, [], results)
    assert (row["total_evaluaciones"], row["promedio_notas"], row["tasa_aprobacion"]) == (0, None, None)


def test_equivalences_and_unknown_kinds_are_in_no_rate_of_a_subject_that_has_evaluations(run: Run) -> None:
    uncounted = [result(n, tipo, code) for n, (tipo, code) in enumerate((t, c) for t in ("EQUIVALENCIA", None) for c in "ARU")]
    (row,) = subjects(run, [], [*uncounted, *(result(n, "EXAMEN", code) for n, code in enumerate("AARU", 10))])
    assert (row["tasa_aprobacion"], row["tasa_reprobacion"], row["tasa_ausentismo"]) == (0.5, 0.25, 0.25)


def test_the_mean_is_over_exams_and_promotions_whatever_their_result(run: Run) -> None:
    results = [result(1, "EXAMEN", "P", 10.0), result(2, "PROMOCION", "R", 4.0), result(3, "CURSADA", "A", 1.0)]
    (row,) = subjects(run, [], results)
    assert (row["promedio_notas"], row["total_evaluaciones"], row["tasa_aprobacion"]) == (7.0, 2, 0.5)


def test_rates_of_a_subject_sum_to_1(run: Run) -> None:
    results = [result(n, "EXAMEN", code) for n, code in enumerate("AAARRU")]
    (row,) = subjects(run, [], results)
    assert (row["tasa_aprobacion"], row["tasa_reprobacion"], row["tasa_ausentismo"]) == (3 / 6, 2 / 6, 1 / 6)


def test_a_course_and_its_promotion_count_once_even_when_the_promotion_is_known_later(run: Run) -> None:
    results = [result(1, "CURSADA", "A", anio_evento=2020), result(1, "PROMOCION", "A", 8.0, anio_evento=2021)]
    (row,) = subjects(run, [], results)
    assert row["total_evaluaciones"] == 1


def test_rows_without_a_subject_or_a_year_are_in_no_row(run: Run) -> None:
    enrolments = [enrolled(1, elemento=None), enrolled(1, anio=None)]
    results = [result(1, "EXAMEN", "A", elemento_id=None), result(1, "EXAMEN", "A", anio_academico=None)]
    assert subjects(run, enrolments, results) == []


def test_two_campuses_with_the_same_subject_number_are_two_subjects(run: Run) -> None:
    names = [
        {"source_db": "sede1", "elemento_id": 5, "materia_nombre": "Álgebra"},
        {"source_db": "sede2", "elemento_id": 5, "materia_nombre": "Química"},
    ]
    rows = subjects(run, [enrolled(1), enrolled(1, source="sede2"), enrolled(2, source="sede2")], [], names)
    assert [(r["source_db"], r["materia_nombre"], r["inscriptos"]) for r in rows] == [
        ("sede1", "Álgebra", 1),
        ("sede2", "Química", 2),
    ]


def test_a_subject_that_the_catalogue_lacks_stays_without_a_name(run: Run) -> None:
    (row,) = subjects(run, [enrolled(1, elemento=77)], [])
    assert (row["elemento_id"], row["materia_nombre"]) == (77, None)
