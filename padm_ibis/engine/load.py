"""Bronze, loaded source by source; and which of its tables a run therefore finds changed."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import TYPE_CHECKING

from padm_ibis.engine import erased, ledger, listed, unfinished
from padm_ibis.engine.cost import not_given
from padm_ibis.engine.state import RunState, now
from padm_ibis.engine.unfinished import Unfinished
from padm_ibis.errors import PadmError, SourceUnreachable
from padm_ibis.extract.result import Extraction
from padm_ibis.report.text import rows

if TYPE_CHECKING:
    from padm_ibis.backends.base import Work


def load(work: Work, run: RunState, names: Collection[str]) -> None:
    """Clear bronze of people who were erased, and bring it up to date with every source that can be read.

    Parameters
    ----------
    names
        The bronze tables to read from the sources.

    Raises
    ------
    SourceUnreachable, PadmError
        If none could be; the first, where not one was reached.
    """
    interrupted = ledger.get(work, "loading")
    ledger.put(work, "loading", run.report.run_id)
    gone = _clear(work, run)
    loaded = _read(work, run, names) if names else Extraction()
    if loaded.suppressed:  # what the sources told of them may be here already
        run.suppressed = loaded.suppressed
        run.report.suppressed = len(run.suppressed.marks)
        gone |= _clear(work, run)
    run.report.inputs = loaded.inputs
    run.report.failures = [replace(failure, message=run.config.mask(failure.message)) for failure in loaded.failures]
    run.report.checks += [*loaded.checks, *not_given(run.config, run.definitions.dag, loaded.not_given)]
    run.report.notes += loaded.notes
    if loaded.digests:
        run.set_apart("extract", "digests", loaded.digests)
    changed = {i.resource for i in loaded.inputs if i.changed} | gone
    known = ledger.records(work)
    existing = work.tables()["bronze"]
    # After a run that was killed while loading nobody knows what it changed.
    fresh = {name for name in existing if name in changed or name not in known or interrupted}
    found = run.contents(work, [("bronze", name) for name in sorted(fresh)])
    with work.transaction():
        ledger.bronze_changed(work, found, run.report.run_id, now())
        ledger.put(work, "loading", None)
        if fresh:
            ledger.put(work, "unpublished", run.report.run_id)
    run.changed = frozenset(fresh)
    run.touched = bool(names) and not gone and not interrupted
    if loaded.failures and len(loaded.failures) == len(run.config.sources):
        first = loaded.failures[0]
        listed = "\n".join(f"  {f.source_db}: {f.message}" for f in loaded.failures)
        if any(f.reached for f in loaded.failures):
            raise PadmError(f"No source could be loaded; the warehouse is as it was.\n{listed}", hint=first.hint)
        raise SourceUnreachable(f"No source could be reached; the warehouse is as it was.\n{listed}", hint=first.hint)


def _clear(work: Work, run: RunState) -> set[str]:
    """Delete what bronze holds of erased people, unless that was done by this list; return the tables that changed."""
    with work.transaction():
        listed.keep(work, run.config, run.suppressed)
    if not erased.is_due(work, run.suppressed):
        return set()
    with work.transaction():
        counts = erased.purge(work, run.config, run.suppressed)
    if total := sum(counts.values()):
        ledger.put(work, "unpublished", run.report.run_id)
        run.report.notes.append(f"{rows(total)} of erased people were removed from bronze.")
        if not unfinished.found(run.config):  # a backup was restored: its files, and what was made of it, are to be cleared, too
            began = run.report.started_at.replace(microsecond=0).isoformat()
            unfinished.put(run.config, Unfinished(run.report.run_id, run.report.warehouse, "run", began, rows=counts))
    return {name.removeprefix("bronze.") for name in counts if name.startswith("bronze.")}


def _read(work: Work, run: RunState, names: Collection[str]) -> Extraction:
    from padm_ibis.extract import load_sources, tables_to_read

    if run.config.sample:
        _make_sample(run)
    with run.phase("extract", tables_to_read(run.config, names)):
        return load_sources(
            work,
            run.config,
            run_id=run.report.run_id,
            resources=names,
            full_refresh=run.request.full_refresh,
            reconcile=run.request.reconcile,
            accept_drop=[name.removeprefix("bronze.") for name in run.request.accept_drop],
            suppressed=run.suppressed,
            progress=run.progress,
        )


def _make_sample(run: RunState) -> None:
    from padm_ibis.config import SAMPLE_CAMPUSES

    path = next(iter(run.config.sources.values())).url.path
    assert path is not None, "the sample is a file"
    if not path.exists():
        from padm_ibis.sample import write_sample

        run.progress.note("No padm.toml: making a sample university (500 students, 2 campuses) to read from.")
        with run.phase("sample"):
            temporary = path.with_suffix(".new.duckdb")
            temporary.unlink(missing_ok=True)
            write_sample(f"duckdb://{temporary}", students=500, years=12, campuses=SAMPLE_CAMPUSES, seed=7)
            temporary.replace(path)
    run.report.notes.append(
        f"No padm.toml: the sources are a sample university of invented people, {path.parent.name}/{path.name}."
    )
