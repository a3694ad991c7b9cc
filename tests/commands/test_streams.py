"""Every command with broken streams and in poor locales: the same work, the same exit code, no traceback."""

from __future__ import annotations

import fcntl
import os
import re
import subprocess
from pathlib import Path

import duckdb
import pytest
from command_lines import LINES, PROGRAM

pytestmark = pytest.mark.early

C_LOCALE = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}  # without them Python makes UTF-8 of it
CELLS = {
    "a pipe, C locale": ("$PADM {} | cat; exit ${{PIPESTATUS[0]}}", C_LOCALE),
    "stderr closed, head": ("$PADM {} 2>&- | head -n 1; exit ${{PIPESTATUS[0]}}", {"PYTHONIOENCODING": "latin-1"}),
    "stdout closed, stderr full": ("$PADM {} >&- 2>/dev/full", {}),
}
WRONG = re.compile(r"Traceback|UnicodeEncodeError|BrokenPipe|Exception ignored|KeyError|OSError")
each_command = pytest.mark.parametrize("name", LINES)


@each_command
@pytest.mark.parametrize("cell", CELLS)
def test_whatever_the_streams_are_the_work_is_done(folder, name: str, cell: str, request: pytest.FixtureRequest) -> None:
    """Each command meets one of the cells; in a campaign, and a run always, all of them."""
    line, environment = CELLS[cell]
    turn = [*LINES].index(name) % len(CELLS) == [*CELLS].index(cell)
    if not turn and name != "run" and not request.config.getoption("--campaign"):
        pytest.skip("long; with --campaign")
    arguments, code = LINES[name]
    done = folder.shell(line.format(f"{name} {arguments}"), **environment)
    assert done.returncode == code, done.stdout + done.stderr
    assert not WRONG.search(done.stdout + done.stderr)
    work_is_done(folder.path, name)


def work_is_done(folder: Path, name: str) -> None:
    if name == "run":
        with duckdb.connect(str(folder / "w.duckdb"), read_only=True) as con:
            assert con.execute("SELECT max(as_of)::text FROM _padm.runs").fetchall() == [("2024-12-31",)]
            assert con.execute("SELECT count(*) FROM _padm.runs").fetchall() == [(2,)]
            assert con.execute("SELECT max(marks) FROM gold.mart_pupil").fetchall() == [(2,)]
    if name == "export":
        assert (folder / "another" / "_manifest.json").is_file()
    if name == "publish":
        with duckdb.connect(str(folder / "m.duckdb"), read_only=True) as con:
            assert con.execute("SELECT count(*) FROM gold.mart_pupil").fetchall() == [(2,)]
    if name == "sample":
        assert (folder / "s.duckdb").is_file()


def test_with_all_streams_closed_a_run_is_a_run(folder) -> None:
    assert folder.shell("$PADM run --as-of 2024-11-30 <&- >&- 2>&-").returncode == 0
    work_is_done(folder.path, "run")


@each_command
def test_results_that_cannot_be_written_are_told(folder, name: str) -> None:
    arguments, code = LINES[name]
    done = folder.shell(f"$PADM {name} {arguments} >/dev/full")
    assert not WRONG.search(done.stderr)
    if code != 2:  # after a wrong command line there are no results
        assert done.returncode == (code or 1)
        assert "Error: The output could not be written: No space left on device." in done.stderr
    work_is_done(folder.path, name)


def test_messages_that_nobody_reads_do_not_stop_a_run(folder) -> None:
    """A full pipe whose reader never reads."""
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    os.write(writer, b"x" * 4096)
    arguments = [*PROGRAM, "run", "--as-of", "2024-11-30"]
    done = subprocess.run(
        arguments, cwd=folder.path, env=folder.environment(), stdout=-1, stderr=writer, text=True, timeout=60, check=False
    )
    os.close(writer)
    os.close(reader)
    assert done.returncode == 0
    assert "Done" in done.stdout
    work_is_done(folder.path, "run")
