"""A disk that is really full, of every size from nothing to enough: one error that says which, and what is needed."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest
from small_school import write_config, write_school

import padm_ibis as padm
from padm_ibis import disk
from padm_ibis.errors import WarehouseError
from padm_ibis.report.run import RunReport


def write(source: Path, pupils: int, marks: int) -> int:
    """Write a school of so many pupils and marks; return the sum of the marks."""
    with duckdb.connect(write_school(source)) as con:
        con.execute("DELETE FROM school.pupil; DELETE FROM school.mark")
        con.execute(f"INSERT INTO school.pupil SELECT i, 'Pupil ' || md5(CAST(i AS VARCHAR)) FROM range(1, {pupils + 1}) r(i)")
        con.execute(f"INSERT INTO school.mark SELECT i, i % 1000 + 1, DATE '2024-05-01', i % 10 FROM range(1, {marks + 1}) r(i)")
    return sum(n % 10 for n in range(1, marks + 1))


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Callable[[int], Path]]:
    """Mount a file system of so many kilobytes; return its folder."""
    if not shutil.which("mount") or os.geteuid() != 0:
        pytest.skip("a small file system can be mounted by root only, and not in every container")
    mounted: list[Path] = []

    def mount(kilobytes: int) -> Path:
        folder = tmp_path / f"disk{len(mounted)}"
        folder.mkdir()
        if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", folder], check=False).returncode:
            pytest.skip("this container mounts no file system")
        mounted.append(folder)
        return folder

    yield mount
    for folder in mounted:
        subprocess.run(["umount", "--lazy", folder], check=True)


def run(config: Path) -> RunReport:
    return padm.run(as_of="2024-12-31", config=config)


def failure(config: Path) -> WarehouseError | None:
    try:
        run(config)
    except WarehouseError as error:
        return error
    return None


def seen(config: Path) -> tuple[int, int]:
    with padm.connect(config) as warehouse:
        return warehouse.execute("SELECT count(*), CAST(sum(total) AS BIGINT) FROM gold.mart_pupil")[0]


def test_a_full_disk_ends_a_run_with_one_clear_error_whatever_its_size(tmp_path: Path, small: Callable[[int], Path]) -> None:
    source, first = tmp_path / "north.duckdb", small(90_000)
    total = write(source, 20_000, 60_000)
    config = write_config(first, source)
    assert run(config).exit_code == 0
    before = seen(config)
    assert before == (20_000, total)
    needed = shutil.disk_usage(first).used
    total = write(source, 30_000, 90_000)
    said = []
    for share in (1.05, 1.3, 1.6, 4):
        folder = small(int(needed * share) // 1000)
        shutil.copytree(first, folder, dirs_exist_ok=True)
        config = write_config(folder, source)
        error = failure(config)
        if error is not None:
            said.append(error.message)
            assert error.message.startswith(f"The disk of {folder}")
            assert "Free some space there: a run needs room for two copies of the warehouse" in str(error.hint)
            assert seen(config) == before
            subprocess.run(["mount", "-o", "remount,size=90000k", folder], check=True)
            assert run(config).exit_code == 0
        assert seen(config) == (30_000, total)
        left = [p.name for p in folder.rglob("*") if p.suffix in (".tmp", ".wal") or p.name.startswith(("publish-", "remake-"))]
        assert left == []
    assert 1 <= len(said) <= 3


@pytest.mark.parametrize(
    ("error", "is_one"),
    [
        (OSError(28, "No space left on device", "/x/y"), True),
        (OSError(122, "Disk quota exceeded"), True),
        (OSError(13, "Permission denied"), False),
        ('IO Error: Could not write all bytes to file "/x/y": No space left on device', True),
        ("IO Error: Could not read from file", False),
    ],
)
def test_a_full_disk_is_told_from_other_troubles(error: OSError | str, is_one: bool) -> None:
    assert disk.is_full(error) is is_one


def test_the_disk_is_that_of_the_file_the_error_names(tmp_path: Path) -> None:
    warehouse, spill = tmp_path / "w", tmp_path / "spill"
    warehouse.mkdir()
    spill.mkdir()
    (warehouse / "w.duckdb").write_bytes(b"x" * 1_500_000)
    error = f'IO Error: Could not write all bytes to file "{spill}/sub/block.tmp": No space left on device'
    text, hint = disk.full(error, warehouse, warehouse / "w.duckdb")
    assert text.startswith(f"The disk of {spill} is full (")
    assert "two copies of the warehouse, 3.0 MB as it is" in hint
    assert disk.full("no space left on device", warehouse)[0].startswith(f"The disk of {warehouse} is full (")
    assert disk.full("no space left on device")[0] == "The disk of the warehouse is full"
