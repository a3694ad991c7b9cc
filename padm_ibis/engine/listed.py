"""The list of people who were erased, which keeps them away.

It stands in the warehouse (``_padm.suppressed``), since several machines may run on one, and in the working folder,
since a warehouse may be damaged, deleted or restored from an old backup. Whatever one of them lacks, the other gives.
"""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from padm_ibis import access, atomic
from padm_ibis.backends.base import Reader, Work
from padm_ibis.engine import ledger
from padm_ibis.engine.journal import Journal
from padm_ibis.extract.store import LEDGER
from padm_ibis.extract.suppression import TABLE, Suppressed, incomplete, marks_in
from padm_ibis.sources.values import literal

if TYPE_CHECKING:
    from padm_ibis.config import Config

FILE = "suppressed.json"
KNOWN = "suppressed"
"""Key of ``_padm.state``, and of what a run says of itself: what is known of the list."""


def current(reader: Reader, config: Config, run_id: str = "") -> Suppressed:
    """Return who was erased, by the warehouse and by the file beside it.

    Parameters
    ----------
    run_id
        The run that asks: what it wrote down itself does not count as knowledge.

    Raises
    ------
    WarehouseError
        If marks are missing that earlier runs knew.
    ConfigError
        If they were made with another key.
    """
    stated: dict[str, Any] = json.loads(ledger.get(reader, KNOWN) or "{}")
    beside, readable = _read(config)
    marks = marks_in(reader.execute, reader.tables()) | frozenset(beside.get("marks", ()))
    known = max(int(stated.get("count", 0)), _known_to_runs(config, run_id))
    if known > len(marks) or not (readable or stated):
        raise incomplete(str(config.warehouse.url))
    if not marks:
        return Suppressed(b"")
    suppressed = Suppressed(config.hash_key(), marks)
    for place in (stated, beside):
        if "salt" in place:
            suppressed.check_key(place["salt"], place["fingerprint"])
    return suppressed


def keep(work: Work, config: Config, suppressed: Suppressed) -> None:
    """Have the list in the warehouse and in the file, whole in each."""
    if not suppressed:
        return
    with suppress(OSError):  # in the warehouse it stands; a file is one copy more
        keep_beside(config, suppressed)
    there = marks_in(work.execute, work.tables())
    stated: dict[str, Any] = json.loads(ledger.get(work, KNOWN) or "{}")
    if there == suppressed.marks and stated.get("count") == len(there):
        return
    work.execute(f"CREATE TABLE IF NOT EXISTS {LEDGER}.{TABLE} (mark VARCHAR)")
    if missing := suppressed.marks - there:
        work.execute(f"INSERT INTO {LEDGER}.{TABLE} VALUES {', '.join(f'({literal(m)})' for m in sorted(missing))}")
    ledger.put(work, KNOWN, json.dumps({"count": len(suppressed.marks), **_key(suppressed, stated.get("salt"))}))


def keep_beside(config: Config, suppressed: Suppressed) -> None:
    """Have the list in the file: from here on nobody in it is loaded again, whatever becomes of the warehouse."""
    beside, readable = _read(config)
    if readable and frozenset(beside.get("marks", ())) == suppressed.marks:
        return
    found = {"marks": sorted(suppressed.marks), **_key(suppressed, beside.get("salt"))}
    access.folder(config.state)
    atomic.write(config.state / FILE, json.dumps({**_all(config)[0], _place(config): found}, indent=1), sync=True)


def _key(suppressed: Suppressed, salt: str | None) -> dict[str, str]:
    return dict(zip(("salt", "fingerprint"), suppressed.fingerprint(salt), strict=True))


def _place(config: Config) -> str:
    """The folder beside a file is that file's own, wherever it is moved; several databases may share one."""
    return str(config.warehouse.url) if config.warehouse.url.path is None else ""


def _all(config: Config) -> tuple[dict[str, Any], bool]:
    """What the file says of every warehouse, and whether it could be read; a file that is not there says nothing."""
    try:
        found = json.loads((config.state / FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}, True
    except (OSError, ValueError):
        return {}, False
    return (found, True) if isinstance(found, dict) else ({}, False)


def _read(config: Config) -> tuple[dict[str, Any], bool]:
    found, readable = _all(config)
    return found.get(_place(config), {}), readable


def _known_to_runs(config: Config, run_id: str) -> int:
    """How many marks the last run that ended well knew, by what is written beside the warehouse."""
    journal = Journal(config)
    for name in reversed([name for name in journal.ids() if name != run_id]):
        for record in journal.records([name]):
            if record.good or record.published:
                return int(record.details.get(KNOWN) or 0)
    return 0
