"""Given students → expected dimension."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from operator import itemgetter
from typing import Any

import pytest

from padm_ibis.silver import dim_student

Run = Callable[..., list[dict[str, Any]]]


def test_a_student_carries_the_attributes_of_its_own_row(run: Run) -> None:
    given = {
        "source_db": "sede1", "alumno": 10, "persona": 20, "legajo": "L-1", "propuesta": 3, "propuesta_nombre": "Abogacía",
        "propuesta_codigo": "ABO", "plan_version_id": 4, "plan_version": "Plan 2010", "ubicacion": 2,
        "see_nombre": "Delegación Este",
        "see_institucion_id": 8, "see_institucion": "Derecho", "see_institucion_p": "Universidad", "see_localidad": "Junín",
        "see_provincia": "Mendoza", "modalidad": "P", "regular": "S", "calidad": "A", "fecha_ingreso": "2019-02-28",
        "tipo_ingreso": 1, "tipo_ingreso_desc": "Con título secundario",
    }  # fmt: skip
    assert run(dim_student, {"students": [given]}, as_of="2025-02-27") == [
        {
            "source_db": "sede1", "alumno_id": 10, "persona_id": 20, "propuesta_id": 3, "propuesta_nombre": "Abogacía",
            "plan_version_id": 4, "plan_version": "Plan 2010", "facultad_id": 8, "facultad_nombre": "Derecho",
            "universidad_nombre": "Universidad", "tipo_sede": "Delegación", "ubicacion_sede": "Junín", "ubicacion_id": 2,
            "sede_provincia": "Mendoza", "modalidad": "P", "es_regular": True, "calidad": "A", "fecha_ingreso": date(2019, 2, 28),
            "tipo_ingreso": 1, "tipo_ingreso_desc": "Con título secundario", "anio_ingreso": 2018, "antiguedad_anios": 5,
        }
    ]  # fmt: skip


def test_students_of_one_institution_keep_the_place_of_their_own_location(run: Run) -> None:
    given = [
        {"alumno": 1, "ubicacion": 1, "see_institucion_id": 8, "see_nombre": "Centro", "see_localidad": "Mendoza"},
        {"alumno": 2, "ubicacion": 2, "see_institucion_id": 8, "see_nombre": "Delegación Sur", "see_localidad": "San Rafael"},
    ]
    columns = itemgetter("alumno_id", "tipo_sede", "ubicacion_sede")
    assert list(map(columns, run(dim_student, {"students": given}))) == [
        (1, "Sede Central", "Mendoza"),
        (2, "Delegación", "San Rafael"),
    ]


@pytest.mark.parametrize(
    ("fecha", "start_month", "year"),
    [
        ("2020-02-29", 3, 2019),
        ("2020-03-01", 3, 2020),
        ("2020-12-31", 3, 2020),
        ("2020-01-01", 1, 2020),
        ("2020-03-31", 4, 2019),
        ("1950-03-01", 3, 1950),
        ("1950-02-28", 3, None),
        ("0202-03-01", 3, None),
        (None, 3, None),
    ],
)
def test_the_cohort_is_the_academic_year_of_entry_and_null_before_1950(
    run: Run, fecha: str | None, start_month: int, year: int | None
) -> None:
    (row,) = run(dim_student, {"students": [{"fecha_ingreso": fecha}]}, academic_year_start_month=start_month)
    assert row["anio_ingreso"] == year
    assert row["fecha_ingreso"] == (fecha and date.fromisoformat(fecha))


@pytest.mark.parametrize(
    ("fecha", "years"), [("2020-02-29", 4), ("2020-02-28", 5), ("2025-02-28", 0), ("2025-03-01", None), (None, None)]
)
def test_seniority_counts_completed_years_at_as_of(run: Run, fecha: str | None, years: int | None) -> None:
    (row,) = run(dim_student, {"students": [{"fecha_ingreso": fecha}]}, as_of="2025-02-28")
    assert row["antiguedad_anios"] == years


def test_regular_comes_as_a_letter_or_a_truth_value(run: Run) -> None:
    codes = ["S", "N", "true", "false", "X", "", None]
    rows = run(dim_student, {"students": [{"alumno": n, "regular": code} for n, code in enumerate(codes)]})
    assert [r["es_regular"] for r in rows] == [True, False, True, False, None, None, None]


def test_a_student_without_any_attribute_stays(run: Run) -> None:
    (row,) = run(dim_student, {"students": [{"alumno": 5}]})
    assert {name for name, value in row.items() if value is not None} == {"source_db", "alumno_id"}


def test_one_number_is_another_student_on_another_campus(run: Run) -> None:
    rows = run(dim_student, {"students": [{"source_db": s, "alumno": 1, "persona": p} for s, p in (("sede1", 5), ("sede2", 6))]})
    assert list(map(itemgetter("source_db", "alumno_id", "persona_id"), rows)) == [("sede1", 1, 5), ("sede2", 1, 6)]


def test_a_row_without_alumno_has_no_place_in_the_dimension(run: Run) -> None:
    assert run(dim_student, {"students": [{"alumno": None}]}) == []
