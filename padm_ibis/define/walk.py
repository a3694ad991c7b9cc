"""Ways through an expression: what stands on what, and what is the same value under another name."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator

import ibis.expr.operations as ops


def parents(relation: ops.Node) -> list[ops.Relation]:
    """Return the relations that one is made of; not those that its values look into."""
    if isinstance(relation, ops.JoinChain):
        return [relation.first, *(link.table for link in relation.rest)]
    return [child for child in relation.__children__ if isinstance(child, ops.Relation)]


def inside_out(root: ops.Node, known: Container[ops.Node] = ()) -> list[ops.Relation]:
    """Return every relation of an expression, each after those that it is made of, without those that are known.

    Deep expressions would exhaust the stack if a function called itself for each.
    """
    order: dict[ops.Relation, None] = {}
    waiting: list[ops.Relation] = [] if root in known else [root]
    while waiting:
        missing = [relation for relation in parents(waiting[-1]) if relation not in order and relation not in known]
        if missing:
            waiting += missing
        else:
            order[waiting.pop()] = None
    return list(order)


def conjuncts(predicates: Iterable[ops.Value]) -> Iterator[ops.Value]:
    """Yield what must all hold, each by itself."""
    for predicate in predicates:
        if isinstance(predicate, ops.And):
            yield from conjuncts([predicate.left, predicate.right])
        else:
            yield predicate


def plain(value: ops.Value) -> ops.Value:
    """Strip what leaves a value as it is: another name, a whole number's wider type."""
    while isinstance(value, ops.Alias | ops.Cast):
        if isinstance(value, ops.Cast):
            integers = value.arg.dtype.is_integer() and value.to.is_integer()
            same = type(value.arg.dtype) is type(value.to) or (integers and value.to.nbytes >= value.arg.dtype.nbytes)
            if not same:
                break
        value = value.arg
    return value
