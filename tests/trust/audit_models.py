"""Planted leaks: point-in-time tables that look into the future, each in one column."""

from __future__ import annotations

import ibis.expr.types as ir

from padm_ibis.define.contract import GoldContract, column, dt
from padm_ibis.define.model import model
from padm_ibis.params import Params
from padm_ibis.words import terms


class PlantedLeaks(GoldContract):
    """One honest column, and eight that see the future."""

    class Config:
        unique = ("source_db", "alumno_id", "anio_academico")

    source_db: dt.String = column("Source.", role="key")
    alumno_id: dt.Int64 = column("Student.", role="key", pii="indirect")
    anio_academico: dt.Int64 = column("Year.", role="key", pii="indirect")
    honest: dt.Int64 = column("Results of the year.", role="observed_real", pii="indirect")
    total_ever: dt.Int64 = column("Results of all years.", role="observed_real", pii="indirect")
    mean_of_all: dt.Float64 = column("Share of passes of everyone, ever.", role="observed_real", pii="indirect", nullable=True)
    final_status: dt.String = column("The last calidad.", role="observed_categorical", pii="indirect", nullable=True)
    best_ever: dt.Int64 = column("A window without an end.", role="observed_real", pii="indirect")
    last_survey: dt.Int64 = column("Children, by the last survey.", role="observed_real", pii="indirect", nullable=True)
    is_last: dt.Int64 = column("Whether it is the series' last row.", role="observed_categorical", pii="indirect")
    status_today: dt.String = column("Calidad, as it says now.", role="observed_categorical", pii="indirect", nullable=True)
    until_today: dt.Int64 = column("Years until the last closed one.", role="observed_real", pii="indirect")


@model(
    PlantedLeaks,
    point_in_time=True,
    allow={
        "fan-out dim_census": "es_ultimo leaves one survey a person",
        "fan-out dim_student+dim_census": "es_ultimo leaves one survey a person",
        "grain source_db, alumno_id, anio_academico": "es_ultimo leaves one survey a person",
    },
)
def planted_leaks(
    gold_tft_temporal_features: ir.Table,
    fact_academic_performance: ir.Table,
    fact_student_status_history: ir.Table,
    dim_census: ir.Table,
    dim_student: ir.Table,
    params: Params,
) -> ir.Table:
    """Rows of the series with leaks, one row per source_db, alumno_id and anio_academico."""
    key = ["source_db", "alumno_id"]
    rows = gold_tft_temporal_features.select(*key, "anio_academico", honest="total_evaluaciones")
    ever = fact_academic_performance.group_by(key).agg(total_ever=fact_academic_performance.count())
    passed, all_of_them = fact_academic_performance.aprobado_flag.sum(), fact_academic_performance.count()
    everyone = fact_academic_performance.agg(mean_of_all=terms.ratio(passed, all_of_them))
    changes = fact_student_status_history
    final = terms.one_per(changes, key, [terms.last(changes.nro_cambio)]).select(*key, final_status="calidad")
    persons = dim_student.select(*key, "persona_id")
    today = dim_student.select(*key, status_today="calidad")
    surveys = dim_census.filter(dim_census.es_ultimo).select("source_db", "persona_id", last_survey="cantidad_hijos")
    survey = persons.join(surveys, ["source_db", "persona_id"]).select(*key, "last_survey")
    rows = rows.left_join(ever, key).drop("source_db_right", "alumno_id_right").cross_join(everyone)
    rows = rows.left_join(final, key).drop("source_db_right", "alumno_id_right")
    rows = rows.left_join(survey, key).drop("source_db_right", "alumno_id_right")
    rows = rows.left_join(today, key).drop("source_db_right", "alumno_id_right")
    latest = rows.anio_academico.max().over(group_by=key)
    return rows.select(
        *key,
        "anio_academico",
        "honest",
        total_ever=rows.total_ever.fill_null(0),
        mean_of_all=rows.mean_of_all,
        final_status=rows.final_status,
        best_ever=rows.honest.max().over(group_by=key),
        last_survey=rows.last_survey,
        is_last=(rows.anio_academico == latest).ifelse(1, 0).cast("int64"),
        status_today=rows.status_today,
        until_today=(params.last_closed_year - rows.anio_academico).cast("int64"),
    )


LEAKS = ("total_ever", "mean_of_all", "final_status", "best_ever", "last_survey", "is_last", "status_today", "until_today")
