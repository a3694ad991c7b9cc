"""Two campuses and a platform, night after night: what the platform forgets moves nothing of what was said before.

The campuses are a sample university's; the platform has Moodle's own tables in a real PostgreSQL. Between two nights
everything happens that a platform does to its past; each scenario has its rows, expected by hand, and those found.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from conftest_lms import KEY, Moodle, at
from definitions import VERSIONS

import padm_ibis as padm
from padm_ibis.config import load_config
from padm_ibis.doctor import doctor
from padm_ibis.sample import write_sample

pytestmark = pytest.mark.postgres
TABLES = (
    "bridge_lms_persona", "dim_lms_curso", "fact_lms_actividad", "fact_lms_entrega", "fact_lms_vencimiento",
    "fact_lms_asistencia", "fact_lms_nota",
)  # fmt: skip
AS_OF = "2024-12-31"
ANA, BETO, CARO, DINO, EVA = range(10, 15)
NOISE = 100


class World:
    """A warehouse that two campuses and a platform feed."""

    def __init__(self, folder: Path, moodle: Moodle, noise: int) -> None:
        self.folder, self.moodle = folder, moodle
        write_sample(f"duckdb://{folder}/uni.duckdb", students=40, years=4, campuses=2, seed=7)
        sources = "".join(
            f'[sources.sede{n}]\nurl = "duckdb://{folder}/uni.duckdb"\nschema = "negocio_sede{n}"\n' for n in (1, 2)
        )
        (folder / "padm.toml").write_text(
            f'[warehouse]\nurl = "duckdb://{folder}/warehouse.duckdb"\n[privacy]\nhash_key = "{KEY}"\n{sources}'
            f'[sources.campus]\nkind = "moodle"\nurl = "{moodle.url}"\nschema = "{moodle.schema}"\nlms_window_rows = 50000\n',
            encoding="utf-8",
        )
        self.people = self._people()
        self._fill(noise)

    def _people(self) -> dict[int, int]:
        """Five persons of the first campus whose document nobody else has: user → persona."""
        with duckdb.connect(f"{self.folder}/uni.duckdb", read_only=True) as con:
            tables = " UNION ALL ".join(
                f"SELECT '{n}' AS sede, p.persona, d.nro_documento AS doc FROM negocio_sede{n}.mdp_personas p"
                f" JOIN negocio_sede{n}.mdp_personas_documentos d ON d.documento = p.documento_principal"
                for n in (1, 2)
            )
            found = con.execute(
                f"WITH a AS ({tables}), one AS (SELECT doc FROM a GROUP BY doc HAVING count(*) = 1)"
                " SELECT persona, doc FROM a WHERE doc IN (FROM one) AND sede = '1' ORDER BY persona LIMIT 5"
            ).fetchall()
        self.documents = dict(zip((ANA, BETO, CARO, DINO, EVA), (doc for _, doc in found), strict=True))
        return dict(zip((ANA, BETO, CARO, DINO, EVA), (persona for persona, _ in found), strict=True))

    def _fill(self, noise: int) -> None:
        moodle = self.moodle
        moodle.add("config", {"name": "siteguest", "value": "1"})
        moodle.user(1, username="guest")
        for user, document in self.documents.items():
            moodle.user(user, username=document, idnumber=document)
        moodle.user(20, username="externa")
        for course in (2, 3):
            moodle.course(course, startdate="2024-03-11")
            moodle.add("enrol", {"id": course, "enrol": "manual", "courseid": course})
            for user in (*self.documents, 20):
                moodle.add("user_enrolments", {"enrolid": course, "userid": user, "timecreated": "2024-03-01"})
                if (user, course) != (CARO, 3):
                    moodle.role(user, course, 5, "2024-03-01")
        moodle.role(CARO, 3, 3, "2024-03-01")  # teaches course 3 and learns in course 2
        for user in (*self.documents, 20):
            for course in (2, 3):
                moodle.log(user, course, "2024-04-01 10:00:00")
                moodle.log(user, course, "2024-04-01 11:00:00")
        moodle.log(ANA, 2, "2024-04-02 10:00:00", realuserid=99)
        moodle.log(1, 2, "2024-04-02 10:00:00")
        moodle.log(ANA, 2, "2024-04-02 03:00:00", origin="cli")
        moodle.sql(
            "INSERT INTO mdl_logstore_standard_log"
            " (component, action, target, crud, edulevel, origin, userid, courseid, timecreated)"
            " SELECT 'mod_page', 'viewed', 'course_module', 'r', 2, 'web', 1000 + n %% 97, 2 + n %% 2, %s + n * 60"
            " FROM generate_series(1, %s) n",
            [at("2024-04-03"), noise],
        )
        moodle.add("assign", {"id": 7, "course": 2, "duedate": "2024-05-01 23:59:59"})
        submission = {"assignment": 7, "timecreated": "2024-04-20", "status": "submitted"}
        moodle.add(
            "assign_submission",
            {**submission, "id": 1, "userid": ANA, "timemodified": "2024-04-30 10:00:00"},
            {**submission, "id": 2, "userid": BETO, "timemodified": "2024-05-02 10:00:00"},
            {**submission, "id": 3, "userid": 0, "groupid": 4, "timemodified": "2024-04-30 10:00:00"},
        )
        moodle.add("quiz", {"id": 4, "course": 2, "timeclose": "2024-05-10", "sumgrades": 10})
        attempt = {"id": 1, "quiz": 4, "userid": ANA, "attempt": 1, "uniqueid": 1, "state": "finished", "sumgrades": 7.5}
        ended = dict.fromkeys(("timefinish", "timemodified"), "2024-05-02 10:30:00")
        moodle.add("quiz_attempts", {**attempt, "timestart": "2024-05-02 10:00:00", **ended})
        moodle.add("attendance", {"id": 1, "course": 2})
        moodle.add("attendance_statuses", {"id": 1, "attendanceid": 1, "grade": 2}, {"id": 2, "attendanceid": 1, "grade": 0})
        moodle.add(
            "attendance_sessions", {"id": 1, "attendanceid": 1, "sessdate": "2024-04-05 18:00:00", "lasttaken": "2024-04-05"}
        )
        moodle.add(
            "attendance_log", {"id": 1, "sessionid": 1, "studentid": ANA, "statusid": 1, "timetaken": "2024-04-05 18:10:00"}
        )
        moodle.add("grade_items", {"id": 1, "courseid": 2, "itemtype": "mod", "itemmodule": "quiz", "grademax": 10})
        moodle.add(
            "grade_grades", {"id": 1, "itemid": 1, "userid": ANA, "finalgrade": 7.5, "timemodified": "2024-05-02 10:30:00"}
        )

    def run(self, **options: Any) -> None:
        report = padm.run(config=self.folder / "padm.toml", as_of=AS_OF, select=TABLES, **options)
        assert report.status in ("ok", "up to date"), (report.failures, [c for c in report.checks if c.verdict == "error"])

    def rows(self, table: str, columns: str, where: str = "TRUE") -> list[tuple[Any, ...]]:
        with duckdb.connect(f"{self.folder}/warehouse.duckdb", read_only=True) as con:
            return con.execute(f"SELECT {columns} FROM silver.{table} WHERE {where} ORDER BY ALL").fetchall()

    def of(self, user: int, table: str, columns: str) -> list[tuple[Any, ...]]:
        return self.rows(table, columns, f"source_db = 'sede1' AND persona_id = {self.people[user]}")

    def source(self, query: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(f"{self.folder}/uni.duckdb", read_only=True) as con:
            return con.execute(query).fetchall()

    def everything(self) -> dict[str, list[tuple[Any, ...]]]:
        return {table: self.rows(table, "*") for table in TABLES if table != "dim_lms_curso"}


@pytest.fixture(scope="module", params=[max(VERSIONS)])
def world(tmp_path_factory: pytest.TempPathFactory, postgres_url: str, request: pytest.FixtureRequest) -> Iterator[World]:
    moodle = Moodle(postgres_url, request.param)
    yield World(tmp_path_factory.mktemp("world"), moodle, 300_000 if request.config.getoption("--campaign") else NOISE)
    moodle.con.close()


def test_the_doctor_says_who_is_who_before_the_first_run_and_how_far_the_log_reaches(world: World) -> None:
    plugin = {"plugin": "logstore_standard", "name": "loglifetime", "value": "365"}
    world.moodle.add("config_plugins", plugin)
    found = doctor(load_config(world.folder / "padm.toml")).findings
    told = [d.text for d in found if d.subject == "source campus" and d.verdict == "ok"]
    persons = {n: len(world.source(f"SELECT persona FROM negocio_sede{n}.mdp_personas")) for n in (1, 2)}
    assert (
        f"5 of {persons[1]} persons of sede1 are users (idnumber:documento 5); of the others 0 share a value with somebody,"
        in (" ".join(told))
    )
    assert "2 of 7 users are no person of any source served" in told
    assert "its log reaches back to 2024-04-01, and it is kept for 365 days" in told
    (unlinked,) = (d for d in found if d.subject == "source campus" and d.verdict == "warning")
    assert unlinked.text.startswith(f"0 of {persons[2]} persons of sede2 are users (none)")
    assert not [d for d in found if any(document in d.text for document in world.documents.values())]


def test_nothing_that_the_platform_forgets_moves_what_was_said(world: World) -> None:
    world.run()
    day = dt.date(2024, 4, 1)
    assert [len(world.of(user, "bridge_lms_persona", "*")) for user in world.documents] == [1] * 5
    assert world.rows("bridge_lms_persona", "DISTINCT source_db, enlace") == [("sede1", "idnumber:documento")]
    for user, courses in {ANA: (2, 3), BETO: (2, 3), CARO: (2,), DINO: (2, 3), EVA: (2, 3)}.items():
        expected = [(course, day, 2, 2) for course in courses]
        assert world.of(user, "fact_lms_actividad", "curso_id, fecha, eventos, horas_activas") == expected
    assert world.of(ANA, "fact_lms_entrega", "entrega_id, a_tiempo_flag, puntaje_pct") == [
        ("cuestionario:1", 1, 75.0), ("tarea:1", 1, None),
    ]  # fmt: skip
    assert world.of(BETO, "fact_lms_entrega", "entrega_id, a_tiempo_flag") == [("tarea:2", 0)]
    due = {user: world.of(user, "fact_lms_vencimiento", "actividad_id, entregada_flag") for user in (ANA, BETO, EVA)}
    assert due == {
        ANA: [("cuestionario:4", 1), ("tarea:7", 1)], BETO: [("cuestionario:4", 0), ("tarea:7", 0)],
        EVA: [("cuestionario:4", 0), ("tarea:7", 0)],
    }  # fmt: skip
    assert world.of(ANA, "fact_lms_asistencia", "sesion_id, asistencia_pct, fecha_conocida") == [(1, 100.0, dt.date(2024, 4, 5))]
    assert world.of(ANA, "fact_lms_nota", "item_id, version, nota_pct") == [(1, 1, 75.0)]

    before, moodle = world.everything(), world.moodle
    # the log is purged up to an hour within a day
    moodle.sql("DELETE FROM mdl_logstore_standard_log WHERE timecreated < %s", [at("2024-04-01 10:30:00")])
    # un-enrolled, roles and all
    moodle.sql("DELETE FROM mdl_user_enrolments WHERE userid = %s", [BETO])
    moodle.sql("DELETE FROM mdl_role_assignments WHERE userid = %s", [BETO])
    # she stops teaching, as far as the platform remembers
    moodle.sql("DELETE FROM mdl_role_assignments WHERE userid = %s", [CARO])
    # deleted, as delete_user does it
    moodle.sql(
        "UPDATE mdl_user SET deleted = 1, username = 'd@x.ar.1700000000', email = md5(username), idnumber = '' WHERE id = %s",
        [DINO],
    )
    moodle.sql("DELETE FROM mdl_user_enrolments WHERE userid = %s", [DINO])
    moodle.sql("DELETE FROM mdl_role_assignments WHERE userid = %s", [DINO])
    # a course is deleted, and restored under another number
    moodle.sql("DELETE FROM mdl_course WHERE id = 3")
    moodle.sql("DELETE FROM mdl_role_assignments WHERE contextid = 103")
    moodle.course(30, fullname="Curso 3", startdate="2024-03-11")
    # handed in again, attendance and a grade corrected, a second attempt, a submission reopened
    moodle.sql("UPDATE mdl_assign_submission SET timemodified = %s WHERE id = 1", [at("2024-11-01 10:00:00")])
    moodle.sql("UPDATE mdl_attendance_log SET timetaken = %s WHERE id = 1", [at("2024-11-02 10:00:00")])
    moodle.sql("UPDATE mdl_grade_grades SET finalgrade = 10, overridden = 1, timemodified = %s", [at("2024-11-03 10:00:00")])
    moodle.sql("UPDATE mdl_assign_submission SET status = 'reopened' WHERE id = 2")
    # a learner becomes an assistant
    moodle.role(EVA, 2, 3, "2024-11-04")
    moodle.log(EVA, 2, "2024-11-05 10:00:00")
    moodle.log(EVA, 3, "2024-11-05 10:00:00")

    for options in ({}, {"full_refresh": True}):
        world.run(**options)
        after = world.everything()
        for table, rows in before.items():
            assert [row for row in rows if row not in after[table]] == [], table
        new = {table: len(after[table]) - len(rows) for table, rows in before.items()}
        assert new == {**dict.fromkeys(before, 0), "fact_lms_actividad": 1, "fact_lms_nota": 1}
        assert world.of(EVA, "fact_lms_actividad", "curso_id, fecha")[-1] == (3, dt.date(2024, 11, 5)), (
            "course 2 she teaches by then"
        )
        assert world.of(ANA, "fact_lms_nota", "version, nota_pct, fecha_conocida")[-1] == (2, 100.0, dt.date(2024, 11, 3))
        assert world.rows("dim_lms_curso", "curso_id, nombre") == [(2, "Curso 2"), (3, "Curso 3"), (30, "Curso 3")]
