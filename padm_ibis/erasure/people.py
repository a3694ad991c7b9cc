"""Who somebody is in bronze: all numbers of a person, from the one, or the document, that was named."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from padm_ibis.engine import erased
from padm_ibis.errors import UnknownName, UsageError
from padm_ibis.extract.suppression import EVERYWHERE, Suppressed, links, theirs
from padm_ibis.sources.values import literal, quote

if TYPE_CHECKING:
    from padm_ibis.backends.base import Reader
    from padm_ibis.config import Config
    from padm_ibis.define.source_table import Identity
    from padm_ibis.sources.spec import ResourceSpec

_HEX = frozenset("0123456789abcdef")
HEADER = "documento_hash"


@dataclass(slots=True)
class Somebody:
    """People who were named, and everything that names them.

    Attributes
    ----------
    values
        Source → what of a person → values.
    documents
        Hashes of documents that are theirs wherever they occur.
    notes
        What whoever asked should know; without any number.
    """

    values: dict[str, dict[Identity, set[Any]]] = field(default_factory=dict)
    documents: set[str] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)

    def of(self, source_db: str, identity: Identity) -> set[Any]:
        """Return the values of a kind in a source."""
        return self.values.setdefault(source_db, {}).setdefault(identity, set())

    def has(self, source_db: str, identity: Identity, value: Any) -> bool:
        """Whether a value is one of theirs."""
        return value in self.of(source_db, identity) or (identity == "documento" and value in self.documents)

    def persons(self, suppressed: Suppressed) -> list[str]:
        """Return the marks of their numbers as persons."""
        return sorted(suppressed.mark(source, "persona", value) for source in self.values for value in self.of(source, "persona"))

    def marks(self, suppressed: Suppressed) -> Iterator[str]:
        """Yield the marks of all that names them."""
        for source_db, kinds in self.values.items():
            for identity, values in kinds.items():
                yield from (suppressed.mark(source_db, identity, value) for value in values)
        yield from (suppressed.mark(EVERYWHERE, "documento", value) for value in self.documents)


def read_hashes(path: Path) -> list[str]:
    """Return the hashes of documents in a file: one a line, as ``dim_persona.documento_hash`` has them.

    Raises
    ------
    UsageError
        If it cannot be read, holds none, or a line is none.
    """
    try:
        lines = [line.strip().strip('"') for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is no UTF-8 text"
        raise UsageError(f"The file of hashes {path} cannot be read: {why}.") from None
    numbered = [(n, line) for n, line in enumerate(lines, 1) if line and not line.startswith("#") and line != HEADER]
    wrong = [n for n, line in numbered if len(line) != 64 or not set(line.lower()) <= _HEX]
    if wrong or not numbered:
        where = f"line {', '.join(map(str, wrong[:5]))} is no hash" if wrong else "it holds none"
        raise UsageError(
            f"{path}: {where}.", hint="One hash of 64 hexadecimal digits a line: what dim_persona.documento_hash holds."
        )
    return list(dict.fromkeys(line.lower() for _, line in numbered))


class Search:
    """Finds people in the bronze of a warehouse."""

    def __init__(self, reader: Reader, config: Config) -> None:
        self._reader, self._config = reader, config
        there = reader.tables()["bronze"]
        self._specs = [spec for spec in erased.specs_of(config).values() if spec.people and spec.name in there]
        self._sources = erased.sources_in(reader, config)
        if not self._specs:
            raise UsageError(
                "No table of bronze says which of its columns name a person.",
                hint="A kind of source says so at its tables: SourceTable(…, people={'column': 'persona'}).",
            )

    def persons(self, given: Sequence[str]) -> Somebody:
        """Find people by ``SOURCE:ID``.

        Raises
        ------
        UsageError
            If one is not there.
        """
        found = Somebody()
        for text in given:
            source_db, value = self._parsed(text)
            found.of(source_db, "persona").add(value)
        self._check_there(found)
        for source_db in list(found.values):
            self._take_documents(found, source_db)
        self._spread(found)
        return found

    def documents(self, hashes: Sequence[str]) -> Somebody:
        """Find people by the keyed hashes of their documents, in every source.

        Raises
        ------
        UsageError
            If none of them is anybody's.
        """
        found, there = Somebody(documents=set(hashes)), set[str]()
        for source_db in self._sources:
            for spec, column in self._columns("documento"):
                there |= {row[column] for row in self._rows(spec, source_db, [(column, hashes)])}
        if not there:
            raise UsageError(
                f"None of the {len(hashes):,} hashes is of a document of the warehouse; nothing was changed.",
                hint="They are made with [privacy] hash_key; padm-ibis show dim_persona tells of the column documento_hash.",
            )
        if missing := len(set(hashes) - there):
            found.notes.append(f"{missing:,} of {len(hashes):,} hashes are nobody's here; who has them would stay away, too.")
        self._spread(found)
        return found

    def _parsed(self, text: str) -> tuple[str, Any]:
        source_db, colon, number = text.rpartition(":")
        if not colon or not number:
            raise UsageError(
                "--persona is not SOURCE:ID.", hint=f"A source and its number of the person: {self._sources[0]}:12345"
            )
        if source_db not in self._sources:
            raise UnknownName("source", source_db, self._sources)
        kinds = {spec.columns[column] for spec, column in self._columns("persona")}
        if not kinds:
            raise UsageError("No table of bronze says which of its columns is the number of a person.")
        if kinds == {"string"}:
            return source_db, number
        try:
            return source_db, int(number)
        except ValueError:
            raise UsageError(f"--persona {source_db}:…: the number of a person is a whole number.") from None

    def _check_there(self, found: Somebody) -> None:
        """Everybody who was named has a row, or nothing is done."""
        missing = {}
        for source_db, kinds in found.values.items():
            wanted = kinds["persona"]
            for spec, column in self._columns("persona"):
                wanted = wanted - {row[column] for row in self._rows(spec, source_db, [(column, wanted)])}
            if wanted:
                missing[source_db] = f"{len(wanted)} of {len(kinds['persona'])} in {source_db}"
        if missing:
            raise UsageError(
                f"There is nobody with such a number in the warehouse ({', '.join(missing.values())}); nothing was changed.",
                hint="SOURCE is the name in [sources.<name>], ID its number of the person: dim_persona.persona_id.",
            )

    def _take_documents(self, found: Somebody, source_db: str) -> None:
        """Take the documents of people of a source for theirs, where nobody else there has the same."""
        persons = found.of(source_db, "persona")
        for spec in self._specs:
            of = [column for column, identity in spec.people.items() if identity == "persona"]
            papers = [column for column, identity in spec.people.items() if identity == "documento"]
            for person, paper in ((a, b) for a in of for b in papers):
                mine = {row[paper] for row in self._rows(spec, source_db, [(person, persons)])} - {None}
                others = {row[paper] for row in self._rows(spec, source_db, [(paper, mine)]) if row[person] not in persons}
                found.of(source_db, "documento").update(mine - others)
                if others:
                    found.notes.append(
                        f"{source_db}: other persons have the same document; it is not taken for theirs, nor are courses"
                        " taught under it."
                    )
                self._tell_elsewhere(found, spec, source_db, paper, mine)

    def _tell_elsewhere(self, found: Somebody, spec: ResourceSpec, source_db: str, paper: str, mine: set[Any]) -> None:
        for other in self._sources:
            if other != source_db and (same := len(self._rows(spec, other, [(paper, mine)]))):
                found.notes.append(
                    f"{other} has {same:,} person{'s' * (same != 1)} with the same document, who stay{'s' * (same == 1)}:"
                    " --documento erases a document's people in every source."
                )

    def _spread(self, found: Somebody) -> None:
        """Follow what stands beside a known number, until nothing is new."""
        first = links(self._specs)
        others = [spec for spec in self._specs if spec not in first and len(set(spec.people.values())) > 1]
        for source_db in self._sources:
            while any(self._follow(found, spec, source_db) for spec in first):
                pass
            for spec in others:
                self._follow(found, spec, source_db, owners=first)

    def _follow(self, found: Somebody, spec: ResourceSpec, source_db: str, owners: Iterable[ResourceSpec] = ()) -> bool:
        known = [
            (column, found.of(source_db, identity) | (found.documents if identity == "documento" else set()))
            for column, identity in spec.people.items()
        ]
        news = False
        for row in self._rows(spec, source_db, known):
            for identity, value in theirs(row, spec.people, lambda i, v: found.has(source_db, i, v)):
                if not found.has(source_db, identity, value) and not self._owned(owners, source_db, identity, value):
                    found.of(source_db, identity).add(value)
                    news = True
        return news

    def _owned(self, owners: Iterable[ResourceSpec], source_db: str, identity: Identity, value: Any) -> bool:
        """Whether the table of a kind of number has this one, and so says itself whose it is."""
        for spec in owners:
            if len(spec.key) == 1 and spec.people.get(spec.key[0]) == identity:
                rows = self._rows(spec, source_db, [(spec.key[0], [value])])
                if any(row[column] is not None for row in rows for column in spec.people if column != spec.key[0]):
                    return True
        return False

    def _columns(self, identity: Identity) -> list[tuple[ResourceSpec, str]]:
        return [(spec, column) for spec in self._specs for column, found in spec.people.items() if found == identity]

    def _rows(self, spec: ResourceSpec, source_db: str, wanted: Iterable[tuple[str, Iterable[Any]]]) -> list[Mapping[str, Any]]:
        """Return the different combinations of a table's numbers in the rows where a column has one of the wanted values."""
        parts = []
        for column, values in wanted:
            if listed := ", ".join(erased.value_sql(value) for value in values if value is not None):
                parts.append(f"{quote(column)} IN ({listed})")
        if not parts:
            return []
        columns = list(spec.people)
        found = self._reader.execute(
            f"SELECT DISTINCT {', '.join(map(quote, columns))} FROM bronze.{quote(spec.name)}"
            f" WHERE source_db = {literal(source_db)} AND ({' OR '.join(parts)})"
        )
        return [dict(zip(columns, row, strict=True)) for row in found]
