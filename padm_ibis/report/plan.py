"""What a run would do."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from dataclasses import dataclass


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
        return json.dumps(dataclasses.asdict(self), default=str, ensure_ascii=False, indent=2)
