"""Which tables are made person by person: leave other people out, and the rows of everybody else stay as they are.

Only such a table may be rebuilt from the rows of some people. It is found on the operations, without data: every group,
window, set and join that brings rows of people together does so by source and person. Whatever else is in it, a mean over
a cohort or a rank, is *mixed*; a table that needs a mixed column is no table of single people, and is made whole.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import ibis.expr.operations as ops
import ibis.expr.types as ir

from padm_ibis.audit import events
from padm_ibis.audit.events import PERSON, SOURCE, STUDENT
from padm_ibis.define import contract as contracts
from padm_ibis.define.grain import Grain, find
from padm_ibis.define.graph import Graph
from padm_ibis.define.model import Model
from padm_ibis.define.walk import conjuncts, inside_out, parents, plain

STUDENTS = "students"
"""The bronze table that says which person has which student records."""
Kind = Literal["fixed", "own", "mixed"]
Place = tuple[ops.Node, str]
_KEEPING = ("inner", "left", "any_inner", "any_left", "semi", "anti", "cross", "asof")


@dataclass(frozen=True, slots=True)
class Id:
    """A column that says whose a row is: its source, or a student record or person of that source.

    Attributes
    ----------
    sure
        Whether rows in which it is null belong to nobody; otherwise another column may say whose they are.
    """

    of: str
    sure: bool = True


@dataclass(frozen=True, slots=True)
class Rows:
    """What becomes of a relation's rows when people are left out.

    Attributes
    ----------
    kind
        ``fixed``: nothing; ``own``: those of the others stay as they are; ``mixed``: anything.
    ids
        Column → whose row it is.
    mixed
        Columns whose values others may decide.
    """

    kind: Kind
    ids: Mapping[str, Id] = field(default_factory=dict)
    mixed: frozenset[str] = frozenset()

    def by_person(self, names: Iterable[str]) -> bool:
        """Whether rows that agree on these columns are one person's, or nobody's."""
        chosen = set(names)
        return all(self._told(chosen, kinds) for kinds in ((SOURCE,), (STUDENT, PERSON)))

    def _told(self, names: set[str], kinds: tuple[str, ...]) -> bool:
        found = {name: i for name, i in self.ids.items() if i.of in kinds}
        return any(name in names and (i.sure or len(found) == 1) for name, i in found.items())


Known = Callable[[ops.Field], Id | None]
FIXED, MIXED = Rows("fixed"), Rows("mixed")


def apart(graph: Graph, expressions: Mapping[str, ir.Table], needed: Mapping[str, Collection[str]]) -> dict[str, Rows]:
    """Return the tables that are made person by person, bronze included, with the columns that say whose a row is.

    Parameters
    ----------
    expressions
        Table name → its expression over tables without data, in building order.
    needed
        Table → its columns that matter.
    """
    found = {m.name: rows for m in graph if m.layer == "bronze" and (rows := _of_bronze(m)) is not None}
    grain = Grain(lambda table: (graph[table].grain,) if table in graph.models else ())
    for name, expression in expressions.items():
        rows = _Following(grain, lambda table: found.get(table, FIXED)).of(expression.op())
        if rows.kind == "own" and rows.by_person(rows.ids) and not rows.mixed.intersection(needed.get(name, ())):
            found[name] = replace(rows, mixed=frozenset())
    return found


def _of_bronze(model: Model) -> Rows | None:
    whose = events.carrier(model)
    if whose is None:
        return None
    ids = {SOURCE: Id(SOURCE), whose: Id(whose)}
    if model.name == STUDENTS:
        nullable = {c.name for c in contracts.all_columns(model.contract) if c.nullable}
        ids |= {PERSON: Id(PERSON, sure=PERSON not in nullable)}
    return Rows("own", ids)


class _Following:
    """The rows of every relation of an expression, remembered."""

    def __init__(self, grain: Grain, given: Callable[[str], Rows]) -> None:
        self._grain, self._given = grain, given
        self._known: dict[ops.Node, Rows] = {}

    def of(self, root: ops.Node) -> Rows:
        """Return what becomes of a relation's rows."""
        for relation in inside_out(root):
            self._known[relation] = self._derived(relation)
        return self._known[root]

    def _derived(self, relation: ops.Relation) -> Rows:
        match relation:
            case ops.JoinChain():
                return self._joined(relation)
            case ops.Set():
                return self._together(relation)
            case ops.InMemoryTable():
                return FIXED
            case ops.DummyTable():
                return self._projected(FIXED, relation.values)
            case ops.PhysicalTable() if not isinstance(relation, ops.AliasedRelation):
                return self._given(relation.name)
        before = parents(relation)
        parent = self._known[before[0]] if len(before) == 1 else MIXED
        return MIXED if parent.kind == "mixed" else self._of_one(parent, relation)

    def _of_one(self, parent: Rows, relation: ops.Relation) -> Rows:
        match relation:
            case ops.Project() | ops.DropColumns():
                return self._projected(parent, relation.values)
            case ops.Aggregate():
                return self._aggregated(parent, relation)
            case ops.FillNull():
                return self._filled(parent, relation)
            case _:
                return parent if self._keeps(parent, relation) else MIXED

    def _keeps(self, parent: Rows, relation: ops.Relation) -> bool:
        """Whether nobody else decides which of its rows a relation passes on."""
        match relation:
            case ops.Reference() | ops.AliasedRelation() | ops.Sort():
                return True
            case ops.Filter():
                return not self._mixed(parent, relation.predicates)
            case ops.TableUnnest():
                return not self._mixed(parent, [relation.column])
            case ops.DropNull():
                return not (parent.mixed if relation.subset is None else parent.mixed & {c.name for c in relation.subset})
            case ops.Distinct():
                return not parent.mixed and _apart(parent, relation.schema.names)
            case ops.Limit():
                return parent.kind == "fixed" and not parent.mixed and _literal(relation)
            case _:
                return False

    def _projected(self, parent: Rows, values: Mapping[str, ops.Value]) -> Rows:
        mixed = frozenset(name for name, value in values.items() if self._mixed(parent, [value]))
        ids = _told(values, mixed, lambda column: parent.ids.get(column.name))
        return Rows(parent.kind, ids, mixed)

    def _aggregated(self, parent: Rows, aggregate: ops.Aggregate) -> Rows:
        groups = self._projected(parent, aggregate.groups)
        keys = [v.name for v in map(plain, aggregate.groups.values()) if isinstance(v, ops.Field)]
        if groups.mixed or not _apart(parent, keys):
            return MIXED
        mixed = frozenset(name for name, value in aggregate.metrics.items() if self._reads_others(parent, value))
        return Rows(parent.kind, groups.ids, mixed)

    def _filled(self, parent: Rows, relation: ops.FillNull) -> Rows:
        replaced = relation.replacements
        changed = set(replaced) if isinstance(replaced, Mapping) else set(relation.schema.names)
        return replace(parent, ids={name: i for name, i in parent.ids.items() if name not in changed})

    def _together(self, both: ops.Set) -> Rows:
        left, right = self._known[both.left], self._known[both.right]
        if left.kind != right.kind or left.kind == "mixed":
            return MIXED
        ids = {
            name: Id(i.of, sure=i.sure and o.sure) for name, i in left.ids.items() if (o := right.ids.get(name)) and o.of == i.of
        }
        result = Rows(left.kind, ids, left.mixed | right.mixed)
        if isinstance(both, ops.Union) and not both.distinct:
            return result
        return result if not result.mixed and _apart(result, both.schema.names) else MIXED

    def _joined(self, chain: ops.JoinChain) -> Rows:
        rows, scope = self._known[chain.first], _Scope()
        scope.add(chain.first, rows)
        for link in chain.rest:
            kind = self._linked(scope, rows.kind, link)
            if kind == "mixed":
                return MIXED
            rows = Rows(kind)
        mixed = frozenset(name for name, value in chain.values.items() if self._reads_mixed(value, scope.mixed))
        return Rows(rows.kind, _told(chain.values, mixed, scope.id), mixed)

    def _linked(self, scope: _Scope, left: Kind, link: ops.JoinLink) -> Kind:
        """Take one more table into a join."""
        right = self._known[link.table]
        mixed = scope.mixed | _placed(link.table, right)
        decided = any(self._reads_mixed(p, mixed) for p in link.predicates)
        kind = "mixed" if decided else _kind(left, right.kind, link, scope.same_person(link, right))
        if kind == "mixed":
            # What others decide about a table beside, which has one row or none for each row, is its columns alone.
            if link.how == "any_left" or (link.how == "left" and self._grain.unique_right(link)):
                scope.mixed |= {(link.table, name) for name in link.table.schema.names}
                return left
            return "mixed"
        scope.add(link.table, right, sure=link.how == "inner" or left == "fixed")
        return kind

    def _mixed(self, rows: Rows, values: Iterable[ops.Value]) -> bool:
        """Whether others may decide about a value of these rows."""
        return any(self._is_mixed(rows, value) for value in values)

    def _is_mixed(self, rows: Rows, value: ops.Value) -> bool:
        windows = find(value, ops.WindowFunction)
        if not windows and rows.kind != "fixed" and find(value, (ops.Reduction, ops.Analytic)):
            return True
        keys = ([p.name for p in map(plain, w.group_by) if isinstance(p, ops.Field)] for w in windows)
        return not all(_apart(rows, names) for names in keys) or self._reads_others(rows, value)

    def _reads_others(self, rows: Rows, value: ops.Value) -> bool:
        return any(f.name in rows.mixed for f in find(value, ops.Field)) or self._asks_others(value)

    def _reads_mixed(self, value: ops.Value, mixed: Collection[Place]) -> bool:
        """The same of a join's values and conditions, which read several tables."""
        read = any((f.rel, f.name) in mixed for f in find(value, ops.Field))
        return read or bool(find(value, (ops.Reduction, ops.Analytic))) or self._asks_others(value)

    def _asks_others(self, value: ops.Value) -> bool:
        """Whether a value looks into another relation that is not the same without some people."""
        for query in find(value, ops.Subquery):
            if isinstance(query, ops.ExistsSubquery):
                return True
            rows = _Following(self._grain, self._given).of(query.rel)
            if rows.kind != "fixed" or rows.mixed:
                return True
        return False


class _Scope:
    """The columns of the tables that a join has taken in."""

    def __init__(self) -> None:
        self.ids: dict[Place, Id] = {}
        self.mixed: set[Place] = set()

    def add(self, table: ops.Relation, rows: Rows, *, sure: bool = True) -> None:
        self.ids |= {(table, name): Id(i.of, sure=i.sure and sure) for name, i in rows.ids.items()}
        self.mixed |= _placed(table, rows)

    def id(self, column: ops.Field) -> Id | None:
        """Of whom a column tells."""
        return self.ids.get((column.rel, column.name))

    def same_person(self, link: ops.JoinLink, right: Rows) -> bool:
        """Whether a join's condition only lets rows of one person meet."""
        equal = {i.of for p in conjuncts(link.predicates) if isinstance(p, ops.Equals) and (i := self._equal(p, link, right))}
        return SOURCE in equal and bool(equal & {STUDENT, PERSON})

    def _equal(self, condition: ops.Equals, link: ops.JoinLink, right: Rows) -> Id | None:
        """Of whom two columns, one on either side, say that they are the same."""
        for one, other in ((condition.left, condition.right), (condition.right, condition.left)):
            mine, its = _same(one, self.id), _same(other, lambda f: right.ids.get(f.name) if f.rel == link.table else None)
            if mine is not None and its is not None and mine.of == its.of:
                return mine
        return None


def _kind(left: Kind, right: Kind, link: ops.JoinLink, same_person: bool) -> Kind:
    """What becomes of a join's rows."""
    match left, right:
        case "fixed", "fixed":
            return "fixed"
        case "own", "fixed":
            return "own" if link.how in _KEEPING else "mixed"
        case "fixed", "own":
            return "own" if link.how in ("inner", "cross") else "mixed"
        case "own", "own":
            return "own" if same_person and link.how in _KEEPING else "mixed"
    return "mixed"


def _apart(rows: Rows, names: Iterable[str]) -> bool:
    return rows.kind == "fixed" or rows.by_person(names)


def _placed(table: ops.Relation, rows: Rows) -> set[Place]:
    return {(table, name) for name in rows.mixed}


def _literal(limit: ops.Limit) -> bool:
    return not any(isinstance(n, ops.Value) for n in (limit.n, limit.offset))


def _told(values: Mapping[str, ops.Value], mixed: Collection[str], known: Known) -> dict[str, Id]:
    """The columns among some values that tell whose a row is."""
    return {name: i for name, value in values.items() if name not in mixed and (i := _same(value, known)) is not None}


def _same(value: ops.Value, known: Known) -> Id | None:
    """Of whom a value tells: a column that does, as it is, or left null in some rows."""
    core, sure = plain(value), True
    if isinstance(core, ops.IfElse) and isinstance(core.false_null_expr, ops.Literal) and core.false_null_expr.value is None:
        core, sure = plain(core.true_expr), False
    if not isinstance(core, ops.Field):
        return None
    found = known(core)
    return None if found is None else Id(found.of, sure=found.sure and sure)
