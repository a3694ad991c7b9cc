"""Other processes of this machine."""

from __future__ import annotations

import os
from pathlib import Path


def is_alive(pid: int, born: str = "") -> bool:
    """Whether there is a process of this number.

    Parameters
    ----------
    born
        What `birth` said of the process that is meant: numbers are given again to later ones.
    """
    if os.name == "nt":  # where it would not ask but interrupt
        import psutil

        return bool(psutil.pid_exists(pid))
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's
        pass
    return born in ("", birth(pid))


def birth(pid: int) -> str:
    """Return when a process was started, in ticks since this machine was; empty where the system does not say."""
    try:
        # the name of the program, in brackets, may hold spaces and brackets of its own
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""
