"""Who watches runs: tells how one ended, and before it begins, of an earlier one that could not tell itself."""

from __future__ import annotations

import datetime as dt
from types import TracebackType
from typing import TYPE_CHECKING, Self

from padm_ibis.engine import history
from padm_ibis.errors import ConfigError, PadmError, WarehouseBusy
from padm_ibis.notify import notice as notices
from padm_ibis.notify.outbox import Clock, Outbox, harmless, utc

if TYPE_CHECKING:
    from padm_ibis.config import Config
    from padm_ibis.report.history import RunRecord
    from padm_ibis.report.publication import PublishReport
    from padm_ibis.report.run import RunReport

LONG = dt.timedelta(days=1)
"""A run that is in the way of others for so long is trouble; a shorter one is none."""


class Watch:
    """A run that is watched: ``with Watch(config) as watch: … watch.ended(report)``; an error that leaves it is told, too.

    Parameters
    ----------
    clock
        Tells the moment in UTC, without zone.
    """

    def __init__(self, config: Config, clock: Clock = utc) -> None:
        self._config, self._clock = config, clock
        self._outbox = Outbox(config, clock)
        self._before: RunRecord | None = None

    def __enter__(self) -> Self:
        """Tell of the last run, if it could not: it was killed, or nobody could be reached then."""
        if self._outbox:
            with harmless():
                self._before = _newest(self._config)
                if self._before is not None:
                    found = notices.of_record(self._before, self._config)
                    self._outbox.put(found, remind=self._before.status == "killed", unless_known=True)
        return self

    def ended(self, report: RunReport) -> None:
        """Tell how the run ended."""
        if self._outbox:
            with harmless():
                self._outbox.put(notices.of_report(report, self._config))

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Tell of an error that ended it. A run that was interrupted is told of by the next one, as a killed one is."""
        if self._outbox:
            with harmless():
                if isinstance(error, Exception) and (not isinstance(error, WarehouseBusy) or self._is_blocked()):
                    self._outbox.put(self._of(error))
                self._outbox.arrive()

    def _of(self, error: Exception) -> notices.Notice:
        last = _newest(self._config)
        if last is None or (self._before is not None and last.run_id == self._before.run_id):
            return _not_begun(error, self._config)
        report = getattr(error, "report", None)
        if report is not None and report.run_id == last.run_id:
            return notices.of_report(report, self._config)
        return notices.of_record(last, self._config)

    def _is_blocked(self) -> bool:
        runs = history.read(self._config).runs
        return any(not run.ended and self._clock() - run.started_at >= LONG for run in runs)


def tell_wrong_configuration(known: Config, error: ConfigError, clock: Clock = utc) -> None:
    """Tell that no run can begin.

    Parameters
    ----------
    known
        What could be read: where to tell.
    """
    _tell(known, _not_begun(error, known), clock)


def tell_of_killed(config: Config, clock: Clock = utc) -> None:
    """Tell of the last run if it was killed: for who started it and sees its process end."""
    with harmless():
        last = _newest(config) if Outbox(config) else None
        if last is not None and last.status == "killed":
            _tell(config, notices.of_record(last, config), clock)


def tell_publication(config: Config, report: PublishReport, clock: Clock = utc) -> None:
    """Tell how a publication ended."""
    _tell(config, notices.of_publication(report, config), clock)


def _tell(config: Config, notice: notices.Notice, clock: Clock) -> None:
    with harmless():
        outbox = Outbox(config, clock)
        outbox.put(notice)
        outbox.arrive()


def _newest(config: Config) -> RunRecord | None:
    return next((run for run in history.read(config).runs if run.ended), None)


def _not_begun(error: Exception, config: Config) -> notices.Notice:
    if isinstance(error, PadmError):
        hint = config.mask(error.hint) if error.hint else None
        return notices.of_error(error, config.mask(error.message), hint, config)
    return notices.of_error(error, f"An unexpected {type(error).__name__} came before it.", None, config)
