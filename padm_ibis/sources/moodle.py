"""Moodle, 3.9 to 5.x: every table that bronze reads, and nothing of them that it does not read.

Names, columns and types are those of Moodle's own definitions (``install.xml`` of core, of the standard log, of the
modules assign, quiz, forum, and of the plug-in mod_attendance); ``mdl_`` stands for the installation's prefix. What all
of these versions have is required where silver cannot do without it. Instants are whole seconds since 1970, 0 for never.
"""

from __future__ import annotations

import ibis.expr.datatypes as dt

from padm_ibis.define.source_table import Identity, SourceTable

NUMERIC = dt.Decimal(18, 6)
_PEOPLE: dict[str, Identity] = {"userid": "usuario", "studentid": "usuario"}


def _table(
    name: str,
    required: str,
    *,
    int64: str = "",
    string: str = "",
    numeric: str = "",
    instant: str = "",
    optional_table: bool = False,
    people: dict[str, Identity] | None = None,
) -> SourceTable:
    """One table of the platform, which has a number of its own for each row; column names are separated by blanks."""
    typed = ((f"id {int64}", dt.int64), (string, dt.string), (numeric, NUMERIC), (instant, dt.timestamp))
    columns = {column: dtype for names, dtype in typed for column in names.split()}
    keys = frozenset(f"id {required}".split())
    if unknown := keys - columns.keys():
        raise TypeError(f"{name} requires {', '.join(sorted(unknown))} without giving a type.")
    named = {column: _PEOPLE[column] for column in columns if column in _PEOPLE} if people is None else people
    return SourceTable(f"mdl_{name}", columns, keys, optional_table, key=("id",), people=named, epoch=frozenset(instant.split()))


_ALL = (
    # people and courses
    _table(
        "user",
        "username deleted",
        int64="deleted suspended",
        string="username idnumber email",
        instant="timecreated firstaccess",
        people={"id": "usuario", "idnumber": "documento", "username": "documento"},
    ),
    _table("course", "fullname", int64="category visible", string="fullname shortname idnumber", instant="startdate enddate"),
    _table("context", "contextlevel instanceid", int64="contextlevel instanceid"),
    _table("role", "shortname", string="shortname archetype"),
    _table("role_assignments", "roleid contextid userid timemodified", int64="roleid contextid userid", instant="timemodified"),
    _table("enrol", "courseid", int64="courseid", string="enrol"),
    _table(
        "user_enrolments",
        "enrolid userid",
        int64="enrolid userid status",
        instant="timestart timeend timecreated timemodified",
    ),
    _table("config", "name value", string="name value", optional_table=True),
    # what happened
    _table(
        "logstore_standard_log",
        "component action crud edulevel userid courseid timecreated",
        int64="objectid edulevel userid courseid anonymous realuserid",
        string="component action crud origin",
        instant="timecreated",
    ),
    _table("forum_discussions", "course", int64="course"),
    _table("forum_posts", "discussion userid parent created", int64="discussion parent userid", instant="created"),
    _table("course_modules", "course", int64="course"),
    _table(
        "course_modules_completion",
        "coursemoduleid userid completionstate timemodified",
        int64="coursemoduleid userid completionstate",
        instant="timemodified",
    ),
    # what is asked for and handed in
    _table("assign", "course", int64="course", instant="allowsubmissionsfromdate duedate cutoffdate"),
    _table(
        "assign_submission",
        "assignment userid status timemodified",
        int64="assignment userid attemptnumber",
        string="status",
        instant="timecreated timemodified",
    ),
    _table("quiz", "course", int64="course", numeric="sumgrades", instant="timeopen timeclose"),
    _table(
        "quiz_attempts",
        "quiz userid state timefinish timemodified preview",
        int64="quiz userid attempt preview",
        string="state",
        numeric="sumgrades",
        instant="timestart timefinish timemodified",
    ),
    # attendance, a plug-in
    _table("attendance", "course", int64="course"),
    _table(
        "attendance_sessions",
        "attendanceid sessdate",
        int64="attendanceid groupid duration",
        instant="sessdate lasttaken",
    ),
    _table("attendance_log", "sessionid studentid statusid timetaken", int64="sessionid studentid statusid", instant="timetaken"),
    _table("attendance_statuses", "attendanceid grade", int64="attendanceid setnumber deleted", numeric="grade"),
    # grades
    _table(
        "grade_items",
        "courseid itemtype grademin grademax",
        int64="courseid",
        string="itemtype itemmodule",
        numeric="grademin grademax",
    ),
    _table(
        "grade_grades",
        "itemid userid finalgrade timemodified",
        int64="itemid userid",
        numeric="finalgrade",
        instant="timecreated timemodified",
    ),
    _table(
        "grade_grades_history",
        "itemid userid finalgrade timemodified action",
        int64="itemid userid action",
        numeric="finalgrade",
        instant="timemodified",
        optional_table=True,
    ),
)

TABLES: dict[str, SourceTable] = {table.name: table for table in _ALL}
