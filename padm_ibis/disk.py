"""A full disk: which one it is, what is free on it, and what a run needs there."""

from __future__ import annotations

import errno
import re
import shutil
from contextlib import suppress
from pathlib import Path

from padm_ibis.errors import PadmError, WarehouseError

COPIES = 2
"""A run needs room for the file it works in and for the copy that readers get."""
_WORDS = (
    "no space left on device",
    "no queda espacio",
    "disk full",
    "disk is full",
    "disk quota exceeded",
    "file system is full",
)
_NAMED = re.compile(r'file "([^"]+)"')


def is_full(error: BaseException | str) -> bool:
    """Whether an error, of any program, speaks of a full disk."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return True
    said = str(error).lower()
    return any(words in said for words in _WORDS)


def full(error: BaseException | str, folder: Path | None = None, *held: Path) -> tuple[str, str]:
    """Return what to say of a full disk, without its end, and what to do about it.

    Parameters
    ----------
    folder
        Where the file is that was written, unless the error names another one; None where nobody knows.
    held
        The files that a run makes copies of.
    """
    place = _place(error, folder)
    text = f"The disk of {place or 'the warehouse'} is full"
    if place is not None:
        with suppress(OSError):  # it is gone by now; that it was full is worth telling all the same
            text += f" ({size(shutil.disk_usage(place).free)} free)"
    largest = max((path.stat().st_size for path in held if path.exists()), default=0)
    need = f", {size(COPIES * largest)} as it is" if largest else ""
    return text, f"Free some space there: a run needs room for two copies of the warehouse{need}."


def told(error: BaseException, folder: Path | None = None, *held: Path) -> BaseException:
    """Return what to raise for an error that nobody foresaw: of a full disk one that says so, else itself; see `full`."""
    if isinstance(error, PadmError) or not isinstance(error, Exception) or not is_full(error):
        return error
    text, hint = full(error, folder, *held)
    return WarehouseError(f"{text}.", hint=hint)


def size(number: float) -> str:
    """Return a number of bytes as people read it."""
    for unit in ("B", "kB", "MB", "GB"):
        if number < 1000:
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1000
    return f"{number:.1f} TB"


def _place(error: BaseException | str, folder: Path | None) -> Path | None:
    """Return the folder of the file that an error names; DuckDB may write to several disks."""
    named = getattr(error, "filename", None) or next(iter(_NAMED.findall(str(error))), None)
    parents = Path(named).parents if named and Path(named).is_absolute() else ()
    return next((parent for parent in parents if parent.is_dir()), folder)
