"""That a notice could not be told."""

from __future__ import annotations


class CannotSend(Exception):
    """A server did not take a notice; it never leaves this room.

    Parameters
    ----------
    why
        What happened, without anything secret.
    hint
        What to try.
    may_pass
        Whether another attempt may do better.
    """

    def __init__(self, why: str, *, hint: str, may_pass: bool) -> None:
        self.why, self.hint, self.may_pass = why, hint, may_pass
        super().__init__(why)
