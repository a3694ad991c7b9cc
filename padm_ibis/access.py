"""Who may read what this library writes: its user alone, unless something else is configured. Decided here and nowhere else.

What is there already keeps the access that somebody gave it. Symbolic links are followed, never replaced. On Windows a file
has no mode: who may read it there is what its folder hands down.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import IO

FILE, FOLDER = 0o600, 0o700
HAS_MODES = os.name != "nt"
_LIST = "system.posix_acl_access"


def folder(path: Path) -> Path:
    """Make a folder that only its owner enters, and those above it that are not there; return it."""
    if not path.is_dir():
        real = followed(path)
        if real.parent != real:
            folder(real.parent)
        real.mkdir(mode=FOLDER, exist_ok=True)
    return path


def create(path: Path, mode: str = "w") -> IO[str]:
    """Open a text file, a new one for its owner's eyes alone.

    Parameters
    ----------
    mode
        ``w`` or ``a``.
    """
    return open(path, mode, encoding="utf-8", opener=private)


def create_binary(path: Path) -> IO[bytes]:
    """Open a file for bytes, a new one for its owner's eyes alone."""
    return open(path, "wb", opener=private)


def private(path: str | Path, flags: int) -> int:
    """Open a file descriptor; a file that is new is its owner's alone."""
    return os.open(path, flags, FILE)


def restrict(path: Path, mode: int = FILE) -> None:
    """Give a file that another program made for us, out of everybody's reach, its mode; where the system has none, leave it."""
    with suppress(PermissionError, NotImplementedError):
        path.chmod(mode)


def keep(old: Path, new: Path, mode: int | None = None) -> str | None:
    """Whoever could read the old file, and nobody else, can read the new one; return what could not be kept.

    Parameters
    ----------
    mode
        What is configured: it takes the place of the old file's own mode. Owner, group and access list stay.
    """
    if not old.exists():
        if mode is not None:
            restrict(new, mode)
        return None
    found = old.stat()
    mode, remark = stat.S_IMODE(found.st_mode) if mode is None else mode, None
    if not _give(new, found.st_uid, found.st_gid) and mode & stat.S_IRWXG:
        # Another group would read it: none does.
        mode, remark = mode & ~stat.S_IRWXG, f"The group of {old.name} could not be kept: nobody but its owner reads it by group"
    restrict(new, mode)
    if remark is None and hasattr(os, "getxattr"):
        with suppress(OSError):  # there is none, or the file system knows of none
            os.setxattr(new, _LIST, os.getxattr(old, _LIST))
            restrict(new, mode)
    return remark


def _give(path: Path, owner: int, group: int) -> bool:
    """Give a file away; whether its group is then the right one. Only the administrator changes its owner."""
    if not hasattr(os, "chown"):
        return True
    for uid in (owner, -1):
        with suppress(PermissionError):
            os.chown(path, uid, group)
            return True
    return path.stat().st_gid == group


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
        raise OSError(errno.ELOOP, "Too many levels of symbolic links", str(path))
    return found


def said(path: Path, home: Path) -> str:
    """Return a whole path as it is written down in a folder: relative below it, so that it means the same in a copy of that."""
    return path.relative_to(home).as_posix() if path.is_relative_to(home) else str(path)


def place(text: str, home: Path) -> Path:
    """Return the whole path that `said` wrote down in a folder."""
    return home / text
