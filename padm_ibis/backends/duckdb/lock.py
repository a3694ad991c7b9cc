"""One run at a time.

The lock is a file of its own, held with ``flock``: DuckDB's own lock on the work file is lost as soon as the
process that holds it copies the file (POSIX locks end with the first ``close``).
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from padm_ibis.backends.duckdb.files import files
from padm_ibis.errors import WarehouseBusy


@contextmanager
def held(warehouse: Path, state: Path) -> Iterator[None]:
    """Hold the lock of a warehouse.

    Raises
    ------
    WarehouseBusy
        If another run holds it.
    """
    with files(warehouse):
        state.mkdir(mode=0o700, exist_ok=True)  # the work file is as private as the warehouse at its strictest
        handle = os.open(state / "lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise WarehouseBusy(
                f"The warehouse {warehouse} is in use by another run{_holder(handle)}.",
                hint="Wait until it ends. Readers are not affected.",
            ) from None
        os.ftruncate(handle, 0)
        started = time.strftime("%Y-%m-%d %H:%M:%S")
        os.pwrite(handle, json.dumps({"pid": os.getpid(), "host": socket.gethostname(), "since": started}).encode(), 0)
        yield
        os.ftruncate(handle, 0)
    finally:
        os.close(handle)


def _holder(handle: int) -> str:
    try:
        found = json.loads(os.pread(handle, 4096, 0))
        return f" (process {found['pid']} on {found['host']}, since {found['since']})"
    except (OSError, ValueError, KeyError, TypeError):
        return ""
