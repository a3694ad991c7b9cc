"""Fixtures of the room: see `conftest_notify`."""

from __future__ import annotations

from conftest_notify import channel, mailbox, school

__all__ = ["channel", "mailbox", "school"]
