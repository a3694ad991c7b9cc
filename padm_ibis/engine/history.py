"""``_padm.runs``: every run, however it ended, readable by everyone who reads the warehouse.

A run is written down when it begins (`begin`) and when it ends (`end`), in the warehouse and in a file beside it
(`engine.journal`). Whoever holds the warehouse's lock is the only run there is: what another run left as running was
killed, and is written down as that.

For notices: `read` gives all runs, and `padm_ibis.report.history.before` the one to compare a run with.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import socket
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from padm_ibis import processes
from padm_ibis.backends.base import Reader, Work, backend_of
from padm_ibis.define.code import versions
from padm_ibis.define.layers import LAYERS
from padm_ibis.engine import ledger
from padm_ibis.engine.journal import Journal
from padm_ibis.errors import WarehouseBusy, WarehouseError
from padm_ibis.report.history import RunRecord, killed, newest_first, of_report
from padm_ibis.report.versions import Comeback, Version

if TYPE_CHECKING:
    from padm_ibis.config import Config
    from padm_ibis.report.run import RunReport

_PLAIN = ("run_id", "status", "layer", "version", "seconds", "published", "tables", "rows", "warnings", "error")
_DATED = ("started_at", "finished_at", "as_of")
_JSON = ("params", "inputs", "details")
UNTOLD = "untold"
"""Key of ``_padm.state``: runs stand in the work of a run that readers' version does not tell of yet."""


def process() -> dict[str, Any]:
    """Return what tells this process from every other."""
    pid = os.getpid()
    return {"pid": pid, "host": socket.gethostname(), "born": processes.birth(pid)}


# --- written by a run, which holds the lock ------------------------------------------------------------------


def begin(work: Work, config: Config, report: RunReport) -> None:
    """Write down that a run began, and what became of those that could not say so themselves; both stay whatever happens."""
    journal = Journal(config)
    known = {run_id for (run_id,) in work.execute(f"SELECT run_id FROM {ledger.SCHEMA}.runs WHERE status <> 'running'")}
    missing = [run_id for run_id in journal.ids() if run_id not in known]
    left = _records(work, "status = 'running'")
    found = {r.run_id: r for r in left} | {r.run_id: r for r in journal.records(missing)}
    for record in found.values():
        over = record if record.ended else killed(record)
        write(work, over)
        if not over.good:
            ledger.put(work, UNTOLD, "yes")
    started = of_report(report, process(), None)
    write(work, started)
    work.keep()
    try:
        for record in (*(killed(r) for r in found.values() if not r.ended), started):
            journal.put(record)
    except OSError as error:  # a run does not stop for it; only a kill would now pass unnoticed
        report.notes.append(f"This run could not be written down in {journal.folder}: {error.strerror}.")


def end(work: Work, report: RunReport, now: dt.datetime, code: str) -> None:
    """Write down how a run ended, what its checks found and what the warehouse holds by it."""
    record = of_report(report, process(), now)
    write(work, record, code=code, contents=_contents(work))
    ledger.write_checks(work, report.run_id, report.checks, now)
    if record.published or not record.good:
        ledger.put(work, UNTOLD, None if record.published else "yes")


def show(work: Work) -> None:
    """Let readers know of runs that published nothing: of their version, only the history changes.

    Raises
    ------
    WarehouseError
        If it cannot be written; the next run tries again.
    """
    if _is_untold(work):
        with suppress(WarehouseBusy):  # somebody writes in their version: the next run tells
            work.show_history()
            ledger.put(work, UNTOLD, None)


def write(work: Work, record: RunRecord, *, code: str | None = None, contents: str | None = None) -> None:
    """Put a run into ``_padm.runs``, in place of what was said of it before."""
    plain = {name: getattr(record, name) for name in (*_PLAIN, *_DATED)}
    texts = {name: json.dumps(getattr(record, name), default=str, ensure_ascii=False) for name in _JSON}
    values = {**plain, **texts, "code": code, "versions": json.dumps(versions()), "contents": contents}
    work.execute(f"DELETE FROM {ledger.SCHEMA}.runs WHERE run_id = ?", [record.run_id])
    marks = ", ".join("?" * len(values))
    work.execute(f"INSERT INTO {ledger.SCHEMA}.runs ({', '.join(values)}) VALUES ({marks})", list(values.values()))


def _is_untold(work: Work) -> bool:
    return ledger.get(work, UNTOLD) is not None


def _contents(work: Work) -> str:
    """What every table of the warehouse holds and was made by, inputs as well as outputs."""
    found = sorted(ledger.records(work).values(), key=lambda r: (LAYERS.index(r.layer), r.name))
    return json.dumps(
        {r.name: {"layer": r.layer, "rows": r.rows, "content": r.content, "model": r.model, "made_by": r.made_by} for r in found}
    )


# --- read by anybody, without the lock -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Known:
    """What could be learned of a warehouse's runs.

    Attributes
    ----------
    runs
        Newest first; those whose process is gone as killed.
    missing
        Whether nothing was ever published.
    trouble
        Why the warehouse itself could not be asked; what stands beside it is told all the same.
    shown
        The run whose version readers see; None where there is none, or it could not be asked.
    versions
        That version and those that are kept, newest first.
    comebacks
        When readers were brought back to an earlier version, oldest first.
    """

    runs: list[RunRecord]
    missing: bool = False
    trouble: str | None = None
    shown: str | None = None
    versions: Sequence[Version] = ()
    comebacks: Sequence[Comeback] = ()


def read(config: Config) -> Known:
    """Return every run of a warehouse that is known here; never fails for the warehouse's sake, and never waits for a run."""
    backend = backend_of(config)
    known, going_on, missing, trouble, shown = list[RunRecord](), None, False, None, None
    versions, comebacks = list[Version](), list[Comeback]()
    try:
        with backend.ledger() as reader:
            if reader is None:
                missing = True
            else:
                known, going_on, shown = list(_records(reader)), reader.is_worked_on(), reader.published_run()
                missing = shown is None
                with suppress(WarehouseError):  # who may read the runs may not read these
                    versions, comebacks = reader.versions(), ledger.comebacks(reader)
    except WarehouseError as error:
        trouble = config.mask(error.message)
    runs = {record.run_id: record for record in Journal(config).records()}
    runs |= {record.run_id: record for record in known if record.ended or record.run_id not in runs}
    told = [record if record.ended or _is_alive(record, going_on) else killed(record) for record in runs.values()]
    return Known(newest_first(told), missing, trouble, shown, versions, comebacks)


def _is_alive(record: RunRecord, going_on: bool | None) -> bool:
    """Whether a run that did not end is going on: as the warehouse says, else as this machine does of its own processes."""
    if going_on is not None:
        return going_on
    found = record.details.get("process") or {}
    if found.get("host") != socket.gethostname():
        return True  # another machine's: nobody here can tell
    return processes.is_alive(int(found["pid"]), str(found.get("born") or ""))


def _records(reader: Reader, condition: str = "true") -> Iterable[RunRecord]:
    """Yield the runs that the warehouse tells of; publications into it are none."""
    if "runs" not in reader.tables()[ledger.SCHEMA]:
        return
    there = {name for (name,) in reader.execute(
        "SELECT column_name FROM information_schema.columns WHERE table_schema = ? AND table_name = 'runs'", [ledger.SCHEMA]
    )}  # fmt: skip
    names = [name for name in (*_PLAIN, *_DATED, *_JSON) if name in there]
    for row in reader.execute(f"SELECT {', '.join(names)} FROM {ledger.SCHEMA}.runs WHERE layer <> 'publish' AND {condition}"):
        yield _record(dict(zip(names, row, strict=True)))


def _record(found: Mapping[str, Any]) -> RunRecord:
    """Read a row; of a warehouse that an earlier version made, some columns are missing."""
    texts = {name: json.loads(found.get(name) or default) for name, default in zip(_JSON, ("{}", "[]", "{}"), strict=True)}
    return RunRecord(**{**found, **texts})
