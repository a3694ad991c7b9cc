"""Read every source into bronze: nothing lost, nothing doubled, each source for itself.

Per source: connect, open one snapshot, read the columns, fit every statement to them, stage the rows of all resources,
apply them with their watermarks in one transaction. Whatever goes wrong with one source leaves it as it was and the
others alone.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import duckdb

from padm_ibis.errors import ConfigError, SourceError, SourceUnreachable, UnknownName
from padm_ibis.extract.hashing import Hasher
from padm_ibis.extract.reconcile import Bronze, compare
from padm_ibis.extract.resolve import Finding, Statement, resolve, tables_of
from padm_ibis.extract.store import Change, DuckDBStore, Plan, Staged, State, Store
from padm_ibis.report.results import CheckResult
from padm_ibis.report.run import InputReport, SourceFailure
from padm_ibis.sources.connect import Columns, Source, open_source, warehouse_error
from padm_ibis.sources.spec import KindSpec, ResourceSpec, kind_spec
from padm_ibis.sources.values import family, literal, quote

if TYPE_CHECKING:
    from padm_ibis.config import Config, Severity, SourceConfig

DEFAULT_START = dt.date(1900, 1, 1)
# Clocks are set back by an hour once a year where there is summer time: such an hour is read again.
_CLOCK_CHANGE = dt.timedelta(hours=2)


@dataclass(slots=True)
class Extraction:
    """What an extraction did."""

    inputs: list[InputReport] = field(default_factory=list)
    failures: list[SourceFailure] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    checks: list[CheckResult] = field(default_factory=list)

    @property
    def changed(self) -> int:
        """Rows of bronze that are new, different or gone."""
        return sum(item.changed for item in self.inputs)

    @property
    def complete(self) -> bool:
        """Whether every source was read."""
        return not self.failures

    @property
    def notes(self) -> list[str]:
        """What a reader of the report should know, one sentence each."""
        return [str(finding) for finding in self.findings]


# Megabytes: what passes through is collected into groups of 122,880 rows before it is written, so wide tables need more.
_MEMORY, _MEMORY_A_COLUMN = 256, 6
_NOTES = 20
OnStart = Callable[[str, str], None]
OnProgress = Callable[[str, str, int], None]


def extract(
    store: Store,
    config: Config,
    run_id: str,
    *,
    full_refresh: Collection[str] | bool = False,
    resources: Collection[str] | None = None,
    reconcile: bool = False,
    on_start: OnStart | None = None,
    on_progress: OnProgress | None = None,
) -> Extraction:
    """Read all configured sources into bronze.

    Parameters
    ----------
    full_refresh
        Resources to read as a whole, which also removes rows that the source no longer has; True for all.
    resources
        Only these bronze tables; without it, those of each source's configuration.
    reconcile
        Compare bronze with each source row by row, inside the same snapshot.
    on_start
        Called with source and resource before each is read.
    on_progress
        Called with source, resource and rows read after each.

    Raises
    ------
    ConfigError
        If there is no source, or no key for the hashes: nothing was read then.
    UnknownName
        If a resource is named that no source has.

    Notes
    -----
    A source that cannot be read is not an error of this function but one of ``failures``.
    """
    if not config.sources:
        raise ConfigError(f"{config.described}: there is no source to read.", hint="Add a [sources.<name>] with its url.")
    hasher = Hasher(config.hash_key())
    kinds = {name: kind_spec(source.kind, config.state) for name, source in config.sources.items()}
    refreshed = _check_names(kinds, full_refresh, resources)
    run = _Run(config, store, hasher, run_id, _utc_now(), refreshed, on_start, on_progress, reconcile)
    jobs = [_Job(run, source, kinds[name], _chosen(kinds[name], source, resources)) for name, source in config.sources.items()]
    run.reshaped.update(store.prepare([spec for kind in _distinct(kinds) for spec in kind.resources.values()]))
    for job in jobs:
        job.check_key()
    result = Extraction()
    with _bounded_memory(store.staging, config, max((len(spec.columns) for job in jobs for spec in job.specs), default=0)):
        for job in jobs:
            try:
                job.run(result)
            except SourceError as error:
                reached = not isinstance(error, SourceUnreachable)
                result.failures.append(SourceFailure(job.name, error.message, error.hint, reached))
                result.inputs.extend(job.left_alone())
    return result


def _utc_now() -> dt.datetime:
    return dt.datetime.now(dt.UTC).replace(tzinfo=None)


@contextmanager
def _bounded_memory(con: duckdb.DuckDBPyConnection, config: Config, columns: int) -> Iterator[None]:
    """Rows pass through; what does not fit is put on disk, unless the configuration grants more.

    The bound depends on the columns of the widest table, never on rows.
    """
    if config.warehouse.memory_limit is not None:
        yield
        return
    before = con.execute("SELECT current_setting('memory_limit')").fetchall()[0][0]
    con.execute(f"SET memory_limit = '{max(_MEMORY, _MEMORY_A_COLUMN * columns)}MB'")
    try:
        yield
    finally:
        # RESET would change what the setting says and leave the bound in force (DuckDB 1.5.5)
        con.execute(f"SET memory_limit = '{before}'")


def _check_names(kinds: Mapping[str, KindSpec], full_refresh: Collection[str] | bool, only: Collection[str] | None) -> set[str]:
    known = {name for kind in kinds.values() for name in kind.resources}
    named = set() if isinstance(full_refresh, bool) else set(full_refresh)
    for name in sorted(named | set(only or ())):
        if name not in known:
            raise UnknownName("bronze resource", name, known)
    return known if full_refresh is True else named


def _chosen(kind: KindSpec, source: SourceConfig, only: Collection[str] | None) -> list[ResourceSpec]:
    specs = kind.choose(source.resources)
    return specs if only is None else [spec for spec in specs if spec.name in only]


def _distinct(kinds: Mapping[str, KindSpec]) -> list[KindSpec]:
    return list({kind.name: kind for kind in kinds.values()}.values())


@contextmanager
def _threads(con: duckdb.DuckDBPyConnection, source: Source) -> Iterator[None]:
    """A server's rows come in one stream: further threads would only wait for it, and DuckDB's wait busily."""
    if source.dialect != "postgres":
        yield
        return
    before = con.execute("SELECT current_setting('threads')").fetchall()[0][0]
    con.execute("SET threads = 1")
    try:
        yield
    finally:
        con.execute(f"SET threads = {before}")


@dataclass(slots=True)
class _Run:
    """What all sources of a run share."""

    config: Config
    store: Store
    hasher: Hasher
    run_id: str
    now: dt.datetime
    refreshed: set[str]
    on_start: OnStart | None
    on_progress: OnProgress | None
    reconcile: bool = False
    reshaped: set[str] = field(default_factory=set)


class _Job:
    """One source in one run."""

    def __init__(self, run: _Run, config: SourceConfig, kind: KindSpec, specs: Sequence[ResourceSpec]) -> None:
        self.shared, self.config, self.kind, self.specs = run, config, kind, specs
        self.store, self.name = run.store, config.name
        self.fingerprint: tuple[str, str] | None = None

    def run(self, result: Extraction) -> None:
        """Read the source and apply what it sent."""
        if not self.specs:
            return
        con = self.store.staging
        source = open_source(self.config, con)
        try:
            source.attach()
            self.shared.hasher.install(con)
            with _threads(con, source), self.store.transaction():
                found = self._transfer(source)
        except duckdb.Error as error:
            raise warehouse_error(error, certainly=True) or error from None
        finally:
            self.shared.hasher.remove(con)
            source.detach()
        result.inputs.extend(found.inputs)
        result.findings.extend(found.findings)
        result.checks.extend(found.checks)

    def left_alone(self) -> Iterator[InputReport]:
        """Say of a source that could not be read how old what bronze has of it is."""
        states = self.store.states(self.name)
        for spec in self.specs:
            state = states.get(spec.name)
            age = (
                "never read"
                if state is None
                else f"last read {state.extracted_at:%Y-%m-%d %H:%M} UTC, {_ago(state, self.shared.now)}"
            )
            watermark = state.watermark.isoformat(sep=" ") if state and state.watermark else None
            rows = self.store.rows(spec, self.name)
            yield InputReport(self.name, spec.name, rows=rows, watermark=watermark, note=f"not read this time; {age}")

    def check_key(self) -> None:
        """Refuse another key than the one the stored hashes were made with, unless all of them are made anew."""
        hasher, known = self.shared.hasher, self.store.fingerprint(self.name)
        if known is None:
            self.fingerprint = hasher.fingerprint() if any(spec.hashes for spec in self.specs) else None
            return
        if hasher.fingerprint(known[0]) == known:
            self.fingerprint = known
            return
        everything = {spec.name for spec in self.kind.resources.values() if spec.hashes}
        if everything <= self.shared.refreshed and everything <= {spec.name for spec in self.specs}:
            self.fingerprint = hasher.fingerprint()
            return
        raise ConfigError(
            f"privacy.hash_key is not the key that hashed the identifiers of {self.name}; hashes of two keys never match.",
            hint=f"Restore the key, or hash everything anew: padm-ibis run --full-refresh {' '.join(sorted(everything))}",
        )

    def _transfer(self, source: Source) -> Extraction:
        result = Extraction()
        clock = source.now()
        found = source.columns(tables_of(self.kind, self.specs))
        statements, findings = resolve(source, self.kind, self.specs, found)
        result.findings += findings + self._drift(found)
        known = self.store.states(self.name)
        staged = []
        for spec in self.specs:
            if self.shared.on_start:
                self.shared.on_start(self.name, spec.name)
            began = time.perf_counter()
            statement = statements[spec.name]
            plan = self._plan(spec, statement, known.get(spec.name))
            rows = self._stage(source, spec, statement, plan, clock)
            result.checks += self._remarks(source, spec, statement, plan, rows)
            staged.append((spec, statement, plan, rows, time.perf_counter() - began))
            if self.shared.on_progress:
                self.shared.on_progress(self.name, spec.name, rows.read)
        states = {}
        for spec, statement, plan, rows, seconds in staged:
            began = time.perf_counter()
            change = self.store.apply(spec, plan, self.name)
            state = states[spec.name] = self._state(plan, statement, rows, known.get(spec.name))
            seconds += time.perf_counter() - began
            result.inputs.append(self._report(spec, plan, statement, rows, change, state, seconds))
        if self.shared.reconcile:
            here = Bronze(self.store.bronze, states, same_snapshot=True)
            for spec in self.specs:
                statement = statements[spec.name]
                result.checks += compare(source, spec, statement, here, self.shared.config)
        self.store.save(self.name, states, self.fingerprint)
        self.store.save_columns(self.name, _flat(found))
        return result

    def _plan(self, spec: ResourceSpec, statement: Statement, known: State | None) -> Plan:
        if spec.load == "full":
            return Plan("full")
        if spec.name in self.shared.refreshed:
            return Plan("refresh")
        start = self.config.incremental_start_date
        if known is None or known.watermark is None or not self.store.rows(spec, self.name):
            return Plan("first", _midnight(start) if start > DEFAULT_START else None, start)
        if known.definition != statement.definition or spec.name in self.shared.reshaped:
            why = "its columns or its definition changed: all of it was read again"
            since = known.loaded_from
            return Plan("first" if since else "refresh", _midnight(since) if since else None, since, why)
        margin = _CLOCK_CHANGE if spec.columns[spec.cursor or ""] == "timestamp" else dt.timedelta()
        since = _minus(known.watermark, dt.timedelta(days=self.config.lookback(spec.name)) + margin)
        return Plan("incremental", since, known.loaded_from)

    def _stage(self, source: Source, spec: ResourceSpec, statement: Statement, plan: Plan, clock: dt.datetime) -> Staged:
        columns = {
            "source_db": literal(self.name),
            "_extracted_at": f"TIMESTAMP '{self.shared.now:%Y-%m-%d %H:%M:%S.%f}'",
            "_run_id": literal(self.shared.run_id),
            **statement.landed(),
        }
        listed = ", ".join(f"{columns[name]} AS {quote(name)}" for name in spec.columns)
        relation = source.relation(statement.sql(self._since(spec, plan)))
        query = f"SELECT {listed}, {statement.odd()} AS padm_odd FROM {relation}"
        with source.errors():
            return self.store.stage(spec, query, plan, self.name, clock)

    @staticmethod
    def _since(spec: ResourceSpec, plan: Plan) -> str | None:
        if plan.since is None or spec.cursor is None:
            return None
        if spec.columns[spec.cursor] == "date":
            return plan.since.date().isoformat()
        return plan.since.isoformat(sep=" ")

    def _remarks(
        self, source: Source, spec: ResourceSpec, statement: Statement, plan: Plan, rows: Staged
    ) -> Iterator[CheckResult]:
        """What was remarkable about the rows of one resource."""

        def remark(rule: str, failed: int, text: str, verdict: Severity) -> Iterator[CheckResult]:
            verdict = self.shared.config.severity(f"{spec.name}.{rule}", verdict)
            if failed and verdict != "off":
                yield CheckResult(f"bronze.{spec.name}", rule, verdict, failed, (f"{self.name}: {text}",))

        checks = self.shared.config.checks
        key = ", ".join(spec.key)
        yield from remark("duplicate_key", rows.rejected, f"another row has the same {key}; see _padm.rejected_rows", "warn")
        yield from remark("duplicate_row", rows.copies, "copies of another row, left out", "warn")
        early = f"dated before {plan.loaded_from}, left out; --full-refresh {spec.name} reads them"
        yield from remark("before_start", rows.early, early, "warn")
        if rows.odd:
            names, query = statement.odd_columns(source.relation, self._since(spec, plan))
            with source.errors():
                counts = source.con.execute(query).fetchall()[0]
            listed = ", ".join(f"{name} ({n})" for name, n in zip(names, counts, strict=True) if n)
            text = f"infinity, NaN or too large, landed as the last or first day, or null: {listed}"
            yield from remark("unreadable_value", rows.odd, text, checks.unreadable_value)

    def _drift(self, found: Columns) -> list[Finding]:
        """What changed in the tables we read since they were last read."""
        before, after = self.store.seen_columns(self.name), _flat(found)
        readers = {t: tuple(s.name for s in self.specs if t in (*s.inputs, *s.fallback.values())) for t in found}
        tables = {table for table, _ in before}
        notes = []
        for (table, column), kind in after.items():
            if table not in tables:
                continue
            was = before.get((table, column))
            if was is None:
                text = f"{self.config.schema}.{table} has a new column {column} ({kind})"
            elif family(was) != family(kind):
                text = f"{self.config.schema}.{table}.{column} is now {kind}; it was {was}"
            else:
                continue
            notes.append(Finding("note", self.name, table, column, text, readers[table]))
        if len(notes) > _NOTES:
            text = f"and {len(notes) - _NOTES} more columns are new or of another type than before"
            notes[_NOTES:] = [Finding("note", self.name, "", None, text)]
        return notes

    def _state(self, plan: Plan, statement: Statement, rows: Staged, known: State | None) -> State:
        watermark = rows.watermark
        if plan.mode == "incremental" and known is not None and known.watermark is not None:
            watermark = max(known.watermark, watermark) if watermark else known.watermark
        return State(watermark, plan.loaded_from, statement.definition, self.shared.now, rows.read, self.shared.run_id)

    def _report(
        self, spec: ResourceSpec, plan: Plan, statement: Statement, rows: Staged, change: Change, state: State, seconds: float
    ) -> InputReport:
        notes = [plan.why] if plan.why else []
        notes += [f"{used} in place of {name}" for name, used in statement.fallbacks.items()]
        notes += [f"{change.deleted} rows removed"] if change.deleted else []
        return InputReport(
            source_db=self.name,
            resource=spec.name,
            read=rows.read,
            changed=change.total,
            rows=change.rows,
            seconds=round(seconds, 3),
            since=self._since(spec, plan),
            watermark=state.watermark.isoformat(sep=" ") if state.watermark else None,
            note="; ".join(notes),
        )


def _flat(found: Columns) -> dict[tuple[str, str], str]:
    return {(table, column): kind for table, columns in found.items() for column, kind in columns.items()}


def _ago(state: State, now: dt.datetime) -> str:
    hours = (now - state.extracted_at).total_seconds() / 3600
    return f"{hours:.0f} hours ago" if hours < 72 else f"{hours / 24:.0f} days ago"


def _midnight(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time())


def _minus(moment: dt.datetime, span: dt.timedelta) -> dt.datetime:
    try:
        return moment - span
    except OverflowError:
        return dt.datetime.min


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a run needs to know of its extraction."""

    inputs: Sequence[InputReport]
    failures: Sequence[SourceFailure]
    checks: Sequence[CheckResult]
    notes: Sequence[str]


def load_sources(
    work: Any,
    config: Config,
    *,
    run_id: str,
    resources: Collection[str] | None = None,
    full_refresh: Collection[str] | None = None,
    reconcile: bool = False,
    progress: Any = None,
) -> Loaded:
    """Read all configured sources into an opened warehouse; see `extract`.

    Parameters
    ----------
    full_refresh
        Resources to read as a whole; an empty collection means all, None none.
    """
    names = None if full_refresh is None else {name.removeprefix("bronze.") for name in full_refresh}
    on_start = on_progress = None
    if progress is not None:

        def on_start(source: str, resource: str) -> None:
            progress.start(f"{source}.{resource}")

        def on_progress(source: str, resource: str, rows: int) -> None:
            progress.done(f"{source}.{resource}", f"{rows:,} rows")

    store: Store = work.store() if hasattr(work, "store") else DuckDBStore(work.raw)
    found = extract(
        store,
        config,
        run_id,
        full_refresh=names or names is not None,
        resources=resources,
        reconcile=reconcile,
        on_start=on_start,
        on_progress=on_progress,
    )
    return Loaded(found.inputs, found.failures, found.checks, found.notes)
