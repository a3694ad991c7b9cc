"""Given subjects of the source → expected dimension."""

from __future__ import annotations

from collections.abc import Callable
from operator import itemgetter
from typing import Any

from padm_ibis.silver import dim_elemento

Run = Callable[..., list[dict[str, Any]]]


def test_a_subject_is_a_row_with_its_code_and_name(run: Run) -> None:
    given = [{"source_db": "sede1", "elemento": 7, "materia_codigo": "MAT1", "materia_nombre": "Análisis I"}]
    assert run(dim_elemento, {"elementos": given}) == [
        {"source_db": "sede1", "elemento_id": 7, "materia_codigo": "MAT1", "materia_nombre": "Análisis I"}
    ]


def test_two_campuses_may_use_one_number_for_two_subjects(run: Run) -> None:
    given = [
        {"source_db": "sede1", "elemento": 7, "materia_nombre": "Análisis I"},
        {"source_db": "sede2", "elemento": 7, "materia_nombre": "Botánica"},
    ]
    rows = run(dim_elemento, {"elementos": given})
    assert list(map(itemgetter("source_db", "materia_nombre"), rows)) == [("sede1", "Análisis I"), ("sede2", "Botánica")]


def test_a_row_without_a_subject_has_no_place_in_the_dimension(run: Run) -> None:
    assert run(dim_elemento, {"elementos": [{"elemento": None, "materia_nombre": "?"}]}) == []
