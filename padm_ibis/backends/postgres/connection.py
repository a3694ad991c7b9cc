"""Connections to a PostgreSQL warehouse, and what the server's errors mean.

No message repeats a statement's values or a password: what the server quotes in an error about data is left out.
"""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import errors as pg
from psycopg.rows import tuple_row

from padm_ibis.backends.postgres.pooler import refuse_shared
from padm_ibis.errors import BuildFailed, PadmError, WarehouseBusy, WarehouseError
from padm_ibis.sources.connection import CONNECTION
from padm_ibis.sources.hints import hint_for

if TYPE_CHECKING:
    from padm_ibis.backends.base import Rows
    from padm_ibis.config import Config

Connection = psycopg.Connection[tuple[Any, ...]]
ATTEMPTS = 3
_SESSION = {"TimeZone": "UTC", "DateStyle": "ISO"}
# A run is one transaction, however long its sources take; a process that was killed must not hold it.
_RUN = {
    "statement_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "transaction_timeout": "0",
    "lock_timeout": "30s",
    "search_path": "pg_catalog",
    "default_transaction_read_only": "off",
    "work_mem": "128MB",
    "maintenance_work_mem": "256MB",
    "jit": "off",  # measured: compiling statements of a hundred columns costs more than it saves
}
_READ = {"default_transaction_read_only": "on"}
_TRANSIENT = (pg.CannotConnectNow, pg.TooManyConnections, pg.ConnectionFailure, pg.ConnectionException)
# Trying again helps against none of these; before a session exists there is no SQLSTATE to tell.
_PERMANENT = (
    "authentication failed", "pg_hba.conf", "does not exist", "permission denied", "invalid", "certificate", "no password",
    "could not translate host name", "not permitted to log in", "ssl",
)  # fmt: skip


def connect(config: Config, *, run: bool, called: str = "warehouse") -> Connection:
    """Connect to the warehouse, trying again where that could help.

    Parameters
    ----------
    run
        Whether for a run, which writes; otherwise the session is read-only.
    called
        What an error calls the database.

    Raises
    ------
    WarehouseError
        If that fails.
    """
    from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_exponential_jitter

    try:
        for attempt in Retrying(
            stop=stop_after_attempt(ATTEMPTS),
            wait=wait_exponential_jitter(multiplier=0.3, max=3, jitter=0.3),
            retry=retry_if_exception(_may_pass),
            reraise=True,
        ):
            with attempt:
                con = _connect(config, run=run, called=called)
    except psycopg.Error as error:
        raise _unreachable(error, config, called) from None
    return con


def _connect(config: Config, *, run: bool, called: str) -> Connection:
    purpose = f"padm-ibis run {os.getpid()}@{socket.gethostname()}"[:63] if run else "padm-ibis"
    address = config.warehouse.url.libpq(CONNECTION, application_name=purpose, client_encoding="UTF8")

    def connected() -> Connection:
        return psycopg.connect(address, autocommit=True, prepare_threshold=None, row_factory=tuple_row)

    con = connected()
    try:
        refuse_shared(con, connected, config.warehouse.url, called)
        wanted = {**_SESSION, **(_RUN if run else _READ)}
        con.execute(
            "SELECT set_config(s.name, w.value, false) FROM unnest(%s::text[], %s::text[]) AS w(name, value)"
            " JOIN pg_catalog.pg_settings s ON lower(s.name) = lower(w.name)",
            [list(wanted), list(wanted.values())],
        )
    except (psycopg.Error, PadmError):
        con.close()
        raise
    if run:
        with suppress(psycopg.Error):  # not on every server's platform
            con.execute("SET client_connection_check_interval = '5s'")
    return con


def execute(con: Connection, sql: str, parameters: Sequence[Any] = ()) -> Rows:
    """Run one statement, ``?`` marking its parameters, and return its rows."""
    filled = sql.replace("%", "%%").replace("?", "%s") if parameters else sql
    cursor = con.execute(filled, parameters or None)
    return cursor.fetchall() if cursor.description else []


@contextmanager
def explained(config: Config, table: str = "") -> Iterator[None]:
    """Say of a driver's error what it means for the warehouse.

    Parameters
    ----------
    table
        The table that is being built: an error of its data is then one of the build.
    """
    try:
        yield
    except PadmError:
        raise
    except psycopg.Error as error:
        raise _explain(error, config, table) from None


def message(error: psycopg.Error, config: Config) -> str:
    """Return what the server said in one line, without values of rows and without passwords."""
    text = error.diag.message_primary or next(iter(str(error).strip().splitlines()), type(error).__name__)
    if (error.sqlstate or "")[:2] in ("22", "23"):  # errors about data quote it
        text = re.sub(r"\"[^\"]*\"|'[^']*'", "…", text)
    return " ".join(config.mask(text).split()).rstrip(".")


def _explain(error: psycopg.Error, config: Config, table: str) -> PadmError:
    text, url = message(error, config), str(config.warehouse.url)
    building = f" while building {table}" if table else ""
    state = error.sqlstate or ""
    if isinstance(error, pg.QueryCanceled):
        return WarehouseError(f"The warehouse {url} cancelled a statement{building}: {text}.")
    if isinstance(error, pg.DiskFull):
        return WarehouseError(
            f"The disk of the server of the warehouse {url} is full{building}: {text}.",
            hint="Free some space there: a run needs room for two copies of silver and gold, and of what it changes in bronze.",
        )
    if isinstance(error, pg.OutOfMemory):
        return WarehouseError(f"The server of the warehouse {url} ran out of memory{building}: {text}.")
    if isinstance(error, pg.ReadOnlySqlTransaction):
        return WarehouseError(
            f"The warehouse {url} is read-only: {text}.",
            hint="A standby server? A run needs the primary, and a role that may write.",
        )
    if isinstance(error, pg.LockNotAvailable):
        return WarehouseBusy(f"A table of the warehouse {url} is locked by another session{building}: {text}.")
    if isinstance(error, pg.InsufficientPrivilege):
        return WarehouseError(
            f"The role of the warehouse {url} may not do that{building}: {text}.",
            hint="It must own the schemas bronze, silver, gold, _padm and _padm_kept, and have CREATE on the database.",
        )
    if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError) and state[:2] in ("", "08", "57"):
        return WarehouseError(
            f"The connection to the warehouse {url} was lost{building}: {text}.",
            hint="The server has undone what the run did; readers keep the last version. Run again.",
        )
    if table:
        return BuildFailed(f"{table} could not be built: {text}")
    return WarehouseError(f"The warehouse {url} refused a statement: {text}.")


def _may_pass(error: BaseException) -> bool:
    if isinstance(error, _TRANSIENT):
        return True
    return isinstance(error, psycopg.OperationalError) and not any(word in str(error).lower() for word in _PERMANENT)


def _unreachable(error: psycopg.Error, config: Config, called: str) -> WarehouseError:
    text = " ".join(config.mask(str(error)).split()).rstrip(".")
    hint = hint_for(text) or f"Check host, port and database of the {called}'s URL, and whether the server is up."
    return WarehouseError(f"The {called} {config.warehouse.url} cannot be reached: {text}.", hint=hint)
