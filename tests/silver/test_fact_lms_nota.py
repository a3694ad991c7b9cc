"""Given versions of grades → facts, each from its own day."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from platform_rows import LINKED, PLATFORM, on_platform, role

from padm_ibis.silver import fact_lms_nota

Row = dict[str, Any]


def grade(when: str | None, nota: str = "6", least: str = "0", most: str = "10", **columns: Any) -> Row:
    scale = {"nota": Decimal(nota), "minimo": Decimal(least), "maximo": Decimal(most)}
    return {"item": 1, "curso": 2, "tipo_item": "mod", "usuario": 10, "modificada": when, **scale, **columns}


def grades(run, given: list[Row], *roles: Row, **params: Any) -> list[Row]:
    tables = {"lms_notas": on_platform(*given), "lms_roles": roles, "bridge_lms_persona": LINKED}
    return run(fact_lms_nota, tables, **{**PLATFORM, **params})


def test_every_version_is_a_fact_of_its_own_day(run):
    given = [
        grade("2024-07-01 09:00", "9"),
        grade("2024-05-10 10:00", "5"),
        grade(None, "1"),
        grade("2024-05-20", "6", usuario=11),
    ]
    found = grades(run, given)
    assert found[0] == {
        "source_db": "sede1", "persona_id": 1, "lms_db": "campus", "item_id": 1, "version": 1, "curso_id": 2, "tipo_item": "mod",
        "nota_pct": 50.0, "anio_academico": 2024, "fecha_conocida": date(2024, 5, 10), "anio_evento": 2024,
    }  # fmt: skip
    assert [(r["source_db"], r["persona_id"], r["version"], r["nota_pct"]) for r in found] == [
        ("sede1", 1, 1, 50.0), ("sede1", 1, 2, 90.0), ("sede1", 2, 1, 60.0), ("sede2", 2, 1, 60.0),
    ]  # fmt: skip
    assert [r["version"] for r in grades(run, given, as_of="2024-06-30") if r["persona_id"] == 1] == [1]


@pytest.mark.parametrize(
    ("nota", "least", "most", "share"),
    [
        ("2", "1", "4", 33.33),
        ("12", "0", "10", 100.0),
        ("0", "1", "10", 0.0),
        ("5", "5", "5", None),
        ("6.66666", "0", "10", 66.66),
    ],
)
def test_a_grade_is_a_share_of_its_items_scale(run, nota, least, most, share):
    assert [r["nota_pct"] for r in grades(run, [grade("2024-05-10", nota, least, most)])] == [share]


def test_a_version_of_a_day_of_teaching_is_left_out_and_the_others_keep_their_numbers(run):
    given = [grade("2024-05-10"), grade("2024-06-10"), grade("2024-07-10")]
    assert [r["version"] for r in grades(run, given, role(10, "2024-06-01", "2024-07-01"))] == [1, 3]
