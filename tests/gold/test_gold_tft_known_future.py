"""Given academic years → what is known of them beforehand."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

from padm_ibis.gold import gold_tft_known_future

Run = Callable[..., list[dict[str, Any]]]


def period(year: int, start: str, end: str, label: str, relative: int) -> dict[str, Any]:
    return {"anio_academico": year, "fecha_inicio": start, "fecha_fin": end, "periodo_label": label, "anio_relativo": relative}


def test_the_years_of_the_calendar_with_their_beginning(run: Run) -> None:
    rows = run(
        gold_tft_known_future,
        {
            "dim_periodo": [
                period(2019, "2019-03-01", "2020-02-29", "2019-2020", 19),
                period(2020, "2020-03-01", "2021-02-28", "2020-2021", 20),
            ]
        },
    )
    assert rows == [
        {
            "anio_academico": 2019,
            "fecha_inicio": dt.date(2019, 3, 1),
            "fecha_fin": dt.date(2020, 2, 29),
            "periodo_label": "2019-2020",
            "anio_relativo": 19,
            "time_index": 19,
            "mes_inicio": 3,
            "trimestre_inicio": 1,
            "post_pandemia": 0,
        },
        {
            "anio_academico": 2020,
            "fecha_inicio": dt.date(2020, 3, 1),
            "fecha_fin": dt.date(2021, 2, 28),
            "periodo_label": "2020-2021",
            "anio_relativo": 20,
            "time_index": 20,
            "mes_inicio": 3,
            "trimestre_inicio": 1,
            "post_pandemia": 1,
        },
    ]


def test_a_year_that_starts_in_august_starts_in_the_third_quarter(run: Run) -> None:
    (row,) = run(gold_tft_known_future, {"dim_periodo": [period(2024, "2024-08-01", "2025-07-31", "2024-2025", 24)]})
    assert (row["mes_inicio"], row["trimestre_inicio"]) == (8, 3)
