"""The warehouse's file and those beside it: copied, replaced, recognised."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from padm_ibis.errors import WarehouseError

SHARES = hasattr(os, "copy_file_range")


@contextmanager
def files(warehouse: Path) -> Iterator[None]:
    """Say of an operating system's error what it means for the warehouse."""
    try:
        yield
    except OSError as error:
        place = error.filename or warehouse
        hint = "Free some space: a run needs room for two copies of the warehouse." if error.errno == 28 else None
        raise WarehouseError(f"The warehouse cannot be written: {error.strerror} ({place}).", hint=hint) from None


def copy(source: Path, target: Path) -> None:
    """Copy a file and have it on disk; file systems that can share blocks do so, where the system has a call for it."""
    with source.open("rb") as reading, target.open("wb") as writing:
        left, shared = os.fstat(reading.fileno()).st_size, False
        try:
            while left and SHARES and (done := os.copy_file_range(reading.fileno(), writing.fileno(), min(left, 1 << 30))):
                left, shared = left - done, True
        except OSError as error:
            if shared or error.errno == 28:
                raise
        if left:
            shutil.copyfileobj(reading, writing, 1 << 22)
        writing.flush()
        os.fsync(writing.fileno())


def keep_access(old: Path, new: Path) -> None:
    """Whoever could read the old file, and nobody else, can read the new one."""
    if old.exists():
        found = old.stat()
        with suppress(PermissionError, AttributeError):  # only the administrator gives files away, and not on every system
            os.chown(new, found.st_uid, found.st_gid)
        new.chmod(stat.S_IMODE(found.st_mode))


def identity(path: Path) -> dict[str, int]:
    """What tells this file from a restored or edited one, or from one with changes that are not yet written into it."""
    found, waiting = path.stat(), wal(path)
    more = {"wal": waiting.stat().st_size} if waiting.exists() else {}
    return {"size": found.st_size, "mtime_ns": found.st_mtime_ns, "inode": found.st_ino, **more}


def sync_folder(folder: Path) -> None:
    """Have the names in a folder on disk, where the system lets a folder be opened for that."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def wal(path: Path) -> Path:
    """Return where DuckDB keeps what is not yet in a file."""
    return path.with_name(path.name + ".wal")
