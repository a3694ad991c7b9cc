"""A table that lost many rows since the last run: a mistake at the source, more often than the truth, and refused until told."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from padm_ibis.errors import SourceShrunk
from padm_ibis.extract.store import Change

if TYPE_CHECKING:
    from padm_ibis.config import SourceConfig

LEAST = 100
"""Fewer rows than these may go whatever their share: small catalogues are tidied up."""


@dataclass(frozen=True, slots=True)
class Loss:
    """A resource that was read whole and has fewer rows than before."""

    resource: str
    before: int
    now: int

    def __str__(self) -> str:
        return f"{self.resource} had {self.before:,} rows and has {self.now:,} now"


def loss(resource: str, change: Change) -> Loss:
    """Return what a resource had before a change, and has after it."""
    return Loss(resource, change.rows + change.deleted - change.inserted, change.rows)


def accepted(source: SourceConfig, resource: str, names: Collection[str]) -> bool:
    """Whether somebody said that this loss is right: by the resource's name, or with the source's before it."""
    return bool({resource, f"{source.name}.{resource}"} & set(names))


def refuse(source: SourceConfig, losses: Iterable[Loss], names: Collection[str]) -> None:
    """Refuse losses that are too large, all at once.

    Parameters
    ----------
    names
        Losses that somebody accepts.

    Raises
    ------
    SourceShrunk
        If there is any; the source's transaction is to be undone.
    """
    found = [
        one
        for one in losses
        if one.before - one.now >= max(LEAST, source.max_shrinkage * one.before) and not accepted(source, one.resource, names)
    ]
    if found and source.max_shrinkage < 1:
        lost = ",".join(sorted({one.resource for one in found}))
        raise SourceShrunk(
            f"{'; '.join(map(str, found))}: more than {source.max_shrinkage:.0%} are gone, and nothing of the source is taken.",
            hint=f"Look at the source. If it is right: padm-ibis run --accept-drop {lost}",
        )
