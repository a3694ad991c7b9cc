"""Whose every row of an expression is: what it takes to make some people's rows anew without looking at anybody else's.

A relation is *owned* if each of its rows is of one person (or of nobody) and depends on rows of that person alone, besides
tables that are nobody's. Read off the Ibis operations, without data; the answer is "provably owned" or "not proven".
Whatever mixes people (a rank, a cohort, the newest year of all) and is joined back to somebody's rows is a *population*:
it is made of everybody's rows, and their own rows stand only as long as it says the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import ibis.expr.operations as ops
import ibis.expr.types as ir

from padm_ibis.define.grain import column_name, find, injective
from padm_ibis.define.walk import conjuncts, inside_out, parents, plain

Part = Literal["nobody", "mixed"]
_KEEP_LEFT = ("inner", "left", "semi", "anti", "any_left", "any_inner", "cross")
_ROW_BY_ROW = (ops.TableUnnest, ops.Sort, ops.DropNull, ops.Reference, ops.AliasedRelation)
_KEEP_RIGHT = ("inner", "right", "any_inner", "cross")


@dataclass(frozen=True, slots=True)
class Key:
    """The columns that say whose a row is.

    Attributes
    ----------
    identity
        What of a person the number is: of one identity, equal numbers of one source are one person's.
    sure
        Whether the number is null only in rows that are nobody's; else also where there was none to join.
    """

    identity: str
    source: str
    number: str
    sure: bool = True


@dataclass(frozen=True, slots=True)
class Owned:
    """The relation's rows are people's; every key says whose, where its number is not null."""

    keys: frozenset[Key]


Rows = Owned | Part


@dataclass(frozen=True, slots=True)
class Ownership:
    """What proves that a table can be made person by person.

    Attributes
    ----------
    keys
        The columns of its own rows that say whose they are, those to choose people's rows by first.
    inputs
        Tables that it reads person by person → the columns there.
    populations
        Relations over everybody's rows that it joins to.
    """

    keys: tuple[Key, ...]
    inputs: Mapping[str, Key]
    populations: tuple[ops.Relation, ...]

    @property
    def key(self) -> Key:
        """The columns to choose people's rows by."""
        return self.keys[0]


def of_expression(expression: ir.Table, declared: Mapping[str, Sequence[Key]]) -> Ownership | None:
    """Return the proof that a table's rows are made person by person; None where there is none.

    Parameters
    ----------
    declared
        Table that it may read → its keys, the one to choose people's rows by first; tables that are nobody's are left out.
    """
    reading = Reading(declared)
    found = reading.of(expression.op())
    if not isinstance(found, Owned) or not any(key.sure for key in found.keys):
        return None
    keys = sorted(found.keys, key=lambda key: (not key.sure, expression.columns.index(key.number)))
    populations = tuple(dict.fromkeys(reading.joined(expression.op())))
    return Ownership(tuple(keys), reading.inputs(expression.op(), populations), populations)


def keys_by_table(expressions: Mapping[str, ir.Table], bronze: Mapping[str, tuple[Key, ...]]) -> dict[str, tuple[Key, ...]]:
    """Return the columns of every table that say whose its rows are; none where it is not made person by person.

    Parameters
    ----------
    expressions
        Table → what it is made of, in building order.
    bronze
        The same of the tables that sources fill.
    """
    found = dict(bronze)
    for name, expression in expressions.items():
        ownership = of_expression(expression, {table: keys for table, keys in found.items() if keys})
        found[name] = ownership.keys if ownership is not None else ()
    return found


def of_people(
    expression: ir.Table,
    ownership: Ownership,
    people: Mapping[str, ir.Table],
    populations: Sequence[ir.Table],
) -> ir.Table:
    """Return the expression over some people's rows alone.

    Parameters
    ----------
    people
        Identity → table of ``source_db`` and ``number``.
    populations
        Tables that stand for the populations of ``ownership``, in their order.
    """
    stands: dict[ops.Node, ops.Node] = {
        relation: table.op() for relation, table in zip(ownership.populations, populations, strict=True)
    }
    for table in expression.op().find(ops.PhysicalTable):
        if (key := ownership.inputs.get(table.name)) is not None:
            stands[table] = theirs(table.to_expr(), key, people).op()

    def stand_in(node: ops.Node, changed: dict | None) -> ops.Node:
        if node in stands:
            return stands[node]
        return node.__recreate__(changed) if changed else node

    made: ir.Table = expression.op().replace(stand_in).to_expr()
    return made


def theirs(table: ir.Table, key: Key, people: Mapping[str, ir.Table]) -> ir.Table:
    """Return the rows of some people."""
    who = people[key.identity]
    return table.semi_join(who, [table[key.source] == who["source_db"], table[key.number] == who["number"]])


class Reading:
    """Whose the rows of every relation of an expression are, remembered."""

    def __init__(self, declared: Mapping[str, Sequence[Key]]) -> None:
        self._declared = declared
        self._known: dict[ops.Relation, Rows] = {}

    def of(self, relation: ops.Relation) -> Rows:
        """Return whose the rows of a relation are."""
        for node in inside_out(relation, self._known):
            self._known[node] = self._derive(node)
        return self._known[relation]

    def joined(self, relation: ops.Relation) -> Iterator[ops.Relation]:
        """Yield the populations that people's rows are joined to."""
        todo, seen = [relation], set[ops.Relation]()
        while todo:
            node = todo.pop()
            if node in seen:
                continue
            seen.add(node)
            if isinstance(node, ops.Reference):
                todo.append(node.parent)
            elif self.of(node) == "mixed":
                yield node
            else:
                todo += parents(node)

    def inputs(self, relation: ops.Relation, populations: Iterable[ops.Relation]) -> dict[str, Key]:
        """Return the tables that are read person by person, outside of populations."""
        found: dict[str, Key] = {}
        todo, seen = [relation], {*populations}
        while todo:
            node = todo.pop()
            if node in seen:
                continue
            seen.add(node)
            if isinstance(node, ops.PhysicalTable) and node.name in self._declared:
                found[node.name] = self._declared[node.name][0]
            todo += parents(node)
        return found

    def _derive(self, relation: ops.Relation) -> Rows:
        parent = getattr(relation, "parent", None)
        match relation:
            case ops.PhysicalTable() if parent is None:
                keys = self._declared.get(relation.name)
                return Owned(frozenset(keys)) if keys else "nobody"
            case ops.DummyTable():
                return "mixed" if _asks_others(relation.values.values()) else "nobody"
            case ops.JoinChain():
                return self._chain(relation)
            case ops.Set():
                return _stacked(relation, self.of(relation.left), self.of(relation.right))
            case _ if parent is not None:
                return self._alone(relation, self.of(parent))
            case _:
                return "mixed"

    def _chain(self, chain: ops.JoinChain) -> Rows:
        rows = _qualified(self.of(chain.first), chain.first)
        for link in chain.rest:
            rows = _joined(rows, _qualified(self.of(link.table), link.table), link)
        return _computed(rows, chain.values)

    def _alone(self, relation: ops.Relation, parent: Rows) -> Rows:
        """Rows made of those of one relation."""
        if _asks_others(_values(relation)):
            return "mixed"
        if not isinstance(parent, Owned):
            return parent
        rows = _qualified(parent, relation.parent)
        assert isinstance(rows, Owned)
        match relation:
            case ops.Project() | ops.DropColumns():
                return _computed(rows, relation.values)
            case ops.Aggregate():
                return _projected(rows, relation.groups) if _by_person(relation.groups.values(), rows) else "mixed"
            case ops.Filter():
                return _filtered(parent, relation.predicates) if _within(relation.predicates, rows) else "mixed"
            case ops.Distinct():
                return parent if any(key.sure for key in parent.keys) else "mixed"
            case ops.FillNull():
                return _filled(parent, relation)
            case _:
                return parent if isinstance(relation, _ROW_BY_ROW) else "mixed"


def _values(relation: ops.Relation) -> Iterator[ops.Value]:
    match relation:
        case ops.Aggregate():
            yield from (*relation.groups.values(), *relation.metrics.values())
        case ops.Project() | ops.DropColumns():
            yield from relation.values.values()
        case ops.Filter():
            yield from relation.predicates
        case ops.Sort():
            yield from relation.keys


def _asks_others(values: Iterable[ops.Value]) -> bool:
    """Whether a value is looked up in a relation of its own."""
    return any(find(value, ops.Subquery) for value in values)


def _within(values: Iterable[ops.Value], rows: Owned) -> bool:
    """Whether all that values look at beside their own row is of one person."""
    return all(_looks_within(value, rows) for value in values)


def _looks_within(value: ops.Value, rows: Owned) -> bool:
    windows = [node for node in find(value, ops.WindowFunction) if isinstance(node, ops.WindowFunction)]
    if not windows:
        return not find(value, (ops.Reduction, ops.Analytic))
    return all(_by_person(window.group_by, rows) for window in windows)


def _computed(rows: Rows, values: Mapping[str, ops.Value]) -> Rows:
    """Carry keys through values that are worked out row by row, or within one person's rows."""
    if _asks_others(values.values()):
        return "mixed"
    return _projected(rows, values) if not isinstance(rows, Owned) or _within(values.values(), rows) else "mixed"


def _by_person(group: Iterable[ops.Value], rows: Owned) -> bool:
    """Whether rows of one group are one person's."""
    cores = (injective(value) for value in group)
    names = {column_name(core) for core in cores if isinstance(core, ops.Field)}
    return any(key.sure and {key.source, key.number} <= names for key in rows.keys)


def _qualified(rows: Rows, relation: ops.Relation) -> Rows:
    if not isinstance(rows, Owned) or not isinstance(relation, ops.Reference):
        return rows
    prefix = f"{relation.identifier}."
    return Owned(frozenset(replace(k, source=prefix + k.source, number=prefix + k.number) for k in rows.keys))


def _projected(rows: Rows, values: Mapping[str, ops.Value]) -> Rows:
    """Carry keys through a list of named values; without any left, nobody can say whose the rows are."""
    if not isinstance(rows, Owned):
        return rows
    copies: dict[str, str] = {}
    perhaps: dict[str, str] = {}
    for name, value in values.items():
        core = plain(value)
        if isinstance(core, ops.Field):
            copies.setdefault(column_name(core), name)
        elif (field := _or_null(core)) is not None:
            perhaps.setdefault(column_name(field), name)
    keys = set[Key]()
    for key in rows.keys:
        if key.source in copies:
            source = copies[key.source]
            if key.number in copies:
                keys.add(replace(key, source=source, number=copies[key.number]))
            if key.number in perhaps:
                keys.add(replace(key, source=source, number=perhaps[key.number], sure=False))
    return Owned(frozenset(keys)) if keys else "mixed"


def _or_null(value: ops.Value) -> ops.Field | None:
    """The column that a value is, where it is not null."""
    match value:
        case ops.IfElse(true_expr=one, false_null_expr=other):
            branches = (one, other)
        case ops.NullIf(arg=ops.Field() as field):
            return field
        case ops.SearchedCase(results=results, default=default):
            branches = (*results, default)
        case _:
            return None
    told = {plain(branch) for branch in branches if not _is_null(branch)}
    only = next(iter(told)) if len(told) == 1 else None
    return only if isinstance(only, ops.Field) else None


def _is_null(value: ops.Value) -> bool:
    core = plain(value)
    return isinstance(core, ops.Literal) and core.value is None


def _filtered(rows: Owned, predicates: Iterable[ops.Value]) -> Owned:
    """A number of which only rows with one are left is sure."""
    told = {p.arg.name for p in conjuncts(predicates) if isinstance(p, ops.NotNull) and isinstance(p.arg, ops.Field)}
    return Owned(frozenset(replace(key, sure=True) if key.number in told else key for key in rows.keys))


def _filled(rows: Owned, relation: ops.FillNull) -> Rows:
    replaced = relation.replacements
    changed = frozenset(replaced) if isinstance(replaced, Mapping) else frozenset(relation.schema.names)
    keys = frozenset(key for key in rows.keys if not {key.source, key.number} & changed)
    return Owned(keys) if keys else "mixed"


def _stacked(both: ops.Set, left: Rows, right: Rows) -> Rows:
    """Both say whose a row is by the same columns; where equal rows are one, they say it of every row."""
    if isinstance(left, Owned) and isinstance(right, Owned):
        sure = {key for key in left.keys if key.sure} & {key for key in right.keys if key.sure}
        if sure:
            return Owned(frozenset(sure))
        either = {replace(key, sure=False) for key in left.keys} & {replace(key, sure=False) for key in right.keys}
        apart = isinstance(both, ops.Union) and not both.distinct
        return Owned(frozenset(either)) if either and apart else "mixed"
    return "nobody" if left == right == "nobody" else "mixed"


def _joined(left: Rows, right: Rows, link: ops.JoinLink) -> Rows:
    if _asks_others(link.predicates):
        return "mixed"
    if left == "nobody" and right == "nobody":
        return "nobody"
    if isinstance(left, Owned) and not isinstance(right, Owned):
        return left if link.how in _KEEP_LEFT else "mixed"
    if left == "nobody" and isinstance(right, Owned):
        return right if link.how in _KEEP_RIGHT else "mixed"
    if not isinstance(left, Owned) or not isinstance(right, Owned):
        return "mixed"
    equal = _equal(link.predicates)
    pairs = [
        (mine, its)
        for mine in left.keys
        for its in right.keys
        if mine.identity == its.identity and {(mine.source, its.source), (mine.number, its.number)} <= equal
    ]
    if not pairs or link.how not in ("inner", "left", "semi", "anti", "any_left", "any_inner"):
        return "mixed"
    if link.how in ("semi", "anti"):
        return left
    matched = {replace(key, source=mine.source) for mine, its in pairs for key in right.keys if key.source == its.source}
    theirs = {*right.keys, *matched}
    if link.how in ("left", "any_left"):
        return Owned(left.keys | {replace(key, sure=False) for key in theirs})
    return Owned(left.keys | theirs)


def _equal(predicates: Iterable[ops.Value]) -> set[tuple[str, str]]:
    """Pairs of columns that are equal, both ways round."""
    found = set[tuple[str, str]]()
    for predicate in conjuncts(predicates):
        if isinstance(predicate, ops.Equals):  # nulls, which are identical, may be of several people
            sides = plain(predicate.left), plain(predicate.right)
            if all(isinstance(side, ops.Field) for side in sides):
                one, other = (column_name(side) for side in sides)
                found |= {(one, other), (other, one)}
    return found
