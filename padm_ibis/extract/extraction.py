"""Read every source into bronze: nothing lost, nothing doubled, each source for itself.

Per source: connect, open one snapshot, read the columns, fit every statement to them, stage the rows of all resources,
apply them with their watermarks in one transaction. Whatever goes wrong with one source leaves it as it was and the
others alone.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from padm_ibis.engine.report import CheckResult, InputReport, SourceFailure
from padm_ibis.errors import ConfigError, SourceError, SourceUnreachable, UnknownName
from padm_ibis.extract.hashing import Hasher
from padm_ibis.extract.resolve import Finding, Statement, resolve, tables_of
from padm_ibis.extract.spec import KindSpec, ResourceSpec, kind_spec
from padm_ibis.extract.store import Change, DuckDBStore, Plan, Staged, State, Store
from padm_ibis.sources.connect import Columns, Source, open_source
from padm_ibis.sources.values import literal, quote, sql_type

if TYPE_CHECKING:
    from padm_ibis.config import Config, SourceConfig

DEFAULT_START = dt.date(1900, 1, 1)
# Clocks are set back by an hour once a year where there is summer time: such an hour is read again.
_CLOCK_CHANGE = dt.timedelta(hours=2)


@dataclass(frozen=True, slots=True)
class Age:
    """How old one resource of one source is.

    Attributes
    ----------
    extracted_at
        When it was last read, UTC; None if never.
    newest
        Greatest cursor that had arrived by then, in the source's time zone.
    """

    source_db: str
    resource: str
    extracted_at: dt.datetime | None
    newest: dt.datetime | None = None

    def hours(self, now: dt.datetime) -> float | None:
        """Return the hours since it was last read."""
        return None if self.extracted_at is None else (now - self.extracted_at).total_seconds() / 3600


@dataclass(slots=True)
class Extraction:
    """What an extraction did."""

    inputs: list[InputReport] = field(default_factory=list)
    failures: list[SourceFailure] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    ages: list[Age] = field(default_factory=list)

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


Progress = Callable[[str, str, int], None]


def extract(
    store: Store,
    config: Config,
    run_id: str,
    *,
    full_refresh: Collection[str] | bool = False,
    resources: Collection[str] | None = None,
    on_progress: Progress | None = None,
) -> Extraction:
    """Read all configured sources into bronze.

    Parameters
    ----------
    full_refresh
        Resources to read as a whole, which also removes rows that the source no longer has; True for all.
    resources
        Only these bronze tables; without it, those of each source's configuration.
    on_progress
        Called with source, resource and rows read after each resource.

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
    chosen = {name: _chosen(kinds[name], source, resources) for name, source in config.sources.items()}
    reshaped = set(store.prepare([spec for kind in _distinct(kinds) for spec in kind.resources.values()]))
    result = Extraction()
    now = dt.datetime.now(dt.UTC).replace(tzinfo=None)
    for name, source in config.sources.items():
        job = _Job(store, source, kinds[name], chosen[name], hasher, run_id, now, refreshed, reshaped, on_progress)
        try:
            job.run(result)
        except SourceError as error:
            reached = not isinstance(error, SourceUnreachable)
            result.failures.append(SourceFailure(name, error.message, error.hint, reached))
        result.ages.extend(_ages(store, name, chosen[name]))
    return result


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


def _ages(store: Store, source_db: str, specs: Sequence[ResourceSpec]) -> list[Age]:
    states = store.states(source_db)
    unknown = Age(source_db, "", None)
    return [
        Age(source_db, spec.name, s.extracted_at, s.watermark)
        if (s := states.get(spec.name))
        else Age(source_db, spec.name, None)
        for spec in specs
    ] or [unknown]


class _Job:
    """One source in one run."""

    def __init__(
        self,
        store: Store,
        config: SourceConfig,
        kind: KindSpec,
        specs: Sequence[ResourceSpec],
        hasher: Hasher,
        run_id: str,
        now: dt.datetime,
        refreshed: set[str],
        reshaped: set[str],
        on_progress: Progress | None,
    ) -> None:
        self.store, self.config, self.kind, self.specs = store, config, kind, specs
        self.hasher, self.run_id, self.now = hasher, run_id, now
        self.refreshed, self.reshaped, self.on_progress = refreshed, reshaped, on_progress

    @property
    def name(self) -> str:
        return self.config.name

    def run(self, result: Extraction) -> None:
        """Read the source and apply what it sent."""
        if not self.specs:
            return
        fingerprint = self._check_key()
        source = open_source(self.config, self.store.staging)
        try:
            source.attach()
            self.hasher.install(self.store.staging)
            with source.errors(), self.store.transaction():
                inputs, findings = self._transfer(source, fingerprint)
        finally:
            self.hasher.remove(self.store.staging)
            source.detach()
        result.inputs.extend(inputs)
        result.findings.extend(findings)

    def _check_key(self) -> tuple[str, str] | None:
        """Refuse another key than the one the stored hashes were made with, unless all of them are made anew."""
        hashed = {spec.name for spec in self.specs if spec.hashes}
        known = self.store.fingerprint(self.name)
        if known is None:
            return self.hasher.fingerprint() if hashed else None
        if self.hasher.fingerprint(known[0]) == known:
            return known
        everything = {spec.name for spec in self.kind.resources.values() if spec.hashes}
        if everything <= self.refreshed and everything <= {spec.name for spec in self.specs}:
            return self.hasher.fingerprint()
        raise ConfigError(
            f"privacy.hash_key is not the key that the identifiers of {self.name} were hashed with; hashes of two keys never match.",
            hint=f"Restore the key, or hash everything anew: padm-ibis run --full-refresh {' '.join(sorted(everything))}",
        )

    def _transfer(self, source: Source, fingerprint: tuple[str, str] | None) -> tuple[list[InputReport], list[Finding]]:
        clock = source.now()
        found = source.columns(tables_of(self.kind, self.specs))
        statements, findings = resolve(source, self.kind, self.specs, found)
        findings += self._drift(found)
        known = self.store.states(self.name)
        work = [
            (spec, statements[spec.name], self._plan(spec, statements[spec.name], known.get(spec.name))) for spec in self.specs
        ]
        staged: list[tuple[ResourceSpec, Statement, Plan, Staged, float]] = []
        for spec, statement, plan in work:
            began = time.perf_counter()
            rows = self._stage(source, spec, statement, plan, clock)
            findings += self._remarks(source, spec, statement, plan, rows)
            staged.append((spec, statement, plan, rows, time.perf_counter() - began))
            if self.on_progress:
                self.on_progress(self.name, spec.name, rows.read)
        states, inputs = {}, []
        for spec, statement, plan, rows, seconds in staged:
            began = time.perf_counter()
            change = self.store.apply(spec, plan, self.name)
            state = self._state(plan, statement, rows, known.get(spec.name))
            states[spec.name] = state
            inputs.append(self._report(spec, plan, statement, rows, change, state, seconds + time.perf_counter() - began))
        self.store.save(self.name, states, fingerprint)
        self.store.save_columns(self.name, _flat(found))
        return inputs, findings

    def _plan(self, spec: ResourceSpec, statement: Statement, known: State | None) -> Plan:
        if spec.load == "full":
            return Plan("full")
        if spec.name in self.refreshed:
            return Plan("refresh")
        start = self.config.incremental_start_date
        if known is None:
            return Plan("first", _midnight(start) if start > DEFAULT_START else None, start)
        if known.definition != statement.definition or spec.name in self.reshaped:
            why = "its columns or its definition changed: all of it was read again"
            since = known.loaded_from
            return Plan("first" if since else "refresh", _midnight(since) if since else None, since, why)
        if known.watermark is None:
            return Plan("first", _midnight(start) if start > DEFAULT_START else None, start)
        margin = _CLOCK_CHANGE if spec.columns[spec.cursor or ""] == "timestamp" else dt.timedelta()
        since = _minus(known.watermark, dt.timedelta(days=self.config.lookback(spec.name)) + margin)
        return Plan("incremental", since, known.loaded_from)

    def _stage(self, source: Source, spec: ResourceSpec, statement: Statement, plan: Plan, clock: dt.datetime) -> Staged:
        values = {
            "source_db": literal(self.name),
            "_extracted_at": f"TIMESTAMP '{self.now:%Y-%m-%d %H:%M:%S.%f}'",
            "_run_id": literal(self.run_id),
            **{name: Hasher.sql(name, how) for name, how in spec.hashes.items()},  # type: ignore[arg-type]
        }
        casts = {name: f"CAST({quote(name)} AS {sql_type(kind, 'duckdb')})" for name, kind in spec.columns.items()}
        columns = ", ".join(f"{values.get(name, cast)} AS {quote(name)}" for name, cast in casts.items())
        query = f"SELECT {columns}, _odd FROM {source.relation(statement.sql(self._since(spec, plan)))}"
        with source.errors():
            return self.store.stage(spec, query, plan, self.name, clock)

    @staticmethod
    def _since(spec: ResourceSpec, plan: Plan) -> str | None:
        if plan.since is None or spec.cursor is None:
            return None
        if spec.columns[spec.cursor] == "date":
            return plan.since.date().isoformat()
        return plan.since.isoformat(sep=" ")

    def _remarks(self, source: Source, spec: ResourceSpec, statement: Statement, plan: Plan, rows: Staged) -> list[Finding]:
        def say(text: str, hint: str | None = None) -> Finding:
            return Finding("warning", self.name, spec.name, None, text, (spec.name,), hint)

        remarks = []
        if rows.odd:
            counts = source.rows(statement.odd_columns(self._since(spec, plan)))[0]
            listed = ", ".join(f"{name} ({int(n)})" for name, n in zip(statement.odd, counts, strict=True) if n)
            text = f"{spec.name}: {rows.odd} rows hold infinity, NaN or a number too large, landed as the nearest date or null"
            remarks.append(say(f"{text}: {listed}" if listed else text))
        if rows.rejected:
            text = f"{spec.name}: {rows.rejected} rows were left out, because another row has their key ({', '.join(spec.key)})"
            remarks.append(say(f"{text}; they are kept in _padm.rejected_rows"))
        if rows.copies:
            remarks.append(say(f"{spec.name}: {rows.copies} rows are copies of another and were left out"))
        if rows.early:
            hint = f"padm-ibis run --full-refresh {spec.name}"
            remarks.append(say(f"{spec.name}: {rows.early} rows are dated before {plan.loaded_from} and were left out", hint))
        return remarks

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
            elif was != kind:
                text = f"{self.config.schema}.{table}.{column} is now {kind}; it was {was}"
            else:
                continue
            notes.append(Finding("note", self.name, table, column, text, readers[table]))
        return notes

    def _state(self, plan: Plan, statement: Statement, rows: Staged, known: State | None) -> State:
        watermark = rows.watermark
        if plan.mode == "incremental" and known is not None and known.watermark is not None:
            watermark = max(known.watermark, watermark) if watermark else known.watermark
        return State(watermark, plan.loaded_from, statement.definition, self.now, rows.read, self.run_id)

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
    progress: Any = None,
) -> Loaded:
    """Read all configured sources into an opened warehouse; see `extract`.

    Parameters
    ----------
    full_refresh
        Resources to read as a whole; an empty collection means all, None none.
    """
    names = None if full_refresh is None else {name.removeprefix("bronze.") for name in full_refresh}
    on_progress = None
    if progress is not None:

        def on_progress(source: str, resource: str, rows: int) -> None:
            progress.done(f"{source}.{resource}", f"{rows:,} rows")

    store: Store = work.store() if hasattr(work, "store") else DuckDBStore(work.raw)
    found = extract(store, config, run_id, full_refresh=names or names is not None, resources=resources, on_progress=on_progress)
    return Loaded(found.inputs, found.failures, (), found.notes)
