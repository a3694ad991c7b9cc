"""Runs every command in this process, one after the other, and says which files others could have read meanwhile.

``python writing_everything.py UMASK COMMAND…``: in the folder of the small school. Whatever stands below the folder when
it begins is given; a file that comes later is exposed when its mode lets others read it, and no folder below this one
keeps them out. Looked at before each operation on files that Python does (others cannot be between two of them), and all
the time by a thread, for what libraries do by themselves.
"""

from __future__ import annotations

import json
import os
import shlex
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

from padm_ibis.cli import invoke

OPERATIONS = ("open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.chmod", "os.link", "shutil.")
found: set[str] = set()
looking = threading.Lock()


def entries(folder: str, *, shut: bool = False) -> Iterator[tuple[str, bool]]:
    """Yield files and folders, and whether others can reach and read them."""
    try:
        with os.scandir(folder) as places:
            for place in places:
                if place.is_symlink():
                    continue
                open_to_others = not shut and bool(place.stat().st_mode & 0o077)
                yield place.path, open_to_others
                if place.is_dir() and not place.name.startswith("given"):
                    yield from entries(place.path, shut=not open_to_others)
    except FileNotFoundError:  # gone meanwhile
        return


def look() -> None:
    if looking.acquire(blocking=False):
        try:
            found.update(path for path, exposed in entries(".") if exposed and path not in given)
        finally:
            looking.release()


def audit(event: str, arguments: tuple[object, ...]) -> None:
    if event.startswith(OPERATIONS):
        look()


def keep_looking() -> None:
    while not done.wait(0.002):
        look()


if __name__ == "__main__":
    os.umask(int(sys.argv[1], 8))
    given = {path for path, _ in entries(".")}
    done = threading.Event()
    watcher = threading.Thread(target=keep_looking)
    watcher.start()
    sys.addaudithook(audit)
    codes = {line: invoke(shlex.split(line)) for line in sys.argv[2:]}
    done.set()
    watcher.join()
    Path("exposed.json").write_text(json.dumps({"exposed": sorted(found), "codes": codes}), encoding="utf-8")
