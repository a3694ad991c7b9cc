"""Readers are brought back to a version that is kept; what the next run works on stays as it is.

What readers see and what runs work on are two things: the run after a rollback goes on from the newest state, and since
readers do not see that, it publishes again though its sources may have nothing new.
"""

from __future__ import annotations

import datetime as dt
import getpass
import socket
from typing import TYPE_CHECKING

from padm_ibis.backends.base import backend_of
from padm_ibis.backends.patience import Patience
from padm_ibis.engine import ledger, unfinished
from padm_ibis.errors import UsageError
from padm_ibis.report.versions import Comeback, Rollback, chosen

if TYPE_CHECKING:
    from collections.abc import Callable

    from padm_ibis.config import Config


def roll_back(config: Config, run: str | None, *, wait: float, tell: Callable[[str], None]) -> Rollback:
    """Let readers see the version of a run, by default the one before theirs; see `padm_ibis.rollback`."""
    if unfinished.found(config):
        raise UsageError(
            "People are being erased from the warehouse, and earlier versions still hold them.",
            hint="Finish it first: padm-ibis forget",
        )
    notes: list[str] = []
    where = str(config.warehouse.url)
    with backend_of(config).open(Patience(wait, tell, notes.append)) as work:
        ledger.ensure(work)
        found = chosen(work.versions(), run)
        moment = dt.datetime.now(dt.UTC).replace(tzinfo=None)
        comeback = Comeback(moment, work.published_run(), found.run_id, _who())
        work.roll_back(found.run_id, (comeback.at, comeback.from_run, comeback.to_run, comeback.by))
        return Rollback(where, comeback, tuple(work.versions()), tuple(notes))


def _who() -> str:
    try:
        user = getpass.getuser()
    except (OSError, KeyError, ImportError):  # a user that the system has no name for
        user = "?"
    return f"{user}@{socket.gethostname()}"
