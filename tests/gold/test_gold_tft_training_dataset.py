"""Given series, constants, calendar and surveys → the training table. Today is 28 February 2025: 2024 is the last closed year."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest

from padm_ibis.checks.tft import GoldTftTrainingDataset
from padm_ibis.define.contract import Column, columns
from padm_ibis.gold import gold_tft_training_dataset
from padm_ibis.params import Params
from padm_ibis.testing import run_model

Row = dict[str, Any]
Run = Callable[..., list[Row]]


def year(t: int, ident: int = 1, *, source: str = "sede1", label: int | None = None, **features: Any) -> Row:
    """A row of the series."""
    known = {"episodio": 1, "time_step": t - 2020, "dropout_next_year": label, "inactivo_next_year": label}
    return {"source_db": source, "alumno_id": ident, "anio_academico": t, **known, **features}


def constants(ident: int = 1, *, source: str = "sede1", person: int | None = 7, **features: Any) -> Row:
    return {"source_db": source, "alumno_id": ident, "persona_id": person, **features}


def survey(day: str, *, source: str = "sede1", person: int = 7, **answers: Any) -> Row:
    return {"source_db": source, "persona_id": person, "fecha_relevamiento": day, **answers}


def calendar(*years: int) -> list[Row]:
    return [
        {
            "anio_academico": t, "fecha_inicio": f"{t}-03-01", "fecha_fin": f"{t + 1}-02-28", "periodo_label": f"{t}-{t + 1}",
            "anio_relativo": t - 2000, "time_index": t - 2000, "mes_inicio": 3, "trimestre_inicio": 1,
            "post_pandemia": int(t >= 2020),
        }
        for t in years
    ]  # fmt: skip


def build(*series: Row, **inputs: Any) -> list[Row]:
    """Rows of the training table in the order of their key, on the default engine."""
    params = {name: inputs.pop(name) for name in ("as_of", "include_sensitive") if name in inputs}
    rows = run_model(gold_tft_training_dataset, {"gold_tft_temporal_features": list(series), **inputs}, **params).to_pylist()
    return sorted(rows, key=lambda row: (row["source_db"], row["alumno_id"], row["anio_academico"]))


def declared(**params: Any) -> dict[str, Column]:
    return {c.name: c for c in columns(GoldTftTrainingDataset, Params(as_of=dt.date(2025, 2, 28), **params))}


# --- which columns there are ------------------------------------------------------------------------------------------

BLOCK = (
    "total_evaluaciones", "materias_cursadas", "cursadas_intentadas", "examenes_intentados", "promedio_notas", "nota_minima",
    "nota_maxima", "desviacion_notas", "mediana_notas", "materias_aprobadas", "materias_regularizadas", "materias_reprobadas",
    "materias_ausente", "tasa_aprobacion", "tasa_reprobacion", "tasa_ausentismo", "creditos_obtenidos",
    "total_evaluaciones_acum", "materias_aprobadas_acum", "materias_reprobadas_acum", "creditos_acum", "promedio_historico",
    "tasa_aprobacion_historica",
    "promedio_asistencia", "total_inasistencias", "periodos_cumple_asistencia", "periodos_riesgo_asistencia",
    "periodos_con_asistencia", "inscripciones_cursada", "materias_inscriptas", "examenes_inscriptos",
    "materias_examen_inscriptas", "reinscripciones",
)  # fmt: skip
MAY_BE_MISSING = (
    "anio_ingreso_relativo", "anio_nacimiento_relativo", "edad_al_anio", "cantidad_hijos", "trabajo_hora_sem",
    "anios_desde_ingreso", "promedio_notas", "nota_minima", "nota_maxima", "desviacion_notas", "mediana_notas", "tasa_aprobacion",
    "tasa_reprobacion", "tasa_ausentismo", "promedio_historico", "tasa_aprobacion_historica", "promedio_asistencia",
    "promedio_notas_anterior", "tasa_aprobacion_anterior", "materias_aprobadas_anterior", "variacion_promedio",
    "variacion_tasa_aprobacion", "variacion_materias",
)  # fmt: skip
SURVEY = (
    "estado_civil", "estado_civil_desc", "union_pareja", "situacion_padre", "situacion_madre", "vive_con", "cobertura_salud",
    "tipo_vivienda", "tipo_vivienda_desc", "residencia_localidad", "residencia_localidad_desc", "residencia_departamento",
    "residencia_departamento_desc", "residencia_codigo_postal", "origen_localidad", "origen_localidad_desc",
    "origen_departamento", "origen_departamento_desc", "origen_codigo_postal", "trabajo_existe", "trabajo_existe_desc", "beca",
    "costeos_estudios_familiar", "costeos_estudios_plan_social", "costeos_estudios_trabajo", "costeos_estudios_beca",
    "costeos_estudios_otro", "tecnologia_int_casa", "tecnologia_pc_casa", "tecnologia_int_movil", "deportes",
    "nivel_estudio_previo", "nivel_estudio_previo_desc", "institucion_previa_id", "institucion_previa_desc",
    "colegio_secundario_id", "colegio_secundario_desc",
)  # fmt: skip
DISABILITIES = ("disc_auditiva", "disc_visual", "disc_motora", "disc_otra")
ROLES = {
    "key": ("source_db", "alumno_id", "anio_academico"),
    "group_id": ("serie_id",),
    "time_idx": ("time_idx",),
    "static_categorical": (
        "propuesta_id", "propuesta_nombre", "plan_version_id", "ubicacion_id", "modalidad", "tipo_ingreso", "sexo",
        "nacionalidad", "nacionalidad_desc", "localidad_nacimiento", "localidad_nacimiento_desc", "sede_nombre",
        "sede_localidad", "sede_departamento", "sede_provincia", "sede_codigo_postal",
    ),
    "static_real": ("anio_ingreso_relativo", "anio_nacimiento_relativo"),
    "known_categorical": ("post_pandemia",),
    "known_real": ("edad_al_anio", "anios_desde_ingreso", "anio_relativo", "time_index", "mes_inicio", "trimestre_inicio"),
    "observed_categorical": ("sin_actividad_flag", "tuvo_reinscripcion", "tuvo_reinscripcion_anterior", *SURVEY),
    "observed_real": (
        "cantidad_hijos", "trabajo_hora_sem", "anios_inactivo_consecutivos", *BLOCK, "cambios_estado_anio",
        "cambios_estado_acum", "promedio_notas_anterior", "tasa_aprobacion_anterior", "materias_aprobadas_anterior",
        "variacion_promedio", "variacion_tasa_aprobacion", "variacion_materias",
        *(f"{name}_faltante" for name in MAY_BE_MISSING),
    ),
    "metadata": (
        "fecha_ingreso", "periodo_label", "fecha_inicio", "fecha_fin", "primera_reinscripcion", "ultima_reinscripcion",
        "episodio", "time_step",
        "sequence_length", "is_last_observation", "particion",
    ),
    "target": ("dropout_flag", "egreso_flag", "fecha_dropout", "dropout_next_year", "inactivo_next_year"),
}  # fmt: skip


def test_every_column_has_the_role_of_the_design_and_there_are_no_others() -> None:
    found: dict[str, set[str]] = {}
    for name, column in declared().items():
        found.setdefault(column.role, set()).add(name)
    assert found == {role: set(names) for role, names in ROLES.items()}


def test_columns_of_one_role_stand_together() -> None:
    order = [column.role for column in declared().values()]
    assert list(dict.fromkeys(order)) == list(ROLES)
    assert [role for role, before in zip(order, [None, *order], strict=False) if role != before] == list(ROLES)


def test_disabilities_are_observed_categories_when_asked_for() -> None:
    added = {name: c for name, c in declared(include_sensitive=True).items() if name not in declared()}
    assert {(name, c.role, c.pii) for name, c in added.items()} == {
        (name, "observed_categorical", "sensitive") for name in DISABILITIES
    }


def test_no_feature_may_be_null() -> None:
    nullable = {name for name, c in declared(include_sensitive=True).items() if c.nullable}
    assert nullable == {
        "fecha_ingreso", "primera_reinscripcion", "ultima_reinscripcion", "fecha_dropout", "dropout_next_year",
        "inactivo_next_year",
    }  # fmt: skip


# --- values -----------------------------------------------------------------------------------------------------------


def test_a_row_brings_together_series_constants_calendar_and_survey(run: Run) -> None:
    features = {
        "promedio_notas": 7.5, "tasa_aprobacion": 0.5, "anios_desde_ingreso": 1, "sin_actividad_flag": 0,
        "tuvo_reinscripcion": 1, "tuvo_reinscripcion_anterior": 0, "variacion_materias": -2, "creditos_acum": 12.5,
        "primera_reinscripcion": "2021-03-01 08:00:00",
    }  # fmt: skip
    (row,) = run(
        gold_tft_training_dataset,
        {
            "gold_tft_temporal_features": [year(2021, label=1, **features)],
            "gold_tft_static_features": [
                constants(propuesta_id=3, sexo="F", anio_ingreso=2020, anio_nacimiento=2001, fecha_ingreso="2020-03-10",
                          fecha_censo="2020-04-01", estado_civil=6, cantidad_hijos=9, beca=True)
            ],
            "gold_tft_known_future": calendar(2021),
            "dim_persona": [{"source_db": "sede1", "persona_id": 7, "fecha_nacimiento": "2001-06-15"}],
            "dim_census": [survey("2021-10-01", estado_civil=1, cantidad_hijos=0, beca=False, trabajo_existe="S")],
        },
    )  # fmt: skip
    expected = {
        "serie_id": "sede1:1:1",
        "time_idx": 1,
        "propuesta_id": "3",
        "propuesta_nombre": "desconocido",
        "sexo": "F",
        "anio_ingreso_relativo": 20,
        "anio_ingreso_relativo_faltante": 0,
        "anio_nacimiento_relativo": 1,
        "periodo_label": "2021-2022",
        "post_pandemia": "1",
        "edad_al_anio": 20,
        "edad_al_anio_faltante": 0,
        "anios_desde_ingreso": 1,
        "anio_relativo": 21,
        "time_index": 21,
        "mes_inicio": 3,
        "trimestre_inicio": 1,
        "sin_actividad_flag": "0",
        "tuvo_reinscripcion": "1",
        "tuvo_reinscripcion_anterior": "0",
        "estado_civil": "1",
        "beca": "false",
        "trabajo_existe": "S",
        "deportes": "desconocido",
        "cantidad_hijos": 0,
        "cantidad_hijos_faltante": 0,
        "trabajo_hora_sem": 0,
        "trabajo_hora_sem_faltante": 1,
        "promedio_notas": 7.5,
        "promedio_notas_faltante": 0,
        "desviacion_notas": 0.0,
        "desviacion_notas_faltante": 1,
        "tasa_aprobacion": 0.5,
        "variacion_materias": -2,
        "variacion_materias_faltante": 0,
        "variacion_promedio": 0.0,
        "variacion_promedio_faltante": 1,
        "creditos_acum": 12.5,
        "fecha_ingreso": dt.date(2020, 3, 10),
        "fecha_inicio": dt.date(2021, 3, 1),
        "fecha_fin": dt.date(2022, 2, 28),
        "primera_reinscripcion": dt.datetime(2021, 3, 1, 8),
        "ultima_reinscripcion": None,
        "episodio": 1,
        "time_step": 1,
        "sequence_length": 1,
        "is_last_observation": 1,
        "particion": "test",
        "dropout_next_year": 1,
        "inactivo_next_year": 1,
        "fecha_dropout": None,
    }
    assert {name: row[name] for name in expected} == expected
    assert not {"persona_id", "fecha_nacimiento", "documento_hash", "fecha_censo", "fecha_relevamiento", "es_ultimo"} & set(row)


def test_of_a_student_of_whom_nothing_is_known_every_feature_says_so(run: Run) -> None:
    (row,) = run(
        gold_tft_training_dataset,
        {
            "gold_tft_temporal_features": [year(2021)],
            "gold_tft_static_features": [constants(person=None)],
            "gold_tft_known_future": calendar(2021),
            "dim_census": [survey("2020-01-01", estado_civil=1)],
        },
    )
    for name in MAY_BE_MISSING:
        assert (row[name], row[f"{name}_faltante"]) == (0, 1), name
    for name in (*ROLES["static_categorical"], *SURVEY, "tuvo_reinscripcion_anterior"):
        assert row[name] == "desconocido", name


def test_what_is_known_is_not_called_missing() -> None:
    values = dict.fromkeys(MAY_BE_MISSING, 1)
    survey_values = {name: values.pop(name) for name in ("cantidad_hijos", "trabajo_hora_sem")}
    static_values = {"anio_ingreso": 2000, "anio_nacimiento": 1}
    del values["edad_al_anio"], values["anio_ingreso_relativo"], values["anio_nacimiento_relativo"]
    (row,) = build(
        year(2021, **values),
        gold_tft_static_features=[constants(**static_values)],
        dim_persona=[{"source_db": "sede1", "persona_id": 7, "fecha_nacimiento": "2000-01-01"}],
        dim_census=[survey("2021-01-01", **survey_values)],
    )
    assert {name: row[f"{name}_faltante"] for name in MAY_BE_MISSING} == dict.fromkeys(MAY_BE_MISSING, 0)


def test_a_text_of_a_boolean_is_true_or_false(run: Run) -> None:
    rows = run(
        gold_tft_training_dataset,
        {
            "gold_tft_temporal_features": [year(2021, 1), year(2021, 2), year(2021, 3)],
            "gold_tft_static_features": [constants(1, person=1), constants(2, person=2), constants(3, person=3)],
            "dim_census": [
                survey("2021-01-01", person=1, disc_visual=True),
                survey("2021-01-01", person=2, disc_visual=False),
                survey("2021-01-01", person=3),
            ],
        },
        include_sensitive=True,
    )
    assert [row["disc_visual"] for row in rows] == ["true", "false", "desconocido"]


# --- age and survey at the cutoff ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("birth", "t", "age"),
    [
        ("2000-02-29", 2017, 17),
        ("2000-02-29", 2019, 20),
        ("2000-03-01", 2017, 17),
        ("2000-02-28", 2017, 18),
        ("2019-01-01", 2017, None),
    ],
    ids=["the day before", "on a leap day", "turns the day after", "turns on the cutoff", "born later"],
)
def test_the_age_is_in_completed_years_at_the_cutoff(birth: str, t: int, age: int | None) -> None:
    (row,) = build(
        year(t, time_step=0),
        gold_tft_static_features=[constants()],
        dim_persona=[{"source_db": "sede1", "persona_id": 7, "fecha_nacimiento": birth}],
    )
    assert (row["edad_al_anio"], row["edad_al_anio_faltante"]) == (age or 0, int(age is None))


def test_the_survey_in_force_is_the_latest_up_to_the_cutoff_of_the_row(run: Run) -> None:
    rows = run(
        gold_tft_training_dataset,
        {
            "gold_tft_temporal_features": [year(t) for t in (2020, 2021, 2022, 2023)],
            "gold_tft_static_features": [constants()],
            "dim_census": [
                survey("2021-03-01", vive_con=1),
                survey("2022-02-27", vive_con=2),
                survey("2022-02-28", vive_con=3),
                survey("2024-02-29", vive_con=4),
                survey("2024-03-01", vive_con=5),
            ],
        },
    )
    assert [row["vive_con"] for row in rows] == ["desconocido", "3", "3", "4"]


def test_an_answer_missing_in_the_survey_in_force_is_not_taken_from_an_older_one() -> None:
    (row,) = build(
        year(2022),
        gold_tft_static_features=[constants()],
        dim_census=[survey("2021-05-01", vive_con=1, trabajo_hora_sem=40), survey("2022-05-01")],
    )
    assert (row["vive_con"], row["trabajo_hora_sem"], row["trabajo_hora_sem_faltante"]) == ("desconocido", 0, 1)


def test_persons_of_two_campuses_are_not_mixed_up() -> None:
    rows = build(
        year(2021, source="sede1"),
        year(2021, source="sede2"),
        gold_tft_static_features=[constants(source="sede1", sexo="F"), constants(source="sede2", sexo="M")],
        dim_persona=[{"source_db": "sede2", "persona_id": 7, "fecha_nacimiento": "2000-01-01"}],
        dim_census=[survey("2021-05-01", source="sede1", beca=True)],
    )
    assert [(r["sexo"], r["edad_al_anio"], r["beca"]) for r in rows] == [("F", 0, "true"), ("M", 22, "desconocido")]


# --- series and partition -----------------------------------------------------------------------------------------------


def test_a_serie_is_an_episode(run: Run) -> None:
    rows = run(
        gold_tft_training_dataset,
        {
            "gold_tft_temporal_features": [
                year(2020, episodio=1), year(2021, episodio=1), year(2024, episodio=2), year(2021, 2), year(2021, source="sede2"),
            ]
        },
    )  # fmt: skip
    assert [(r["serie_id"], r["time_idx"], r["sequence_length"], r["is_last_observation"]) for r in rows] == [
        ("sede1:1:1", 0, 2, 0),
        ("sede1:1:1", 1, 2, 1),
        ("sede1:1:2", 4, 1, 1),
        ("sede1:2:1", 1, 1, 1),
        ("sede2:1:1", 1, 1, 1),
    ]


def test_the_two_newest_labelled_years_of_all_sources_together_test_and_validate(run: Run) -> None:
    rows = run(
        gold_tft_training_dataset,
        {
            "gold_tft_temporal_features": [
                year(2018, label=0), year(2019, label=1), year(2020, label=0), year(2021),
                year(2018, source="sede2", label=0), year(2020, source="sede2"), year(2022, source="sede2", label=0),
            ]
        },
    )  # fmt: skip
    assert [(r["source_db"], r["anio_academico"], r["particion"]) for r in rows] == [
        ("sede1", 2018, "train"),
        ("sede1", 2019, "train"),
        ("sede1", 2020, "validation"),
        ("sede1", 2021, "sin_etiqueta"),
        ("sede2", 2018, "train"),
        ("sede2", 2020, "sin_etiqueta"),
        ("sede2", 2022, "test"),
    ]


@pytest.mark.parametrize(
    ("delay", "expected"),
    [
        # of the year y the last label is known delay days after the end of y + 1; the test's moment is 2023-02-28
        (120, {2018: "train", 2019: "train", 2020: "validation", 2021: "embargo", 2022: "test"}),
        (0, {2018: "train", 2019: "train", 2020: "train", 2021: "validation", 2022: "test"}),
        (1, {2018: "train", 2019: "train", 2020: "validation", 2021: "embargo", 2022: "test"}),
        (365, {2018: "train", 2019: "train", 2020: "validation", 2021: "embargo", 2022: "test"}),
        (366, {2018: "train", 2019: "validation", 2020: "embargo", 2021: "embargo", 2022: "test"}),
        (3000, {2018: "embargo", 2019: "embargo", 2020: "embargo", 2021: "embargo", 2022: "test"}),
    ],
)
def test_labels_that_nobody_had_at_the_tests_moment_neither_train_nor_validate(run: Run, delay: int, expected) -> None:
    rows = run(
        gold_tft_training_dataset,
        {"gold_tft_temporal_features": [year(y, label=0) for y in range(2018, 2023)]},
        label_delay_days=delay,
    )
    assert {r["anio_academico"]: r["particion"] for r in rows} == expected


def test_a_base_year_of_ones_own(run: Run) -> None:
    given = {
        "gold_tft_temporal_features": [year(2021)],
        "gold_tft_static_features": [constants(anio_ingreso=2019, anio_nacimiento=1999)],
    }
    (row,) = run(gold_tft_training_dataset, given, period_base_year=2010)
    assert (row["anio_ingreso_relativo"], row["anio_nacimiento_relativo"]) == (9, -11)


def exit_of(ident: int, t: int | None) -> Row:
    return {"source_db": "sede1", "alumno_id": ident, "anio_academico": t, "anio_evento": t}


def test_what_is_to_be_predicted_is_the_last_closed_year_of_open_series(run: Run) -> None:
    idle = {"anios_inactivo_consecutivos": 2, "time_step": 4}
    never_active = {"anios_inactivo_consecutivos": 5, "time_step": 4}
    rows = run(
        gold_tft_training_dataset,
        {
            "gold_tft_temporal_features": [
                year(2024, 1), year(2023, 1),
                year(2024, 2, **idle), year(2024, 3, **idle), year(2024, 4), year(2024, 5), year(2024, 6), year(2024, 7, label=0),
                year(2024, 8, **never_active), year(2024, 9, **never_active), year(2024, 10),
            ],
            "fact_dropout": [
                exit_of(2, 2021), exit_of(3, 2022), exit_of(4, 2024), exit_of(5, 2025), exit_of(8, 2018), exit_of(10, None),
                {**exit_of(1, 2024), "source_db": "sede2"},
            ],
            "fact_egreso": [exit_of(6, 2025)],
        },
    )  # fmt: skip
    assert {(r["alumno_id"], r["anio_academico"]): r["particion"] for r in rows} == {
        (1, 2024): "score",
        (1, 2023): "sin_etiqueta",
        (2, 2024): "score",  # active in 2022, after the exit of 2021
        (3, 2024): "sin_etiqueta",  # left in 2022 and was not active since
        (4, 2024): "sin_etiqueta",  # left this year
        (5, 2024): "sin_etiqueta",  # known to leave next year
        (6, 2024): "sin_etiqueta",  # graduated already
        (7, 2024): "test",
        (8, 2024): "sin_etiqueta",  # left and never was active
        (9, 2024): "score",
        (10, 2024): "score",  # an exit of no known year
    }
