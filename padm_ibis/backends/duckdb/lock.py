"""One run at a time.

The lock is a file of its own: DuckDB's own lock on the work file is lost as soon as the process that holds it copies the
file (POSIX locks end with the first ``close``). The system gives the lock up when the process that holds it ends, however
it ends; where a file system has no such locks, `filelock` recognises those of dead processes.
"""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from padm_ibis import access, atomic
from padm_ibis.backends.duckdb.files import files
from padm_ibis.backends.patience import Patience
from padm_ibis.errors import WarehouseBusy

NOTE = "lock.json"
"""Beside the lock: who holds it."""


@contextmanager
def held(warehouse: Path, state: Path, patience: Patience) -> Iterator[None]:
    """Hold the lock of a warehouse.

    Raises
    ------
    WarehouseBusy
        If another run still holds it after ``patience``; names the machine, the process and since when.
    """
    from filelock import FileLock, Timeout  # takes a twentieth of a second, and readers need none

    lock = FileLock(state / "lock", mode=access.FILE, thread_local=False)

    def take() -> None:
        with files(warehouse):
            try:
                lock.acquire(timeout=0)
            except Timeout:
                raise WarehouseBusy(
                    f"The warehouse {warehouse} is in use by another run{_holder(state / NOTE)}.",
                    hint="Wait until it ends, or for longer: --wait SECONDS. Readers are not affected.",
                ) from None

    with files(warehouse):
        access.folder(state)
    patience.of(take)
    try:
        with files(warehouse):
            atomic.write(state / NOTE, json.dumps(_me()))
        yield
    finally:
        (state / NOTE).unlink(missing_ok=True)
        lock.release()


def _me() -> dict[str, object]:
    return {"pid": os.getpid(), "host": socket.gethostname(), "since": time.strftime("%Y-%m-%d %H:%M:%S")}


def _holder(note: Path) -> str:
    try:
        found = json.loads(note.read_text(encoding="utf-8"))
        return f" (process {found['pid']} on {found['host']}, since {found['since']})"
    except (OSError, ValueError, KeyError, TypeError):
        return ""
