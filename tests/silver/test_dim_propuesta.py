"""Given students → expected programmes."""

from __future__ import annotations

from collections.abc import Callable
from operator import itemgetter
from typing import Any

from padm_ibis.silver import dim_propuesta

Run = Callable[..., list[dict[str, Any]]]


def student(
    alumno: int, propuesta: int | None, nombre: str | None, codigo: str | None = None, source: str = "sede1"
) -> dict[str, Any]:
    return {
        "source_db": source,
        "alumno": alumno,
        "propuesta": propuesta,
        "propuesta_nombre": nombre,
        "propuesta_codigo": codigo,
    }


def programmes(run: Run, *students: dict[str, Any]) -> list[tuple[Any, ...]]:
    columns = itemgetter("source_db", "propuesta_id", "propuesta_nombre", "propuesta_codigo")
    return list(map(columns, run(dim_propuesta, {"students": students})))


def test_where_students_disagree_the_whole_row_is_that_of_the_lowest_alumno(run: Run) -> None:
    found = programmes(run, student(12, 3, "Abogacía", "ABO"), student(9, 3, "Derecho", None), student(10, 3, "Abogacía", "X"))
    assert found == [("sede1", 3, "Derecho", None)]


def test_one_number_is_another_programme_on_another_campus(run: Run) -> None:
    found = programmes(run, student(1, 3, "Derecho"), student(1, 3, "Medicina", source="sede2"))
    assert found == [("sede1", 3, "Derecho", None), ("sede2", 3, "Medicina", None)]


def test_a_student_without_a_programme_adds_no_row(run: Run) -> None:
    assert programmes(run, student(1, None, "Derecho")) == []
