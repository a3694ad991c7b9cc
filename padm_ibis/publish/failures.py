"""What the errors of drivers mean for a publication: which side, which table, and what to do; no values, no passwords."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import duckdb
import pyarrow as pa

from padm_ibis.config import Config, Url
from padm_ibis.disk import is_full
from padm_ibis.errors import WarehouseBusy, WarehouseError
from padm_ibis.sources.messages import driver_message

# DuckDB hands on what a server said without its code; servers may speak Spanish here.
_READ_ONLY = ("read-only", "readonly", "sólo lectura", "solo lectura")
_LOST = (
    "server closed the connection", "terminating connection", "terminando la conexión", "connection is closed",
    "the connection is lost", "connection to server", "could not receive data", "could not send data", "connection not open",
    "ssl connection has been closed", "no connection to the server",
)  # fmt: skip


def driver_errors() -> tuple[type[Exception], ...]:
    """Return what a database, a disk or Arrow may raise; a mistake of ours is none of these and is not hidden."""
    found: list[type[Exception]] = [OSError, sqlite3.Error, duckdb.Error, pa.ArrowException]
    for module in ("psycopg", "adbc_driver_manager"):
        if find_spec(module) is not None:
            found.append(import_module(module).Error)
    return tuple(found)


@contextmanager
def explained(config: Config, url: Url, table: str = "") -> Iterator[None]:
    """Say of a driver's error what it means for the publication to ``url``.

    Parameters
    ----------
    table
        The one that was being published.

    Raises
    ------
    WarehouseError
        In place of the driver's error.
    """
    try:
        yield
    except driver_errors() as error:
        raise explain(error, config, url, table) from None


def explain(error: Exception, config: Config, url: Url, table: str) -> WarehouseError:
    """Return the error to raise for a driver's."""
    text, state = _message(error, config), str(getattr(error, "sqlstate", None) or "")
    said, where = text.lower(), f" while {table} was published" if table else ""
    kept = "the target keeps what it had"
    if state == "53100" or is_full(error) or is_full(text):
        return WarehouseError(
            f"The disk of {url} is full{where}; {kept}.", hint="Free some space: it must hold its tables twice for a moment."
        )
    if state == "25006" or _says(said, _READ_ONLY):
        return WarehouseError(
            f"The target {url} is read-only{where}: {text}.",
            hint="A standby server? Publish to the primary, as a role that may write.",
        )
    if state == "42501":
        return WarehouseError(
            f"The role of {url} may not do that{where}: {text}; {kept}.",
            hint="It needs CREATE on the database and on the schemas of the tables, and must own the tables it replaces.",
        )
    if state == "55P03":
        return WarehouseBusy(f"A table of {url} is locked by another session{where}: {text}; {kept}.", hint="Publish again.")
    if state[:2] in ("08", "57") or _says(said, _LOST):
        return WarehouseError(f"The connection to {url} was lost{where}: {text}; {kept}.", hint="Publish again.")
    return WarehouseError(f"{table or 'The tables'} could not be published to {url}: {text}; {kept}.")


def _says(text: str, phrases: tuple[str, ...]) -> bool:
    return any(phrase in text for phrase in phrases)


def _message(error: Any, config: Config) -> str:
    """One line, without values of rows and without passwords."""
    if hasattr(error, "diag"):
        from padm_ibis.backends.postgres.connection import message

        return message(error, config)
    return config.mask(driver_message(error))
