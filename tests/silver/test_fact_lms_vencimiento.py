"""Given activities with a due date, activity and deliveries → what was expected of whom, and whether it came."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from platform_rows import LINKED, PLATFORM, on_platform, role

from padm_ibis.silver import fact_lms_vencimiento

Row = dict[str, Any]
TAREAS = on_platform(
    {"tarea": 7, "curso": 2, "vence": "2024-04-10 23:59:59"},
    {"tarea": 8, "curso": 2},
    {"tarea": 9, "curso": 3, "vence": "2024-04-10"},
)


def active(fecha: str, person: int = 1, course: int = 2) -> Row:
    return {
        "source_db": "sede1",
        "persona_id": person,
        "lms_db": "campus",
        "curso_id": course,
        "fecha": fecha,
        "fecha_conocida": fecha,
    }


def delivery(when: str, activity: str = "tarea:7") -> Row:
    return {"source_db": "sede1", "persona_id": 1, "lms_db": "campus", "entrega_id": f"tarea:{when}", "actividad_id": activity,
            "entregada_en": when, "fecha_conocida": when[:10], "curso_id": 2}  # fmt: skip


def due(run, days: list[Row], deliveries: list[Row] = [], quizzes: list[Row] = [], *roles: Row, **params: Any) -> list[Row]:  # noqa: B006
    given = {
        "lms_tareas": TAREAS, "lms_cuestionarios": on_platform(*quizzes), "lms_roles": roles, "bridge_lms_persona": LINKED,
        "fact_lms_actividad": days, "fact_lms_entrega": deliveries,
    }  # fmt: skip
    return run(fact_lms_vencimiento, given, **{**PLATFORM, **params})


def test_it_is_expected_of_who_was_active_in_the_course_by_that_day(run):
    assert due(run, [active("2024-04-10")]) == [{
        "source_db": "sede1", "persona_id": 1, "lms_db": "campus", "actividad_id": "tarea:7", "curso_id": 2,
        "vence": datetime(2024, 4, 10, 23, 59, 59), "entregada_flag": 0, "anio_academico": 2024,
        "fecha_conocida": date(2024, 4, 10), "anio_evento": 2024,
    }]  # fmt: skip
    assert due(run, [active("2024-04-11")]) == []
    days = [active("2024-03-01"), active("2024-03-02"), active("2024-04-01", course=3)]
    assert [r["actividad_id"] for r in due(run, days)] == ["tarea:7", "tarea:9"]


def test_it_came_when_the_first_delivery_is_not_late(run):
    flags = [
        due(run, [active("2024-03-01")], given)[0]["entregada_flag"]
        for given in (
            [delivery("2024-04-10 23:59:59"), delivery("2024-06-01 00:00:00")], [delivery("2024-04-11 00:00:00")],
            [delivery("2024-04-01 00:00:00", "tarea:8")],
        )
    ]  # fmt: skip
    assert flags == [1, 0, 0]


def test_quizzes_are_due_when_they_close_and_nothing_is_due_after_as_of(run):
    quizzes = [{"cuestionario": 4, "curso": 2, "cierra": "2024-05-10"}, {"cuestionario": 5, "curso": 2}]
    assert [r["actividad_id"] for r in due(run, [active("2024-03-01")], [], quizzes)] == ["cuestionario:4", "tarea:7"]
    assert [r["actividad_id"] for r in due(run, [active("2024-03-01")], [], quizzes, as_of="2024-05-09")] == ["tarea:7"]


def test_nothing_is_expected_of_who_teaches_by_then(run):
    assert due(run, [active("2024-03-01")], [], [], role(10, "2024-04-10 12:00")) == []
    assert len(due(run, [active("2024-03-01")], [], [], role(10, "2024-04-11"))) == 1
