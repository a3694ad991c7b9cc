"""Read every source into bronze: nothing lost, nothing doubled, each source for itself.

Per source: connect, open one snapshot, read the columns, fit every statement to them, stage the rows of all resources,
apply them with their watermarks in one transaction. Whatever goes wrong with one source leaves it as it was and the
others alone.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from padm_ibis.errors import ConfigError, OutOfMemory, SourceError, SourceUnreachable, UnknownName
from padm_ibis.extract.bounds import Bound, bounded_memory
from padm_ibis.extract.findings import Finding
from padm_ibis.extract.hashing import Hasher
from padm_ibis.extract.job import Job, OnProgress, OnStart, Shared
from padm_ibis.extract.parts import OnWindow
from padm_ibis.extract.result import Extraction
from padm_ibis.extract.store import Store
from padm_ibis.extract.suppression import Suppressed
from padm_ibis.report.run import SourceFailure
from padm_ibis.sources.messages import tells_of_damage
from padm_ibis.sources.spec import KindSpec, ResourceSpec, kind_of

if TYPE_CHECKING:
    from padm_ibis.config import Config, SourceConfig

_MEMORY = "memory"
"""Where a finding speaks of no table but of what reading took."""


def extract(
    store: Store,
    config: Config,
    run_id: str,
    *,
    full_refresh: Collection[str] | bool = False,
    resources: Collection[str] | None = None,
    reconcile: bool = False,
    accept_drop: Collection[str] = (),
    suppressed: Suppressed | None = None,
    on_start: OnStart | None = None,
    on_progress: OnProgress | None = None,
    on_window: OnWindow = lambda _: None,
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
    accept_drop
        Resources that may lose any number of rows, ``name`` or ``source.name``.
    suppressed
        People who were erased: their rows are left out and counted. What is learned of them stands in the result.
    on_start
        Called with source and resource before each is read.
    on_progress
        Called with source, resource and rows read after each.
    on_window
        Called with a sentence after each window of a table that is read in several.

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
    kinds = {name: kind_of(source, config.state) for name, source in config.sources.items()}
    for name, source in config.sources.items():
        kinds[name].check_required(source)
    refreshed = _check_names(kinds, full_refresh, resources)
    nobody = Suppressed(config.hash_key())
    run = Shared(
        config,
        store,
        hasher,
        suppressed or nobody,
        run_id,
        _utc_now(),
        refreshed,
        on_start,
        on_progress,
        on_window,
        reconcile,
        accept_drop,
    )
    jobs = [Job(run, source, kinds[name], _chosen(kinds[name], source, resources)) for name, source in config.sources.items()]
    run.reshaped.update(store.prepare([spec for kind in _distinct(kinds) for spec in kind.resources.values()]))
    for job in jobs:
        job.check_key()
    result = Extraction()
    widest = max((len(spec.columns) for job in jobs for spec in job.specs), default=0)
    with bounded_memory(store.staging, config, widest) as bound:
        for job in jobs:
            try:
                _run(job, result, bound)
            except SourceError as error:
                if tells_of_damage(error.message):
                    store.verify()  # it is one session: this may speak of our own file
                reached = not isinstance(error, SourceUnreachable)
                result.failures.append(SourceFailure(job.name, error.message, error.hint, reached))
                result.inputs.extend(job.left_alone())
    result.suppressed = run.suppressed
    return result


def _run(job: Job, result: Extraction, bound: Bound) -> None:
    """Read a source, again with more memory where one of its tables needs that: nothing of it was applied yet."""
    while True:
        try:
            job.run(result)
        except OutOfMemory:
            if (granted := bound.grow()) is None:
                raise
            text = f"read again with up to {granted} of memory: a table needs more than reading takes by itself"
            result.findings = [f for f in result.findings if (f.source_db, f.table) != (job.name, _MEMORY)]
            result.findings.append(Finding("note", job.name, _MEMORY, None, text))
        else:
            return


def _utc_now() -> dt.datetime:
    return dt.datetime.now(dt.UTC).replace(tzinfo=None)


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


def tables_to_read(config: Config, names: Collection[str]) -> int:
    """Return how many tables of all sources together a run reads, of those named."""
    return sum(len(_chosen(kind_of(source, config.state), source, names)) for source in config.sources.values())


def load_sources(
    work: Any,
    config: Config,
    *,
    run_id: str,
    resources: Collection[str] | None = None,
    full_refresh: Collection[str] | None = None,
    reconcile: bool = False,
    accept_drop: Collection[str] = (),
    suppressed: Suppressed | None = None,
    progress: Any = None,
) -> Extraction:
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

    store: Store = work.store()
    return extract(
        store,
        config,
        run_id,
        full_refresh=names or names is not None,
        resources=resources,
        reconcile=reconcile,
        accept_drop=accept_drop,
        suppressed=suppressed,
        on_start=on_start,
        on_progress=on_progress,
        on_window=(lambda _: None) if progress is None else progress.note,
    )
