"""A university's own copy of a platform, in a DuckDB file, says the same as the server."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
from conftest_lms import Bronze, Moodle
from test_log import scene

from padm_ibis.sources.postgres import load_reader
from padm_ibis.sources.spec import kind_spec

pytestmark = pytest.mark.postgres


def test_a_copy_in_a_file_gives_the_same_bronze(tmp_path: Path, postgres_url: str) -> None:
    moodle = Moodle(postgres_url, "3.9")
    scene(moodle)
    moodle.user(12, username="30.123.456", idnumber="0030123456", deleted=0, firstaccess=-1)
    moodle.role(10, 2, 5, "2024-03-01 08:00:00")
    moodle.add("enrol", {"id": 2, "enrol": "manual", "courseid": 2})
    moodle.add("user_enrolments", {"enrolid": 2, "userid": 10, "timecreated": "2024-03-01"})
    moodle.add("assign", {"id": 7, "course": 2, "duedate": "2024-05-01 23:59:59"})
    moodle.add("assign_submission", {"assignment": 7, "userid": 10, "timemodified": "2024-04-30", "status": "submitted"})
    moodle.add("attendance", {"id": 1, "course": 2})
    moodle.add("attendance_statuses", {"id": 1, "attendanceid": 1, "grade": 2})
    moodle.add("attendance_sessions", {"id": 1, "attendanceid": 1, "sessdate": "2024-04-05 18:00:00", "duration": 5400})
    moodle.add("attendance_log", {"sessionid": 1, "studentid": 10, "statusid": 1, "timetaken": "2024-04-05"})
    moodle.add("grade_items", {"id": 1, "courseid": 2, "itemtype": "mod", "itemmodule": "quiz", "grademax": 10})
    moodle.add("grade_grades", {"itemid": 1, "userid": 10, "finalgrade": 7.5, "timemodified": "2024-05-02 10:30:00"})
    there, here = (Bronze(tmp_path / name, moodle) for name in ("there", "here"))
    for bronze in (there, here):
        bronze.folder.mkdir()
        bronze.options = "lms_window_rows = 5"
    there.load()
    with duckdb.connect(str(tmp_path / "copy.duckdb")) as con:
        load_reader(con)
        con.execute(f"ATTACH '{moodle.url}' AS pg (TYPE postgres, READ_ONLY)")
        con.execute(f'CREATE SCHEMA "{moodle.schema}"')
        for table in (name for (name,) in moodle.sql("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")):
            con.execute(f'CREATE TABLE "{moodle.schema}".{table} AS FROM pg."{moodle.schema}".{table}')
    moodle.url = f"duckdb://{tmp_path}/copy.duckdb"
    here.load()
    for resource in kind_spec("moodle").resources:
        assert here.rows(resource) == there.rows(resource), resource
    assert len(here.rows("lms_actividad")) == 4
    moodle.con.close()
