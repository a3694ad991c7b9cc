"""Given exam enrolments → expected facts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from operator import itemgetter
from typing import Any

import pytest

from padm_ibis.silver import fact_exam_inscription

Run = Callable[..., list[dict[str, Any]]]


def enrolment(inscripcion: int = 1, **columns: Any) -> dict[str, Any]:
    return {"source_db": "sede1", "alumno": 1, "inscripcion_id": inscripcion, **columns}


def facts(run: Run, *given: dict[str, Any], **params: Any) -> list[dict[str, Any]]:
    return run(fact_exam_inscription, {"exam_inscriptions": given}, **{"as_of": "2025-02-28", **params})


def test_an_enrolment_is_a_fact_with_all_it_says(run: Run) -> None:
    attributes = {
        "elemento_id": 5, "plan_version_id": 6, "instancia_id": 3, "instancia_desc": "Libre", "estado_inscripcion": "A",
        "catedra_cod": "C", "catedra_nombre": "Cátedra",
    }  # fmt: skip
    given = enrolment(
        9,
        fecha_inscripcion="2021-02-10 08:30",
        fecha_mesa_examen="2021-03-02",
        anio_academico=2020,
        plan_version_desc="P",
        **attributes,
    )
    assert facts(run, given) == [
        {
            "source_db": "sede1", "inscripcion_id": 9, "alumno_id": 1, **attributes, "exam_inscription_count": 1,
            "fecha_inscripcion": datetime(2021, 2, 10, 8, 30), "fecha_mesa_examen": date(2021, 3, 2),
            "anio_academico": 2020, "fecha_conocida": date(2021, 2, 10), "anio_evento": 2020,
        }
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("anio", "inscripcion", "mesa", "expected"),
    [
        (None, "2021-02-10", "2021-03-02", (2021, date(2021, 2, 10), 2021)),  # the year is the exam's, not the enrolment's
        (1949, "2021-02-10", "2021-02-20", (2020, date(2021, 2, 10), 2020)),  # the fallback comes after the clean-up
        (2020, None, "2021-02-20", (2020, date(2021, 2, 20), 2020)),
        (2020, "0021-02-10", "2021-03-20", (2020, date(2021, 3, 20), 2021)),
        (None, "2021-02-10", "0021-03-02", (None, date(2021, 2, 10), 2020)),
        (None, None, "1950-02-28", (None, None, None)),
        (None, "2021-02-10", None, (None, date(2021, 2, 10), 2020)),
        (None, None, None, (None, None, None)),
    ],
)
def test_year_and_day_fall_back_on_the_exam(
    run: Run, anio: int | None, inscripcion: str | None, mesa: str | None, expected: tuple[Any, ...]
) -> None:
    (row,) = facts(run, enrolment(anio_academico=anio, fecha_inscripcion=inscripcion, fecha_mesa_examen=mesa))
    assert (row["anio_academico"], row["fecha_conocida"], row["anio_evento"]) == expected
    assert row["fecha_mesa_examen"] == (mesa and date.fromisoformat(mesa))


def test_enrolled_before_as_of_for_an_exam_after_it_is_known(run: Run) -> None:
    given = [
        enrolment(1, fecha_inscripcion="2025-02-28 23:00", fecha_mesa_examen="2025-03-10"),
        enrolment(2, fecha_inscripcion="2025-03-01 00:00", fecha_mesa_examen="2025-03-10"),
        enrolment(3, fecha_mesa_examen="2025-03-10"),
        enrolment(4, fecha_mesa_examen="2025-02-28"),
    ]
    assert [r["inscripcion_id"] for r in facts(run, *given)] == [1, 4]


def test_rows_without_alumno_are_not_facts_and_every_state_counts(run: Run) -> None:
    given = [enrolment(1, alumno=None), enrolment(2, estado_inscripcion="R"), enrolment(3)]
    assert [r["inscripcion_id"] for r in facts(run, *given)] == [2, 3]


def test_campuses_share_no_numbers(run: Run) -> None:
    rows = facts(run, enrolment(1), enrolment(1, source_db="sede2", alumno=2))
    assert list(map(itemgetter("source_db", "inscripcion_id", "alumno_id"), rows)) == [("sede1", 1, 1), ("sede2", 1, 2)]
