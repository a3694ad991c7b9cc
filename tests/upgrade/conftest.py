"""The library as it was before, from the repository's own history, run in processes of its own."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
EARLIER = "6e90af099e25"
"""The last commit whose warehouses, mirrors and exports this version must take over."""

Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def earlier_code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds the earlier package, to stand first on the path."""
    found = subprocess.run(["git", "archive", EARLIER, "padm_ibis"], cwd=ROOT, capture_output=True, check=False)
    if found.returncode:
        pytest.skip(f"commit {EARLIER} is not here: a clone without history, or no repository")
    folder = tmp_path_factory.mktemp("earlier")
    with tarfile.open(fileobj=io.BytesIO(found.stdout)) as archive:
        archive.extractall(folder, filter="data")
    return folder


def commands_of(code: Path) -> Command:
    """Return the command of the package in a folder."""

    def command(folder: Path, *args: str, expect: int = 0) -> subprocess.CompletedProcess[str]:
        # The folder in front, so that it is neither the installed package nor that of the working directory.
        program = f"import sys; sys.path.insert(0, {str(code)!r}); from padm_ibis.cli import main; sys.exit(main())"
        environment = {**os.environ, "COLUMNS": "200", "PYTHONPATH": str(code)}
        done = subprocess.run(
            [sys.executable, "-c", program, *args], cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == expect, f"{' '.join(args)}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    return command


@pytest.fixture(scope="session")
def earlier(earlier_code: Path) -> Command:
    """The command as it was."""
    return commands_of(earlier_code)


@pytest.fixture(scope="session")
def now() -> Command:
    """The command as it is."""
    return commands_of(ROOT)
