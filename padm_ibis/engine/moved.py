"""Whose rows a run finds moved: what sources sent of them is another than before, or a date that matters to them has passed.

People are known by all their numbers: a student record brings its person along, and a person all of theirs, so that whatever is
joined by either is theirs as a whole. The numbers stand in temporary tables that last as long as the run.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from itertools import permutations
from typing import TYPE_CHECKING

from padm_ibis.extract.store import TOUCHED
from padm_ibis.sources.values import literal, quote, sql_type

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from padm_ibis.backends.base import Work
    from padm_ibis.define.owner import Key
    from padm_ibis.define.source_table import Identity
    from padm_ibis.sources.spec import ResourceSpec

TEMP = {"duckdb": "temp", "postgres": "pg_temp"}


def keys_of(specs: Collection[ResourceSpec]) -> dict[str, tuple[Key, ...]]:
    """Return the bronze tables whose rows are people's, each with the columns that say whose."""
    from padm_ibis.define.owner import Key

    first = {spec.name: next(iter(spec.owners), None) for spec in specs}
    return {
        name: tuple(Key(what, "source_db", column, sure=column == first[name]) for column, what in owners.items())
        for name, owners in _owners(specs).items()
    }


def _owners(specs: Collection[ResourceSpec]) -> dict[str, dict[str, Identity]]:
    """Table → the columns that say whose its rows are; numbers of different types are no identity that tables share."""
    types = _types(specs)
    found = {spec.name: {column: what for column, what in spec.owners.items() if len(types[what]) == 1} for spec in specs}
    return {name: owners for name, owners in found.items() if owners}


def _types(specs: Iterable[ResourceSpec]) -> dict[Identity, set[str]]:
    found: dict[Identity, set[str]] = {}
    for spec in specs:
        for column, what in spec.owners.items():
            found.setdefault(what, set()).add(spec.columns[column])
    return found


class Moved:
    """The people of one run whose rows moved.

    Parameters
    ----------
    specs
        The bronze tables that there are.
    """

    def __init__(self, work: Work, specs: Mapping[str, ResourceSpec]) -> None:
        self._work = work
        self._types = {what: kind for what, (kind, *others) in _types(specs.values()).items() if not others}
        owners = _owners(specs.values())
        self._links = [(name, whose) for name, whose in owners.items() if len(whose) > 1]
        self._registers = [
            (name, what) for name, whose in owners.items() for column, what in whose.items() if specs[name].key == (column,)
        ]
        for what, kind in self._types.items():
            number = sql_type(kind, work.dialect)
            work.execute(f"DROP TABLE IF EXISTS {self.place(what)}")
            work.execute(f"CREATE TEMP TABLE padm_moved_{what} (source_db text, number {number})")

    def place(self, identity: str) -> str:
        """Return the table of numbers of an identity, as statements name it."""
        return f"{TEMP[self._work.dialect]}.padm_moved_{identity}"

    @property
    def people(self) -> dict[str, ir.Table]:
        """Identity → the table of its numbers."""
        import ibis

        where = TEMP[self._work.dialect]
        return {
            what: ibis.table({"source_db": "string", "number": kind}, name=f"padm_moved_{what}", database=where)
            for what, kind in self._types.items()
        }

    def take(self, resource: str) -> bool:
        """Take in whose rows of a bronze table the loading touched; False where that is not known of all of them."""
        mine = f"FROM {TEMP[self._work.dialect]}.{TOUCHED} WHERE resource = {literal(resource)}"
        asked = f"SELECT identity, bool_or(number IS NULL) {mine} GROUP BY identity"
        found: dict[Identity, bool] = {identity: bool(unknown) for identity, unknown in self._work.execute(asked)}
        if not found or any(found.values()) or not found.keys() <= self._types.keys():
            return False
        for what in found:
            kind = sql_type(self._types[what], self._work.dialect)
            self._add(what, f"SELECT source_db, CAST(number AS {kind}) AS number {mine} AND identity = {literal(what)}")
        return True

    def add(self, identity: str, query: str) -> None:
        """Take in people by their numbers: a query of ``source_db`` and ``number``."""
        self._add(identity, query)
        self.complete()

    def share(self) -> float:
        """Return which share of all people moved; 1 where no table of bronze says who there is."""
        shares = [self._share(table, what) for table, what in self._registers]
        return max(shares, default=1.0)

    def told(self) -> str:
        """How many people moved, in words."""
        return " and ".join(f"{self._count(what):,} {what}s" for _, what in self._registers)

    def _share(self, table: str, what: Identity) -> float:
        ((everybody,),) = self._work.execute(f"SELECT count(*) FROM bronze.{quote(table)}")
        return self._count(what) / everybody if everybody else 1.0

    def _add(self, identity: str, query: str) -> int:
        place = self.place(identity)
        new = f"SELECT DISTINCT source_db, number FROM ({query}) AS q WHERE number IS NOT NULL"
        known = f"SELECT 1 FROM {place} m WHERE m.source_db = n.source_db AND m.number = n.number"
        before = self._count(identity)
        self._work.execute(f"INSERT INTO {place} SELECT n.source_db, n.number FROM ({new}) AS n WHERE NOT EXISTS ({known})")
        return self._count(identity) - before

    def _count(self, identity: str) -> int:
        return int(self._work.execute(f"SELECT count(*) FROM {self.place(identity)}")[0][0])

    def complete(self) -> None:
        """Know everybody by all their numbers."""
        grown = True
        while grown:
            grown = False
            for table, owners in self._links:
                for (known, one), (new, other) in permutations(owners.items(), 2):
                    theirs = f"m.source_db = t.source_db AND m.number = t.{quote(known)}"
                    rows = f"bronze.{quote(table)} t, {self.place(one)} m WHERE {theirs}"
                    grown |= self._add(other, f"SELECT t.source_db, t.{quote(new)} AS number FROM {rows}") > 0
