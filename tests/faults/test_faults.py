"""Whatever goes wrong at whatever moment of a run, readers have one whole version and the next run needs no repair."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

pytestmark = pytest.mark.early

CAMPAIGN = Path(__file__).with_name("campaign.py")


def campaign(folder: Path, *options: str) -> list[list[str]]:
    """Run a campaign; return boundary, kind, outcome and violations of each fault."""
    done = subprocess.run(
        [sys.executable, str(CAMPAIGN), str(folder), *options], capture_output=True, text=True, timeout=3000, check=False
    )
    assert done.returncode == 0, done.stderr
    return [line.split("\t") for line in done.stdout.split("\n") if line.count("\t") == 3]


@pytest.fixture
def many(request: pytest.FixtureRequest) -> str:
    return "200" if request.config.getoption("--campaign") else "9"


def test_a_duckdb_warehouse_keeps_its_word(tmp_path: Path, many: str) -> None:
    found = campaign(tmp_path, "--faults", many)
    assert len(found) == int(many)
    assert [fault for fault in found if fault[3]] == []
    assert len({kind for _, kind, *_ in found}) == 6


@pytest.mark.postgres
def test_a_postgres_warehouse_keeps_its_word(tmp_path: Path, postgres_url: str, many: str) -> None:
    found = campaign(tmp_path, "--faults", many, "--postgres", postgres_url)
    assert len(found) == int(many)
    assert [fault for fault in found if fault[3]] == []
    assert Counter(kind for _, kind, *_ in found)["connection cut"] > 0


def test_killed_between_the_end_of_the_work_and_its_publication(tmp_path: Path) -> None:
    """What was built and is not shown is shown by the next run, though that finds nothing new."""
    found = campaign(tmp_path, "--killed-in", "transaction < engine/run.py.*_conclude|put < .* after posix.replace")
    assert len(found) >= 5
    assert {(how, wrong) for _, _, how, wrong in found} == {("killed", "")}


def test_killed_anywhere_in_a_rollback(tmp_path: Path) -> None:
    """Where the file is put, kept and remembered: readers have one of the two versions, whole."""
    found = campaign(tmp_path, "--rollback", "--killed-in", "(put|take|_link|_remove) < .* (before|after) posix")
    assert len(found) >= 8
    assert {(how, wrong) for _, _, how, wrong in found} == {("killed", "")}
