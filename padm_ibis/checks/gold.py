"""Contracts of the business marts; those of the feature store are in `padm_ibis.checks.tft`.

Reports (all marts but `MartStudentRiskFeatures`, which is point in time) go by the recorded ``anio_academico``
and count a course and its later promotion once.
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
    block,
    census,
    like,
    only,
)
from padm_ibis.checks.silver import DimPersona, DimStudent
from padm_ibis.checks.tft import GoldTftTemporalFeatures
from padm_ibis.define.contract import GoldContract, column
from padm_ibis.words.terms import FIRST_PLAUSIBLE_YEAR

# --- columns that many marts share -----------------------------------------------------------------


def _source_db() -> Any:
    return column("Configured name of the database the row came from; part of every key and of every join.", role="key")


def _alumno() -> Any:
    return column(
        "Student record: one per person and programme, unique within source_db.",
        role="key", pii="indirect", fk="dim_student.alumno_id",
    )  # fmt: skip


def _anio(description: str) -> Any:
    return column(
        f"{description} Points to dim_periodo up to academic_year(as_of) + 1; a fact may mention a later year.",
        role="key", pii="indirect", fk="dim_periodo.anio_academico", ge=FIRST_PLAUSIBLE_YEAR,
    )  # fmt: skip


def _since_last_row(measure: str) -> Any:
    return column(
        f"{measure} minus that of the student's previous row, which may be more than a year before; null when either is.",
        role="measure", pii="indirect", nullable=True,
    )  # fmt: skip


def _risk(description: str) -> Any:
    return column(f"1 when {description}, else 0; 0 when unknown.", role="measure", pii="indirect", isin=[0, 1])


def _group(description: str, *, nullable: bool = False, fk: str | None = None, ge: Any = None) -> Any:
    """A part of the key of a table about groups of students. A group may be one student: then its numbers are that student's."""
    return column(description, role="key", pii="indirect", nullable=nullable, fk=fk, ge=ge)


def _total(description: str) -> Any:
    return column(description, role="measure", pii="indirect", ge=0)


def _mean_of_group(description: str, *, ge: Any = None, le: Any = None) -> Any:
    return column(description, role="measure", pii="indirect", nullable=True, ge=ge, le=le)


def _rate_of_group(description: str) -> Any:
    return _mean_of_group(f"{description}, 0 to 1; null when there are none.", ge=0, le=1)


def _percent_of_group(description: str) -> Any:
    return _mean_of_group(f"{description}, 0 to 100; null when there are none.", ge=0, le=100)


def _count_of_teacher(description: str) -> Any:
    """A figure about a teacher says something of a person, however many students it counts."""
    return column(description, role="measure", pii="indirect", ge=0)


def _mean_of_teacher(description: str, le: int) -> Any:
    return column(description, role="measure", pii="indirect", nullable=True, ge=0, le=le)


# --- marts about students --------------------------------------------------------------------------


class MartStudentAcademicSummary(Composed):
    """What a student achieved, year by recorded year, and up to then. Years without a result have no row."""

    class Config:
        unique = ("source_db", "alumno_id", "anio_academico")

    source_db: dt.String = _source_db()
    alumno_id: dt.Int64 = _alumno()
    anio_academico: dt.Int64 = _anio("Academic year of the results, as recorded; a result without one is in no row.")
    academico: Block = block(AcademicBlock)
    historia: Block = block(HistoryBlock)
    variacion_promedio: dt.Float64 = _since_last_row("promedio_notas")
    variacion_tasa_aprobacion: dt.Float64 = _since_last_row("tasa_aprobacion")


class MartStudentEngagement(Composed):
    """How present a student was, year by recorded year: attendance, enrolments in courses and exams, re-enrolments."""

    class Config:
        unique = ("source_db", "alumno_id", "anio_academico")

    source_db: dt.String = _source_db()
    alumno_id: dt.Int64 = _alumno()
    anio_academico: dt.Int64 = _anio("Academic year that any of the four facts mentions; a fact without one is in no row.")
    participacion: Block = block(EngagementBlock)
    engagement_score: dt.Float64 = column(
        "0.4 · promedio_asistencia (0 without one) + 20 · reinscripciones + 5 · examenes_inscriptos: a conventional score "
        "without a unit or an upper end.",
        role="measure", pii="indirect",
    )  # fmt: skip


class MartStudentRiskFeatures(Composed):
    """Rows of gold_tft_temporal_features with who the student is, the survey in force and a heuristic score. Point in time."""

    class Config:
        unique = ("source_db", "alumno_id", "anio_academico")

    source_db: dt.String = _source_db()
    alumno_id: dt.Int64 = _alumno()
    anio_academico: dt.Int64 = column(
        "Academic year of the row, a closed one: its features are what was known by its cutoff.",
        role="key", pii="indirect", fk="dim_periodo.anio_academico",
    )  # fmt: skip
    programa: Block = like(DimStudent, "persona_id", "propuesta_id", "modalidad", "anio_ingreso")
    anios_desde_ingreso: Block = like(GoldTftTemporalFeatures, "anios_desde_ingreso")
    ingreso: Block = like(DimStudent, "tipo_ingreso", "facultad_id", "facultad_nombre")
    sexo: Block = like(DimPersona, "sexo")
    edad_al_anio: Block = block(AgeBlock)
    nacionalidad_desc: Block = like(DimPersona, "nacionalidad_desc")
    encuesta: Block = only(
        census(),
        "estado_civil", "cantidad_hijos", "trabajo_existe", "trabajo_hora_sem", "beca",
        "costeos_estudios_familiar", "costeos_estudios_trabajo", "costeos_estudios_beca",
        "tecnologia_int_casa", "tecnologia_pc_casa", "nivel_estudio_previo",
        "disc_auditiva", "disc_visual", "disc_motora",
    )  # fmt: skip
    academico: Block = block(AcademicBlock)
    historia: Block = block(HistoryBlock)
    variacion: Block = block(VariationBlock)
    participacion: Block = block(EngagementBlock)
    cambios_estado_acum: Block = like(GoldTftTemporalFeatures, "cambios_estado_acum")
    riesgo_academico: dt.Int64 = _risk("tasa_aprobacion < 0.5")
    riesgo_asistencia: dt.Int64 = _risk("promedio_asistencia < 60")
    riesgo_no_reinscripcion: dt.Int64 = _risk("tuvo_reinscripcion = 0")
    riesgo_trabajo_excesivo: dt.Int64 = _risk("trabajo_hora_sem > 30 (where it holds hours, not the code of a bracket)")
    risk_score_heuristic: dt.Int64 = column(
        "2 · riesgo_academico + 2 · riesgo_asistencia + 3 · riesgo_no_reinscripcion + 1 · riesgo_trabajo_excesivo "
        "+ 2 when variacion_tasa_aprobacion < -0.2 (by more than 1e-9) + 1 when cambios_estado_acum > 2. A rule of thumb, "
        "not a probability.",
        role="measure", pii="indirect", ge=0, le=11,
    )  # fmt: skip
    dropout_label: dt.Int64 = column(
        "dropout_flag of gold_tft_temporal_features: 1 when a loss of regularity has this anio_academico, else 0.",
        role="target", pii="indirect", isin=[0, 1],
    )  # fmt: skip
    etiquetas: Block = only(block(LabelBlock), "dropout_next_year", "inactivo_next_year", "fecha_dropout")


class MartAlumnosEnRiesgo(Composed):
    """Students of the last closed year who are still there, the most at risk first: what an adviser opens on Monday."""

    class Config:
        unique = ("source_db", "alumno_id")

    source_db: dt.String = _source_db()
    alumno_id: dt.Int64 = _alumno()
    anio_academico: dt.Int64 = column(
        "The last closed year: the greatest whose cutoff is not after as_of.", pii="indirect", fk="dim_periodo.anio_academico"
    )
    riesgo: Block = like(
        MartStudentRiskFeatures,
        "persona_id", "propuesta_id", "risk_score_heuristic",
        "riesgo_academico", "riesgo_asistencia", "riesgo_no_reinscripcion", "riesgo_trabajo_excesivo",
        "tasa_aprobacion", "promedio_asistencia",
    )  # fmt: skip
    anios_inactivo_consecutivos: Block = like(GoldTftTemporalFeatures, "anios_inactivo_consecutivos")
    puesto_en_carrera: dt.Int64 = column(
        "Rank by risk_score_heuristic, highest first, within source_db and propuesta_id (students without a programme among "
        "themselves); equal scores share a place and the next one is skipped (1, 1, 3).",
        role="measure", pii="indirect", ge=1,
    )  # fmt: skip


# --- marts about groups ----------------------------------------------------------------------------


class MartCohortAnalysis(GoldContract):
    """Students of dim_student with a year of entry, by cohort, programme, faculty and province of their location."""

    class Config:
        unique = ("source_db", "cohorte", "propuesta_id", "facultad_id", "sede_provincia")

    source_db: dt.String = _source_db()
    cohorte: dt.Int64 = _group(
        "Academic year of entry (anio_ingreso); students without one are in no cohort.", ge=FIRST_PLAUSIBLE_YEAR
    )
    propuesta_id: dt.Int64 = _group(
        "Programme; null, a group of its own, for students without one.", nullable=True, fk="dim_propuesta.propuesta_id"
    )
    facultad_id: dt.Int64 = _group(
        "Institution of the students' location; null, a group of its own, for students without one.",
        nullable=True, fk="dim_facultad.facultad_id",
    )  # fmt: skip
    sede_provincia: dt.String = _group(
        "Province of the students' own location; null, a group of its own, for students without one.", nullable=True
    )
    propuesta_nombre: dt.String = column("Name of the programme, of dim_propuesta.", nullable=True)
    facultad_nombre: dt.String = column("Name of the institution, of dim_facultad.", nullable=True)
    total_estudiantes: dt.Int64 = _total("Students of the group.")
    total_desertores: dt.Int64 = _total("Students with any loss of regularity known at as_of, whatever its year.")
    tasa_desercion_pct: dt.Float64 = _percent_of_group("100 · total_desertores / total_estudiantes")
    total_egresados: dt.Int64 = _total("Students with a graduation known at as_of; they may be among total_desertores too.")
    total_retenidos: dt.Int64 = _total("total_estudiantes less total_desertores: graduates and students alike.")
    tasa_retencion_pct: dt.Float64 = _percent_of_group("100 · total_retenidos / total_estudiantes")
    promedio_anios_hasta_dropout: dt.Float64 = _mean_of_group(
        "Mean, over the students with a dropout of a known year, of the lowest anio_academico of their dropouts less cohorte; "
        "null without such students."
    )
    min_anios_hasta_dropout: dt.Int64 = _mean_of_group(
        "Least of those years; negative when a dropout is recorded of a year before the entry; null without such students."
    )
    max_anios_hasta_dropout: dt.Int64 = _mean_of_group("Greatest of those years; null without such students.")
    promedio_notas_cohorte: dt.Float64 = _mean_of_group(
        "Mean of all graded finals (exams and promotions with a numeric mark) of the group's students, of every year: "
        "each mark weighs the same. From whole hundredths; null without one.",
        ge=0, le=10,
    )  # fmt: skip
    tasa_aprobacion_cohorte_pct: dt.Float64 = _percent_of_group(
        "100 · approved counted evaluations (exams, promotions and courses with result A, R or U) of the group's students, "
        "of every year, over all of them; a course and its promotion count once"
    )


class MartKpiMateria(GoldContract):
    """Subjects by year: enrolled students, results, and how many take the subject again."""

    class Config:
        unique = ("source_db", "elemento_id", "anio_academico")

    source_db: dt.String = _source_db()
    elemento_id: dt.Int64 = _group(
        "Subject that a course enrolment or an academic result mentions.", fk="dim_elemento.elemento_id"
    )
    anio_academico: dt.Int64 = _group(
        "Academic year as recorded; rows without one, or without a subject, are in no row here. "
        "Points to dim_periodo up to academic_year(as_of) + 1; a fact may mention a later year.",
        fk="dim_periodo.anio_academico", ge=FIRST_PLAUSIBLE_YEAR,
    )  # fmt: skip
    materia_nombre: dt.String = column("Name of the subject, of dim_elemento.", nullable=True)
    inscriptos: dt.Int64 = _total("Distinct students with a course enrolment in the subject and year, whatever its state.")
    total_evaluaciones: dt.Int64 = _total(
        "Counted evaluations: exams, promotions and courses with result A, R or U; a course and its promotion count once."
    )
    promedio_notas: dt.Float64 = _mean_of_group(
        "Mean mark of the graded finals (exams and promotions with a numeric mark), from whole hundredths; null without one.",
        ge=0,
        le=10,
    )
    tasa_aprobacion: dt.Float64 = _rate_of_group("Counted evaluations with result A over total_evaluaciones")
    tasa_reprobacion: dt.Float64 = _rate_of_group("Counted evaluations with result R over total_evaluaciones")
    tasa_ausentismo: dt.Float64 = _rate_of_group("Counted evaluations with result U over total_evaluaciones")
    tasa_recursada: dt.Float64 = _rate_of_group(
        "Students enrolled this year who were enrolled in the subject in an earlier anio_academico, over inscriptos"
    )


class MartRankingDocentes(GoldContract):
    """Teachers by year, by the results of the courses they teach. A rank says how courses ended, not why."""

    class Config:
        unique = ("source_db", "docente_hash", "anio_academico")

    source_db: dt.String = _source_db()
    docente_hash: dt.String = column(
        "Keyed hash of the teacher's document number.", role="key", pii="indirect", breaker="keyed_hash",
        why="A ranking needs to tell one teacher from another and follow each through the years, without saying who it is.",
    )  # fmt: skip
    anio_academico: dt.Int64 = _anio("Academic year of the results, as recorded.")
    evaluaciones: dt.Int64 = _count_of_teacher(
        "Results A, R or U of courses and promotions in the teacher's comisiones. A result counts once for each teacher "
        "of its comisión, and a course and its promotion count once."
    )
    estudiantes: dt.Int64 = _count_of_teacher("Distinct students among them.")
    promedio_notas: dt.Float64 = _mean_of_teacher(
        "Mean of the numeric marks of those results, marks of courses included; null without one. From whole hundredths.", 10
    )
    tasa_aprobacion: dt.Float64 = _mean_of_teacher("Results A over evaluaciones, 0 to 1.", 1)
    tasa_ausentismo: dt.Float64 = _mean_of_teacher("Results U over evaluaciones, 0 to 1.", 1)
    puesto: dt.Int64 = column(
        "1, 2, … within source_db and anio_academico by tasa_aprobacion (highest first), promedio_notas (highest first, nulls "
        "last) and docente_hash, among those with at least the parameter ranking_min_evaluaciones; null below it.",
        role="measure", pii="indirect", nullable=True, ge=1,
    )  # fmt: skip
