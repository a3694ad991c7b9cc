"""The last versions are kept, as many as shall be, and no run that publishes nothing pushes one out."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
from other_programs import client
from small_school import MARKS, write_config, write_school

import padm_ibis as padm
from padm_ibis.backends.base import backend_of
from padm_ibis.config import load_config
from padm_ibis.errors import CheckFailed
from padm_ibis.report.run import RunReport
from padm_ibis.report.versions import Version, too_many

Run = Callable[..., RunReport]


AS_OF = "2024-12-31"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_config(tmp_path, write_school(tmp_path / "north.duckdb"))
    return tmp_path


@pytest.fixture
def run(folder: Path) -> Run:
    def _run(mark: int | None = None, **options: Any) -> RunReport:
        """Run; with ``mark``, after Berta got that one at the source, on another day, so that it is read again."""
        if mark is not None:
            write_school(folder / "north.duckdb", marks=[*MARKS[:2], (12, 2, "2024-07-01", mark)])
        return padm.run(**{"as_of": AS_OF, "config": folder / "padm.toml", "wait": 0.3, **options})

    return _run


def configure(folder: Path, line: str) -> None:
    path = folder / "padm.toml"
    path.write_text(path.read_text().replace("[warehouse]", f"[warehouse]\n{line}"))


def kept(folder: Path) -> list[str]:
    with backend_of(load_config(folder / "padm.toml")).read() as reader:
        shown, *others = sorted(reader.versions(), key=lambda version: not version.shown)
        assert shown.run_id == reader.published_run()
        return [version.run_id for version in others]


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / ".w.duckdb.padm" / "versions").glob("*"))


def total(path: Path) -> int:
    """Berta's total, as anybody reads it who knows nothing of this package."""
    with duckdb.connect(str(path), read_only=True) as con:
        ((found,),) = con.execute("SELECT total FROM gold.mart_pupil WHERE pupil_id = 2").fetchall()
    return int(found)


def test_the_file_that_readers_had_is_kept_as_it_was_without_a_copy(run: Run, folder: Path) -> None:
    first = run(4)
    before = (folder / "w.duckdb").stat()
    assert files(folder) == []
    run(5)
    (name,) = files(folder)
    place = folder / ".w.duckdb.padm" / "versions" / name
    assert name == f"000001-{first.run_id}.duckdb"
    assert (place.stat().st_ino, place.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert place.parent.stat().st_mode & 0o777 == 0o700
    assert (total(place), total(folder / "w.duckdb")) == (4, 5)


def test_the_two_last_are_kept_and_older_ones_go(run: Run, folder: Path) -> None:
    made = [run(mark).run_id for mark in (4, 5, 6, 7)]
    assert kept(folder) == [made[2], made[1]]
    assert files(folder) == [f"000002-{made[1]}.duckdb", f"000003-{made[2]}.duckdb"]


@pytest.mark.parametrize(("line", "count"), [("keep_versions = 0", 0), ("keep_versions = 1", 1), ('keep_bytes = "1 KB"', 0)])
def test_how_many_is_configured_by_number_and_by_bytes(run: Run, folder: Path, line: str, count: int) -> None:
    configure(folder, line)
    made = [run(mark).run_id for mark in (4, 5, 6)]
    assert kept(folder) == made[:2][::-1][:count]


def test_bytes_leave_the_newest_that_have_room() -> None:
    a, b, c = Version("z", 1, bytes=10), Version("y", 2, bytes=40), Version("x", 3, bytes=50)
    found = [b, a, Version("now", 4, bytes=999, shown=True), c]
    assert too_many(found, 9, 90) == [a]
    assert too_many(found, 9, 89) == [b, a]  # no older one takes a younger one's room
    assert too_many(found, 2, None) == [a]
    assert too_many(found, 3, 100) == []


@pytest.mark.parametrize(
    ("text", "count"),
    [(None, None), ("20 GB", 20_000_000_000), ("1.5KiB", 1536), ("7B", 7), ("2 TiB", 2 * 2**40)],
)
def test_a_size_is_read_as_it_is_written(folder: Path, text: str | None, count: int | None) -> None:
    if text:
        configure(folder, f'keep_bytes = "{text}"')
    assert load_config(folder / "padm.toml").warehouse.most_bytes == count


def test_who_publishes_nothing_pushes_nothing_out(run: Run, folder: Path) -> None:
    first = run(4)
    run(5)
    assert run().status == "up to date"
    assert padm.check(config=folder / "padm.toml").exit_code == 0
    write_school(folder / "north.duckdb", marks=[*MARKS[:2], (12, 2, "2024-07-01", 99)])
    with pytest.raises(CheckFailed):
        run()
    assert files(folder) == [f"000001-{first.run_id}.duckdb"]
    assert total(folder / ".w.duckdb.padm" / "versions" / files(folder)[0]) == 4


def test_all_can_be_dropped_and_readers_keep_what_they_see(run: Run, folder: Path) -> None:
    for mark in (4, 5, 6):
        run(mark)
    names = files(folder)
    assert len(names) == 2
    with backend_of(load_config(folder / "padm.toml")).open() as work:
        assert work.discard_copies() == names
        assert [version.shown for version in work.versions()] == [True]
    assert files(folder) == []
    assert total(folder / "w.duckdb") == 6


def test_where_a_file_can_have_one_name_only_it_is_copied(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def link(*_: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    run(4)
    monkeypatch.setattr(os, "link", link)
    run(5)
    (name,) = files(folder)
    assert total(folder / ".w.duckdb.padm" / "versions" / name) == 4


def test_a_version_that_cannot_be_kept_is_told_and_the_next_is_published(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    first = run(4)
    monkeypatch.setattr("padm_ibis.backends.duckdb.kept._link", full)
    report = run(5)
    assert report.notes == [f"The version of the run {first.run_id} could not be kept for a rollback: No space left on device."]
    assert total(folder / "w.duckdb") == 5


def test_a_file_that_somebody_writes_in_is_kept_once_they_closed_it(run: Run, folder: Path) -> None:
    """Never while they can still change it: the kept one would change as well."""
    first = run(4)
    with client(folder / "w.duckdb"):
        second = run(5)
        assert files(folder) == []
        third = run(6)
        assert kept(folder) == [second.run_id]
    run()
    assert kept(folder) == [second.run_id, first.run_id]
    assert [total(folder / ".w.duckdb.padm" / "versions" / name) for name in files(folder)] == [4, 5]
    assert backend_of(load_config(folder / "padm.toml")).reader().published_run() == third.run_id
