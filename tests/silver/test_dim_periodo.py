"""Given students and facts → expected academic years."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from padm_ibis.silver import dim_periodo

Run = Callable[..., list[dict[str, Any]]]

FACTS = (
    "fact_course_enrollment",
    "fact_academic_performance",
    "fact_exam_inscription",
    "fact_attendance",
    "fact_reinscription",
    "fact_dropout",
    "fact_student_status_history",
    "fact_egreso",
)


def years(run: Run, *, as_of: str = "2025-02-28", **inputs: list[dict[str, Any]]) -> list[int]:
    return [row["anio_academico"] for row in run(dim_periodo, inputs, as_of=as_of)]


def test_a_year_with_its_days_label_and_state(run: Run) -> None:
    rows = run(dim_periodo, {"dim_student": [{"anio_ingreso": 2023}]}, as_of="2025-02-28")
    assert rows == [
        {
            "anio_academico": 2023, "fecha_inicio": date(2023, 3, 1), "fecha_fin": date(2024, 2, 29),
            "periodo_label": "2023-2024", "anio_relativo": 23, "esta_cerrado": True,
        },
        {
            "anio_academico": 2024, "fecha_inicio": date(2024, 3, 1), "fecha_fin": date(2025, 2, 28),
            "periodo_label": "2024-2025", "anio_relativo": 24, "esta_cerrado": True,
        },
        {
            "anio_academico": 2025, "fecha_inicio": date(2025, 3, 1), "fecha_fin": date(2026, 2, 28),
            "periodo_label": "2025-2026", "anio_relativo": 25, "esta_cerrado": False,
        },
    ]  # fmt: skip


def test_a_year_closes_on_its_cutoff_and_not_the_day_before(run: Run) -> None:
    rows = run(dim_periodo, {"dim_student": [{"anio_ingreso": 2024}]}, as_of="2025-02-27")
    assert [r["esta_cerrado"] for r in rows] == [False, False]


def test_a_year_that_starts_in_january_is_named_by_one_number(run: Run) -> None:
    rows = run(dim_periodo, {"dim_student": [{"anio_ingreso": 2024}]}, as_of="2024-12-31", academic_year_start_month=1)
    assert [(r["periodo_label"], r["fecha_inicio"], r["fecha_fin"], r["esta_cerrado"]) for r in rows] == [
        ("2024", date(2024, 1, 1), date(2024, 12, 31), True),
        ("2025", date(2025, 1, 1), date(2025, 12, 31), False),
    ]


def test_the_relative_year_depends_on_the_parameter_and_not_on_the_data(run: Run) -> None:
    rows = run(dim_periodo, {"dim_student": [{"anio_ingreso": 2023}]}, period_base_year=2024)
    assert [r["anio_relativo"] for r in rows] == [-1, 0, 1]


def test_years_without_any_row_are_there_too(run: Run) -> None:
    given = [{"anio_ingreso": 2019}, {"anio_ingreso": 2024}, {"anio_ingreso": None}]
    assert years(run, dim_student=given) == [2019, 2020, 2021, 2022, 2023, 2024, 2025]


@pytest.mark.parametrize("fact", FACTS)
def test_the_earliest_year_of_any_fact_counts(run: Run, fact: str) -> None:
    given = {
        fact: [{"alumno_id": 1, "anio_academico": 2022, "fecha_conocida": "2024-05-01"}],
        "dim_student": [{"anio_ingreso": 2023}],
    }
    assert years(run, **given)[0] == 2022


@pytest.mark.parametrize("fact", FACTS)
def test_the_earliest_year_in_which_any_fact_became_known_counts(run: Run, fact: str) -> None:
    given = {fact: [{"alumno_id": 1, "anio_academico": 2024, "fecha_conocida": "2022-02-28"}]}
    assert years(run, **given)[0] == 2021


def test_without_any_data_it_starts_at_the_year_of_as_of(run: Run) -> None:
    assert years(run, as_of="2025-02-28") == [2024, 2025]
    assert years(run, as_of="2025-03-01") == [2025, 2026]


def test_data_of_the_future_alone_do_not_move_its_start(run: Run) -> None:
    given = [{"alumno_id": 1, "anio_academico": 2031, "fecha_conocida": None}]
    assert years(run, fact_exam_inscription=given, dim_student=[{"anio_ingreso": 2026}]) == [2024, 2025]


def test_it_goes_back_as_far_as_the_first_plausible_year(run: Run) -> None:
    assert years(run, dim_student=[{"anio_ingreso": 1950}]) == list(range(1950, 2026))
