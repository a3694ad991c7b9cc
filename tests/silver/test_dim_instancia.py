"""Given instances of the source → expected dimension."""

from __future__ import annotations

from collections.abc import Callable
from operator import itemgetter
from typing import Any

from padm_ibis.silver import dim_instancia

Run = Callable[..., list[dict[str, Any]]]


def test_an_instance_is_a_row_of_its_own_campus(run: Run) -> None:
    given = [
        {"source_db": "sede1", "instancia": 2, "instancia_nombre": "Promoción"},
        {"source_db": "sede2", "instancia": 2, "instancia_nombre": "Libre"},
    ]
    rows = run(dim_instancia, {"instancias": given})
    assert list(map(itemgetter("source_db", "instancia_id", "instancia_nombre"), rows)) == [
        ("sede1", 2, "Promoción"),
        ("sede2", 2, "Libre"),
    ]


def test_a_row_without_an_instance_has_no_place_in_the_dimension(run: Run) -> None:
    assert run(dim_instancia, {"instancias": [{"instancia": None, "instancia_nombre": "?"}]}) == []
