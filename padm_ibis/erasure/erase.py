"""An erasure from beginning to end: find, put on the list, delete, build and publish anew, rewrite, clear copies, certify.

From the moment at which the list stands, nobody on it is ever loaded or published again; everything after it can be done
twice. So an erasure that is cut off is finished by doing all of it once more, as the next run or the next `forget` does.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from padm_ibis import access, atomic
from padm_ibis.backends.base import backend_of
from padm_ibis.backends.patience import WAIT, Patience
from padm_ibis.config import Config, load_config
from padm_ibis.engine import erased, ledger, listed, unfinished
from padm_ibis.engine.run import run
from padm_ibis.engine.state import Request
from padm_ibis.engine.unfinished import Unfinished
from padm_ibis.erasure import exports, texts
from padm_ibis.erasure.columns import people_columns
from padm_ibis.erasure.mirrors import Cleaner
from padm_ibis.erasure.people import Search, Somebody, read_hashes
from padm_ibis.errors import UsageError, WarehouseBusy, WarehouseError
from padm_ibis.report.erasure import Erasure, Removed
from padm_ibis.report.names import run_name
from padm_ibis.report.progress import Progress
from padm_ibis.sources.values import quote

if TYPE_CHECKING:
    import os

    from padm_ibis.backends.base import Reader
    from padm_ibis.extract.suppression import Suppressed

BEYOND = (
    "Backups of the warehouse, of its server and of the machines it is on.",
    "Copies that people made of its files, tables, exports and pages, and models trained on them.",
    "Blocks of files that are gone, until the file system uses them again; whoever has the old file open reads on.",
    "The sources: what is to be erased there is erased there.",
)
"""What no erasure from here reaches."""


def forget(
    *,
    persona: Sequence[str] | str = (),
    documento: str | os.PathLike[str] | None = None,
    export: Sequence[str | os.PathLike[str]] | str | os.PathLike[str] = (),
    dry_run: bool = False,
    config: Config | str | os.PathLike[str] | None = None,
    profile: str | None = None,
    warehouse: str | None = None,
    progress: Progress | None = None,
    wait: float = WAIT,
) -> Erasure:
    """Erase people from the warehouse and from what was made of it, and keep them away.

    Parameters
    ----------
    persona
        ``SOURCE:ID``, or several: a source's name and its number of the person.
    documento
        A file of hashes of documents, one a line, as ``dim_persona.documento_hash`` has them: whoever has one, in every
        source, now or later. Where nobody is named, erasures that were cut off are finished.
    export
        Folders of exports with a manifest, besides those that were made from this machine.
    dry_run
        Only count what would be removed.
    config, profile, warehouse
        As for `padm_ibis.connect`.
    wait
        Seconds to wait for whoever has the warehouse or a mirror.

    Returns
    -------
    Erasure
        With ``failed`` where a mirror or an export could not be reached: the next run tries again.

    Raises
    ------
    UsageError
        If nobody is named, or somebody who is not there: nothing was changed.
    PadmError
        If the warehouse could not be built or written; the list stands, and the next run goes on from there.
    """
    settings = config if isinstance(config, Config) else load_config(config, profile, warehouse)
    tell = progress or Progress()
    persons = [persona] if isinstance(persona, str) else list(persona)
    if not persons and documento is None and unfinished.found(settings) and (done := finish(settings, tell, wait)):
        return done[-1]
    if bool(persons) == (documento is not None):
        raise UsageError("Who is to be forgotten?", hint="--persona SOURCE:ID, or --documento with a file of hashes; not both.")
    hashes = None if documento is None else read_hashes(Path(documento))
    named = exports.check([str(export)] if not isinstance(export, Sequence) or isinstance(export, str) else [*map(str, export)])
    began = dt.datetime.now(dt.UTC).replace(tzinfo=None, microsecond=0)
    with backend_of(settings).read() as reader:
        if dry_run:
            return _looked_at(reader, settings, _found(reader, settings, persons, hashes), hashes is None, began)
    patience = Patience(wait, tell.note)
    with _alone(settings, patience):
        one = _begin(settings, persons, hashes, named, began, patience)
        return next(report for report in _finish(settings, tell, patience) if report.erasure_id == one.erasure_id)


def finish(config: Config, progress: Progress | None = None, wait: float = WAIT) -> list[Erasure]:
    """Do everything that is left of the erasures that began; return what became of each, oldest first.

    Raises
    ------
    WarehouseBusy
        If another process is about it.
    PadmError
        If the warehouse could not be built or written.
    """
    tell = progress or Progress()
    patience = Patience(wait, tell.note)
    with _alone(config, patience):
        return _finish(config, tell, patience)


def _finish(config: Config, tell: Progress, patience: Patience) -> list[Erasure]:
    waiting = unfinished.found(config)
    if not waiting:
        return []
    run(config, _request(config, patience.seconds), tell)
    with backend_of(config).open(patience) as work:
        suppressed = listed.current(work, config)
        listed.keep(work, config, suppressed)
        left = erased.abandoned(work, config)
        beyond = work.rewrite(left)
        copies = work.discard_copies()  # after it: what it replaced may be kept as an earlier version
        after = _tables(work)
        redactor = erased.redactor_of(work, config, suppressed)
    common = _blank(config, waiting[-1])
    common.removed += [Removed("copy", name) for name in copies]
    common.unreached += [*BEYOND, *beyond]
    common.unreached += [
        f"{layer}.{name}: nothing makes this table any more, and no column of it is known to name a person; look into it."
        for (layer, name), columns in left.items()
        if not columns
    ]
    columns = people_columns(config)
    exports.clear(config, [folder for one in waiting for folder in one.exports], columns, suppressed, common)
    Cleaner(config, columns, suppressed, common, patience).clear()
    texts.clear(config, redactor, common)
    return [_certified(config, one, common, after) for one in waiting]


@contextmanager
def _alone(config: Config, patience: Patience) -> Iterator[None]:
    """Hold off other processes that would do the same; runs go on meanwhile."""
    from filelock import FileLock, Timeout

    def take() -> None:
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise WarehouseBusy(
                f"Another process is erasing people from the warehouse {config.warehouse.url}.", hint="Wait until it ends."
            ) from None

    lock = FileLock(unfinished.folder(config) / "lock", mode=access.FILE, thread_local=False)
    patience.of(take)
    try:
        yield
    finally:
        lock.release()


# --- the beginning -----------------------------------------------------------------------------------------------


def _begin(
    config: Config,
    persons: Sequence[str],
    hashes: Sequence[str] | None,
    named: Sequence[str],
    began: dt.datetime,
    patience: Patience,
) -> Unfinished:
    """Find the people and put them on the list: from here on there is no way back."""
    with backend_of(config).open(patience) as work:
        ledger.ensure(work)
        somebody = _found(work, config, persons, hashes)
        known = _list(work, config)
        suppressed = known.with_marks(somebody.marks(known))
        one = Unfinished(
            run_name(began),
            str(config.warehouse.url),
            "documento" if persons == [] else "persona",
            began.isoformat(),
            somebody.persons(known),
            erased.count(work, erased.traces(work, config, suppressed)),
            _tables(work),
            list(named),
            somebody.notes,
        )
        try:
            listed.keep_beside(config, suppressed)
            unfinished.put(config, one)
        except OSError as error:
            raise WarehouseError(f"The list of erased people cannot be written in {config.state}: {error.strerror}.") from None
    return one


def _list(reader: Reader, config: Config) -> Suppressed:
    """The list as it is, or an empty one with the configuration's key."""
    return listed.current(reader, config).keyed(config.hash_key())


def _found(reader: Reader, config: Config, persons: Sequence[str], hashes: Sequence[str] | None) -> Somebody:
    search = Search(reader, config)
    return search.persons(persons) if hashes is None else search.documents(hashes)


def _looked_at(reader: Reader, config: Config, somebody: Somebody, by_number: bool, began: dt.datetime) -> Erasure:
    known = _list(reader, config)
    suppressed = known.with_marks(somebody.marks(known))
    report = Erasure(
        run_name(began), str(config.warehouse.url), "persona" if by_number else "documento", began,
        dry_run=True, people=len(somebody.persons(known)), notes=somebody.notes,
    )  # fmt: skip
    counts = erased.count(reader, erased.traces(reader, config, suppressed))
    counts |= dict(_made_of(reader, config, suppressed))
    report.removed = [Removed("warehouse", name, rows) for name, rows in counts.items()]
    return report


def _made_of(reader: Reader, config: Config, suppressed: Suppressed) -> Iterable[tuple[str, int]]:
    """Yield the rows of silver and gold that name them."""
    named = people_columns(config)
    for layer in ("silver", "gold"):
        for name in sorted(reader.tables()[layer]):
            place = f"{quote(layer)}.{quote(name)}"
            if condition := erased.theirs(reader.execute, place, named.get(name, {}), suppressed):
                yield f"{layer}.{name}", int(reader.execute(f"SELECT count(*) FROM {place} WHERE {condition}")[0][0])


# --- the end -----------------------------------------------------------------------------------------------------


def _request(config: Config, wait: float) -> Request:
    """Ask for what there is, built as it was for the date that it speaks for."""
    with backend_of(config).read() as reader:
        known = ledger.records(reader).values()
    dates = [json.loads(record.params).get("as_of") for record in known if record.params]
    day = max((text for text in dates if text), default=None)
    layers = {record.layer for record in known}
    last = next((layer for layer in ("gold", "silver") if layer in layers), "bronze")
    as_of = dt.date.today() if day is None else dt.date.fromisoformat(day)
    return Request(as_of=as_of, layer=last, extract=False, wait=wait)


def _tables(reader: Reader) -> dict[str, int]:
    return {f"{r.layer}.{r.name}": r.rows for r in ledger.records(reader).values() if r.layer != "bronze"}


def _blank(config: Config, one: Unfinished) -> Erasure:
    return Erasure(one.erasure_id, str(config.warehouse.url), one.asked_by, one.began)


def _certified(config: Config, one: Unfinished, common: Erasure, after: dict[str, int]) -> Erasure:
    """Write the certificate of one erasure; it is done when nothing failed."""
    report = _blank(config, one)
    report.people, report.marks, report.notes = len(one.people), list(one.people), list(one.notes)
    report.removed = [Removed("warehouse", name, rows) for name, rows in one.rows.items()]
    report.removed += [
        Removed("warehouse", name, before - after[name])
        for name, before in one.tables.items()
        if before > after.get(name, before)
    ]
    report.removed += common.removed
    report.unreached, report.failed = list(common.unreached), list(common.failed)
    report.ended_at = dt.datetime.now(dt.UTC).replace(tzinfo=None, microsecond=0)
    path = unfinished.certificate(config, one.erasure_id)
    report.certificate = str(path)
    atomic.write(path, report.json() + "\n", sync=True)
    if not report.failed:
        unfinished.done(config, one)
    return report
