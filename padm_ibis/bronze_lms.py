"""Bronze of a learning platform: one statement a resource over Moodle's own tables. ``BRONZE`` is the floor plan.

The platform forgets: it purges its log, deletes enrolments and roles, scrambles the identifiers of deleted users. What it
forgets stays here, each table saying which of its columns remember what: a warehouse that forgot with it would know who left.
"""

from __future__ import annotations

from collections.abc import Callable

import ibis
import ibis.expr.types as ir

from padm_ibis.checks.bronze_lms import (
    LmsActividad,
    LmsAsistencias,
    LmsCompletitud,
    LmsCuestionarios,
    LmsCursos,
    LmsEntregas,
    LmsForos,
    LmsIntentos,
    LmsMatriculas,
    LmsNotas,
    LmsRoles,
    LmsSesiones,
    LmsTareas,
    LmsUsuarios,
)
from padm_ibis.define.kept import Kept
from padm_ibis.define.model import Windows, resource
from padm_ibis.words.terms import last, one_per

SITE = 1
"""The course that is the platform's own front page."""
COURSE_LEVEL = 50
"""Level of the contexts that are courses."""
NO_END = "2038-01-01"
"""From here on an end is none: Moodle's default for it is the last second of 32 bits, 19 January 2038."""
SUBMITTED = "submitted"
INSERTED, UPDATED = 1, 2
"""What the history of grades says of a version that came to be; 3 is a deletion."""


def _as_document(text: ir.StringValue) -> ir.StringValue:
    """The text where it may be a document's number, else null; the loader drops what stands between its digits."""
    bare = text.replace(".", "").replace(" ", "")
    return bare.re_search("^[0-9]+$").ifelse(bare, ibis.null("string"))


def _of(rows: ir.Table, foreign: str, table: ir.Table, **columns: str) -> ir.Table:
    """Add ``columns`` (new name = the table's) of the row whose number ``foreign`` is, or nulls."""
    own = f"_{next(iter(columns))}"
    named = table.select(table.id.name(own), *(table[column].name(name) for name, column in columns.items()))
    return rows.left_join(named, [(foreign, own)])


# --- people and courses --------------------------------------------------------------------------------


@resource(
    LmsUsuarios, load="full", essential="usuarios",
    hashes={
        "username_usuario_hash": "texto", "username_documento_hash": "documento", "idnumber_documento_hash": "documento",
        "email_hash": "texto",
    },
    kept=Kept(lasting=("username_usuario_hash", "username_documento_hash", "idnumber_documento_hash", "email_hash")),
    constant=("fecha_creacion", "username_usuario_hash", "username_documento_hash", "idnumber_documento_hash", "email_hash"),
    since="fecha_creacion",
    now=("eliminado", "suspendido", "primer_acceso"),
)  # fmt: skip
def lms_usuarios(mdl_user: ir.Table) -> ir.Table:
    """Users, one row per usuario; of one that is deleted the platform has no identifier any more."""
    there = mdl_user.filter(mdl_user.deleted.fill_null(0) == 0)
    there = there.select(_id="id", _username="username", _idnumber="idnumber", _email="email")
    t = mdl_user.left_join(there, [("id", "_id")])
    return t.select(
        t.id.name("usuario"),
        t["_username"].name("username_usuario_hash"),
        _as_document(t["_username"]).name("username_documento_hash"),
        _as_document(t["_idnumber"]).name("idnumber_documento_hash"),
        t["_email"].name("email_hash"),
        t.deleted.name("eliminado"),
        t.suspended.name("suspendido"),
        t.timecreated.name("fecha_creacion"),
        t.firstaccess.name("primer_acceso"),
    )


@resource(
    LmsCursos, load="full", essential="cursos", kept=Kept(),
    constant=("categoria", "nombre", "nombre_corto", "idnumber", "fecha_inicio", "fecha_fin"), now=("visible",),
)  # fmt: skip
def lms_cursos(mdl_course: ir.Table) -> ir.Table:
    """Courses, one row per curso."""
    t = mdl_course.filter(mdl_course.id != SITE)
    return t.select(
        t.id.name("curso"), t.category.name("categoria"), t.fullname.name("nombre"), t.shortname.name("nombre_corto"),
        "idnumber", t.startdate.name("fecha_inicio"), t.enddate.name("fecha_fin"), "visible",
    )  # fmt: skip


@resource(LmsRoles, load="full", known_at="desde", kept=Kept(smallest=("desde",)), constant=("arquetipo",))
def lms_roles(mdl_role_assignments: ir.Table, mdl_context: ir.Table, mdl_role: ir.Table) -> ir.Table:
    """Roles in courses, one row per usuario, curso and rol, however many plug-ins assign it."""
    courses = mdl_context.filter(mdl_context.contextlevel == COURSE_LEVEL)
    rows = mdl_role_assignments.join(courses.select(_context="id", curso="instanceid"), [("contextid", "_context")])
    roles = mdl_role.select(_role="id", rol="shortname", arquetipo="archetype")
    rows = rows.join(roles, [("roleid", "_role")]).rename(usuario="userid")
    grouped = rows.group_by("usuario", "curso", "rol").agg(arquetipo=rows.arquetipo.min(), desde=rows.timemodified.min())
    return grouped.select("usuario", "curso", "rol", "arquetipo", "desde")


@resource(LmsMatriculas, load="full", kept=Kept(), constant=("usuario", "curso", "metodo", "creada"), since="creada")
def lms_matriculas(mdl_user_enrolments: ir.Table, mdl_enrol: ir.Table) -> ir.Table:
    """Enrolments, one row per matricula; of no use to a feature, since who leaves has none."""
    t = _of(mdl_user_enrolments, "enrolid", mdl_enrol, curso="courseid", metodo="enrol")
    hasta = (t.timeend < ibis.timestamp(NO_END)).ifelse(t.timeend, ibis.null("timestamp"))
    return t.select(
        t.id.name("matricula"), t.userid.name("usuario"), "curso", "metodo", t.status.name("estado"),
        t.timestart.name("desde"), hasta.name("hasta"), t.timecreated.name("creada"), t.timemodified.name("modificada"),
    )  # fmt: skip


# --- what is asked for and handed in --------------------------------------------------------------------


@resource(LmsTareas, load="full", kept=Kept(), constant=("curso", "abre", "vence", "cierra"))
def lms_tareas(mdl_assign: ir.Table) -> ir.Table:
    """Assignments, one row per tarea; a due date that is moved is taken as constant."""
    t = mdl_assign
    return t.select(
        t.id.name("tarea"), t.course.name("curso"), t.allowsubmissionsfromdate.name("abre"), t.duedate.name("vence"),
        t.cutoffdate.name("cierra"),
    )  # fmt: skip


def of_groups(mdl_assign_submission: ir.Table) -> ir.Table:
    """Submissions that a group handed in as one."""
    return mdl_assign_submission.filter(mdl_assign_submission.userid == 0)


@resource(
    LmsEntregas, load="incremental", cursor="modificada", known_at="modificada",
    kept=Kept(smallest=("primera_entrega",)), constant=("primera_entrega",), now=("estado",),
    left_out={"submissions of groups": of_groups},
)  # fmt: skip
def lms_entregas(mdl_assign_submission: ir.Table) -> ir.Table:
    """Submissions of single users, one row per entrega."""
    t = mdl_assign_submission.filter(mdl_assign_submission.userid != 0)
    primera = (t.status == SUBMITTED).ifelse(t.timemodified, ibis.null("timestamp"))
    return t.select(
        t.id.name("entrega"), t.assignment.name("tarea"), t.userid.name("usuario"), t.attemptnumber.name("intento"),
        t.status.name("estado"), t.timecreated.name("creada"), t.timemodified.name("modificada"),
        primera.name("primera_entrega"),
    )  # fmt: skip


@resource(LmsCuestionarios, load="full", kept=Kept(), constant=("curso", "abre", "cierra", "puntaje_maximo"))
def lms_cuestionarios(mdl_quiz: ir.Table) -> ir.Table:
    """Quizzes, one row per cuestionario."""
    t = mdl_quiz
    return t.select(
        t.id.name("cuestionario"), t.course.name("curso"), t.timeopen.name("abre"), t.timeclose.name("cierra"),
        t.sumgrades.name("puntaje_maximo"),
    )  # fmt: skip


def previews(mdl_quiz_attempts: ir.Table) -> ir.Table:
    """Attempts by which a teacher looked at a quiz."""
    return mdl_quiz_attempts.filter(mdl_quiz_attempts["preview"] == 1)


@resource(
    LmsIntentos, load="incremental", cursor="modificada", known_at="modificada", kept=Kept(), now=("estado",),
    left_out={"previews": previews},
)  # fmt: skip
def lms_intentos(mdl_quiz_attempts: ir.Table) -> ir.Table:
    """Attempts at quizzes, one row per intento_id."""
    t = mdl_quiz_attempts.filter(mdl_quiz_attempts["preview"].fill_null(0) != 1)
    return t.select(
        t.id.name("intento_id"), t.quiz.name("cuestionario"), t.userid.name("usuario"), t.attempt.name("intento"),
        t.state.name("estado"), t.timestart.name("inicio"), t.timefinish.name("fin"), t.sumgrades.name("puntaje"),
        t.timemodified.name("modificada"),
    )  # fmt: skip


# --- what happened --------------------------------------------------------------------------------------

GUEST = "guest"
GUEST_KEYS = ("siteguest", "guestid")
"""Under which of these the number of the guest's account stands in the platform's configuration."""
ORIGINS = ("web", "ws")
"""Where a learner's events come from: the browser, and the app, which speaks to the platform's web services."""
PARTICIPATING = 2
WRITING = ("c", "u")
HANDED_IN = ("mod_assign", "mod_quiz")
DAY = ("usuario", "curso", "fecha")


@ibis.udf.scalar.builtin(name="bit_count")  # type: ignore[untyped-decorator]
def _bits(number: int) -> int:  # type: ignore[empty-body]
    """How many bits of a number are set; DuckDB's."""


def _judged(log: ir.Table, users: ir.Table, config: ir.Table) -> ir.Table:
    """The log, each row with why it is no learner event (``fuera``), or null where it is one."""
    named = config.filter(config.name.isin(GUEST_KEYS))
    guests = users.filter((users.username == GUEST) | users.id.cast("string").isin(named.value)).select(_guest="id")
    t = log.left_join(guests, [("userid", "_guest")])
    fuera = ibis.cases(
        (t.timecreated.isnull(), "without a time"),
        ((t.userid <= 0).fill_null(True), "without a user"),
        (t["_guest"].notnull(), "of guests"),
        (t.anonymous.fill_null(0) != 0, "anonymous"),
        (t.realuserid.fill_null(0) != 0, "logged in as another"),
        (~t.origin.fill_null(ORIGINS[0]).isin(ORIGINS), "of the platform itself"),
        ((t.courseid <= SITE).fill_null(True), "outside of courses"),
        else_=ibis.null("string"),
    )
    handed_in = (t.action == SUBMITTED) & t.component.isin(HANDED_IN)
    return t.select(
        fuera.name("fuera"), t.userid.name("usuario"), t.courseid.name("curso"), t.timecreated.date().name("fecha"),
        t.component.name("componente"), t.timecreated.name("at"), t.timecreated.hour().cast("int64").name("hora"),
        (t.edulevel == PARTICIPATING).ifelse(1, 0).name("participa"), t.crud.isin(WRITING).ifelse(1, 0).name("escribe"),
        handed_in.ifelse(t.component + ":" + t.objectid.cast("string"), ibis.null("string")).name("entrega"),
    )  # fmt: skip


def _sums(rows: ir.Table) -> dict[str, ir.Value]:
    return {name: rows[name].sum().cast("int64") for name in ("eventos", "participaciones", "escrituras")}


def days_of_a_window(mdl_logstore_standard_log: ir.Table, mdl_user: ir.Table, mdl_config: ir.Table) -> ir.Table:
    """What a part of the log says of each user, course and day, in a form in which parts can be put together.

    Nothing is counted apart, hours are bits, submissions and components are listed: a server hashes such groups, and
    would have to sort its rows to count what differs. Of what is left out only the reason is told.
    """
    t = _judged(mdl_logstore_standard_log, mdl_user, mdl_config)
    t = t.mutate(
        **{c: t.fuera.isnull().ifelse(t[c], ibis.null(t[c].type())) for c in (*DAY, "componente", "at", "hora", "entrega")}
    )
    bits = (ibis.literal(1, "int32") << t.hora.cast("int32")).bit_or().cast("int64")
    used = t.group_by("fuera", *DAY, "componente").agg(
        eventos=t.count(), participaciones=t.participa.sum(), escrituras=t.escribe.sum(), horas=bits,
        entregas=t.entrega.group_concat(","), primer_evento=t["at"].min(), ultimo_evento=t["at"].max(),
    )  # fmt: skip
    return used.group_by("fuera", *DAY).agg(
        **_sums(used), horas=used.horas.bit_or(), entregas=used.entregas.group_concat(","),
        componentes=used.componente.group_concat(","), primer_evento=used.primer_evento.min(),
        ultimo_evento=used.ultimo_evento.max(),
    )  # fmt: skip


def days_of_all(padm_parts: ir.Table) -> ir.Table:
    """The days of all windows together. Most lie in one window, and only the others are brought together."""
    t = padm_parts.filter(padm_parts.fuera.isnull()).drop("fuera")
    lists = {name: t[name].fill_null("").split(",") for name in ("entregas", "componentes")}
    t = t.mutate(**lists)
    twice = t.group_by(*DAY).agg(parts=lambda p: p.count()).filter(lambda p: p.parts > 1)
    several = t.semi_join(twice, list(DAY))
    together = several.group_by(*DAY).agg(
        **_sums(several), horas=several.horas.bit_or(), primer_evento=several.primer_evento.min(),
        ultimo_evento=several.ultimo_evento.max(), **{name: several[name].collect().flatten() for name in lists},
    )  # fmt: skip
    alone = t.anti_join(twice, list(DAY)).select(*together.columns)
    both = ibis.union(alone, together)
    counted = {name: both[name].unique().filter(lambda item: item != "").length().cast("int64") for name in lists}
    return both.select(
        *DAY, "eventos", "participaciones", "escrituras", _bits(both.horas).cast("int64").name("horas_activas"),
        *(value.name(name) for name, value in counted.items()), "primer_evento", "ultimo_evento",
    )  # fmt: skip


@resource(
    LmsActividad, load="incremental", cursor="fecha", known_at="fecha", lookback=3, kept=Kept(growing="eventos"),
    windows=Windows(
        "mdl_logstore_standard_log", by="id", at="timecreated", part=days_of_a_window, whole=days_of_all, reason="fuera",
        count="eventos",
    ),
)  # fmt: skip
def lms_actividad(mdl_logstore_standard_log: ir.Table, mdl_user: ir.Table, mdl_config: ir.Table) -> ir.Table:
    """Days of learner events, one row per usuario, curso and fecha."""
    t = _judged(mdl_logstore_standard_log, mdl_user, mdl_config)
    t = t.filter(t.fuera.isnull())
    return t.group_by(*DAY).agg(
        eventos=t.count(), participaciones=t.participa.sum().cast("int64"), escrituras=t.escribe.sum().cast("int64"),
        horas_activas=t.hora.nunique(), entregas=t.entrega.nunique(), componentes=t.componente.nunique(),
        primer_evento=t["at"].min(), ultimo_evento=t["at"].max(),
    )  # fmt: skip


@resource(LmsForos, load="incremental", cursor="creada", known_at="creada", kept=Kept())
def lms_foros(mdl_forum_posts: ir.Table, mdl_forum_discussions: ir.Table) -> ir.Table:
    """Posts in forums, one row per mensaje."""
    t = _of(mdl_forum_posts, "discussion", mdl_forum_discussions, curso="course")
    return t.select(
        t.id.name("mensaje"), "curso", t.userid.name("usuario"), t.created.name("creada"), (t.parent != 0).name("es_respuesta")
    )


@resource(LmsCompletitud, load="incremental", cursor="modificada", known_at="modificada", kept=Kept(), now=("estado",))
def lms_completitud(mdl_course_modules_completion: ir.Table, mdl_course_modules: ir.Table) -> ir.Table:
    """Completed activities, one row per completitud."""
    t = _of(mdl_course_modules_completion, "coursemoduleid", mdl_course_modules, curso="course")
    return t.select(
        t.id.name("completitud"), "curso", t.coursemoduleid.name("modulo"), t.userid.name("usuario"),
        t.completionstate.name("estado"), t.timemodified.name("modificada"),
    )  # fmt: skip


# --- attendance -----------------------------------------------------------------------------------------


@resource(LmsSesiones, load="full", kept=Kept(), constant=("curso", "grupo", "fecha_sesion", "duracion_min"))
def lms_sesiones(mdl_attendance_sessions: ir.Table, mdl_attendance: ir.Table) -> ir.Table:
    """Sessions, one row per sesion."""
    t = _of(mdl_attendance_sessions, "attendanceid", mdl_attendance, curso="course")
    return t.select(
        t.id.name("sesion"), "curso", t.groupid.name("grupo"), t.sessdate.name("fecha_sesion"),
        (t.duration // 60).name("duracion_min"), t.lasttaken.name("tomada"),
    )  # fmt: skip


@resource(
    LmsAsistencias, load="incremental", cursor="tomada", known_at="tomada",
    kept=Kept(smallest=("primera_toma",)), constant=("primera_toma",),
)  # fmt: skip
def lms_asistencias(mdl_attendance_log: ir.Table, mdl_attendance_statuses: ir.Table) -> ir.Table:
    """Attendance, one row per asistencia; the words of a status are an installation's own, its grade is not."""
    statuses = mdl_attendance_statuses
    standing = statuses.filter(statuses.deleted.fill_null(0) == 0)
    best = standing.group_by("attendanceid", "setnumber").agg(puntaje_maximo=standing.grade.max())
    best = best.rename(_attendance="attendanceid", _set="setnumber")
    t = _of(mdl_attendance_log, "statusid", statuses, puntaje="grade", attendanceid="attendanceid", setnumber="setnumber")
    t = t.left_join(best, [("attendanceid", "_attendance"), ("setnumber", "_set")])
    return t.select(
        t.id.name("asistencia"), t.sessionid.name("sesion"), t.studentid.name("usuario"), "puntaje", "puntaje_maximo",
        t.timetaken.name("tomada"), t.timetaken.name("primera_toma"),
    )  # fmt: skip


# --- grades ---------------------------------------------------------------------------------------------


@resource(
    LmsNotas, load="incremental", cursor="modificada", known_at="modificada",
    kept=Kept(first=("minimo", "maximo")), constant=("curso", "tipo_item", "modulo", "minimo", "maximo"),
)  # fmt: skip
def lms_notas(mdl_grade_grades: ir.Table, mdl_grade_grades_history: ir.Table, mdl_grade_items: ir.Table) -> ir.Table:
    """Versions of grades, one row per item, usuario and modificada: of several of one second, the last."""
    now, before = mdl_grade_grades, mdl_grade_grades_history
    before = before.filter(before.action.isin([INSERTED, UPDATED]))
    versions = ibis.union(
        now.select("itemid", "userid", "finalgrade", "id", modificada=now.timemodified.coalesce(now.timecreated), stands=1),
        before.select("itemid", "userid", "finalgrade", "id", modificada=before.timemodified, stands=0),
    )
    versions = versions.filter(versions.finalgrade.notnull())
    latest = one_per(versions, ["itemid", "userid", "modificada"], [last(versions.stands), last(versions.id)])
    items = mdl_grade_items.filter(mdl_grade_items.itemtype != "category")
    items = items.select(
        _item="id", curso="courseid", tipo_item="itemtype", modulo="itemmodule", minimo="grademin", maximo="grademax"
    )
    t = latest.join(items, [("itemid", "_item")])
    return t.select(
        t.itemid.name("item"), "curso", "tipo_item", "modulo", t.userid.name("usuario"), t.finalgrade.name("nota"),
        "minimo", "maximo", "modificada",
    )  # fmt: skip


BRONZE: tuple[Callable[..., ir.Table], ...] = (
    lms_usuarios,
    lms_cursos,
    lms_roles,
    lms_matriculas,
    lms_actividad,
    lms_tareas,
    lms_entregas,
    lms_cuestionarios,
    lms_intentos,
    lms_foros,
    lms_completitud,
    lms_sesiones,
    lms_asistencias,
    lms_notas,
)
