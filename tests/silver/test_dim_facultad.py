"""Given students → expected institutions."""

from __future__ import annotations

from collections.abc import Callable
from operator import itemgetter
from typing import Any

import pytest

from padm_ibis.silver import dim_facultad

Run = Callable[..., list[dict[str, Any]]]


def student(alumno: int, ubicacion: int | None, institucion: int | None = 8, **columns: Any) -> dict[str, Any]:
    return {"source_db": "sede1", "alumno": alumno, "ubicacion": ubicacion, "see_institucion_id": institucion, **columns}


def test_several_locations_give_one_row_that_of_the_lowest_location_then_the_lowest_student(run: Run) -> None:
    given = [
        student(1, 3, see_institucion="Ciencias", see_localidad="Luján"),
        student(9, 2, see_institucion="Cs. Económicas", see_localidad="San Rafael", see_provincia="Mendoza"),
        student(7, 2, see_institucion="Ciencias Económicas", see_institucion_p="Universidad", see_localidad=None),
        student(2, None, see_institucion="Nadie"),
    ]
    assert run(dim_facultad, {"students": given}) == [
        {
            "source_db": "sede1",
            "facultad_id": 8,
            "facultad_nombre": "Ciencias Económicas",
            "universidad_nombre": "Universidad",
            "sede_provincia": None,
            "tipo_sede": "Sede Central",
            "ubicacion_sede": None,
        }
    ]


def test_one_number_is_another_institution_on_another_campus(run: Run) -> None:
    given = [student(1, 1, see_institucion="Derecho"), {**student(1, 1, see_institucion="Medicina"), "source_db": "sede2"}]
    rows = run(dim_facultad, {"students": given})
    assert list(map(itemgetter("source_db", "facultad_nombre"), rows)) == [("sede1", "Derecho"), ("sede2", "Medicina")]


def test_a_student_without_an_institution_adds_no_row(run: Run) -> None:
    assert run(dim_facultad, {"students": [student(1, 1, None, see_institucion="?")]}) == []


@pytest.mark.parametrize(
    ("nombre", "institucion", "expected"),
    [
        ("DELEGACIÓN Este", "Facultad", "Delegación"),
        ("Delegacion", None, "Delegación"),
        ("Sede", "Delegación San Rafael", "Delegación"),
        (None, "delegación", "Delegación"),
        ("Centro", "Facultad", "Sede Central"),
        ("Centro", None, "Sede Central"),
        (None, "Facultad", "Sede Central"),
        ("", None, "Sede Central"),
        (None, None, None),
    ],
)
def test_a_name_with_delegacion_makes_a_delegation(
    run: Run, nombre: str | None, institucion: str | None, expected: str | None
) -> None:
    (row,) = run(dim_facultad, {"students": [student(1, 1, see_nombre=nombre, see_institucion=institucion)]})
    assert row["tipo_sede"] == expected


def test_the_word_for_a_delegation_is_configurable(run: Run) -> None:
    given = [student(1, 1, see_nombre="Extensión Áulica"), student(2, 1, 9, see_nombre="Delegación")]
    rows = run(dim_facultad, {"students": given}, sede_delegacion="extension")
    assert list(map(itemgetter("facultad_id", "tipo_sede"), rows)) == [(8, "Delegación"), (9, "Sede Central")]
