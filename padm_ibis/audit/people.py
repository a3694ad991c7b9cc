"""How many people stand behind a number: the aggregates on the way to a column, and the people of their groups."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import ibis.expr.operations as ops
import ibis.expr.types as ir

from padm_ibis.define import contract as contracts
from padm_ibis.define.compile import sql
from padm_ibis.define.graph import Graph
from padm_ibis.define.model import Model

if TYPE_CHECKING:
    from padm_ibis.warehouse import Warehouse

SOURCE, PERSON, STUDENT, STUDENTS = "source_db", "persona_id", "alumno_id", "dim_student"
PERSONS = (STUDENT, PERSON, "alumno", "persona")
# What comes out of these is of all rows together; an extreme, a median or a list is of single ones.
_OF_ALL = (
    ops.Count, ops.CountStar, ops.CountDistinct, ops.CountDistinctStar, ops.ApproxCountDistinct,
    ops.Sum, ops.Mean, ops.StandardDev, ops.Variance, ops.Covariance, ops.Correlation,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Route:
    """The ways from a column back to the tables that its model reads.

    Attributes
    ----------
    aggregates
        Aggregations over several people on the way, which end it.
    open
        Columns of the tables read that are reached on a way without one.
    """

    aggregates: tuple[ops.Aggregate, ...]
    open: tuple[ops.Field, ...]


def route(expression: ir.Table, column: str) -> Route:
    """Follow a column back to aggregations over several people, or to the tables read."""
    aggregates, reached = dict[ops.Aggregate, None](), dict[ops.Field, None]()
    for node in _walk(ops.Field(expression.op(), column), stop=_of_several):
        if isinstance(node, ops.Field):
            if _of_several(node):
                aggregates[node.rel] = None
            elif not behind(node):
                reached[node] = None
    return Route(tuple(aggregates), tuple(reached))


def behind(field: ops.Field) -> list[ops.Node]:
    """Return what a column of a relation stands for, one relation further in; nothing for one of a table."""
    relation = field.rel
    if isinstance(relation, ops.Set):
        return [ops.Field(relation.left, field.name), ops.Field(relation.right, field.name)]
    if field.name in relation.values:
        return [relation.values[field.name]]
    parent = getattr(relation, "parent", None)
    return [ops.Field(parent, field.name)] if parent is not None and field.name in parent.schema else []


def path(start: ops.Node) -> list[ops.Node]:
    """Return every value operation between a value and the tables its model reads."""
    return list(_walk(start, stop=lambda node: False))


def _walk(start: ops.Node, *, stop: Callable[[ops.Field], bool]) -> Iterator[ops.Node]:
    seen: set[ops.Node] = set()
    waiting = [start]
    while waiting:
        node = waiting.pop()
        if node in seen:
            continue
        seen.add(node)
        yield node
        if isinstance(node, ops.Field):
            waiting += [] if stop(node) else behind(node)
        else:
            waiting += [c for c in node.__children__ if isinstance(c, ops.Value)]


def _of_several(field: ops.Field) -> bool:
    """Whether a column is of an aggregation whose groups are not single people: what they share, or a number over all."""
    relation = field.rel
    if not isinstance(relation, ops.Aggregate):
        return False
    by_person = any(isinstance(n, ops.Field) and n.name in PERSONS for group in relation.groups.values() for n in path(group))
    if by_person:
        return False
    if field.name in relation.groups:
        return True
    reductions = relation.metrics[field.name].find(ops.Reduction, filter=ops.Value)
    return bool(reductions) and all(isinstance(r, _OF_ALL) for r in reductions)


# --- counted in a warehouse --------------------------------------------------------------------------------


def countable(graph: Graph, aggregate: ops.Aggregate) -> bool:
    """Whether rows that are aggregated say whose they are: a person or a student record, and of which source."""
    columns = aggregate.parent.schema.names
    return SOURCE in columns and (PERSON in columns or (STUDENT in columns and STUDENTS in graph.models))


def smallest_group(
    warehouse: Warehouse, graph: Graph, model: Model, expression: ir.Table, aggregate: ops.Aggregate
) -> int | None:
    """Return the people of the smallest group of an aggregation that is left in the model's table.

    A person is one ``persona_id`` of one source, whatever number of student records; rows without one count for nobody.
    Groups that the model leaves out afterwards do not count, where the table still has their columns as they are:
    otherwise there is no telling, and all groups count. None where there is no group, or the table was not built yet.
    """
    rows = aggregate.parent.to_expr()
    people = _people(graph, rows.mutate(**{_key(n): value.to_expr() for n, value in aggregate.groups.items()}))
    tables = {name for names in warehouse.tables().values() for name in names}
    if not {model.name, *(n.name for n in people.op().find(ops.PhysicalTable))} <= tables:
        return None
    keys = [_key(n) for n in aggregate.groups]
    once = people.select(*keys, SOURCE, PERSON).distinct()
    counted = once.group_by(keys).agg(people=once[PERSON].count())
    left = _left(warehouse, model, expression, aggregate, counted)
    ((smallest,),) = warehouse.execute(sql(left.agg(smallest=left.people.min()), warehouse.dialect, pretty=False))
    return None if smallest is None else int(smallest)


def _key(name: str) -> str:
    return f"group_{name}"


def _people(graph: Graph, rows: ir.Table) -> ir.Table:
    """Rows with the person they are about."""
    if PERSON in rows.columns:
        return rows
    students = contracts.unbound(graph[STUDENTS].contract, STUDENTS).select(SOURCE, STUDENT, PERSON)
    return rows.left_join(students, [SOURCE, STUDENT]).select(*rows.columns, PERSON)


def _left(warehouse: Warehouse, model: Model, expression: ir.Table, aggregate: ops.Aggregate, counted: ir.Table) -> ir.Table:
    """The groups that the table still shows."""
    shown = {
        name: column
        for column in expression.columns
        if (name := _copied(ops.Field(expression.op(), column), aggregate)) is not None
    }
    if not shown:
        return counted
    made = contracts.unbound(model.contract, model.name, warehouse.params).select(*shown.values()).distinct()
    same = [counted[_key(name)].identical_to(made[column]) for name, column in shown.items()]
    return counted.semi_join(made, same)


def _copied(field: ops.Field, aggregate: ops.Aggregate) -> str | None:
    """The part of the group's key that a column is an unchanged copy of."""
    node: ops.Node = field
    while isinstance(node, ops.Field):
        if node.rel == aggregate:
            return node.name if node.name in aggregate.groups else None
        further = behind(node)
        if len(further) != 1:
            return None
        (node,) = further
    return None
