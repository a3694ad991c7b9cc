"""Given course enrolments → expected facts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from operator import itemgetter
from typing import Any

import pytest

from padm_ibis.silver import fact_course_enrollment

Run = Callable[..., list[dict[str, Any]]]


def enrolment(
    inscripcion: int, fecha: str | None = "2020-04-01 10:00", anio: int | None = 2020, **columns: Any
) -> dict[str, Any]:
    return {
        "source_db": "sede1",
        "alumno": 1,
        "inscripcion_id": inscripcion,
        "fecha_inscripcion": fecha,
        "anio_academico": anio,
        **columns,
    }


def facts(run: Run, *given: dict[str, Any], as_of: str = "2025-02-28", **params: Any) -> list[dict[str, Any]]:
    return run(fact_course_enrollment, {"course_inscriptions": given}, as_of=as_of, **params)


def test_an_enrolment_is_a_fact_with_all_it_says(run: Run) -> None:
    attributes = {
        "elemento_id": 5, "plan_version_id": 6, "estado_inscripcion": "P", "periodo_lectivo": 7, "catedra_cod": "C1",
        "catedra_nombre": "Cátedra A",
    }  # fmt: skip
    given = enrolment(9, "2021-02-10 23:59:59", comision=4, plan_version_desc="Plan 2010", **attributes)
    assert facts(run, given) == [
        {
            "source_db": "sede1", "inscripcion_id": 9, "alumno_id": 1, "comision_id": 4, **attributes, "enrollment_count": 1,
            "fecha_inscripcion": datetime(2021, 2, 10, 23, 59, 59), "anio_academico": 2020, "fecha_conocida": date(2021, 2, 10),
            "anio_evento": 2020,
        }
    ]  # fmt: skip


def test_every_enrolment_counts_whatever_its_state(run: Run) -> None:
    rows = facts(run, *(enrolment(n, estado_inscripcion=state) for n, state in enumerate(["A", "P", "R", "", None])))
    assert [r["estado_inscripcion"] for r in rows] == ["A", "P", "R", "", None]


def test_rows_without_alumno_are_not_facts(run: Run) -> None:
    assert [r["inscripcion_id"] for r in facts(run, enrolment(1, alumno=None), enrolment(2))] == [2]


def test_what_was_known_on_as_of_is_there_at_any_hour_and_the_day_after_is_not(run: Run) -> None:
    given = [enrolment(1, "2025-02-28 23:59:59"), enrolment(2, "2025-03-01 00:00:00"), enrolment(3, None)]
    assert [r["inscripcion_id"] for r in facts(run, *given)] == [1, 3]
    assert [r["inscripcion_id"] for r in facts(run, *given, as_of="2025-03-01")] == [1, 2, 3]


@pytest.mark.parametrize(
    ("anio", "fecha", "expected"),
    [
        (2020, "2020-04-01", (2020, date(2020, 4, 1), 2020)),
        (2020, "2022-04-01", (2020, date(2022, 4, 1), 2022)),  # became known two years late
        (2023, "2022-04-01", (2023, date(2022, 4, 1), 2023)),  # enrolled ahead of its year
        (2020, "2021-02-28", (2020, date(2021, 2, 28), 2020)),
        (2020, "2021-03-01", (2020, date(2021, 3, 1), 2021)),
        (2020, None, (2020, None, 2020)),
        (None, "2021-02-28", (None, date(2021, 2, 28), 2020)),
        (None, None, (None, None, None)),
        (1949, "2020-04-01", (None, date(2020, 4, 1), 2020)),
        (202, None, (None, None, None)),
        (1950, None, (1950, None, 1950)),
        (2020, "1950-02-28", (2020, None, 2020)),  # of academic year 1949
        (2020, "1950-03-01", (2020, date(1950, 3, 1), 2020)),
        (2020, "0020-04-01", (2020, None, 2020)),
    ],
)
def test_years_and_the_day_it_became_known(
    run: Run, anio: int | None, fecha: str | None, expected: tuple[int | None, date | None, int | None]
) -> None:
    (row,) = facts(run, enrolment(1, fecha, anio))
    assert (row["anio_academico"], row["fecha_conocida"], row["anio_evento"]) == expected
    assert row["fecha_inscripcion"] == (fecha and datetime.fromisoformat(fecha))


def test_a_year_after_as_of_is_kept_when_it_was_known_before(run: Run) -> None:
    (row,) = facts(run, enrolment(1, "2025-02-01", 2030))
    assert (row["anio_academico"], row["anio_evento"]) == (2030, 2030)


def test_the_academic_year_starts_in_the_configured_month(run: Run) -> None:
    given = enrolment(1, "2021-03-31", None)
    assert facts(run, given, academic_year_start_month=4, as_of="2025-03-31")[0]["anio_evento"] == 2020
    assert facts(run, given, academic_year_start_month=1)[0]["anio_evento"] == 2021


def test_campuses_share_no_numbers(run: Run) -> None:
    rows = facts(run, enrolment(1), enrolment(1, source_db="sede2", alumno=2))
    assert list(map(itemgetter("source_db", "inscripcion_id", "alumno_id"), rows)) == [("sede1", 1, 1), ("sede2", 1, 2)]
