"""Numbers, times and examples as people read them."""

from __future__ import annotations

import datetime as dt

from padm_ibis.report.results import CheckResult


def duration(seconds: float) -> str:
    """``0.004`` → ``<0.01 s``, ``12.34`` → ``12.3 s``, ``95`` → ``1 min 35 s``."""
    if seconds < 0.01:
        return "<0.01 s"
    if seconds < 10:
        return f"{seconds:.2f} s"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def age(hours: float) -> str:
    """``30`` → ``30 hours``, ``72`` → ``3 days``, ``8544`` → ``12 months``."""
    if hours < 48:
        return f"{hours:.0f} hour{'s' * (round(hours) != 1)}"
    return f"{hours / 24:.0f} days" if hours < 24 * 90 else f"{hours / 24 / 30.4:.0f} months"


def rows(count: int) -> str:
    """``1`` → ``1 row``, ``1200`` → ``1,200 rows``."""
    return f"{count:,} row{'s' * (count != 1)}"


def examples(check: CheckResult) -> str:
    """Return two of the failing rows, by their keys."""
    return f", such as {'; '.join(check.rows[:2])}" if check.rows else ""


def ago(then: dt.datetime, now: dt.datetime) -> str:
    """``just now``, ``25 minutes ago``, ``3 hours ago``, ``12 days ago``; both moments without zone, or both with."""
    minutes = round((now - then).total_seconds() / 60)
    if minutes < 2:
        return "just now"
    for size, unit in ((60 * 24, "days"), (60, "hours"), (1, "minutes")):
        if minutes >= 2 * size:
            return f"{minutes // size} {unit} ago"
    raise AssertionError("two minutes are two minutes")
