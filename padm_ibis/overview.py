"""What happened and what needs doing, for Python: `status` and `history`; the commands of these names print them."""

from __future__ import annotations

import datetime as dt
import os

from padm_ibis import schedule
from padm_ibis.config import Config, load_config
from padm_ibis.engine import history as runs
from padm_ibis.engine.status import status_of
from padm_ibis.errors import UnknownName
from padm_ibis.report.history import History
from padm_ibis.report.status import Status

Settings = Config | str | os.PathLike[str] | None
LAST = "last"


def status(*, config: Settings = None, profile: str | None = None, warehouse: str | None = None) -> Status:
    """Say how the warehouse is: last good run, age of every source, failed checks, next scheduled run.

    It reads no source and never waits for a run. A warehouse that is missing, damaged or out of reach is part of the
    answer, no error.

    Parameters
    ----------
    config, profile, warehouse
        As for `padm_ibis.connect`.
    """
    settings = _config(config, profile, warehouse)
    kept = schedule.status(settings)
    return status_of(settings, dt.datetime.now(dt.UTC).replace(tzinfo=None), kept.next_run if kept else None)


def history(
    run: str | None = None, *, config: Settings = None, profile: str | None = None, warehouse: str | None = None
) -> History:
    """Return the runs of the warehouse, newest first: good, partial, failed and killed ones, and one that is going on.

    Parameters
    ----------
    run
        Only this one: its name, the beginning of its name, or ``last``.
    config, profile, warehouse
        As for `padm_ibis.connect`.

    Raises
    ------
    UnknownName
        If there is no such run, or more than one.
    """
    settings = _config(config, profile, warehouse)
    known = runs.read(settings)
    found = known.runs
    if run == LAST:
        found = found[:1]
    elif run is not None:
        found = [r for r in known.runs if r.run_id == run] or [r for r in known.runs if r.run_id.startswith(run)]
    if run is not None and len(found) != 1:
        raise UnknownName("run", run, [r.run_id for r in found or known.runs[:10]], where=str(settings.warehouse.url))
    return History(str(settings.warehouse.url), tuple(found), known.trouble, known.versions, known.comebacks)


def _config(config: Settings, profile: str | None, warehouse: str | None) -> Config:
    return config if isinstance(config, Config) else load_config(config, profile, warehouse, secrets=False)
