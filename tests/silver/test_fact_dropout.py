"""Given losses of regularity → expected facts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from operator import itemgetter
from typing import Any

import pytest

from padm_ibis.silver import fact_dropout

Run = Callable[..., list[dict[str, Any]]]


def loss(numero: int = 1, anio: int | None = 2020, fecha: str | None = None, **columns: Any) -> dict[str, Any]:
    return {
        "source_db": "sede1",
        "perdida_regularidad": numero,
        "alumno": 1,
        "anio_academico": anio,
        "fecha_dropout": fecha,
        **columns,
    }


def facts(run: Run, *given: dict[str, Any], as_of: str = "2025-02-28") -> list[dict[str, Any]]:
    return run(fact_dropout, {"dropout": given}, as_of=as_of)


def test_a_loss_of_regularity_is_about_the_year_the_student_left_not_that_of_the_control(run: Run) -> None:
    given = loss(9, 2020, "2021-06-30", fecha_control_desde="2020-03-01", fecha_control_hasta="2021-02-28")
    assert facts(run, given) == [
        {
            "source_db": "sede1", "perdida_regularidad_id": 9, "alumno_id": 1, "dropout_flag": 1,
            "fecha_dropout": date(2021, 6, 30), "fecha_control_desde": date(2020, 3, 1), "fecha_control_hasta": date(2021, 2, 28),
            "anio_academico": 2020, "fecha_conocida": date(2021, 6, 30), "anio_evento": 2021,
        }
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("anio", "fecha", "expected"),
    [
        (None, "2021-02-28", (2020, date(2021, 2, 28), 2020)),
        (1949, "2021-03-01", (2021, date(2021, 3, 1), 2021)),
        (2022, "2021-06-30", (2022, date(2021, 6, 30), 2022)),
        (2020, None, (2020, None, 2020)),
        (2020, "1021-06-30", (2020, None, 2020)),
        (None, "1021-06-30", (None, None, None)),
        (None, None, (None, None, None)),
    ],
)
def test_the_year_is_as_recorded_else_that_of_the_control(
    run: Run, anio: int | None, fecha: str | None, expected: tuple[Any, ...]
) -> None:
    (row,) = facts(run, loss(1, anio, fecha))
    assert (row["anio_academico"], row["fecha_conocida"], row["anio_evento"]) == expected


def test_several_losses_of_one_student_are_facts_of_their_own(run: Run) -> None:
    assert [r["perdida_regularidad_id"] for r in facts(run, loss(1), loss(2), loss(3, 2022))] == [1, 2, 3]


def test_only_what_was_known_at_as_of_and_has_a_student(run: Run) -> None:
    given = [loss(1, 2020, "2025-03-01"), loss(2, 2020, "2025-02-28"), loss(3, alumno=None)]
    assert [r["perdida_regularidad_id"] for r in facts(run, *given)] == [2]


def test_campuses_share_no_numbers(run: Run) -> None:
    rows = facts(run, loss(), loss(source_db="sede2", alumno=2))
    assert list(map(itemgetter("source_db", "alumno_id"), rows)) == [("sede1", 1), ("sede2", 2)]
