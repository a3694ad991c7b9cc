"""Given students, persons, places and surveys → what is constant about a student."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest

from padm_ibis.gold import gold_tft_static_features

Run = Callable[..., list[dict[str, Any]]]


def student(
    ident: int = 1, *, source: str = "sede1", person: int | None = 7, entry: int | None = 2020, **columns: Any
) -> dict[str, Any]:
    return {"source_db": source, "alumno_id": ident, "persona_id": person, "anio_ingreso": entry, **columns}


def survey(day: str, *, source: str = "sede1", person: int = 7, **answers: Any) -> dict[str, Any]:
    return {"source_db": source, "persona_id": person, "fecha_relevamiento": day, **answers}


def test_a_student_with_person_place_and_survey(run: Run) -> None:
    (row,) = run(
        gold_tft_static_features,
        {
            "dim_student": [
                student(
                    propuesta_id=3, propuesta_nombre="Física", plan_version_id=31, ubicacion_id=5, modalidad="P", tipo_ingreso=2,
                    fecha_ingreso="2020-03-10", sede_provincia="not of the place",
                )
            ],
            "dim_persona": [
                {
                    "source_db": "sede1", "persona_id": 7, "sexo": "F", "fecha_nacimiento": "2001-12-31", "nacionalidad": 1,
                    "nacionalidad_desc": "Argentina", "localidad_nacimiento": 11, "localidad_nacimiento_desc": "Azul",
                    "documento_hash": "d", "usuario_hash": "u", "email_hash": "e",
                }
            ],
            "dim_ubicacion": [
                {
                    "source_db": "sede1", "ubicacion_id": 5, "see_nombre": "Centro", "see_localidad": "Tandil",
                    "see_dpto": "Tandil (dpto.)", "see_provincia": "Buenos Aires", "see_codigo_postal": "7000",
                }
            ],
            "dim_census": [survey("2020-03-12", estado_civil=1, beca=True, trabajo_hora_sem=20, colegio_secundario_desc="N")],
        },
    )  # fmt: skip
    known = {name: value for name, value in row.items() if value is not None}
    assert known == {
        "source_db": "sede1",
        "alumno_id": 1,
        "persona_id": 7,
        "propuesta_id": 3,
        "propuesta_nombre": "Física",
        "plan_version_id": 31,
        "ubicacion_id": 5,
        "modalidad": "P",
        "tipo_ingreso": 2,
        "anio_ingreso": 2020,
        "fecha_ingreso": dt.date(2020, 3, 10),
        "sexo": "F",
        "anio_nacimiento": 2001,
        "nacionalidad": 1,
        "nacionalidad_desc": "Argentina",
        "localidad_nacimiento": 11,
        "localidad_nacimiento_desc": "Azul",
        "sede_nombre": "Centro",
        "sede_localidad": "Tandil",
        "sede_departamento": "Tandil (dpto.)",
        "sede_provincia": "Buenos Aires",
        "sede_codigo_postal": "7000",
        "fecha_censo": dt.date(2020, 3, 12),
        "estado_civil": 1,
        "beca": True,
        "trabajo_hora_sem": 20,
        "colegio_secundario_desc": "N",
    }
    assert not {"es_ultimo", "fecha_relevamiento", "fecha_nacimiento", "documento_hash", "usuario_hash", "email_hash"} & set(row)


@pytest.mark.parametrize(
    ("days", "taken"),
    [
        (["2021-02-28"], "2021-02-28"),
        (["2021-03-01"], None),
        (["2018-05-05", "2020-12-01", "2021-03-01", "2023-01-01"], "2020-12-01"),
        ([], None),
    ],
    ids=["on the cutoff of the year of entry", "a day later", "the latest up to then", "none"],
)
def test_the_census_at_entry_is_the_latest_up_to_the_cutoff_of_the_year_of_entry(
    run: Run, days: list[str], taken: str | None
) -> None:
    surveys = [survey(day, estado_civil=int(day[:4])) for day in days]
    (row,) = run(gold_tft_static_features, {"dim_student": [student(entry=2020)], "dim_census": surveys})
    assert row["fecha_censo"] == (dt.date.fromisoformat(taken) if taken else None)
    assert row["estado_civil"] == (int(taken[:4]) if taken else None)


def test_a_leap_day_is_the_cutoff_of_the_year_before(run: Run) -> None:
    (row,) = run(
        gold_tft_static_features,
        {"dim_student": [student(entry=2019)], "dim_census": [survey("2020-02-29"), survey("2020-03-01")]},
    )
    assert row["fecha_censo"] == dt.date(2020, 2, 29)


def test_without_a_year_of_entry_there_is_no_census_at_entry(run: Run) -> None:
    (row,) = run(
        gold_tft_static_features, {"dim_student": [student(entry=None)], "dim_census": [survey("2015-01-01", estado_civil=1)]}
    )
    assert (row["fecha_censo"], row["estado_civil"]) == (None, None)


def test_two_careers_of_a_person_have_each_their_census(run: Run) -> None:
    rows = run(
        gold_tft_static_features,
        {
            "dim_student": [student(1, entry=2018), student(2, entry=2021)],
            "dim_census": [survey("2018-04-01"), survey("2021-04-01")],
        },
    )
    assert [row["fecha_censo"] for row in rows] == [dt.date(2018, 4, 1), dt.date(2021, 4, 1)]


def test_a_student_without_person_place_or_survey_stays(run: Run) -> None:
    (row,) = run(gold_tft_static_features, {"dim_student": [student(person=None)], "dim_census": [survey("2019-01-01")]})
    assert {name for name, value in row.items() if value is not None} == {"source_db", "alumno_id", "anio_ingreso"}


def test_two_campuses_may_number_persons_and_places_alike(run: Run) -> None:
    rows = run(
        gold_tft_static_features,
        {
            "dim_student": [student(source="sede1", ubicacion_id=1), student(source="sede2", ubicacion_id=1)],
            "dim_persona": [
                {"source_db": "sede1", "persona_id": 7, "sexo": "F"},
                {"source_db": "sede2", "persona_id": 7, "sexo": "X"},
            ],
            "dim_ubicacion": [
                {"source_db": "sede1", "ubicacion_id": 1, "see_nombre": "Norte"},
                {"source_db": "sede2", "ubicacion_id": 1, "see_nombre": "Sur"},
            ],
            "dim_census": [
                survey("2020-05-01", source="sede1", vive_con=1),
                survey("2019-05-01", source="sede2", vive_con=2),
            ],
        },
    )
    assert [(r["source_db"], r["sexo"], r["sede_nombre"], r["vive_con"]) for r in rows] == [
        ("sede1", "F", "Norte", 1),
        ("sede2", "X", "Sur", 2),
    ]


@pytest.mark.parametrize("sensitive", [False, True])
def test_disabilities_are_there_only_when_asked_for(run: Run, sensitive: bool) -> None:
    inputs = {"dim_student": [student()], "dim_census": [survey("2020-05-01", disc_visual=True, disc_otra=False)]}
    (row,) = run(gold_tft_static_features, inputs, include_sensitive=sensitive)
    found = {name: value for name, value in row.items() if name.startswith("disc_")}
    expected = {"disc_auditiva": None, "disc_visual": True, "disc_motora": None, "disc_otra": False}
    assert found == (expected if sensitive else {})
