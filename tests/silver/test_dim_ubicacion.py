"""Given students → expected locations."""

from __future__ import annotations

from collections.abc import Callable
from operator import itemgetter
from typing import Any

from padm_ibis.silver import dim_ubicacion

Run = Callable[..., list[dict[str, Any]]]


def test_where_students_disagree_the_whole_row_is_that_of_the_lowest_alumno(run: Run) -> None:
    given = [
        {"alumno": 5, "ubicacion": 1, "see_nombre": "Centro", "see_localidad": "Mendoza"},
        {"alumno": 4, "ubicacion": 1, "see_nombre": "Sede Central", "see_localidad": None, "see_provincia": "Mendoza"},
    ]
    assert run(dim_ubicacion, {"students": given}) == [
        {
            "source_db": "sede1",
            "ubicacion_id": 1,
            "see_nombre": "Sede Central",
            "see_calle": None,
            "see_numero": None,
            "see_codigo_postal": None,
            "see_institucion": None,
            "see_institucion_p": None,
            "see_localidad": None,
            "see_dpto": None,
            "see_provincia": "Mendoza",
        }
    ]


def test_every_attribute_of_the_location_is_carried(run: Run) -> None:
    attributes = {
        "see_nombre": "Este",
        "see_calle": "San Martín",
        "see_numero": "12 bis",
        "see_codigo_postal": "M5500",
        "see_institucion": "Facultad",
        "see_institucion_p": "Universidad",
        "see_localidad": "Junín",
        "see_dpto": "Junín",
        "see_provincia": "Mendoza",
    }
    (row,) = run(dim_ubicacion, {"students": [{"ubicacion": 4, **attributes}]})
    assert row == {"source_db": "sede1", "ubicacion_id": 4, **attributes}


def test_one_number_is_another_location_on_another_campus(run: Run) -> None:
    given = [{"source_db": s, "alumno": 1, "ubicacion": 1, "see_nombre": n} for s, n in (("sede1", "Centro"), ("sede2", "Norte"))]
    rows = run(dim_ubicacion, {"students": given})
    assert list(map(itemgetter("source_db", "see_nombre"), rows)) == [("sede1", "Centro"), ("sede2", "Norte")]


def test_a_student_without_a_location_adds_no_row(run: Run) -> None:
    assert run(dim_ubicacion, {"students": [{"ubicacion": None, "see_nombre": "?"}]}) == []
