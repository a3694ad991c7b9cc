"""Given changes of calidad → expected facts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from operator import itemgetter
from typing import Any

import pytest

from padm_ibis.silver import fact_student_status_history

Run = Callable[..., list[dict[str, Any]]]


def change(fecha: str | None, motivo: str | None = "1", calidad: str | None = "A", **columns: Any) -> dict[str, Any]:
    return {"source_db": "sede1", "alumno": 1, "fecha": fecha, "motivo_calidad": motivo, "calidad": calidad, **columns}


def facts(run: Run, *given: dict[str, Any], as_of: str = "2025-02-28") -> list[dict[str, Any]]:
    return run(fact_student_status_history, {"alumnos_hist_calidad": given}, as_of=as_of)


def test_a_change_is_a_fact_with_all_it_says(run: Run) -> None:
    assert facts(run, change("2021-02-28 23:30", "12", "P")) == [
        {
            "source_db": "sede1", "alumno_id": 1, "nro_cambio": 1, "calidad": "P", "motivo_calidad": "12",
            "fecha_cambio": datetime(2021, 2, 28, 23, 30), "anio_academico": 2020, "fecha_conocida": date(2021, 2, 28),
            "anio_evento": 2020,
        }
    ]  # fmt: skip


def test_changes_are_numbered_by_instant_then_reason_as_text_then_calidad_nulls_last(run: Run) -> None:
    in_order = [
        ("2020-05-01 09:00", "9", "A"),
        ("2020-05-01 10:00", "10", "P"),  # as text, 10 comes before 9
        ("2020-05-01 10:00", "9", "A"),
        ("2020-05-01 10:00", "9", "P"),
        ("2020-05-01 10:00", "9", None),
        ("2020-05-01 10:00", None, "A"),
        (None, "1", "A"),
        (None, None, "A"),
    ]
    rows = facts(run, *(change(*c) for c in in_order[::-1]))
    found = map(itemgetter("nro_cambio", "fecha_cambio", "motivo_calidad", "calidad"), rows)
    expected = [(n, f and datetime.fromisoformat(f), m, c) for n, (f, m, c) in enumerate(in_order, 1)]
    assert list(found) == expected


def test_numbers_run_over_the_rows_kept_and_by_student_and_campus(run: Run) -> None:
    given = [
        change("2025-03-01 00:00"),
        change("2022-01-01"),
        change("2020-01-01"),
        change("2021-01-01", alumno=2),
        change("2021-01-01", source_db="sede2"),
        change("2019-01-01", alumno=None),
    ]
    columns = itemgetter("source_db", "alumno_id", "nro_cambio", "fecha_conocida")
    assert list(map(columns, facts(run, *given))) == [
        ("sede1", 1, 1, date(2020, 1, 1)),
        ("sede1", 1, 2, date(2022, 1, 1)),
        ("sede1", 2, 1, date(2021, 1, 1)),
        ("sede2", 1, 1, date(2021, 1, 1)),
    ]


@pytest.mark.parametrize(
    ("fecha", "year"), [("2021-03-01", 2021), ("1950-02-28", None), ("1950-03-01", 1950), ("0201-05-01", None), (None, None)]
)
def test_its_year_is_the_academic_year_of_its_date(run: Run, fecha: str | None, year: int | None) -> None:
    (row,) = facts(run, change(fecha))
    known = date.fromisoformat(fecha) if fecha and year else None
    assert (row["anio_academico"], row["fecha_conocida"], row["anio_evento"]) == (year, known, year)
    assert row["fecha_cambio"] == (fecha and datetime.fromisoformat(fecha))
