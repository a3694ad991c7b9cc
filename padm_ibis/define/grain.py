"""What identifies a row of an expression, found without data.

Every relation of an expression gets `Facts`: sets of columns that are unique, and which columns others determine.
They start from the declared keys of the tables read and follow projections, filters, joins, aggregations and unions.
The answer is "provably unique" or "not proven", never "not unique".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import ibis.expr.operations as ops
from ibis.expr.operations.relations import Simple

from padm_ibis.define.walk import conjuncts, inside_out

Columns = frozenset[str]
Keys = Callable[[str], Iterable[Iterable[str]]]
MOST_KEYS = 8


@dataclass(frozen=True, slots=True)
class Facts:
    """What holds for the rows of a relation.

    Attributes
    ----------
    keys
        Sets of columns no two rows share.
    determines
        Pairs: rows that agree on the first columns agree on the second ones.
    constants
        Column → the literal values it can have.
    """

    keys: frozenset[Columns] = frozenset()
    determines: tuple[tuple[Columns, Columns], ...] = ()
    constants: Mapping[str, frozenset] = field(default_factory=dict)

    def closure(self, columns: Iterable[str]) -> Columns:
        """All columns that ``columns`` determine, themselves included."""
        reached = set(columns)
        pending = list(self.determines)
        while True:
            used = [pair for pair in pending if pair[0] <= reached]
            if not used:
                return frozenset(reached)
            for _, then in used:
                reached |= then
            pending = [pair for pair in pending if pair not in used]

    def unique(self, columns: Iterable[str]) -> bool:
        """Whether ``columns`` provably identify a row."""
        reached = self.closure(columns)
        return any(key <= reached for key in self.keys)


class Grain:
    """Facts of every relation of an expression, remembered.

    Parameters
    ----------
    keys
        Table name → the keys its rows are declared to have.
    """

    def __init__(self, keys: Keys) -> None:
        self._declared = keys
        self._known: dict[ops.Relation, Facts] = {}

    def of(self, relation: ops.Relation) -> Facts:
        """Return the facts of a relation's rows, under the names of its columns."""
        for node in inside_out(relation, self._known):
            self._known[node] = self._derive(node)
        return self._known[relation]

    def inside(self, relation: ops.Relation) -> Facts:
        """Return the facts under which a relation's own values are computed; columns are named by `column_name`."""
        match relation:
            case ops.JoinChain():
                return self._joined(relation.first, relation.rest)
            case ops.Project() | ops.Aggregate() | ops.Filter() | ops.Sort():
                return _qualify(self.of(relation.parent), relation.parent)
            case _:
                return Facts()

    def unique_right(self, link: ops.JoinLink) -> bool:
        """Whether at most one row of a link's right side matches a row of what stands left of it."""
        fixed = {column_name(c) for c in _fixed(link.predicates, {link.table})}
        return _qualify(self.of(link.table), link.table).unique(fixed)

    def unique_left(self, chain: ops.JoinChain, link: ops.JoinLink) -> bool:
        """Whether at most one row of what stands left of a link matches a row of its right side."""
        before = chain.rest[: chain.rest.index(link)]
        fixed = _fixed(link.predicates, {chain.first, *(other.table for other in before)})
        return self._joined(chain.first, before).unique({column_name(c) for c in fixed})

    def _derive(self, relation: ops.Relation) -> Facts:
        parent = getattr(relation, "parent", None)
        match relation:
            case ops.PhysicalTable() if parent is None:
                keys = frozenset(frozenset(key) for key in self._declared(relation.name))
                everything = frozenset(relation.schema.names)
                return Facts(keys, tuple((key, everything) for key in keys))
            case ops.JoinChain():
                return _project(self._joined(relation.first, relation.rest), relation.values)
            case ops.DummyTable():
                return _project(Facts(frozenset({frozenset()})), relation.values)
            case ops.Union():
                return self._union(relation)
            case ops.Set():
                return self.of(relation.left)
            case _ if parent is not None:
                return _derived(relation, self.of(parent))
            case _:
                return Facts()

    def _union(self, union: ops.Union) -> Facts:
        left, right = self.of(union.left), self.of(union.right)
        names = union.schema.names
        constants = {c: left.constants[c] | right.constants[c] for c in names if c in left.constants and c in right.constants}
        keys = {frozenset(names)} if union.distinct else set()
        for column in constants:
            if not left.constants[column] & right.constants[column]:
                keys |= {a | b | {column} for a in left.keys for b in right.keys}
        return Facts(_few(keys), (), constants)

    def _joined(self, first: ops.Relation, rest: Iterable[ops.JoinLink]) -> Facts:
        facts = _qualify(self.of(first), first)
        for link in rest:
            facts = _join(facts, _qualify(self.of(link.table), link.table), link)
        return facts


def column_name(column: ops.Field) -> str:
    """Return a column's name inside a relation that may read several tables."""
    rel = column.rel
    return f"{rel.identifier}.{column.name}" if isinstance(rel, ops.Reference) else column.name


def source_columns(value: ops.Value) -> frozenset[str]:
    """Return the columns a value is computed from, by `column_name`."""
    return frozenset(column_name(f) for f in find(value, ops.Field))


def find(value: ops.Value, kinds: type[ops.Node] | tuple[type[ops.Node], ...]) -> list[ops.Node]:
    """Return the operations of some kinds that a value is made of, within its relation; most values are bare columns."""
    if isinstance(value, ops.Field):
        return [value] if isinstance(value, kinds) else []
    return list(value.find(kinds, filter=ops.Value))


def injective(value: ops.Value) -> ops.Value:
    """Strip what maps different values to different values: a shift by a constant, a widening cast."""
    while True:
        match value:
            case ops.Alias(arg=arg) | ops.Negate(arg=arg):
                value = arg
            case ops.Cast(arg=arg, to=to) if _widening(arg.dtype, to):
                value = arg
            case ops.Add(left=arg, right=ops.Literal()) | ops.Subtract(left=arg, right=ops.Literal()):
                value = arg
            case ops.Add(left=ops.Literal(), right=arg) | ops.Subtract(left=ops.Literal(), right=arg):
                value = arg
            case _:
                return value


def _widening(source: object, target: object) -> bool:
    exact = source.is_integer() or source.is_date() or source.is_boolean() or source.is_string()  # type: ignore[attr-defined]
    if target.is_string():  # type: ignore[attr-defined]
        return bool(exact)
    if source.is_integer() and target.is_integer():  # type: ignore[attr-defined]
        return bool(target.nbytes >= source.nbytes)  # type: ignore[attr-defined]
    return type(source) is type(target) or (source.is_date() and target.is_timestamp())  # type: ignore[attr-defined]


def _few(keys: Iterable[Columns]) -> frozenset[Columns]:
    """Keep the smallest keys, none of which contains another."""
    kept: list[Columns] = []
    for key in sorted(keys, key=lambda k: (len(k), sorted(k))):
        if not any(smaller <= key for smaller in kept):
            kept.append(key)
    return frozenset(kept[:MOST_KEYS])


def _qualify(facts: Facts, relation: ops.Relation) -> Facts:
    if not isinstance(relation, ops.Reference):
        return facts
    prefix = f"{relation.identifier}."

    def named(columns: Columns) -> Columns:
        return frozenset(prefix + c for c in columns)

    return Facts(
        frozenset(named(k) for k in facts.keys),
        tuple((named(a), named(b)) for a, b in facts.determines),
        {prefix + c: v for c, v in facts.constants.items()},
    )


def _derived(relation: ops.Relation, parent: Facts) -> Facts:
    """Carry a parent's facts through an operation on it alone."""
    match relation:
        case ops.Project() | ops.DropColumns():
            return _project(_qualify(parent, relation.parent), relation.values)
        case ops.Aggregate():
            return _aggregate(_qualify(parent, relation.parent), relation)
        case ops.Filter():
            return _filter(parent, relation.predicates)
        case ops.Distinct():
            return Facts(_few({*parent.keys, frozenset(relation.schema.names)}), parent.determines, parent.constants)
        case ops.Limit(n=1):
            return Facts(frozenset({frozenset()}))
        case ops.FillNull():
            return _fill_null(parent, relation)
        case ops.TableUnnest():
            return _unnest(parent, relation)
        case ops.Reference() | ops.AliasedRelation() | Simple():
            return parent
        case _:
            return Facts()


def _project(facts: Facts, values: Mapping[str, ops.Value]) -> Facts:
    """Carry facts through a list of named values."""
    cores = {name: injective(value) for name, value in values.items()}
    copies: dict[str, list[str]] = {}
    for name, core in cores.items():
        if isinstance(core, ops.Field):
            copies.setdefault(column_name(core), []).append(name)

    def renamed(columns: Columns) -> Columns | None:
        return frozenset(copies[c][0] for c in columns) if all(c in copies for c in columns) else None

    keys = {k for key in facts.keys if (k := renamed(key)) is not None}
    keys |= {k for key in facts.keys if (k := _reduced(facts, key, copies)) is not None}
    keys = _unnested(keys, values)
    for name, core in cores.items():
        if isinstance(core, ops.WindowFunction) and isinstance(core.func, ops.RowNumber):
            group = renamed(frozenset(_names(core.group_by)))
            keys |= set() if group is None else {group | {name}}
    determines = _determined(facts, copies)
    determines += [
        (group, frozenset({name}))
        for name, value in values.items()
        if not find(value, (ops.WindowFunction, ops.Impure, ops.Unnest))
        and (group := renamed(source_columns(value))) is not None
        and name not in group
    ]
    return Facts(_few(keys), tuple(determines), _constants(facts, values))


def _determined(facts: Facts, copies: Mapping[str, list[str]]) -> list[tuple[Columns, Columns]]:
    """What the parent's columns determine, under their new names."""
    determines = []
    for given, _ in facts.determines:
        if all(c in copies for c in given):
            reached = frozenset(copies[c][0] for c in facts.closure(given) if c in copies)
            determines.append((frozenset(copies[c][0] for c in given), reached))
    for head, *others in copies.values():
        for other in others:
            determines += [(frozenset({head}), frozenset({other})), (frozenset({other}), frozenset({head}))]
    return determines


def _constants(facts: Facts, values: Mapping[str, ops.Value]) -> dict[str, frozenset]:
    constants = {}
    for name, value in values.items():
        if isinstance(value, ops.Literal):
            constants[name] = frozenset({value.value})
        elif isinstance(value, ops.Field) and column_name(value) in facts.constants:
            constants[name] = facts.constants[column_name(value)]
    return constants


def _unnested(keys: set[Columns], values: Mapping[str, ops.Value]) -> set[Columns]:
    """A range laid out in rows makes its own column part of the key; any other list leaves no key."""
    for name, value in values.items():
        if isinstance(injective(value), ops.Unnest) and isinstance(injective(value).arg, ops.IntegerRange | ops.TimestampRange):
            keys = {key | {name} for key in keys}
        elif find(value, ops.Unnest):
            return set()
    return keys


def _reduced(facts: Facts, key: Columns, copies: Mapping[str, list[str]]) -> Columns | None:
    """Rename a key of which some columns are gone, when the others still determine them."""
    left = frozenset(c for c in key if c in copies)
    return frozenset(copies[c][0] for c in left) if facts.unique(left) else None


def _names(values: Iterable[ops.Value]) -> Iterable[str]:
    """Columns by name; anything else gets a name that exists nowhere."""
    for value in values:
        core = injective(value)
        yield column_name(core) if isinstance(core, ops.Field) else f"<{id(core)}>"


def _aggregate(facts: Facts, aggregate: ops.Aggregate) -> Facts:
    groups = _project(facts, aggregate.groups)
    names = frozenset(aggregate.groups)
    everything = frozenset(aggregate.schema.names)
    return Facts(_few({*groups.keys, names}), (*groups.determines, (names, everything)), groups.constants)


def _filter(facts: Facts, predicates: Iterable[ops.Value]) -> Facts:
    determines = list(facts.determines)
    constants = dict(facts.constants)
    for predicate in conjuncts(predicates):
        match predicate:
            case (
                ops.Equals(left=ops.Field() as column, right=ops.Literal(value=value))
                | ops.Equals(left=ops.Literal(value=value), right=ops.Field() as column)
            ):
                determines.append((frozenset(), frozenset({column.name})))
                constants[column.name] = frozenset({value})
            case ops.IsNull(arg=ops.Field() as column):
                determines.append((frozenset(), frozenset({column.name})))
            case ops.InValues(value=ops.Field() as column, options=options) if all(isinstance(o, ops.Literal) for o in options):
                constants[column.name] = frozenset(o.value for o in options)
            case ops.Equals(left=ops.Field() as one, right=ops.Field() as other) if one.rel is other.rel:
                a, b = frozenset({one.name}), frozenset({other.name})
                determines += [(a, b), (b, a)]
    return Facts(facts.keys, tuple(determines), constants)


def _fill_null(facts: Facts, relation: ops.FillNull) -> Facts:
    replaced = relation.replacements
    changed = frozenset(replaced) if isinstance(replaced, Mapping) else frozenset(relation.schema.names)
    return Facts(
        frozenset(k for k in facts.keys if not k & changed),
        tuple((a, b - changed) for a, b in facts.determines if not a & changed),
        {c: v for c, v in facts.constants.items() if c not in changed},
    )


def _unnest(facts: Facts, relation: ops.TableUnnest) -> Facts:
    if relation.offset is not None:
        numbered = frozenset({relation.offset})
    elif isinstance(relation.column, ops.IntegerRange | ops.TimestampRange):
        numbered = frozenset({relation.column_name})
    else:
        return Facts(frozenset(), facts.determines, facts.constants)
    return Facts(frozenset(key | numbered for key in facts.keys), facts.determines, facts.constants)


def _fixed(predicates: Iterable[ops.Value], side: set[ops.Relation]) -> list[ops.Field]:
    """Columns of ``side`` that equality with something of the other side (or a constant) fixes."""
    fixed = []
    for predicate in conjuncts(predicates):
        if not isinstance(predicate, ops.Equals | ops.IdenticalTo):
            continue
        for one, other in ((predicate.left, predicate.right), (predicate.right, predicate.left)):
            column = injective(one)
            if isinstance(column, ops.Field) and column.rel in side and not _reads(other, side):
                fixed.append(column)
    return fixed


def _reads(value: ops.Value, relations: set[ops.Relation]) -> bool:
    return any(f.rel in relations for f in find(value, ops.Field))


def _join(left: Facts, right: Facts, link: ops.JoinLink) -> Facts:
    if link.how in ("semi", "anti"):
        return left
    side = {link.table}
    fixed_right = frozenset(column_name(c) for c in _fixed(link.predicates, side))
    others = {f.rel for p in link.predicates for f in find(p, ops.Field)} - side
    fixed_left = frozenset(column_name(c) for c in _fixed(link.predicates, others))
    at_most_one = right.unique(fixed_right) or link.how in ("any_left", "any_inner", "asof")
    keys: set[Columns] = set()
    for mine in left.keys:
        if at_most_one:
            keys.add(mine)
        keys |= {mine | (theirs - fixed_right) for theirs in right.keys}
    if link.how in ("inner", "right"):
        keys |= {theirs | (mine - fixed_left) for mine in left.keys for theirs in right.keys}
        keys |= set(right.keys) if left.unique(fixed_left) else set()
    if link.how in ("right", "outer"):
        keys = {mine | theirs for mine in left.keys for theirs in right.keys}
        if link.how == "right":
            keys |= {theirs | (mine - fixed_left) for mine in left.keys for theirs in right.keys}
        return Facts(_few(keys))
    # Of an unmatched row the right side is null: what was constant there no longer is.
    determines = [*left.determines, *(pair for pair in right.determines if pair[0] or link.how == "inner")]
    used_left = frozenset(n for p in link.predicates for n in source_columns(p)) - {
        column_name(f) for p in link.predicates for f in find(p, ops.Field) if f.rel in side
    }
    reached = right.closure(fixed_right)
    if at_most_one:
        determines.append((used_left, reached | frozenset(c for a, b in right.determines for c in a | b)))
    if link.how == "inner":
        determines += _equalities(link.predicates)
    constants = {**left.constants, **(right.constants if link.how == "inner" else {})}
    return Facts(_few(keys), tuple(determines), constants)


def _equalities(predicates: Iterable[ops.Value]) -> Iterable[tuple[Columns, Columns]]:
    for predicate in conjuncts(predicates):
        if isinstance(predicate, ops.Equals):
            left, right = injective(predicate.left), injective(predicate.right)
            if isinstance(left, ops.Field) and isinstance(right, ops.Field):
                a, b = frozenset({column_name(left)}), frozenset({column_name(right)})
                yield a, b
                yield b, a


def used_columns(root: ops.Relation) -> dict[ops.Relation, set[str]]:
    """Which columns of each relation anything reads, looking through what only passes them on."""
    used: dict[ops.Relation, set[str]] = {root: set(root.schema.names)}

    def add(relation: ops.Relation, names: Iterable[str]) -> None:
        names = set(names)
        while True:
            used.setdefault(relation, set()).update(names)
            if not isinstance(relation, Simple | ops.DropColumns | ops.Reference) or isinstance(relation, ops.Distinct):
                return
            relation = relation.parent

    add(root, root.schema.names)
    for node in root.find((ops.Field, ops.Set, ops.Distinct)):
        if isinstance(node, ops.Field):
            add(node.rel, [node.name])
        else:
            for parent in (node.left, node.right) if isinstance(node, ops.Set) else (node.parent,):
                add(parent, parent.schema.names)
    return used
