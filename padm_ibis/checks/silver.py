"""Contracts of silver: dimensions, a bridge and facts."""

from __future__ import annotations

from typing import Any

import ibis.expr.datatypes as dt

from padm_ibis.define.contract import Role, SilverContract, column
from padm_ibis.words.terms import FIRST_PLAUSIBLE_YEAR, SEXOS, TIPOS_EVALUACION, TIPOS_SEDE

# --- columns that many tables share ----------------------------------------------------------------


def _source_db() -> Any:
    return column("Configured name of the database the row came from; part of every key and of every join.", role="key")


def _alumno(role: Role = "attribute") -> Any:
    return column(
        "Student record (one per person and programme), unique within source_db. A fact may mention one that students lacks.",
        role=role, pii="indirect", fk="dim_student.alumno_id",
    )  # fmt: skip


def _elemento() -> Any:
    return column("Subject, as recorded.", nullable=True, fk="dim_elemento.elemento_id")


def _plan_version() -> Any:
    return column("Version of the study plan, as recorded.", nullable=True, fk="dim_plan_version.plan_version_id")


def _instancia(description: str) -> Any:
    return column(description, nullable=True, fk="dim_instancia.instancia_id")


def _text(description: str) -> Any:
    """An attribute of a catalogue, which says nothing of a person."""
    return column(description, nullable=True)


def _personal(description: str) -> Any:
    """An attribute that says something of a person."""
    return column(description, pii="indirect", nullable=True)


def _measure(description: str) -> Any:
    return column(description, role="measure", pii="indirect", nullable=True)


def _flag(description: str) -> Any:
    return column(f"1 when {description}, else 0.", role="measure", pii="indirect", isin=[0, 1])


def _one(description: str) -> Any:
    return column(f"Always 1: {description}, to be summed.", role="measure", isin=[1])


# A year is shared by everyone of that year: it stands below the class of the date it comes from.
_YEAR_OF_A_DATE: dict[str, Any] = {"breaker": "bucket", "why": "An academic year is shared by everyone of that year."}


def _anio_academico(description: str, *, role: Role = "attribute", of_a_date: bool = True) -> Any:
    bucket = _YEAR_OF_A_DATE if of_a_date else {}
    return column(
        f"Academic year the fact is about: {description}. Null when unknown or before 1950 (a typing error). "
        "Points to dim_periodo up to academic_year(as_of) + 1; a fact may mention a later year.",
        role=role, nullable=True, fk="dim_periodo.anio_academico", ge=FIRST_PLAUSIBLE_YEAR, **bucket,
    )  # fmt: skip


def _fecha_conocida(description: str) -> Any:
    return column(
        f"Date on which the fact became known: {description}. Never after as_of. "
        "Null when unknown or of an academic year before 1950 (a typing error).",
        role="known_at", pii="indirect", nullable=True, fk="dim_fecha.fecha",
    )  # fmt: skip


def _anio_evento() -> Any:
    return column(
        "Academic year in which the fact enters the student's history: the later of anio_academico and "
        "academic_year(fecha_conocida), the one that is not null when the other is; null when both are.",
        nullable=True, ge=FIRST_PLAUSIBLE_YEAR, **_YEAR_OF_A_DATE,
    )  # fmt: skip


# --- dimensions ------------------------------------------------------------------------------------


class DimFecha(SilverContract):
    """Calendar: 1 January of the earliest year in dim_periodo to 31 December of academic_year(as_of) + 5."""

    class Config:
        unique = ("fecha",)

    fecha: dt.Date = column("The day.", role="key")
    anio: dt.Int64 = column("Calendar year.")
    mes: dt.Int64 = column("Month, 1 to 12.", ge=1, le=12)
    dia: dt.Int64 = column("Day of the month.", ge=1, le=31)
    trimestre: dt.Int64 = column("Calendar quarter, 1 to 4.", ge=1, le=4)
    semana: dt.Int64 = column(
        "ISO 8601 week, 1 to 53; the first days of January may be of the last week of the year before.", ge=1, le=53
    )
    dia_semana: dt.Int64 = column("ISO weekday, 1 = Monday to 7 = Sunday.", ge=1, le=7)
    dia_nombre: dt.String = column("Weekday in Spanish, lower case, with accents.")
    mes_nombre: dt.String = column("Month in Spanish, lower case.")
    anio_academico: dt.Int64 = column(
        "Academic year in which the day lies; not a foreign key: the calendar reaches beyond dim_periodo."
    )
    cuatrimestre: dt.Int64 = column("1 in the first five months of the academic year, else 2.", isin=[1, 2])
    es_fin_semana: dt.Boolean = column("Whether the day is a Saturday or a Sunday.")
    es_primer_dia_mes: dt.Boolean = column("Whether the day is the first of its month.")
    es_ultimo_dia_mes: dt.Boolean = column("Whether the day is the last of its month.")


class DimPeriodo(SilverContract):
    """Academic years, contiguous up to academic_year(as_of) + 1.

    They start at the earliest anio_ingreso of a student or anio_academico or academic_year(fecha_conocida) of a fact,
    never later than academic_year(as_of).
    """

    class Config:
        unique = ("anio_academico",)

    anio_academico: dt.Int64 = column("Academic year: the calendar year in which it starts.", role="key", ge=FIRST_PLAUSIBLE_YEAR)
    fecha_inicio: dt.Date = column("First day: the 1st of academic_year_start_month.")
    fecha_fin: dt.Date = column("Last day, the cutoff: the moment from which the next year is predicted.")
    periodo_label: dt.String = column("'2024-2025'; '2024' when the academic year starts in January.")
    anio_relativo: dt.Int64 = column(
        "anio_academico minus the parameter period_base_year (default 2000); does not depend on the data."
    )
    esta_cerrado: dt.Boolean = column("Whether the year is closed: fecha_fin <= as_of.")


class DimPropuesta(SilverContract):
    """Programmes that some student is enrolled in; students without one add no row."""

    class Config:
        unique = ("source_db", "propuesta_id")

    source_db: dt.String = _source_db()
    propuesta_id: dt.Int64 = column("Programme, unique within source_db.", role="key")
    propuesta_nombre: dt.String = _text("Name; where students disagree, that of the lowest alumno.")
    propuesta_codigo: dt.String = _text("Code; of the same student as the name.")


class DimFacultad(SilverContract):
    """Institutions (faculties): all attributes are those of the lowest ubicacion, then the lowest alumno."""

    class Config:
        unique = ("source_db", "facultad_id")

    source_db: dt.String = _source_db()
    facultad_id: dt.Int64 = column(
        "Institution of the student's location (see_institucion_id), unique within source_db.", role="key"
    )
    facultad_nombre: dt.String = _text("Name of the institution (see_institucion).")
    universidad_nombre: dt.String = _text("Name of the institution it belongs to (see_institucion_p).")
    sede_provincia: dt.String = _text("Province of the location.")
    tipo_sede: dt.String = column(
        "'Delegación' when the location's or the institution's name contains the parameter sede_delegacion, lower case and "
        "accents aside; null when both names are null; else 'Sede Central'.",
        nullable=True, isin=TIPOS_SEDE,
    )  # fmt: skip
    ubicacion_sede: dt.String = _text("Town of the location (see_localidad).")


class DimPlanVersion(SilverContract):
    """Versions of study plans that any row of students, enrolments, results or graduations mentions."""

    class Config:
        unique = ("source_db", "plan_version_id")

    source_db: dt.String = _source_db()
    plan_version_id: dt.Int64 = column("Version of a study plan, unique within source_db.", role="key")
    plan_version_nombre: dt.String = _text(
        "Name: the smallest by code point of those in students, else of those in course and exam enrolments; "
        "null for a plan that only results or graduations mention."
    )


class DimElemento(SilverContract):
    """Subjects of the source's catalogue."""

    class Config:
        unique = ("source_db", "elemento_id")

    source_db: dt.String = _source_db()
    elemento_id: dt.Int64 = column("Subject, unique within source_db.", role="key")
    materia_codigo: dt.String = _text("Code of the subject.")
    materia_nombre: dt.String = _text("Name of the subject.")


class DimInstancia(SilverContract):
    """Instances in which a subject is examined or credited."""

    class Config:
        unique = ("source_db", "instancia_id")

    source_db: dt.String = _source_db()
    instancia_id: dt.Int64 = column("Instance, unique within source_db.", role="key")
    instancia_nombre: dt.String = _text("Name, as the installation words it.")


class DimUbicacion(SilverContract):
    """Locations at which some student is enrolled; where students disagree, the row of the lowest alumno."""

    class Config:
        unique = ("source_db", "ubicacion_id")

    source_db: dt.String = _source_db()
    ubicacion_id: dt.Int64 = column("Location, unique within source_db.", role="key")
    see_nombre: dt.String = _text("Name of the location.")
    see_calle: dt.String = _text("Street of the location (a building of the university, no one's home).")
    see_numero: dt.String = _text("Number in the street.")
    see_codigo_postal: dt.String = _text("Postal code.")
    see_institucion: dt.String = _text("Institution at the location.")
    see_institucion_p: dt.String = _text("Institution which that one belongs to.")
    see_localidad: dt.String = _text("Town.")
    see_dpto: dt.String = _text("Department or district.")
    see_provincia: dt.String = _text("Province.")


class DimPersona(SilverContract):
    """Persons, with keyed hashes in place of direct identifiers."""

    class Config:
        unique = ("source_db", "persona_id")

    source_db: dt.String = _source_db()
    persona_id: dt.Int64 = column("Person, unique within source_db.", role="key", pii="indirect")
    fecha_nacimiento: dt.Date = column("Date of birth, as recorded.", pii="direct", nullable=True)
    edad_actual: dt.Int64 = column(
        "Age in completed years at as_of; null without a date of birth or with a later one.",
        pii="indirect", nullable=True, ge=0, breaker="whole_years", why="An age is shared by many, a date of birth by few.",
    )  # fmt: skip
    sexo: dt.String = column("F, M or X exactly as recorded; anything else is null.", pii="indirect", nullable=True, isin=SEXOS)
    localidad_nacimiento: dt.Int64 = _personal("Town of birth: the source's code.")
    localidad_nacimiento_desc: dt.String = _personal("Town of birth: name.")
    nacionalidad: dt.Int64 = _personal("Nationality: the source's code.")
    nacionalidad_desc: dt.String = _personal("Nationality: name.")
    documento_hash: dt.String = _personal("Keyed hash of the document number.")
    usuario_hash: dt.String = _personal("Keyed hash of the user name.")
    email_hash: dt.String = _personal("Keyed hash of the e-mail address.")


def _survey_flag(description: str) -> Any:
    return _personal(f"Whether {description}; null when not answered with S, N, true or false.")


def _disability(description: str) -> Any:
    return column(
        f"Whether the person declares {description}; null when not answered with S, N, true or false.",
        pii="sensitive",
        nullable=True,
    )


class DimCensus(SilverContract):
    """Surveys answered up to as_of, one per person and day. Those without a date or a person have no place here."""

    class Config:
        unique = ("source_db", "persona_id", "fecha_relevamiento")

    source_db: dt.String = _source_db()
    persona_id: dt.Int64 = column("Person who answered.", role="key", pii="indirect", fk="dim_persona.persona_id")
    fecha_relevamiento: dt.Date = column(
        "Day of the survey, never after as_of; of two on one day, the highest dato_censal stays.", role="key", pii="indirect"
    )
    estado_civil: dt.Int64 = _personal("Marital status: code (1 single, 2 married, 3 separated, 4 divorced, 5 union, 6 widowed).")
    estado_civil_desc: dt.String = _personal("Marital status: name.")
    union_pareja: dt.Boolean = _survey_flag("the person lives with a partner")
    situacion_padre: dt.String = _personal("Whether the father lives (V), does not (N) or it is unknown (D).")
    situacion_madre: dt.String = _personal("Whether the mother lives (V), does not (N) or it is unknown (D).")
    cantidad_hijos: dt.Int64 = _measure("Number of children.")
    vive_con: dt.Int64 = _personal(
        "Whom the person lives with: code (1 alone, 2 mates, 3 family of origin, 4 partner or children, 5 others)."
    )
    cobertura_salud: dt.Int64 = _personal("Health insurance: code of who provides it (5 = none).")
    tipo_vivienda: dt.Int64 = _personal("Kind of dwelling: code.")
    tipo_vivienda_desc: dt.String = _personal("Kind of dwelling: name.")
    residencia_localidad: dt.Int64 = _personal("Town of residence while studying: code.")
    residencia_localidad_desc: dt.String = _personal("Town of residence while studying: name.")
    residencia_departamento: dt.Int64 = _personal("Department of that town: code.")
    residencia_departamento_desc: dt.String = _personal("Department of that town: name.")
    residencia_codigo_postal: dt.String = _personal("Postal code of residence while studying.")
    origen_localidad: dt.Int64 = _personal("Town the person comes from: code.")
    origen_localidad_desc: dt.String = _personal("Town the person comes from: name.")
    origen_departamento: dt.Int64 = _personal("Department of that town: code.")
    origen_departamento_desc: dt.String = _personal("Department of that town: name.")
    origen_codigo_postal: dt.String = _personal("Postal code the person comes from.")
    trabajo_existe: dt.String = _personal("Whether the person works: the source's code as it is, true and false as S and N.")
    trabajo_existe_desc: dt.String = _personal("Whether the person works: name of the code.")
    trabajo_hora_sem: dt.Int64 = _measure("Hours of work a week, or the code of a bracket, as the installation records it.")
    beca: dt.Boolean = _survey_flag("the person has a grant")
    costeos_estudios_familiar: dt.Boolean = _survey_flag("the family pays for the studies")
    costeos_estudios_plan_social: dt.Boolean = _survey_flag("a social programme pays for the studies")
    costeos_estudios_trabajo: dt.Boolean = _survey_flag("the person's work pays for the studies")
    costeos_estudios_beca: dt.Boolean = _survey_flag("a grant pays for the studies")
    costeos_estudios_otro: dt.Boolean = _survey_flag("something else pays for the studies")
    tecnologia_int_casa: dt.Boolean = _survey_flag("there is Internet at home")
    tecnologia_pc_casa: dt.Boolean = _survey_flag("there is a computer at home")
    tecnologia_int_movil: dt.Boolean = _survey_flag("the person has mobile Internet")
    deportes: dt.Boolean = _survey_flag("the person does sports")
    disc_auditiva: dt.Boolean = _disability("a hearing disability")
    disc_visual: dt.Boolean = _disability("a visual disability")
    disc_motora: dt.Boolean = _disability("a motor disability")
    disc_otra: dt.Boolean = _disability("another disability")
    nivel_estudio_previo: dt.Int64 = _personal("Highest level of earlier studies: code.")
    nivel_estudio_previo_desc: dt.String = _personal("Highest level of earlier studies: name.")
    institucion_previa_id: dt.Int64 = _personal("Institution of those studies: code.")
    institucion_previa_desc: dt.String = _personal("Institution of those studies: name.")
    colegio_secundario_id: dt.Int64 = _personal("Secondary school: code.")
    colegio_secundario_desc: dt.String = _personal("Secondary school: name.")
    es_ultimo: dt.Boolean = column("Whether this is the person's latest survey at as_of.", pii="indirect")


class DimStudent(SilverContract):
    """Students. Attributes of the place are those of the student's own ubicacion and may differ from dim_facultad's."""

    class Config:
        unique = ("source_db", "alumno_id")

    source_db: dt.String = _source_db()
    alumno_id: dt.Int64 = column(
        "Student record: one per person and programme, unique within source_db.", role="key", pii="indirect"
    )
    persona_id: dt.Int64 = column("Person.", pii="indirect", nullable=True, fk="dim_persona.persona_id")
    propuesta_id: dt.Int64 = column("Programme.", nullable=True, fk="dim_propuesta.propuesta_id")
    propuesta_nombre: dt.String = _text("Name of the programme, as in the student's own row.")
    plan_version_id: dt.Int64 = column("Plan version at present.", nullable=True, fk="dim_plan_version.plan_version_id")
    plan_version: dt.String = _text("Name of the plan version, as in the student's own row.")
    facultad_id: dt.Int64 = column("Institution of the student's location.", nullable=True, fk="dim_facultad.facultad_id")
    facultad_nombre: dt.String = _text("Name of that institution.")
    universidad_nombre: dt.String = _text("Name of the institution it belongs to.")
    tipo_sede: dt.String = column(
        "As in dim_facultad, from the names in the student's own row.",
        nullable=True, isin=TIPOS_SEDE,
    )  # fmt: skip
    ubicacion_sede: dt.String = _text("Town of the student's location.")
    ubicacion_id: dt.Int64 = column("Location.", nullable=True, fk="dim_ubicacion.ubicacion_id")
    sede_provincia: dt.String = _text("Province of the student's location.")
    modalidad: dt.String = _personal("Mode of study: the installation's code (commonly P on site, D at a distance).")
    es_regular: dt.Boolean = _personal("Whether the student is regular NOW; current state, never a point-in-time feature.")
    calidad: dt.String = _personal("A active, P passive NOW; current state, never a point-in-time feature.")
    fecha_ingreso: dt.Date = _personal("Date of entry, as recorded.")
    tipo_ingreso: dt.Int64 = _personal("Kind of entry: the installation's code.")
    tipo_ingreso_desc: dt.String = _personal("Kind of entry: name.")
    anio_ingreso: dt.Int64 = column(
        "academic_year(fecha_ingreso): the cohort. Null when unknown or before 1950 (a typing error).",
        pii="indirect", nullable=True, ge=FIRST_PLAUSIBLE_YEAR,
    )  # fmt: skip
    antiguedad_anios: dt.Int64 = column(
        "Completed years from fecha_ingreso (as recorded) to as_of; null without one or with a later one.",
        role="measure", pii="indirect", nullable=True, ge=0,
    )  # fmt: skip


class BridgeDocenteComision(SilverContract):
    """Teachers of comisiones, by keyed hash; teachers without a document, and rows without a comisión, are left out."""

    class Config:
        unique = ("source_db", "docente_hash", "comision_id")

    source_db: dt.String = _source_db()
    docente_hash: dt.String = column("Keyed hash of the teacher's document number.", role="key", pii="indirect")
    comision_id: dt.Int64 = column("Comisión (course group), unique within source_db.", role="key")
    elemento_id: dt.Int64 = column(
        "Subject of the comisión; of the lowest docente's row.", nullable=True, fk="dim_elemento.elemento_id"
    )
    anio_academico: dt.Int64 = _text("Academic year of the comisión as recorded; of the same row.")


# --- facts -----------------------------------------------------------------------------------------


class FactCourseEnrollment(SilverContract):
    """Enrolments in courses, whatever their state."""

    class Config:
        unique = ("source_db", "inscripcion_id")

    source_db: dt.String = _source_db()
    inscripcion_id: dt.Int64 = column("Enrolment, unique within source_db.", role="key")
    alumno_id: dt.Int64 = _alumno()
    comision_id: dt.Int64 = _text("Comisión (course group).")
    elemento_id: dt.Int64 = _elemento()
    plan_version_id: dt.Int64 = _plan_version()
    estado_inscripcion: dt.String = _personal("State, the source's code (A = accepted). Every state counts.")
    periodo_lectivo: dt.Int64 = _text("Teaching period: the source's code.")
    catedra_cod: dt.String = _text("Chair: code.")
    catedra_nombre: dt.String = _text("Chair: name.")
    enrollment_count: dt.Int64 = _one("one enrolment")
    fecha_inscripcion: dt.Timestamp = _personal("Instant of the enrolment, local time of the source, as recorded.")
    anio_academico: dt.Int64 = _anio_academico("as recorded", of_a_date=False)
    fecha_conocida: dt.Date = _fecha_conocida("date of fecha_inscripcion")
    anio_evento: dt.Int64 = _anio_evento()


class FactAcademicPerformance(SilverContract):
    """Results of courses, promotions, exams and equivalences: one result per course, as known year by year.

    A course of the evaluations (`cursada:`) gives way to the same course in the academic history, and any course to its
    promotion, when that one's anio_evento is not later than its own. In reports, that condition on anio_evento falls away.
    """

    class Config:
        unique = ("source_db", "evaluacion_id")

    source_db: dt.String = _source_db()
    evaluacion_id: dt.String = column(
        "hist:<registro> for the academic history, cursada:<alumno>:<comision>:<evaluacion> for the evaluations of courses "
        "(a missing part is written empty).",
        role="key", pii="indirect",
    )  # fmt: skip
    alumno_id: dt.Int64 = _alumno()
    elemento_id: dt.Int64 = _elemento()
    plan_version_id: dt.Int64 = _plan_version()
    instancia_id: dt.Int64 = _instancia("Instance of the result; null for the evaluations of courses.")
    comision_id: dt.Int64 = _text("Comisión (course group).")
    periodo_lectivo: dt.Int64 = _text("Teaching period: the source's code.")
    tipo_evaluacion: dt.String = column(
        "From origen (E examen, P promoción, R cursada, A and B equivalencia), else from the words of tipo, else null.",
        nullable=True, isin=TIPOS_EVALUACION,
    )  # fmt: skip
    origen: dt.String = _text("The source's code, as recorded; null for the evaluations of courses.")
    nota: dt.String = _personal("Mark as recorded: digits, letters or words.")
    nota_descripcion: dt.String = _personal("Mark in words; null for the evaluations of courses.")
    resultado: dt.String = _personal("A passed, R failed, U absent; anything else is unknown and counted in no flag.")
    resultado_descripcion: dt.String = _personal("Result in words; null for the evaluations of courses.")
    nota_numerica: dt.Float64 = column(
        "The mark as a number from 0 to 10, cut to the hundredth; null for words and for anything else.",
        role="measure", pii="indirect", nullable=True, ge=0, le=10,
    )  # fmt: skip
    pct_asistencia: dt.Float64 = _measure("Attendance in percent at the close of the acta.")
    creditos: dt.Float64 = _measure("Credits.")
    aprobado_flag: dt.Int64 = _flag("the subject is passed: resultado A in EXAMEN, PROMOCION or EQUIVALENCIA")
    regularizado_flag: dt.Int64 = _flag("the course is regularised: resultado A in CURSADA (not a pass)")
    reprobado_flag: dt.Int64 = _flag("resultado is R in EXAMEN, PROMOCION or CURSADA")
    ausente_flag: dt.Int64 = _flag("resultado is U in EXAMEN, PROMOCION or CURSADA")
    evaluation_count: dt.Int64 = _one("one result")
    fecha_evaluacion: dt.Date = _personal("Date of the result, as recorded.")
    anio_academico: dt.Int64 = _anio_academico("as recorded", of_a_date=False)
    fecha_conocida: dt.Date = _fecha_conocida("fecha_evaluacion")
    anio_evento: dt.Int64 = _anio_evento()


class FactExamInscription(SilverContract):
    """Enrolments in exams, whatever their state."""

    class Config:
        unique = ("source_db", "inscripcion_id")

    source_db: dt.String = _source_db()
    inscripcion_id: dt.Int64 = column("Enrolment, unique within source_db.", role="key")
    alumno_id: dt.Int64 = _alumno()
    elemento_id: dt.Int64 = _elemento()
    plan_version_id: dt.Int64 = _plan_version()
    instancia_id: dt.Int64 = _instancia("Instance of the exam.")
    instancia_desc: dt.String = _text("Instance: name.")
    estado_inscripcion: dt.String = _personal("State, the source's code. Every state counts.")
    catedra_cod: dt.String = _text("Chair: code.")
    catedra_nombre: dt.String = _text("Chair: name.")
    exam_inscription_count: dt.Int64 = _one("one enrolment")
    fecha_inscripcion: dt.Timestamp = _personal("Instant of the enrolment, local time of the source, as recorded.")
    fecha_mesa_examen: dt.Date = _text("Date of the exam, as recorded.")
    anio_academico: dt.Int64 = _anio_academico("as recorded, else academic_year(fecha_mesa_examen)", of_a_date=False)
    fecha_conocida: dt.Date = _fecha_conocida("date of fecha_inscripcion, else fecha_mesa_examen")
    anio_evento: dt.Int64 = _anio_evento()


class FactAttendance(SilverContract):
    """Attendance to a comisión: the running total of its year."""

    class Config:
        unique = ("source_db", "alumno_id", "comision_id")

    source_db: dt.String = _source_db()
    alumno_id: dt.Int64 = _alumno("key")
    comision_id: dt.Int64 = column("Comisión (course group), unique within source_db.", role="key")
    elemento_id: dt.Int64 = _elemento()
    porc_asistencia: dt.Float64 = _measure("Attendance in percent; null where the faculty does not load it.")
    total_inasistencias: dt.Float64 = _measure("Absences, with fractions.")
    cumple_asistencia_flag: dt.Int64 = _flag("porc_asistencia >= 75")
    riesgo_asistencia_flag: dt.Int64 = _flag("porc_asistencia < 50")
    anio_academico: dt.Int64 = _anio_academico("as recorded", of_a_date=False)
    fecha_conocida: dt.Date = _fecha_conocida("the earlier of cutoff(anio_academico) and as_of, as the source keeps no dates")
    anio_evento: dt.Int64 = _anio_evento()


class FactReinscription(SilverContract):
    """Yearly re-enrolments.

    Where the clean-up of the year gives two rows one key, they are one transaction: the earlier fecha_reinscripcion stays.
    """

    class Config:
        unique = ("source_db", "alumno_id", "anio_academico", "nro_transaccion")

    source_db: dt.String = _source_db()
    alumno_id: dt.Int64 = _alumno("key")
    anio_academico: dt.Int64 = _anio_academico("as recorded, else academic_year(fecha_reinscripcion)", role="key")
    nro_transaccion: dt.Int64 = column("Transaction at the source; null where it records none.", role="key", nullable=True)
    reinscription_count: dt.Int64 = _one("one re-enrolment")
    fecha_reinscripcion: dt.Timestamp = _personal("Instant of the re-enrolment, local time of the source, as recorded.")
    fecha_conocida: dt.Date = _fecha_conocida("date of fecha_reinscripcion")
    anio_evento: dt.Int64 = _anio_evento()


class FactDropout(SilverContract):
    """Losses of regularity: what the yearly control found out."""

    class Config:
        unique = ("source_db", "perdida_regularidad_id")

    source_db: dt.String = _source_db()
    perdida_regularidad_id: dt.Int64 = column("Loss of regularity, unique within source_db.", role="key")
    alumno_id: dt.Int64 = _alumno()
    dropout_flag: dt.Int64 = _one("one loss of regularity")
    fecha_dropout: dt.Date = _personal("Day on which the control ran, as recorded.")
    fecha_control_desde: dt.Date = _personal("First day of the time that the control looked at, as recorded.")
    fecha_control_hasta: dt.Date = _personal("Last day of the time that the control looked at, as recorded.")
    anio_academico: dt.Int64 = _anio_academico("when the student left: as recorded, else academic_year(fecha_dropout)")
    fecha_conocida: dt.Date = _fecha_conocida("fecha_dropout")
    anio_evento: dt.Int64 = _anio_evento()


class FactStudentStatusHistory(SilverContract):
    """Changes of calidad."""

    class Config:
        unique = ("source_db", "alumno_id", "nro_cambio")

    source_db: dt.String = _source_db()
    alumno_id: dt.Int64 = _alumno("key")
    nro_cambio: dt.Int64 = column(
        "1, 2, … over the changes known at as_of, by fecha_cambio, then motivo_calidad as text, then calidad; nulls last.",
        role="key", pii="indirect", ge=1,
    )  # fmt: skip
    calidad: dt.String = _personal("A active, P passive, after the change.")
    motivo_calidad: dt.String = _personal("Reason, the installation's code as text.")
    fecha_cambio: dt.Timestamp = _personal("Instant of the change, local time of the source, as recorded.")
    anio_academico: dt.Int64 = _anio_academico("academic_year(fecha_cambio)")
    fecha_conocida: dt.Date = _fecha_conocida("date of fecha_cambio")
    anio_evento: dt.Int64 = _anio_evento()


class FactEgreso(SilverContract):
    """Graduations that were not annulled."""

    class Config:
        unique = ("source_db", "alumno_id", "nro_solicitud")

    source_db: dt.String = _source_db()
    alumno_id: dt.Int64 = _alumno("key")
    nro_solicitud: dt.Int64 = column(
        "Request for the certificate; null where the source records none.", role="key", nullable=True
    )
    promedio: dt.Float64 = _measure("Mean of all marks, failed ones included, as the source certified it.")
    promedio_sin_aplazos: dt.Float64 = _measure("Mean of the passing marks, as the source certified it.")
    egreso_flag: dt.Int64 = _one("one graduation")
    fecha_egreso: dt.Date = _personal("Date of the graduation, as recorded.")
    anio_academico: dt.Int64 = _anio_academico("academic_year(fecha_egreso)")
    fecha_conocida: dt.Date = _fecha_conocida("fecha_egreso")
    anio_evento: dt.Int64 = _anio_evento()
