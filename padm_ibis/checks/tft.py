"""Contracts of the feature store for a Temporal Fusion Transformer.

The training table's columns stand role by role: keys, group_id and time_idx, then static, known, observed,
metadata and target. Where another table has declared a column, it is taken over from there (`padm_ibis.checks.blocks`).
"""

from __future__ import annotations

from typing import Any

import ibis.expr.datatypes as dt

from padm_ibis.checks.blocks import (
    AcademicBlock,
    AgeBlock,
    Block,
    Composed,
    EngagementBlock,
    HistoryBlock,
    LabelBlock,
    VariationBlock,
    as_real,
    as_text,
    block,
    census,
    like,
    missing,
    relative,
    without,
)
from padm_ibis.checks.silver import DimPeriodo, DimPersona, DimStudent
from padm_ibis.define.contract import Role, column

_KEY = ("source_db", "alumno_id", "anio_academico")


def _source_db() -> Any:
    return column("Configured name of the database the row came from; part of every key and of every join.", role="key")


def _alumno() -> Any:
    return column(
        "Student record: one per person and programme, unique within source_db.",
        role="key", pii="indirect", fk="dim_student.alumno_id",
    )  # fmt: skip


def _anio() -> Any:
    return column(
        "Academic year of the row, a closed one: its features are what was known by its cutoff.",
        role="key", pii="indirect", fk="dim_periodo.anio_academico",
    )  # fmt: skip


def _place(description: str) -> Any:
    return column(f"{description} of the student's location, of dim_ubicacion.", pii="indirect", nullable=True)


def _anterior(what: str) -> Any:
    return column(
        f"{what} of year t - 1, from the facts of that year, whatever the episode and whether or not it is a row; "
        "null when t - 1 is before the first year of the series.",
        role="measure", pii="indirect", nullable=True,
    )  # fmt: skip


class GoldTftStaticFeatures(Composed):
    """What does not change in a student's time at the university, and the survey answered at entry."""

    class Config:
        unique = ("source_db", "alumno_id")

    source_db: dt.String = _source_db()
    alumno_id: dt.Int64 = _alumno()
    programa: Block = like(
        DimStudent,
        "persona_id", "propuesta_id", "propuesta_nombre", "plan_version_id", "ubicacion_id", "modalidad", "tipo_ingreso",
        "anio_ingreso", "fecha_ingreso",
    )  # fmt: skip
    sexo: Block = like(DimPersona, "sexo")
    anio_nacimiento: dt.Int64 = column(
        "Calendar year of birth.", pii="indirect", nullable=True,
        breaker="bucket", why="A year of birth is shared by many, a date of birth by few.",
    )  # fmt: skip
    origen: Block = like(DimPersona, "nacionalidad", "nacionalidad_desc", "localidad_nacimiento", "localidad_nacimiento_desc")
    sede_nombre: dt.String = _place("Name")
    sede_localidad: dt.String = _place("Town")
    sede_departamento: dt.String = _place("Department or district")
    sede_provincia: dt.String = _place("Province")
    sede_codigo_postal: dt.String = _place("Postal code")
    fecha_censo: dt.Date = column(
        "Day of the census at entry: the person's latest survey on or before cutoff(anio_ingreso); null without one.",
        pii="indirect", nullable=True,
    )  # fmt: skip
    encuesta: Block = census()


class GoldTftTemporalFeatures(Composed):
    """A dense yearly series per student: a gap year is a row of zeros, and a series ends once the exit is known.

    t is the row's anio_academico. Features are made of facts with anio_evento <= t alone.
    """

    class Config:
        unique = _KEY

    source_db: dt.String = _source_db()
    alumno_id: dt.Int64 = _alumno()
    anio_academico: dt.Int64 = _anio()
    anios_desde_ingreso: dt.Int64 = column(
        "t - anio_ingreso; null without one, negative for activity before it.", role="measure", pii="indirect", nullable=True
    )
    episodio: dt.Int64 = column(
        "1, 2, …: a new one begins where the student's previous row is not of year t - 1, or is of a year in which an exit "
        "became known.",
        pii="indirect", ge=1,
    )  # fmt: skip
    time_step: dt.Int64 = column(
        "t - first year of the series (the smaller of anio_ingreso and the first active year), whatever the episode.",
        pii="indirect", ge=0,
    )  # fmt: skip
    sin_actividad_flag: dt.Int64 = column(
        "1 when t is no active year (no course enrolment, academic result, exam enrolment, attendance or re-enrolment with "
        "that anio_evento), else 0.",
        role="measure", pii="indirect", isin=[0, 1],
    )  # fmt: skip
    anios_inactivo_consecutivos: dt.Int64 = column(
        "t - last active year up to t, 0 exactly when t is active; without one, years of the series so far.",
        role="measure", pii="indirect", ge=0,
    )  # fmt: skip
    academico: Block = block(AcademicBlock)
    historia: Block = block(HistoryBlock)
    participacion: Block = block(EngagementBlock)
    cambios_estado_anio: dt.Int64 = column("Changes of calidad in the year.", role="measure", pii="indirect", ge=0)
    cambios_estado_acum: dt.Int64 = column(
        "Changes of calidad up to and including the year, those before the first year of the series too.",
        role="measure", pii="indirect", ge=0,
    )  # fmt: skip
    promedio_notas_anterior: dt.Float64 = _anterior("promedio_notas")
    tasa_aprobacion_anterior: dt.Float64 = _anterior("tasa_aprobacion")
    materias_aprobadas_anterior: dt.Int64 = _anterior("materias_aprobadas")
    tuvo_reinscripcion_anterior: dt.Int64 = column(
        "tuvo_reinscripcion of year t - 1, whatever the episode and whether or not it is a row; null when t - 1 is before "
        "the first year of the series.",
        role="measure", pii="indirect", nullable=True, isin=[0, 1],
    )  # fmt: skip
    variacion: Block = block(VariationBlock)
    variacion_materias: dt.Int64 = column(
        "materias_cursadas minus that of year t - 1; null when t - 1 is before the first year of the series.",
        role="measure", pii="indirect", nullable=True,
    )  # fmt: skip
    etiquetas: Block = block(LabelBlock)


class GoldTftKnownFuture(Composed):
    """What is known of a year before it begins."""

    class Config:
        unique = ("anio_academico",)

    anio_academico: dt.Int64 = column("Academic year, of dim_periodo.", role="key", fk="dim_periodo.anio_academico")
    periodo: Block = like(DimPeriodo, "fecha_inicio", "fecha_fin", "periodo_label", "anio_relativo", role="attribute")
    time_index: dt.Int64 = column("anio_relativo under the name that forecasting libraries expect.")
    mes_inicio: dt.Int64 = column("Calendar month of fecha_inicio, 1 to 12.", ge=1, le=12)
    trimestre_inicio: dt.Int64 = column("Quarter of fecha_inicio, 1 to 4.", ge=1, le=4)
    post_pandemia: dt.Int64 = column("1 from academic year 2020 on, else 0.", isin=[0, 1])


# --- the training table ------------------------------------------------------------------------------------------

_STATIC_TEXT = like(
    GoldTftStaticFeatures,
    "propuesta_id", "propuesta_nombre", "plan_version_id", "ubicacion_id", "modalidad", "tipo_ingreso", "sexo",
    "nacionalidad", "nacionalidad_desc", "localidad_nacimiento", "localidad_nacimiento_desc",
    "sede_nombre", "sede_localidad", "sede_departamento", "sede_provincia", "sede_codigo_postal",
)  # fmt: skip
_STATIC_REAL = relative(like(GoldTftStaticFeatures, "anio_ingreso", "anio_nacimiento"))
_SINCE_ENTRY = like(GoldTftTemporalFeatures, "anios_desde_ingreso")
_PERIOD_REAL = like(GoldTftKnownFuture, "anio_relativo", "time_index", "mes_inicio", "trimestre_inicio")
_SURVEY_REAL = ("cantidad_hijos", "trabajo_hora_sem")
_SURVEY = census()
_OBSERVED_REAL = Block(
    (
        *(c for c in _SURVEY if c.name in _SURVEY_REAL),
        *like(GoldTftTemporalFeatures, "anios_inactivo_consecutivos"),
        *like(AcademicBlock),
        *like(HistoryBlock),
        *without(like(EngagementBlock), "tuvo_reinscripcion", "primera_reinscripcion", "ultima_reinscripcion"),
        *like(
            GoldTftTemporalFeatures,
            "cambios_estado_anio", "cambios_estado_acum",
            "promedio_notas_anterior", "tasa_aprobacion_anterior", "materias_aprobadas_anterior",
            "variacion_promedio", "variacion_tasa_aprobacion", "variacion_materias",
        ),
    )
)  # fmt: skip
_OBSERVED: Role = "observed_real"


class GoldTftTrainingDataset(Composed):
    """The series, joined to everything that a forecast of the year after may use: no nulls, every column with its role.

    A number that may be missing is 0 there, and <column>_faltante says so; those flags stand together after the observed
    numbers. A category is text, desconocido where there is none.
    """

    class Config:
        unique = _KEY

    source_db: dt.String = _source_db()
    alumno_id: dt.Int64 = _alumno()
    anio_academico: dt.Int64 = _anio()
    serie_id: dt.String = column("<source_db>:<alumno_id>:<episodio>.", role="group_id", pii="indirect")
    time_idx: dt.Int64 = column("time_step.", role="time_idx", pii="indirect", ge=0)
    fijas: Block = as_text(_STATIC_TEXT, "static_categorical")
    fijas_numericas: Block = as_real(_STATIC_REAL, "static_real")
    pandemia: Block = as_text(like(GoldTftKnownFuture, "post_pandemia"), "known_categorical")
    edad: Block = as_real(block(AgeBlock), "known_real")
    desde_ingreso: Block = as_real(_SINCE_ENTRY, "known_real")
    periodo_numericas: Block = as_real(_PERIOD_REAL, "known_real")
    presencia: Block = as_text(
        like(GoldTftTemporalFeatures, "sin_actividad_flag", "tuvo_reinscripcion", "tuvo_reinscripcion_anterior"),
        "observed_categorical",
    )
    encuesta: Block = as_text(without(_SURVEY, *_SURVEY_REAL), "observed_categorical")
    observadas: Block = as_real(_OBSERVED_REAL, _OBSERVED)
    faltantes: Block = missing(_STATIC_REAL, block(AgeBlock), _SINCE_ENTRY, _OBSERVED_REAL)
    ingreso: Block = like(GoldTftStaticFeatures, "fecha_ingreso", role="metadata")
    calendario: Block = like(GoldTftKnownFuture, "periodo_label", "fecha_inicio", "fecha_fin", role="metadata")
    reinscripcion: Block = like(EngagementBlock, "primera_reinscripcion", "ultima_reinscripcion", role="metadata")
    serie: Block = like(GoldTftTemporalFeatures, "episodio", "time_step", role="metadata")
    sequence_length: dt.Int64 = column("Rows of the serie.", role="metadata", pii="indirect", ge=1)
    is_last_observation: dt.Int64 = column(
        "1 on the last row of the serie, else 0.", role="metadata", pii="indirect", isin=[0, 1]
    )
    particion: dt.String = column(
        "score: rows of the last closed year of open series (see mart_alumnos_en_riesgo) whose dropout_next_year is null. "
        "sin_etiqueta: other rows without it. Among rows with it, over all sources together: test, the greatest such year; "
        "embargo, years whose labels were not known yet at its cutoff (label_delay_days after the next year's): they neither "
        "train nor validate; validation, the greatest of the others; train, the rest.",
        role="metadata", pii="indirect", isin=["train", "validation", "test", "embargo", "score", "sin_etiqueta"],
    )  # fmt: skip
    etiquetas: Block = like(LabelBlock)
