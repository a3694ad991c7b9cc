"""Given attendance of sessions → facts, known from the day on which it was first taken."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from platform_rows import LINKED, PLATFORM, on_platform, role

from padm_ibis.silver import fact_lms_asistencia

Row = dict[str, Any]
SESSIONS = on_platform({"sesion": 5, "curso": 2, "fecha_sesion": "2024-04-01 18:00"}, {"sesion": 6, "curso": None})


def taken(number: int = 1, points: str | None = "2", most: str | None = "2", **columns: Any) -> Row:
    score, best = (None if text is None else Decimal(text) for text in (points, most))
    return {"asistencia": number, "sesion": 5, "usuario": 10, "puntaje": score, "puntaje_maximo": best,
            "tomada": "2024-06-01", "primera_toma": "2024-04-02 09:00", **columns}  # fmt: skip


def attended(run, given: list[Row], *roles: Row) -> list[Row]:
    tables = {"lms_asistencias": on_platform(*given), "lms_sesiones": SESSIONS, "lms_roles": roles, "bridge_lms_persona": LINKED}
    return run(fact_lms_asistencia, tables, **PLATFORM)


def test_attendance_is_known_when_it_was_first_taken(run):
    assert attended(run, [taken()]) == [{
        "source_db": "sede1", "persona_id": 1, "lms_db": "campus", "sesion_id": 5, "curso_id": 2,
        "fecha_sesion": date(2024, 4, 1), "asistencia_pct": 100.0, "presente_flag": 1, "anio_academico": 2024,
        "fecha_conocida": date(2024, 4, 2), "anio_evento": 2024,
    }]  # fmt: skip


@pytest.mark.parametrize(
    ("points", "most", "share", "present"),
    [
        ("1", "2", 50.0, 1),
        ("1", "3", 33.33, 0),
        ("0.99", "2", 49.5, 0),
        ("0", "2", 0.0, 0),
        ("0", "0", None, 0),
        (None, "2", None, 0),
        ("1", None, None, 0),
    ],
)
def test_half_of_the_greatest_is_present(run, points, most, share, present):
    (row,) = attended(run, [taken(1, points, most)])
    assert (row["asistencia_pct"], row["presente_flag"]) == (share, present)


def test_of_several_rows_the_one_taken_last_and_none_without_a_course_or_a_day(run):
    given = [
        taken(1, "0", tomada="2024-04-02"),
        taken(2, "2", tomada="2024-05-02"),
        taken(3, sesion=6),
        taken(4, usuario=11, primera_toma=None),
    ]
    assert [(r["persona_id"], r["asistencia_pct"]) for r in attended(run, given)] == [(1, 100.0)]
    assert attended(run, [taken()], role(10, "2024-04-02")) == []
