"""Versions that readers saw before: a file each, in the working folder, so that they can be brought back.

A file is kept as another name of the readers' own, which costs no time; from the moment the readers' name stands for a newer
file, it costs the room of a whole one.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from padm_ibis import access
from padm_ibis.backends.duckdb.files import copy, sync_folder, wal
from padm_ibis.report.versions import Version, newest_first, too_many

if TYPE_CHECKING:
    from padm_ibis.config import Config

NOBODY = "unknown"
"""In place of the run where no run made what readers see."""
_PARTIAL = ".partial"


class Kept:
    """The versions that one warehouse keeps."""

    def __init__(self, config: Config) -> None:
        self.folder = config.state / "versions"
        self.number, self.most = config.warehouse.keep_versions, config.warehouse.most_bytes

    def versions(self) -> list[Version]:
        """Return what is kept, newest first; after a kill, the one that readers see may be among them."""
        found = []
        for path in self.folder.glob("*-*.duckdb"):
            number, _, run_id = path.stem.partition("-")
            with suppress(FileNotFoundError, ValueError):  # a run dropped it meanwhile; it is somebody else's file
                found.append(Version(run_id, int(number), path.stat().st_size))
        return newest_first(found)

    def path(self, version: Version) -> Path:
        """Return where a version is kept."""
        return self.folder / f"{version.number:06}-{version.run_id}.duckdb"

    def path_of(self, run_id: str) -> Path:
        """Return where the version of a run is kept, which there is."""
        return next(self.path(version) for version in self.versions() if version.run_id == run_id)

    def take(self, file: Path, run_id: str | None, number: int) -> None:
        """Keep a file that readers are about to see no more; nobody may have it open for writing.

        Raises
        ------
        OSError
            If that cannot be; nothing half done is taken for a version.
        """
        if self.number == 0 or run_id in (None, NOBODY) or not file.exists():
            return
        place = self.path(Version(str(run_id), number, 0))
        access.folder(self.folder)
        _remove(place)
        if wal(file).exists():
            _link(wal(file), wal(place))
        _link(file, place)
        sync_folder(self.folder)

    def prune(self, shown: str | None) -> None:
        """Drop what is more than shall be kept, what readers see anyway, and what a killed process left.

        What cannot be dropped now is tried again by the next run.
        """
        if not self.folder.exists():
            return
        with suppress(OSError):
            for path in (*self.folder.glob(f"*{_PARTIAL}"), *self.folder.glob("*.wal")):
                if path.suffix == _PARTIAL or not path.with_suffix("").exists():
                    path.unlink(missing_ok=True)
            found = self.versions()
            others = [version for version in found if version.run_id != shown]
            for version in (*too_many(others, self.number, self.most), *(v for v in found if v.run_id == shown)):
                _remove(self.path(version))

    def drop(self) -> list[str]:
        """Drop all; return the names of the files.

        Raises
        ------
        OSError
            If one cannot be dropped.
        """
        paths = sorted(path for path in self.folder.glob("*") if path.is_file())
        for path in paths:
            path.unlink(missing_ok=True)
        if paths:
            sync_folder(self.folder)
        return [path.name for path in paths]


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)
    wal(path).unlink(missing_ok=True)


def _link(file: Path, place: Path) -> None:
    """Give a file a second name; a copy does where the file system has none."""
    try:
        os.link(file, place)
    except OSError:
        partial = place.with_name(place.name + _PARTIAL)
        copy(file, partial)
        partial.replace(place)
