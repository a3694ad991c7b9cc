"""Files that are there whole or not at all: whoever reads one, or comes after a kill, sees the old text or the new one."""

from __future__ import annotations

import errno
import glob
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
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
    path = access.followed(path)
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


@contextmanager
def private_folder(place: Path) -> Iterator[Path]:
    """A folder for a while, beside the file that something is made for: on its file system, and nobody else's to look into."""
    with tempfile.TemporaryDirectory(prefix=f".{place.name}.new-{os.getpid()}-", dir=place.parent) as name:
        yield Path(name)


def tidy_beside(place: Path) -> None:
    """Remove such folders of a file whose processes are gone."""
    for left in place.parent.glob(f".{glob.escape(place.name)}.new-*"):
        maker = re.match(r"(\d+)-", left.name.rpartition(".new-")[2])
        if maker and not is_alive(int(maker[1])):
            shutil.rmtree(left, ignore_errors=True)


def put(new: Path, place: Path) -> None:
    """Rename a finished file over another one, in one step; what comes from another file system is copied beside it first."""
    try:
        new.replace(place)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        with private_folder(place) as folder:
            near = folder / place.name
            with new.open("rb") as reading, access.create_binary(near) as writing:
                shutil.copyfileobj(reading, writing, 1 << 22)
                writing.flush()
                os.fsync(writing.fileno())
            access.keep(new, near)
            near.replace(place)
        new.unlink()
