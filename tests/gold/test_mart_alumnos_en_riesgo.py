"""Given series, risks and exits → expected list of students at risk, worked out by hand.

At 2025-02-28, the default of the tests, that day closes 2024: the last closed year.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from padm_ibis.gold import mart_alumnos_en_riesgo

Run = Callable[..., list[dict[str, Any]]]


def student(alumno: int, score: int = 5, propuesta: int | None = 3, **columns: Any) -> dict[str, Any]:
    """A student with a row in 2024: active in 2024, on the third step of the series, unless a test says otherwise."""
    plain = {"source_db": "sede1", "anio_academico": 2024, "anios_inactivo_consecutivos": 0, "time_step": 2}
    return {**plain, "alumno_id": alumno, "risk_score_heuristic": score, "propuesta_id": propuesta, **columns}


def exit_of(alumno: int, anio: int, source: str = "sede1") -> dict[str, Any]:
    return {"source_db": source, "alumno_id": alumno, "anio_academico": anio, "anio_evento": anio}


SERIES = ("source_db", "alumno_id", "anio_academico", "anios_inactivo_consecutivos", "time_step")
OF_RISK = (
    "persona_id", "propuesta_id", "risk_score_heuristic", "riesgo_academico", "riesgo_asistencia", "riesgo_no_reinscripcion",
    "riesgo_trabajo_excesivo", "tasa_aprobacion", "promedio_asistencia",
)  # fmt: skip


def listed(
    run: Run,
    students: list[dict[str, Any]],
    dropouts: list[dict[str, Any]] | None = None,
    graduations: list[dict[str, Any]] | None = None,
    **params: Any,
) -> list[dict[str, Any]]:
    tables = {
        "gold_tft_temporal_features": [{k: v for k, v in s.items() if k in SERIES} for s in students],
        "mart_student_risk_features": [{k: v for k, v in s.items() if k in (*SERIES[:3], *OF_RISK)} for s in students],
        "fact_dropout": dropouts or [],
        "fact_egreso": graduations or [],
    }
    return run(mart_alumnos_en_riesgo, tables, **params)


def who(rows: list[dict[str, Any]]) -> list[int]:
    return [row["alumno_id"] for row in rows]


def test_a_row_is_that_of_the_risk_features_of_the_last_closed_year(run: Run) -> None:
    risk = {
        "persona_id": 100, "risk_score_heuristic": 7, "riesgo_academico": 1, "riesgo_asistencia": 1,
        "riesgo_no_reinscripcion": 1, "riesgo_trabajo_excesivo": 0, "tasa_aprobacion": 0.25, "promedio_asistencia": 40.0,
    }  # fmt: skip
    earlier = student(1, anio_academico=2023, **{**risk, "risk_score_heuristic": 11})
    (row,) = listed(run, [earlier, student(1, **risk, anios_inactivo_consecutivos=1)])
    assert row == {
        "source_db": "sede1",
        "alumno_id": 1,
        "anio_academico": 2024,
        "propuesta_id": 3,
        **risk,
        "anios_inactivo_consecutivos": 1,
        "puesto_en_carrera": 1,
    }


def test_only_students_with_a_row_in_the_last_closed_year_are_listed(run: Run) -> None:
    assert who(listed(run, [student(1), student(2, anio_academico=2023)])) == [1]


def test_the_last_closed_year_is_the_one_whose_cutoff_is_not_after_as_of(run: Run) -> None:
    """A day earlier 2024 is still open."""
    students = [student(1), student(2, anio_academico=2023)]
    assert who(listed(run, students, as_of="2025-02-27")) == [2]
    assert who(listed(run, students, as_of="2026-02-27")) == [1]


def test_who_has_left_by_then_is_not_listed_and_who_came_back_is(run: Run) -> None:
    """1 left in 2024; 2 left in 2023 and was idle since; 3 left in 2023 and was active in 2024; 4 graduated in 2024."""
    students = [student(1), student(2, anios_inactivo_consecutivos=1), student(3), student(4), student(5)]
    dropouts = [exit_of(1, 2024), exit_of(2, 2023), exit_of(3, 2023)]
    assert who(listed(run, students, dropouts, [exit_of(4, 2024)])) == [3, 5]


def test_who_left_before_any_activity_has_left(run: Run) -> None:
    """Entered in 2022, never active since, and the control of 2022 said so."""
    never = {"time_step": 2, "anios_inactivo_consecutivos": 3}
    assert who(listed(run, [student(1, **never), student(2, **never)], [exit_of(1, 2022)])) == [2]


def test_an_exit_of_a_later_year_known_at_as_of_takes_a_student_off_the_list(run: Run) -> None:
    assert who(listed(run, [student(1), student(2), student(3)], [exit_of(1, 2025)], [exit_of(2, 2025)])) == [3]


def test_a_later_exit_counts_even_when_an_earlier_one_was_followed_by_activity(run: Run) -> None:
    assert who(listed(run, [student(1)], [exit_of(1, 2022), exit_of(1, 2025)])) == []


def test_places_go_by_score_within_source_and_programme_and_ties_share_one(run: Run) -> None:
    students = [
        student(1, 9),
        student(2, 9),
        student(3, 4),
        student(4, 11, propuesta=8),
        student(5, 2, propuesta=8),
        student(1, 1, source_db="sede2"),
    ]
    rows = listed(run, students)
    assert [(r["source_db"], r["alumno_id"], r["puesto_en_carrera"]) for r in rows] == [
        ("sede1", 1, 1),
        ("sede1", 2, 1),
        ("sede1", 3, 3),
        ("sede1", 4, 1),
        ("sede1", 5, 2),
        ("sede2", 1, 1),
    ]


def test_students_without_a_programme_are_ranked_among_themselves(run: Run) -> None:
    rows = listed(run, [student(1, 9, None), student(2, 3, None), student(3, 6)])
    assert [(r["alumno_id"], r["puesto_en_carrera"]) for r in rows] == [(1, 1), (2, 2), (3, 1)]


def test_who_is_not_listed_takes_no_place(run: Run) -> None:
    (row,) = listed(run, [student(1, 11), student(2, 1)], [exit_of(1, 2024)])
    assert (row["alumno_id"], row["puesto_en_carrera"]) == (2, 1)


def test_an_exit_at_another_campus_is_another_students(run: Run) -> None:
    rows = listed(run, [student(1), student(1, source_db="sede2")], [exit_of(1, 2024, "sede2")])
    assert [r["source_db"] for r in rows] == ["sede1"]
