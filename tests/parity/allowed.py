"""The ledger: every difference between engines that is allowed, and why. What is not here must be equal to the bit."""

from __future__ import annotations

ALLOWED: dict[tuple[str, str], str] = {}
"""Table, column → reason."""
