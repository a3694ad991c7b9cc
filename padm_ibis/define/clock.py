"""What a later ``as_of`` changes in an expression: nothing, the rows whose dates it passes, or anything.

The same model is bound to two moments, and the two expressions are read together. Where they differ only in dates that
something is compared with, just the rows on which a comparison turns out otherwise can come out otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest

import ibis.expr.operations as ops
import ibis.expr.types as ir

from padm_ibis.define.fingerprint import operations
from padm_ibis.define.grain import find
from padm_ibis.define.owner import Key, Owned, Reading

_TURNS = (ops.Less, ops.LessEqual, ops.Greater, ops.GreaterEqual, ops.Equals, ops.NotEquals)


@dataclass(frozen=True, slots=True)
class Turn:
    """A comparison that another moment turns, on the rows of one relation."""

    relation: ops.Relation
    before: ops.Value
    after: ops.Value

    def rows(self) -> ir.Table:
        """Return the rows on which it turns out otherwise."""
        before, after = (value.to_expr().fill_null(False) for value in (self.before, self.after))
        rows: ir.Table = self.relation.to_expr()
        return rows.filter(before != after)


def turns(before: ir.Table, after: ir.Table) -> tuple[Turn, ...] | None:
    """Return the comparisons that another moment turns; None where it changes more than comparisons.

    Parameters
    ----------
    before, after
        One model's expression, bound to the one moment and to the other.
    """
    moved: dict[ops.Node, ops.Node] = {}
    found = list[Turn]()
    for was, now in zip_longest(operations(before.op()), operations(after.op())):
        if was is None or now is None or type(was[0]) is not type(now[0]):
            return None
        (old, said), (new, says) = was, now
        if said != says:
            if not isinstance(new, ops.Literal) or old.dtype != new.dtype:
                return None
            moved[new] = old
        if dated := [child for child in new.__children__ if child in moved]:
            if (turn := _turn(new, dated, moved)) is None:
                return None
            found.append(turn)
    return tuple(found)


def _turn(comparison: ops.Node, dated: Sequence[ops.Node], moved: Mapping[ops.Node, ops.Node]) -> Turn | None:
    """A comparison of something of one row with a date that moved; None for anything else."""
    if not isinstance(comparison, _TURNS) or len(dated) != 1:
        return None
    relations = {column.rel for column in find(comparison, ops.Field) if isinstance(column, ops.Field)}
    if len(relations) != 1 or find(comparison, (ops.WindowFunction, ops.Reduction, ops.Analytic, ops.Subquery)):
        return None
    was = type(comparison)(*(moved.get(side, side) for side in comparison.__args__))
    return Turn(relations.pop(), was, comparison)


def passed(found: Turn, declared: Mapping[str, tuple[Key, ...]]) -> tuple[Key, ir.Table] | None:
    """Return whose rows a comparison turns on, as ``source_db`` and ``number``; None where those are not people's."""
    rows = Reading(declared).of(found.relation)
    sure = sorted((key for key in rows.keys if key.sure), key=lambda key: key.identity) if isinstance(rows, Owned) else []
    if not sure or isinstance(found.relation, ops.JoinReference):
        return None
    table = found.rows()
    key = sure[0]
    return key, table.select(source_db=table[key.source], number=table[key.number]).distinct()
