"""Given teachers of comisiones → expected bridge."""

from __future__ import annotations

from collections.abc import Callable
from operator import itemgetter
from typing import Any

from padm_ibis.silver import bridge_docente_comision

Run = Callable[..., list[dict[str, Any]]]


def teacher(docente: int, comision: int | None, docente_hash: str | None, elemento: int = 5, **columns: Any) -> dict[str, Any]:
    return {
        "source_db": "sede1",
        "docente": docente,
        "comision": comision,
        "docente_hash": docente_hash,
        "elemento": elemento,
        "anio_academico": 2020,
        **columns,
    }


def bridge(run: Run, *given: dict[str, Any]) -> list[tuple[Any, ...]]:
    columns = itemgetter("source_db", "docente_hash", "comision_id", "elemento_id", "anio_academico")
    return list(map(columns, run(bridge_docente_comision, {"docentes_comision": given})))


def test_a_person_with_two_teacher_records_is_one_row_that_of_the_lowest(run: Run) -> None:
    given = [teacher(8, 1, "aa", elemento=80), teacher(7, 1, "aa", elemento=70), teacher(9, 1, "aa", elemento=90)]
    assert bridge(run, *given) == [("sede1", "aa", 1, 70, 2020)]


def test_teachers_of_one_comision_and_comisiones_of_one_teacher_are_rows_of_their_own(run: Run) -> None:
    given = [teacher(1, 1, "aa"), teacher(2, 1, "bb"), teacher(1, 2, "aa")]
    assert [row[1:3] for row in bridge(run, *given)] == [("aa", 1), ("aa", 2), ("bb", 1)]


def test_without_a_hash_or_a_comision_there_is_no_row(run: Run) -> None:
    assert bridge(run, teacher(1, 1, None), teacher(2, None, "bb")) == []


def test_one_comision_number_is_another_course_on_another_campus(run: Run) -> None:
    given = [teacher(1, 1, "aa", elemento=5), teacher(1, 1, "aa", elemento=6, source_db="sede2")]
    assert bridge(run, *given) == [("sede1", "aa", 1, 5, 2020), ("sede2", "aa", 1, 6, 2020)]
