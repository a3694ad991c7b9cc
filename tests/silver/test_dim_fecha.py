"""Given academic years → expected calendar."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import pytest

from padm_ibis.silver import dim_fecha

Run = Callable[..., list[dict[str, Any]]]


def calendar(run: Run, first: int = 2024, **params: Any) -> dict[date, dict[str, Any]]:
    periods = [{"anio_academico": year} for year in (first + 1, first, first + 3)]
    return {row["fecha"]: row for row in run(dim_fecha, {"dim_periodo": periods}, **{"as_of": "2025-02-28", **params})}


def test_every_day_from_the_first_year_to_five_years_after_that_of_as_of(run: Run) -> None:
    days = list(calendar(run))
    assert (days[0], days[-1]) == (date(2024, 1, 1), date(2029, 12, 31))
    assert all(after - before == timedelta(days=1) for before, after in pairwise(days))
    assert list(calendar(run, as_of="2025-03-01"))[-1] == date(2030, 12, 31)


def test_a_day_with_all_it_says(run: Run) -> None:
    assert calendar(run)[date(2024, 8, 31)] == {
        "fecha": date(2024, 8, 31), "anio": 2024, "mes": 8, "dia": 31, "trimestre": 3, "semana": 35, "dia_semana": 6,
        "dia_nombre": "sábado", "mes_nombre": "agosto", "anio_academico": 2024, "cuatrimestre": 2, "es_fin_semana": True,
        "es_primer_dia_mes": False, "es_ultimo_dia_mes": True,
    }  # fmt: skip


def test_days_and_months_have_their_spanish_names(run: Run) -> None:
    days = calendar(run)
    week = [days[date(2024, 7, 1) + timedelta(days=n)] for n in range(7)]
    assert [(d["dia_semana"], d["dia_nombre"]) for d in week] == [
        (1, "lunes"), (2, "martes"), (3, "miércoles"), (4, "jueves"), (5, "viernes"), (6, "sábado"), (7, "domingo"),
    ]  # fmt: skip
    assert [d["es_fin_semana"] for d in week] == [False] * 5 + [True] * 2
    assert [days[date(2024, month, 15)]["mes_nombre"] for month in range(1, 13)] == [
        "enero", "febrero", "marzo", "abril", "mayo", "junio",
        "julio", "agosto", "septiembre", "octubre", "noviembre", "diciembre",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("day", "week"),
    [
        (date(2024, 1, 1), 1),
        (date(2024, 12, 29), 52),
        (date(2024, 12, 30), 1),  # already of 2025's first week
        (date(2026, 12, 31), 53),
        (date(2027, 1, 3), 53),  # still of 2026's last
        (date(2027, 1, 4), 1),
    ],
)
def test_weeks_are_those_of_iso_8601(run: Run, day: date, week: int) -> None:
    assert calendar(run)[day]["semana"] == week


def test_the_academic_year_and_its_halves_follow_the_configured_month(run: Run) -> None:
    march, january = calendar(run), calendar(run, academic_year_start_month=1)
    days = [date(2024, 2, 29), date(2024, 3, 1), date(2024, 7, 31), date(2024, 8, 1), date(2025, 2, 28)]
    assert [(march[d]["anio_academico"], march[d]["cuatrimestre"]) for d in days] == [
        (2023, 2),
        (2024, 1),
        (2024, 1),
        (2024, 2),
        (2024, 2),
    ]
    assert [(january[d]["anio_academico"], january[d]["cuatrimestre"]) for d in (date(2024, 5, 31), date(2024, 6, 1))] == [
        (2024, 1),
        (2024, 2),
    ]


def test_first_and_last_days_of_months(run: Run) -> None:
    days = calendar(run)
    assert [d for d, row in days.items() if row["es_ultimo_dia_mes"] and d.month == 2][:2] == [
        date(2024, 2, 29),
        date(2025, 2, 28),
    ]
    assert all(row["es_primer_dia_mes"] == (d.day == 1) for d, row in days.items())
    assert all(row["trimestre"] == (d.month + 2) // 3 for d, row in days.items())
