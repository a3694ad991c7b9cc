"""What readers see: the warehouse's file, and in its place a newer one beside it for as long as somebody writes in it.

Whoever has the file open for writing keeps it. Were another one renamed over it, DuckDB would write what they still change
beside the new file, and its readers would take that for a part of it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from padm_ibis import access, atomic
from padm_ibis.backends.contract import CONTRACT
from padm_ibis.backends.duckdb.connection import run_of
from padm_ibis.backends.duckdb.damage import opened, set_aside
from padm_ibis.backends.duckdb.files import identity, sync_folder, wal
from padm_ibis.backends.duckdb.kept import NOBODY, Kept
from padm_ibis.backends.patience import AT_ONCE, Patience
from padm_ibis.errors import WarehouseBusy, WarehouseDamaged, WarehouseError, WarehouseTooNew
from padm_ibis.report.versions import Version, newest_first

T = TypeVar("T")


def beside(target: Path) -> Path:
    """Return where a version stands that could not take the place of the readers' file yet."""
    return target.with_name(f"{target.stem}.next{target.suffix}")


def newest(target: Path) -> list[Path]:
    """Return the files that readers may open, the one with the newest version first."""
    there = [path for path in (target, beside(target)) if path.exists()]
    return sorted(there, key=lambda path: path.stat().st_mtime_ns, reverse=True)


def read(target: Path, reader: Callable[[Path], T]) -> T:
    """Open the newest version, or, where somebody writes in it, the one that is not in use."""
    *first, last = newest(target) or [target]
    for path in first:
        with suppress(WarehouseBusy):
            return reader(path)
    return reader(last)


def all_versions(kept: Kept, path: Path, run_id: str | None, number: int) -> list[Version]:
    """Return the version that readers see, in the file ``path``, and those that are kept, newest first."""
    found = [version for version in kept.versions() if version.run_id != run_id]
    if run_id is not None and run_id != NOBODY:
        found.append(Version(run_id, number, path.stat().st_size, shown=True))
    return newest_first(found)


class Shown:
    """The readers' file, for the run that holds the lock.

    Parameters
    ----------
    target
        Its path, of no symbolic link.
    state
        The working folder.
    kept
        The versions that readers saw before.
    mode
        Who may read it, where that is configured.
    """

    def __init__(self, target: Path, state: Path, kept: Kept, patience: Patience, mode: int | None = None) -> None:
        self.target, self.state, self.kept, self.patience, self.mode = target, state, kept, patience, mode
        self._path = state / "published.json"

    # --- what is known of it -----------------------------------------------------------------------------

    @property
    def path(self) -> Path:
        """The file with the newest version."""
        return (newest(self.target) or [self.target])[0]

    @property
    def run_id(self) -> str | None:
        """The run whose version readers see; None where it is gone or was never written."""
        marker = self._marker()
        if marker is None or not newest(self.target):
            return None
        if not (self.is_known() and self._is_remembered()):  # changed by somebody else, or just now by a run that was cut off
            with suppress(WarehouseError), opened(self.path) as con:
                return run_of(con) or str(marker["run_id"])
        return str(marker["run_id"])

    def _is_remembered(self) -> bool:
        """Whether what is known agrees that a version stands beside the file, or that none does."""
        return bool((self._marker() or {}).get("beside")) == beside(self.target).exists()

    def is_known(self) -> bool:
        """Whether the file is what a run last put there or took over, to the byte."""
        marker = self._marker()
        return marker is not None and self.target.exists() and marker.items() >= identity(self.target).items()

    def is_work_known(self, work: Path) -> bool:
        """Whether a work file is as the last run left it, and that one ended by itself."""
        marker = self._marker()
        return marker is not None and work.exists() and marker.get("work") == identity(work)

    def remember(self, run_id: str | None = None, **facts: Any) -> None:
        """Keep what is known of the file; of a run that is named, that its version is the one there."""
        known = self._marker() or {"run_id": NOBODY}
        if run_id is not None:
            known = {"run_id": run_id, "contract": CONTRACT}
        atomic.write(self._path, json.dumps({**known, **facts}))

    def forget(self) -> None:
        """Know nothing of it any more."""
        self._path.unlink(missing_ok=True)

    def _marker(self) -> dict[str, Any] | None:
        try:
            marker = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return marker if isinstance(marker, dict) and "run_id" in marker else None

    # --- what is done to it ------------------------------------------------------------------------------

    @contextmanager
    def unheld(self, *, whole: bool = False) -> Iterator[bool]:
        """Hold off writers for a moment; yields whether there is a file. A damaged one is set aside.

        Raises
        ------
        WarehouseBusy
            If somebody writes in it for longer than our patience.
        """
        with ExitStack() as stack:
            there = self.target.exists()
            try:
                if there:
                    self.patience.of(lambda: stack.enter_context(opened(self.target, whole=whole)))
            except WarehouseDamaged as damage:
                self._refuse_newer()
                self.patience.note(f"{set_aside(self.target, damage)} The warehouse was built anew.")
                there = False
            yield there

    def _refuse_newer(self) -> None:
        """A file that cannot be read is no damaged one where a newer version of this library was the last to write it."""
        number = (self._marker() or {}).get("contract", 0)
        if isinstance(number, int) and number > CONTRACT:
            raise WarehouseTooNew(
                f"The warehouse {self.target} was made by a newer padm-ibis, in a format that this one cannot read;"
                " nothing was changed.",
                hint="Install the padm-ibis that made it: pip install -U padm-ibis",
            )

    def settle(self) -> None:
        """Give the version that stands beside the file its place, if whoever wrote in the file has closed it."""
        waiting = beside(self.target)
        if not waiting.exists():
            return
        if self.is_known() and not self._is_remembered():  # killed before it was
            if self.path == self.target:
                waiting.unlink()
                return
            with suppress(WarehouseError), opened(waiting) as con:
                self._remember_beside(run_of(con) or NOBODY)
        marker = self._marker() or {"run_id": NOBODY}
        if self.target.exists() and not (marker.get("beside") and self.is_known()):
            return
        with suppress(WarehouseBusy), Shown(self.target, self.state, self.kept, AT_ONCE).unheld():
            self._keep(self.target, *marker.get("behind", (NOBODY, 0)))
            self._keep_access(waiting)
            waiting.replace(self.target)
            sync_folder(self.target.parent)
            self.remember(str(marker["run_id"]), number=marker.get("number"), **identity(self.target))

    def put(self, temporary: Path, run_id: str, also: Callable[[], object] = lambda: None) -> None:
        """Rename a finished file over the readers' one, which is kept; beside it where somebody still writes in that.

        Parameters
        ----------
        also
            What is done as soon as readers have it, before that is remembered: the run after one that was killed between the two
            starts from what readers have.
        """
        try:
            with self.unheld() as there:
                if there:
                    self._keep_all_but(run_id)
                    wal(self.target).unlink(missing_ok=True)
                self._keep_access(temporary)
                atomic.put(temporary, self.target)
                try:
                    sync_folder(self.target.parent)
                    also()
                finally:  # readers have it
                    self.remember(run_id, number=self.number_of(run_id), **identity(self.target))
                beside(self.target).unlink(missing_ok=True)
        except WarehouseBusy as busy:
            self._put_beside(temporary, run_id, busy, also)
        self.kept.prune(run_id)

    def taken_over(self, run_id: str, **facts: Any) -> None:
        """Remember that the readers' file is one that somebody else wrote in; a version beside it is theirs no more."""
        shown = self.run_id
        self._keep(beside(self.target), shown, self.number_of(shown))
        self.remember(run_id, number=self.number_of(run_id), **identity(self.target), **facts)
        beside(self.target).unlink(missing_ok=True)

    def versions(self) -> list[Version]:
        """Return the version that readers see and those that are kept, newest first."""
        return all_versions(self.kept, self.path, self.run_id, self.number_of(self.run_id))

    def number_of(self, run_id: str | None) -> int:
        """Return the number of a run's version: its own where it has one, else the next."""
        marker, kept = self._marker() or {"run_id": NOBODY}, self.kept.versions()
        known = {version.run_id: version.number for version in kept}
        if marker.get("number"):
            known[marker["run_id"]] = marker["number"]
        return known.get(str(run_id), max(known.values(), default=0) + 1)

    def _keep_all_but(self, run_id: str) -> None:
        """Keep what readers see, and what stands behind it, unless that is the very version that takes the place."""
        marker = self._marker() or {"run_id": NOBODY}
        there = [(self.path, marker["run_id"], self.number_of(marker["run_id"]))]
        if marker.get("beside") and self.is_known():
            there.append((self.target, *marker.get("behind", (NOBODY, 0))))
        for file, version, number in there:
            if version != run_id:
                self._keep(file, version, number)

    def _keep(self, file: Path, run_id: str | None, number: int) -> None:
        """Keep a version; that it could not be is no reason not to publish the next."""
        try:
            self.kept.take(file, run_id, number)
        except OSError as error:
            self.patience.note(f"The version of the run {run_id} could not be kept for a rollback: {error.strerror}.")

    def _remember_beside(self, run_id: str) -> None:
        """Keep what is known of the file, and that a newer version stands beside it."""
        marker = self._marker() or {"run_id": NOBODY}
        before = (marker["run_id"], self.number_of(marker["run_id"]))
        known = {name: value for name, value in marker.items() if name not in ("run_id", "number", "work", "contract")}
        self.remember(run_id, number=self.number_of(run_id), **{"behind": before, **known, "beside": True})

    def _put_beside(self, temporary: Path, run_id: str, busy: WarehouseBusy, also: Callable[[], object]) -> None:
        place, marker = beside(self.target), self._marker() or {"run_id": NOBODY}
        before = (marker["run_id"], self.number_of(marker["run_id"]))
        if place.exists() and before[0] != run_id:
            self._keep(place, *before)
        self._keep_access(temporary)
        atomic.put(temporary, place)
        try:
            sync_folder(place.parent)
            also()
        finally:
            self._remember_beside(run_id)
        self.patience.note(
            f"{busy.message} This version was published beside it, as {place.name}, where padm_ibis and its commands find it;"
            " the next run after that program has closed the file puts it in its place."
        )

    def _keep_access(self, new: Path) -> None:
        if (lost := access.keep(self.target, new, self.mode)) is not None:
            self.patience.note(f"{lost}.")
