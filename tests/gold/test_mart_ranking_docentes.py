"""Given results and teachers → expected ranking, worked out by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from padm_ibis.gold import mart_ranking_docentes
from padm_ibis.silver import bridge_docente_comision

Run = Callable[..., list[dict[str, Any]]]


def result(alumno: int, resultado: str | None, nota: float | None = None, **columns: Any) -> dict[str, Any]:
    """A course result in comisión 10 of the year 2020."""
    plain = {"tipo_evaluacion": "CURSADA", "comision_id": 10, "elemento_id": 5, "anio_academico": 2020, "source_db": "sede1"}
    return {**plain, "alumno_id": alumno, "resultado": resultado, "nota_numerica": nota, **columns}


def teaches(docente: str, comision: int = 10, source: str = "sede1") -> dict[str, Any]:
    return {"source_db": source, "docente_hash": docente, "comision_id": comision}


def ranking(
    run: Run, results: list[dict[str, Any]], teachers: list[dict[str, Any]], minimum: int = 1
) -> dict[str, dict[str, Any]]:
    """Rows by teacher: a test looks at one year of one source, or names its key."""
    tables = {"fact_academic_performance": results, "bridge_docente_comision": teachers}
    rows = run(mart_ranking_docentes, tables, ranking_min_evaluaciones=minimum)
    found = {row["docente_hash"]: row for row in rows}
    assert len(found) == len(rows)
    return found


def test_counts_means_and_rates_of_a_teacher(run: Run) -> None:
    results = [result(1, "A", 8.0), result(2, "A", 6.5), result(3, "R", 2.0), result(4, "U")]
    assert ranking(run, results, [teaches("ana")], minimum=4) == {
        "ana": {
            "source_db": "sede1",
            "docente_hash": "ana",
            "anio_academico": 2020,
            "evaluaciones": 4,
            "estudiantes": 4,
            "promedio_notas": 5.5,
            "tasa_aprobacion": 0.5,
            "tasa_ausentismo": 0.25,
            "puesto": 1,
        }
    }


def test_a_student_with_two_results_counts_once_among_students(run: Run) -> None:
    ana = ranking(run, [result(1, "U", elemento_id=5), result(1, "A", elemento_id=6)], [teaches("ana")])["ana"]
    assert (ana["evaluaciones"], ana["estudiantes"]) == (2, 1)


def test_a_mark_counts_once_for_each_teacher_of_the_comision(run: Run) -> None:
    found = ranking(run, [result(1, "A", 9.0)], [teaches("ana"), teaches("beto"), teaches("caro", comision=11)])
    assert {name: row["evaluaciones"] for name, row in found.items()} == {"ana": 1, "beto": 1}


def test_a_teacher_of_several_comisiones_has_one_row_a_year(run: Run) -> None:
    results = [result(1, "A", 9.0), result(2, "R", 3.0, comision_id=11), result(3, "A", anio_academico=2021)]
    tables = {"fact_academic_performance": results, "bridge_docente_comision": [teaches("ana", 10), teaches("ana", 11)]}
    rows = run(mart_ranking_docentes, tables, ranking_min_evaluaciones=1)
    assert [(r["anio_academico"], r["evaluaciones"], r["tasa_aprobacion"]) for r in rows] == [(2020, 2, 0.5), (2021, 1, 1.0)]


def test_the_year_is_that_of_the_result_not_of_the_comision(run: Run) -> None:
    teachers = [{**teaches("ana"), "anio_academico": 2019}]
    assert ranking(run, [result(1, "A")], teachers)["ana"]["anio_academico"] == 2020


def test_only_courses_and_promotions_with_a_known_result_a_year_and_a_comision_count(run: Run) -> None:
    results = [
        result(1, "A", 7.0),
        result(2, "A", 9.0, tipo_evaluacion="PROMOCION"),
        result(3, "A", 10.0, tipo_evaluacion="EXAMEN"),
        result(4, "A", 10.0, tipo_evaluacion="EQUIVALENCIA"),
        result(5, "A", 10.0, tipo_evaluacion=None),
        result(6, "P", 10.0),
        result(7, None, 10.0),
        result(8, "A", 10.0, anio_academico=None),
        result(9, "A", 10.0, comision_id=None),
    ]
    ana = ranking(run, results, [teaches("ana")])["ana"]
    assert (ana["evaluaciones"], ana["promedio_notas"]) == (2, 8.0)


def test_a_course_and_its_promotion_count_once_even_when_the_promotion_is_known_later(run: Run) -> None:
    results = [
        result(1, "A", 7.0, anio_evento=2020),
        result(1, "A", 9.0, tipo_evaluacion="PROMOCION", anio_evento=2021),
    ]
    ana = ranking(run, results, [teaches("ana")])["ana"]
    assert (ana["evaluaciones"], ana["promedio_notas"]) == (1, 9.0)


def test_without_a_numeric_mark_there_is_no_mean(run: Run) -> None:
    assert ranking(run, [result(1, "U")], [teaches("ana")])["ana"]["promedio_notas"] is None


def test_rank_goes_by_approval_then_mean_with_nulls_last_then_hash(run: Run) -> None:
    marks = {
        "alto": [("A", 4.0), ("A", 4.0)],
        "medio_sin_nota": [("A", None), ("R", None)],
        "medio_b": [("A", 8.0), ("R", 2.0)],
        "medio_a": [("A", 6.0), ("R", 4.0)],
        "medio_mejor": [("A", 9.0), ("R", 2.0)],
        "bajo": [("R", 10.0), ("U", 10.0)],
    }
    results = [
        result(alumno, resultado, nota, comision_id=comision)
        for comision, (_, given) in enumerate(marks.items())
        for alumno, (resultado, nota) in enumerate(given)
    ]
    found = ranking(run, results, [teaches(name, comision) for comision, name in enumerate(marks)])
    assert sorted(found, key=lambda name: found[name]["puesto"]) == [
        "alto", "medio_mejor", "medio_a", "medio_b", "medio_sin_nota", "bajo",
    ]  # fmt: skip
    assert sorted(row["puesto"] for row in found.values()) == [1, 2, 3, 4, 5, 6]


def test_equal_rates_from_different_counts_are_a_tie(run: Run) -> None:
    """1/3 and 10/30, 1.1 and 11/10: the order must come from the hash, not from the last bit of a float."""
    few = [result(1, "A", 1.1, comision_id=1), result(2, "R", 1.1, comision_id=1), result(3, "R", 1.1, comision_id=1)]
    many = [result(n, "A" if n < 10 else "R", 1.1, comision_id=2) for n in range(30)]
    found = ranking(run, few + many, [teaches("z_pocos", 1), teaches("a_muchos", 2)])
    assert {name: row["puesto"] for name, row in found.items()} == {"a_muchos": 1, "z_pocos": 2}


def test_below_the_minimum_there_is_no_place_and_none_is_taken(run: Run) -> None:
    results = [result(1, "A", 10.0, comision_id=1), *(result(n, "R", 4.0, comision_id=2) for n in (2, 3))]
    found = ranking(run, results, [teaches("ana", 1), teaches("beto", 2)], minimum=2)
    assert (found["ana"]["puesto"], found["ana"]["tasa_aprobacion"], found["beto"]["puesto"]) == (None, 1.0, 1)


def test_thirty_evaluations_are_enough_by_default(run: Run) -> None:
    results = [result(n, "A", comision_id=1) for n in range(29)] + [result(n, "A", comision_id=2) for n in range(30)]
    tables = {"fact_academic_performance": results, "bridge_docente_comision": [teaches("ana", 1), teaches("beto", 2)]}
    assert [(r["docente_hash"], r["puesto"]) for r in run(mart_ranking_docentes, tables)] == [("ana", None), ("beto", 1)]


def test_every_source_and_year_has_its_own_ranking(run: Run) -> None:
    """Two campuses use the same comisión and student numbers; a teacher of both (one document, one hash) has two rows."""
    results = [
        result(1, "A", source_db="sede1"),
        result(1, "R", source_db="sede2"),
        result(1, "U", source_db="sede1", anio_academico=2021),
    ]
    tables = {"fact_academic_performance": results, "bridge_docente_comision": [teaches("ana"), teaches("ana", source="sede2")]}
    rows = run(mart_ranking_docentes, tables, ranking_min_evaluaciones=1)
    assert [(r["source_db"], r["anio_academico"], r["evaluaciones"], r["tasa_aprobacion"], r["puesto"]) for r in rows] == [
        ("sede1", 2020, 1, 1.0, 1),
        ("sede1", 2021, 1, 0.0, 1),
        ("sede2", 2020, 1, 0.0, 1),
    ]


def test_a_teacher_without_results_and_a_result_without_teacher_have_no_row(run: Run) -> None:
    assert ranking(run, [result(1, "A", comision_id=99)], [teaches("ana")]) == {}


def test_a_teacher_with_two_records_and_one_document_counts_a_mark_once(run: Run) -> None:
    records = [{"docente": docente, "comision": 10, "docente_hash": "ana"} for docente in (1, 2)]
    bridge = run(bridge_docente_comision, {"docentes_comision": records})
    assert ranking(run, [result(1, "A", 8.0)], bridge)["ana"]["evaluaciones"] == 1
