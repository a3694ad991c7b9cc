"""Reading a source anew, each time from a snapshot of its own, where a standby cancelled the reading."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from padm_ibis.errors import SourceConflict

if TYPE_CHECKING:
    from tenacity import RetryCallState

    from padm_ibis.config import SourceConfig

T = TypeVar("T")


def anew(config: SourceConfig, read: Callable[[], T], tell: Callable[[str], None]) -> T:
    """Return what reading a source gives, as many times as configured.

    Parameters
    ----------
    read
        Connects, reads from one snapshot, and leaves nothing behind where that fails.
    tell
        Called with a sentence for each time that the source is read anew.

    Raises
    ------
    SourceConflict
        If the last reading was cancelled, too.
    """
    from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

    most = config.snapshot_retries + 1

    def again(state: RetryCallState) -> None:
        number = state.attempt_number + 1
        ended = "its standby cancelled the reading, or lost the connection"
        tell(f"{config.name}: {ended}; it was read anew, from a new snapshot ({number} of {most}).")

    retry, wait = retry_if_exception_type(SourceConflict), wait_random_exponential(multiplier=0.5, max=15)
    return Retrying(stop=stop_after_attempt(most), wait=wait, retry=retry, before_sleep=again, reraise=True)(read)
