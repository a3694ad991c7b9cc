"""What a source does not give, and whether its rows can be read without it.

A resource is essential or optional (data contract, §10.5): an optional one without a table that it needs is an empty
typed table, and so is an optional table of any resource; both are said, with what is empty by it. What was given
before and is refused now is no such case: that stops the source, however small it is, until somebody says it is right.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from padm_ibis.config import SourceConfig
from padm_ibis.extract.shrinkage import accepted
from padm_ibis.sources.connect import Columns, Refusal, Source
from padm_ibis.sources.spec import KindSpec, ResourceSpec, TableSpec

BEFORE = ", and was read the last time"
"""Why a source is not read without a table: the end of a sentence; what helps is to say that it is right."""


@dataclass(frozen=True, slots=True)
class Lack:
    """A table that a source does not give, or gives without a column that is needed of it.

    Attributes
    ----------
    table
        As the source calls it; of a fallback, the fallback.
    text
        What a report says of it.
    refusal
        Why it may not be read, where that is the reason.
    dispensable
        Whether the resource can be read as if the table had no rows.
    """

    table: str
    text: str
    column: str | None = None
    refusal: Refusal | None = None
    dispensable: bool = False


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a source beside its tables.

    Attributes
    ----------
    before
        Tables that were read the last time.
    accept_drop
        Losses that somebody accepts.
    """

    before: frozenset[str] = frozenset()
    accept_drop: Collection[str] = ()


@dataclass(frozen=True)
class Given:
    """What a source lacks of each resource, and what follows from it."""

    source: SourceConfig
    kind: KindSpec
    lacks: Mapping[str, Sequence[Lack]]
    known: Known
    _lost: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        """Find the essential words of which no resource is left."""
        words = {name: self.kind.resources[name].essential for name in self.lacks}
        left = {words[name] for name, lacks in self.lacks.items() if not _needs(lacks)}
        object.__setattr__(self, "_lost", frozenset(word for word in words.values() if word is not None and word not in left))

    def is_empty(self, spec: ResourceSpec) -> bool:
        """Whether a resource cannot be read, and counts as a table without rows."""
        return bool(_needs(self.lacks[spec.name]))

    def is_fatal(self, spec: ResourceSpec) -> bool:
        """Whether the source cannot be read for what it lacks of a resource."""
        return any(self.why_fatal(spec, lack) is not None for lack in self.lacks[spec.name])

    def why_fatal(self, spec: ResourceSpec, lack: Lack) -> str | None:
        """Return why the source cannot be read without it, as the end of a sentence; None where it can."""
        if lack.refusal is not None and lack.refusal.hides:
            return ""
        if not lack.dispensable and (spec.essential in self._lost or not (spec.essential or self.kind.is_optional(spec))):
            return ""
        if {spec.name, lack.table} & set(self.source.require):
            return ", and is required by the configuration"
        if lack.table in self.known.before and not accepted(self.source, spec.name, self.known.accept_drop):
            return BEFORE
        return None

    def suffers(self, spec: ResourceSpec, lack: Lack) -> tuple[str, ...]:
        """Return what of bronze is empty by it: the resource, or columns of it."""
        if self.is_empty(spec):
            return (spec.name,)
        columns = [name for name in spec.own_columns if lack.table in spec.made_of.get(name, ())]
        if not columns or len(columns) == len(spec.own_columns):
            return (spec.name,)
        return tuple(f"{spec.name}.{name}" for name in columns)


def lacks_of(
    source: Source, tables: Sequence[tuple[TableSpec, TableSpec]], found: Columns, refusals: Mapping[str, Refusal]
) -> Iterator[Lack]:
    """Yield what a source lacks of one resource, whose ``tables`` are given with those that are read for them."""
    for wanted, actual in tables:
        refusal, columns, dispensable = refusals.get(actual.name), found.get(actual.name), wanted.optional
        if refusal is not None and (columns is None or refusal.hides):
            yield Lack(actual.name, "", None, refusal, dispensable)
        elif columns is None:
            yield Lack(actual.name, f"{source.named(actual.name)} is missing", None, None, dispensable)
        else:
            for column in sorted(actual.required - columns.keys()):
                text = f"{source.config.schema}.{actual.name} has no column {column}"
                yield Lack(actual.name, text, column, None, dispensable)


def _needs(lacks: Sequence[Lack]) -> list[Lack]:
    return [lack for lack in lacks if not lack.dispensable]
