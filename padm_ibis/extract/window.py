"""How much of a resource is read: all of it, from a first day on, or what may have come since the watermark."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import TYPE_CHECKING

from padm_ibis.extract.statement import Statement
from padm_ibis.extract.store import Plan, State
from padm_ibis.sources.spec import ResourceSpec

if TYPE_CHECKING:
    from padm_ibis.config import SourceConfig

DEFAULT_START = dt.date(1900, 1, 1)
# Clocks are set back by an hour once a year where there is summer time: such an hour is read again.
_CLOCK_CHANGE = dt.timedelta(hours=2)


def plan_of(
    spec: ResourceSpec,
    statement: Statement,
    known: State | None,
    source: SourceConfig,
    *,
    refreshed: bool,
    reshaped: bool,
    empty: Callable[[], bool],
) -> Plan:
    """Say how one resource of one source is read this time.

    Parameters
    ----------
    known
        What the warehouse knows of it from earlier runs.
    refreshed
        Whether somebody asked for all of it.
    reshaped
        Whether its bronze table had to be given other columns.
    empty
        Says whether bronze holds no row of it, whatever the watermark says.
    """
    if spec.load == "full":
        return Plan("full")
    if refreshed:
        return Plan("refresh")
    start = source.incremental_start_date
    if known is None or known.watermark is None or empty():
        return Plan("first", _midnight(start) if start > DEFAULT_START else None, start)
    if known.definition != statement.definition or reshaped:
        why = "its columns or its definition changed: all of it was read again"
        since = known.loaded_from
        return Plan("first" if since else "refresh", _midnight(since) if since else None, since, why)
    margin = _CLOCK_CHANGE if spec.columns[spec.cursor or ""] == "timestamp" else dt.timedelta()
    since = _minus(known.watermark, dt.timedelta(days=source.lookback(spec.name, spec.lookback)) + margin)
    return Plan("incremental", since, known.loaded_from)


def since_of(spec: ResourceSpec, plan: Plan) -> str | None:
    """Return the first value of the cursor that is asked for, as text; None for everything."""
    if plan.mode == "buckets" and plan.loaded_from is not None:
        return plan.loaded_from.isoformat()
    if plan.since is None or spec.cursor is None:
        return None
    if spec.columns[spec.cursor] == "date":
        return plan.since.date().isoformat()
    return plan.since.isoformat(sep=" ")


def _midnight(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time())


def _minus(moment: dt.datetime, span: dt.timedelta) -> dt.datetime:
    try:
        return moment - span
    except OverflowError:
        return dt.datetime.min
