"""How long whoever finds a warehouse in use waits, and to whom it says so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from padm_ibis.errors import WarehouseBusy

if TYPE_CHECKING:
    from tenacity import RetryCallState

T = TypeVar("T")
WAIT = 60.0
"""Seconds that commands wait by default."""
PAUSE = 0.25
"""Seconds between two attempts, at most a tenth of the whole."""


def _nobody(text: str) -> None:
    """Say nothing."""


@dataclass(frozen=True, slots=True)
class Patience:
    """What opening a warehouse may cost, and who hears of it.

    Attributes
    ----------
    seconds
        Of waiting for whoever has it, each time.
    tell
        Called with a sentence at once, for whoever watches.
    note
        Called with what belongs into the report.
    """

    seconds: float = 0.0
    tell: Callable[[str], None] = _nobody
    note: Callable[[str], None] = _nobody

    def of(self, attempt: Callable[[], T]) -> T:
        """Return what an attempt gives, trying again while it finds the warehouse in use.

        Raises
        ------
        WarehouseBusy
            If it still is after so many seconds.
        """
        if self.seconds <= 0:
            return attempt()
        from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

        return Retrying(
            stop=stop_after_delay(self.seconds),
            wait=wait_fixed(min(PAUSE, self.seconds / 10)),
            retry=retry_if_exception_type(WarehouseBusy),
            before_sleep=self._say,
            reraise=True,
        )(attempt)

    def _say(self, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        if state.attempt_number == 1 and isinstance(error, WarehouseBusy):
            self.tell(f"{error.message} Waiting for up to {self.seconds:.0f} seconds.")


AT_ONCE = Patience()
"""No patience: in use is in use."""
