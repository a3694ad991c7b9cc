"""How runs are named."""

from __future__ import annotations

import datetime as dt
import secrets


def run_name(began: dt.datetime) -> str:
    """Return a new name for a run: those of later runs sort after it."""
    return f"{began:%Y%m%dT%H%M%S}-{secrets.token_hex(2)}"
