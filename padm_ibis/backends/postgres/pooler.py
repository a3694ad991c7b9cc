"""Poolers between here and the server, and whether a session outlives its transactions there.

A warehouse's session has a lock and settings of its own. Where a pooler gives a connection to somebody else after each
transaction, the lock would be held by nobody who knows of it, and the settings would be another program's.
"""

from __future__ import annotations

import select
import time
from collections.abc import Callable
from contextlib import closing, suppress
from typing import TYPE_CHECKING

import psycopg
from psycopg import pq

from padm_ibis.errors import WarehouseError

if TYPE_CHECKING:
    from padm_ibis.backends.postgres.connection import Connection
    from padm_ibis.config import Url

ROUNDS = 3
"""Other programs may come between in one."""
PATIENCE = 2.0
"""Seconds in which a second connection gets a session; it gets none where the first one keeps the only one."""
NO_TRANSACTION = 0
_PID = "SELECT pg_backend_pid()"


def refuse_shared(con: Connection, again: Callable[[], Connection], url: Url, called: str) -> None:
    """Refuse a pooler that gives sessions to others between transactions.

    Parameters
    ----------
    again
        Connects once more; only called where there is a pooler.

    Raises
    ------
    WarehouseError
        If it is one.
    """
    before = _session(con)
    if before == con.info.backend_pid:  # what the server said as we connected: nobody is in between
        return
    with suppress(psycopg.OperationalError), closing(again()) as other:  # no room for a second connection proves nothing
        for _ in range(ROUNDS):
            taken = _begin(other, PATIENCE)
            if taken is None:
                return
            if taken in (before, NO_TRANSACTION) or _session(con) != before:
                break
            other.execute("ROLLBACK")
        else:
            return
        raise WarehouseError(
            f"The {called} {url} cannot be reached like this: a pooler in between gives its sessions to other programs after each"
            " transaction, and with them a run's lock and settings.",
            hint="Name the server itself, or a pool in session mode (PgBouncer: pool_mode = session for this database or user).",
        )


def _session(con: Connection) -> int:
    return int(con.execute(_PID).fetchall()[0][0])


def _begin(con: Connection, seconds: float) -> int | None:
    """Begin a transaction and return its session; None where there is none in time, or no room for one."""
    raw, until = con.pgconn, time.monotonic() + seconds
    raw.send_query(f"BEGIN; {_PID}".encode())
    found: int | None = None
    while True:
        while raw.is_busy():
            left = until - time.monotonic()
            if left <= 0 or not select.select([raw.socket], [], [], left)[0]:
                return None
            raw.consume_input()
        result = raw.get_result()
        if result is None:
            return found
        if result.status == pq.ExecStatus.TUPLES_OK:
            found = int(result.get_value(0, 0) or 0)
        elif b"transaction blocks not allowed" in (result.error_field(pq.DiagnosticField.MESSAGE_PRIMARY) or b""):
            return NO_TRANSACTION
