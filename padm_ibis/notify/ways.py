"""The ways a notice can go, and the patience with each: short, and bounded."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from padm_ibis.notify.failure import CannotSend
from padm_ibis.notify.notice import Notice

if TYPE_CHECKING:
    import datetime as dt

    from padm_ibis.config import Config

ATTEMPTS = 3
PATIENCE = 20.0  # seconds after which no further attempt is begun


@dataclass(frozen=True, slots=True)
class Way:
    """One way to tell.

    Attributes
    ----------
    name
        Its section of the configuration.
    where
        The server it goes to, without anything secret.
    send
        Tells it, or raises `CannotSend`.
    """

    name: str
    where: str
    send: Callable[[Notice, dt.datetime], None]


def ways(config: Config) -> Iterator[Way]:
    """Yield what is configured; what it needs is imported for those alone who configured it."""
    if (to := config.mail) is not None:
        from padm_ibis.notify import mail

        yield Way("mail", f"{to.host}:{to.port}", lambda notice, now: mail.send(to, notice, now))
    if (hook := config.webhook) is not None:
        from padm_ibis.notify import webhook

        yield Way("webhook", hook.host, lambda notice, now: webhook.send(hook, notice))


def send(way: Way, notice: Notice, now: dt.datetime) -> None:
    """Tell it, if need be more than once.

    Raises
    ------
    CannotSend
        If it cannot be told.
    """
    from tenacity import Retrying, retry_if_exception, stop_after_attempt, stop_after_delay, wait_random_exponential

    again = Retrying(
        retry=retry_if_exception(lambda error: isinstance(error, CannotSend) and error.may_pass),
        stop=stop_after_attempt(ATTEMPTS) | stop_after_delay(PATIENCE),
        wait=wait_random_exponential(multiplier=0.3, max=3),
        reraise=True,
    )
    again(way.send, notice, now)
