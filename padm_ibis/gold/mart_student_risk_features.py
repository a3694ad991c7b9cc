"""The yearly series with who the student is, the survey in force and a heuristic score of risk."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from padm_ibis.checks.gold import MartStudentRiskFeatures
from padm_ibis.define.model import model
from padm_ibis.params import Params
from padm_ibis.words import terms, yearly

OF_STUDENT = ("persona_id", "propuesta_id", "modalidad", "anio_ingreso", "tipo_ingreso", "facultad_id", "facultad_nombre")
OF_PERSON = ("sexo", "nacionalidad_desc", "fecha_nacimiento")
SURVEY = (
    "estado_civil", "cantidad_hijos", "trabajo_existe", "trabajo_hora_sem", "beca",
    "costeos_estudios_familiar", "costeos_estudios_trabajo", "costeos_estudios_beca",
    "tecnologia_int_casa", "tecnologia_pc_casa", "nivel_estudio_previo",
)  # fmt: skip
DISABILITIES = ("disc_auditiva", "disc_visual", "disc_motora")

LOW_APPROVAL, LOW_ATTENDANCE, LONG_HOURS, MANY_CHANGES = 0.5, 60.0, 30, 2
# A fall of exactly 0.2 is none: subtracting rates leaves an error in the last bits.
STEEP_FALL = -0.2 - 1e-9


@model(MartStudentRiskFeatures, point_in_time=True)
def mart_student_risk_features(
    gold_tft_temporal_features: ir.Table, dim_student: ir.Table, dim_persona: ir.Table, dim_census: ir.Table, params: Params
) -> ir.Table:
    """Features and score of risk as known by the year's cutoff, one row per alumno_id and anio_academico of a source."""
    survey = (*SURVEY, *DISABILITIES) if params.include_sensitive else SURVEY
    described = _described(gold_tft_temporal_features, dim_student, dim_persona, dim_census, survey, params)
    rows = described.mutate(**_risks(described))
    return rows.select(
        *yearly.STUDENT,
        "anio_academico",
        "persona_id",
        "propuesta_id",
        "modalidad",
        "anio_ingreso",
        "anios_desde_ingreso",
        "tipo_ingreso",
        "facultad_id",
        "facultad_nombre",
        "sexo",
        terms.whole_years(rows.fecha_nacimiento, terms.cutoff(rows.anio_academico, params)).name("edad_al_anio"),
        "nacionalidad_desc",
        *survey,
        *yearly.ACADEMIC,
        *yearly.HISTORY,
        "variacion_promedio",
        "variacion_tasa_aprobacion",
        *yearly.ENGAGEMENT,
        "cambios_estado_acum",
        "riesgo_academico",
        "riesgo_asistencia",
        "riesgo_no_reinscripcion",
        "riesgo_trabajo_excesivo",
        _score(rows).name("risk_score_heuristic"),
        rows.dropout_flag.name("dropout_label"),
        "dropout_next_year",
        "inactivo_next_year",
        "fecha_dropout",
    )


def _described(
    series: ir.Table, students: ir.Table, persons: ir.Table, census: ir.Table, survey: tuple[str, ...], params: Params
) -> ir.Table:
    """The series with the student's and the person's constants and the survey in force at each cutoff."""
    rows = series.left_join(students.select(*yearly.STUDENT, *OF_STUDENT), yearly.STUDENT).select(*series.columns, *OF_STUDENT)
    person = ["source_db", "persona_id"]
    rows = rows.left_join(persons.select(*person, *OF_PERSON), person).select(*rows.columns, *OF_PERSON)
    surveys = census.select(*person, "fecha_relevamiento", *survey)
    return yearly.census_in_force(rows, surveys, "anio_academico", params)


def _risks(rows: ir.Table) -> dict[str, ir.Value]:
    """The four flags; what is unknown is no risk."""
    return {
        "riesgo_academico": terms.flag(rows.tasa_aprobacion < LOW_APPROVAL),
        "riesgo_asistencia": terms.flag(rows.promedio_asistencia < LOW_ATTENDANCE),
        "riesgo_no_reinscripcion": terms.flag(rows.tuvo_reinscripcion == 0),
        "riesgo_trabajo_excesivo": terms.flag(rows.trabajo_hora_sem > LONG_HOURS),
    }


def _score(rows: ir.Table) -> ir.IntegerColumn:
    """A rule of thumb, 0 to 11."""
    fell = terms.flag(rows.variacion_tasa_aprobacion < ibis.literal(STEEP_FALL, "float64"))
    restless = terms.flag(rows.cambios_estado_acum > MANY_CHANGES)
    return (
        rows.riesgo_academico * 2
        + rows.riesgo_asistencia * 2
        + rows.riesgo_no_reinscripcion * 3
        + rows.riesgo_trabajo_excesivo
        + fell * 2
        + restless
    ).cast("int64")
