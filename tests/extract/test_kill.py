"""A run that is killed at any moment, and run again, ends with a warehouse that equals its source."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest_extract import Bronze, Campus

pytestmark = pytest.mark.postgres
ROWS = 60_000


def start(bronze: Bronze, run_id: str) -> subprocess.Popen[str]:
    here = Path(__file__).parent
    found = subprocess.Popen(
        [sys.executable, str(here / "load_campus.py"), str(bronze.folder), run_id],
        env={**os.environ, "PYTHONPATH": str(here)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert found.stdout is not None
    assert found.stdout.readline() == "reading\n"
    return found


def source_rows(campus: Campus) -> list[tuple[int, str]]:
    return campus.sql("SELECT id, mark FROM marks ORDER BY id")


def test_killed_at_ten_random_moments_and_run_again(
    both: Bronze, campus: Campus, other: Campus, request: pytest.FixtureRequest
) -> None:
    kills = 60 if request.config.getoption("--campaign") else 10
    random.seed(3)
    for place in (campus, other):
        place.sql(
            "INSERT INTO marks (id, student, at, mark) SELECT g, g, timestamp '2020-01-01' + g * interval '1 minute', 'm' || g"
            f" FROM generate_series(1, {ROWS}) g"
        )
    both.config()
    began = time.perf_counter()
    process = start(both, "whole")
    process.communicate()
    assert process.returncode == 0
    whole = time.perf_counter() - began
    both.file.unlink()
    killed = n = 0
    while killed < kills and n < 10 * kills:
        n += 1
        process = start(both, f"killed{n}")
        began = time.perf_counter()
        try:
            process.wait(timeout=random.uniform(0, whole))
            whole = min(whole, time.perf_counter() - began)  # later runs are shorter than the first
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            killed += 1
        process.communicate()
        for place in (campus, other):
            held = (
                both.query(f"SELECT count(*), count(DISTINCT id) FROM bronze.marks WHERE source_db = '{place.name}'")
                if (both.query("SELECT 1 FROM duckdb_tables() WHERE table_name = 'marks'"))
                else [(0, 0)]
            )
            assert held[0][0] == held[0][1], "nothing twice"
            assert held[0][0] in {0, *range(ROWS, ROWS + n)}, "all of a source's rows or none"
            place.mark(ROWS + n, "2020-02-10", "late")
            place.sql("UPDATE marks SET mark = 'corrected' WHERE id = %s", [ROWS + 1 - n])
    assert killed == kills
    process = start(both, "last")
    process.communicate()
    assert process.returncode == 0
    for place in (campus, other):
        assert both.rows("marks", place.name, "id, mark") == source_rows(place)
