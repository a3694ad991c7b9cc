"""One source in one run: connect, open one snapshot, fit every statement to the columns, stage, apply."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import duckdb

from padm_ibis.define.layers import ABSENT
from padm_ibis.errors import ConfigError, SourceShapeError
from padm_ibis.extract import shrinkage
from padm_ibis.extract.bounds import bounded_threads
from padm_ibis.extract.digest import Steps, all_of
from padm_ibis.extract.findings import Finding
from padm_ibis.extract.given import Known
from padm_ibis.extract.hashing import Hasher
from padm_ibis.extract.invalid import Examination, Invalid, rejected_for
from padm_ibis.extract.parts import WINDOWS, OnWindow, Parts
from padm_ibis.extract.parts import read as read_parts
from padm_ibis.extract.reconcile import Bronze, compare
from padm_ibis.extract.remarks import drift, odd_values, remarks, types_of
from padm_ibis.extract.resolve import resolve, tables_of
from padm_ibis.extract.result import Extraction
from padm_ibis.extract.statement import Statement
from padm_ibis.extract.store import Change, Moment, Plan, Rejects, Staged, State, Store
from padm_ibis.extract.suppression import Screen, Suppressed, links
from padm_ibis.extract.window import plan_of, since_of
from padm_ibis.report.run import InputReport
from padm_ibis.report.text import rows as in_words
from padm_ibis.sources.anew import anew
from padm_ibis.sources.connect import Source, open_source, warehouse_error
from padm_ibis.sources.spec import KindSpec, ResourceSpec
from padm_ibis.sources.values import literal, quote

if TYPE_CHECKING:
    from padm_ibis.config import Config, SourceConfig

OnStart = Callable[[str, str], None]
OnProgress = Callable[[str, str, int], None]
PART_MEMORY = "400MB"


@dataclass(slots=True)
class Shared:
    """What all sources of a run share."""

    config: Config
    store: Store
    hasher: Hasher
    suppressed: Suppressed
    run_id: str
    now: dt.datetime
    refreshed: set[str]
    on_start: OnStart | None
    on_progress: OnProgress | None
    on_window: OnWindow
    reconcile: bool = False
    accept_drop: Collection[str] = ()
    reshaped: set[str] = field(default_factory=set)


class Job:
    """One source in one run."""

    def __init__(self, run: Shared, config: SourceConfig, kind: KindSpec, specs: Sequence[ResourceSpec]) -> None:
        self.shared, self.config, self.kind, self.specs = run, config, kind, specs
        self.store, self.name = run.store, config.name
        self.fingerprint: tuple[str, str] | None = None
        self.parts: dict[str, tuple[Plan, Parts]] = {}

    def run(self, result: Extraction) -> None:
        """Read the source and apply what it sent."""
        if not self.specs:
            return
        found = anew(self.config, self._read, result.repeated.append)
        result.inputs.extend(found.inputs)
        result.findings.extend(found.findings)
        result.checks.extend(found.checks)
        result.digests += found.digests

    def _read(self) -> Extraction:
        """Read and apply everything, or leave the source as it was."""
        self.parts = self._read_parts()
        con = self.store.staging
        source = open_source(self.config, con)
        try:
            source.attach()
            self.shared.hasher.install(con)
            with (
                bounded_threads(con, source),
                Screen(con, self.shared.suppressed) as screen,
                self.store.transaction(),
            ):
                found = self._transfer(source, screen)
            self.shared.suppressed = screen.suppressed
            for _, parts in self.parts.values():
                parts.discard()
            return found
        except duckdb.Error as error:  # one COMMIT ends the transaction of the source, too
            raise warehouse_error(error) or source.ended(error) or warehouse_error(error, certainly=True) or error from None
        finally:
            self.shared.hasher.remove(con)
            source.detach()

    def _read_parts(self) -> dict[str, tuple[Plan, Parts]]:
        """Read what is read window by window, in a session of its own: each window is a transaction at the source."""
        found: dict[str, tuple[Plan, Parts]] = {}
        specs = [spec for spec in self.specs if spec.windows is not None]
        if not specs:
            return found
        states, known_of = self.store.states(self.name), self._known_of(self.store.seen_columns(self.name))
        with duckdb.connect(config={"memory_limit": PART_MEMORY, "threads": 1}) as con:
            source = open_source(self.config, con)
            try:
                source.attach()
                with source.snapshot():
                    statements, _ = resolve(source, self.kind, specs, source.columns(tables_of(self.kind, specs)), known_of)
                for spec in specs:
                    statement = statements[spec.name]
                    plan = self._plan(spec, statement, states.get(spec.name))
                    folder = self.shared.config.state / WINDOWS / self.name / spec.name
                    since = None if plan.since is None else plan.since.date()
                    found[spec.name] = plan, read_parts(source, statement, folder, since, self.shared.on_window)
            finally:
                source.detach()
        return found

    def _known_of(self, before: Mapping[tuple[str, str], str]) -> Known:
        return Known(frozenset(table for table, _ in before), self.shared.accept_drop)

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

    def _transfer(self, source: Source, screen: Screen) -> Extraction:
        result = Extraction()
        # DuckDB commits last where it read first: a source that is gone by then leaves nothing in bronze.
        wanted, before = tables_of(self.kind, self.specs), self.store.seen_columns(self.name)
        source.begin()
        clock = source.now()
        moment = Moment(clock.date(), self.shared.now, self.shared.run_id)
        known_of = self._known_of(before)
        self._follow(source, screen, known_of)
        found = source.columns(wanted)
        statements, findings = resolve(source, self.kind, self.specs, found, known_of)
        types = types_of(found)
        result.findings += findings + drift(self.config, self.specs, before, types)
        known = self.store.states(self.name)
        examination = Examination(source)
        examination.refuse(statements.values())
        steps = Steps(source, self.store, self.shared.hasher.seed, self.shared.now, self.shared.run_id)
        staged = []
        for spec in self.specs:
            if self.shared.on_start:
                self.shared.on_start(self.name, spec.name)
            began = time.perf_counter()
            statement = statements[spec.name]
            if spec.windows is not None:
                plan, _ = self.parts[spec.name]
            else:
                plan = steps.plan(
                    statement, self._plan(spec, statement, known.get(spec.name)), known.get(spec.name),
                    whole=spec.name in self.shared.refreshed or spec.name in self.shared.reshaped,
                )  # fmt: skip
            invalid = examination.of(statement)
            rows = self._stage(source, spec, statement, plan, clock, invalid, screen)
            if not plan.is_empty and not steps.check(spec):
                result.findings.append(self._mistold(spec))
            left_out = 0 if plan.is_empty else screen.left_out(spec)
            result.checks += remarks(self.shared.config, self.name, source, spec, statement, plan, rows, invalid)
            told = [] if plan.is_empty else list(self._left_out(source, statement))
            staged.append((spec, statement, plan, rows, left_out, told, time.perf_counter() - began))
            if self.shared.on_progress:
                self.shared.on_progress(self.name, spec.name, rows.read)
        states = {}
        losses = []
        for spec, statement, plan, rows, left_out, told, seconds in staged:
            began = time.perf_counter()
            change = self._apply(spec, plan, moment)
            if change is None:  # a key stands in a bucket that was read, and in one that was not
                plan = all_of(plan)
                rows = self._stage(source, spec, statement, plan, clock, examination.of(statement), screen)
                left_out, change = screen.left_out(spec), self._apply(spec, plan, moment)
                assert change is not None, "all of it was read"
            steps.applied(spec, change)
            losses.append(shrinkage.loss(spec.name, change))
            state = states[spec.name] = self._state(plan, statement, rows, known.get(spec.name))
            seconds += time.perf_counter() - began
            result.inputs.append(self._report(spec, plan, statement, rows, change, state, left_out, told, seconds))
        shrinkage.refuse(self.config, losses, self.shared.accept_drop)
        if self.shared.reconcile:
            here = Bronze(self.store.bronze, states, same_snapshot=True)
            for spec in (spec for spec in self.specs if spec.windows is None):
                statement = statements[spec.name]
                result.checks += compare(source, spec, statement, here, self.shared.config, screen)
        self.store.save(self.name, states, self.fingerprint)
        steps.save()
        result.digests = steps.seconds
        self.store.save_columns(self.name, {**{c: t for c, t in before.items() if c[0] not in wanted}, **types})
        return result

    def _follow(self, source: Source, screen: Screen, known_of: Known) -> None:
        """Learn which other numbers erased people have at the source by now, before anything of theirs is read."""
        specs = links(self.kind.choose(self.config.resources)) if screen.suppressed else []
        if not specs:
            return
        before, everything = screen.suppressed.marks, Plan("full")
        found = source.columns(tables_of(self.kind, specs))
        statements, _ = resolve(source, self.kind, specs, found, known_of)
        queries = [(spec, self._arriving(source, spec, statements[spec.name], everything)) for spec in specs]
        with source.errors():
            while new := frozenset[str]().union(*(screen.follow(spec, self.name, query) for spec, query in queries)):
                screen.add(new)
        self.store.suppress(screen.suppressed.marks - before)

    def _plan(self, spec: ResourceSpec, statement: Statement, known: State | None) -> Plan:
        return plan_of(
            spec,
            statement,
            known,
            self.config,
            refreshed=spec.name in self.shared.refreshed,
            reshaped=spec.name in self.shared.reshaped,
            empty=lambda: not self.store.rows(spec, self.name),
        )

    def _apply(self, spec: ResourceSpec, plan: Plan, moment: Moment) -> Change | None:
        if plan.is_empty:
            return Change(rows=self.store.rows(spec, self.name))
        return self.store.apply(spec, plan, self.name, moment)

    def _mistold(self, spec: ResourceSpec) -> Finding:
        text = f"bronze.{spec.name} holds rows in other buckets than the source digests them in; all of it is read at each run"
        return Finding("note", self.name, spec.name, None, text)

    def _stage(
        self,
        source: Source,
        spec: ResourceSpec,
        statement: Statement,
        plan: Plan,
        clock: dt.datetime,
        invalid: Sequence[Invalid],
        screen: Screen,
    ) -> Staged:
        if plan.is_empty:
            return Staged(0)
        rejects = None
        if statement.on_invalid == "reject" or any(item.suspect.vital for item in invalid):
            everything = self._arriving(source, spec, statement.tolerant(), plan)
            rejects = Rejects(screen.without(spec, self.name, everything), rejected_for(invalid))
        query = screen.without(spec, self.name, self._arriving(source, spec, statement, plan), counted=True)
        with source.errors():
            rows = self.store.stage(spec, query, plan, self.name, clock, rejects)
        if rows.odd and statement.on_invalid == "stop":
            text = odd_values(source, spec, statement, plan)
            raise SourceShapeError(f"The source {self.name}: {spec.name}: {text}.", hint="Correct them, or see on_invalid.")
        return rows

    def _left_out(self, source: Source, statement: Statement) -> Iterator[str]:
        """Say how many rows of the source a statement leaves out on purpose."""
        if statement.spec.windows is not None:
            yield from self.parts[statement.spec.name][1].notes()
        for words, query in statement.left_out().items():
            if count := source.rows(query)[0][0]:
                yield f"{words}: {in_words(count)} left out"

    def _arriving(self, source: Source, spec: ResourceSpec, statement: Statement, plan: Plan) -> str:
        """Return the query of the rows of one resource, as bronze will hold them."""
        columns = {
            "source_db": literal(self.name),
            ABSENT: "CAST(NULL AS DATE)",
            "_extracted_at": f"TIMESTAMP '{self.shared.now:%Y-%m-%d %H:%M:%S.%f}'",
            "_run_id": literal(self.shared.run_id),
            **statement.landed(),
        }
        listed = ", ".join(f"{columns[name]} AS {quote(name)}" for name in spec.columns)
        if spec.windows is not None:
            return f"SELECT {listed}, FALSE AS padm_odd FROM ({self.parts[spec.name][1].query()})"
        relation = source.relation(statement.sql(since_of(spec, plan), plan.buckets))
        return f"SELECT {listed}, {statement.odd()} AS padm_odd FROM {relation}{statement.kept()}"

    def _state(self, plan: Plan, statement: Statement, rows: Staged, known: State | None) -> State:
        watermark = rows.watermark
        if plan.mode in ("incremental", "buckets") and known is not None and known.watermark is not None:
            watermark = max(known.watermark, watermark) if watermark else known.watermark
        return State(watermark, plan.loaded_from, statement.definition, self.shared.now, rows.read, self.shared.run_id)

    def _report(
        self,
        spec: ResourceSpec,
        plan: Plan,
        statement: Statement,
        rows: Staged,
        change: Change,
        state: State,
        left_out: int,
        told: Sequence[str],
        seconds: float,
    ) -> InputReport:
        notes = ["not given by the source"] if not statement.given else [plan.why] if plan.why else []
        notes += [f"{used} in place of {name}" for name, used in statement.fallbacks.items()]
        notes += [f"{in_words(change.absent)} kept that the source has no more" if change.absent else ""]
        notes += told
        notes += [f"{change.deleted} rows removed, of {shrinkage.loss(spec.name, change).before:,}"] if change.deleted else []
        notes += [f"{in_words(left_out)} of erased people left out"] if left_out else []
        return InputReport(
            source_db=self.name,
            resource=spec.name,
            read=rows.read,
            changed=change.total,
            added=change.inserted,
            updated=change.updated,
            deleted=change.deleted,
            beyond=change.beyond,
            buckets=len(plan.buckets) if plan.mode == "buckets" else None,
            copies=rows.copies,
            early=rows.early,
            rows=change.rows,
            seconds=round(seconds, 3),
            since=None if plan.mode == "buckets" else since_of(spec, plan),
            watermark=state.watermark.isoformat(sep=" ") if state.watermark else None,
            note="; ".join(filter(None, notes)),
            suppressed=left_out,
        )


def _ago(state: State, now: dt.datetime) -> str:
    hours = (now - state.extracted_at).total_seconds() / 3600
    return f"{hours:.0f} hours ago" if hours < 72 else f"{hours / 24:.0f} days ago"
