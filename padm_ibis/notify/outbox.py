"""What is on its way: a thread a way, so that who does not answer holds up neither the run nor the other ways."""

from __future__ import annotations

import datetime as dt
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from padm_ibis.notify.failure import CannotSend
from padm_ibis.notify.memory import Memory
from padm_ibis.notify.ways import Way, send, ways

if TYPE_CHECKING:
    from padm_ibis.config import Config
    from padm_ibis.notify.notice import Notice

Clock = Callable[[], dt.datetime]
WAIT = 40.0
"""Most seconds that an ended run waits for its notices to arrive."""
_log = logging.getLogger(__name__)


def utc() -> dt.datetime:
    """Return the moment in UTC, without zone."""
    return dt.datetime.now(dt.UTC).replace(tzinfo=None)


@contextmanager
def harmless() -> Iterator[None]:
    """Let a mistake in telling be told, and pass for no mistake of the run."""
    try:
        yield
    except Exception as error:
        _log.warning("No notice: an unexpected %s while it was written.", type(error).__name__)


class Delivery(threading.Thread):
    """A notice on its way; one that hangs does not keep the process from ending."""

    def __init__(self, outbox: Outbox, way: Way, notice: Notice, *, remind: bool) -> None:
        super().__init__(name=f"notice by {way.name}", daemon=True)
        self.outbox, self.way, self.notice, self.remind = outbox, way, notice, remind

    def run(self) -> None:
        """Tell what is news, and remember it."""
        with harmless():
            memory, now = Memory(self.outbox.config, self.way.name), self.outbox.clock()
            news = memory.news(self.notice, now, remind=self.remind)
            try:
                if news is not None:
                    send(self.way, news, now)
                memory.keep(self.notice, now, told=news is not None)
            except CannotSend as error:
                self.warn(f"{error.why}. {error.hint} The next run tells again.")
            except OSError as error:
                self.warn(f"{memory.path.name} cannot be written: {error.strerror}. What was told will be told again.")

    def warn(self, why: str) -> None:
        """Say in one line, once, that something could not be told; nothing else comes of it."""
        line = self.outbox.config.mask(f"No notice by [{self.way.name}] ({self.way.where}): {why}")
        if line not in self.outbox.warned:
            self.outbox.warned.add(line)
            _log.warning("%s", line)


class Outbox:
    """The notices of one run or publication.

    Parameters
    ----------
    clock
        Tells the moment in UTC, without zone.
    """

    def __init__(self, config: Config, clock: Clock = utc) -> None:
        self.config, self.clock = config, clock
        self.warned: set[str] = set()
        self._ways = tuple(ways(config))
        self._under_way: list[Delivery] = []

    def __bool__(self) -> bool:
        """Whether anybody is to be told."""
        return bool(self._ways)

    def put(self, notice: Notice, *, remind: bool = True, unless_known: bool = False) -> None:
        """Send a notice, after those before it.

        Parameters
        ----------
        remind
            Whether trouble that was told a day ago is told again.
        unless_known
            Leave out the ways that know of this run.
        """
        self.arrive()
        for name in {"mail", "webhook"} & self.config.unusable.keys():
            _log.warning("No notice by [%s]: %s", name, self.config.unusable[name].message)
        for way in self._ways:
            last = Memory(self.config, way.name).last(notice.topic) if unless_known else None
            if last is None or last.run_id != notice.run_id:
                delivery = Delivery(self, way, notice, remind=remind)
                delivery.start()
                self._under_way.append(delivery)

    def arrive(self) -> None:
        """Wait for what is on its way, but not for ever."""
        patience = WAIT
        while self._under_way:
            delivery = self._under_way.pop()
            delivery.join(patience)
            if delivery.is_alive():
                delivery.warn(f"it did not take it within {WAIT:.0f} s. The next run tells again.")
                patience = 0.0
