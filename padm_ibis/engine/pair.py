"""A table as it was and as a run made it, beside one another: the statements that find what differs between the two.

In them, ``o`` is the old table and ``n`` the new one.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from padm_ibis.engine import content
from padm_ibis.sources.values import literal, quote

if TYPE_CHECKING:
    from padm_ibis.backends.base import Work
    from padm_ibis.define.model import Model
    from padm_ibis.engine.state import RunState, Standing

Place = tuple[str, str]
"""Schema and name."""
YEAR, SOURCE = "anio_academico", "source_db"
GROUP = 16
"""Columns of a row that are hashed together."""
_MOST = 50  # PostgreSQL's functions take a hundred arguments


@dataclass(frozen=True, slots=True)
class Pair:
    """A table as it was and as it is.

    Attributes
    ----------
    columns
        Names of those that both have, of the same type.
    come, gone
        Names of those that only the new one has, and only the old one.
    published
        Where ``old`` and ``new`` are some rows of the table: the keys of the whole as it was, as a statement reads them.
    table
        The whole table as it is.
    """

    model: Model
    old: str
    new: str
    dialect: str
    columns: tuple[str, ...]
    come: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    published: str = ""
    table: str = ""

    @property
    def whole(self) -> str:
        """The keys of the whole table as it was, as a statement reads them."""
        return self.published or self.old

    @property
    def year(self) -> str | None:
        """The column that says of which moment a row speaks."""
        return YEAR if YEAR in self.model.grain else None

    @property
    def groups(self) -> list[tuple[str, ...]]:
        """Columns that are hashed together: of a row that differs, only groups that do are looked at column by column."""
        return [self.columns[number : number + GROUP] for number in range(0, len(self.columns), GROUP)]


def pairs_of(work: Work, run: RunState, names: Collection[str]) -> dict[str, Pair]:
    """Return tables that a run set aside and made anew, each beside what it was."""
    models = [run.definitions.graph.models[name] for name in names]
    columns = content.columns_of(
        work, {schema for standing in run.former.values() for schema, _ in (standing.former, standing.latter)}
    )
    return {model.name: _pair(work, model, run.former[model.name], columns) for model in models}


def _pair(work: Work, model: Model, standing: Standing, columns: Mapping[Place, Sequence[tuple[str, str]]]) -> Pair:
    before, now = dict(columns[standing.former]), dict(columns[standing.latter])
    both = tuple(column for column, kind in now.items() if before.get(column) == kind)
    come, gone = (tuple(c for c in some if c not in both) for some in (now, before))
    old, new = _place(standing.former), _place(standing.latter)
    table, names = _place((work.locate(model.layer, model.name), model.name)), columns_sql("", model.grain)
    pair = Pair(model, old, new, work.dialect, both, come, gone, table=table)
    if not standing.in_part:
        return pair
    stayed = f"SELECT {names} FROM {table} AS t WHERE NOT EXISTS (SELECT 1 FROM {new} AS n WHERE {same_key('n', 't', pair)})"
    return replace(pair, published=f"({stayed} UNION ALL SELECT {names} FROM {old}) AS p")


def _place(found: Place) -> str:
    return ".".join(quote(part) for part in found)


def columns_sql(table: str, columns: Sequence[str]) -> str:
    """Return columns as a statement lists them, of one of its tables or without."""
    return ", ".join(f"{table}.{quote(c)}" if table else quote(c) for c in columns)


def differs_in(column: str) -> str:
    """Return the condition that a column moved."""
    return f"o.{quote(column)} IS DISTINCT FROM n.{quote(column)}"


def names_of_moved(columns: Sequence[str]) -> str:
    """The names of the columns that moved, as one text: a comma before each."""
    told = [f"CASE WHEN {differs_in(c)} THEN {literal(f',{c}')} END" for c in columns] or ["''"]
    while len(told) > 1:
        told = [f"concat({', '.join(told[number : number + _MOST])})" for number in range(0, len(told), _MOST)]
    return told[0]


def same_key(one: str, other: str, pair: Pair, key: Sequence[str] = ()) -> str:
    """Equal keys, nulls included, in words that PostgreSQL can hash."""
    from padm_ibis.define import contract as contracts

    required = {c.name for c in contracts.all_columns(pair.model.contract) if not c.nullable}
    parts = []
    for name in key or pair.model.grain:
        mine, theirs = f"{one}.{quote(name)}", f"{other}.{quote(name)}"
        if name in required:
            parts.append(f"{mine} = {theirs}")
        else:
            parts.append(f"coalesce(CAST({mine} AS text), '') = coalesce(CAST({theirs} AS text), '')")
            parts.append(f"({mine} IS NULL) = ({theirs} IS NULL)")
    return " AND ".join(parts)


def differing_rows(pair: Pair, key: Sequence[str], groups: Sequence[Sequence[str]], year: str = "", where: str = "") -> str:
    """Keys whose rows differ between old and new, with a hash of each group of columns; nulls stand for no row."""
    numbers = [suffix(group) for group in range(len(groups))]
    hashes = ", ".join(f"{content.hash_of(pair.dialect, columns)} AS padm_h{suffix(n)}" for n, columns in enumerate(groups))
    rows = f"SELECT {columns_sql('', key)}, {hashes}{f', {year} AS padm_year' if year else ''} FROM {{}}{where}"
    keys = ", ".join(f"coalesce(o.{quote(c)}, n.{quote(c)}) AS {quote(c)}" for c in key)
    both = ", ".join(f"o.padm_h{n} AS padm_was{n}, n.padm_h{n} AS padm_became{n}" for n in numbers)
    dated = ", coalesce(least(o.padm_year, n.padm_year), o.padm_year, n.padm_year) AS padm_year" if year else ""
    return (
        f"SELECT {keys}, {both}{dated} FROM ({rows.format(pair.old)}) o FULL JOIN ({rows.format(pair.new)}) n"
        f" ON {same_key('o', 'n', pair, key)} WHERE {' OR '.join(f'o.padm_h{n} IS DISTINCT FROM n.padm_h{n}' for n in numbers)}"
    )


def suffix(group: int) -> str:
    """Return what ends the names of a group's hashes; nothing for the first."""
    return str(group) if group else ""


def any_moved(group: int) -> str:
    """Whether a column of a group moved in any row."""
    moved = f"padm_was{suffix(group)} IS DISTINCT FROM padm_became{suffix(group)}"
    return f"max(CASE WHEN padm_kind = 'changed' AND {moved} THEN 1 ELSE 0 END)"


def of_published_moments(pair: Pair) -> tuple[str, str]:
    """The condition that a new row speaks of a moment that its source had already, and the join that it needs."""
    if pair.year is None:
        return "", ""
    year = quote(pair.year)
    if SOURCE not in pair.model.grain:
        return f" OR m.{year} <= (SELECT max({year}) FROM {pair.whole})", ""
    newest = f"(SELECT {SOURCE}, max({year}) AS padm_newest FROM {pair.whole} GROUP BY {SOURCE})"
    return f" OR m.{year} <= p.padm_newest", f" LEFT JOIN {newest} p ON p.{SOURCE} = m.{SOURCE}"
