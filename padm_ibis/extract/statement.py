"""The statement of one resource at one source, and what is done here with the rows it sends."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from padm_ibis.config import OnInvalid
from padm_ibis.extract.buckets import among
from padm_ibis.extract.fitted import Fitted, Suspect
from padm_ibis.extract.hashing import Hasher
from padm_ibis.sources.spec import PLACEHOLDER, ResourceSpec
from padm_ibis.sources.values import bounded, landed, literal, quote, sql_type

ODD = "_odd"
NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Statement:
    """The statement of one resource at one source, and what is done here with the rows it sends.

    Attributes
    ----------
    tables
        Source table → how this installation's is read.
    fallbacks
        Table → the one that is read in its place.
    on_invalid
        What becomes of a value that is none of its column's type.
    given
        Whether the source gives it; otherwise it has no rows.
    """

    spec: ResourceSpec
    dialect: str
    tables: Mapping[str, Fitted]
    fallbacks: Mapping[str, str]
    on_invalid: OnInvalid
    given: bool = True

    @property
    def body(self) -> str:
        """The resource's own statement, over this installation's tables."""
        return self._over_tables(self.spec.sql[self.dialect])

    def left_out(self) -> dict[str, str]:
        """Return words → the statement that counts the rows which are left out on purpose."""
        return {words: self._over_tables(texts[self.dialect]) for words, texts in self.spec.left_out.items()}

    def part(self, only: str) -> str:
        """Return the statement of one window: of the rows of its table that fulfil a condition on the table's own columns."""
        assert self.spec.windows is not None, "it is read by one statement"
        return self._over_tables(self.spec.windows.part[self.dialect], {self.spec.windows.table: only})

    def _over_tables(self, text: str, only: Mapping[str, str] = NOTHING) -> str:
        everything = self.on_invalid == "reject"
        tables = {name: table.sql(rejecting=everything, only=only.get(name, "")) for name, table in self.tables.items()}
        return PLACEHOLDER.sub(lambda match: tables[match[1]], text)

    @property
    def suspects(self) -> list[Suspect]:
        """The columns of which only the values can tell whether they are of the contract's type."""
        return list(dict.fromkeys(suspect for table in self.tables.values() for suspect in table.suspects))

    def tolerant(self) -> Statement:
        """Return the statement that rejects no row: what is none of its type is null in it, in keys too."""
        tables = {
            name: replace(table, suspects=tuple(replace(s, vital=False) for s in table.suspects))
            for name, table in self.tables.items()
        }
        return replace(self, tables=tables, on_invalid="null")

    @property
    def definition(self) -> str:
        """Names what the rows are made by: rows made by another are read again."""
        made = [self.sql(), *self.landed().values()]
        return hashlib.sha256("\n".join(made).encode()).hexdigest()[:16]

    def sql(self, since: str | None = None, buckets: Collection[int] = ()) -> str:
        """Return the statement; with ``since``, only of rows whose cursor is not before it, or null.

        Parameters
        ----------
        buckets
            Only rows of these; see `padm_ibis.extract.buckets`.
        """
        if buckets:
            asked = among(self.spec, self.dialect, "t", buckets)
            return f"SELECT * FROM ({self.sql(since)}) AS t WHERE {asked}"
        sent = {name: bounded(f"q.{quote(name)}", kind, self.dialect) for name, kind in self._plain.items()}
        columns = {name: sent[name][0] if name in sent else f"q.{quote(name)}" for name in self.spec.own_columns}
        odd = " OR ".join(condition for _, condition in sent.values() if condition)
        flag = f"CASE WHEN {odd} THEN 1 ELSE 0 END" if odd else "0"
        return f"SELECT {_listed(columns)}, {flag} AS {ODD} FROM ({self.body}) AS q{self._where(since)}"

    def whole(self, since: str | None = None) -> str:
        """Return the statement of the same rows as they are at the source: what a digest is made of, nothing is sent.

        Two texts that differ do so here, whatever the collation of their column takes for equal.
        """
        exact = ' COLLATE "C"' if self.dialect == "postgres" else ""
        columns = {name: f"q.{quote(name)}{exact if kind == 'string' else ''}" for name, kind in self.spec.own_columns.items()}
        return f"SELECT {_listed(columns)} FROM ({self.body}) AS q{self._where(since)}"

    def landed(self) -> dict[str, str]:
        """Return DuckDB's SQL, by column, that makes of what was sent what bronze holds."""
        hashes = {name: Hasher.sql(name, how) for name, how in self.spec.hashes.items()}
        return {name: hashes.get(name) or landed(quote(name), kind)[0] for name, kind in self.spec.own_columns.items()}

    def kept(self) -> str:
        """Return DuckDB's condition for the rows that arrive and are kept, as the end of a statement."""
        return f" WHERE ({self.odd()}) IS NOT TRUE" if self.on_invalid == "reject" else ""

    def odd(self) -> str:
        """Return DuckDB's condition: some value of a row that was sent had to be changed to fit the contract's type."""
        here = (landed(quote(name), kind)[1] for name, kind in self._plain.items())
        return " OR ".join([f"{ODD} = 1", *(condition for condition in here if condition)])

    def odd_columns(self, relation: Callable[[str], str], since: str | None = None) -> tuple[tuple[str, ...], str]:
        """Return columns, and DuckDB's query that counts the values of each that had to be changed.

        Parameters
        ----------
        relation
            What stands in a FROM for a statement at the source.
        """
        there, here = {}, {}
        for name, kind in self._plain.items():
            column = f"q.{quote(name)}"
            if condition := bounded(column, kind, self.dialect)[1]:
                there[name], here[name] = f"CASE WHEN {condition} THEN 1 ELSE 0 END", f"{quote(name)} = 1"
            elif condition := landed(quote(name), kind)[1]:
                there[name], here[name] = column, condition
        counts = ", ".join(f"count(*) FILTER ({condition})" for condition in here.values())
        sent = f"SELECT {_listed(there)} FROM ({self.body}) AS q{self._where(since)}"
        return tuple(here), f"SELECT {counts} FROM {relation(sent)}"

    @property
    def _plain(self) -> dict[str, str]:
        """The columns that arrive as they are."""
        return {name: kind for name, kind in self.spec.own_columns.items() if name not in self.spec.hashes}

    def _where(self, since: str | None) -> str:
        if since is None or self.spec.cursor is None:
            return ""
        cursor = f"q.{quote(self.spec.cursor)}"
        kind = sql_type(self.spec.columns[self.spec.cursor], self.dialect)
        return f" WHERE {cursor} >= CAST({literal(since)} AS {kind}) OR {cursor} IS NULL"


def _listed(columns: Mapping[str, str]) -> str:
    return ", ".join(f"{sql} AS {quote(name)}" for name, sql in columns.items())
