"""What one rule found on one table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Verdict = Literal["ok", "warn", "error"]


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One rule on one table.

    Attributes
    ----------
    rule
        ``not_null(alumno_id)``, ``unique(source_db, alumno_id)``, ``foreign_key(elemento_id → dim_elemento)`` …
    failed
        Rows that break it.
    rows
        Some of those, by their keys; never personal data.
    passes
        For rows that are passed over by it: what they are called in ``_padm.passed_over``.
    """

    table: str
    rule: str
    verdict: Verdict
    failed: int = 0
    rows: tuple[str, ...] = ()
    passes: Literal["unlinked", "orphan"] | None = None
