"""What is told, and when: once per change of state, with a reminder a day later; killed runs and runs that never began too."""

from __future__ import annotations

import datetime as dt
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import small_school
from conftest_notify import BAD, MENDED, School
from servers import Channel, Mailbox
from small_school import write_config, write_school

import padm_ibis as padm
from padm_ibis.engine.journal import Journal
from padm_ibis.errors import ConfigError, WarehouseBusy
from padm_ibis.notify import Watch, tell_of_killed, tell_publication
from padm_ibis.report.history import RunRecord
from padm_ibis.report.publication import PublishReport, TableDetail

Make = Callable[..., School]


def subjects(channel: Channel) -> list[str]:
    return [text.partition("\n")[0] for text in channel.texts]


def test_a_failure_is_told_once_reminded_of_after_a_day_and_told_to_be_over(school: Make, channel: Channel) -> None:
    one = school(channel.section())
    assert one.run() == "ok"
    assert channel.asked == 0  # a good run is no news
    one.marks(BAD)
    assert [one.run(), one.run()] == ["CheckFailed"] * 2
    first = f"run {one.names()[1]} failed: nothing was published"
    assert len(channel.texts) == 1
    assert first in channel.texts[0]

    one.now += dt.timedelta(hours=19)
    one.run()
    assert len(channel.texts) == 1
    one.now += dt.timedelta(hours=2)
    one.run()
    one.run()
    assert subjects(channel)[1:] == [
        f"padm-ibis: still: run {one.names()[1]} failed: nothing was published, readers keep the last good version"
    ]
    assert "The trouble began at 2025-03-01 02:00 UTC." in channel.texts[1]

    one.marks(MENDED)
    assert [one.run(), one.run()] == ["ok", "up to date"]
    assert len(channel.texts) == 3
    assert subjects(channel)[2].startswith("padm-ibis: good again: run ")
    assert "The trouble began at 2025-03-01 02:00 UTC; the last that was told: failed." in channel.texts[2]


def test_a_notice_says_what_needs_attention_and_what_to_do_and_names_nobody(
    school: Make, channel: Channel, mailbox: Mailbox
) -> None:
    one = school(channel.section(), mailbox.section())
    one.marks(BAD)
    one.run()
    (text,) = channel.texts
    assert "sources   north" in text
    assert "  error   fact_mark: value: less_than_or_equal_to(10): 1 row\n" in text  # and not which row
    assert f"  padm-ibis history {one.names()[0]}\n" in text
    assert "lower the rule under [checks.rules]" in text
    assert not any(word in text for word in ("Ana", "Berta", "such as", "mark_id"))
    assert mailbox.messages == [text.replace("\n\n", "\n", 1) + "\n"]  # its first line is the subject


def test_from_failed_to_partial_and_which_source_are_changes_and_told(school: Make, channel: Channel) -> None:
    one = school()
    for name in ("south", "west"):
        write_school(one.folder / f"{name}.duckdb")
    write_config(one.folder, *(one.folder / f"{n}.duckdb" for n in ("north", "south", "west")), more=channel.section())
    assert one.run() == "ok"
    one.marks(BAD)
    assert one.run() == "CheckFailed"
    one.marks(MENDED)
    (one.folder / "south.duckdb").rename(one.folder / "away")
    assert [one.run(), one.run()] == ["partial", "partial"]
    (one.folder / "west.duckdb").rename(one.folder / "gone")
    assert one.run() == "partial"
    (one.folder / "away").rename(one.folder / "south.duckdb")
    (one.folder / "gone").rename(one.folder / "west.duckdb")
    assert one.run() == "up to date"
    failed, partial, both, over = channel.texts
    assert " failed: " in failed
    assert " was partial: " in partial
    assert "sources   north, south (not read), west\n" in partial
    assert "sources   north, south (not read), west (not read)\n" in both
    assert "error   source south: " in partial
    assert "padm-ibis doctor" in partial
    assert over.startswith("padm-ibis: good again: ")


# --- runs that cannot tell themselves ------------------------------------------------------------------------

_VICTIM = """
import sys, time
import padm_ibis as padm
from padm_ibis.engine import run

def wait(*args, **kwargs):
    print("now", flush=True)
    time.sleep(60)
run.load = wait
padm.run(as_of="2024-12-31", config=sys.argv[1])
"""


def kill_a_run(one: School) -> None:
    paths = os.pathsep.join([str(Path(small_school.__file__).parent), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, "-c", _VICTIM, str(one.folder / "padm.toml")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": paths}) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "now\n"
        process.send_signal(signal.SIGKILL)


def test_a_killed_run_is_told_of_by_the_next_one_before_that_may_be_killed_too(school: Make, channel: Channel) -> None:
    one = school(channel.section())
    one.run()
    kill_a_run(one)
    killed = one.names()[0]
    assert channel.texts == []
    with Watch(padm.load_config(one.folder / "padm.toml"), lambda: one.now):
        pass  # as far as a run comes that is killed in its turn
    (text,) = channel.texts
    assert text.startswith(f"padm-ibis: run {killed} was killed: nothing was published, readers keep the last good version\n")
    assert "ran out of memory" in text
    kill_a_run(one)  # the process itself told nothing new: its last was told, and it is the same trouble
    one.now += dt.timedelta(days=1)
    assert one.run() == "up to date"
    assert subjects(channel)[1].startswith("padm-ibis: still: run ")
    assert subjects(channel)[2].startswith("padm-ibis: good again: run ")
    assert len(channel.texts) == 3


def test_who_sees_a_run_being_killed_tells_at_once(school: Make, channel: Channel) -> None:
    one = school(channel.section())
    config = padm.load_config(one.folder / "padm.toml")
    one.run()
    tell_of_killed(config)
    assert channel.texts == []
    kill_a_run(one)
    tell_of_killed(config)
    tell_of_killed(config)
    assert [one.names()[0] in text for text in channel.texts] == [True]


def test_what_could_not_be_told_is_told_by_the_next_run(school: Make, channel: Channel) -> None:
    one = school(channel.section())
    one.marks(BAD)
    channel.answers = [404]
    one.run()
    failed = one.names()[0]
    assert channel.texts == []
    one.marks(MENDED)
    one.run()
    assert [failed in subjects(channel)[0], subjects(channel)[1].startswith("padm-ibis: good again: ")] == [True, True]


def test_each_way_remembers_for_itself(school: Make, channel: Channel, mailbox: Mailbox) -> None:
    one = school(channel.section(), mailbox.section())
    one.marks(BAD)
    channel.answers = [404]
    one.run()
    assert (len(channel.texts), len(mailbox.messages)) == (0, 1)
    one.run()
    assert (len(channel.texts), len(mailbox.messages)) == (1, 1)


@pytest.mark.parametrize("content", [None, "{", "[]", '{"duckdb:///": 3}'])
def test_a_memory_that_is_lost_or_damaged_means_told_again(school: Make, channel: Channel, content: str | None) -> None:
    one = school(channel.section())
    one.marks(BAD)
    one.run()
    path = one.folder / ".w.duckdb.padm" / "notices.webhook.json"
    path.unlink() if content is None else path.write_text(content)
    one.run()
    assert len(channel.texts) == 2


# --- runs that never began -----------------------------------------------------------------------------------


def test_a_warehouse_out_of_reach_is_told(school: Make, channel: Channel) -> None:
    one = school(channel.section())
    (one.folder / "w.duckdb").mkdir()  # a file of that content would be set aside as damaged
    assert one.run() == "WarehouseError"
    (text,) = channel.texts
    assert " failed: " in text
    assert "w.duckdb" in text


def test_a_wrong_name_is_told_as_a_run_that_never_began_and_the_history_is_not_told_again(school: Make, channel: Channel) -> None:
    one = school(channel.section())
    one.marks(BAD)
    one.run()
    assert one.run(select=("mart_pupils",)) == "UnknownName"
    assert one.run(select=("mart_pupils",)) == "UnknownName"
    assert subjects(channel)[1:] == ["padm-ibis: no run began: readers keep the last good version"]
    assert "'mart_pupil'" in channel.texts[1]
    one.marks(MENDED)
    one.run()
    assert len(channel.texts) == 3


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ('[sources.west]\nkind = "small_school"\nurl = "${NO_SUCH_VARIABLE_HERE}"', "NO_SUCH_VARIABLE_HERE"),
        ("[pipelines]\n", "'pipelines'"),
    ],
)
def test_a_wrong_configuration_is_told_to_whom_it_names(school: Make, channel: Channel, wrong: str, said: str) -> None:
    one = school(channel.section(), wrong)
    for _ in range(2):
        with pytest.raises(ConfigError):
            padm.run(config=one.folder / "padm.toml")
    (text,) = channel.texts
    assert text.startswith("padm-ibis: no run began: ")
    assert said in text


def test_a_run_in_the_way_is_no_trouble_until_it_is_there_for_a_day(school: Make, channel: Channel) -> None:
    one = school(channel.section())
    one.run()
    config = padm.load_config(one.folder / "padm.toml")
    record = json.loads(next((one.folder / ".w.duckdb.padm" / "runs").glob("*.json")).read_text())
    record.pop("warehouse")
    began = dt.datetime.fromisoformat(record["started_at"]) + dt.timedelta(seconds=1)
    running = {**record, "run_id": "x", "status": "running", "started_at": began.isoformat(), "finished_at": None}
    Journal(config).put(RunRecord.from_dict(running))

    def blocked(now: dt.datetime) -> None:
        with pytest.raises(WarehouseBusy), Watch(config, lambda: now):
            raise WarehouseBusy("The warehouse is in use.")

    blocked(began + dt.timedelta(hours=23))
    assert channel.texts == []
    blocked(began + dt.timedelta(hours=24))
    assert "The warehouse is in use." in channel.texts[0]


# --- publications --------------------------------------------------------------------------------------------


def test_publications_are_told_apart_by_their_target(school: Make, channel: Channel) -> None:
    config = padm.load_config(school(channel.section()).folder / "padm.toml")

    def published(target: str, *differences: str) -> None:
        detail = TableDetail("gold.mart_pupil", "failed" if differences else "published", differences=list(differences))
        report = PublishReport(dt.datetime.now(dt.UTC), "duckdb://w.duckdb", target, "replace", tables_detail=[detail])
        report.close(1.0)
        tell_publication(config, report)

    published("duckdb://a")
    published("duckdb://a", "rows: 3 at the source, 0 in the target")
    published("duckdb://a", "rows: 3 at the source, 0 in the target")
    published("duckdb://b")
    published("duckdb://a")
    assert subjects(channel) == [
        "padm-ibis: publication to duckdb://a failed",
        "padm-ibis: good again: publication to duckdb://a",
    ]
    assert "rows: 3 at the source, 0 in the target" in channel.texts[0]
