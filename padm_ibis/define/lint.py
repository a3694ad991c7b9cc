"""Definition-time checks: what a model must not contain, found on its expression, without data.

Each rule has a name, and each finding says what to write instead. An exception is declared where it stands,
with its reason; one that no longer excuses anything is a finding itself:

    @model(GoldTftTemporalFeatures, allow={"fan-out calendar": "one row per student and year is meant here"})
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import ibis.expr.operations as ops
import ibis.expr.types as ir

from padm_ibis.define import contract as contracts
from padm_ibis.define.grain import Grain, column_name, find, injective, source_columns, used_columns
from padm_ibis.define.graph import Graph
from padm_ibis.define.rules import RULES, Rule
from padm_ibis.errors import DefinitionError
from padm_ibis.params import Params


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to change in a model.

    Attributes
    ----------
    rule
        Name of the rule, as in ``allow``.
    subject
        The column, or the tables of the join, that it is about.
    instead
        What to write.
    """

    model: str
    where: str
    rule: str
    subject: str
    problem: str
    instead: str

    def __str__(self) -> str:
        """``file:line  rule subject: problem``, and the line to write."""
        return f"{self.where}  {self.model}: {self.rule} {self.subject}: {self.problem}\n    write: {self.instead}"


NO_TIES = (ops.RowNumber, ops.NTile, ops.NthValue, ops.Lag, ops.Lead, ops.First, ops.Last)
KINDS = tuple(kind for rule in RULES for kind in rule.kinds)
NEEDS_ORDER = (*NO_TIES, ops.MinRank, ops.DenseRank, ops.PercentRank, ops.CumeDist)


def lint(
    expression: ir.Table,
    *,
    keys: Mapping[str, Iterable[Iterable[str]]],
    grain: Iterable[str] = (),
    allow: Mapping[str, str] | None = None,
    name: str = "expression",
    where: str = "",
) -> list[Finding]:
    """Return what is wrong with an expression, without running it.

    Parameters
    ----------
    keys
        Table name → the sets of columns that are unique in it.
    grain
        Columns that identify a row of the result.
    allow
        Declared exceptions, ``rule`` or ``rule subject`` → reason.
    """
    facts = Grain(lambda table: keys.get(table, ()))
    found = {(f[0], f[1]): f for f in _findings(expression.op(), facts, tuple(grain))}
    allowed = allow or {}
    used = {entry for rule, subject in found for entry in (rule, f"{rule} {subject}") if entry in allowed}
    findings = [
        Finding(name, where, rule, subject, problem, instead)
        for rule, subject, problem, instead in found.values()
        if rule not in allowed and f"{rule} {subject}" not in allowed
    ]
    findings += [
        Finding(name, where, "unused-exception", entry, "nothing here breaks this rule.", f"drop {entry!r} from allow=")
        for entry in sorted(set(allowed) - used)
    ]
    return sorted(findings, key=lambda f: (f.rule, f.subject))


def lint_graph(
    graph: Graph, params: Params, names: Iterable[str] | None = None, bound: Mapping[str, ir.Table] = MappingProxyType({})
) -> list[Finding]:
    """Return what is wrong with the models of a graph, over tables without data.

    Parameters
    ----------
    names
        The models to look at; by default all.
    bound
        Expressions that are made already, by the name of their model.
    """
    keys = {model.name: [contracts.key(model.contract)] for model in graph}
    given = {table.name: [table.key] for table in graph.sources.values() if table.key}
    findings = []
    for name in graph.names if names is None else names:
        model = graph[name]
        # Whether bronze's key holds is the source's affair, and checked as rows arrive; that no join multiplies them is ours.
        bronze = model.layer == "bronze"
        findings += lint(
            bound[name] if name in bound else graph.bind(model, params),
            keys=given if bronze else keys, grain=() if bronze else model.grain,
            allow=model.allow, name=model.name, where=model.where,
        )  # fmt: skip
    return findings


def refuse(findings: Iterable[Finding]) -> None:
    """Raise one error that lists all findings.

    Raises
    ------
    DefinitionError
        If there is any.
    """
    found = list(findings)
    if found:
        raise DefinitionError(
            "\n".join(str(f) for f in found),
            hint='Write the line shown, or declare the exception where it stands: @model(…, allow={"rule subject": "reason"}).',
        )


Raw = tuple[str, str, str, str]


def _findings(root: ops.Relation, facts: Grain, grain: tuple[str, ...]) -> Iterator[Raw]:
    used = used_columns(root)
    for relation in root.find(ops.Relation):
        yield from _operations(relation)
        yield from _windows(relation, facts, used)
        if isinstance(relation, ops.JoinChain):
            yield from _joins(relation, facts)
        if isinstance(relation, ops.Limit) and not _first_rows_are_definite(relation, facts):
            yield (
                "limit-tie", "limit", "which rows come first is up to the engine.",
                "table.order_by(the whole key).limit(n), or terms.one_per(table, keys, order_by=[…])",
            )  # fmt: skip
    if grain and not facts.of(root).unique(grain):
        yield (
            "grain", ", ".join(grain), "the expression does not show that a row is unique on its declared key.",
            "a last step that does: group_by, distinct or terms.one_per on the key",
        )  # fmt: skip


def _named_values(relation: ops.Relation) -> Iterator[tuple[str | ops.JoinLink, ops.Value]]:
    """A relation's own values, each with the name to report it under, or the join that it is a predicate of."""
    match relation:
        case ops.Project() | ops.Aggregate() | ops.DummyTable():
            yield from relation.values.items()
        case ops.JoinChain():
            yield from relation.values.items()
            yield from ((link, p) for link in relation.rest for p in link.predicates)
        case ops.Filter():
            yield from (("filter", p) for p in relation.predicates)
        case ops.Sort():
            yield from (("order_by", k) for k in relation.keys)
        case ops.TableUnnest():
            yield relation.column_name, relation.column


def _operations(relation: ops.Relation) -> Iterator[Raw]:
    for rule in RULES:
        if isinstance(relation, rule.kinds):
            yield rule.name, getattr(relation, "name", "table"), rule.problem, rule.instead
    for name, value in _named_values(relation):
        for node in find(value, KINDS):
            for rule in RULES:
                if isinstance(node, rule.kinds) and rule.refuses(node) and not _excused(rule, node, value):
                    yield rule.name, _named(name), rule.problem, rule.instead


def _excused(rule: Rule, node: ops.Node, value: ops.Value) -> bool:
    """Whether what stands around an operation makes it definite: a window's order, a sort of the list, null for an empty text."""
    if rule.name == "arbitrary":
        return any(w.func is node and w.order_by for w in find(value, ops.WindowFunction))
    if rule.name == "regex-extract":
        return any(n.arg is node and getattr(n.null_if_expr, "value", None) == "" for n in find(value, ops.NullIf))
    if rule.name == "list-order":
        return any(s.arg is node for s in find(value, ops.ArraySort))
    return False


def _windows(relation: ops.Relation, facts: Grain, used: Mapping[ops.Relation, set[str]]) -> Iterator[Raw]:
    for of, value in _named_values(relation):
        windows = find(value, ops.WindowFunction)
        if not windows:
            continue
        name = _named(of)
        if isinstance(relation, ops.Filter):
            yield (
                "window-in-filter", name, "PostgreSQL and Spark cannot filter by a window expression.",
                "table.mutate(w=window).filter(lambda t: t.w == …).drop('w')",
            )  # fmt: skip
        for window in windows:
            if isinstance(window.func, ops.CountDistinct):
                yield "distinct-window", name, "PostgreSQL has no distinct count over a window.", "group_by, and join"
            framed = not (window.start is None and window.end is None)
            rows = framed and window.how == "rows"
            if (isinstance(window.func, NEEDS_ORDER) or framed) and not window.order_by:
                yield "unordered-window", name, "the order of rows is up to the engine.", "over(group_by=…, order_by=the key)"
            elif (isinstance(window.func, NO_TIES) or rows) and not _definite(relation, window, facts, used):
                keys = ", ".join(_shown(v) for v in (*window.group_by, *(k.arg for k in window.order_by)))
                yield (
                    "window-tie", name, f"rows that agree on ({keys}) come in any order.",
                    "the rest of the key, added to order_by",
                )  # fmt: skip


def _first_rows_are_definite(limit: ops.Limit, facts: Grain) -> bool:
    """Whether the rows are in an order without ties, or only one."""
    keys = limit.parent.keys if isinstance(limit.parent, ops.Sort) else ()
    values = (injective(k.arg) for k in keys)
    return facts.of(limit.parent).unique(v.name for v in values if isinstance(v, ops.Field))


def _definite(relation: ops.Relation, window: ops.WindowFunction, facts: Grain, used: Mapping[ops.Relation, set[str]]) -> bool:
    """Whether the order decides, or rows that it leaves tied agree on everything that is used of them."""
    values = (injective(v) for v in (*window.group_by, *(k.arg for k in window.order_by)))
    known, inside = facts.inside(relation), frozenset(column_name(v) for v in values if isinstance(v, ops.Field))
    if known.unique(inside):
        return True
    own = dict(_named_values(relation))
    others = [v for n, v in own.items() if n in used.get(relation, ()) and not find(v, ops.WindowFunction)]
    needed = frozenset().union(*(source_columns(v) for v in [*others, window.func]))
    return needed <= known.closure(inside)


def _joins(chain: ops.JoinChain, facts: Grain) -> Iterator[Raw]:
    left = {chain.first}
    for link in chain.rest:
        if any("source_db" not in _equated(link) for _ in (0,) if "source_db" in link.table.schema and _has_source(left)):
            yield (
                "join-source", join_name(link), "ids are unique within one source only, and source_db is not among the keys.",
                '.join(other, ["source_db", …])',
            )  # fmt: skip
        if link.how == "asof":
            yield "asof-join", join_name(link), "Spark has none.", "left_join on <=, then terms.one_per"
        checked = link.how in ("inner", "left", "right", "outer", "cross", "positional")
        if checked and not facts.unique_right(link) and not (link.how == "inner" and facts.unique_left(chain, link)):
            yield (
                "fan-out", join_name(link), "the right side is not provably unique on the join's keys: rows may multiply.",
                "group_by or terms.one_per on the keys first",
            )  # fmt: skip
        left.add(link.table)


def _equated(link: ops.JoinLink) -> set[str]:
    columns = set()
    for predicate in link.predicates:
        for node in find(predicate, (ops.Equals, ops.IdenticalTo)):
            sides = [side.name for side in (node.left, node.right) if isinstance(side, ops.Field)]
            columns |= set(sides[:1]) & set(sides[1:]) or set(sides)
    return columns


def _has_source(relations: Iterable[ops.Relation]) -> bool:
    return any("source_db" in r.schema for r in relations)


def _named(of: str | ops.JoinLink) -> str:
    return of if isinstance(of, str) else join_name(of)


def join_name(link: ops.JoinLink) -> str:
    """The tables on the right side of a join, those that say most first."""
    leaves = link.table.find(ops.PhysicalTable)
    return "+".join(dict.fromkeys(leaf.name for leaf in leaves)) or "literals"


def _shown(value: ops.Value) -> str:
    core = injective(value)
    return core.name if isinstance(core, ops.Field) else type(core).__name__
