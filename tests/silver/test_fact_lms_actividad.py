"""Given days of the log, roles and links → days of learners."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from platform_rows import LINKED, PLATFORM, on_platform, role

from padm_ibis.silver import fact_lms_actividad

Row = dict[str, Any]
COUNTS = {"eventos": 9, "participaciones": 5, "escrituras": 2, "horas_activas": 3, "entregas": 1, "componentes": 4}


def day(user: int, fecha: str, course: int = 2) -> Row:
    return {"usuario": user, "curso": course, "fecha": fecha, **COUNTS}


def found(run, days: list[Row], *roles: Row, **params: Any) -> list[tuple[Any, ...]]:
    given = {"lms_actividad": on_platform(*days), "lms_roles": roles, "bridge_lms_persona": LINKED}
    rows = run(fact_lms_actividad, given, **{**PLATFORM, **params})
    return [(r["source_db"], r["persona_id"], r["curso_id"], r["fecha"].isoformat()) for r in rows]


def test_a_day_of_a_linked_user_is_a_fact_with_all_it_says(run):
    given = {"lms_actividad": on_platform(day(10, "2024-02-29")), "bridge_lms_persona": LINKED}
    assert run(fact_lms_actividad, given, **PLATFORM) == [{
        "source_db": "sede1", "persona_id": 1, "lms_db": "campus", "curso_id": 2, "fecha": date(2024, 2, 29), "eventos": 9,
        "participaciones": 5, "escrituras": 2, "horas_activas": 3, "entregas": 1, "anio_academico": 2023,
        "fecha_conocida": date(2024, 2, 29), "anio_evento": 2023,
    }]  # fmt: skip


def test_a_person_of_two_campuses_has_it_twice_and_who_is_not_linked_not_at_all(run):
    assert found(run, [day(11, "2024-04-01"), day(12, "2024-04-01")]) == [
        ("sede1", 2, 2, "2024-04-01"), ("sede2", 2, 2, "2024-04-01"),
    ]  # fmt: skip


def test_what_comes_after_as_of_is_not_known(run):
    assert found(run, [day(10, "2024-12-31"), day(10, "2025-01-01")]) == [("sede1", 1, 2, "2024-12-31")]


@pytest.mark.parametrize(
    ("given", "learner_on"),
    [
        (role(10, "2024-04-02 10:00"), ["04-01"]),  # becomes an assistant: what was before stays
        (role(10, "2024-04-01", "2024-04-03"), ["04-03"]),  # gone again, as a run found on the third
        (role(10, None), []),  # nobody knows since when
        (role(10, "2024-04-02", curso=3), ["04-01", "04-02", "04-03"]),  # teaches elsewhere
        (role(11, "2024-04-01"), ["04-01", "04-02", "04-03"]),  # somebody else
        (role(10, "2024-04-01", rol="student", arquetipo="student"), ["04-01", "04-02", "04-03"]),
        (role(10, "2024-04-01", rol="ayudante", arquetipo="student"), []),  # configured
        (role(10, "2024-04-01", rol="x", arquetipo=None), ["04-01", "04-02", "04-03"]),
        (role(10, "2024-04-01", rol="x", arquetipo="coursecreator"), []),
        (role(10, "2024-04-01", source_db="otro"), ["04-01", "04-02", "04-03"]),  # another platform's user of that number
    ],
)
def test_who_taught_on_a_day_was_no_learner_on_it(run, given, learner_on):
    days = [day(10, f"2024-04-0{n}") for n in (1, 2, 3)]
    assert [row[3][5:] for row in found(run, days, given)] == learner_on
