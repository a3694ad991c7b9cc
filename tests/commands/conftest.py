"""Commands as people run them: in processes of their own, on terminals, in pipes, with broken streams."""

from __future__ import annotations

import fcntl
import os
import pty
import shutil
import struct
import subprocess
import termios
from dataclasses import dataclass
from pathlib import Path

import pytest
import small_school as school
from command_lines import PROGRAM

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Folder:
    """A folder with a small school in it, built and published.

    Attributes
    ----------
    compiled
        Where Python keeps what it compiles, one place for all tests: compiling every module takes longer than a command.
        It holds nothing but that, and Python looks at each source's time and size before it takes anything from it.
    """

    path: Path
    compiled: Path

    def environment(self, **more: str) -> dict[str, str]:
        paths = os.pathsep.join([str(Path(school.__file__).parent), str(ROOT)])
        compiled = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(self.compiled)}
        return {**os.environ, "PYTHONPATH": paths, "TERM": "xterm-256color", **compiled, **more}

    def shell(self, line: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a line of bash in which ``$PADM`` is the command."""
        more = {"PADM": " ".join(PROGRAM), **environment}
        return subprocess.run(
            ["bash", "-c", line],
            cwd=self.path,
            env=self.environment(**more),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def terminal(self, arguments: list[str], columns: int) -> tuple[int, str]:
        """Run the command on a pseudo-terminal; return its exit code and everything that was shown."""
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
        process = subprocess.Popen(
            [*PROGRAM, *arguments], cwd=self.path, env=self.environment(), stdin=slave, stdout=slave, stderr=slave
        )
        os.close(slave)
        shown = b""
        while True:
            try:
                part = os.read(master, 65536)
            except OSError:  # Linux says so when the last process has closed its side
                break
            if not part:
                break
            shown += part
        os.close(master)
        return process.wait(timeout=60), shown.decode()


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("compiled")


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory, compiled: Path) -> Path:
    """The small school, built by the command."""
    folder = tmp_path_factory.mktemp("school")
    config = school.write_config(folder, school.write_school(folder / "north.duckdb"))
    config.write_text(config.read_text().replace(str(folder), "."), encoding="utf-8")
    done = Folder(folder, compiled).shell("$PADM run --as-of 2024-12-31 && $PADM export mart_pupil --to exported")
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def folder(published: Path, compiled: Path, tmp_path: Path) -> Folder:
    """A copy of it."""
    return Folder(shutil.copytree(published, tmp_path / "school", dirs_exist_ok=True), compiled)
