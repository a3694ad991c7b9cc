"""What the command does, for Python: `run`, `plan`, `check` and `rollback`. Each subcommand calls one of these and prints."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Sequence
from contextlib import suppress

from padm_ibis import notify
from padm_ibis.backends.patience import WAIT
from padm_ibis.config import SAMPLE_AS_OF, Config, load_config
from padm_ibis.engine import unfinished
from padm_ibis.engine.run import run as _run
from padm_ibis.engine.state import Request
from padm_ibis.errors import ConfigError, PadmError, UsageError, WarehouseError
from padm_ibis.report.check import CheckReport
from padm_ibis.report.plan import Plan, Step
from padm_ibis.report.progress import Progress
from padm_ibis.report.run import RunReport
from padm_ibis.report.versions import Rollback

Settings = Config | str | os.PathLike[str] | None


def run(
    *,
    layer: str | None = None,
    select: Sequence[str] | str = (),
    as_of: dt.date | str | None = None,
    full_refresh: Sequence[str] | str | bool = False,
    only: bool = False,
    reconcile: bool = False,
    publish: bool = False,
    accept_drop: Sequence[str] | str = (),
    config: Settings = None,
    profile: str | None = None,
    warehouse: str | None = None,
    progress: Progress | None = None,
    run_id: str | None = None,
    wait: float = WAIT,
) -> RunReport:
    """Extract, build, check and publish.

    Parameters
    ----------
    layer
        The last layer to build: ``bronze``, ``silver`` or ``gold`` (the default).
    select
        Names or patterns of tables; what they read is built too.
    as_of
        The date the warehouse speaks for; by default today, for the sample university the day its data ends.
    full_refresh
        True reads all bronze tables from the beginning, names only those.
    only
        Keep to the named layer, or, without one, to the selected tables.
    reconcile
        Compare bronze with its sources, row by row, before anything is built on it.
    publish
        Publish, afterwards, to every target of ``[publish]`` whose tables passed; what became of each is in the
        report's ``publications``.
    accept_drop
        Bronze tables, ``name`` or ``source.name``, that may lose more rows than `max_shrinkage` of their source allows.
    run_id
        Its name, of `padm_ibis.report.names.run_name`; by default a new one.
    wait
        Seconds to wait for whoever has the warehouse: another run, or a program that writes in its file.
    config, profile, warehouse
        As for `padm_ibis.connect`.

    Raises
    ------
    PadmError
        If anything went wrong before that; readers keep the last good version, and the error's ``report`` says how far it came.
    """
    settings = settings_of_run(config, profile, warehouse)
    request = Request(
        as_of=_as_of(as_of, settings),
        layer=layer,
        select=split_names(select),
        only=only,
        full_refresh=() if full_refresh is True else None if full_refresh is False else split_names(full_refresh),
        reconcile=reconcile,
        accept_drop=split_names(accept_drop),
        run_id=run_id,
        wait=wait,
    )
    with notify.Watch(settings) as watch:
        report = _run_and_publish(settings, request, progress) if publish else _run(settings, request, progress)
        _finish_erasures(settings, report, progress, wait)
        watch.ended(report)
    return report


def _finish_erasures(config: Config, report: RunReport, progress: Progress | None, wait: float) -> None:
    """Do what an erasure that was cut off left to do; a run does not fail for it."""
    if not unfinished.found(config):
        return
    from padm_ibis import erasure

    try:
        for one in erasure.finish(config, progress, wait):
            left = "; ".join(one.failed)
            report.notes.append(f"An erasure {f'is not finished: {left}' if left else 'was finished'} ({one.certificate}).")
    except PadmError as error:
        report.notes.append(f"An erasure is not finished: {config.mask(error.message)} padm-ibis forget tries again.")


def _run_and_publish(config: Config, request: Request, progress: Progress | None) -> RunReport:
    from padm_ibis import publish as publications

    tell = (progress or Progress()).note
    goals = publications.destinations(config)
    try:
        report = _run(config, request, progress)
    except PadmError as error:
        if isinstance(error.report, RunReport):
            error.report.publications = publications.publish_nothing(config, goals, "the run failed", tell)
        raise
    report.publications = publications.publish_passed(config, goals, tell, request.wait)
    return report


def plan(
    *,
    layer: str | None = None,
    select: Sequence[str] | str = (),
    as_of: dt.date | str | None = None,
    only: bool = False,
    config: Settings = None,
    profile: str | None = None,
    warehouse: str | None = None,
) -> Plan:
    """Say what `run` would build and why, without reading a source or writing anything."""
    from padm_ibis.backends.base import backend_of
    from padm_ibis.definitions import Definitions
    from padm_ibis.engine import ledger

    settings = _config(config, profile, warehouse, secrets=False)
    definitions = Definitions(settings)
    day = _as_of(as_of, settings)
    nodes = definitions.dag.select(layer, split_names(select), only=only)
    try:
        with backend_of(settings).read() as reader:
            known = ledger.records(reader)
    except WarehouseError:
        known = {}
    stale = ledger.why_stale(nodes, known, definitions.fingerprints, definitions.params(day).plain())
    steps = []
    for node in nodes:
        if node.layer == "bronze":
            names = [s.name for s in settings.sources.values() if s.resources is None or node.name in s.resources]
            steps.append(Step("bronze", node.name, "load", f"from {', '.join(names)}" if names else "from no source"))
        elif node.name in stale:
            steps.append(Step(node.layer, node.name, "build", stale[node.name]))
        else:
            steps.append(Step(node.layer, node.name, "keep", "up to date, unless its sources have news"))
    return Plan(str(settings.warehouse.url), settings.described, day, tuple(steps))


def check(
    *,
    layer: str | None = None,
    select: Sequence[str] | str = (),
    config: Settings = None,
    profile: str | None = None,
    warehouse: str | None = None,
    sources: bool = True,
    progress: Progress | None = None,
    wait: float = WAIT,
) -> CheckReport:
    """Validate what is published: contracts, integrity and, with ``sources``, counts against the source and freshness.

    What was found is written down in the warehouse, after ``wait`` seconds at most for whoever has it.
    """
    from padm_ibis.engine.check import check_warehouse

    settings = _config(config, profile, warehouse, secrets=sources)
    return check_warehouse(settings, layer, split_names(select), sources=sources, progress=progress or Progress(), wait=wait)


def rollback(
    run: str | None = None,
    *,
    config: Settings = None,
    profile: str | None = None,
    warehouse: str | None = None,
    progress: Progress | None = None,
    wait: float = WAIT,
) -> Rollback:
    """Bring readers back to a version that is kept; `padm_ibis.history` lists them.

    What was read from the sources stays: the next run goes on from the newest state and, if it ends well, publishes again.

    Parameters
    ----------
    run
        The run that published it, or the beginning of its name; by default the version before the one readers see.
    wait
        Seconds to wait for whoever has the warehouse.
    config, profile, warehouse
        As for `padm_ibis.connect`.

    Raises
    ------
    UsageError
        If no such version is kept; lists those that are.
    WarehouseError
        If it is damaged, or would take something along that people made; readers keep what they see.
    """
    from padm_ibis.engine.rollback import roll_back

    settings = _config(config, profile, warehouse, secrets=False)
    return roll_back(settings, run, wait=wait, tell=(progress or Progress()).note)


def settings_of_run(config: Settings = None, profile: str | None = None, warehouse: str | None = None) -> Config:
    """Return the configuration of a run; if it is wrong, whoever can be told is told.

    Raises
    ------
    ConfigError
        If anything is wrong with it.
    """
    try:
        return _config(config, profile, warehouse)
    except ConfigError as error:
        assert not isinstance(config, Config), "one that was read is not wrong"
        with suppress(ConfigError):  # what says whom to tell may be wrong, too
            known = load_config(config, profile, warehouse, only=("warehouse", "mail", "webhook"))
            notify.tell_wrong_configuration(known, error)
        raise


def _as_of(given: dt.date | str | None, config: Config) -> dt.date:
    """The date of a run: as given, else that of the sample, else today."""
    return SAMPLE_AS_OF if given is None and config.sample else date(given)


def date(text: dt.date | str | None) -> dt.date:
    """Return the date that ``--as-of`` means; the one place where today is asked for.

    Raises
    ------
    UsageError
        If it is no date.
    """
    if text is None:
        return dt.date.today()
    if isinstance(text, dt.datetime):
        return text.date()
    if isinstance(text, dt.date):
        return text
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise UsageError(f"as_of: {text!r} is not a date.", hint="Write it as YYYY-MM-DD, such as 2025-02-28.") from None


def split_names(given: Sequence[str] | str) -> tuple[str, ...]:
    """Return the names in texts that may hold several, with commas between."""
    texts = [given] if isinstance(given, str) else given
    return tuple(name.strip() for text in texts for name in text.split(",") if name.strip())


def _config(config: Settings, profile: str | None, warehouse: str | None, *, secrets: bool = True) -> Config:
    return config if isinstance(config, Config) else load_config(config, profile, warehouse, secrets=secrets)
