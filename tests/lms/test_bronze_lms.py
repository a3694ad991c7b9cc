"""Bronze of a platform with Moodle's own tables, 3.9 and 5.1, in a real PostgreSQL: rows put in, rows expected, by hand."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path

import pytest
from conftest_lms import KEY, Bronze, Moodle, at, note, on_both, when

from padm_ibis.extract.hashing import keyed_hash

pytestmark = pytest.mark.postgres


def document(text: str) -> str | None:
    return keyed_hash(text, "documento", KEY.encode())


def word(text: str) -> str | None:
    return keyed_hash(text, "texto", KEY.encode())


def test_users_arrive_hashed_and_what_is_no_document_is_none(bronze: Bronze, moodle: Moodle) -> None:
    moodle.user(10, username=" 30.123.456 ", idnumber="00 30123456", email="Ana@Uni.edu.ar ", firstaccess="2019-03-04 09:30:15")
    moodle.user(11, username="jperez", idnumber="LU-1234", suspended=1)
    moodle.user(12, username="00", idnumber="", timecreated=0)
    bronze.load("lms_usuarios")
    assert bronze.rows("lms_usuarios") == [
        (10, word("30.123.456"), document("30123456"), document("30123456"), word("ana@uni.edu.ar"), 0, 0,
         when("2019-03-01"), when("2019-03-04 09:30:15")),
        (11, word("jperez"), None, None, None, 0, 1, when("2019-03-01"), None),
        (12, word("00"), None, None, None, 0, 0, None, None),
    ]  # fmt: skip


@on_both
def test_a_user_who_is_deleted_or_loses_an_identifier_keeps_the_hashes(bronze: Bronze, moodle: Moodle) -> None:
    moodle.user(10, username="30123456", idnumber="30123456", email="ana@uni.edu.ar")
    moodle.user(11, username="31000000", idnumber="31000000")
    bronze.load("lms_usuarios")
    before = bronze.rows("lms_usuarios", "usuario, username_documento_hash, idnumber_documento_hash, email_hash")
    # what Moodle's delete_user does
    moodle.sql(
        "UPDATE mdl_user SET deleted = 1, username = 'ana@uni.edu.ar.1700000000', email = md5('30123456'), idnumber = ''"
        " WHERE id = 10"
    )
    moodle.sql("UPDATE mdl_user SET idnumber = '' WHERE id = 11")
    bronze.load("lms_usuarios")
    bronze.load("lms_usuarios", full_refresh=["lms_usuarios"])
    assert bronze.rows("lms_usuarios", "usuario, username_documento_hash, idnumber_documento_hash, email_hash") == before
    assert bronze.rows("lms_usuarios", "usuario, eliminado") == [(10, 1), (11, 0)]
    assert bronze.rows("lms_usuarios", "idnumber_documento_hash")[1] == (document("31000000"),)


@on_both
def test_what_the_platform_deletes_stays_with_the_day_of_the_run_and_comes_back(bronze: Bronze, moodle: Moodle) -> None:
    moodle.course(2, startdate="2024-03-11", enddate=0, idnumber="MAT101")
    moodle.course(3)
    bronze.load("lms_cursos")
    assert bronze.rows("lms_cursos") == [
        (2, 4, "Curso 2", "C2", "MAT101", when("2024-03-11"), None, 1),
        (3, 4, "Curso 3", "C3", "", None, None, 1),
    ]
    moodle.sql("DELETE FROM mdl_course WHERE id = 2")
    found = bronze.load("lms_cursos")
    (today,) = moodle.sql("SELECT (now() AT TIME ZONE 'America/Argentina/Buenos_Aires')::date")[0]
    assert bronze.rows("lms_cursos", "curso, _ausente_desde, _run_id") == [(2, today, "run2"), (3, None, "run1")]
    assert note(found, "lms_cursos") == "1 row kept that the source has no more"
    bronze.query("UPDATE bronze.lms_cursos SET _ausente_desde = DATE '2020-01-02' WHERE curso = 2")
    assert sum(item.changed for item in bronze.load("lms_cursos", full_refresh=True).inputs) == 0
    assert bronze.rows("lms_cursos", "curso, _ausente_desde") == [(2, dt.date(2020, 1, 2)), (3, None)], "the first day stays"
    moodle.sql("INSERT INTO mdl_course (id, category, fullname, shortname) VALUES (2, 4, 'Curso 2', 'C2')")
    bronze.load("lms_cursos")
    assert bronze.rows("lms_cursos", "curso, _ausente_desde") == [(2, None), (3, None)]


def test_a_restored_course_is_another_one(bronze: Bronze, moodle: Moodle) -> None:
    """A backup that is restored gets new numbers: the old course stays, absent, and so do its assignments."""
    moodle.course(2)
    moodle.add("assign", {"id": 7, "course": 2, "duedate": "2024-05-01 23:59:00", "cutoffdate": 0, "allowsubmissionsfromdate": 0})
    bronze.load()
    moodle.sql("DELETE FROM mdl_course WHERE id = 2")
    moodle.sql("DELETE FROM mdl_assign")
    moodle.course(9, fullname="Curso 2")
    moodle.add("assign", {"id": 8, "course": 9, "duedate": "2024-05-01 23:59:00"})
    bronze.load()
    assert bronze.rows("lms_cursos", "curso, nombre, _ausente_desde IS NULL") == [(2, "Curso 2", False), (9, "Curso 2", True)]
    assert bronze.rows("lms_tareas") == [
        (7, 2, None, when("2024-05-01 23:59"), None),
        (8, 9, None, when("2024-05-01 23:59"), None),
    ]
    assert bronze.rows("lms_tareas", "tarea, _ausente_desde IS NULL") == [(7, False), (8, True)]


def test_roles_are_those_of_courses_since_the_earliest_that_was_seen(bronze: Bronze, moodle: Moodle) -> None:
    moodle.course(2)
    moodle.add("context", {"id": 1, "contextlevel": 10, "instanceid": 0}, {"id": 40, "contextlevel": 40, "instanceid": 2})
    moodle.role(10, 2, 5, "2024-03-01 08:00:00")
    moodle.role(10, 2, 5, "2024-03-05", component="enrol_database", itemid=3)  # a second plug-in assigns it, too
    moodle.role(10, 2, 3, "2024-08-01")
    moodle.add("role_assignments", {"userid": 11, "contextid": 40, "roleid": 1, "timemodified": "2024-03-01"})
    bronze.load("lms_roles")
    assert bronze.rows("lms_roles") == [
        (10, 2, "editingteacher", "editingteacher", when("2024-08-01")),
        (10, 2, "student", "student", when("2024-03-01 08:00")),
    ]
    moodle.sql("DELETE FROM mdl_role_assignments WHERE roleid = 5 AND component = ''")
    moodle.sql("DELETE FROM mdl_role_assignments WHERE roleid = 3")
    bronze.load("lms_roles")
    assert bronze.rows("lms_roles", "rol, desde, _ausente_desde IS NULL") == [
        ("editingteacher", when("2024-08-01"), False), ("student", when("2024-03-01 08:00"), True),
    ]  # fmt: skip


def test_enrolments_stay_when_somebody_is_unenrolled(bronze: Bronze, moodle: Moodle) -> None:
    moodle.course(2)
    moodle.add("enrol", {"id": 20, "enrol": "manual", "courseid": 2})
    moodle.add(
        "user_enrolments",
        {"id": 1, "enrolid": 20, "userid": 10, "timestart": "2024-03-11", "timecreated": "2024-03-01",
         "timemodified": "2024-03-01"},
        {"id": 2, "enrolid": 20, "userid": 11, "timeend": "2024-12-20", "status": 1, "timecreated": "2024-03-01",
         "timemodified": "2024-04-01"},
    )  # fmt: skip
    bronze.load("lms_matriculas")
    moodle.sql("DELETE FROM mdl_user_enrolments WHERE userid = 10")
    bronze.load("lms_matriculas", full_refresh=True)
    assert bronze.rows("lms_matriculas") == [
        (1, 10, 2, "manual", 0, when("2024-03-11"), None, when("2024-03-01"), when("2024-03-01")),
        (2, 11, 2, "manual", 1, None, when("2024-12-20"), when("2024-03-01"), when("2024-04-01")),
    ]
    assert bronze.rows("lms_matriculas", "matricula, _ausente_desde IS NULL") == [(1, False), (2, True)]


@on_both
def test_a_first_delivery_stays_where_it_was_seen(bronze: Bronze, moodle: Moodle) -> None:
    submission = {"assignment": 7, "timecreated": "2024-04-01 10:00:00"}
    moodle.add(
        "assign_submission",
        {**submission, "id": 1, "userid": 10, "timemodified": "2024-04-02 11:00:00", "status": "submitted"},
        {**submission, "id": 2, "userid": 11, "timemodified": "2024-04-01 10:00:00", "status": "draft"},
        {**submission, "id": 3, "userid": 0, "groupid": 5, "timemodified": "2024-04-02", "status": "submitted"},
        {**submission, "id": 4, "userid": 12, "timemodified": "2024-04-02", "status": "submitted"},
    )
    found = bronze.load("lms_entregas")
    assert note(found, "lms_entregas") == "submissions of groups: 1 row left out"
    # handed in again; handed in late; reopened: a second attempt; deleted with its course
    moodle.sql("UPDATE mdl_assign_submission SET timemodified = %s WHERE id = 1", [at("2024-06-20 09:00:00")])
    moodle.sql(
        "UPDATE mdl_assign_submission SET timemodified = %s, status = 'submitted' WHERE id = 2", [at("2024-04-09 08:00:00")]
    )
    moodle.sql("UPDATE mdl_assign_submission SET status = 'reopened', latest = 0 WHERE id = 1")
    moodle.add(
        "assign_submission",
        {**submission, "id": 5, "userid": 10, "attemptnumber": 1, "timemodified": "2024-06-20 09:00:00", "status": "new"},
    )
    moodle.sql("DELETE FROM mdl_assign_submission WHERE id = 4")
    for refresh in (False, True):
        bronze.load("lms_entregas", full_refresh=refresh)
        assert bronze.rows("lms_entregas", "entrega, usuario, intento, estado, modificada, primera_entrega") == [
            (1, 10, 0, "reopened", when("2024-06-20 09:00"), when("2024-04-02 11:00")),
            (2, 11, 0, "submitted", when("2024-04-09 08:00"), when("2024-04-09 08:00")),
            (4, 12, 0, "submitted", when("2024-04-02"), when("2024-04-02")),
            (5, 10, 1, "new", when("2024-06-20 09:00"), None),
        ]
        assert [row[0] for row in bronze.rows("lms_entregas", "entrega, _ausente_desde") if row[1] is not None] == [4]


def test_quizzes_and_attempts_without_previews(bronze: Bronze, moodle: Moodle) -> None:
    moodle.add("quiz", {"id": 4, "course": 2, "timeopen": "2024-05-01", "timeclose": "2024-05-10 23:59:59", "sumgrades": 10})
    attempt = {"quiz": 4, "uniqueid": 1, "timestart": "2024-05-02 10:00:00", "timemodified": "2024-05-02 10:30:00"}
    moodle.add(
        "quiz_attempts",
        {
            **attempt,
            "id": 1,
            "userid": 10,
            "attempt": 1,
            "state": "finished",
            "timefinish": "2024-05-02 10:30:00",
            "sumgrades": 7.5,
        },
        {**attempt, "id": 2, "userid": 10, "attempt": 2, "state": "inprogress"},
        {**attempt, "id": 3, "userid": 99, "attempt": 1, "state": "finished", "preview": 1},
    )
    found = bronze.load("lms_cuestionarios", "lms_intentos")
    assert bronze.rows("lms_cuestionarios") == [(4, 2, when("2024-05-01"), when("2024-05-10 23:59:59"), Decimal(10))]
    start, end = when("2024-05-02 10:00"), when("2024-05-02 10:30")
    assert bronze.rows("lms_intentos") == [
        (1, 4, 10, 1, "finished", start, end, Decimal("7.5"), end),
        (2, 4, 10, 2, "inprogress", start, None, None, end),
    ]
    assert note(found, "lms_intentos") == "previews: 1 row left out"


def test_posts_and_completed_activities(bronze: Bronze, moodle: Moodle) -> None:
    moodle.add("forum_discussions", {"id": 3, "course": 2})
    moodle.add(
        "forum_posts",
        {"id": 1, "discussion": 3, "parent": 0, "userid": 10, "created": "2024-04-01 10:00:00", "message": "a secret"},
        {"id": 2, "discussion": 3, "parent": 1, "userid": 11, "created": "2024-04-01 11:00:00", "subject": "a secret"},
        {"id": 3, "discussion": 88, "parent": 1, "userid": 11, "created": "2024-04-01 12:00:00"},
    )
    moodle.add("course_modules", {"id": 6, "course": 2})
    moodle.add(
        "course_modules_completion",
        {"id": 1, "coursemoduleid": 6, "userid": 10, "completionstate": 1, "timemodified": "2024-04-01 10:00:00"},
    )
    bronze.load("lms_foros", "lms_completitud")
    assert bronze.rows("lms_foros") == [
        (1, 2, 10, when("2024-04-01 10:00"), False), (2, 2, 11, when("2024-04-01 11:00"), True),
        (3, None, 11, when("2024-04-01 12:00"), True),
    ]  # fmt: skip
    assert bronze.rows("lms_completitud") == [(1, 2, 6, 10, 1, when("2024-04-01 10:00"))]


def test_attendance_by_the_grade_of_its_status(bronze: Bronze, moodle: Moodle) -> None:
    moodle.add("attendance", {"id": 1, "course": 2})
    statuses = {"attendanceid": 1, "setnumber": 0}
    moodle.add(
        "attendance_statuses",
        {**statuses, "id": 1, "acronym": "P", "grade": 2}, {**statuses, "id": 2, "acronym": "A", "grade": 0},
        {**statuses, "id": 3, "acronym": "X", "grade": 9, "deleted": 1}, {**statuses, "id": 4, "setnumber": 1, "grade": 5},
    )  # fmt: skip
    moodle.add(
        "attendance_sessions",
        {"id": 1, "attendanceid": 1, "sessdate": "2024-04-01 18:00:00", "duration": 5430, "lasttaken": "2024-04-01 18:10:00"},
    )
    moodle.add(
        "attendance_sessions", {"id": 2, "attendanceid": 1, "groupid": 4, "sessdate": "2024-04-08 18:00:00", "duration": 0}
    )
    log = {"sessionid": 1, "timetaken": "2024-04-01 18:10:00"}
    moodle.add(
        "attendance_log", {**log, "id": 1, "studentid": 10, "statusid": 1}, {**log, "id": 2, "studentid": 11, "statusid": 2}
    )
    bronze.load("lms_sesiones", "lms_asistencias")
    assert bronze.rows("lms_sesiones") == [
        (1, 2, 0, when("2024-04-01 18:00"), 90, when("2024-04-01 18:10")), (2, 2, 4, when("2024-04-08 18:00"), 0, None),
    ]  # fmt: skip
    taken = when("2024-04-01 18:10")
    assert bronze.rows("lms_asistencias") == [
        (1, 1, 10, Decimal(2), Decimal(2), taken, taken), (2, 1, 11, Decimal(0), Decimal(2), taken, taken),
    ]  # fmt: skip
    moodle.sql("UPDATE mdl_attendance_log SET statusid = 1, timetaken = %s WHERE id = 2", [at("2024-06-01 10:00:00")])
    bronze.load("lms_asistencias")
    assert bronze.rows("lms_asistencias", "asistencia, puntaje, tomada, primera_toma")[1] == (
        2,
        Decimal(2),
        when("2024-06-01 10:00"),
        taken,
    )


def test_a_platform_without_the_attendance_plug_in_has_no_attendance(tmp_path: Path, postgres_url: str) -> None:
    moodle = Moodle(postgres_url, "3.9", without=("attendance",))
    bronze = Bronze(tmp_path, moodle)
    found = bronze.load()
    assert bronze.rows("lms_sesiones") == bronze.rows("lms_asistencias") == []
    told = [str(finding) for finding in found.not_given]
    assert [text for text in told if "mdl_attendance_sessions is missing" in text]
    assert {table for finding in found.not_given for table in finding.suffers} == {"lms_sesiones", "lms_asistencias"}
    moodle.con.close()


def test_another_prefix_is_read_and_named(tmp_path: Path, postgres_url: str) -> None:
    moodle = Moodle(postgres_url, "3.9", prefix="aula_")
    bronze = Bronze(tmp_path, moodle)
    moodle.user(10)
    bronze.load()
    assert bronze.rows("lms_usuarios", "usuario") == [(10,)]
    moodle.prefix = "mdl_"
    with pytest.raises(AssertionError, match="has none of the"):
        bronze.load()
    moodle.con.close()


@on_both
def test_every_version_of_a_grade_stays(bronze: Bronze, moodle: Moodle) -> None:
    moodle.add(
        "grade_items",
        {"id": 1, "courseid": 2, "itemtype": "mod", "itemmodule": "quiz", "grademax": 10},
        {"id": 2, "courseid": 2, "itemtype": "category"},
        {"id": 3, "courseid": 2, "itemtype": "course"},
    )
    grade = {"userid": 10, "timecreated": "2024-05-01"}
    moodle.add(
        "grade_grades",
        {**grade, "id": 1, "itemid": 1, "finalgrade": 6, "timemodified": "2024-05-20 10:00:00"},
        {**grade, "id": 2, "itemid": 2, "finalgrade": 6, "timemodified": "2024-05-20 10:00:00"},
        {**grade, "id": 3, "itemid": 3, "finalgrade": None, "timemodified": "2024-05-20 10:00:00"},
        {**grade, "id": 4, "itemid": 1, "userid": 11, "finalgrade": 8, "timemodified": None},
    )
    history = {"itemid": 1, "userid": 10, "oldid": 1}
    moodle.add(
        "grade_grades_history",
        {**history, "id": 1, "action": 1, "finalgrade": 4, "timemodified": "2024-05-10 10:00:00"},
        {**history, "id": 2, "action": 2, "finalgrade": 5, "timemodified": "2024-05-10 10:00:00"},  # the same second
        {**history, "id": 3, "action": 2, "finalgrade": None, "timemodified": "2024-05-11 10:00:00"},
        {**history, "id": 4, "action": 3, "finalgrade": 5, "timemodified": "2024-05-12 10:00:00"},  # its deletion
        {**history, "id": 5, "action": 2, "finalgrade": 6, "timemodified": "2024-05-20 10:00:00"},  # the one that stands
    )
    bronze.load("lms_notas")
    item = (1, 2, "mod", "quiz")
    versions = [
        (*item, 10, Decimal(5), Decimal(0), Decimal(10), when("2024-05-10 10:00")),
        (*item, 10, Decimal(6), Decimal(0), Decimal(10), when("2024-05-20 10:00")),
        (*item, 11, Decimal(8), Decimal(0), Decimal(10), when("2024-05-01")),
    ]
    assert bronze.rows("lms_notas") == versions
    # overridden later, the history purged, the scale changed
    moodle.sql("DELETE FROM mdl_grade_grades_history")
    moodle.sql("UPDATE mdl_grade_grades SET finalgrade = 9, timemodified = %s WHERE id = 1", [at("2024-07-01 09:00:00")])
    moodle.sql("UPDATE mdl_grade_items SET grademax = 100 WHERE id = 1")
    for refresh in (False, True):
        bronze.load("lms_notas", full_refresh=refresh)
        assert bronze.rows("lms_notas") == sorted(
            [*versions, (*item, 10, Decimal(9), Decimal(0), Decimal(100), when("2024-07-01 09:00"))]
        )


def test_negative_and_future_instants_have_a_fate_that_is_told(bronze: Bronze, moodle: Moodle) -> None:
    moodle.course(2, startdate=-5)
    moodle.add("forum_discussions", {"id": 3, "course": 2})
    moodle.add(
        "forum_posts",
        {"id": 1, "discussion": 3, "userid": 10, "created": "2090-01-01"},
        {"id": 2, "discussion": 3, "userid": 10, "created": 0},
    )
    moodle.add("forum_posts", {"id": 3, "discussion": 3, "userid": 10, "created": "2024-04-01"})
    found = bronze.load("lms_cursos", "lms_foros")
    assert bronze.rows("lms_cursos", "curso, fecha_inicio") == [(2, None)]
    assert bronze.rows("lms_foros", "mensaje, creada") == [(1, when("2090-01-01")), (2, None), (3, when("2024-04-01"))]
    told = {(c.table, c.rule, c.failed) for c in found.checks}
    assert told == {("bronze.lms_cursos", "unreadable_value", 1), ("bronze.lms_foros", "future_instant", 1)}
    assert {i.resource: i.watermark for i in found.inputs}["lms_foros"] == "2024-04-01 00:00:00"


def test_an_empty_platform_gives_empty_tables(bronze: Bronze) -> None:
    found = bronze.load()
    assert {item.resource: item.rows for item in found.inputs if item.rows} == {}
    assert not found.checks


def test_nothing_that_names_anybody_lands(bronze: Bronze, moodle: Moodle) -> None:
    moodle.user(
        10, username="secreta30123456", idnumber="30123456", email="secreta@uni.edu.ar", firstname="Secreta", lastip="10.9.8.7"
    )
    moodle.user(11, username="30123457", lastname="Secreto")
    moodle.add("forum_discussions", {"id": 3, "course": 2})
    moodle.add(
        "forum_posts",
        {"id": 1, "discussion": 3, "userid": 10, "created": "2024-04-01", "message": "secreta", "subject": "secreta"},
    )
    bronze.load()
    for word_ in (b"ecreta", b"3012345", b"10.9.8.7"):
        assert word_ not in bronze.file.read_bytes()


def test_rights_on_the_columns_that_are_read_are_enough(bronze: Bronze, moodle: Moodle) -> None:
    moodle.user(10, email="ana@uni.edu.ar")
    moodle.log(10, 2, "2024-04-01 10:00:00", ip="10.9.8.7")
    moodle.sql("DROP ROLE IF EXISTS narrow")
    moodle.sql("CREATE ROLE narrow LOGIN")
    moodle.sql(f'GRANT USAGE ON SCHEMA "{moodle.schema}" TO narrow')
    moodle.sql("GRANT SELECT (id, username, idnumber, email, deleted, suspended, timecreated, firstaccess) ON mdl_user TO narrow")
    log = "id, component, action, objectid, crud, edulevel, userid, courseid, anonymous, timecreated, origin, realuserid"
    moodle.sql(f"GRANT SELECT ({log}) ON mdl_logstore_standard_log TO narrow")
    moodle.sql("GRANT SELECT (id, discussion, parent, userid, created) ON mdl_forum_posts TO narrow")
    moodle.sql("GRANT SELECT ON mdl_course, mdl_config, mdl_forum_discussions TO narrow")
    moodle.url = moodle.url.replace("postgresql://postgres:@", "postgresql://narrow@")
    found = bronze.load("lms_usuarios", "lms_cursos", "lms_actividad", "lms_foros")
    assert {item.resource: item.rows for item in found.inputs} == {
        "lms_usuarios": 1, "lms_cursos": 0, "lms_actividad": 1, "lms_foros": 0,
    }  # fmt: skip
    assert not found.not_given
    moodle.sql("DROP OWNED BY narrow")
    moodle.sql("DROP ROLE narrow")
