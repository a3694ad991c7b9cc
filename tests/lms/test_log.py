"""The log of a platform: aggregated at the source by user, course and day, window by window; every figure by hand."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from conftest_lms import Bronze, Moodle, note, on_both, when

pytestmark = pytest.mark.postgres
SUBMITTED = {
    "component": "mod_assign",
    "action": "submitted",
    "target": "assessable",
    "crud": "u",
    "objecttable": "assign_submission",
}
COLUMNS = "usuario, curso, fecha, eventos, participaciones, escrituras, horas_activas, entregas, componentes"


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


def scene(moodle: Moodle) -> None:
    """Two learners, a guest and everything that is no learner event."""
    moodle.add("config", {"name": "siteguest", "value": "1"})
    moodle.user(1, username="guest")
    for user in (10, 11):
        moodle.user(user)
    moodle.course(2)
    moodle.course(3)
    moodle.log(10, 2, "2024-04-01 09:05:00")
    moodle.log(10, 2, "2024-04-01 09:59:59", component="mod_forum", action="created", crud="c")
    moodle.log(10, 2, "2024-04-01 23:59:59", component="core", edulevel=0)
    moodle.log(10, 2, "2024-04-02 00:00:00", **SUBMITTED, objectid=70)
    moodle.log(10, 2, "2024-04-02 00:10:00", **SUBMITTED, objectid=70)  # handed in again: the same submission
    moodle.log(10, 2, "2024-04-02 00:20:00", component="mod_quiz", action="submitted", target="attempt", crud="u", objectid=70)
    moodle.log(10, 2, "2024-04-02 00:30:00", component="mod_survey", action="submitted", objectid=71)
    moodle.log(10, 3, "2024-04-02 08:00:00", origin="ws")
    moodle.log(11, 2, "2024-04-02 08:00:00", origin=None)
    # none of these is a learner's
    moodle.log(1, 2, "2024-04-02 08:00:00")
    moodle.log(0, 2, "2024-04-02 08:00:00")
    moodle.log(-1, 2, "2024-04-02 08:00:00")
    moodle.log(10, 2, "2024-04-02 08:00:00", anonymous=1)
    moodle.log(10, 2, "2024-04-02 08:00:00", realuserid=99)
    moodle.log(10, 2, "2024-04-02 03:00:00", origin="cli")
    moodle.log(10, 2, "2024-04-02 03:00:00", origin="restore")
    moodle.log(10, 1, "2024-04-02 08:00:00")
    moodle.log(10, 0, "2024-04-02 08:00:00")
    moodle.log(10, None, "2024-04-02 08:00:00")
    moodle.log(10, 2, 0)
    moodle.log(10, 2, -3600)


EXPECTED = [
    (10, 2, day("2024-04-01"), 3, 2, 1, 2, 0, 3),
    (10, 2, day("2024-04-02"), 4, 4, 3, 1, 2, 3),
    (10, 3, day("2024-04-02"), 1, 1, 0, 1, 0, 1),
    (11, 2, day("2024-04-02"), 1, 1, 0, 1, 0, 1),
]
LEFT_OUT = {
    "anonymous": 1, "logged in as another": 1, "of guests": 1, "of the platform itself": 2, "outside of courses": 3,
    "without a time": 2, "without a user": 2,
}  # fmt: skip


@pytest.mark.parametrize(("version", "rows"), [("5.1", 1), ("3.9", 4), ("5.1", 100)])
def test_days_are_the_same_whatever_the_windows(tmp_path: Path, postgres_url: str, version: str, rows: int) -> None:
    moodle = Moodle(postgres_url, version)
    bronze = Bronze(tmp_path, moodle)
    scene(moodle)
    bronze.options = f"lms_window_rows = {rows}"
    found = bronze.load("lms_actividad")
    assert bronze.rows("lms_actividad", COLUMNS) == EXPECTED
    assert bronze.rows("lms_actividad", "primer_evento, ultimo_evento")[0] == (
        when("2024-04-01 09:05"),
        when("2024-04-01 23:59:59"),
    )
    told = note(found, "lms_actividad")
    assert told.startswith(f"21 rows of mdl_logstore_standard_log in {-(-21 // rows)} window")
    assert all(f"{reason}: {count} row{'s' * (count > 1)} left out" in told for reason, count in LEFT_OUT.items())
    assert not list((tmp_path / ".warehouse.duckdb.padm" / "windows").rglob("*.parquet")), "what is in bronze is not kept twice"
    moodle.con.close()


def test_its_statement_alone_would_say_the_same(bronze: Bronze, moodle: Moodle) -> None:
    from padm_ibis.sources.spec import PLACEHOLDER, kind_spec

    scene(moodle)
    seconds = "CASE WHEN timecreated > 0 THEN to_timestamp(timecreated) AT TIME ZONE 'America/Argentina/Buenos_Aires' END"
    others = "id, objectid, edulevel, userid, courseid, anonymous, realuserid, component, action, crud, origin"
    log = f"(SELECT {others}, {seconds} AS timecreated FROM mdl_logstore_standard_log)"
    text = kind_spec("moodle").resources["lms_actividad"].sql["postgres"]
    alone = PLACEHOLDER.sub(lambda m: log if m[1] == "mdl_logstore_standard_log" else m[1], text)
    assert sorted(moodle.sql(f"SELECT {COLUMNS} FROM ({alone}) AS q")) == EXPECTED


@on_both
def test_a_purge_removes_nothing_and_makes_no_day_smaller(bronze: Bronze, moodle: Moodle) -> None:
    scene(moodle)
    bronze.load("lms_actividad")
    # what a purge leaves: everything from an instant within a day on
    moodle.sql("DELETE FROM mdl_logstore_standard_log WHERE timecreated < %s", [int(when("2024-04-02 03:25").timestamp())])
    moodle.log(11, 3, "2024-04-05 10:00:00")
    for refresh in (False, True):
        found = bronze.load("lms_actividad", full_refresh=refresh)
        assert bronze.rows("lms_actividad", COLUMNS) == sorted([*EXPECTED, (11, 3, day("2024-04-05"), 1, 1, 0, 1, 0, 1)])
    assert note(found, "lms_actividad").startswith("1 row kept that the source has no more")


def test_later_nights_read_from_the_watermarks_day_less_three(bronze: Bronze, moodle: Moodle) -> None:
    moodle.user(10)
    moodle.course(2)
    for date in ("2024-04-01", "2024-04-10", "2024-04-12", "2024-04-13"):
        moodle.log(10, 2, f"{date} 10:00:00")
    bronze.load("lms_actividad")
    moodle.log(10, 2, "2024-04-13 22:00:00")  # the open day
    moodle.log(10, 2, "2024-04-10 22:00:00")  # late, within three days
    moodle.log(10, 2, "2024-04-01 22:00:00")  # late, beyond
    found = bronze.load("lms_actividad")
    assert [row[2:4] for row in bronze.rows("lms_actividad", COLUMNS)] == [
        (day("2024-04-01"), 1), (day("2024-04-10"), 2), (day("2024-04-12"), 1), (day("2024-04-13"), 2),
    ]  # fmt: skip
    assert note(found, "lms_actividad").startswith("5 rows of mdl_logstore_standard_log in 1 window; ")
    bronze.load("lms_actividad", full_refresh=True)
    assert bronze.rows("lms_actividad", COLUMNS)[0][3] == 2
    bronze.options = "lookback_days = 0"
    moodle.log(10, 2, "2024-04-12 23:00:00")
    assert note(bronze.load("lms_actividad"), "lms_actividad").startswith("2 rows of mdl_logstore")


def test_a_first_load_that_ends_half_way_goes_on(bronze: Bronze, moodle: Moodle) -> None:
    scene(moodle)
    bronze.options = "lms_window_rows = 5"
    seen: list[str] = []

    def stop(text: str) -> None:
        seen.append(text)
        if len(seen) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        bronze.load("lms_actividad", on_window=stop)
    assert seen == [
        'campus.lms_actividad: up to "id" 5 of 21 (24%)'.replace('"id"', "id"),
        'campus.lms_actividad: up to "id" 10 of 21 (48%)'.replace('"id"', "id"),
    ]
    moodle.sql("DELETE FROM mdl_logstore_standard_log WHERE id <= 10")  # purged in between: those windows were read
    moodle.log(11, 3, "2024-04-03 10:00:00")
    found = bronze.load("lms_actividad", on_window=seen.append)
    assert bronze.rows("lms_actividad", COLUMNS) == sorted([*EXPECTED, (11, 3, day("2024-04-03"), 1, 1, 0, 1, 0, 1)])
    assert note(found, "lms_actividad").startswith(
        "22 rows of mdl_logstore_standard_log in 5 windows, 2 of them by an earlier run; "
    )
    assert len(seen) == 5


@pytest.mark.parametrize("what", ["another time zone", "a broken file"])
def test_windows_read_for_something_else_or_broken_are_not_taken(bronze: Bronze, moodle: Moodle, what: str) -> None:
    scene(moodle)
    bronze.options = "lms_window_rows = 5"

    def stop(_: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        bronze.load("lms_actividad", on_window=stop)
    (part,) = (bronze.folder / ".warehouse.duckdb.padm" / "windows").rglob("*.parquet")
    if what == "a broken file":
        part.write_bytes(part.read_bytes()[:100])
    else:
        bronze.options = 'lms_window_rows = 100\ntimezone = "America/Punta_Arenas"'
    assert "earlier run" not in note(bronze.load("lms_actividad"), "lms_actividad")
    assert len(bronze.rows("lms_actividad")) == 4


def test_the_future_and_an_empty_log(bronze: Bronze, moodle: Moodle) -> None:
    bronze.load("lms_actividad")
    assert bronze.rows("lms_actividad") == []
    moodle.user(10)
    moodle.course(2)
    moodle.log(10, 2, "2090-01-01 10:00:00")
    moodle.log(10, 2, "2024-04-01 10:00:00")
    found = bronze.load("lms_actividad")
    assert [(c.rule, c.failed) for c in found.checks] == [("future_instant", 1)]
    assert found.inputs[0].watermark == "2024-04-01 00:00:00"
    assert len(bronze.rows("lms_actividad")) == 2


def test_a_platform_whose_log_is_not_granted_has_the_rest(bronze: Bronze, moodle: Moodle) -> None:
    moodle.user(10)
    moodle.sql("DROP TABLE mdl_logstore_standard_log")
    found = bronze.load()
    assert bronze.rows("lms_usuarios", "usuario") == [(10,)]
    assert bronze.rows("lms_actividad") == []
    assert {table for finding in found.not_given for table in finding.suffers} == {"lms_actividad"}


def test_a_pause_is_left_between_windows(bronze: Bronze, moodle: Moodle, monkeypatch: pytest.MonkeyPatch) -> None:
    scene(moodle)
    slept: list[Any] = []
    monkeypatch.setattr("time.sleep", slept.append)
    bronze.options = "lms_window_rows = 10\nlms_window_pause_s = 0.25"
    bronze.load("lms_actividad")
    assert slept == [0.25, 0.25]
