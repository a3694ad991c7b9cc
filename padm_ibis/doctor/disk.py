"""A warehouse in a file: its folder, the room on the disk, and when its sources were last read."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from padm_ibis import access
from padm_ibis.backends.duckdb.kept import Kept
from padm_ibis.disk import COPIES, size
from padm_ibis.extract.store import LEDGER
from padm_ibis.report.health import Diagnosis
from padm_ibis.sources.values import literal

if TYPE_CHECKING:
    from padm_ibis.config import Config

_LEAST = 1 << 28
_INHERITED = "A file there has the readers of its folder: set them in the folder's properties."
_READ_ONLY = "Is the disk mounted read-only, or does another user own it? A run writes there, and to the folder beside it."


def warehouse(config: Config) -> Iterator[Diagnosis]:
    """Say whether a run can write there, and what it will find."""
    path = config.warehouse.url.path
    if path is None:
        yield Diagnosis("ok", "warehouse", f"{config.warehouse.url}: only its statements are written, see padm-ibis sql")
        return
    try:
        path = access.followed(path)
    except OSError as error:
        yield Diagnosis("error", "warehouse", f"{path}: {error.strerror}")
        return
    folder = path.parent
    if not folder.is_dir():
        yield Diagnosis("error", "warehouse", f"its folder {folder} does not exist", f"mkdir -p {folder}")
        return
    for place in (folder, path, config.state):
        if place.exists() and not os.access(place, os.W_OK):
            yield Diagnosis("error", "warehouse", f"{place} may not be written", _READ_ONLY)
    held = sum(f.stat().st_size for f in (path, config.state / "work.duckdb") if f.exists())
    free = shutil.disk_usage(folder).free
    kept = [version.bytes for version in Kept(config).versions()]
    beside = f" and {size(sum(kept))} in {len(kept)} earlier version{'s' * (len(kept) != 1)}" if kept else ""
    text = f"{path.name}: {size(held)} on disk{beside}, {size(free)} free"
    more = path.stat().st_size if path.exists() and len(kept) < config.warehouse.keep_versions else 0
    enough = free > COPIES * max(held, _LEAST) + more
    advice = (
        None if enough else "Free some space: a run needs room for two copies of the warehouse, each version kept for one more."
    )
    yield Diagnosis("ok" if enough else "warning", "warehouse", text, advice)
    yield from _readers(config, path)
    yield from _last_read(path)


def _readers(config: Config, path: Path) -> Iterator[Diagnosis]:
    """Say who reads it that nobody may have meant to, and of a configured mode where there is none."""
    configured = config.warehouse.file_mode
    if not access.HAS_MODES:
        if configured is not None:
            yield Diagnosis("warning", "warehouse", "[warehouse] file_mode changes nothing on Windows", _INHERITED)
        return
    mode = stat.S_IMODE(path.stat().st_mode) if path.exists() else 0
    if configured is None and mode & stat.S_IROTH:
        text = f"{path.name} can be read by everybody on this machine (mode {mode:04o})"
        yield Diagnosis(
            "warning", "warehouse", text, f'chmod 640 {path}; or, if it shall be, [warehouse] file_mode = "{mode:04o}"'
        )


def _last_read(path: Path) -> Iterator[Diagnosis]:
    if not path.exists():
        yield Diagnosis("ok", "warehouse", "nothing was published yet")
        return
    try:
        with duckdb.connect() as con:
            con.execute(f"ATTACH {literal(str(path))} AS warehouse (READ_ONLY)")
            rows = con.execute(
                f"SELECT source_db, min(extracted_at), count(*) FROM warehouse.{LEDGER}.watermarks GROUP BY ALL ORDER BY ALL"
            ).fetchall()
    except duckdb.CatalogException:
        return
    except duckdb.Error as error:
        yield Diagnosis("error", "warehouse", f"{path.name} cannot be opened: {str(error).splitlines()[0]}")
        return
    for name, oldest, count in rows:
        yield Diagnosis("ok", "warehouse", f"{name}: {count} tables, the oldest read {oldest:%Y-%m-%d %H:%M} UTC")
