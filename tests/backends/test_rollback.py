"""Readers are brought back to a version that they saw before: all of it, at once; the next run loses nothing by it."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest
import small_school as school
from other_programs import client
from small_school import MARKS, PUPILS, write_config, write_school

import padm_ibis as padm
from padm_ibis import export
from padm_ibis.backends.base import Backend, backend_of
from padm_ibis.config import load_config
from padm_ibis.definitions import Definitions
from padm_ibis.engine import unfinished
from padm_ibis.engine.unfinished import Unfinished
from padm_ibis.errors import CheckFailed, PadmError, UsageError, WarehouseError
from padm_ibis.publish import publish
from padm_ibis.report.run import RunReport

pytestmark = pytest.mark.early

AS_OF = "2024-12-31"
Content = dict[str, list[tuple[Any, ...]]]
EVERYTHING = ("bronze.pupils", "bronze.marks", "silver.dim_pupil", "silver.fact_mark", "gold.mart_pupil")
BOOKS = ("_padm.tables", "_padm.watermarks", "_padm.rejected_rows")


class Place:
    """A small school's warehouse: run it with marks of Berta's, roll it back, look at it."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder, self.url = folder, url
        self.config = write_config(folder, write_school(folder / "north.duckdb"))
        self.config.write_text(self.config.read_text().replace("duckdb://w.duckdb", url))

    def run(self, mark: int | None = None, pupil: str = "Berta", **options: Any) -> RunReport:
        """Run; with ``mark``, after Berta got that one at the source, on another day, so that it is read again."""
        if mark is not None:
            self.source(mark, pupil)
        return padm.run(**{"as_of": AS_OF, "config": self.config, "wait": 0.3, **options})

    def source(self, mark: int, pupil: str = "Berta") -> None:
        write_school(self.folder / "north.duckdb", [PUPILS[0], (2, pupil)], [*MARKS[:2], (12, 2, "2024-07-01", mark)])

    def rollback(self, run: str | None = None) -> Any:
        return padm.rollback(run, config=self.config, wait=0.3)

    def backend(self) -> Backend:
        return backend_of(load_config(self.config))

    def content(self, names: tuple[str, ...] = (*EVERYTHING, *BOOKS), *, moments: bool = True) -> Content:
        """Every row that readers see; without moments, but for the columns that say when and by which run."""
        with self.backend().read() as reader:
            found = {}
            for name in names:
                layer, _, table = name.partition(".")
                columns = [c for (c,) in reader.execute(
                    "SELECT column_name FROM information_schema.columns WHERE table_schema = ? AND table_name = ?"
                    " ORDER BY ordinal_position", [layer, table],
                )]  # fmt: skip
                chosen = ", ".join(c for c in columns if moments or c not in ("_extracted_at", "_run_id"))
                found[name] = sorted(reader.execute(f"SELECT {chosen} FROM {name}"), key=str)
            return found

    def total(self) -> int:
        with padm.connect(self.config) as warehouse:
            ((found,),) = warehouse.execute("SELECT total FROM gold.mart_pupil WHERE pupil_id = 2")
        return int(found)

    def shown(self) -> str | None:
        with padm.connect(self.config) as warehouse:
            return warehouse.run_id

    def kept(self) -> list[str]:
        return [version.run_id for version in padm.history(config=self.config).versions if not version.shown]

    def fresh(self, mark: int, pupil: str = "Berta") -> Content:
        """What a build from nothing holds."""
        folder = self.folder / "fresh"
        folder.mkdir(exist_ok=True)
        other = Place(folder, "duckdb://w.duckdb")
        other.run(mark, pupil)
        return other.content(EVERYTHING, moments=False)


@pytest.fixture(params=["duckdb", pytest.param("postgres", marks=pytest.mark.postgres)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    return Place(tmp_path, "duckdb://w.duckdb" if request.param == "duckdb" else request.getfixturevalue("database"))


# --- there and back again --------------------------------------------------------------------------------------


def test_readers_see_the_version_before_exactly_as_it_was_and_can_go_forward_again(place: Place) -> None:
    first = place.run(4)
    one = place.content()
    second = place.run(5, "Bertha")
    two = place.content()
    assert one != two
    found = place.rollback()
    assert (found.comeback.from_run, found.comeback.to_run) == (second.run_id, first.run_id)
    assert place.content() == one
    assert (place.shown(), place.kept()) == (first.run_id, [second.run_id])
    place.rollback(second.run_id)
    assert place.content() == two
    assert (place.shown(), place.kept()) == (second.run_id, [first.run_id])


def test_several_steps_back_and_a_version_by_the_beginning_of_its_name(place: Place) -> None:
    made = [place.run(mark, str(mark)).run_id for mark in (4, 5, 6)]
    contents = {}
    for run_id in made:
        if place.shown() != run_id:
            place.rollback(run_id)
        contents[run_id] = place.content()
    assert [contents[run_id]["gold.mart_pupil"][1][-1] for run_id in made] == [4, 5, 6]
    assert [contents[run_id]["bronze.pupils"][1][2] for run_id in made] == ["4", "5", "6"]
    for run_id in (made[1], made[0], made[2], made[0]):
        place.rollback(run_id)
        assert place.content() == contents[run_id]
        assert sorted([*place.kept(), run_id]) == sorted(made)
    place.rollback(made[2][:-1] if not any(r.startswith(made[2][:-1]) for r in made[:2]) else made[2])
    place.rollback()
    place.rollback()
    assert place.shown() == made[0]
    with pytest.raises(UsageError, match=f"No older version is kept than {made[0]}") as caught:
        place.rollback()
    assert f"{made[2]}, {made[1]}" in str(caught.value.hint)


def test_a_run_that_is_not_kept_is_an_error_that_lists_those_that_are(place: Place) -> None:
    with pytest.raises(PadmError):
        place.rollback()
    made = [place.run(mark).run_id for mark in (4, 5, 6, 7)]
    for unknown in ("nobody", made[0]):
        with pytest.raises(UsageError, match=f"No version is kept of a run '{unknown}'") as caught:
            place.rollback(unknown)
        assert f"{made[2]}, {made[1]}." in str(caught.value.hint)
        assert caught.value.exit_code == 2
    with pytest.raises(UsageError, match=f"Readers see the version of {made[3]} already"):
        place.rollback(made[3])
    assert place.total() == 7


# --- the next run ----------------------------------------------------------------------------------------------


def test_the_next_run_publishes_though_nothing_is_new_and_equals_a_fresh_build(place: Place) -> None:
    first, second = place.run(4), place.run(5, "Bertha")
    place.rollback()
    report = place.run()
    assert (report.status, report.published) == ("ok", True)
    assert f"Readers had been brought back to the version of {first.run_id}; they see the newest again." in report.notes
    assert place.content(EVERYTHING, moments=False) == place.fresh(5, "Bertha")
    assert place.kept() == [second.run_id, first.run_id]
    assert place.run().status == "up to date"


def test_the_next_run_with_news_goes_on_from_the_newest_state(place: Place) -> None:
    place.run(4)
    second = place.run(5)
    place.rollback()
    report = place.run(6, "Bertha")
    assert [(i.resource, i.changed) for i in report.inputs] == [("pupils", 1), ("marks", 1)]
    assert place.content(EVERYTHING, moments=False) == place.fresh(6, "Bertha")
    place.rollback()
    assert (place.shown(), place.total()) == (second.run_id, 5)


def test_a_run_that_fails_leaves_readers_where_they_were_brought_to(place: Place) -> None:
    first = place.run(4)
    one = place.content()
    place.run(5)
    place.rollback()
    with pytest.raises(CheckFailed):
        place.run(99)
    assert place.content() == one
    assert place.shown() == first.run_id
    assert padm.status(config=place.config).comeback is not None
    place.run(7)
    assert place.content(EVERYTHING, moments=False) == place.fresh(7)
    assert padm.status(config=place.config).comeback is None


def test_check_export_verify_and_publish_use_what_readers_see(place: Place) -> None:
    first = place.run(4)
    place.run(5, "Bertha")
    place.rollback()
    graph = Definitions(load_config(place.config)).graph
    with padm.connect(place.config) as warehouse:
        manifest = export.export(warehouse, graph, "mart_pupil", place.folder / "exported")
        assert manifest["run_id"] == first.run_id
        assert export.verify(warehouse, graph, place.folder / "exported").differs == []
    publish(load_config(place.config), f"duckdb://{place.folder}/mirror.duckdb", tables=["mart_pupil"])
    with duckdb.connect(str(place.folder / "mirror.duckdb"), read_only=True) as con:
        assert con.execute("SELECT total FROM gold.mart_pupil WHERE pupil_id = 2").fetchall() == [(4,)]
    report = padm.check(config=place.config, sources=False)
    assert report.run_id == first.run_id
    assert (place.shown(), place.total()) == (first.run_id, 4)
    place.run()
    assert place.total() == 5


def test_while_people_are_being_erased_no_earlier_version_is_shown(place: Place) -> None:
    place.run(4)
    second = place.run(5)
    config = load_config(place.config)
    unfinished.put(config, Unfinished("e1", str(config.warehouse.url), "persona", "2024-12-31T00:00:00"))
    with pytest.raises(UsageError, match="being erased"):
        place.rollback()
    assert place.shown() == second.run_id


# --- who is told -----------------------------------------------------------------------------------------------


def test_status_and_history_tell_what_is_kept_and_who_brought_readers_back(place: Place, monkeypatch) -> None:
    monkeypatch.setattr("padm_ibis.engine.rollback._who", lambda: "ana@office")
    first, second = place.run(4), place.run(5)
    before = padm.status(config=place.config)
    assert (before.comeback, before.to_do) == (None, [])
    assert [(v.run_id, v.shown) for v in before.versions] == [(second.run_id, True), (first.run_id, False)]
    place.rollback()
    status, history = padm.status(config=place.config), padm.history(config=place.config)
    assert [r.run_id for r in history.runs] == [second.run_id, first.run_id]
    assert status.last_good is not None
    assert status.last_good.run_id == second.run_id
    assert status.comeback == history.comebacks[0]
    assert (status.comeback.from_run, status.comeback.to_run, status.comeback.by) == (second.run_id, first.run_id, "ana@office")
    assert status.exit_code == 1
    assert status.to_do[0].startswith(f"Readers see {first.run_id} again.")
    place.run()
    assert len(padm.history(config=place.config).comebacks) == 1
    assert padm.status(config=place.config).to_do == []
    assert padm.status(config=place.config).comeback is None


def test_another_machine_reads_it_in_the_warehouse(place: Place) -> None:
    first, second = place.run(4), place.run(5)
    place.rollback()
    with padm.connect(place.config) as warehouse:
        assert warehouse.execute("SELECT from_run, to_run FROM _padm.rollbacks") == [(second.run_id, first.run_id)]
        assert warehouse.execute("SELECT value FROM _padm.state WHERE key = 'published'") == [(first.run_id,)]
        assert warehouse.execute("SELECT count(*) FROM _padm.runs") == [(2,)]
        assert str(warehouse.as_of) == AS_OF


# --- files -----------------------------------------------------------------------------------------------------


@pytest.fixture
def file(tmp_path: Path) -> Place:
    return Place(tmp_path, "duckdb://w.duckdb")


def files(place: Place) -> list[Path]:
    return sorted((place.folder / ".w.duckdb.padm" / "versions").glob("*"))


def test_a_kept_file_that_is_damaged_is_refused_and_named(file: Place) -> None:
    file.run(4)
    second = file.run(5)
    (path,) = files(file)
    damaged = bytearray(path.read_bytes())
    damaged[12288 : len(damaged) // 2] = b"\xff" * (len(damaged) // 2 - 12288)
    path.unlink()
    path.write_bytes(damaged)
    with pytest.raises(WarehouseError, match=f"cannot be brought back: .*{path.name}.* Readers keep what they see"):
        file.rollback()
    assert (file.shown(), file.total()) == (second.run_id, 5)
    assert file.run().status == "up to date"


def test_somebody_who_writes_in_the_file_keeps_it_and_readers_go_back_beside_it(file: Place) -> None:
    first = file.run(4)
    second = file.run(5)
    with client(file.folder / "w.duckdb"):
        found = file.rollback()
        assert "w.next.duckdb" in found.notes[0]
        assert (file.shown(), file.total()) == (first.run_id, 4)
    file.run()
    assert file.total() == 5
    assert file.kept() == [second.run_id, first.run_id]


def test_a_file_that_is_gone_comes_back(file: Place) -> None:
    first = file.run(4)
    file.run(5)
    (file.folder / "w.duckdb").unlink()
    assert file.rollback().comeback.from_run is None
    assert (file.shown(), file.total()) == (first.run_id, 4)
    file.run()
    assert file.total() == 5


def test_the_working_copy_may_be_lost_after_a_rollback(file: Place) -> None:
    file.run(4)
    file.run(5, "Bertha")
    file.rollback()
    (file.folder / ".w.duckdb.padm" / "work.duckdb").unlink()
    file.run()
    assert file.content(EVERYTHING, moments=False) == file.fresh(5, "Bertha")


def test_a_version_that_an_earlier_padm_ibis_made_can_be_brought_back(file: Place) -> None:
    """It has no name of its own in its books, and no table of rollbacks."""
    first = file.run(4)
    for path in (file.folder / "w.duckdb", file.folder / ".w.duckdb.padm" / "work.duckdb"):
        with duckdb.connect(str(path)) as con:
            con.execute("DELETE FROM _padm.state WHERE key = 'published'; DROP TABLE _padm.rollbacks")
    shutil.rmtree(file.folder / ".w.duckdb.padm")
    file.run(5)
    file.rollback()
    assert (file.shown(), file.total()) == (first.run_id, 4)
    assert padm.status(config=file.config).comeback is not None


_VICTIM = """
import os, signal, sys
from padm_ibis.backends.duckdb import files, shown, work
import padm_ibis as padm

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)
where = sys.argv[2]
if where == "copied":
    work.DuckDBWork._bring_history = die
elif where == "kept":
    shown.Shown._keep_access = die
elif where == "renamed":
    shown.sync_folder = die
elif where == "written":
    shown.Shown.remember = die
elif where == "remembered":
    shown.Kept.prune = lambda kept, run: die() if run == sys.argv[3] else None
padm.rollback(config=sys.argv[1])
"""


@pytest.mark.parametrize("where", ["copied", "kept", "renamed", "written", "remembered"])
def test_killed_anywhere_readers_have_one_whole_version_and_the_next_run_needs_no_repair(file: Place, where: str) -> None:
    first = file.run(4)
    one = file.content()
    second = file.run(5, "Bertha")
    two = file.content()
    command = [sys.executable, "-c", _VICTIM, str(file.config), where, first.run_id]
    environment = {"PYTHONPATH": f"{Path(school.__file__).parent}:{Path(padm.__file__).parents[1]}", "PATH": ""}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    back = where not in ("copied", "kept")
    assert file.content() == (one if back else two)
    assert file.shown() == (first.run_id if back else second.run_id)
    assert (padm.status(config=file.config).comeback is not None) == back
    report = file.run()
    assert report.exit_code == 0
    assert report.published == back
    assert file.content(EVERYTHING, moments=False) == file.fresh(5, "Bertha")
    assert len(padm.history(config=file.config).comebacks) == back
    assert [p.name for p in file.folder.rglob("*") if "publish-" in p.name or p.suffix in (".tmp", ".wal", ".partial")] == []
    file.rollback(first.run_id)
    assert file.content() == one
