"""One run at a time: an advisory lock, which the server gives up as soon as the session that holds it is gone."""

from __future__ import annotations

from padm_ibis.backends.base import Rows
from padm_ibis.backends.postgres.connection import Connection, execute
from padm_ibis.config import Config
from padm_ibis.errors import WarehouseBusy

LOCK = int.from_bytes(b"padm")  # advisory locks belong to one database, so one number does for all


def holders(con: Connection, key: int = LOCK) -> Rows:
    """Return who holds a lock: the server's process, what it calls itself, where from, since when (UTC)."""
    return execute(
        con,
        "SELECT a.pid, a.application_name, coalesce(a.client_hostname, host(a.client_addr)),"
        " to_char(a.backend_start AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') FROM pg_locks l"
        " JOIN pg_stat_activity a USING (pid) WHERE l.locktype = 'advisory' AND l.granted AND l.classid = 0 AND l.objid = ?"
        " AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())",
        [key],
    )


def holder(con: Connection, key: int = LOCK) -> str:
    """Return who holds a lock in words, with a space and brackets; nothing where the server does not say."""
    found = holders(con, key)
    if not found:
        return ""
    server, name, address, since = found[0]
    process = str(name or "").removeprefix("padm-ibis run ").partition("@")
    who = f"process {process[0]} on {process[2]}, " if process[2] else f"{name or 'a session'} on {address}, " if address else ""
    return f" ({who}server process {server}{f', since {since} UTC' if since else ''})"


def take(con: Connection, config: Config) -> None:
    """Hold the lock of a warehouse until the session ends; the server notices within seconds that a process is gone.

    Raises
    ------
    WarehouseBusy
        If another run holds it.
    """
    if not execute(con, "SELECT pg_try_advisory_lock(?)", [LOCK])[0][0]:
        raise WarehouseBusy(
            f"The warehouse {config.warehouse.url} is in use by another run{holder(con)}.",
            hint="Wait until it ends, or for longer: --wait SECONDS. Readers are not affected.",
        )
