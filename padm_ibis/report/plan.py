"""What a run would do."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from padm_ibis.report.answer import to_json


@dataclass(frozen=True, slots=True)
class Step:
    """What a run would do with one table."""

    layer: str
    name: str
    action: str
    why: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run would do, as far as that is known without reading a source."""

    warehouse: str
    configuration: str
    as_of: dt.date
    steps: tuple[Step, ...]

    def json(self) -> str:
        """Return everything as JSON."""
        return to_json(self)
