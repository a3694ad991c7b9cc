"""Given running totals of attendance → expected facts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from operator import itemgetter
from typing import Any

import pytest

from padm_ibis.silver import fact_attendance

Run = Callable[..., list[dict[str, Any]]]


def total(comision: int = 1, anio: int | None = 2020, porcentaje: str | None = None, **columns: Any) -> dict[str, Any]:
    percentage = None if porcentaje is None else Decimal(porcentaje)
    return {
        "source_db": "sede1",
        "alumno": 1,
        "comision": comision,
        "anio_academico": anio,
        "porc_asistencia": percentage,
        **columns,
    }


def facts(run: Run, *given: dict[str, Any], **params: Any) -> list[dict[str, Any]]:
    return run(fact_attendance, {"attendance": given}, **{"as_of": "2025-02-27", **params})


def test_a_running_total_is_a_fact_with_all_it_says(run: Run) -> None:
    assert facts(run, total(4, 2020, "82.5", elemento=5, total_inasistencias=Decimal("2.25"))) == [
        {
            "source_db": "sede1", "alumno_id": 1, "comision_id": 4, "elemento_id": 5, "porc_asistencia": 82.5,
            "total_inasistencias": 2.25, "cumple_asistencia_flag": 1, "riesgo_asistencia_flag": 0,
            "anio_academico": 2020, "fecha_conocida": date(2021, 2, 28), "anio_evento": 2020,
        }
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("porcentaje", "enough", "risk"),
    [("75", 1, 0), ("74.999999", 0, 0), ("50", 0, 0), ("49.999999", 0, 1), ("0", 0, 1), ("100", 1, 0), (None, 0, 0)],
)
def test_75_is_enough_and_below_50_is_a_risk(run: Run, porcentaje: str | None, enough: int, risk: int) -> None:
    (row,) = facts(run, total(porcentaje=porcentaje))
    assert (row["cumple_asistencia_flag"], row["riesgo_asistencia_flag"]) == (enough, risk)
    assert row["porc_asistencia"] == (None if porcentaje is None else float(porcentaje))


@pytest.mark.parametrize(
    ("anio", "expected"),
    [
        (2023, (2023, date(2024, 2, 29), 2023)),  # the cutoff of a closed year, a leap day
        (2024, (2024, date(2025, 2, 27), 2024)),  # still open at as_of
        (2031, (2031, date(2025, 2, 27), 2031)),
        (None, (None, None, None)),
        (1949, (None, None, None)),
        (1950, (1950, date(1951, 2, 28), 1950)),
        (99999, (99999, date(2025, 2, 27), 99999)),
    ],
)
def test_it_became_known_by_the_end_of_its_year_or_by_as_of(run: Run, anio: int | None, expected: tuple[Any, ...]) -> None:
    (row,) = facts(run, total(anio=anio))
    assert (row["anio_academico"], row["fecha_conocida"], row["anio_evento"]) == expected


def test_the_end_of_the_year_follows_the_configured_month(run: Run) -> None:
    (row,) = facts(run, total(anio=2020), academic_year_start_month=1)
    assert row["fecha_conocida"] == date(2020, 12, 31)


def test_rows_without_alumno_are_not_facts_and_campuses_share_no_numbers(run: Run) -> None:
    rows = facts(run, total(1, alumno=None), total(2, elemento=5), total(2, elemento=6, source_db="sede2"))
    columns = itemgetter("source_db", "alumno_id", "comision_id", "elemento_id")
    assert list(map(columns, rows)) == [("sede1", 1, 2, 5), ("sede2", 1, 2, 6)]
