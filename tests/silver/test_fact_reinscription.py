"""Given re-enrolments → expected facts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from operator import itemgetter
from typing import Any

import pytest

from padm_ibis.silver import fact_reinscription

Run = Callable[..., list[dict[str, Any]]]


def reinscription(nro: int | None = 1, anio: int | None = 2020, fecha: str | None = None, **columns: Any) -> dict[str, Any]:
    return {
        "source_db": "sede1",
        "alumno": 1,
        "anio_academico": anio,
        "nro_transaccion": nro,
        "fecha_reinscripcion": fecha,
        **columns,
    }


def facts(run: Run, *given: dict[str, Any], as_of: str = "2025-02-28") -> list[dict[str, Any]]:
    return run(fact_reinscription, {"reinscripciones": given}, as_of=as_of)


def test_a_re_enrolment_is_a_fact_with_all_it_says(run: Run) -> None:
    assert facts(run, reinscription(77, 2020, "2020-02-20 09:15")) == [
        {
            "source_db": "sede1", "alumno_id": 1, "anio_academico": 2020, "nro_transaccion": 77, "reinscription_count": 1,
            "fecha_reinscripcion": datetime(2020, 2, 20, 9, 15), "fecha_conocida": date(2020, 2, 20), "anio_evento": 2020,
        }
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("anio", "fecha", "expected"),
    [
        (None, "2021-02-28 10:00", (2020, date(2021, 2, 28), 2020)),
        (202, "2021-03-01 10:00", (2021, date(2021, 3, 1), 2021)),
        (2019, "2021-03-01 10:00", (2019, date(2021, 3, 1), 2021)),
        (2020, None, (2020, None, 2020)),
        (None, "0021-03-01 10:00", (None, None, None)),
        (None, None, (None, None, None)),
    ],
)
def test_the_year_is_as_recorded_else_that_of_the_date(
    run: Run, anio: int | None, fecha: str | None, expected: tuple[Any, ...]
) -> None:
    (row,) = facts(run, reinscription(1, anio, fecha))
    assert (row["anio_academico"], row["fecha_conocida"], row["anio_evento"]) == expected


def test_two_transactions_of_one_year_are_two_facts(run: Run) -> None:
    given = [reinscription(1), reinscription(2), reinscription(None), reinscription(1, 2021)]
    columns = itemgetter("anio_academico", "nro_transaccion")
    assert list(map(columns, facts(run, *given))) == [(2020, 1), (2020, 2), (2020, None), (2021, 1)]


def test_one_transaction_found_twice_in_a_year_is_one_fact_that_known_first(run: Run) -> None:
    given = [
        reinscription(1, None, "2020-04-02 10:00"),  # its year comes from the date
        reinscription(1, 20, "2020-04-01 10:00"),  # so does the mistyped one's
        reinscription(1, 2020, "2021-05-01 10:00"),
    ]
    (row,) = facts(run, *given)
    assert row["fecha_reinscripcion"] == datetime(2020, 4, 1, 10)


def test_one_found_twice_stays_in_the_year_in_which_it_was_known_first(run: Run) -> None:
    undated, later = reinscription(1, 2020, None), reinscription(1, None, "2020-04-01 10:00")
    late = reinscription(1, 2020, "2022-04-01 10:00")
    assert facts(run, undated, late)[0]["anio_evento"] == 2020
    assert facts(run, undated, later)[0]["fecha_reinscripcion"] == datetime(2020, 4, 1, 10)


def test_only_what_was_known_at_as_of_and_has_a_student(run: Run) -> None:
    given = [
        reinscription(1, 2020, "2025-03-01 00:00"),
        reinscription(2, 2020, "2025-02-28 23:59"),
        reinscription(3, alumno=None),
    ]
    assert [r["nro_transaccion"] for r in facts(run, *given)] == [2]


def test_campuses_share_no_numbers(run: Run) -> None:
    assert [r["source_db"] for r in facts(run, reinscription(), reinscription(source_db="sede2"))] == ["sede1", "sede2"]
