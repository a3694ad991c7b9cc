"""Compare bronze with its sources, row by row: what is missing, what is left over, what differs.

Both sides are read as key and hash of the whole row: the same SQL lands, hashes and compares them, so that a difference
is one of content, never one of formatting. Nothing is loaded.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import duckdb

from padm_ibis import access
from padm_ibis.errors import PadmError, SourceError
from padm_ibis.extract.given import Known
from padm_ibis.extract.hashing import Hasher
from padm_ibis.extract.resolve import resolve, tables_of
from padm_ibis.extract.statement import Statement
from padm_ibis.extract.store import LEDGER, State
from padm_ibis.extract.suppression import Screen, Suppressed, marks_in
from padm_ibis.report.results import CheckResult
from padm_ibis.report.text import age
from padm_ibis.sources import rhythm
from padm_ibis.sources.anew import anew
from padm_ibis.sources.connect import Source, open_source, warehouse_error
from padm_ibis.sources.spec import KindSpec, ResourceSpec, kind_of
from padm_ibis.sources.values import literal, quote

if TYPE_CHECKING:
    from padm_ibis.config import Config, Severity, SourceConfig

_EXAMPLES = 3
_MEMORY = "400MB"


class Published(Protocol):
    """The warehouse that readers see, as far as a comparison asks it."""

    def execute(self, sql: str) -> list[tuple[Any, ...]]:
        """Run one SQL statement and return its rows."""

    def tables(self) -> dict[str, tuple[str, ...]]:
        """Return the names of all tables by layer."""


@dataclass(slots=True)
class Reconciliation:
    """What a comparison found.

    Attributes
    ----------
    tried
        Rules that were tried.
    """

    checks: list[CheckResult] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    tried: int = 0


@dataclass(frozen=True, slots=True)
class Bronze:
    """Bronze as the comparison reads it.

    Attributes
    ----------
    relation
        Resource → what stands for its table in a DuckDB FROM.
    states
        What is known of each resource of the source.
    same_snapshot
        Whether the source is seen as it was when bronze was loaded.
    """

    relation: Callable[[str], str]
    states: Mapping[str, State]
    same_snapshot: bool = False


def compare(
    source: Source, spec: ResourceSpec, statement: Statement, bronze: Bronze, config: Config, screen: Screen
) -> Iterator[CheckResult]:
    """Compare one resource of an attached source with bronze, in the session that both the source and the key are in.

    ``reconcile_missing`` are rows of the source that bronze lacks, those dated after the last extraction excepted, which
    the next run reads; ``reconcile_surplus`` rows that the source has no longer; ``reconcile_different`` rows of one key
    whose content differs. What an incremental load cannot see, ``run --full-refresh`` repairs. Rows of erased people,
    whom ``screen`` knows, are as if the source had none. A kept table may have more rows, and remember other values.
    """
    con, name = source.con, source.config.name
    state = bronze.states.get(spec.name)
    landed = ", ".join(f"{sql} AS {quote(c)}" for c, sql in statement.landed().items())
    since = state.loaded_from.isoformat() if state and state.loaded_from and spec.cursor else None
    new = "FALSE" if bronze.same_snapshot else _newer(spec, state, source.config)
    sent = f"SELECT {landed} FROM {source.relation(statement.sql(since))}{statement.kept()}"
    with source.errors():
        _digest(con, "padm_there", spec, f"({screen.without(spec, name, sent)})", new)
    _digest(con, "padm_here", spec, f"(SELECT * FROM {bronze.relation(spec.name)} WHERE source_db = {literal(name)})", "FALSE")
    match = " AND ".join(f"h.{quote(c)} IS NOT DISTINCT FROM t.{quote(c)}" for c in spec.key)
    missing = f"padm_there t ANTI JOIN padm_here h ON {match}"
    surplus = f"padm_here h ANTI JOIN padm_there t ON {match}"
    differing = f"padm_here h SEMI JOIN padm_there t ON {match} ANTI JOIN padm_there u ON h.padm_row = u.padm_row"
    differing += "".join(f" AND h.{quote(c)} IS NOT DISTINCT FROM u.{quote(c)}" for c in spec.key)
    rules = (
        ("reconcile_missing", missing, "NOT padm_new"),
        ("reconcile_surplus", surplus, "FALSE" if spec.kept is not None else "TRUE"),
        ("reconcile_different", differing, "TRUE"),
    )
    for rule, rows, where in rules:
        verdict: Severity = config.severity(f"{spec.name}.{rule}", config.checks.reconcile)
        if verdict == "off":
            continue
        keys = ", ".join(f"CAST({quote(c)} AS VARCHAR)" for c in spec.key)
        failed = con.execute(f"SELECT count(*) FROM {rows} WHERE {where}").fetchall()[0][0]
        if failed:
            found = con.execute(f"SELECT {keys} FROM {rows} WHERE {where} ORDER BY ALL LIMIT {_EXAMPLES}").fetchall()
            yield CheckResult(f"bronze.{spec.name}", rule, verdict, failed, tuple(_key(name, spec, row) for row in found))
    yield from _twice(con, spec, name, config)
    con.execute("DROP TABLE padm_there")
    con.execute("DROP TABLE padm_here")


def _newer(spec: ResourceSpec, state: State | None, source: SourceConfig) -> str:
    """Whether a row is dated after the last extraction, which then cannot have read it."""
    if spec.cursor is None or state is None:
        return "FALSE"
    read = state.extracted_at.replace(tzinfo=dt.UTC).astimezone(source.zone)
    moment = f"DATE '{read:%Y-%m-%d}'" if spec.columns[spec.cursor] == "date" else f"TIMESTAMP '{read:%Y-%m-%d %H:%M:%S}'"
    return f"coalesce({quote(spec.cursor)} >= {moment}, FALSE)"


def _digest(con: duckdb.DuckDBPyConnection, table: str, spec: ResourceSpec, rows: str, new: str) -> None:
    key = ", ".join(quote(c) for c in spec.key)
    remembered = spec.kept.columns if spec.kept is not None else ()
    content = ", ".join(quote(c) for c in spec.own_columns if c not in remembered)
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE {table} AS SELECT {key}, hash({content}) AS padm_row, {new} AS padm_new FROM {rows}"
    )


def _twice(con: duckdb.DuckDBPyConnection, spec: ResourceSpec, name: str, config: Config) -> Iterator[CheckResult]:
    key = ", ".join(quote(c) for c in spec.key)
    for table, rule, default in (("padm_there", "duplicate_key_at_source", "warn"), ("padm_here", "duplicate_key", "error")):
        verdict: Severity = config.severity(f"{spec.name}.{rule}", default)  # type: ignore[arg-type]
        if verdict == "off":
            continue
        groups = f"(SELECT {key}, count(*) AS padm_n FROM {table} GROUP BY ALL HAVING count(*) > 1)"
        failed = con.execute(f"SELECT coalesce(sum(padm_n - 1), 0) FROM {groups}").fetchall()[0][0]
        if failed:
            keys = ", ".join(f"CAST({quote(c)} AS VARCHAR)" for c in spec.key)
            found = con.execute(f"SELECT {keys} FROM {groups} ORDER BY ALL LIMIT {_EXAMPLES}").fetchall()
            yield CheckResult(f"bronze.{spec.name}", rule, verdict, int(failed), tuple(_key(name, spec, row) for row in found))


def orphans(run: Callable[[str], Any], kind: KindSpec, source_db: str, config: Config) -> Iterator[CheckResult]:
    """Count the rows of a source's bronze tables whose foreign keys point nowhere."""
    for spec in kind.resources.values():
        for column, target in spec.foreign_keys.items():
            table, _, other = target.partition(".")
            rule = f"foreign_key({column} → {table})"
            verdict: Severity = config.severity(f"{spec.name}.{column}.foreign_key", config.checks.foreign_key)
            if verdict == "off" or table not in kind.resources:
                continue
            rows = (
                f"FROM bronze.{quote(spec.name)} AS c WHERE c.source_db = {literal(source_db)} AND c.{quote(column)} IS NOT NULL"
                f" AND NOT EXISTS (SELECT 1 FROM bronze.{quote(table)} AS p"
                f" WHERE p.source_db = c.source_db AND p.{quote(other)} = c.{quote(column)})"
            )
            failed = run(f"SELECT count(*) {rows}")[0][0]
            if failed:
                values = run(f"SELECT DISTINCT c.{quote(column)} {rows} ORDER BY 1 LIMIT {_EXAMPLES}")
                examples = tuple(f"{source_db}: {column} {value}" for (value,) in values)
                yield CheckResult(f"bronze.{spec.name}", rule, verdict, failed, examples)


def freshness(
    source: SourceConfig, specs: Sequence[ResourceSpec], states: dict[str, State], config: Config, now: dt.datetime
) -> Iterator[CheckResult]:
    """Say which resources were last read, or last had news, longer ago than the source's limit.

    Parameters
    ----------
    now
        UTC, naive.
    """
    local = now.replace(tzinfo=dt.UTC).astimezone(source.zone).replace(tzinfo=None)
    for spec in specs:
        configured = source.freshness(spec.name)
        read, new = configured or rhythm.READ_HOURS, configured or rhythm.hours(spec.name)
        verdict: Severity = config.severity(f"{spec.name}.freshness", config.checks.freshness)
        state = states.get(spec.name)
        if verdict == "off":
            continue
        if state is None:
            yield CheckResult(f"bronze.{spec.name}", "freshness", verdict, 0, (f"{source.name}: {spec.name} was never read",))
        elif (since := _hours(now - state.extracted_at)) > read:
            text = f"{source.name}: {spec.name} was last read {age(since)} ago; late after {age(read)}"
            yield CheckResult(f"bronze.{spec.name}", "freshness", verdict, 0, (text,))
        elif spec.cursor and state.watermark and (since := _hours(local - state.watermark)) > new:
            text = f"{source.name}: {spec.name} is {age(since)} old, by its newest {spec.cursor}; late after {age(new)}"
            yield CheckResult(f"bronze.{spec.name}", "freshness", verdict, 0, (text,))


def check_sources(warehouse: Published, config: Config, *, progress: Any = None) -> Reconciliation:
    """Compare the published bronze with every configured source; nothing is loaded.

    A source that cannot be reached is an error of the result, not of this function.
    """
    result = Reconciliation()
    hasher = Hasher(config.hash_key())
    existing = warehouse.tables()
    suppressed = Suppressed(config.hash_key(), marks_in(warehouse.execute, existing))
    now = dt.datetime.now(dt.UTC).replace(tzinfo=None)
    for name, settings in config.sources.items():
        kind = kind_of(settings, config.state if config.state.is_dir() else None)
        specs = [spec for spec in kind.choose(settings.resources) if spec.name in existing["bronze"]]
        states = _states(warehouse, name)
        result.checks += freshness(settings, specs, states, config, now)
        if all(spec.name in existing["bronze"] for spec in kind.resources.values()):
            result.checks += orphans(warehouse.execute, kind, name, config)
        if progress is not None:
            progress.phase(f"compare with {name}", len(specs))
        try:
            check = partial(
                _check_source, warehouse, settings, kind, specs, states, hasher, suppressed, config, progress, result.notes
            )
            result.checks += anew(settings, check, result.notes.append)
        except SourceError as error:
            result.checks.append(CheckResult(name, "reachable", "error", 0, (error.message,)))
        result.tried += len(specs) * 6  # three of reconciliation, two of duplicates, freshness
    return result


def _check_source(
    warehouse: Published,
    settings: SourceConfig,
    kind: KindSpec,
    specs: Sequence[ResourceSpec],
    states: dict[str, State],
    hasher: Hasher,
    suppressed: Suppressed,
    config: Config,
    progress: Any,
    notes: list[str],
) -> list[CheckResult]:
    checks: list[CheckResult] = []
    with duckdb.connect(config={"memory_limit": config.warehouse.memory_limit or _MEMORY}) as con:
        relation = attach_bronze(con, config)
        source = open_source(settings, con)
        try:
            source.attach()
            hasher.install(con)
            with Screen(con, suppressed) as screen, source.snapshot():
                statements, findings = resolve(source, kind, specs, source.columns(tables_of(kind, specs)), Known())
                notes += [text for text in map(str, findings) if text not in notes]
                for spec in (spec for spec in specs if spec.windows is None):
                    if progress is not None:
                        progress.start(spec.name)
                    checks += compare(source, spec, statements[spec.name], Bronze(relation, states), config, screen)
                    if progress is not None:
                        progress.done(spec.name)
        except PadmError:
            raise
        except duckdb.Error as error:
            raise warehouse_error(error, certainly=True) or error from None
        finally:
            source.detach()
    return checks


def attach_bronze(con: duckdb.DuckDBPyConnection, config: Config) -> Callable[[str], str]:
    """Attach the published warehouse read-only; return what names a bronze table of it."""
    url = config.warehouse.url
    if url.scheme == "postgres":
        from padm_ibis.sources.postgres import load_reader

        load_reader(con)
        con.execute(f"ATTACH {literal(url.libpq())} AS padm_warehouse (TYPE postgres, READ_ONLY)")
    else:
        assert url.path is not None, "a duckdb:// address has a path"
        con.execute(f"ATTACH {literal(str(access.followed(url.path)))} AS padm_warehouse (READ_ONLY)")
    return lambda name: f"padm_warehouse.bronze.{quote(name)}"


def _states(warehouse: Published, source_db: str) -> dict[str, State]:
    ledger = f"table_schema = '{LEDGER}' AND table_name = 'watermarks'"
    if not warehouse.execute(f"SELECT 1 FROM information_schema.tables WHERE {ledger}"):
        return {}
    rows = warehouse.execute(
        "SELECT resource, watermark, loaded_from, definition, extracted_at, rows_read, run_id"
        f" FROM {LEDGER}.watermarks WHERE source_db = {literal(source_db)}"
    )
    return {name: State(*values) for name, *values in rows}


def _key(source_db: str, spec: ResourceSpec, values: Sequence[Any]) -> str:
    return f"{source_db}: " + ", ".join(f"{c} {v}" for c, v in zip(spec.key, values, strict=True))


def _hours(span: dt.timedelta) -> float:
    return span.total_seconds() / 3600
