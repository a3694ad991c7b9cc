"""Files that are there whole or not at all: whoever reads one, or comes after a kill, sees the old text or the new one."""

from __future__ import annotations

import os
from pathlib import Path

from padm_ibis import access
from padm_ibis.processes import is_alive


def write(path: Path, text: str, *, sync: bool = False) -> None:
    """Put a text in the place of a file's, in one step.

    Parameters
    ----------
    sync
        Have it on disk before it takes the place, so that it survives a power cut, too.

    Raises
    ------
    OSError
        If it cannot be written; the file is then as it was.
    """
    temporary = path.with_name(f"{path.stem}.{os.getpid()}.tmp")
    try:
        with access.create(temporary) as file:
            file.write(text)
            if sync:
                file.flush()
                os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def tidy(folder: Path) -> None:
    """Remove what processes that are gone were writing in a folder when they ended."""
    for left in folder.glob("*.*.tmp"):
        pid = left.suffixes[-2].removeprefix(".")
        if pid.isdigit() and not is_alive(int(pid)):
            left.unlink(missing_ok=True)
