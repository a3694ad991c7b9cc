"""Contracts against data: one query a table for all rules, a second one only for what failed.

Pandera runs a query per rule; here each rule is one sum in a single aggregate, written with Pandera's own
check functions. What failed is raised as a real ``pandera.errors.SchemaErrors``. Its failure cases hold keys
of rows and nothing else, and of those no hash and nothing that names a person.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import ibis
import ibis.expr.types as ir
from pandera.api.checks import Check
from pandera.api.ibis.types import IbisData
from pandera.backends.ibis.register import register_ibis_backends

from padm_ibis.define import contract as contracts
from padm_ibis.define.contract import Column, Contract
from padm_ibis.define.graph import Graph
from padm_ibis.define.model import Model
from padm_ibis.errors import CheckFailed, DefinitionError
from padm_ibis.params import Params
from padm_ibis.report.results import CheckResult, Verdict
from padm_ibis.report.text import examples, rows

if TYPE_CHECKING:
    from pandera.errors import SchemaError, SchemaErrors

    from padm_ibis.config import Config, Severity

# Executes an expression, made only when its statement (kept under the key, unless that is empty) is not known.
Run = Callable[[str, Callable[[], ir.Table]], list[tuple[Any, ...]]]
EXAMPLES = 10  # failing rows that are fetched
_SHORT = {
    "greater_than_or_equal_to": "ge",
    "less_than_or_equal_to": "le",
    "greater_than": "gt",
    "less_than": "lt",
    "equal_to": "eq",
    "not_equal_to": "ne",
}
# A fact may speak of a year that has not begun; the calendar ends with the next one (data contract, dim_periodo).
OPEN_ENDED = frozenset({"dim_periodo.anio_academico"})


@dataclass(frozen=True, slots=True)
class Rule:
    """One promise of a contract.

    Attributes
    ----------
    name
        ``<column>.not_null``, ``<column>.isin`` …, or ``unique``: what ``checks.rules`` calls it, after the table.
    broken
        The rows that break it; None for uniqueness, which no row breaks alone.
    check
        Pandera's check, or the name Pandera gives to what is no check object.
    number
        Position among the column's checks.
    """

    name: str
    column: str | None
    broken: Callable[[ir.Table], ir.BooleanValue] | None
    check: Any
    number: int | None = None

    @property
    def described(self) -> str:
        """The rule with its values: ``nota_numerica: greater_than_or_equal_to(0)``."""
        text = getattr(self.check, "error", None) or getattr(self.check, "name", None)
        return f"{self.column}: {text}" if self.column and text else self.name


@dataclass(frozen=True, slots=True)
class Validation:
    """Outcome of all rules of one table; ``by`` tells these rules from any others."""

    rows: int
    tried: int
    results: tuple[CheckResult, ...]
    failed: tuple[tuple[Rule, CheckResult], ...]
    by: str

    @property
    def warnings(self) -> int:
        """Rules that failed without stopping the run."""
        return sum(r.verdict == "warn" for r in self.results)


def rules(contract: type[Contract], params: Params) -> tuple[Rule, ...]:
    """Return every rule of a contract: its key, what may not be null, and Pandera's checks."""
    register_ibis_backends()
    found = [Rule("unique", None, None, "multiple_fields_uniqueness")]
    for column in contracts.columns(contract, params):
        if not column.nullable:
            found.append(Rule(f"{column.name}.not_null", column.name, _null(column.name), "not_nullable"))
        for number, check in enumerate(column.checks):
            short = _SHORT.get(check.name, check.name)
            found.append(Rule(f"{column.name}.{short}", column.name, _fails(check, column.name), check, number))
    for number, check in enumerate(contract.to_schema().checks):
        found.append(Rule(str(check.name), None, _fails(check, None), check, number))
    return tuple(found)


def summary(table: ir.Table, contract: type[Contract], tried: Sequence[Rule], among: ir.Table | None = None) -> ir.Table:
    """Return the fused query: one row with the number of rows and, per rule, of those that break it.

    Parameters
    ----------
    among
        The table in which the keys of these rows must be unique; by default these rows are all there are.
    """
    grain = list(contracts.key(contract))
    measures: dict[str, ir.Value] = {"rows": table.count()}
    for number, rule in enumerate(tried):
        if rule.broken is None:
            keys = _of_these_keys(table, among, grain).select(grain)
            # DISTINCT takes two nulls for equal, as a key does
            measures[f"r{number}"] = keys.count().as_scalar() - keys.distinct().count().as_scalar()
        else:
            measures[f"r{number}"] = rule.broken(table).ifelse(1, 0).sum().coalesce(0)
    return table.aggregate(**measures)


def _of_these_keys(table: ir.Table, among: ir.Table | None, grain: Sequence[str]) -> ir.Table:
    """The rows of another table that have the key of one of these; these themselves, where they are all there are."""
    if among is None:
        return table
    keys = table.select(grain).distinct()
    return among.semi_join(keys, [among[name].identical_to(keys[name]) for name in grain])


def broken_rows(
    table: ir.Table, contract: type[Contract], rule: Rule, limit: int = EXAMPLES, among: ir.Table | None = None
) -> ir.Table:
    """Return keys of rows that break a rule, in key order, without those that are personal data; see `summary`."""
    grain = list(contracts.key(contract))
    if rule.broken is None:
        table = _of_these_keys(table, among, grain)
        rows = table.group_by(grain).aggregate(_n=lambda t: t.count()).filter(lambda t: t["_n"] > 1)
    else:
        rows = table.filter(rule.broken(table))
    ordered = rows.order_by([rows[name].asc(nulls_first=False) for name in grain])
    return ordered.select(*shown_keys(contract)).limit(limit) if shown_keys(contract) else ordered.select(grain).limit(0)


def shown_keys(contract: type[Contract]) -> tuple[str, ...]:
    """Return the key columns that a message may hold: ids of the system, no hash, nothing direct or sensitive."""
    known = {c.name: c for c in contracts.all_columns(contract)}
    return tuple(name for name in contracts.key(contract) if _may_be_shown(known[name]))


def _may_be_shown(column: Column) -> bool:
    return column.pii in ("none", "indirect") and not column.name.endswith("_hash")


def rules_tried(name: str, contract: type[Contract], params: Params, config: Config) -> str:
    """Return what tells the rules that a table is tried by from any others, as text."""
    return _by(_chosen(name, contract, params, config))


def _by(rules: Iterable[tuple[Rule, Severity]]) -> str:
    chosen = [f"{rule.described}={severity}" for rule, severity in rules]
    return hashlib.sha256("\n".join(chosen).encode()).hexdigest()[:32]


def _chosen(name: str, contract: type[Contract], params: Params, config: Config | None) -> list[tuple[Rule, Severity]]:
    found = ((rule, _severity(config, f"{name}.{rule.name}")) for rule in rules(contract, params))
    return [(rule, severity) for rule, severity in found if severity != "off"]


def validate(
    run: Run,
    table: ir.Table,
    name: str,
    contract: type[Contract],
    params: Params,
    config: Config | None = None,
    among: ir.Table | None = None,
    part: str = "",
) -> Validation:
    """Try every rule of a contract on a table.

    Parameters
    ----------
    run
        Executes an expression and returns its rows; see `Run`.
    name
        The table's name: messages and ``checks.rules`` use it.
    among
        The table that these are some rows of, in which their keys must be unique, too.
    part
        Which rows these are, where they are not all: statements are kept by it.
    """
    severities = _chosen(name, contract, params, config)
    tried = [rule for rule, _ in severities]
    key = _key(f"rules {part}".rstrip(), name, tried)
    total, *counts = (int(value or 0) for value in run(key, lambda: summary(table, contract, tried, among))[0])
    results, failed = [], []
    for (rule, severity), count in zip(severities, counts, strict=True):
        if not count:
            continue
        verdict: Verdict = "warn" if severity == "warn" else "error"
        keys = shown_keys(contract)
        found = run("", partial(broken_rows, table, contract, rule, among=among)) if keys else []
        shown = tuple(example(keys, row) for row in found)
        result = CheckResult(name, rule.described, verdict, count, shown)
        results.append(result)
        failed.append((rule, result))
    return Validation(total, len(tried), tuple(results), tuple(failed), _by(severities))


def _severity(config: Config | None, rule: str, default: Severity = "error") -> Severity:
    return default if config is None else config.severity(rule, default)


def example(keys: Sequence[str], row: Sequence[Any]) -> str:
    """Return one row's keys as text."""
    return ", ".join(f"{key}={value}" for key, value in zip(keys, row, strict=True))


def schema_errors(contract: type[Contract], validation: Validation) -> SchemaErrors | None:
    """Return the failures that stop a run as Pandera's own exception, or None where there are none."""
    from pandera.errors import SchemaErrors

    serious = [(rule, result) for rule, result in validation.failed if result.verdict == "error"]
    if not serious:
        return None
    schema = contract.to_schema()
    # The exception carries a table without data: the table itself holds personal data, and may be gone by then.
    data = contracts.unbound(contract, schema.name or contract.__name__)
    return SchemaErrors(schema=schema, schema_errors=[_schema_error(schema, data, *item) for item in serious], data=data)


def _schema_error(schema: Any, data: ir.Table, rule: Rule, result: CheckResult) -> SchemaError:
    import pandas as pd
    from pandera.errors import SchemaError, SchemaErrorReason

    if rule.broken is None:
        reason = SchemaErrorReason.DUPLICATES
    elif rule.check == "not_nullable":
        reason = SchemaErrorReason.SERIES_CONTAINS_NULLS
    else:
        reason = SchemaErrorReason.DATAFRAME_CHECK
    cases = list(result.rows) or ["keys withheld: personal data"]
    return SchemaError(
        schema=schema if rule.column is None else schema.columns[rule.column],
        data=data,
        message=_line(result),
        failure_cases=pd.DataFrame({"failure_case": cases, "index": range(len(cases))}),
        check=rule.check,
        check_index=rule.number,
        reason_code=reason,
        column_name=rule.column,
    )


def _line(result: CheckResult) -> str:
    return f"{result.table}: {result.rule}: {rows(result.failed)}{examples(result)}"


def check_failed(results: Iterable[CheckResult], errors: Iterable[Exception]) -> CheckFailed:
    """Return the one error that a run with broken contracts ends with: each table, rule, count and three keys."""
    found = [r for r in results if r.verdict == "error"]
    listed = [_line(r) for r in found]
    tables = len({r.table for r in found})
    return CheckFailed(
        f"{tables} table{'s' * (tables != 1)} broke the contract; nothing was published.\n" + "\n".join(f"  {x}" for x in listed),
        schema_errors=errors,
        hint="Readers keep the last good version. A rule can be lowered: [checks.rules] \"<table>.<column>.<rule>\" = 'warn'.",
    )


# --- pandera's checks as columns ---------------------------------------------------------------------


def _null(column: str) -> Callable[[ir.Table], ir.BooleanValue]:
    return lambda table: table[column].isnull()


def _fails(check: Check, column: str | None) -> Callable[[ir.Table], ir.BooleanValue]:
    """Return the rows on which ``check`` does not hold; a null breaks it only where it asks for that."""
    if check.element_wise:
        raise DefinitionError(f"The check {check.name} is element-wise: it would fetch every row. Write it on columns.")

    # A contract made before Ibis was registered holds an older dispatcher; Pandera reloads it by name, too.
    name = getattr(check._check_fn, "__name__", "")
    function = Check.get_builtin_check_fn(name) if Check.is_builtin_check(name) else check._check_fn

    def broken(table: ir.Table) -> ir.BooleanValue:
        held = _as_condition(function(IbisData(table, column), **check._check_kwargs))
        if check.ignore_na:
            return (~held).coalesce(False)
        return ~held.coalesce(False)

    return broken


def _as_condition(output: Any) -> ir.BooleanValue:
    """What a check function returns, as one condition: a column, a table of conditions or a dict of them."""
    if isinstance(output, ir.Table):
        # a projection of the table under test: its values are conditions on that table
        parts = [node.to_expr() for node in output.op().values.values()]
    elif isinstance(output, Mapping):
        parts = list(output.values())
    else:
        parts = [output]
    condition = parts[0]
    for part in parts[1:]:
        condition = condition & part
    return condition


# --- relations between tables --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Relation:
    """A column that points to another table's column."""

    child: Model
    column: str
    parent: Model
    target: str

    @property
    def name(self) -> str:
        """What ``checks.rules`` calls it, after the table."""
        return f"{self.column}.foreign_key"

    @property
    def described(self) -> str:
        """The relation in words."""
        return f"{self.column} is not in {self.parent.name}"

    def pairs(self) -> list[tuple[str, str]]:
        """Return the columns to compare; ``source_db`` belongs to every reference whose target has it."""
        both = {"source_db"} & _names(self.child) & _names(self.parent) - {self.column}
        return [*((name, name) for name in sorted(both)), (self.column, self.target)]


def relations(graph: Graph, params: Params) -> tuple[Relation, ...]:
    """Return every foreign key between tables of ``graph``."""
    return tuple(relation for model in graph for relation in relations_of(model, graph, params))


def relations_of(model: Model, graph: Graph, params: Params) -> tuple[Relation, ...]:
    """Return the foreign keys of one table."""
    found = []
    for column in contracts.columns(model.contract, params):
        table, _, target = (column.fk or "").partition(".")
        if table in graph.models:
            found.append(Relation(model, column.name, graph.models[table], target))
    return tuple(found)


def orphans(child: ir.Table, parent: ir.Table, relation: Relation) -> ir.Table:
    """Return the rows of ``child`` whose reference ``parent`` lacks; null refers to nothing."""
    column = child[relation.column]
    rows = child.filter(column.notnull())
    if f"{relation.parent.name}.{relation.target}" in OPEN_ENDED:
        rows = rows.filter(column <= parent[relation.target].max().as_scalar())
    matches = [rows[mine].cast(parent[theirs].type()) == parent[theirs] for mine, theirs in relation.pairs()]
    return rows.anti_join(parent, matches)


def check_relations(
    run: Run, table: Callable[[Model], ir.Table], tried: Sequence[Relation], config: Config, *, in_part: bool = False
) -> tuple[CheckResult, ...]:
    """Look for orphans: one query for all relations of a table, a second one only for what failed.

    Parameters
    ----------
    in_part
        Whether ``table`` gives only some rows of the table that refers to others.
    """
    chosen = [(r, s) for r in tried if (s := _severity(config, f"{r.child.name}.{r.name}", config.checks.foreign_key)) != "off"]
    if not chosen:
        return ()
    relations = [relation for relation, _ in chosen]
    key = _key("relations of some" if in_part else "relations", relations[0].child.name, relations)
    found = {int(number): int(failed) for failed, number in run(key, lambda: _count_orphans(table, relations))}
    results = []
    for number, (relation, severity) in enumerate(chosen):
        if found[number]:
            keys = [c.name for c in contracts.all_columns(relation.child.contract) if _shows(relation, c)]
            lost = orphans(table(relation.child), table(relation.parent), relation)
            lost = lost.order_by([lost[k].asc(nulls_first=False) for k in relation.child.grain]).select(keys).limit(EXAMPLES)
            shown = tuple(example(keys, row) for row in run("", partial(_identity, lost)))
            verdict: Verdict = "error" if severity == "error" else "warn"
            lacking = CheckResult(relation.child.name, relation.described, verdict, found[number], shown, "orphan")
            results.append(lacking)
    return tuple(results)


def _count_orphans(table: Callable[[Model], ir.Table], relations: Sequence[Relation]) -> ir.Table:
    counts = [
        orphans(table(r.child), table(r.parent), r).aggregate(failed=lambda t: t.count()).mutate(number=ibis.literal(i, "int64"))
        for i, r in enumerate(relations)
    ]
    return counts[0].union(*counts[1:]) if len(counts) > 1 else counts[0]


def _key(what: str, table: str, tried: Sequence[Rule] | Sequence[Relation]) -> str:
    return " ".join([what, table, *(f"{item.name}={item.described}" for item in tried)])


def _identity(expression: ir.Table) -> ir.Table:
    return expression


def _shows(relation: Relation, column: Column) -> bool:
    return column.name in (*relation.child.grain, relation.column) and _may_be_shown(column)


def _names(model: Model) -> set[str]:
    return {c.name for c in contracts.all_columns(model.contract)}
