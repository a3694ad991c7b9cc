"""People who were erased and stay away: known by keyed hashes alone, and left out of whatever a source sends.

A mark is the keyed hash of a source's name, of what of a person a value is, and of the value. A document that was erased
wherever it occurs is marked without a source. Whoever has the list without the key of the configuration learns nothing.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from padm_ibis.errors import ConfigError, WarehouseError
from padm_ibis.extract.hashing import fingerprint_of, hmac_sql, install, remove
from padm_ibis.extract.store import LEDGER
from padm_ibis.sources.values import literal, quote

if TYPE_CHECKING:
    import duckdb

    from padm_ibis.define.source_table import Identity
    from padm_ibis.sources.spec import ResourceSpec

TABLE = "suppressed"
EVERYWHERE = ""
"""Stands for the source of a document that is erased wherever it occurs."""
BELOW: Mapping[Identity, tuple[Identity, ...]] = {
    "documento": ("persona", "docente", "usuario"),
    "persona": ("alumno", "docente"),
}
"""What else in a row of somebody who is known is theirs, too: never the other way round, since numbers are given anew."""
_NAME = "padm_erased"
_MARKS = "temp.padm_erased_marks"
_COUNT = "padm_erased_rows"
_BETWEEN = "\x1f"


@dataclass(frozen=True)
class Suppressed:
    """Who was erased.

    Attributes
    ----------
    key
        The configuration's; the hashes are made with one derived from it.
    marks
        The keyed hashes, in hex.
    """

    key: bytes
    marks: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.marks)

    def mark(self, source_db: str, identity: Identity, value: Any) -> str:
        """Return the keyed hash of a value."""
        text = f"{_head(source_db, identity)}{value}"
        return hmac.new(self.own_key, text.encode(), hashlib.sha256).hexdigest()

    def has(self, source_db: str, identity: Identity, value: Any) -> bool:
        """Whether a value names somebody who was erased."""
        if value is None or not self.marks:
            return False
        places = (source_db, EVERYWHERE) if identity == "documento" else (source_db,)
        return any(self.mark(place, identity, value) in self.marks for place in places)

    def with_marks(self, marks: Iterable[str]) -> Suppressed:
        """Return a list with more marks."""
        return replace(self, marks=self.marks | frozenset(marks))

    def keyed(self, key: bytes) -> Suppressed:
        """Return the list with the configuration's key, which an empty one may lack."""
        return replace(self, key=key)

    @cached_property
    def own_key(self) -> bytes:
        """The key of the marks: no other hash of the warehouse is made with it, so none can be looked up in the list."""
        return hmac.new(self.key, b"padm-ibis: people who were erased", hashlib.sha256).digest()

    @property
    def digest(self) -> str:
        """What tells this list from any other."""
        return hashlib.sha256("\n".join(sorted(self.marks)).encode()).hexdigest()[:32]

    def fingerprint(self, salt: str | None = None) -> tuple[str, str]:
        """Return a salt and what it makes of the key."""
        return fingerprint_of(self.own_key, salt)

    def check_key(self, salt: str, fingerprint: str) -> None:
        """Refuse another key than the one the marks were made with.

        Raises
        ------
        ConfigError
            If it is another: nobody would be recognised, and everybody come back.
        """
        if self.fingerprint(salt) != (salt, fingerprint):
            raise ConfigError(
                "privacy.hash_key is not the key that the list of erased people was made with: none of them would stay away.",
                hint="Restore the key; the one of the day on which they were erased.",
            )


def _head(source_db: str, identity: Identity) -> str:
    return f"{source_db}{_BETWEEN}{identity}{_BETWEEN}"


# --- asked of a warehouse --------------------------------------------------------------------------------------


def marks_in(execute: Callable[[str], list[tuple[Any, ...]]], tables: Mapping[str, Collection[str]]) -> frozenset[str]:
    """Return the marks that a warehouse keeps."""
    if TABLE not in tables.get(LEDGER, ()):
        return frozenset()
    return frozenset(mark for (mark,) in execute(f"SELECT mark FROM {LEDGER}.{TABLE}"))


def incomplete(where: str) -> WarehouseError:
    """Return the refusal to go on with a list that lacks marks."""
    return WarehouseError(
        f"The list of erased people of {where} is incomplete: runs knew of more. With it, people who were erased would come"
        " back; nothing was read.",
        hint="Restore suppressed.json in the working folder, or the warehouse, from a backup.",
    )


# --- what a source sends ---------------------------------------------------------------------------------------


class Screen:
    """Leaves the rows of erased people out of what streams through one DuckDB session; ``with Screen(…) as screen``."""

    def __init__(self, con: duckdb.DuckDBPyConnection, suppressed: Suppressed) -> None:
        self._con, self.suppressed = con, suppressed

    def __enter__(self) -> Screen:
        if self.suppressed:
            install(self._con, self.suppressed.own_key, _NAME)
            self._fill()
        return self

    def __exit__(self, *_: object) -> None:
        if self.suppressed:
            remove(self._con, _NAME)

    def add(self, marks: Iterable[str]) -> None:
        """Let more people stay away from here on."""
        self.suppressed = self.suppressed.with_marks(marks)
        self._fill()

    def _fill(self) -> None:
        rows = ", ".join(f"({literal(mark)})" for mark in sorted(self.suppressed.marks))
        self._con.execute(f"CREATE OR REPLACE TEMP TABLE {_MARKS.partition('.')[2]} AS FROM (VALUES {rows}) AS m(mark)")

    def without(self, spec: ResourceSpec, source_db: str, query: str, *, counted: bool = False) -> str:
        """Return a query of rows of bronze without those of erased people.

        Parameters
        ----------
        counted
            Whether `left_out` shall say how many there were; of one query at a time.
        """
        if not self.suppressed or not spec.people:
            return query
        condition = self.condition(spec, source_db)
        if not counted:
            return f"SELECT * FROM ({query}) WHERE NOT ({condition})"
        self._con.execute(f"CREATE OR REPLACE TEMP SEQUENCE {_COUNT}")
        # Counting while the rows stream by: a branch of CASE is worked out only for the rows that take it.
        return f"SELECT * FROM ({query}) WHERE CASE WHEN {condition} THEN nextval('temp.{_COUNT}') < 0 ELSE TRUE END"

    def left_out(self, spec: ResourceSpec) -> int:
        """Return how many rows the last counted query left out."""
        if not self.suppressed or not spec.people:
            return 0
        (row,) = self._con.execute(f"SELECT nextval('temp.{_COUNT}')").fetchall()
        return int(row[0]) - 1

    def condition(self, spec: ResourceSpec, source_db: str) -> str:
        """Return DuckDB's condition for the rows of erased people; never null."""
        tests = [
            f"coalesce({_mark_sql(place, identity, column)} IN (SELECT mark FROM {_MARKS}), FALSE)"
            for column, identity in spec.people.items()
            for place in ((source_db, EVERYWHERE) if identity == "documento" else (source_db,))
        ]
        return " OR ".join(tests)

    def follow(self, spec: ResourceSpec, source_db: str, query: str) -> frozenset[str]:
        """Return the marks of what else is theirs in rows of people who are known, as far as it is new."""
        columns = list(spec.people)
        listed = ", ".join(quote(column) for column in columns)
        rows = self._con.execute(f"SELECT DISTINCT {listed} FROM ({query}) WHERE {self.condition(spec, source_db)}").fetchall()
        found = (
            self.suppressed.mark(source_db, identity, value)
            for row in rows
            for identity, value in theirs(dict(zip(columns, row, strict=True)), spec.people, self._has(source_db))
        )
        return frozenset(found) - self.suppressed.marks

    def _has(self, source_db: str) -> Callable[[Identity, Any], bool]:
        return lambda identity, value: self.suppressed.has(source_db, identity, value)


def _mark_sql(place: str, identity: Identity, column: str) -> str:
    head = " || chr(31) || ".join([literal(place), literal(identity), f"CAST({quote(column)} AS VARCHAR)"])
    return hmac_sql(head, _NAME)


def links(specs: Iterable[ResourceSpec]) -> list[ResourceSpec]:
    """Return the resources that say which numbers are one person's: read whole, and with more than one of them."""
    return [spec for spec in specs if spec.load == "full" and len(set(spec.people.values())) > 1]


def theirs(
    row: Mapping[str, Any], people: Mapping[str, Identity], known: Callable[[Identity, Any], bool]
) -> Iterator[tuple[Identity, Any]]:
    """Yield what else in a row belongs to somebody whom it names, and who is known."""
    named = [identity for column, identity in people.items() if row[column] is not None and known(identity, row[column])]
    below = {lower for identity in named for lower in BELOW.get(identity, ())}
    for column, identity in people.items():
        if identity in below and row[column] is not None:
            yield identity, row[column]
