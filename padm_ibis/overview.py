"""What happened and what needs doing, for Python: `status`, `history` and `restated`; commands print them."""

from __future__ import annotations

import datetime as dt
import os
from contextlib import suppress

from padm_ibis import schedule
from padm_ibis.backends.base import backend_of
from padm_ibis.config import Config, load_config
from padm_ibis.definitions import Definitions
from padm_ibis.engine import history as runs
from padm_ibis.engine import restatements
from padm_ibis.engine.status import status_of
from padm_ibis.errors import UnknownName, UsageError, WarehouseError
from padm_ibis.report.history import History
from padm_ibis.report.restated import Moved, Restatements
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
    moved = () if run is None else _moved(settings, found[0].run_id)
    return History(str(settings.warehouse.url), tuple(found), known.trouble, known.versions, known.comebacks, moved)


def restated(
    name: str,
    since: str | None = None,
    *,
    config: Settings = None,
    profile: str | None = None,
    warehouse: str | None = None,
) -> Restatements:
    """Return which published rows of a point-in-time table say something else by later runs, with causes, keys and columns.

    Parameters
    ----------
    name
        ``gold_tft_training_dataset``, or ``gold.gold_tft_training_dataset``.
    since
        A run, or the beginning of its name: only what moved after it, and how much of what it published is otherwise now.
    config, profile, warehouse
        As for `padm_ibis.connect`.

    Raises
    ------
    UsageError
        If the table is not point-in-time, or ``since`` came after what readers see.
    UnknownName
        If there is no such table or run.
    """
    settings = _config(config, profile, warehouse)
    graph = Definitions(settings).graph
    model = graph[name]
    if not model.point_in_time:
        marked = ", ".join(m.name for m in graph if m.point_in_time) or "none"
        raise UsageError(
            f"{model.name} is not point-in-time: its rows may say something else with every run.",
            hint=f"Restatements are kept of point-in-time tables: {marked}.",
        )
    with backend_of(settings).read() as reader:
        return restatements.read(reader, f"{model.layer}.{model.name}", since)


def _moved(settings: Config, run_id: str) -> list[Moved]:
    """Of what a run published, how much is otherwise now; nothing where it published nothing, or that cannot be asked."""
    with suppress(WarehouseError, UnknownName, UsageError), backend_of(settings).read() as reader:
        return restatements.moved_since(reader, run_id)
    return []


def _config(config: Settings, profile: str | None, warehouse: str | None) -> Config:
    return config if isinstance(config, Config) else load_config(config, profile, warehouse, secrets=False)
