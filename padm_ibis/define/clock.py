"""What a later ``as_of`` changes in an expression: nothing, the rows whose dates it passes, or anything.

The same model is bound to two moments, and the two expressions are walked together. Where they differ only in dates that
something is compared with, just the rows on which a comparison turns out otherwise can come out otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import ibis.expr.operations as ops
import ibis.expr.types as ir

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


@dataclass(slots=True)
class _Walk:
    """Two expressions side by side."""

    turns: dict[tuple[ops.Node, ops.Node], Turn] = field(default_factory=dict)
    seen: dict[tuple[ops.Node, ops.Node], bool] = field(default_factory=dict)

    def same(self, before: Any, after: Any) -> bool:
        """Whether two parts are alike, but for comparisons that are noted."""
        if isinstance(before, ops.Node) and isinstance(after, ops.Node):
            known = self.seen.get((before, after))
            if known is None:
                known = self.seen[before, after] = self._nodes(before, after)
            return known
        if isinstance(before, tuple) and isinstance(after, tuple):
            return len(before) == len(after) and all(self.same(*pair) for pair in zip(before, after, strict=True))
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            return list(before) == list(after) and all(self.same(before[name], after[name]) for name in before)
        return bool(before == after)

    def _nodes(self, before: ops.Node, after: ops.Node) -> bool:
        if before == after:
            return True
        if type(before) is not type(after):
            return False
        if isinstance(before, ops.Reference) and isinstance(after, ops.Reference):
            return self.same(before.parent, after.parent)  # its number only tells it from others of one join
        if isinstance(before, _TURNS) and isinstance(after, _TURNS):
            return self._comparisons(before, after)
        if isinstance(before, ops.Literal):
            return False
        return all(self.same(*pair) for pair in zip(before.__args__, after.__args__, strict=True))

    def _comparisons(self, before: ops.Value, after: ops.Value) -> bool:
        sides = list(zip(before.__args__, after.__args__, strict=True))
        moved = [pair for pair in sides if all(isinstance(side, ops.Literal) for side in pair) and pair[0] != pair[1]]
        others = [pair for pair in sides if pair not in moved]
        if not all(self.same(*pair) for pair in others):
            return False
        if moved:
            relations = {found.rel for found in find(after, ops.Field) if isinstance(found, ops.Field)}
            if len(relations) != 1 or len(others) != 1 or find(after, (ops.WindowFunction, ops.Reduction)):
                return False
            (relation,) = relations
            ((_, value),) = others
            limits = {id(new): old for old, new in moved}
            was = type(after)(*(limits.get(id(side), side) if side is not value else value for side in after.__args__))
            self.turns[before, after] = Turn(relation, was, after)
        return True


def turns(before: ir.Table, after: ir.Table) -> tuple[Turn, ...] | None:
    """Return the comparisons that another moment turns; None where it changes more than comparisons.

    Parameters
    ----------
    before, after
        One model's expression, bound to the one moment and to the other.
    """
    walk = _Walk()
    return tuple(walk.turns.values()) if walk.same(before.op(), after.op()) else None


def passed(found: Turn, declared: Mapping[str, tuple[Key, ...]]) -> tuple[Key, ir.Table] | None:
    """Return whose rows a comparison turns on, as ``source_db`` and ``number``; None where those are not people's."""
    rows = Reading(declared).of(found.relation)
    sure = sorted((key for key in rows.keys if key.sure), key=lambda key: key.identity) if isinstance(rows, Owned) else []
    if not sure or isinstance(found.relation, ops.JoinReference):
        return None
    table = found.rows()
    key = sure[0]
    return key, table.select(source_db=table[key.source], number=table[key.number]).distinct()
