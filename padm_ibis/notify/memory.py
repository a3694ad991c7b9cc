"""What was told last, on each way and of each topic: a file beside the warehouse. Without it, things are told again."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from padm_ibis import access, atomic
from padm_ibis.notify.notice import GOOD, Notice

if TYPE_CHECKING:
    from padm_ibis.config import Config

REMIND_AFTER = dt.timedelta(hours=20)
"""Less than a day: a run of every night that ends some hours earlier than yesterday's still reminds."""


@dataclass(frozen=True, slots=True)
class Told:
    """What the readers of one way believe.

    Attributes
    ----------
    at
        When they were told, UTC.
    since
        When the trouble that lasts was first told.
    run_id
        The last run that they were told of, or that changed nothing for them.
    """

    state: str
    at: dt.datetime
    since: dt.datetime
    run_id: str | None = None


class Memory:
    """What was told by one way; several warehouses of a folder may share the file."""

    def __init__(self, config: Config, way: str) -> None:
        self.path = config.state / f"notices.{way}.json"
        self.warehouse = str(config.warehouse.url)

    def last(self, topic: str) -> Told | None:
        """Return what was told of a topic; None where nothing was, or the file tells nothing."""
        try:
            found = self._all()[self.warehouse][topic]
            moments = {name: dt.datetime.fromisoformat(found[name]) for name in ("at", "since")}
            return Told(**{**found, **moments})
        except (KeyError, TypeError, ValueError):
            return None

    def keep(self, notice: Notice, now: dt.datetime, *, told: bool) -> None:
        """Remember a notice: that it was told, or only that its run brought no news.

        Raises
        ------
        OSError
            If it cannot be written.
        """
        if not self.path.parent.parent.is_dir():  # where the place was mistyped, it is not to be there the next time
            return
        before = self.last(notice.topic)
        lasts = before is not None and GOOD not in (before.state, notice.state)
        since = before.since if before is not None and lasts else now
        at = before.at if before is not None and not told else now
        run_id = notice.run_id or (before.run_id if before else None)
        kept = asdict(Told(notice.state, at, since, run_id))
        known = self._all()
        known.setdefault(self.warehouse, {})[notice.topic] = {**kept, "at": at.isoformat(), "since": since.isoformat()}
        access.folder(self.path.parent)
        atomic.write(self.path, json.dumps(known, indent=2))

    def news(self, notice: Notice, now: dt.datetime, *, remind: bool = True) -> Notice | None:
        """Return what to say, if anything: of a change, or, a day later, that the trouble lasts."""
        before = self.last(notice.topic)
        if before is None or before.state == GOOD:
            return None if notice.good else notice
        if notice.good:
            return notice.recovered(before.state, before.since)
        if notice.state != before.state:
            return notice
        return notice.reminder(before.since) if remind and now - before.at >= REMIND_AFTER else None

    def _all(self) -> dict[str, Any]:
        try:
            found = json.loads(self.path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}
