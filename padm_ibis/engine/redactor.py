"""Texts that name a row by its key: the numbers of erased people are hidden in them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from padm_ibis.extract.suppression import Suppressed

if TYPE_CHECKING:
    from padm_ibis.define.source_table import Identity

_HIDDEN = "…"


@dataclass(frozen=True, slots=True)
class Redactor:
    """Hides the numbers of erased people in texts: ``alumno 77`` and ``alumno_id=77`` become ``alumno …``.

    Attributes
    ----------
    sources
        Names of the sources that a text may speak of.
    columns
        Column → what of a person its values name.
    """

    suppressed: Suppressed
    sources: tuple[str, ...]
    columns: Mapping[str, Identity]

    def text(self, text: str) -> str:
        """Return a text without them."""
        names = "|".join(re.escape(name) for name in sorted(self.columns, key=len, reverse=True))
        return re.sub(rf"\b({names})([= ])([^\s,;\"\\]+)", self._shown, text) if names else text

    def _shown(self, found: re.Match[str]) -> str:
        name, between, value = found.groups()
        known = any(self.suppressed.has(source, self.columns[name], value) for source in self.sources)
        return f"{name}{between}{_HIDDEN}" if known else found[0]
