"""Given graduations → expected facts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from operator import itemgetter
from typing import Any

import pytest

from padm_ibis.silver import fact_egreso

Run = Callable[..., list[dict[str, Any]]]


def graduation(nro: int | None = 1, fecha: str | None = "2021-02-28", **columns: Any) -> dict[str, Any]:
    return {"source_db": "sede1", "nro_solicitud": nro, "alumno": 1, "fecha_egreso": fecha, **columns}


def facts(run: Run, *given: dict[str, Any], **params: Any) -> list[dict[str, Any]]:
    return run(fact_egreso, {"egresos": given}, **{"as_of": "2025-02-28", **params})


def test_a_graduation_is_a_fact_with_all_it_says(run: Run) -> None:
    given = graduation(
        7, "2021-02-28", persona=3, plan_version_id=4, promedio=Decimal("7.81"), promedio_sin_aplazos=Decimal("8.125")
    )
    assert facts(run, given) == [
        {
            "source_db": "sede1", "alumno_id": 1, "nro_solicitud": 7, "promedio": 7.81, "promedio_sin_aplazos": 8.125,
            "egreso_flag": 1, "fecha_egreso": date(2021, 2, 28), "anio_academico": 2020, "fecha_conocida": date(2021, 2, 28),
            "anio_evento": 2020,
        }
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("fecha", "start_month", "year"),
    [("2021-03-01", 3, 2021), ("2021-03-01", 4, 2020), ("1950-02-28", 3, None), ("1950-03-01", 3, 1950)],
)
def test_its_year_is_the_academic_year_of_its_date(run: Run, fecha: str, start_month: int, year: int | None) -> None:
    (row,) = facts(run, graduation(1, fecha), academic_year_start_month=start_month)
    known = None if year is None else date.fromisoformat(fecha)
    assert (row["anio_academico"], row["fecha_conocida"], row["anio_evento"]) == (year, known, year)
    assert row["fecha_egreso"] == date.fromisoformat(fecha)


def test_a_graduation_without_a_request_number_is_a_fact(run: Run) -> None:
    assert [r["nro_solicitud"] for r in facts(run, graduation(None), graduation(2))] == [2, None]


def test_only_what_was_known_at_as_of_and_has_a_student(run: Run) -> None:
    given = [graduation(1, "2025-03-01"), graduation(2, "2025-02-28"), graduation(3, alumno=None)]
    assert [r["nro_solicitud"] for r in facts(run, *given)] == [2]


def test_campuses_share_no_numbers(run: Run) -> None:
    rows = facts(run, graduation(), graduation(source_db="sede2", fecha="2022-03-01"))
    assert list(map(itemgetter("source_db", "anio_academico"), rows)) == [("sede1", 2020), ("sede2", 2022)]
