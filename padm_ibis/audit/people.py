"""How many people stand behind a number: the aggregates on the way to a column, and the people of their groups."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import ibis.expr.operations as ops
import ibis.expr.types as ir

from padm_ibis.define import contract as contracts
from padm_ibis.define.compile import sql
from padm_ibis.define.graph import Graph
from padm_ibis.define.influence import behind, path
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


def of_several(node: ops.Node) -> bool:
    """Whether a column, or a relation's rows, is of an aggregation whose groups are not single people.

    A column is what a group shares or a number over all of it; rows are the groups that there are.
    """
    relation = node.rel if isinstance(node, ops.Field) else node
    if not isinstance(relation, ops.Aggregate) or _by_person(relation):
        return False
    if not isinstance(node, ops.Field) or node.name in relation.groups:
        return True
    reductions = relation.metrics[node.name].find(ops.Reduction, filter=ops.Value)
    return bool(reductions) and all(isinstance(r, _OF_ALL) for r in reductions)


def _by_person(relation: ops.Aggregate) -> bool:
    return any(isinstance(n, ops.Field) and n.name in PERSONS for group in relation.groups.values() for n in path(group))


def aggregates(ends: Iterable[ops.Node]) -> tuple[ops.Aggregate, ...]:
    """Return the aggregations that ways end at, each once."""
    return tuple(dict.fromkeys(node.rel if isinstance(node, ops.Field) else node for node in ends))


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
