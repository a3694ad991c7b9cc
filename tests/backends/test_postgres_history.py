"""The history of a warehouse in PostgreSQL, which other machines read too."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import small_school as school
from postgres_school import School

import padm_ibis as padm
from padm_ibis.errors import CheckFailed

pytestmark = pytest.mark.postgres
_VICTIM = """
import sys, time
import padm_ibis as padm
from padm_ibis.engine import run

def wait(*args, **kwargs):
    print("now", flush=True)
    time.sleep(60)
run.build = wait
padm.run(as_of="2024-12-31", config=sys.argv[1], warehouse=sys.argv[2])
"""


def outcomes(warehouse: School) -> list[str]:
    return [r.status for r in padm.history(config=warehouse.config, warehouse=warehouse.url).runs]


def test_a_failed_run_is_committed_with_its_error_and_publishes_nothing(built: School) -> None:
    built.change(marks=[*school.MARKS, (13, 1, "2024-08-01", 12)])
    with pytest.raises(CheckFailed) as caught:
        built.run()
    found = built.rows("SELECT status, published, error FROM _padm.runs ORDER BY started_at")
    assert [row[:2] for row in found] == [("ok", True), ("failed", False)]
    assert "less_than_or_equal_to(10): 1 row" in found[1][2]
    state = padm.status(config=built.config, warehouse=built.url)
    assert (state.exit_code, state.last and state.last.run_id) == (1, caught.value.report.run_id)


def test_a_killed_run_is_seen_while_it_goes_on_and_as_killed_after_by_every_machine(built: School) -> None:
    built.change(marks=[*school.MARKS, (13, 2, "2024-08-01", 6)])
    paths = os.pathsep.join([str(Path(school.__file__).parent), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, "-c", _VICTIM, str(built.config), built.url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": paths}) as victim:
        assert victim.stdout is not None
        assert victim.stdout.readline() == "now\n"
        shutil.rmtree(built.folder / ".padm" / "runs")  # another machine has no files of it
        assert outcomes(built) == ["running", "ok"]
        victim.kill()
    patience = time.monotonic() + 20
    while outcomes(built) != ["killed", "ok"] and time.monotonic() < patience:
        time.sleep(0.1)  # the server has to notice
    assert outcomes(built) == ["killed", "ok"]
    assert built.run().published
    assert [s for (s,) in built.rows("SELECT status FROM _padm.runs ORDER BY started_at")] == ["ok", "killed", "ok"]


def test_no_warehouse_yet_and_none_within_reach(warehouse: School) -> None:
    state = padm.status(config=warehouse.config, warehouse=warehouse.url)
    assert (state.exit_code, state.missing, state.trouble) == (1, True, None)
    away = "postgres://nobody:sup3rs3cret@127.0.0.1:1/none"
    state = padm.status(config=warehouse.config, warehouse=away)
    assert state.exit_code == 3
    assert "sup3rs3cret" not in state.json()
