"""A nightly run for people without cron: APScheduler keeps the time, each run is a process of its own.

A run in its own process cannot take the schedule down with it, gives its memory back, and is ended by a
signal like any other run: readers keep the last good version. What happened is kept in a file beside the
warehouse, for ``padm-ibis schedule status``.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from zoneinfo import ZoneInfo

from padm_ibis import access, atomic, notify
from padm_ibis.config import Config, redact_address
from padm_ibis.errors import UsageError, WarehouseBusy
from padm_ibis.extras import need
from padm_ibis.processes import is_alive
from padm_ibis.report.answer import to_json

KEPT_RUNS = 30
GRACE_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class ScheduledRun:
    """One run that the schedule started."""

    started: str
    seconds: float
    exit_code: int

    @property
    def outcome(self) -> str:
        """The exit code in words; a negative one is the signal that ended it."""
        if self.exit_code < 0:
            return f"ended by {signal.Signals(-self.exit_code).name}"
        words = {0: "good", 1: "a check failed, or partial", 2: "usage or configuration", 3: "out of reach", 4: "already in use"}
        return words.get(self.exit_code, f"exit code {self.exit_code}")


@dataclass(slots=True)
class ScheduleStatus:
    """What a schedule did and will do.

    Attributes
    ----------
    pid
        Process that keeps the time; None when none does.
    runs
        The last ones, newest last.
    """

    at: str
    timezone: str
    arguments: list[str]
    pid: int | None = None
    next_run: str | None = None
    running_since: str | None = None
    runs: list[ScheduledRun] = field(default_factory=list)

    def json(self) -> str:
        """Return the status as JSON."""
        return to_json(self)


def parse_time(text: str) -> dt.time:
    """Read ``HH:MM``.

    Raises
    ------
    UsageError
        If it is no time of day.
    """
    try:
        return dt.datetime.strptime(text, "%H:%M").time()
    except ValueError:
        raise UsageError(f"{text!r} is no time of day.", hint="Write hours and minutes, 24 hours a day: --at 02:00") from None


def keep(config: Config, at: str, arguments: Sequence[str], *, timezone: str | None, tell: Callable[[str], None]) -> None:
    """Start a run every day at ``at``, one at a time, until SIGTERM or SIGINT.

    Parameters
    ----------
    arguments
        What is given to ``padm-ibis run``.
    timezone
        IANA time zone of ``at``; None is this machine's.
    tell
        Called with one line for each thing that happens.

    Raises
    ------
    UsageError
        If ``at`` is no time of day.
    MissingExtra
        If what keeps the time is not installed.
    WarehouseBusy
        If another schedule for this warehouse is running.
    """
    time = parse_time(at)
    need("schedule", "A schedule")
    keeper = _Keeper(config, ScheduleStatus(at, timezone or _local_zone(), list(arguments)), tell)
    keeper.take_over()
    try:
        keeper.serve(time)
    finally:
        keeper.leave()


def status(config: Config) -> ScheduleStatus | None:
    """Return what the schedule of this warehouse did and will do; None if there never was one."""
    path = _path(config)
    if not path.exists():
        return None
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        runs = [ScheduledRun(**run) for run in found.pop("runs")]
        known = ScheduleStatus(**found, runs=runs)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):  # damaged: it tells nothing
        return None
    if known.pid is not None and not is_alive(known.pid):
        known.pid = known.next_run = known.running_since = None
    return known


def _local_zone() -> str:
    from tzlocal import get_localzone_name

    return get_localzone_name()


class _Keeper:
    """The process that keeps the time."""

    def __init__(self, config: Config, known: ScheduleStatus, tell: Callable[[str], None]) -> None:
        self.config, self.status, self.tell = config, known, tell
        self.arguments = list(known.arguments)
        known.arguments = [redact_address(argument) for argument in known.arguments]  # these are written down
        self.child: subprocess.Popen[bytes] | None = None
        self.stopping = threading.Event()

    def take_over(self) -> None:
        before = status(self.config)
        if before is not None:
            if before.pid is not None:
                raise WarehouseBusy(
                    f"A schedule for this warehouse is already running: process {before.pid}, daily at {before.at}.",
                    hint=f"End it first: kill {before.pid}",
                )
            self.status.runs = before.runs
        self.status.pid = os.getpid()
        self.write()

    def serve(self, time: dt.time) -> None:
        from apscheduler.schedulers.background import BackgroundScheduler
        from apscheduler.triggers.cron import CronTrigger

        zone = ZoneInfo(self.status.timezone)
        scheduler = BackgroundScheduler(timezone=zone)
        trigger = CronTrigger(hour=time.hour, minute=time.minute, timezone=zone)
        # A machine that slept through the hour runs once when it wakes; what is missed more than once is one run.
        scheduler.add_job(
            self.run_once, trigger, id="run", max_instances=1, coalesce=True, misfire_grace_time=GRACE_SECONDS, args=[scheduler]
        )
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self.stop)
        scheduler.start()
        self.note_next(scheduler)
        self.tell(f"padm-ibis run every day at {self.status.at} ({self.status.timezone}); next: {self.status.next_run}.")
        self.stopping.wait()
        scheduler.shutdown(wait=True)

    def stop(self, number: int, frame: FrameType | None) -> None:
        self.stopping.set()
        if self.child is not None and self.child.poll() is None:
            self.child.terminate()

    def run_once(self, scheduler: object) -> None:
        began = dt.datetime.now(dt.UTC)
        self.status.running_since = began.isoformat(timespec="seconds")
        self.note_next(scheduler)
        self.tell(f"{self.status.running_since} run started")
        self.child = subprocess.Popen([sys.executable, "-m", "padm_ibis.cli", "run", *self.arguments])
        code = self.child.wait()
        if code < 0 and not self.stopping.is_set():
            notify.tell_of_killed(self.config)
        seconds = round((dt.datetime.now(dt.UTC) - began).total_seconds(), 1)
        done = ScheduledRun(self.status.running_since, seconds, code)
        self.status.runs = [*self.status.runs, done][-KEPT_RUNS:]
        self.status.running_since = None
        self.note_next(scheduler)
        self.tell(f"{done.started} run ended after {seconds} s: {done.outcome}; next: {self.status.next_run}")

    def note_next(self, scheduler: object) -> None:
        job = scheduler.get_job("run")  # type: ignore[attr-defined]
        planned = getattr(job, "next_run_time", None)
        self.status.next_run = planned.isoformat(timespec="seconds") if planned else None
        self.write()

    def leave(self) -> None:
        self.status.pid = self.status.next_run = self.status.running_since = None
        self.write()
        self.tell("Schedule stopped.")

    def write(self) -> None:
        path = _path(self.config)
        access.folder(path.parent)
        atomic.write(path, self.status.json())


def _path(config: Config) -> Path:
    return config.state / "schedule.json"
