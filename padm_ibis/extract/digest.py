"""What a source says of all its rows, bucket by bucket, so that the next run knows which of them moved.

The source counts and digests the rows that its statement returns, in the load's own snapshot. What it says is kept with the
load and compared with what it says the next time: source with source, so that no text has to be the same on two engines.
A bucket of which it says the same is left alone; one of which it does not is read whole, and replaces what bronze has of it.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import time
from collections.abc import Collection
from dataclasses import replace
from typing import TYPE_CHECKING

from padm_ibis.extract.buckets import bucket
from padm_ibis.extract.statement import Statement
from padm_ibis.extract.store import Buckets, Change, Mode, Plan, State, Store, Sync
from padm_ibis.extract.window import DEFAULT_START
from padm_ibis.sources.spec import ResourceSpec

if TYPE_CHECKING:
    from padm_ibis.config import SourceConfig
    from padm_ibis.sources.connect import Source

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MOST_READ = 0.5
"""Share of a resource's rows above which all of them are read: one statement without a condition costs less."""


def digests(source: Source, statement: Statement, since: str | None, seed: int) -> Buckets:
    """Ask the source for the digests of a resource's rows; ``since`` as in `Statement.sql`, ``seed`` as in `Source.row_hash`."""
    found = source.rows(sql(source, statement, since, seed))
    return {number: (count, digest) for number, count, digest in found}


def sql(source: Source, statement: Statement, since: str | None, seed: int) -> str:
    """Return the statement that `digests` has the source run."""
    rows = f"SELECT {bucket(statement.spec, source.dialect, 't')} AS b, {source.row_hash('t', seed)} AS h FROM"
    # PostgreSQL would expect as many buckets as rows, and sort the rows: behind this fence it counts on a few
    fence = " OFFSET 0" if source.dialect == "postgres" else ""
    return (
        "SELECT CAST(b AS BIGINT) AS bucket, CAST(count(*) AS BIGINT) AS n, CAST(sum(h) AS VARCHAR) AS digest"
        f" FROM ({rows} ({statement.whole(since)}) AS t{fence}) AS d GROUP BY b"
    )


def basis(source: Source, statement: Statement, since: str | None, seed: int) -> str:
    """Name what digests are made by: the statement, the buckets, and the version of what hashes a row, with which seed."""
    made = [
        statement.definition, str(since), bucket(statement.spec, source.dialect, "t"), source.row_hash("t", seed), source.version,
        source.config.timezone,
    ]  # fmt: skip
    return hashlib.sha256("\n".join(made).encode()).hexdigest()[:16]


def moved(before: Buckets, now: Buckets) -> frozenset[int]:
    """Return the buckets of which the source does not say the same any more."""
    return frozenset(number for number in before.keys() | now.keys() if before.get(number) != now.get(number))


def share(buckets: Collection[int], *known: Buckets) -> float:
    """Return which share of all rows lies, or lay, in some buckets; the greater of the two."""
    shares = [sum(k[b][0] for b in buckets if b in k) / max(sum(count for count, _ in k.values()), 1) for k in known]
    return max(shares, default=0.0)


class Steps:
    """How bronze is kept in step with one source, resource by resource.

    Attributes
    ----------
    before
        What the source said the last time.
    now
        What it says now, by resource; None where that is to be forgotten.
    seconds
        That the source took to say it.
    """

    def __init__(self, source: Source, store: Store, seed: int, now: dt.datetime, run_id: str) -> None:
        self.source, self.store, self.seed, self.moment, self.run_id = source, store, seed, now, run_id
        self.before = store.syncs(source.config.name)
        self.now: dict[str, Sync | None] = {}
        self.seconds = 0.0

    def plan(self, statement: Statement, plan: Plan, state: State | None, *, whole: bool) -> Plan:
        """Say what is read of a resource: the buckets that moved, or, where that is not known or most of it, all.

        Parameters
        ----------
        plan
            How it would be read without digests.
        state
            What is known of its last load.
        whole
            Whether all of it is to be read, whatever its digests say.
        """
        spec, name = statement.spec, self.source.config.name
        known = self.before.get(spec.name)
        if known is not None and (state is None or known.run_id != state.run_id):
            known = None
        if not self.source.digests or self.source.config.sync == "off":
            self.now[spec.name] = None
            return plan
        if plan.mode == "incremental" and not is_due(self.source.config, known, self.moment):
            self.now[spec.name] = known
            return plan
        since = None if plan.loaded_from is None else plan.loaded_from.isoformat()
        made_by, began = basis(self.source, statement, since, self.seed), time.perf_counter()
        there = digests(self.source, statement, since, self.seed)
        self.seconds += time.perf_counter() - began
        self.now[spec.name] = Sync(made_by, self.moment, self.run_id, there)
        if whole or plan.mode in ("first", "refresh"):
            return plan
        if known is None or known.basis != made_by:
            return all_of(plan, "compared with its source for the first time, or by other means than before")
        gone = moved(known.buckets, there)
        if gone and (share(gone, known.buckets, there) > MOST_READ or self.store.is_passed_over(spec, name)):
            return all_of(plan)
        if any(count for count, _ in known.buckets.values()) and not self.store.rows(spec, name):
            return all_of(plan)
        return replace(plan, mode="buckets", since=None, buckets=gone, lookback=plan.since)

    def check(self, spec: ResourceSpec) -> bool:
        """Whether the rows that arrived lie in the buckets that the source told of; otherwise its digests are not kept."""
        sync = self.now.get(spec.name)
        if sync is None or sync.run_id != self.run_id:
            return True
        arrived = self.store.arrived(spec, self.source.config.name)
        if all(count <= sync.buckets.get(number, (0, ""))[0] for number, count in arrived.items()):
            return True
        self.now[spec.name] = None
        return False

    def applied(self, spec: ResourceSpec, change: Change) -> None:
        """Take note of what a load changed that asked for no digests: they say nothing of those buckets any more."""
        sync = self.now.get(spec.name)
        if sync is not None and sync.run_id != self.run_id:
            left = {number: said for number, said in sync.buckets.items() if number not in change.buckets}
            self.now[spec.name] = replace(sync, run_id=self.run_id, buckets=left)

    def save(self) -> None:
        """Keep what the source said, with the load."""
        self.store.save_syncs(self.source.config.name, self.before, self.now)


def all_of(plan: Plan, why: str = "") -> Plan:
    """Return the plan that reads all rows and replaces what bronze has."""
    if plan.mode == "full":
        return plan
    start = plan.loaded_from
    since = dt.datetime.combine(start, dt.time()) if start is not None and start > DEFAULT_START else None
    mode: Mode = "first" if start is not None else "refresh"
    return Plan(mode, since, start, why, lookback=plan.lookback or plan.since)


def is_due(config: SourceConfig, known: Sync | None, now: dt.datetime) -> bool:
    """Whether the digests are asked for by a run.

    Parameters
    ----------
    now
        UTC.
    """
    if config.sync_every == "night" or known is None:
        return True
    here, last = (moment.replace(tzinfo=dt.UTC).astimezone(config.zone).date() for moment in (now, known.synced_at))
    if here - last >= dt.timedelta(days=7):
        return True
    return config.sync_every == DAYS[here.weekday()] and here != last
