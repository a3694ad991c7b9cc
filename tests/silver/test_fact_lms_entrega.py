"""Given submissions and attempts → deliveries."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from platform_rows import LINKED, PLATFORM, on_platform, role

from padm_ibis.silver import fact_lms_entrega

Row = dict[str, Any]
TAREAS = on_platform({"tarea": 7, "curso": 2, "vence": "2024-04-10 23:59:59"}, {"tarea": 8, "curso": 2})
QUIZZES = on_platform(
    {"cuestionario": 4, "curso": 2, "cierra": "2024-05-10", "puntaje_maximo": Decimal("7.5")},
    {"cuestionario": 5, "curso": 2, "puntaje_maximo": Decimal(0)},
)


def submission(number: int, tarea: int, first: str | None, **columns: Any) -> Row:
    return {
        "entrega": number,
        "tarea": tarea,
        "usuario": 10,
        "intento": 0,
        "estado": "submitted",
        "primera_entrega": first,
        **columns,
    }


def attempt(number: int, quiz: int, end: str | None, points: str | None = None, **columns: Any) -> Row:
    score = None if points is None else Decimal(points)
    return {
        "intento_id": number,
        "cuestionario": quiz,
        "usuario": 10,
        "intento": 1,
        "estado": "finished",
        "fin": end,
        "puntaje": score,
        **columns,
    }


def deliveries(run, entregas: list[Row] = [], intentos: list[Row] = [], *roles: Row) -> list[Row]:  # noqa: B006
    given = {
        "lms_entregas": on_platform(*entregas), "lms_tareas": TAREAS, "lms_intentos": on_platform(*intentos),
        "lms_cuestionarios": QUIZZES, "lms_roles": roles, "bridge_lms_persona": LINKED,
    }  # fmt: skip
    return run(fact_lms_entrega, given, **PLATFORM)


def test_a_submission_counts_from_its_first_delivery(run):
    later = submission(1, 7, "2024-04-10 23:59:59", estado="reopened", modificada="2024-09-01")
    assert deliveries(run, [later]) == [{
        "source_db": "sede1", "persona_id": 1, "lms_db": "campus", "entrega_id": "tarea:1", "curso_id": 2,
        "actividad_id": "tarea:7", "intento": 0, "entregada_en": datetime(2024, 4, 10, 23, 59, 59),
        "vence": datetime(2024, 4, 10, 23, 59, 59),
        "a_tiempo_flag": 1, "puntaje_pct": None, "anio_academico": 2024, "fecha_conocida": date(2024, 4, 10), "anio_evento": 2024,
    }]  # fmt: skip


def test_late_without_a_date_and_never(run):
    given = [submission(1, 7, "2024-04-11 00:00:00"), submission(2, 8, "2024-04-11"), submission(3, 7, None, estado="draft")]
    assert [(r["entrega_id"], r["a_tiempo_flag"], r["vence"]) for r in deliveries(run, given)] == [
        ("tarea:1", 0, datetime(2024, 4, 10, 23, 59, 59)), ("tarea:2", 1, None),
    ]  # fmt: skip


def test_an_attempt_counts_when_it_is_finished_with_its_points_cut_to_the_hundredth(run):
    given = [
        attempt(1, 4, "2024-05-02 10:30", "5.0"),  # 66.666…
        attempt(2, 4, "2024-05-11", "7.5", intento=2),
        attempt(3, 4, "2024-05-02", "2", estado="abandoned"),
        attempt(4, 4, None, "2", estado="inprogress"),
        attempt(5, 5, "2024-05-02", "3"),  # nothing can be reached
        attempt(6, 4, "2024-05-02", None),
        attempt(7, 4, "2024-05-02", "-1"),  # penalties: -13.333…
        attempt(8, 4, "2024-05-02", "0.00001"),
    ]
    found = [(r["entrega_id"], r["actividad_id"], r["puntaje_pct"], r["a_tiempo_flag"]) for r in deliveries(run, [], given)]
    assert found == [
        ("cuestionario:1", "cuestionario:4", 66.66, 1), ("cuestionario:2", "cuestionario:4", 100.0, 0),
        ("cuestionario:5", "cuestionario:5", None, 1), ("cuestionario:6", "cuestionario:4", None, 1),
        ("cuestionario:7", "cuestionario:4", -13.33, 1), ("cuestionario:8", "cuestionario:4", 0.0, 1),
    ]  # fmt: skip


def test_one_number_of_both_kinds_is_two_deliveries_and_a_teachers_is_none(run):
    both = deliveries(run, [submission(1, 7, "2024-04-01")], [attempt(1, 4, "2024-05-01", "1")])
    assert [r["entrega_id"] for r in both] == ["cuestionario:1", "tarea:1"]
    assert deliveries(run, [submission(1, 7, "2024-04-01")], [], role(10, "2024-04-01")) == []
