"""Contracts of bronze: faithful copies of what a source returned.

Values are as the source holds them: marks, flags and codes stay text where a source may hold text. What may be null at a
source is nullable here, columns of a key included: nothing is lost because of a null.
"""

from __future__ import annotations

from typing import Annotated, Any

import ibis.expr.datatypes as dt

from padm_ibis.define.contract import BronzeContract, Pii, Role, column

Numeric = Annotated[dt.Decimal, 18, 6, True]

# --- columns that many tables share ----------------------------------------------------------------


def _source_db() -> Any:
    return column(
        "Configured name of the database the row came from; part of every key and of every join.", role="key", required=True
    )


def _extracted_at() -> Any:
    return column("When the row was read, UTC.", role="metadata", alias="_extracted_at", required=True)


def _run_id() -> Any:
    return column("Run that read the row.", role="metadata", alias="_run_id", required=True)


def _id(description: str, *, pii: Pii = "none") -> Any:
    """A column of the key that the source never leaves empty."""
    return column(description, role="key", pii=pii, required=True)


def _key(description: str, *, pii: Pii = "none", required: bool = True) -> Any:
    """A column of the key that may be null: null is then one value of the key like any other."""
    return column(f"{description} Part of the key; may be null.", role="key", pii=pii, nullable=True, required=required)


def _needed(description: str, *, role: Role = "attribute", pii: Pii = "none") -> Any:
    """A column without which the source cannot be loaded."""
    return column(description, role=role, pii=pii, nullable=True, required=True)


def _text(description: str) -> Any:
    """An attribute that says nothing of a person; null where the source lacks it."""
    return column(description, nullable=True)


def _personal(description: str) -> Any:
    """An attribute that says something of a person; null where the source lacks it."""
    return column(description, pii="indirect", nullable=True)


def _measure(description: str) -> Any:
    return column(description, role="measure", pii="indirect", nullable=True)


def _flag(description: str) -> Any:
    return _personal(f"Whether {description}: S or N, true or false, by installation.")


def _hash(description: str, normalised: str) -> Any:
    return column(
        f"Keyed hash (HMAC-SHA-256, hex) of {description}, {normalised}; null without one.",
        pii="indirect", nullable=True, breaker="keyed_hash",
        why="Without the key of the configuration it neither names a person nor matches another register.",
    )  # fmt: skip


def _alumno() -> Any:
    return column(
        "Student record; rows without one are kept here and are not facts.", pii="indirect", nullable=True, required=True
    )


def _alumno_key() -> Any:
    return _key("Student record; rows without one are not facts.", pii="indirect")


def _plan_version() -> Any:
    return _text("Version of the study plan.")


# --- dimensions ------------------------------------------------------------------------------------


class Students(BronzeContract):
    """Student records as they are now, each with the aspiration it entered by."""

    class Config:
        unique = ("source_db", "alumno")

    source_db: dt.String = _source_db()
    alumno: dt.Int64 = _id("Student record: one per person and programme.", pii="indirect")
    persona: dt.Int64 = _needed("Person.", pii="indirect")
    legajo: dt.String = column("Number of the student's file, as printed on papers.", pii="direct", nullable=True)
    propuesta: dt.Int64 = _needed("Programme.")
    propuesta_nombre: dt.String = _needed("Programme: name.")
    propuesta_codigo: dt.String = _text("Programme: code.")
    plan_version_id: dt.Int64 = _needed("Version of the study plan.")
    plan_version: dt.String = _needed("Version of the study plan: name.")
    ubicacion: dt.Int64 = _needed("Location at which the student studies.")
    see_nombre: dt.String = _text("Location: name.")
    see_calle: dt.String = _text("Location: street (a building of the university, no one's home).")
    see_numero: dt.String = _text("Location: number in the street.")
    see_codigo_postal: dt.String = _text("Location: postal code.")
    see_institucion_id: dt.Int64 = _text("Institution at the location (institucion_araucano).")
    see_institucion: dt.String = _text("Institution at the location: name.")
    see_institucion_p: dt.String = _text("Institution which that one belongs to: name.")
    see_localidad: dt.String = _text("Location: town.")
    see_dpto: dt.String = _text("Location: department or district.")
    see_provincia: dt.String = _text("Location: province.")
    modalidad: dt.String = _personal("Mode of study: the installation's code.")
    regular: dt.String = _flag("the student is regular NOW (current state)")
    calidad: dt.String = _personal("A active, P passive NOW (current state).")
    fecha_ingreso: dt.Date = _needed(
        "Date of entry: fecha_inscripcion of the accepted aspiration (resultado_asp A or P, or no situation) with the lowest "
        "anio_academico, then the lowest propuesta_aspira; null without one.",
        pii="indirect",
    )
    tipo_ingreso: dt.Int64 = _personal("Kind of entry of that aspiration: the installation's code.")
    tipo_ingreso_desc: dt.String = _personal("Kind of entry: name.")
    extracted_at: dt.Timestamp = _extracted_at()
    run_id: dt.String = _run_id()


class Personas(BronzeContract):
    """Persons; names and addresses are not read, identifiers arrive hashed."""

    class Config:
        unique = ("source_db", "persona")

    source_db: dt.String = _source_db()
    persona: dt.Int64 = _id("Person.", pii="indirect")
    fecha_nacimiento: dt.Date = _needed("Date of birth.", pii="direct")
    sexo: dt.String = _needed("F, M, rarely X or another letter.", pii="indirect")
    localidad_nacimiento: dt.Int64 = _personal("Town of birth: code.")
    localidad_nacimiento_desc: dt.String = _personal("Town of birth: name.")
    nacionalidad: dt.Int64 = _personal("Nationality: code.")
    nacionalidad_desc: dt.String = _personal("Nationality: name.")
    documento_hash: dt.String = _hash("the number of the principal document", "digits only, without leading zeros")
    usuario_hash: dt.String = _hash("the user name", "trimmed, lower case")
    email_hash: dt.String = _hash(
        "the e-mail address (the principal contact, MP; the lowest of several; else email_temporal)", "trimmed, lower case"
    )
    extracted_at: dt.Timestamp = _extracted_at()
    run_id: dt.String = _run_id()


class Elementos(BronzeContract):
    """Subjects of the catalogue."""

    class Config:
        unique = ("source_db", "elemento")

    source_db: dt.String = _source_db()
    elemento: dt.Int64 = _id("Subject.")
    materia_codigo: dt.String = _text("Subject: code.")
    materia_nombre: dt.String = _needed("Subject: name.")
    extracted_at: dt.Timestamp = _extracted_at()
    run_id: dt.String = _run_id()


class Instancias(BronzeContract):
    """Instances in which a subject is examined or credited."""

    class Config:
        unique = ("source_db", "instancia")

    source_db: dt.String = _source_db()
    instancia: dt.Int64 = _id("Instance.")
    instancia_nombre: dt.String = _needed("Instance: name, as the installation words it.")
    extracted_at: dt.Timestamp = _extracted_at()
    run_id: dt.String = _run_id()


# --- courses ---------------------------------------------------------------------------------------


class Attendance(BronzeContract):
    """Running totals of attendance; the source keeps no dates of them."""

    class Config:
        unique = ("source_db", "alumno", "comision")

    source_db: dt.String = _source_db()
    alumno: dt.Int64 = _alumno_key()
    comision: dt.Int64 = _id("Comisión (course group).")
    elemento: dt.Int64 = _needed("Subject of the comisión.")
    anio_academico: dt.Int64 = _needed("Academic year of the comisión's period.", role="known_at")
    porc_asistencia: Numeric = column("Attendance in percent.", role="measure", pii="indirect", nullable=True, required=True)
    total_inasistencias: Numeric = column(
        "Absences, with fractions.", role="measure", pii="indirect", nullable=True, required=True
    )
    extracted_at: dt.Timestamp = _extracted_at()
    run_id: dt.String = _run_id()


class DocentesComision(BronzeContract):
    """Teachers of comisiones; several spells of one teacher in one comisión are one row."""

    class Config:
        unique = ("source_db", "docente", "comision")

    source_db: dt.String = _source_db()
    docente: dt.Int64 = _id("Teacher.", pii="indirect")
    comision: dt.Int64 = _id("Comisión (course group).")
    elemento: dt.Int64 = _needed("Subject of the comisión.")
    anio_academico: dt.Int64 = _needed("Academic year of the comisión's period.", role="known_at")
    docente_hash: dt.String = _hash("the number of the teacher's principal document", "digits only, without leading zeros")
    extracted_at: dt.Timestamp = _extracted_at()
    run_id: dt.String = _run_id()


class Academic(BronzeContract):
    """Course marks: every enrolment with every evaluation of its comisión, and every mark whose enrolment is gone."""

    class Config:
        unique = ("source_db", "alumno", "comision", "evaluacion")

    source_db: dt.String = _source_db()
    alumno: dt.Int64 = _alumno_key()
    comision: dt.Int64 = _id("Comisión (course group).")
    evaluacion: dt.Int64 = _key("Evaluation of the comisión (joined by entidad); null while the comisión has none.")
    anio_academico: dt.Int64 = _needed("Academic year of the comisión's period.")
    periodo_lectivo: dt.Int64 = _needed("Teaching period of the comisión.")
    elemento: dt.Int64 = _needed("Subject of the comisión.")
    plan_version_id: dt.Int64 = _text("Version of the study plan of the mark, else of the latest enrolment in the comisión.")
    nota_cursada: dt.String = _needed("Mark of the course, as recorded; null while it is open.", pii="indirect")
    resultado_cursada: dt.String = _needed("A passed, R failed, U absent; null while it is open.", pii="indirect")
    fecha_nota: dt.Date = _needed("Date of the mark (fecha_regular).", role="known_at", pii="indirect")
    extracted_at: dt.Timestamp = _extracted_at()
    run_id: dt.String = _run_id()


class CourseInscriptions(BronzeContract):
    """Enrolments in courses, whatever their state."""

    class Config:
        unique = ("source_db", "inscripcion_id")

    source_db: dt.String = _source_db()
    alumno: dt.Int64 = _alumno()
    inscripcion_id: dt.Int64 = _id("Enrolment.")
    comision: dt.Int64 = _needed("Comisión (course group).")
    elemento_id: dt.Int64 = _needed("Subject of the comisión.")
    catedra_cod: dt.String = _text("Chair of the comisión: its code, or its number where it has no code.")
    catedra_nombre: dt.String = _text("Chair of the comisión: name.")
    periodo_lectivo: dt.Int64 = _needed("Teaching period of the comisión.")
    anio_academico: dt.Int64 = _needed("Academic year of that period.")
    plan_version_id: dt.Int64 = _plan_version()
    plan_version_desc: dt.String = _text("Version of the study plan: name.")
    fecha_inscripcion: dt.Timestamp = _needed(
        "Instant of the enrolment, local time of the source.", role="known_at", pii="indirect"
    )
    estado_inscripcion: dt.String = _personal("State: the source's code (A accepted).")
    extracted_at: dt.Timestamp = _extracted_at()
    run_id: dt.String = _run_id()


# --- results ---------------------------------------------------------------------------------------


class HistoriaAcademica(BronzeContract):
    """Results of exams, promotions and equivalences: the academic history as the source's view shows it."""

    class Config:
        unique = ("source_db", "registro")

    source_db: dt.String = _source_db()
    registro: dt.String = _id(
        "acta:<id_acta>:<alumno>; without an acta tramite:<reconocimiento_nro_tramite>:<elemento>:<alumno>; without either "
        "fila:<alumno>:<elemento>:<fecha>:<instancia>:<tipo>. A part that is null is written empty, a date as yyyy-mm-dd.",
        pii="indirect",
    )
    persona: dt.Int64 = _personal("Person.")
    alumno: dt.Int64 = _alumno()
    elemento: dt.Int64 = _needed("Subject.")
    elemento_revision: dt.Int64 = _text("Revision of the subject.")
    plan_version_id: dt.Int64 = _plan_version()
    anio_academico: dt.Int64 = _needed("Academic year.")
    periodo_lectivo: dt.Int64 = _text("Teaching period; commonly null for exams.")
    instancia: dt.Int64 = _needed("Instance.")
    fecha: dt.Date = _needed("Date of the result.", role="known_at", pii="indirect")
    fecha_vigencia: dt.Date = _needed("Date until which a regularity holds.", pii="indirect")
    nota: dt.String = _needed("Mark as recorded: digits, letters or words.", pii="indirect")
    nota_descripcion: dt.String = _personal("Mark in words.")
    resultado: dt.String = _needed("A passed, R failed, U absent.", pii="indirect")
    resultado_descripcion: dt.String = _personal("Result in words.")
    tipo: dt.String = _needed("Kind of result in words.")
    origen: dt.String = _needed("E exam, P promotion, R regularity, A and B equivalence.")
    pct_asistencia: Numeric = _measure("Attendance in percent at the close of the acta.")
    creditos: Numeric = _measure("Credits.")
    id_acta: dt.Int64 = _needed("Acta the result stands in.")
    folio: dt.String = _text("Folio of the acta.")
    renglon: dt.Int64 = _text("Line of the acta.")
    comision: dt.Int64 = _text("Comisión (course group).")
    evaluacion: dt.Int64 = _text("Evaluation.")
    nro_resolucion: dt.String = _text("Number of the resolution.")
    reconocimiento_nro_tramite: dt.String = _text("Number of the recognition's file.")
    extracted_at: dt.Timestamp = _extracted_at()
    run_id: dt.String = _run_id()


class ExamInscriptions(BronzeContract):
    """Enrolments in exams, whatever their state."""

    class Config:
        unique = ("source_db", "inscripcion_id")

    source_db: dt.String = _source_db()
    alumno: dt.Int64 = _alumno()
    inscripcion_id: dt.Int64 = _id("Enrolment.")
    elemento_id: dt.Int64 = _needed("Subject of the exam board (mesa).")
    catedra_cod: dt.String = _text("Chair: code. Always null: an exam board belongs to a subject, not to a chair.")
    catedra_nombre: dt.String = _text("Chair: name. Always null, as its code.")
    fecha_inscripcion: dt.Timestamp = _needed(
        "Instant of the enrolment, local time of the source.", role="known_at", pii="indirect"
    )
    fecha_mesa_examen: dt.Date = _needed("Date of the exam: that of the board's call (llamado).")
    anio_academico: dt.Int64 = _needed("Academic year of the exam board, not the calendar year of its date.")
    instancia_id: dt.Int64 = _text("Instance of the exam.")
    instancia_desc: dt.String = _text("Instance: name.")
    plan_version_id: dt.Int64 = _plan_version()
    plan_version_desc: dt.String = _text("Version of the study plan: name.")
    estado_inscripcion: dt.String = _personal("State: the source's code.")
    extracted_at: dt.Timestamp = _extracted_at()
    run_id: dt.String = _run_id()


# --- the student's standing ------------------------------------------------------------------------


class Dropout(BronzeContract):
    """Losses of regularity, written by a yearly control."""

    class Config:
        unique = ("source_db", "perdida_regularidad")

    source_db: dt.String = _source_db()
    perdida_regularidad: dt.Int64 = _id("Loss of regularity.")
    alumno: dt.Int64 = _alumno()
    anio_academico: dt.Int64 = _needed("Academic year that the control judged.")
    fecha_dropout: dt.Date = _needed("Day on which the control ran.", role="known_at", pii="indirect")
    fecha_control_desde: dt.Date = _needed("First day of the time that the control looked at.", pii="indirect")
    fecha_control_hasta: dt.Date = _needed("Last day of the time that the control looked at.", pii="indirect")
    extracted_at: dt.Timestamp = _extracted_at()
    run_id: dt.String = _run_id()


class Reinscripciones(BronzeContract):
    """Yearly re-enrolments."""

    class Config:
        unique = ("source_db", "alumno", "anio_academico", "nro_transaccion")

    source_db: dt.String = _source_db()
    alumno: dt.Int64 = _alumno_key()
    anio_academico: dt.Int64 = _key("Academic year of the re-enrolment.")
    fecha_reinscripcion: dt.Timestamp = _needed(
        "Instant of the re-enrolment, local time of the source.", role="known_at", pii="indirect"
    )
    nro_transaccion: dt.Int64 = _key("Transaction at the source.")
    extracted_at: dt.Timestamp = _extracted_at()
    run_id: dt.String = _run_id()


class AlumnosHistCalidad(BronzeContract):
    """Changes of calidad."""

    class Config:
        unique = ("source_db", "alumno", "fecha", "motivo_calidad")

    source_db: dt.String = _source_db()
    alumno: dt.Int64 = _alumno_key()
    fecha: dt.Timestamp = _key("Instant of the change, local time of the source.", pii="indirect")
    motivo_calidad: dt.String = _key("Reason: the installation's code as text.", pii="indirect")
    calidad: dt.String = _needed("A active, P passive, after the change.", pii="indirect")
    extracted_at: dt.Timestamp = _extracted_at()
    run_id: dt.String = _run_id()


class Egresos(BronzeContract):
    """Graduations: requests for a certificate that were not annulled and have a date."""

    class Config:
        unique = ("source_db", "nro_solicitud", "alumno")

    source_db: dt.String = _source_db()
    nro_solicitud: dt.Int64 = _key("Request for the certificate.")
    persona: dt.Int64 = _personal("Person.")
    alumno: dt.Int64 = _alumno_key()
    plan_version_id: dt.Int64 = _plan_version()
    fecha_egreso: dt.Date = column("Date of graduation.", role="known_at", pii="indirect", required=True)
    promedio: Numeric = _measure("Mean mark, failed exams included, as the source certifies it.")
    promedio_sin_aplazos: Numeric = _measure("Mean mark without failed exams, as the source certifies it.")
    extracted_at: dt.Timestamp = _extracted_at()
    run_id: dt.String = _run_id()


# --- the survey ------------------------------------------------------------------------------------


def _disability(description: str) -> Any:
    return column(f"Whether the person declares {description}: S or N, true or false.", pii="sensitive", nullable=True)


class Census(BronzeContract):
    """All surveys of all persons, with the person's earlier studies (of which the source keeps no dates)."""

    class Config:
        unique = ("source_db", "persona", "dato_censal")

    source_db: dt.String = _source_db()
    persona: dt.Int64 = _key("Person who answered.", pii="indirect")
    dato_censal: dt.Int64 = _id("Survey.")
    fecha: dt.Date = _needed("Day of the survey (fecha_relevamiento).", role="known_at", pii="indirect")
    estado_civil: dt.Int64 = _personal("Marital status: code (1 single, 2 married, 3 separated, 4 divorced, 5 union, 6 widowed).")
    estado_civil_desc: dt.String = _personal("Marital status: name.")
    union_pareja: dt.String = _flag("the person lives with a partner (unido_hecho)")
    situacion_padre: dt.String = _personal("Father: V lives, N does not, D unknown.")
    situacion_madre: dt.String = _personal("Mother: V lives, N does not, D unknown.")
    cantidad_hijos: dt.Int64 = _measure("Number of children.")
    vive_con: dt.Int64 = _personal("Lives with: code (1 alone, 2 mates, 3 family of origin, 4 partner or children, 5 others).")
    cobertura_salud: dt.Int64 = _personal("Who provides health insurance: code (5 no one). It tells no state of health.")
    tipo_vivienda: dt.Int64 = _personal("Kind of dwelling: code.")
    tipo_vivienda_desc: dt.String = _personal("Kind of dwelling: name.")
    periodo_lectivo_localidad: dt.Int64 = _personal("Town of residence while studying: code.")
    periodo_lectivo_localidad_desc: dt.String = _personal("Town of residence while studying: name.")
    periodo_lectivo_departamento: dt.Int64 = _personal(
        "Department or district of that town: code. Not the column of that name at the source, which is an apartment."
    )
    periodo_lectivo_departamento_desc: dt.String = _personal("Department or district of that town: name.")
    periodo_lectivo_codigo_postal: dt.String = _personal("Postal code while studying.")
    procedencia_localidad: dt.Int64 = _personal("Town the person comes from: code.")
    procedencia_localidad_desc: dt.String = _personal("Town the person comes from: name.")
    procedencia_departamento: dt.Int64 = _personal(
        "Department or district of that town: code. Not the column of that name at the source, which is an apartment."
    )
    procedencia_departamento_desc: dt.String = _personal("Department or district of that town: name.")
    procedencia_codigo_postal: dt.String = _personal("Postal code the person comes from.")
    trabajo_existe: dt.String = _personal("Whether the person works: the installation's code, or true or false.")
    trabajo_existe_desc: dt.String = _personal("Whether the person works: name of the code.")
    trabajo_hora_sem: dt.Int64 = _measure("Hours of work a week, or the code of a bracket, by installation.")
    beca: dt.String = _flag("the person has a grant")
    costeos_estudios_familiar: dt.String = _flag("the family pays for the studies")
    costeos_estudios_plan_social: dt.String = _flag("a social programme pays for the studies")
    costeos_estudios_trabajo: dt.String = _flag("the person's work pays for the studies")
    costeos_estudios_beca: dt.String = _flag("a grant pays for the studies")
    costeos_estudios_otro: dt.String = _flag("something else pays for the studies")
    tecnologia_int_casa: dt.String = _flag("there is Internet at home")
    tecnologia_pc_casa: dt.String = _flag("there is a computer at home")
    tecnologia_int_movil: dt.String = _flag("the person has mobile Internet")
    deportes: dt.String = _flag("the person does sports")
    disc_auditiva: dt.String = _disability("a hearing disability")
    disc_visual: dt.String = _disability("a visual disability")
    disc_motora: dt.String = _disability("a motor disability")
    disc_otra: dt.String = _disability("another disability")
    nivel_estudio: dt.Int64 = _personal(
        "Highest level of earlier studies: code. All of the person's surveys carry the same, the present one."
    )
    nivel_estudio_desc: dt.String = _personal("Highest level of earlier studies: name.")
    institucion: dt.Int64 = _personal("Institution of those studies: code.")
    institucion_desc: dt.String = _personal("Institution of those studies: name.")
    colegio: dt.Int64 = _personal("Secondary school of those studies: code.")
    colegio_desc: dt.String = _personal("Secondary school of those studies: name.")
    extracted_at: dt.Timestamp = _extracted_at()
    run_id: dt.String = _run_id()
