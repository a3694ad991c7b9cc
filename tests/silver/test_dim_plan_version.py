"""Given rows that mention plans → expected plan versions."""

from __future__ import annotations

from collections.abc import Callable
from operator import itemgetter
from typing import Any

from padm_ibis.silver import dim_plan_version

Run = Callable[..., list[dict[str, Any]]]


def named(run: Run, **inputs: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return list(map(itemgetter("source_db", "plan_version_id", "plan_version_nombre"), run(dim_plan_version, inputs)))


def test_the_name_in_students_wins_even_when_it_is_the_greater(run: Run) -> None:
    found = named(
        run,
        students=[{"plan_version_id": 1, "plan_version": "Plan 2020"}],
        course_inscriptions=[{"plan_version_id": 1, "plan_version_desc": "Plan 1998"}],
        exam_inscriptions=[{"plan_version_id": 1, "plan_version_desc": "Acuerdo 5"}],
    )
    assert found == [("sede1", 1, "Plan 2020")]


def test_of_several_names_in_students_the_smallest_by_code_point_stays(run: Run) -> None:
    given = [{"plan_version_id": 1, "plan_version": name} for name in ("plan b", "Ácrata", "Plan Z", "Plan a", None)]
    assert named(run, students=given) == [("sede1", 1, "Plan Z")]


def test_without_a_name_in_students_the_smallest_of_both_enrolments_stays(run: Run) -> None:
    found = named(
        run,
        students=[{"plan_version_id": 1, "plan_version": None}],
        course_inscriptions=[{"plan_version_id": 1, "plan_version_desc": "Plan B"}],
        exam_inscriptions=[
            {"plan_version_id": 1, "plan_version_desc": "Plan A"},
            {"plan_version_id": 2, "plan_version_desc": "Plan C"},
        ],
    )
    assert found == [("sede1", 1, "Plan A"), ("sede1", 2, "Plan C")]


def test_a_plan_that_only_results_or_graduations_mention_has_no_name(run: Run) -> None:
    found = named(
        run, academic=[{"plan_version_id": 4}], historia_academica=[{"plan_version_id": 5}], egresos=[{"plan_version_id": 6}]
    )
    assert found == [("sede1", 4, None), ("sede1", 5, None), ("sede1", 6, None)]


def test_all_rows_count_those_without_a_student_or_after_as_of_included(run: Run) -> None:
    given = [
        {"alumno": None, "plan_version_id": 7, "plan_version_desc": "Sin alumno"},
        {"alumno": 1, "plan_version_id": 8, "plan_version_desc": "Futuro", "fecha_inscripcion": "2099-01-01"},
    ]
    assert named(run, course_inscriptions=given) == [("sede1", 7, "Sin alumno"), ("sede1", 8, "Futuro")]


def test_one_number_is_another_plan_on_another_campus(run: Run) -> None:
    given = [{"source_db": s, "plan_version_id": 1, "plan_version": n} for s, n in (("sede1", "B"), ("sede2", "A"))]
    assert named(run, students=given) == [("sede1", 1, "B"), ("sede2", 1, "A")]


def test_rows_without_a_plan_add_none(run: Run) -> None:
    assert named(run, students=[{"plan_version_id": None, "plan_version": "?"}], egresos=[{"plan_version_id": None}]) == []
