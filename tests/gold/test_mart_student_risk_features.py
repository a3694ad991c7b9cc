"""Given the yearly series and the dimensions → expected features and score, worked out by hand."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest

from padm_ibis.define.model import model_of
from padm_ibis.gold import mart_student_risk_features

Run = Callable[..., list[dict[str, Any]]]
RISKS = ("riesgo_academico", "riesgo_asistencia", "riesgo_no_reinscripcion", "riesgo_trabajo_excesivo")


def year(**columns: Any) -> dict[str, Any]:
    """A row of the series: student 1 in 2020, re-enrolled, so nothing is at risk unless a test says so."""
    return {"source_db": "sede1", "alumno_id": 1, "anio_academico": 2020, "tuvo_reinscripcion": 1, **columns}


def student(**columns: Any) -> dict[str, Any]:
    return {"source_db": "sede1", "alumno_id": 1, "persona_id": 100, **columns}


def person(**columns: Any) -> dict[str, Any]:
    return {"source_db": "sede1", "persona_id": 100, **columns}


def survey(day: str, **columns: Any) -> dict[str, Any]:
    return {"source_db": "sede1", "persona_id": 100, "fecha_relevamiento": day, **columns}


def features(
    run: Run,
    series: list[dict[str, Any]],
    students: list[dict[str, Any]] | None = None,
    persons: list[dict[str, Any]] | None = None,
    surveys: list[dict[str, Any]] | None = None,
    **params: Any,
) -> list[dict[str, Any]]:
    tables = {
        "gold_tft_temporal_features": series,
        "dim_student": [student()] if students is None else students,
        "dim_persona": persons or [],
        "dim_census": surveys or [],
    }
    return run(mart_student_risk_features, tables, **params)


SERIES = {
    "anios_desde_ingreso": 2,
    "total_evaluaciones": 10,
    "materias_cursadas": 9,
    "cursadas_intentadas": 8,
    "examenes_intentados": 7,
    "promedio_notas": 6.25,
    "nota_minima": 2.0,
    "nota_maxima": 9.0,
    "desviacion_notas": 1.5,
    "mediana_notas": 6.5,
    "materias_aprobadas": 6,
    "materias_regularizadas": 5,
    "materias_reprobadas": 4,
    "materias_ausente": 3,
    "tasa_aprobacion": 0.6,
    "tasa_reprobacion": 0.3,
    "tasa_ausentismo": 0.1,
    "creditos_obtenidos": 12.5,
    "total_evaluaciones_acum": 20,
    "materias_aprobadas_acum": 16,
    "materias_reprobadas_acum": 14,
    "creditos_acum": 22.5,
    "promedio_historico": 6.75,
    "tasa_aprobacion_historica": 0.7,
    "variacion_promedio": -0.5,
    "variacion_tasa_aprobacion": -0.1,
    "promedio_asistencia": 82.5,
    "total_inasistencias": 3.5,
    "periodos_cumple_asistencia": 2,
    "periodos_riesgo_asistencia": 1,
    "periodos_con_asistencia": 4,
    "inscripciones_cursada": 11,
    "materias_inscriptas": 12,
    "examenes_inscriptos": 13,
    "materias_examen_inscriptas": 15,
    "tuvo_reinscripcion": 1,
    "reinscripciones": 17,
    "primera_reinscripcion": dt.datetime(2020, 3, 1, 8, 0),
    "ultima_reinscripcion": dt.datetime(2020, 8, 1, 9, 0),
    "cambios_estado_acum": 1,
    "dropout_next_year": 0,
    "inactivo_next_year": 1,
    "fecha_dropout": dt.date(2021, 4, 1),
}
OF_STUDENT = {
    "persona_id": 100,
    "propuesta_id": 3,
    "modalidad": "P",
    "anio_ingreso": 2018,
    "tipo_ingreso": 7,
    "facultad_id": 4,
    "facultad_nombre": "Norte",
}
OF_SURVEY = {
    "estado_civil": 2,
    "cantidad_hijos": 1,
    "trabajo_existe": "S",
    "trabajo_hora_sem": 20,
    "beca": True,
    "costeos_estudios_familiar": False,
    "costeos_estudios_trabajo": True,
    "costeos_estudios_beca": None,
    "tecnologia_int_casa": True,
    "tecnologia_pc_casa": False,
    "nivel_estudio_previo": 5,
}


def test_a_row_is_the_series_the_student_the_person_and_the_survey_side_by_side(run: Run) -> None:
    (row,) = features(
        run,
        [year(**SERIES, dropout_flag=1)],
        [student(**OF_STUDENT)],
        [person(sexo="F", nacionalidad_desc="Argentina", fecha_nacimiento="2000-05-10")],
        [survey("2019-10-01", **OF_SURVEY)],
    )
    assert row == {
        "source_db": "sede1",
        "alumno_id": 1,
        "anio_academico": 2020,
        **OF_STUDENT,
        **SERIES,
        **OF_SURVEY,
        **dict.fromkeys(RISKS, 0),
        "sexo": "F",
        "edad_al_anio": 20,
        "nacionalidad_desc": "Argentina",
        "risk_score_heuristic": 0,
        "dropout_label": 1,
    }


def test_it_is_declared_point_in_time() -> None:
    assert model_of(mart_student_risk_features).point_in_time


def test_every_row_of_the_series_is_a_row_even_without_student_person_or_survey(run: Run) -> None:
    series = [year(), year(anio_academico=2021), year(alumno_id=2), year(alumno_id=3)]
    rows = features(run, series, [student(), student(alumno_id=2, persona_id=None)])
    assert [(r["alumno_id"], r["anio_academico"], r["persona_id"], r["edad_al_anio"], r["beca"]) for r in rows] == [
        (1, 2020, 100, None, None),
        (1, 2021, 100, None, None),
        (2, 2020, None, None, None),
        (3, 2020, None, None, None),
    ]


def test_age_is_in_completed_years_at_the_cutoff(run: Run) -> None:
    """The cutoff of 2019 is 29 February 2020, that of 2020 is 28 February 2021."""
    years = [year(anio_academico=a) for a in (1999, 2017, 2019, 2020)]
    ages = [r["edad_al_anio"] for r in features(run, years, persons=[person(fecha_nacimiento="2000-02-29")])]
    assert ages == [0, 17, 20, 20]
    (unborn,) = features(run, [year(anio_academico=1998)], persons=[person(fecha_nacimiento="2000-02-29")])
    assert unborn["edad_al_anio"] is None


def test_the_survey_is_the_latest_on_or_before_the_cutoff(run: Run) -> None:
    """Answered on the cutoff of 2019 itself, on the first day after it, and twice within 2021."""
    surveys = [
        survey("2020-02-29", cantidad_hijos=1),
        survey("2020-03-01", cantidad_hijos=2),
        survey("2021-05-01", cantidad_hijos=3),
        survey("2021-06-01", cantidad_hijos=4, beca=None),
    ]
    years = [year(anio_academico=a) for a in (2018, 2019, 2020, 2021, 2022)]
    assert [r["cantidad_hijos"] for r in features(run, years, surveys=surveys)] == [None, 1, 2, 4, 4]


def test_two_programmes_of_one_person_share_the_survey_and_two_campuses_do_not(run: Run) -> None:
    rows = features(
        run,
        [year(), year(alumno_id=2), year(source_db="sede2")],
        [student(propuesta_id=3), student(alumno_id=2, propuesta_id=4), student(source_db="sede2", propuesta_id=5)],
        [person(sexo="F"), person(source_db="sede2", sexo="M")],
        [survey("2019-10-01", beca=True)],
    )
    assert [(r["source_db"], r["alumno_id"], r["propuesta_id"], r["sexo"], r["beca"]) for r in rows] == [
        ("sede1", 1, 3, "F", True),
        ("sede1", 2, 4, "F", True),
        ("sede2", 1, 5, "M", None),
    ]


def test_disabilities_are_there_only_on_request(run: Run) -> None:
    surveys = [survey("2019-10-01", disc_auditiva=True, disc_visual=False, disc_otra=True)]
    names = ("disc_auditiva", "disc_visual", "disc_motora", "disc_otra")
    (without,) = features(run, [year()], surveys=[survey("2019-10-01")])
    assert not [n for n in names if n in without]
    (row,) = features(run, [year()], surveys=surveys, include_sensitive=True)
    assert [row.get(n, "left out") for n in names] == [True, False, None, "left out"]


@pytest.mark.parametrize(
    ("column", "value", "risk", "points"),
    [
        ("tasa_aprobacion", 0.49, "riesgo_academico", 2),
        ("tasa_aprobacion", 0.5, None, 0),
        ("promedio_asistencia", 59.99, "riesgo_asistencia", 2),
        ("promedio_asistencia", 60.0, None, 0),
        ("tuvo_reinscripcion", 0, "riesgo_no_reinscripcion", 3),
        ("variacion_tasa_aprobacion", -0.21, None, 2),
        ("variacion_tasa_aprobacion", -0.2, None, 0),
        ("variacion_tasa_aprobacion", 0.6 - 0.8, None, 0),
        ("variacion_tasa_aprobacion", 0.9, None, 0),
        ("cambios_estado_acum", 3, None, 1),
        ("cambios_estado_acum", 2, None, 0),
    ],
)
def test_each_part_of_the_score_and_its_threshold(run: Run, column: str, value: float, risk: str | None, points: int) -> None:
    """0.6 - 0.8 is -0.20000000000000007: a fall of 0.2 that only looks steeper."""
    (row,) = features(run, [year(**{column: value})])
    assert [name for name in RISKS if row[name]] == ([risk] if risk else [])
    assert row["risk_score_heuristic"] == points


@pytest.mark.parametrize(("hours", "risk"), [(31, 1), (30, 0), (None, 0)])
def test_long_hours_of_work_are_a_risk_and_one_point(run: Run, hours: int | None, risk: int) -> None:
    (row,) = features(run, [year()], surveys=[survey("2019-10-01", trabajo_hora_sem=hours)])
    assert (row["riesgo_trabajo_excesivo"], row["risk_score_heuristic"]) == (risk, risk)


def test_all_risks_together_score_11(run: Run) -> None:
    (row,) = features(
        run,
        [
            year(
                tasa_aprobacion=0.0, promedio_asistencia=0.0, tuvo_reinscripcion=0,
                variacion_tasa_aprobacion=-1.0, cambios_estado_acum=9,
            )
        ],
        surveys=[survey("2019-10-01", trabajo_hora_sem=60)],
    )  # fmt: skip
    assert (row["risk_score_heuristic"], [row[name] for name in RISKS]) == (11, [1, 1, 1, 1])


def test_what_is_unknown_is_no_risk(run: Run) -> None:
    """No evaluation, no attendance, no survey, no year before: only the missing re-enrolment is known."""
    (row,) = features(run, [year(tuvo_reinscripcion=0)])
    assert ([row[name] for name in RISKS], row["risk_score_heuristic"]) == ([0, 0, 1, 0], 3)


def test_targets_keep_their_nulls(run: Run) -> None:
    (row,) = features(run, [year(dropout_flag=0)])
    assert [row[n] for n in ("dropout_label", "dropout_next_year", "inactivo_next_year", "fecha_dropout")] == [
        0,
        None,
        None,
        None,
    ]
