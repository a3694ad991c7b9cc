"""Given persons → expected dimension."""

from __future__ import annotations

from collections.abc import Callable
from operator import itemgetter
from typing import Any

import pytest

from padm_ibis.silver import dim_persona

Run = Callable[..., list[dict[str, Any]]]


def test_attributes_and_hashes_are_carried(run: Run) -> None:
    attributes = {
        "localidad_nacimiento": 5,
        "localidad_nacimiento_desc": "Godoy Cruz",
        "nacionalidad": 1,
        "nacionalidad_desc": "argentina",
        "documento_hash": "d" * 64,
        "usuario_hash": "u" * 64,
        "email_hash": "e" * 64,
    }
    (row,) = run(dim_persona, {"personas": [{"persona": 3, "sexo": "F", **attributes}]})
    assert row == {
        "source_db": "sede1",
        "persona_id": 3,
        "fecha_nacimiento": None,
        "edad_actual": None,
        "sexo": "F",
        **attributes,
    }


@pytest.mark.parametrize(
    ("as_of", "age"), [("2018-02-28", 17), ("2018-03-01", 18), ("2020-02-28", 19), ("2020-02-29", 20), ("2000-02-29", 0)]
)
def test_who_is_born_on_a_leap_day_completes_a_year_on_the_day_after_28_february(run: Run, as_of: str, age: int) -> None:
    (row,) = run(dim_persona, {"personas": [{"fecha_nacimiento": "2000-02-29"}]}, as_of=as_of)
    assert row["edad_actual"] == age


def test_ages_count_completed_anniversaries_and_not_calendar_years(run: Run) -> None:
    given = [{"persona": 1, "fecha_nacimiento": "2001-12-31"}, {"persona": 2, "fecha_nacimiento": "2002-01-01"}]
    rows = run(dim_persona, {"personas": given}, as_of="2025-01-01")
    assert [r["edad_actual"] for r in rows] == [23, 23]


def test_a_birth_after_as_of_has_no_age(run: Run) -> None:
    (row,) = run(dim_persona, {"personas": [{"fecha_nacimiento": "2025-03-01"}]}, as_of="2025-02-28")
    assert row["edad_actual"] is None
    assert row["fecha_nacimiento"] is not None


def test_sexo_is_exactly_f_m_or_x_else_null(run: Run) -> None:
    codes = ["F", "M", "X", "P", "f", "F ", "", None]
    rows = run(dim_persona, {"personas": [{"persona": n, "sexo": code} for n, code in enumerate(codes)]})
    assert [r["sexo"] for r in rows] == ["F", "M", "X", None, None, None, None, None]


def test_one_number_is_another_person_on_another_campus(run: Run) -> None:
    rows = run(
        dim_persona, {"personas": [{"source_db": s, "persona": 1, "sexo": x} for s, x in (("sede1", "F"), ("sede2", "M"))]}
    )
    assert list(map(itemgetter("source_db", "persona_id", "sexo"), rows)) == [("sede1", 1, "F"), ("sede2", 1, "M")]


def test_a_row_without_a_person_has_no_place_in_the_dimension(run: Run) -> None:
    assert run(dim_persona, {"personas": [{"persona": None, "sexo": "F"}]}) == []
