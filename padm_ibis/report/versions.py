"""Versions of a warehouse that were published and can be seen again; and when readers were brought back to one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from padm_ibis.errors import UsageError
from padm_ibis.report.answer import to_json
from padm_ibis.report.text import ago


@dataclass(frozen=True, slots=True)
class Version:
    """A version of a warehouse: the one readers see, or one they can be brought back to.

    Attributes
    ----------
    run_id
        The run that published it.
    number
        Versions that were published later have a greater one.
    bytes
        What it takes on disk.
    shown
        Whether readers see it.
    """

    run_id: str
    number: int
    bytes: int
    shown: bool = False


@dataclass(frozen=True, slots=True)
class Comeback:
    """That readers were brought back to a version.

    Attributes
    ----------
    at
        UTC.
    from_run, to_run
        The run whose version they saw (None where they saw none), and the one whose version they saw from then on.
    by
        Who did it: user and machine.
    """

    at: dt.datetime
    from_run: str | None
    to_run: str
    by: str

    def told(self, now: dt.datetime) -> str:
        """Return it as a sentence."""
        left = f" from {self.from_run}" if self.from_run else ""
        return f"readers were brought back{left} to {self.to_run}, {ago(self.at, now)}, by {self.by}"


def newest_first(versions: Iterable[Version]) -> list[Version]:
    """Return versions in the order in which they are listed."""
    return sorted(versions, key=lambda version: version.number, reverse=True)


def too_many(versions: Sequence[Version], number: int, most: int | None) -> list[Version]:
    """Return those that go, the oldest ones, so that beside the one readers see no more stay than ``number``, ``most`` bytes."""
    gone, left, room = list[Version](), number, most
    for version in newest_first(version for version in versions if not version.shown):
        left -= 1
        room = None if room is None else room - version.bytes
        if gone or left < 0 or (room is not None and room < 0):
            gone.append(version)
    return gone


@dataclass(frozen=True, slots=True)
class Rollback:
    """What a rollback did.

    Attributes
    ----------
    versions
        The one that readers see now, and those that can be brought back, newest first.
    notes
        What was remarkable.
    """

    warehouse: str
    comeback: Comeback
    versions: Sequence[Version]
    notes: Sequence[str] = ()

    def json(self) -> str:
        """Return everything as JSON."""
        return to_json(self)


def chosen(versions: Sequence[Version], run: str | None) -> Version:
    """Return the version that readers are to be brought back to.

    Parameters
    ----------
    run
        The run that published it, or the beginning of its name; by default the one before what readers see.

    Raises
    ------
    UsageError
        If there is none, or none any more; lists those that are kept.
    """
    shown = next((version for version in versions if version.shown), None)
    kept = [version for version in newest_first(versions) if not version.shown]
    listed = f"Kept are, newest first: {', '.join(v.run_id for v in kept)}." if kept else "None is kept yet."
    if run is None:
        older = [version for version in kept if shown is None or version.number < shown.number]
        if not older:
            seen = f" than {shown.run_id}, which readers see" if shown else ""
            raise UsageError(f"No older version is kept{seen}.", hint=listed)
        return older[0]
    found = [v for v in versions if v.run_id == run] or [v for v in versions if v.run_id.startswith(run)]
    if len(found) > 1:
        raise UsageError(f"Several versions are kept of runs whose names begin with {run!r}.", hint=listed)
    if not found:
        raise UsageError(f"No version is kept of a run {run!r}.", hint=listed)
    if found[0].shown:
        raise UsageError(f"Readers see the version of {found[0].run_id} already.", hint=listed)
    return found[0]


def in_force(comebacks: Sequence[Comeback], shown: str | None) -> Comeback | None:
    """Return the rollback since which readers see the version that they see; None where a run published it since."""
    last = max(comebacks, key=lambda found: found.at, default=None)
    return last if last is not None and last.to_run == shown else None


def lines(found: Rollback) -> Iterator[str]:
    """Yield what readers see now, and what comes next."""
    to, kept = found.comeback, [v.run_id for v in found.versions if not v.shown]
    left = f", no more that of the run {to.from_run}" if to.from_run else ""
    yield f"Readers of {found.warehouse} now see the version of the run {to.to_run}{left}."
    yield (
        "The next run that ends well publishes a new version, made of everything that was read from the sources: until then, mend"
        " what was wrong. Until then they keep this one."
    )
    yield from found.notes
    if kept:
        yield f"Kept: {', '.join(kept)}. padm-ibis rollback RUN brings readers to one of them."
