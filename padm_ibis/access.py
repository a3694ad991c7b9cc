"""Who may read what this library writes: its user alone, unless something else is configured. Decided here and nowhere else."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import IO

FILE, FOLDER = 0o600, 0o700


def folder(path: Path, *, parents: bool = False) -> Path:
    """Make a folder that only its owner enters, where there is none; return it."""
    path.mkdir(mode=FOLDER, parents=parents, exist_ok=True)
    return path


def create(path: Path, mode: str = "w") -> IO[str]:
    """Open a text file, a new one for its owner's eyes alone.

    Parameters
    ----------
    mode
        ``w`` or ``a``.
    """
    return open(path, mode, encoding="utf-8", opener=private)


def private(path: str | Path, flags: int) -> int:
    """Open a file descriptor; a file that is new is its owner's alone."""
    return os.open(path, flags, FILE)


def restrict(path: Path, mode: int | None = None) -> None:
    """Give a file that another program made for us its mode; where the system has none, leave it."""
    if path.exists():
        with suppress(PermissionError, NotImplementedError):
            path.chmod(FILE if mode is None else mode)


def followed(path: Path) -> Path:
    """Return the file that a symbolic link stands for, whether it is there yet or not; any other path as it is.

    Raises
    ------
    OSError
        If links point at each other in a circle.
    """
    if not path.is_symlink():
        return path
    try:
        found = path.resolve()
    except RuntimeError:  # how Python says it until 3.12
        found = path
    if found.is_symlink():
        raise OSError(40, "Too many levels of symbolic links", str(path))
    return found
