"""What about a source is not as expected, each thing said once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from padm_ibis.errors import SourceShapeError

Level = Literal["error", "warning", "note"]
_SHOWN = 8


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about a source that is not as expected.

    Attributes
    ----------
    resources
        Bronze tables that it concerns.
    suffers
        What of bronze is empty by it: ``table``, or ``table.column``.
    """

    level: Level
    source_db: str
    table: str
    column: str | None
    text: str
    resources: tuple[str, ...] = ()
    hint: str | None = None
    suffers: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.source_db}: {self.text}{self.cost}"

    @property
    def cost(self) -> str:
        """What is empty by it, as the end of a sentence."""
        return f"; without it nothing in {listed(self.suffers)}" if self.suffers else ""

    @property
    def concerns(self) -> str:
        """The text, and the resources that need what it speaks of."""
        needed = f"; needed by {listed(self.resources)}" if self.resources and not self.suffers else ""
        return f"{self.text}{needed}{self.cost}"


def merged(findings: Sequence[Finding]) -> list[Finding]:
    """Say once what several resources stumbled over."""
    known: dict[tuple[str, str], Finding] = {}
    for f in findings:
        before = known.get((f.level, f.text))
        resources = tuple(dict.fromkeys((*(before.resources if before else ()), *f.resources)))
        suffers = tuple(dict.fromkeys((*(before.suffers if before else ()), *f.suffers)))
        known[f.level, f.text] = replace(f, resources=resources, suffers=suffers)
    return list(known.values())


def shape_error(source_db: str, errors: Sequence[Finding]) -> SourceShapeError:
    """Return the one error that lists all that a source lacks."""
    shown = [f.concerns for f in errors[:_SHOWN]]
    if len(errors) > _SHOWN:
        shown.append(f"and {len(errors) - _SHOWN} more, which `padm-ibis doctor` lists")
    return SourceShapeError(f"The source {source_db}: {'. '.join(shown)}.", hint=errors[0].hint)


def listed(names: Sequence[str]) -> str:
    """Return names as a sentence has them, the first ones where there are many."""
    shown = names if len(names) <= _SHOWN + 1 else [*names[:_SHOWN], f"{len(names) - _SHOWN} more"]
    return ", ".join(shown[:-1]) + f" and {shown[-1]}" if len(shown) > 1 else "".join(shown)
