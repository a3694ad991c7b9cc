"""The schema ``_padm``: what a warehouse knows about itself, kept in it and published with it.

``runs`` (see `engine.history`), ``check_results``, ``passed_over``, ``restatements`` with ``restated_keys`` (see
`engine.restated`) and ``rollbacks`` are for people. ``tables`` says of each
table what it was made from, so that a run can leave alone what would come out the same; ``state`` holds single facts of the
engine. A run's ``contents`` is what ``tables`` said when it ended: for every table its rows, a fingerprint of what they
say, and one of the code.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from padm_ibis.backends import contract
from padm_ibis.backends.base import Reader, Work
from padm_ibis.define.dag import Node
from padm_ibis.engine.content import Content
from padm_ibis.report.results import CheckResult
from padm_ibis.report.run import FIRST
from padm_ibis.report.versions import Comeback

SCHEMA = "_padm"
TABLES = {
    "runs": "run_id text, started_at timestamp, finished_at timestamp, seconds double precision, status text, layer text,"
    " as_of date, params text, version text, code text, tables bigint, rows bigint, warnings bigint, inputs text, error text,"
    " versions text, contents text, published boolean, details text",
    "check_results": "run_id text, table_name text, rule text, verdict text, failed_rows bigint, examples text,"
    " checked_at timestamp",
    "passed_over": "run_id text, kind text, table_name text, source_db text, reason text, part boolean, failed_rows bigint,"
    " before_rows bigint",
    "restatements": "run_id text, table_name text, kind text, cause text, restated_rows bigint, published_rows bigint,"
    " feature_rows bigint, columns text, inputs text",
    "restated_keys": "run_id text, table_name text, row_key text, kind text, cause text, columns text, was text, became text",
    "tables": "name text, layer text, rows bigint, code text, params text, inputs text, made_by text, made_at timestamp,"
    " seconds double precision, content text, model text, total text, facts text",
    "state": "key text, value text",
    "rollbacks": "rolled_back_at timestamp, from_run text, to_run text, rolled_back_by text",
}
ADDED = (
    ("runs", "versions", "text"),
    ("runs", "contents", "text"),
    ("runs", "published", "boolean"),
    ("runs", "details", "text"),
    ("tables", "content", "text"),
    ("tables", "model", "text"),
    ("tables", "total", "text"),
    ("tables", "facts", "text"),
)
"""Columns that warehouses of earlier versions lack."""


@dataclass(frozen=True, slots=True)
class Record:
    """What a table in the warehouse was made from.

    Attributes
    ----------
    made_by
        The run that made it, or, of a bronze table, that last changed its rows: the version of its content.
    inputs
        What it read → the version of that.
    content
        Fingerprint of what its rows say; see `engine.content`. Empty where an earlier version of this library made it.
    model
        Fingerprint of its expression and contract; see `fingerprint.of_model`.
    total
        What the fingerprint of its content was made from; see `engine.content`.
    facts
        What else a later run wants to know of this very content, such as the rules that it was tried by.
    """

    name: str
    layer: str
    rows: int
    code: str
    params: str
    inputs: Mapping[str, str]
    made_by: str
    made_at: dt.datetime
    seconds: float
    content: str = ""
    model: str = ""
    total: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)

    @property
    def holds(self) -> Content:
        """What the table held when it was made."""
        return Content(self.rows, self.content, int(self.total or 0))


def ensure(work: Work) -> None:
    """Make the ledger's tables where they are missing."""
    work.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
    for name, columns in TABLES.items():
        work.execute(f"CREATE TABLE IF NOT EXISTS {SCHEMA}.{name} ({columns})")
    there = work.execute("SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = ?", [SCHEMA])
    for name, column, kind in ADDED:
        if (name, column) not in there:
            work.execute(f"ALTER TABLE {SCHEMA}.{name} ADD COLUMN {column} {kind}")
    if get(work, contract.KEY) != contract.mark():
        put(work, contract.KEY, contract.mark())


def records(reader: Reader) -> dict[str, Record]:
    """Return what every table was made from; nothing for a warehouse without a ledger."""
    if "tables" not in reader.tables()[SCHEMA]:
        return {}
    found = reader.execute(f"SELECT * FROM {SCHEMA}.tables ORDER BY made_at, name")
    return {row[0]: _record(*row) for row in found}


def _record(
    name: str,
    layer: str,
    rows: int,
    code: str,
    params: str,
    inputs: str,
    made_by: str,
    made_at: dt.datetime,
    seconds: float,
    content: str | None = None,
    model: str | None = None,
    total: str | None = None,
    facts: str | None = None,
) -> Record:
    """A row of ``tables``; a warehouse of an earlier version has fewer columns."""
    return Record(
        name, layer, rows, code, params, json.loads(inputs), made_by, made_at, seconds, content or "", model or "", total or "",
        json.loads(facts or "{}"),
    )  # fmt: skip


def record(work: Work, found: Record) -> None:
    """Say of a table what it was made from."""
    work.execute(f"DELETE FROM {SCHEMA}.tables WHERE name = ?", [found.name])
    values = [
        found.name, found.layer, found.rows, found.code, found.params, json.dumps(dict(found.inputs)), found.made_by,
        found.made_at, found.seconds, found.content, found.model, found.total,
        json.dumps(dict(found.facts)),
    ]  # fmt: skip
    work.execute(f"INSERT INTO {SCHEMA}.tables VALUES ({', '.join('?' * len(values))})", values)


def bronze_changed(work: Work, found: Mapping[str, Content], run_id: str, now: dt.datetime) -> None:
    """Give bronze tables whose rows changed a new version; ``found`` is what each holds now."""
    before = records(work) if found else {}
    for name, content in found.items():
        fresh = Record(name, "bronze", content.rows, "", "", {}, run_id, now, 0.0, content.fingerprint, total=str(content.total))
        if name in before:
            fresh = replace(fresh, model=before[name].model, facts=before[name].facts)
        record(work, fresh)


def get(reader: Reader, key: str) -> str | None:
    """Return a fact of the engine."""
    if "state" not in reader.tables()[SCHEMA]:
        return None
    found = reader.execute(f"SELECT value FROM {SCHEMA}.state WHERE key = ?", [key])
    return found[0][0] if found else None


def pending(work: Work) -> str | None:
    """Return the run that changed something which readers do not see yet; None where they see everything."""
    run_id = get(work, "unpublished")
    return None if run_id == work.published_run() else run_id


def put(work: Work, key: str, value: str | None) -> None:
    """Keep a fact of the engine; None forgets it."""
    work.execute(f"DELETE FROM {SCHEMA}.state WHERE key = ?", [key])
    if value is not None:
        work.execute(f"INSERT INTO {SCHEMA}.state VALUES (?, ?)", [key, value])


def write_checks(work: Work, run_id: str, checks: Iterable[CheckResult], now: dt.datetime) -> None:
    """Add what the checks of a run found."""
    for check in checks:
        values = [run_id, check.table, check.rule, check.verdict, check.failed, "; ".join(check.rows), now]
        work.execute(f"INSERT INTO {SCHEMA}.check_results VALUES (?, ?, ?, ?, ?, ?, ?)", values)


def comebacks(reader: Reader) -> list[Comeback]:
    """Return when readers were brought back to an earlier version, oldest first."""
    if "rollbacks" not in reader.tables()[SCHEMA]:
        return []
    names = "rolled_back_at, from_run, to_run, rolled_back_by"
    return [Comeback(*row) for row in reader.execute(f"SELECT {names} FROM {SCHEMA}.rollbacks ORDER BY rolled_back_at")]


# --- what would come out the same ------------------------------------------------------------------------


def why_stale(
    nodes: Iterable[Node], known: Mapping[str, Record], code: Mapping[str, str], params: Mapping[str, Any]
) -> dict[str, str]:
    """Return the tables of silver and gold that would come out otherwise than they are, each with the reason.

    Parameters
    ----------
    nodes
        The tables wanted, in building order.
    known
        What the warehouse's tables were made from.
    code
        Module → fingerprint; ``""`` is this package.
    params
        The run parameters, ``as_of`` among them.
    """
    stale: dict[str, str] = {}
    for node in nodes:
        if node.layer != "bronze" and (reason := _reason(node, known, stale, code, params)):
            stale[node.name] = reason
    return stale


def _reason(
    node: Node, known: Mapping[str, Record], stale: Mapping[str, str], code: Mapping[str, str], params: Mapping[str, Any]
) -> str | None:
    found = known.get(node.name)
    if found is None:
        return FIRST
    if found.code != code_of(node, code):
        return "its code changed"
    if found.params != (now := params_of(node, params)):
        before, after = json.loads(found.params), json.loads(now)
        changed = [f"{k} {before.get(k)} → {after.get(k)}" for k in sorted({*before, *after}) if before.get(k) != after.get(k)]
        return ", ".join(changed)
    if rebuilt := [name for name in node.inputs if name in stale]:
        return f"{_some(rebuilt)} will be rebuilt"
    if moved := [name for name in node.inputs if name not in known or found.inputs.get(name) != known[name].made_by]:
        return f"{_some(moved)} changed"
    return None


def code_of(node: Node, code: Mapping[str, str]) -> str:
    """Return the fingerprint of the code that makes a table."""
    return code[""] + (code.get(node.module, "") if node.module else "")


def params_of(node: Node, params: Mapping[str, Any]) -> str:
    """Return the run parameters that a table depends on, as text; those that decide on columns count for all."""
    chosen = params if node.dated else {k: v for k, v in params.items() if isinstance(v, bool)}
    return json.dumps(chosen, default=str, sort_keys=True)


def _some(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"
