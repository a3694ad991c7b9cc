"""The warehouse's file and those beside it: copied, replaced, recognised."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from padm_ibis import access, atomic, disk
from padm_ibis.errors import WarehouseError
from padm_ibis.sources.values import literal

SHARES = hasattr(os, "copy_file_range")


@contextmanager
def files(warehouse: Path) -> Iterator[None]:
    """Say of an operating system's error what it means for the warehouse."""
    try:
        yield
    except OSError as error:
        if disk.is_full(error):
            text, hint = disk.full(error, warehouse.parent, warehouse)
            raise WarehouseError(f"{text}: the warehouse {warehouse.name} could not be written.", hint=hint) from None
        raise WarehouseError(f"The warehouse cannot be written: {error.strerror} ({error.filename or warehouse}).") from None


def copy(source: Path, target: Path) -> None:
    """Copy a file and have it on disk, whole or not at all; file systems that can share blocks do so, where they may."""
    try:
        _copy(source, target)
    except BaseException:
        target.unlink(missing_ok=True)
        raise


def _copy(source: Path, target: Path) -> None:
    with source.open("rb") as reading, access.create_binary(target) as writing:
        left, shared = os.fstat(reading.fileno()).st_size, False
        try:
            while left and SHARES and (done := os.copy_file_range(reading.fileno(), writing.fileno(), min(left, 1 << 30))):
                left, shared = left - done, True
        except OSError as error:
            if shared or disk.is_full(error):
                raise
        if left:
            shutil.copyfileobj(reading, writing, 1 << 22)
        writing.flush()
        os.fsync(writing.fileno())


def copy_whole(source: Path, target: Path) -> None:
    """Copy a DuckDB file, and what is not yet written into it."""
    copy(source, target)
    if wal(source).exists():
        copy(wal(source), wal(target))


def make(path: Path, *options: str) -> None:
    """Make an empty DuckDB file that is its owner's alone: DuckDB itself would make it everybody's to read.

    Parameters
    ----------
    options
        Of ``ATTACH``: how it is stored.
    """
    with atomic.private_folder(path) as folder:
        made = folder / path.name
        with duckdb.connect() as con:
            con.execute(f"ATTACH {literal(str(made))} AS made ({', '.join(options)})")
        access.restrict(made)
        made.replace(path)


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
