"""Given surveys → expected dimension."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from operator import itemgetter
from typing import Any

import pytest

from padm_ibis.silver import dim_census

Run = Callable[..., list[dict[str, Any]]]

FLAGS = (
    "union_pareja", "beca", "costeos_estudios_familiar", "costeos_estudios_plan_social", "costeos_estudios_trabajo",
    "costeos_estudios_beca", "costeos_estudios_otro", "tecnologia_int_casa", "tecnologia_pc_casa", "tecnologia_int_movil",
    "deportes", "disc_auditiva", "disc_visual", "disc_motora", "disc_otra",
)  # fmt: skip


def survey(dato_censal: int, fecha: str | None, persona: int | None = 1, **columns: Any) -> dict[str, Any]:
    return {"source_db": "sede1", "persona": persona, "dato_censal": dato_censal, "fecha": fecha, **columns}


def surveys(run: Run, *given: dict[str, Any], as_of: str = "2025-02-28") -> list[tuple[Any, ...]]:
    """Person, day, number of children (which tells the survey) and es_ultimo."""
    rows = run(dim_census, {"census": given}, as_of=as_of)
    return list(map(itemgetter("persona_id", "fecha_relevamiento", "cantidad_hijos", "es_ultimo"), rows))


def test_all_surveys_of_a_person_are_kept_and_the_latest_is_marked(run: Run) -> None:
    found = surveys(
        run,
        survey(3, "2020-05-01", cantidad_hijos=0),
        survey(1, "2022-05-01", cantidad_hijos=1),
        survey(2, "2021-05-01", persona=2, cantidad_hijos=5),
    )
    assert found == [(1, date(2020, 5, 1), 0, False), (1, date(2022, 5, 1), 1, True), (2, date(2021, 5, 1), 5, True)]


def test_a_survey_on_as_of_counts_and_one_after_it_does_not(run: Run) -> None:
    given = (survey(1, "2025-02-28", cantidad_hijos=1), survey(2, "2025-03-01", cantidad_hijos=2))
    assert surveys(run, *given) == [(1, date(2025, 2, 28), 1, True)]
    assert surveys(run, *given, as_of="2025-03-01")[0] == (1, date(2025, 2, 28), 1, False)


def test_of_two_surveys_on_one_day_the_highest_dato_censal_stays(run: Run) -> None:
    found = surveys(
        run, survey(9, "2020-05-01", cantidad_hijos=9), survey(10, "2020-05-01", cantidad_hijos=10), survey(8, "2020-05-01")
    )
    assert found == [(1, date(2020, 5, 1), 10, True)]


def test_surveys_without_a_day_or_a_person_have_no_place(run: Run) -> None:
    assert surveys(run, survey(1, None), survey(2, "2020-05-01", persona=None)) == []


def test_campuses_do_not_hide_each_others_surveys(run: Run) -> None:
    given = [survey(1, "2020-05-01", cantidad_hijos=1), {**survey(2, "2020-05-01", cantidad_hijos=2), "source_db": "sede2"}]
    rows = run(dim_census, {"census": given})
    columns = itemgetter("source_db", "cantidad_hijos", "es_ultimo")
    assert list(map(columns, rows)) == [("sede1", 1, True), ("sede2", 2, True)]


@pytest.mark.parametrize("name", FLAGS)
def test_flags_come_as_letters_or_truth_values_and_anything_else_is_null(run: Run, name: str) -> None:
    answers = ["S", "N", "true", "false", "s", "1", "", "quizás", None]
    rows = run(dim_census, {"census": [survey(n, f"2020-05-{n:02}", **{name: a}) for n, a in enumerate(answers, 1)]})
    assert [r[name] for r in rows] == [True, False, True, False, None, None, None, None, None]


def test_trabajo_existe_stays_text(run: Run) -> None:
    codes = ["S", "N", "true", "false", "3", "", None]
    rows = run(dim_census, {"census": [survey(n, f"2020-05-{n:02}", trabajo_existe=c) for n, c in enumerate(codes, 1)]})
    assert [r["trabajo_existe"] for r in rows] == ["S", "N", "S", "N", "3", "", None]


def test_answers_are_carried_under_the_names_of_silver(run: Run) -> None:
    same = {
        "estado_civil": 1, "estado_civil_desc": "Soltero", "situacion_padre": "V", "situacion_madre": "D", "cantidad_hijos": 2,
        "vive_con": 3, "cobertura_salud": 5, "tipo_vivienda": 4, "tipo_vivienda_desc": "Casa",
        "trabajo_existe_desc": "Trabaja", "trabajo_hora_sem": 36,
    }  # fmt: skip
    renamed = {
        "periodo_lectivo_localidad": ("residencia_localidad", 11),
        "periodo_lectivo_localidad_desc": ("residencia_localidad_desc", "Maipú"),
        "periodo_lectivo_departamento": ("residencia_departamento", 12),
        "periodo_lectivo_departamento_desc": ("residencia_departamento_desc", "Maipú, dpto."),
        "periodo_lectivo_codigo_postal": ("residencia_codigo_postal", "M5515"),
        "procedencia_localidad": ("origen_localidad", 21),
        "procedencia_localidad_desc": ("origen_localidad_desc", "Jáchal"),
        "procedencia_departamento": ("origen_departamento", 22),
        "procedencia_departamento_desc": ("origen_departamento_desc", "Jáchal, dpto."),
        "procedencia_codigo_postal": ("origen_codigo_postal", "J5460"),
        "nivel_estudio": ("nivel_estudio_previo", 31),
        "nivel_estudio_desc": ("nivel_estudio_previo_desc", "Secundario"),
        "institucion": ("institucion_previa_id", 41),
        "institucion_desc": ("institucion_previa_desc", "Instituto"),
        "colegio": ("colegio_secundario_id", 51),
        "colegio_desc": ("colegio_secundario_desc", "Colegio Nacional"),
    }
    given = survey(1, "2020-05-01", **same, **{name: value for name, (_, value) in renamed.items()})
    (row,) = run(dim_census, {"census": [given]})
    answered = {name: value for name, value in row.items() if value is not None}
    assert answered == {
        "source_db": "sede1", "persona_id": 1, "fecha_relevamiento": date(2020, 5, 1), "es_ultimo": True,
        **same, **dict(renamed.values()),
    }  # fmt: skip
