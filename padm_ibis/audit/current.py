"""What a source overwrites: how things stand today, taken back to where it could have stood another way.

A resource without dates shows each row as it is now. Whatever of it is no constant was perhaps another value at any
earlier moment, so two rows of three get another one; and a row that nothing known by then names, and that came by its
own date later, was not there yet.
"""

from __future__ import annotations

from collections.abc import Sequence

import ibis
import ibis.expr.types as ir

from padm_ibis.audit.events import EVENT, SOURCE, another_key, year_in
from padm_ibis.define import contract as contracts
from padm_ibis.define.model import Resource
from padm_ibis.params import Params
from padm_ibis.words import terms

ALWAYS = 0
OTHERS = 3
"""One row of so many keeps its value: a value changed in all rows at once leaves groups and orders as they were."""


def other_values(model: Resource, rows: ir.Table, columns: Sequence[str]) -> ir.Table:
    """Return rows in which most have, in each of ``columns``, the next value that the column has anywhere.

    The greatest is followed by null, and null by the least: whatever tells two of the values apart tells of the change.
    """
    changed = [c for c in columns if c in rows.columns]
    if not changed:
        return rows
    turn = ibis.row_number().over(ibis.window(order_by=[rows[k] for k in model.grain]))
    result = rows.mutate(_turn=turn)
    for name in changed:
        result = _with_another(result, name)
    return result.select(rows.columns)


def _with_another(rows: ir.Table, name: str) -> ir.Table:
    value = rows[name]
    if value.type().is_boolean():
        other, joined = (~value).fill_null(True), rows
    else:
        values = rows.filter(value.notnull()).select(_old=value).distinct()
        following = values.mutate(_next=values._old.lead().over(ibis.window(order_by=values._old)))
        least = values.agg(_least=values._old.min())
        joined = rows.left_join(following, value == following._old).cross_join(least)
        other = joined[name].isnull().ifelse(joined._least, joined._next)
    return joined.mutate(**{name: (joined._turn % OTHERS > 0).ifelse(other, joined[name])}).select(rows.columns)


# --- rows ------------------------------------------------------------------------------------------------------------


def key_of(model: Resource) -> list[str]:
    """The columns that identify a row of one source."""
    return [name for name in model.grain if name != SOURCE]


def mentions(model: Resource, other: Resource) -> dict[str, str] | None:
    """Return the columns of ``other`` that name a row of ``model``, by the columns of its key; None if it names none.

    As everywhere in bronze, ``alumno`` and ``alumno_id`` name the row that ``alumno`` identifies.
    """
    kinds = {c.name: c.dtype for c in contracts.all_columns(other.contract)}
    own = {c.name: c.dtype for c in contracts.all_columns(model.contract)}
    found = {key: name for key in key_of(model) for name in (f"{key}_id", key) if kinds.get(name) == own[key]}
    return found if found and len(found) == len(key_of(model)) and model.name != other.name else None


def mentioned(names: dict[str, str], rows: ir.Table, year: ir.IntegerValue) -> ir.Table:
    """Return the keys that rows name, each with the year in which the row that names it was known."""
    dated = rows.mutate(**{EVENT: year.coalesce(ALWAYS).cast("int64")})
    named = dated.filter(*(dated[name].notnull() for name in names.values()))
    return named.select(SOURCE, **{key: named[name] for key, name in names.items()}, **{EVENT: named[EVENT]})


def known(model: Resource, bronze: ir.Table, columns: Sequence[str], named: Sequence[ir.Table], params: Params) -> ir.Table:
    """Return some columns of a table without dates, and the year from which each row was known to be there.

    That is the year of its own date (``since``) or of the first row that names it; null where there is neither.
    """
    own = year_in(bronze[model.since], params) if model.since else ibis.null("int64")
    rows = bronze.select(*columns, **{EVENT: own.cast("int64")})
    if not named:
        return rows
    key = [SOURCE, *key_of(model)]
    every = ibis.union(*named) if len(named) > 1 else named[0]
    first = every.group_by(key).agg(_desde=every[EVENT].min())
    both = rows.left_join(first, key)
    return both.select(*columns, **{EVENT: terms.smaller(both[EVENT], both._desde)})


def with_newcomers(model: Resource, rows: ir.Table, params: Params) -> ir.Table:
    """Return rows, each beside a copy under another key that came on the last day; `until` keeps them all."""
    every = rows.mutate(**{EVENT: ibis.null("int64")})
    copies = every.mutate(**another_key(every, key_of(model)))
    if model.since:
        kind = rows[model.since].type()
        today = ibis.literal(params.as_of_year) if kind.is_integer() else ibis.literal(params.as_of)
        copies = copies.mutate(**{model.since: today.cast(kind)})
    return every.union(copies)
