"""Which columns of the tables that an expression reads decide about what it yields; others may say anything."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import ibis.expr.operations as ops

from padm_ibis.define.grain import find
from padm_ibis.define.walk import inside_out, parents

_PASSING = (ops.Sort, ops.Filter, ops.DropColumns, ops.Reference, ops.AliasedRelation)
"""Relations whose columns are some of those of the one that they are made of."""


def needed_columns(root: ops.Relation) -> dict[str, set[str]]:
    """Return the columns that decide, by the name of the table that has them.

    A column that is only carried along and left out later is none; where there is doubt, all of a relation's columns are.
    """
    needed: dict[ops.Relation, set[str]] = {root: set(root.schema.names)}
    found: dict[str, set[str]] = {}
    for relation in reversed(inside_out(root)):
        names = needed.get(relation, set())
        if isinstance(relation, ops.PhysicalTable) and getattr(relation, "parent", None) is None:
            found.setdefault(relation.name, set()).update(names)
        for parent, columns in _of_parents(relation, names):
            needed.setdefault(parent, set()).update(columns)
    return found


def _of_parents(relation: ops.Relation, names: set[str]) -> Iterator[tuple[ops.Relation, Iterable[str]]]:
    """The relations that one is made of, each with what of it decides about some columns of this one, and about its rows."""
    match relation:
        case ops.Project():
            yield from _fields(value for name, value in relation.values.items() if name in names or find(value, ops.Unnest))
        case ops.JoinChain():
            yield from _fields(value for name, value in relation.values.items() if name in names)
            yield from _fields(predicate for link in relation.rest for predicate in link.predicates)
        case ops.Aggregate():
            yield from _fields(relation.groups.values())
            yield from _fields(value for name, value in relation.metrics.items() if name in names)
        case ops.Union(distinct=False):
            yield from ((relation.left, names), (relation.right, names))
        case _ if isinstance(relation, _PASSING):
            yield relation.parent, names
            yield from _fields(relation.predicates if isinstance(relation, ops.Filter) else getattr(relation, "keys", ()))
        case _:
            yield from ((parent, parent.schema.names) for parent in parents(relation))


def _fields(values: Iterable[ops.Value]) -> Iterator[tuple[ops.Relation, Iterable[str]]]:
    for value in values:
        yield from ((field.rel, [field.name]) for field in find(value, ops.Field) if isinstance(field, ops.Field))
        yield from ((query.rel, query.rel.schema.names) for query in find(value, ops.Subquery) if isinstance(query, ops.Subquery))
