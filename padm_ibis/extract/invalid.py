"""Values that are none of their column's type: counted, named, and never quoted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from padm_ibis.errors import SourceShapeError
from padm_ibis.extract.fitted import Suspect
from padm_ibis.extract.statement import Statement
from padm_ibis.sources.classes import type_words, value_class
from padm_ibis.sources.connect import Source
from padm_ibis.sources.values import quote

_LINES = 5
_SHOWN = 8
_HINT = (
    'Correct the values, declare how they are written, or say on_invalid = "null" or "reject" for the resource (docs/sources.md).'
)


@dataclass(frozen=True, slots=True)
class Invalid:
    """The values of one column that are none of its type.

    Attributes
    ----------
    place
        The table, and the lines or the key of an example.
    kind
        What an example is, in words that give nothing of it away.
    """

    suspect: Suspect
    count: int
    place: str
    kind: str

    def __str__(self) -> str:
        """One sentence, without a value."""
        values = "the value" if self.count == 1 else f"{self.count} values"
        verb = "is" if self.count == 1 else "are"
        return f"{self.place}: {values} of {self.suspect.column} {verb} no {type_words(self.suspect.wanted)} ({self.kind})"


@dataclass(slots=True)
class Examination:
    """Looks at each suspicious column of a source once."""

    source: Source
    _known: dict[tuple[str, str, str], Invalid | None] = field(default_factory=dict)

    def of(self, statement: Statement) -> list[Invalid]:
        """Return what is invalid in the tables that a statement reads."""
        suspects = statement.suspects
        tables = dict.fromkeys(s.table for s in suspects)
        for table in tables:
            self._look([s for s in suspects if s.table == table and _name(s) not in self._known])
        return [found for s in suspects if (found := self._known[_name(s)]) is not None]

    def refuse(self, statements: Iterable[Statement]) -> None:
        """Stop where a value is none of its type and the configuration says so.

        Raises
        ------
        SourceShapeError
            With table, column, and lines or an example's key.
        """
        stopping = [found for s in statements if s.on_invalid == "stop" for found in self.of(s)]
        texts = list(dict.fromkeys(map(str, stopping)))
        if texts:
            shown = [*texts[:_SHOWN], *([f"and {len(texts) - _SHOWN} more columns"] if len(texts) > _SHOWN else [])]
            raise SourceShapeError(f"The source {self.source.config.name}: {'; '.join(shown)}.", hint=_HINT)

    def _look(self, suspects: Sequence[Suspect]) -> None:
        if not suspects:
            return
        counts = ", ".join(f"count(*) FILTER (WHERE {s.invalid}) AS n{number}" for number, s in enumerate(suspects))
        found = self.source.rows(f"SELECT {counts} FROM {suspects[0].relation}")[0]
        for suspect, count in zip(suspects, found, strict=True):
            self._known[_name(suspect)] = self._described(suspect, count) if count else None

    def _described(self, suspect: Suspect, count: int) -> Invalid:
        names = [f"{sql} AS k{number}" for number, (_, sql) in enumerate(suspect.names)]
        text = f"CAST({quote(suspect.column)} AS TEXT) AS padm_text"
        order = " ORDER BY " + ", ".join(str(n) for n in range(1, len(names) + 1)) if names else ""
        query = f"SELECT {', '.join([*names, text])} FROM {suspect.relation} WHERE {suspect.invalid}{order} LIMIT 1"
        *key, value = self.source.rows(query)[0]
        if numbers := self.source.lines(suspect.table, suspect.invalid, _LINES):
            place = f"{self.source.named(suspect.table)} {_numbered(numbers, count)}"
        else:
            example = ", ".join(f"{name} {v}" for (name, _), v in zip(suspect.names, key, strict=True) if v is not None)
            table = f"{self.source.config.schema}.{suspect.table}"
            place = f"{table}, at {'' if count == 1 else 'for example '}{example}" if example else table
        return Invalid(suspect, count, place, value_class(value))


def rejected_for(found: Iterable[Invalid]) -> str:
    """Return why a row was left out, for ``_padm.rejected_rows``."""
    columns = dict.fromkeys(f"{i.suspect.table}.{i.suspect.column} is no {type_words(i.suspect.wanted)}" for i in found)
    return "; ".join(columns) or "a value is out of range"


def told(found: Sequence[Invalid], statement: Statement) -> Iterator[str]:
    """Say of each column what is invalid, and what became of it."""
    for item in found:
        rejected = statement.on_invalid == "reject" or item.suspect.vital
        yield f"{item}, {'its row is left out' if rejected else 'null'}"


def _numbered(numbers: Sequence[int], count: int) -> str:
    if count == 1:
        return f"line {numbers[0]}"
    more = f" and {count - len(numbers)} more" if count > len(numbers) else ""
    return f"lines {', '.join(map(str, numbers))}{more}"


def _name(suspect: Suspect) -> tuple[str, str, str]:
    return suspect.table, suspect.column, suspect.wanted
