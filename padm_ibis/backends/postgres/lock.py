"""One run at a time: an advisory lock, which the server gives up as soon as the session that holds it is gone."""

from __future__ import annotations

from padm_ibis.backends.base import Rows
from padm_ibis.backends.postgres.connection import Connection, execute
from padm_ibis.config import Config
from padm_ibis.errors import WarehouseBusy

LOCK = int.from_bytes(b"padm")  # advisory locks belong to one database, so one number does for all


def holders(con: Connection) -> Rows:
    """Return who holds the lock: the server's process, what it calls itself, since when."""
    return execute(
        con,
        "SELECT a.pid, a.application_name, to_char(a.backend_start, 'YYYY-MM-DD HH24:MI:SS') FROM pg_locks l"
        " JOIN pg_stat_activity a USING (pid) WHERE l.locktype = 'advisory' AND l.granted AND l.classid = 0 AND l.objid = ?"
        " AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())",
        [LOCK],
    )


def take(con: Connection, config: Config) -> None:
    """Hold the lock of a warehouse until the session ends.

    Raises
    ------
    WarehouseBusy
        If another run holds it.
    """
    if execute(con, "SELECT pg_try_advisory_lock(?)", [LOCK])[0][0]:
        return
    found = holders(con)
    holder = ""
    if found:
        server, name, since = found[0]
        process = str(name or "").removeprefix("padm-ibis run ").partition("@")
        who = f"process {process[0]} on {process[2]}" if process[2] else f"server process {server}"
        holder = f" ({who}, server process {server}{f', since {since}' if since else ''})"
    raise WarehouseBusy(
        f"The warehouse {config.warehouse.url} is in use by another run{holder}.",
        hint="Wait until it ends. Readers are not affected.",
    )
