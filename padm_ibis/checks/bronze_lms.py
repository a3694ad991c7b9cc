"""Contracts of bronze that a learning platform fills: what it holds, and what it held before it forgot."""

from __future__ import annotations

from typing import Annotated, Any

import ibis.expr.datatypes as dt

from padm_ibis.define.contract import BronzeContract, Role, column

Numeric = Annotated[dt.Decimal, 18, 6, True]


def _source_db() -> Any:
    return column(
        "Configured name of the platform's database the row came from; part of every key and of every join.",
        role="key", required=True,
    )  # fmt: skip


def _absent() -> Any:
    return column(
        "Day of the run that found that the platform has the row no more; null while it has it. No row ever goes.",
        role="metadata", alias="_ausente_desde", nullable=True,
    )  # fmt: skip


def _extracted_at() -> Any:
    return column("When the row was read, UTC.", role="metadata", alias="_extracted_at", required=True)


def _run_id() -> Any:
    return column("Run that read the row.", role="metadata", alias="_run_id", required=True)


def _id(description: str, *, pii: Any = "none") -> Any:
    return column(description, role="key", pii=pii, required=True)


def _user(*, role: Role = "attribute") -> Any:
    return column("User.", role=role, pii="indirect", nullable=role != "key", required=True)


def _course() -> Any:
    return column("Course.", nullable=True, required=True)


def _text(description: str) -> Any:
    return column(description, nullable=True)


def _personal(description: str) -> Any:
    return column(description, pii="indirect", nullable=True)


def _count(description: str) -> Any:
    return column(f"{description}.", role="measure", pii="indirect", ge=0)


def _instant(description: str, *, pii: Any = "indirect", role: Role = "attribute") -> Any:
    return column(
        f"{description}: wall clock of the platform's time zone, whole seconds; null for never.",
        role=role, pii=pii, nullable=True,
    )  # fmt: skip


def _hash(description: str, normalised: str) -> Any:
    return column(
        f"Keyed hash (HMAC-SHA-256, hex) of {description}, {normalised}; null without one. A user who is deleted, or loses it, "
        "keeps the one that was last seen.",
        pii="indirect", nullable=True, breaker="keyed_hash",
        why="Without the key of the configuration it neither names a person nor matches another register.",
    )  # fmt: skip


_DIGITS = "where nothing but digits remains without dots, blanks and leading zeros"


class LmsUsuarios(BronzeContract):
    """Users of the platform, those it has deleted included; names are not read, identifiers arrive hashed."""

    class Config:
        unique = ("source_db", "usuario")

    source_db: dt.String = _source_db()
    usuario: dt.Int64 = _id("User.", pii="indirect")
    username_usuario_hash: dt.String = _hash("the user name", "trimmed, lower case")
    username_documento_hash: dt.String = _hash("the user name as a document's number", _DIGITS)
    idnumber_documento_hash: dt.String = _hash("the idnumber as a document's number", _DIGITS)
    email_hash: dt.String = _hash("the e-mail address", "trimmed, lower case")
    eliminado: dt.Int64 = _personal("1 when the platform has deleted the user, which scrambles the identifiers there, else 0.")
    suspendido: dt.Int64 = _personal("1 when the user may not log in, else 0.")
    fecha_creacion: dt.Timestamp = _instant("When the user was made")
    primer_acceso: dt.Timestamp = _instant("First time on the platform")
    ausente_desde: dt.Date = _absent()
    extracted_at: dt.Timestamp = _extracted_at()
    run_id: dt.String = _run_id()


class LmsCursos(BronzeContract):
    """Courses of the platform; the site's own page (id 1) is none."""

    class Config:
        unique = ("source_db", "curso")

    source_db: dt.String = _source_db()
    curso: dt.Int64 = _id("Course.")
    categoria: dt.Int64 = _text("Category in which it stands.")
    nombre: dt.String = _text("Name.")
    nombre_corto: dt.String = _text("Short name.")
    idnumber: dt.String = _text("Number or code that the installation gives it.")
    fecha_inicio: dt.Timestamp = _instant("Start", pii="none")
    fecha_fin: dt.Timestamp = _instant("End", pii="none")
    visible: dt.Int64 = _text("1 when students see it, else 0.")
    ausente_desde: dt.Date = _absent()
    extracted_at: dt.Timestamp = _extracted_at()
    run_id: dt.String = _run_id()


class LmsRoles(BronzeContract):
    """Roles that users hold or held in a course itself; those of a category or of the whole site are not among them."""

    class Config:
        unique = ("source_db", "usuario", "curso", "rol")

    source_db: dt.String = _source_db()
    usuario: dt.Int64 = _user(role="key")
    curso: dt.Int64 = _id("Course.")
    rol: dt.String = _id("Role: short name.")
    arquetipo: dt.String = _text("Role: archetype (student, teacher, editingteacher, manager, …).")
    desde: dt.Timestamp = _instant("Since when: the earliest assignment that any load saw", role="known_at")
    ausente_desde: dt.Date = _absent()
    extracted_at: dt.Timestamp = _extracted_at()
    run_id: dt.String = _run_id()


class LmsMatriculas(BronzeContract):
    """Enrolments as they are now. Un-enrolling deletes the row: its absence knows the future, and no feature may use it."""

    class Config:
        unique = ("source_db", "matricula")

    source_db: dt.String = _source_db()
    matricula: dt.Int64 = _id("Enrolment.", pii="indirect")
    usuario: dt.Int64 = _user()
    curso: dt.Int64 = _course()
    metodo: dt.String = _text("Way of enrolment (manual, self, database, …).")
    estado: dt.Int64 = _personal("0 active, 1 suspended.")
    desde: dt.Timestamp = _instant("From when")
    hasta: dt.Timestamp = _instant("Until when; null without an end")
    creada: dt.Timestamp = _instant("When it was made")
    modificada: dt.Timestamp = _instant("When it was last changed")
    ausente_desde: dt.Date = _absent()
    extracted_at: dt.Timestamp = _extracted_at()
    run_id: dt.String = _run_id()


class LmsActividad(BronzeContract):
    """What learners did, by user, course and day: the log, aggregated at the platform. A purge of the log removes nothing.

    A learner event has a user who is not the guest, was not made anonymously nor by somebody who logged in as another, came
    from the web or the app (origin web, ws or none), and belongs to a course. Events of all users are here, of teachers too.
    """

    class Config:
        unique = ("source_db", "usuario", "curso", "fecha")

    source_db: dt.String = _source_db()
    usuario: dt.Int64 = _user(role="key")
    curso: dt.Int64 = _id("Course.")
    fecha: dt.Date = _id("Day, in the platform's time zone.", pii="indirect")
    eventos: dt.Int64 = _count("Events")
    participaciones: dt.Int64 = _count("Events of taking part (edulevel 2)")
    escrituras: dt.Int64 = _count("Events that made or changed something (crud c or u)")
    horas_activas: dt.Int64 = _count("Hours of the day in which there was an event")
    entregas: dt.Int64 = _count("Different submissions and attempts at quizzes that were handed in")
    componentes: dt.Int64 = _count("Different parts of the platform that were used")
    primer_evento: dt.Timestamp = _instant("First event of the day")
    ultimo_evento: dt.Timestamp = _instant("Last event of the day")
    ausente_desde: dt.Date = _absent()
    extracted_at: dt.Timestamp = _extracted_at()
    run_id: dt.String = _run_id()


class LmsTareas(BronzeContract):
    """Assignments of courses (mod_assign)."""

    class Config:
        unique = ("source_db", "tarea")

    source_db: dt.String = _source_db()
    tarea: dt.Int64 = _id("Assignment.")
    curso: dt.Int64 = _course()
    abre: dt.Timestamp = _instant("Opens", pii="none")
    vence: dt.Timestamp = _instant("Due", pii="none")
    cierra: dt.Timestamp = _instant("Closes: nothing is taken after it", pii="none")
    ausente_desde: dt.Date = _absent()
    extracted_at: dt.Timestamp = _extracted_at()
    run_id: dt.String = _run_id()


class LmsEntregas(BronzeContract):
    """Submissions of single users to assignments; those of groups are left out and counted."""

    class Config:
        unique = ("source_db", "entrega")

    source_db: dt.String = _source_db()
    entrega: dt.Int64 = _id("Submission.", pii="indirect")
    tarea: dt.Int64 = column("Assignment.", nullable=True, required=True, fk="lms_tareas.tarea")
    usuario: dt.Int64 = _user()
    intento: dt.Int64 = _personal("Attempt, 0 the first.")
    estado: dt.String = _personal("new, draft, submitted or reopened, NOW.")
    creada: dt.Timestamp = _instant("When it was begun")
    modificada: dt.Timestamp = _instant("When it was last changed", role="known_at")
    primera_entrega: dt.Timestamp = _instant(
        "First delivery: the smallest modificada at which any load saw it submitted; a resubmission never moves it"
    )
    ausente_desde: dt.Date = _absent()
    extracted_at: dt.Timestamp = _extracted_at()
    run_id: dt.String = _run_id()


class LmsCuestionarios(BronzeContract):
    """Quizzes of courses."""

    class Config:
        unique = ("source_db", "cuestionario")

    source_db: dt.String = _source_db()
    cuestionario: dt.Int64 = _id("Quiz.")
    curso: dt.Int64 = _course()
    abre: dt.Timestamp = _instant("Opens", pii="none")
    cierra: dt.Timestamp = _instant("Closes", pii="none")
    puntaje_maximo: Numeric = _text("Points that can be reached (sumgrades).")
    ausente_desde: dt.Date = _absent()
    extracted_at: dt.Timestamp = _extracted_at()
    run_id: dt.String = _run_id()


class LmsIntentos(BronzeContract):
    """Attempts at quizzes; a teacher's previews are none."""

    class Config:
        unique = ("source_db", "intento_id")

    source_db: dt.String = _source_db()
    intento_id: dt.Int64 = _id("Attempt.", pii="indirect")
    cuestionario: dt.Int64 = column("Quiz.", nullable=True, required=True, fk="lms_cuestionarios.cuestionario")
    usuario: dt.Int64 = _user()
    intento: dt.Int64 = _personal("Which of the user's attempts at that quiz, 1 the first.")
    estado: dt.String = _personal("inprogress, overdue, finished or abandoned (and, from 4.4, others before submission), NOW.")
    inicio: dt.Timestamp = _instant("Start")
    fin: dt.Timestamp = _instant("End")
    puntaje: Numeric = _personal("Points reached.")
    modificada: dt.Timestamp = _instant("When it was last changed", role="known_at")
    ausente_desde: dt.Date = _absent()
    extracted_at: dt.Timestamp = _extracted_at()
    run_id: dt.String = _run_id()


class LmsForos(BronzeContract):
    """Posts in forums: that they were written, by whom and when; neither text nor subject is read."""

    class Config:
        unique = ("source_db", "mensaje")

    source_db: dt.String = _source_db()
    mensaje: dt.Int64 = _id("Post.", pii="indirect")
    curso: dt.Int64 = column("Course; null when its discussion is gone.", nullable=True, required=True)
    usuario: dt.Int64 = _user()
    creada: dt.Timestamp = _instant("When it was written", role="known_at")
    es_respuesta: dt.Boolean = _personal("Whether it answers another post.")
    ausente_desde: dt.Date = _absent()
    extracted_at: dt.Timestamp = _extracted_at()
    run_id: dt.String = _run_id()


class LmsCompletitud(BronzeContract):
    """Activities that users completed, where the course keeps track of it."""

    class Config:
        unique = ("source_db", "completitud")

    source_db: dt.String = _source_db()
    completitud: dt.Int64 = _id("Row of completion.", pii="indirect")
    curso: dt.Int64 = column("Course; null when its module is gone.", nullable=True, required=True)
    modulo: dt.Int64 = column("Module of the course.", nullable=True, required=True)
    usuario: dt.Int64 = _user()
    estado: dt.Int64 = _personal("0 incomplete, 1 complete, 2 complete and passed, 3 complete and failed, NOW.")
    modificada: dt.Timestamp = _instant("When it last changed", role="known_at")
    ausente_desde: dt.Date = _absent()
    extracted_at: dt.Timestamp = _extracted_at()
    run_id: dt.String = _run_id()


class LmsSesiones(BronzeContract):
    """Sessions at which attendance is taken (mod_attendance, a plug-in)."""

    class Config:
        unique = ("source_db", "sesion")

    source_db: dt.String = _source_db()
    sesion: dt.Int64 = _id("Session.")
    curso: dt.Int64 = column("Course; null when its attendance is gone.", nullable=True, required=True)
    grupo: dt.Int64 = _text("Group that it is for; 0 for all.")
    fecha_sesion: dt.Timestamp = _instant("When it takes place", pii="none")
    duracion_min: dt.Int64 = _text("Whole minutes that it takes.")
    tomada: dt.Timestamp = _instant("When attendance was last taken", pii="none")
    ausente_desde: dt.Date = _absent()
    extracted_at: dt.Timestamp = _extracted_at()
    run_id: dt.String = _run_id()


class LmsAsistencias(BronzeContract):
    """Attendance of a user to a session (mod_attendance). What is not there was not taken, which is not absent."""

    class Config:
        unique = ("source_db", "asistencia")

    source_db: dt.String = _source_db()
    asistencia: dt.Int64 = _id("Row of the attendance.", pii="indirect")
    sesion: dt.Int64 = column("Session.", nullable=True, required=True, fk="lms_sesiones.sesion")
    usuario: dt.Int64 = _user()
    puntaje: Numeric = _personal("Grade of the status that was given.")
    puntaje_maximo: Numeric = _text("Greatest grade of the statuses of that attendance and set, those deleted left out.")
    tomada: dt.Timestamp = _instant("When it was taken", role="known_at")
    primera_toma: dt.Timestamp = _instant("When it was first taken: the smallest tomada that any load saw")
    ausente_desde: dt.Date = _absent()
    extracted_at: dt.Timestamp = _extracted_at()
    run_id: dt.String = _run_id()


class LmsNotas(BronzeContract):
    """Grades, every version: those of the platform's own history where it keeps one, and each that a load saw."""

    class Config:
        unique = ("source_db", "item", "usuario", "modificada")

    source_db: dt.String = _source_db()
    item: dt.Int64 = _id("Item that is graded.")
    curso: dt.Int64 = _course()
    tipo_item: dt.String = column("course (the total), mod (an activity) or manual; categories are left out.", nullable=True)
    modulo: dt.String = _text("Kind of activity of a mod item (assign, quiz, …).")
    usuario: dt.Int64 = _user(role="key")
    nota: Numeric = column("Grade, never null.", role="measure", pii="indirect", nullable=True, required=True)
    minimo: Numeric = _text("Least grade of the item, as first seen.")
    maximo: Numeric = _text("Greatest grade of the item, as first seen.")
    modificada: dt.Timestamp = column(
        "Since when the version holds: wall clock of the platform's time zone, whole seconds. Part of the key; null where the "
        "platform says no time.",
        role="key", pii="indirect", nullable=True, required=True,
    )  # fmt: skip
    ausente_desde: dt.Date = _absent()
    extracted_at: dt.Timestamp = _extracted_at()
    run_id: dt.String = _run_id()
