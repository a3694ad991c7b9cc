"""Contracts of silver that stand on a learning platform: whose its users are, its courses, and what learners did."""

from __future__ import annotations

from typing import Any

import ibis.expr.datatypes as dt

from padm_ibis.config.lms import LINKS
from padm_ibis.define.contract import SilverContract, column
from padm_ibis.words.terms import FIRST_PLAUSIBLE_YEAR

_YEAR: dict[str, Any] = {"breaker": "bucket", "why": "An academic year is shared by everyone of that year."}


def _source_db() -> Any:
    return column("Configured name of the source of students that the person is of; part of every key and join.", role="key")


def _persona() -> Any:
    return column("Person, unique within source_db.", role="key", pii="indirect", fk="dim_persona.persona_id")


def _lms_db(role: Any = "key") -> Any:
    return column("Configured name of the learning platform.", role=role)


def _course() -> Any:
    return column("Course on the platform, unique within lms_db.", role="attribute")


def _count(description: str) -> Any:
    return column(f"{description}.", role="measure", pii="indirect", ge=0)


def _flag(description: str) -> Any:
    return column(f"1 when {description}, else 0.", role="measure", pii="indirect", isin=[0, 1])


def _anio_academico() -> Any:
    return column("Academic year of fecha_conocida.", fk="dim_periodo.anio_academico", ge=FIRST_PLAUSIBLE_YEAR, **_YEAR)


def _anio_evento() -> Any:
    return column(
        "Academic year in which the fact enters the student's history: anio_academico.", ge=FIRST_PLAUSIBLE_YEAR, **_YEAR
    )


def _fecha_conocida(description: str) -> Any:
    return column(
        f"Date on which the fact became known: {description}. Never after as_of.",
        role="known_at", pii="indirect", fk="dim_fecha.fecha",
    )  # fmt: skip


class BridgeLmsPersona(SilverContract):
    """Which users of a platform are which persons: one-to-one for each platform and source, or not at all.

    Strategies are tried in their order, among users and persons that none before has linked: a hash held by exactly one of
    those users and exactly one of those persons links them.
    """

    class Config:
        unique = ("source_db", "persona_id", "lms_db")

    source_db: dt.String = _source_db()
    persona_id: dt.Int64 = _persona()
    lms_db: dt.String = _lms_db()
    usuario_id: dt.Int64 = column("User of the platform, unique within lms_db.", pii="indirect")
    enlace: dt.String = column("Strategy that linked them: the platform's identifier, and the source's.", isin=LINKS)


class DimLmsCurso(SilverContract):
    """Courses of the platforms, those that were deleted since included."""

    class Config:
        unique = ("lms_db", "curso_id")

    lms_db: dt.String = _lms_db()
    curso_id: dt.Int64 = column("Course, unique within lms_db.", role="key")
    nombre: dt.String = column("Name.", nullable=True)
    nombre_corto: dt.String = column("Short name.", nullable=True)
    categoria_id: dt.Int64 = column("Category in which it stands.", nullable=True)
    fecha_inicio: dt.Date = column("First day; null where the platform says none.", nullable=True)
    fecha_fin: dt.Date = column("Last day; null where the platform says none.", nullable=True)
    anio_academico: dt.Int64 = column(
        "Academic year of fecha_inicio; null without one or before 1950.", nullable=True, ge=FIRST_PLAUSIBLE_YEAR
    )
    source_db: dt.String = column(
        "Source of the subject that the course is of: the one whose code course_code finds in the idnumber, else in the short "
        "name, where exactly one subject of one of the sources served has it; else null.",
        nullable=True,
    )  # fmt: skip
    elemento_id: dt.Int64 = column(
        "Subject, unique within source_db; null with it.", nullable=True, fk="dim_elemento.elemento_id"
    )


class FactLmsActividad(SilverContract):
    """What a person did on a day in a course as a learner."""

    class Config:
        unique = ("source_db", "persona_id", "lms_db", "curso_id", "fecha")

    source_db: dt.String = _source_db()
    persona_id: dt.Int64 = _persona()
    lms_db: dt.String = _lms_db()
    curso_id: dt.Int64 = column("Course on the platform, unique within lms_db.", role="key")
    fecha: dt.Date = column("Day, in the platform's time zone.", role="key", pii="indirect")
    eventos: dt.Int64 = _count("Learner events")
    participaciones: dt.Int64 = _count("Of these, events of taking part")
    escrituras: dt.Int64 = _count("Of these, events that made or changed something")
    horas_activas: dt.Int64 = _count("Hours of the day in which there was an event")
    entregas: dt.Int64 = _count("Different submissions and attempts at quizzes that were handed in")
    anio_academico: dt.Int64 = _anio_academico()
    fecha_conocida: dt.Date = _fecha_conocida("fecha")
    anio_evento: dt.Int64 = _anio_evento()


class FactLmsEntrega(SilverContract):
    """What a person handed in: submissions to assignments, and attempts at quizzes that were finished."""

    class Config:
        unique = ("source_db", "persona_id", "lms_db", "entrega_id")

    source_db: dt.String = _source_db()
    persona_id: dt.Int64 = _persona()
    lms_db: dt.String = _lms_db()
    entrega_id: dt.String = column("Delivery: tarea:<entrega>, or cuestionario:<intento_id>.", role="key", pii="indirect")
    curso_id: dt.Int64 = _course()
    actividad_id: dt.String = column("What it is for: tarea:<tarea>, or cuestionario:<cuestionario>.")
    intento: dt.Int64 = column("Attempt: of an assignment 0 the first, of a quiz 1.", nullable=True, pii="indirect")
    entregada_en: dt.Timestamp = column(
        "When it was handed in: the first delivery of a submission, which no resubmission moves; the end of an attempt.",
        pii="indirect",
    )  # fmt: skip
    vence: dt.Timestamp = column("When it was due: of a quiz, when it closes; null without. Taken as constant.", nullable=True)
    a_tiempo_flag: dt.Int64 = _flag("it was handed in by vence, or nothing was due")
    puntaje_pct: dt.Float64 = column(
        "Points of an attempt in percent of those that can be reached, cut to the hundredth; null for an assignment, and where "
        "none can be reached.",
        role="measure", pii="indirect", nullable=True,
    )  # fmt: skip
    anio_academico: dt.Int64 = _anio_academico()
    fecha_conocida: dt.Date = _fecha_conocida("the day of entregada_en")
    anio_evento: dt.Int64 = _anio_evento()


class FactLmsVencimiento(SilverContract):
    """What a person was expected to hand in: activities with a due date in courses in which there was activity by that day."""

    class Config:
        unique = ("source_db", "persona_id", "lms_db", "actividad_id")

    source_db: dt.String = _source_db()
    persona_id: dt.Int64 = _persona()
    lms_db: dt.String = _lms_db()
    actividad_id: dt.String = column("Activity: tarea:<tarea>, or cuestionario:<cuestionario>.", role="key")
    curso_id: dt.Int64 = _course()
    vence: dt.Timestamp = column("When it was due: of a quiz, when it closes. Taken as constant.")
    entregada_flag: dt.Int64 = _flag("it was handed in by vence")
    anio_academico: dt.Int64 = _anio_academico()
    fecha_conocida: dt.Date = _fecha_conocida("the day of vence")
    anio_evento: dt.Int64 = _anio_evento()


class FactLmsAsistencia(SilverContract):
    """Attendance of a person to a session. What was not taken is unknown, not absent."""

    class Config:
        unique = ("source_db", "persona_id", "lms_db", "sesion_id")

    source_db: dt.String = _source_db()
    persona_id: dt.Int64 = _persona()
    lms_db: dt.String = _lms_db()
    sesion_id: dt.Int64 = column("Session, unique within lms_db; of several rows, the one taken last.", role="key")
    curso_id: dt.Int64 = _course()
    fecha_sesion: dt.Date = column("Day of the session.", nullable=True)
    asistencia_pct: dt.Float64 = column(
        "Grade of the status in percent of the greatest, cut to the hundredth; null when that is 0.",
        role="measure", pii="indirect", nullable=True,
    )  # fmt: skip
    presente_flag: dt.Int64 = _flag("asistencia_pct >= 50")
    anio_academico: dt.Int64 = _anio_academico()
    fecha_conocida: dt.Date = _fecha_conocida("the day on which attendance was first taken")
    anio_evento: dt.Int64 = _anio_evento()


class FactLmsNota(SilverContract):
    """Versions of a person's grades, each from the day on which it was set."""

    class Config:
        unique = ("source_db", "persona_id", "lms_db", "item_id", "version")

    source_db: dt.String = _source_db()
    persona_id: dt.Int64 = _persona()
    lms_db: dt.String = _lms_db()
    item_id: dt.Int64 = column("Item that is graded, unique within lms_db.", role="key")
    version: dt.Int64 = column(
        "1, 2, … over the versions with a date, by the instant they were set.", role="key", ge=1, pii="indirect"
    )
    curso_id: dt.Int64 = _course()
    tipo_item: dt.String = column("course (the total), mod (an activity) or manual.", nullable=True)
    nota_pct: dt.Float64 = column(
        "Grade in percent of the way from the least to the greatest of the item, 0 to 100, cut to the hundredth; null when the "
        "two are equal.",
        role="measure", pii="indirect", nullable=True, ge=0, le=100,
    )  # fmt: skip
    anio_academico: dt.Int64 = _anio_academico()
    fecha_conocida: dt.Date = _fecha_conocida("the day on which the version was set")
    anio_evento: dt.Int64 = _anio_evento()
