# ruff: noqa: E501
"""Moodle's own tables, as its installer makes them on PostgreSQL, in two versions: types, defaults and indexes.

Of each table those columns are here that anybody fills, and those in which the versions differ. XMLDB's ``int(10)`` is
bigint there, ``int(5..9)`` integer, ``int(1..4)`` smallint, ``number(10,5)`` numeric, ``char`` varchar.
"""

from __future__ import annotations

ID = "id bigserial PRIMARY KEY"
N = "bigint NOT NULL DEFAULT 0"
S = "smallint NOT NULL DEFAULT 0"

_COMMON = {
    "config": f"{ID}, name varchar(255) NOT NULL DEFAULT '' UNIQUE, value text NOT NULL",
    "config_plugins": f"{ID}, plugin varchar(100) NOT NULL DEFAULT 'core', name varchar(100) NOT NULL DEFAULT '', value text NOT NULL",
    "context": f"{ID}, contextlevel {N}, instanceid {N}, path varchar(255), depth {S}, locked {S}, UNIQUE (contextlevel, instanceid)",
    "role": f"{ID}, name varchar(255) NOT NULL DEFAULT '', shortname varchar(100) NOT NULL DEFAULT '' UNIQUE,"
    f" description text NOT NULL DEFAULT '', sortorder bigint NOT NULL DEFAULT 0 UNIQUE, archetype varchar(30) NOT NULL DEFAULT ''",
    "role_assignments": f"{ID}, roleid {N}, contextid {N}, userid {N}, timemodified {N}, modifierid {N},"
    f" component varchar(100) NOT NULL DEFAULT '', itemid {N}, sortorder {N}",
    "enrol": f"{ID}, enrol varchar(20) NOT NULL DEFAULT '', status {N}, courseid bigint NOT NULL, sortorder {N}, roleid {N},"
    f" timecreated {N}, timemodified {N}",
    "user_enrolments": f"{ID}, status {N}, enrolid bigint NOT NULL, userid bigint NOT NULL, timestart {N},"
    f" timeend bigint NOT NULL DEFAULT 2147483647, modifierid {N}, timecreated {N}, timemodified {N}, UNIQUE (enrolid, userid)",
    "course_modules": f"{ID}, course {N}, module {N}, instance {N}, section {N}, idnumber varchar(100), added {N}, visible"
    " smallint NOT NULL DEFAULT 1, completion smallint NOT NULL DEFAULT 0, deletioninprogress smallint NOT NULL DEFAULT 0",
    "forum_discussions": f"{ID}, course {N}, forum {N}, name varchar(255) NOT NULL DEFAULT '', firstpost {N}, userid {N},"
    f" groupid bigint NOT NULL DEFAULT -1, timemodified {N}",
    "forum_posts": f"{ID}, discussion {N}, parent {N}, userid {N}, created {N}, modified {N}, mailed {S},"
    f" subject varchar(255) NOT NULL DEFAULT '', message text NOT NULL DEFAULT '', deleted {S}, privatereplyto {N},"
    " wordcount bigint, charcount bigint",
    "grade_items": f"{ID}, courseid bigint, categoryid bigint, itemname varchar(255), itemtype varchar(30) NOT NULL DEFAULT '',"
    " itemmodule varchar(30), iteminstance bigint, itemnumber bigint, gradetype smallint NOT NULL DEFAULT 1,"
    " grademax numeric(10,5) NOT NULL DEFAULT 100, grademin numeric(10,5) NOT NULL DEFAULT 0, scaleid bigint,"
    " gradepass numeric(10,5) NOT NULL DEFAULT 0, timecreated bigint, timemodified bigint",
    "logstore_standard_log": f"{ID}, eventname varchar(255) NOT NULL DEFAULT '', component varchar(100) NOT NULL DEFAULT '',"
    " action varchar(100) NOT NULL DEFAULT '', target varchar(100) NOT NULL DEFAULT '', objecttable varchar(50), objectid bigint,"
    " crud varchar(1) NOT NULL DEFAULT '', edulevel smallint NOT NULL, contextid bigint NOT NULL DEFAULT 1, contextlevel bigint"
    " NOT NULL DEFAULT 50, contextinstanceid bigint NOT NULL DEFAULT 1, userid bigint NOT NULL, courseid bigint, relateduserid"
    " bigint, anonymous smallint NOT NULL DEFAULT 0, other text, timecreated bigint NOT NULL, origin varchar(10), ip varchar(45),"
    " realuserid bigint",
}

_OLD = {
    "user": f"{ID}, auth varchar(20) NOT NULL DEFAULT 'manual', confirmed {S}, deleted {S}, suspended {S}, mnethostid {N},"
    " username varchar(100) NOT NULL DEFAULT '', password varchar(255) NOT NULL DEFAULT '', idnumber varchar(255) NOT NULL"
    " DEFAULT '', firstname varchar(100) NOT NULL DEFAULT '', lastname varchar(100) NOT NULL DEFAULT '', email varchar(100)"
    " NOT NULL DEFAULT '', icq varchar(15) NOT NULL DEFAULT '', skype varchar(50) NOT NULL DEFAULT '', yahoo varchar(50) NOT"
    f" NULL DEFAULT '', aim varchar(50) NOT NULL DEFAULT '', msn varchar(50) NOT NULL DEFAULT '', firstaccess {N}, lastaccess {N},"
    f" lastlogin {N}, lastip varchar(45) NOT NULL DEFAULT '', url varchar(255) NOT NULL DEFAULT '', timecreated {N},"
    f" timemodified {N}, UNIQUE (mnethostid, username)",
    "course": f"{ID}, category {N}, sortorder {N}, fullname varchar(254) NOT NULL DEFAULT '', shortname varchar(255) NOT NULL"
    f" DEFAULT '', idnumber varchar(100) NOT NULL DEFAULT '', format varchar(21) NOT NULL DEFAULT 'topics', startdate {N},"
    f" enddate {N}, relativedatesmode {S}, visible smallint NOT NULL DEFAULT 1, timecreated {N}, timemodified {N}",
    "course_modules_completion": f"{ID}, coursemoduleid bigint NOT NULL, userid bigint NOT NULL, completionstate smallint NOT NULL,"
    " viewed smallint, overrideby bigint, timemodified bigint NOT NULL, UNIQUE (userid, coursemoduleid)",
    "assign": f"{ID}, course {N}, name varchar(255) NOT NULL DEFAULT '', intro text NOT NULL DEFAULT '', duedate {N},"
    f" allowsubmissionsfromdate {N}, grade {N}, timemodified {N}, cutoffdate {N}, gradingduedate {N}, teamsubmission {S},"
    " attemptreopenmethod varchar(10) NOT NULL DEFAULT 'none', maxattempts integer NOT NULL DEFAULT -1",
    "assign_submission": f"{ID}, assignment {N}, userid {N}, timecreated {N}, timemodified {N}, status varchar(10), groupid {N},"
    f" attemptnumber {N}, latest {S}, UNIQUE (assignment, userid, groupid, attemptnumber)",
    "quiz": f"{ID}, course {N}, name varchar(255) NOT NULL DEFAULT '', intro text NOT NULL DEFAULT '', timeopen {N}, timeclose {N},"
    f" timelimit {N}, sumgrades numeric(10,5) NOT NULL DEFAULT 0, grade numeric(10,5) NOT NULL DEFAULT 0, completionpass {S},"
    f" timecreated {N}, timemodified {N}",
    "quiz_attempts": f"{ID}, quiz {N}, userid {N}, attempt integer NOT NULL DEFAULT 0, uniqueid {N}, layout text NOT NULL DEFAULT '',"
    f" currentpage {N}, preview smallint NOT NULL DEFAULT 0, state varchar(16) NOT NULL DEFAULT 'inprogress', timestart {N},"
    f" timefinish {N}, timemodified {N}, timemodifiedoffline {N}, timecheckstate bigint DEFAULT 0, sumgrades numeric(10,5),"
    " UNIQUE (quiz, userid, attempt)",
    "grade_grades": f"{ID}, itemid bigint NOT NULL, userid bigint NOT NULL, rawgrade numeric(10,5), rawgrademax numeric(10,5) NOT"
    " NULL DEFAULT 100, rawgrademin numeric(10,5) NOT NULL DEFAULT 0, finalgrade numeric(10,5), overridden bigint NOT NULL"
    " DEFAULT 0, timecreated bigint, timemodified bigint, UNIQUE (userid, itemid)",
    "grade_grades_history": f"{ID}, action {N}, oldid bigint NOT NULL, source varchar(255), timemodified bigint, loggeduser bigint,"
    " itemid bigint NOT NULL, userid bigint NOT NULL, rawgrade numeric(10,5), rawgrademax numeric(10,5) NOT NULL DEFAULT 100,"
    " rawgrademin numeric(10,5) NOT NULL DEFAULT 0, finalgrade numeric(10,5), overridden bigint NOT NULL DEFAULT 0",
}

_NEW = {
    "user": f"{ID}, auth varchar(20) NOT NULL DEFAULT 'manual', confirmed {S}, deleted {S}, suspended {S}, mnethostid {N},"
    " username varchar(100) NOT NULL DEFAULT '', password varchar(255) NOT NULL DEFAULT '', idnumber varchar(255) NOT NULL"
    " DEFAULT '', firstname varchar(100) NOT NULL DEFAULT '', lastname varchar(100) NOT NULL DEFAULT '', email varchar(100)"
    f" NOT NULL DEFAULT '', firstaccess {N}, lastaccess {N}, lastlogin {N}, lastip varchar(45) NOT NULL DEFAULT '',"
    f" timecreated {N}, timemodified {N}, moodlenetprofile varchar(255), UNIQUE (mnethostid, username)",
    "course": f"{ID}, category {N}, sortorder {N}, fullname varchar(1333) NOT NULL DEFAULT '', shortname varchar(255) NOT NULL"
    f" DEFAULT '', idnumber varchar(100) NOT NULL DEFAULT '', format varchar(21) NOT NULL DEFAULT 'topics', startdate {N},"
    f" enddate {N}, relativedatesmode {S}, visible smallint NOT NULL DEFAULT 1, timecreated {N}, timemodified {N}, originalcourseid"
    " bigint, downloadcontent smallint, showactivitydates smallint NOT NULL DEFAULT 0, pdfexportfont varchar(50)",
    "course_modules_completion": f"{ID}, coursemoduleid bigint NOT NULL, userid bigint NOT NULL, completionstate smallint NOT NULL,"
    " overrideby bigint, timemodified bigint NOT NULL, UNIQUE (userid, coursemoduleid)",
    "course_modules_viewed": f"{ID}, coursemoduleid bigint NOT NULL, userid bigint NOT NULL, timecreated bigint NOT NULL",
    "assign": f"{ID}, course {N}, name varchar(1333) NOT NULL DEFAULT '', intro text NOT NULL DEFAULT '', duedate {N},"
    f" allowsubmissionsfromdate {N}, grade {N}, timemodified {N}, cutoffdate {N}, gradingduedate {N}, teamsubmission {S},"
    " attemptreopenmethod varchar(10) NOT NULL DEFAULT 'untilpass', maxattempts integer NOT NULL DEFAULT 1, activity text,"
    f" timelimit {N}, gradepenalty {S}",
    "assign_submission": f"{ID}, assignment {N}, userid {N}, timecreated {N}, timemodified {N}, timestarted bigint, status"
    f" varchar(10), groupid {N}, attemptnumber {N}, latest {S}, UNIQUE (assignment, userid, groupid, attemptnumber)",
    "quiz": f"{ID}, course {N}, name varchar(1333) NOT NULL DEFAULT '', intro text NOT NULL DEFAULT '', timeopen {N}, timeclose"
    f" {N}, timelimit {N}, sumgrades numeric(10,5) NOT NULL DEFAULT 0, grade numeric(10,5) NOT NULL DEFAULT 0, timecreated {N},"
    f" timemodified {N}, precreateattempts smallint, duedate {N}",
    "quiz_attempts": f"{ID}, quiz {N}, userid {N}, attempt integer NOT NULL DEFAULT 0, uniqueid {N}, layout text NOT NULL DEFAULT '',"
    f" currentpage {N}, preview smallint NOT NULL DEFAULT 0, state varchar(16) NOT NULL DEFAULT 'inprogress', timestart {N},"
    f" timefinish {N}, timemodified {N}, timemodifiedoffline {N}, timecheckstate bigint DEFAULT 0, sumgrades numeric(10,5),"
    " gradednotificationsenttime bigint, UNIQUE (quiz, userid, attempt)",
    "grade_grades": f"{_OLD['grade_grades'].replace('timecreated', 'deductedmark numeric(10,5) NOT NULL DEFAULT 0, timecreated')}",
    "grade_grades_history": _OLD["grade_grades_history"],
}

_ATTENDANCE = {
    "attendance": f"{ID}, course {N}, name varchar(255), grade bigint NOT NULL DEFAULT 100, timemodified {N}",
    "attendance_sessions": f"{ID}, attendanceid {N}, groupid {N}, sessdate {N}, duration {N}, lasttaken bigint, lasttakenby {N},"
    " timemodified bigint, description text NOT NULL DEFAULT '', statusset integer NOT NULL DEFAULT 0",
    "attendance_log": f"{ID}, sessionid {N}, studentid {N}, statusid {N}, statusset varchar(100), timetaken {N}, takenby {N},"
    " remarks varchar(255)",
    "attendance_statuses": f"{ID}, attendanceid {N}, acronym varchar(2) NOT NULL DEFAULT '', description varchar(30) NOT NULL"
    " DEFAULT '', grade numeric(5,2) NOT NULL DEFAULT 0, studentavailability bigint, visible smallint NOT NULL DEFAULT 1,"
    f" deleted {S}, setnumber integer NOT NULL DEFAULT 0",
}

_INDEXES = (
    "CREATE INDEX ON {p}logstore_standard_log (timecreated)",
    "CREATE INDEX ON {p}logstore_standard_log (courseid, anonymous, timecreated)",
    "CREATE INDEX ON {p}logstore_standard_log (userid, contextlevel, contextinstanceid, crud, edulevel, timecreated)",
)

VERSIONS = {"3.9": {**_COMMON, **_OLD, **_ATTENDANCE}, "5.1": {**_COMMON, **_NEW, **_ATTENDANCE}}


def statements(version: str, prefix: str = "mdl_", without: tuple[str, ...] = ()) -> list[str]:
    """Return what makes the tables of a version."""
    tables = {name: columns for name, columns in VERSIONS[version].items() if not name.startswith(without or ("-",))}
    made = [f"CREATE TABLE {prefix}{name} ({columns})" for name, columns in tables.items()]
    return made + [text.format(p=prefix) for text in _INDEXES]
