"""DuckDB sessions, statements, and what DuckDB's errors mean for a warehouse."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from padm_ibis import disk
from padm_ibis.define.layers import LAYERS
from padm_ibis.errors import BuildFailed, PadmError, WarehouseBusy, WarehouseDamaged, WarehouseError
from padm_ibis.extract.store import LEDGER
from padm_ibis.sources.messages import tells_of_damage

if TYPE_CHECKING:
    from ibis.backends.sql import SQLBackend

    from padm_ibis.config import Config

PUBLISHED = "published"
"""Key of ``_padm.state``: the run whose version a file is."""


def ibis_over(raw: duckdb.DuckDBPyConnection) -> SQLBackend:
    """Return an Ibis connection over a session that is open; importing Ibis takes half a second."""
    import ibis

    from padm_ibis.define.compile import safe

    return safe(ibis.duckdb.from_connection(raw))


def settings_of(config: Config) -> dict[str, Any]:
    """Return what the configuration says of memory and threads, as DuckDB's settings."""
    chosen = {"memory_limit": config.warehouse.memory_limit, "threads": config.warehouse.threads}
    return {name: str(value) for name, value in chosen.items() if value is not None}


def tables_of(raw: duckdb.DuckDBPyConnection) -> dict[str, frozenset[str]]:
    """Return the names of the tables that exist, by layer."""
    found = raw.execute(
        "SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = current_database() AND NOT temporary"
    ).fetchall()
    return {layer: frozenset(name for schema, name in found if schema == layer) for layer in (*LAYERS, LEDGER)}


def run_of(raw: duckdb.DuckDBPyConnection) -> str | None:
    """Return the run that published a file; earlier versions of this library did not write it down, but for the history."""
    known = tables_of(raw)[LEDGER]
    if "state" in known:
        found = raw.execute(f"SELECT value FROM {LEDGER}.state WHERE key = '{PUBLISHED}'").fetchone()
        if found is not None:
            return str(found[0])
    if "runs" not in known:
        return None
    found = raw.execute(
        f"SELECT run_id FROM {LEDGER}.runs WHERE status IN ('ok', 'partial') ORDER BY started_at DESC, run_id DESC LIMIT 1"
    ).fetchone()
    return found[0] if found else None


def filled(sql: str, parameters: Sequence[Any]) -> str:
    """Write parameters into the statement: binding them makes DuckDB import pandas, which costs more than the run."""
    if not parameters:
        return sql
    parts = sql.split("?")
    assert len(parts) == len(parameters) + 1, "as many values as question marks"
    return "".join(part + _literal(value) for part, value in zip(parts, parameters, strict=False)) + parts[-1]


def _literal(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bool | int | float):
        return str(value)
    return "'" + str(value).replace("'", "''") + "'"


def quoted(path: Path) -> str:
    """Return a path as it stands between the quotes of a statement."""
    return str(path).replace("'", "''")


@contextmanager
def statements(warehouse: Path, table: str = "") -> Iterator[None]:
    """Say of DuckDB's error what it means for the warehouse."""
    try:
        yield
    except PadmError:
        raise
    except duckdb.InterruptException:
        raise KeyboardInterrupt from None
    except (duckdb.OutOfMemoryException, duckdb.IOException, duckdb.FatalException) as error:
        raise explained(error, warehouse, table) from None
    except duckdb.Error as error:
        if disk.is_full(error):  # a COMMIT that cannot be written is told as an error of the transaction
            raise explained(error, warehouse, table) from None
        if not table:
            raise
        # Values in a message may be personal data; names of columns and types are not.
        text = re.sub(r"'[^']*'", "'…'", str(error).strip().splitlines()[0])
        raise BuildFailed(f"{table} could not be built: {text}") from None


def explained(error: duckdb.Error, path: Path, table: str = "") -> WarehouseError:
    """Return what DuckDB's error means for the warehouse, or, where one is being built, for the table."""
    text = str(error).strip().splitlines()[0]
    while_building = f" while building {table}" if table else ""
    if "Conflicting lock" in text or "Could not set lock" in text:
        holder = re.search(r"lock is held in (.+?)(?:\. See|$)", text)
        who = f": {holder[1]} on {socket.gethostname()}" if holder else ""
        return WarehouseBusy(
            f"The warehouse {path} is open for writing in another program{who}.", hint="Close it there, or open it read-only."
        )
    if disk.is_full(text):
        told, hint = disk.full(text, path.parent, path)
        return WarehouseError(f"{told}{while_building}: the warehouse {path.name} could not be written.", hint=hint)
    if isinstance(error, duckdb.OutOfMemoryException):
        return WarehouseError(
            f"DuckDB ran out of memory{while_building}: {text}", hint="Set [warehouse] memory_limit, e.g. '4GB'."
        )
    if tells_of_damage(text):
        return not_readable(path, text)
    return WarehouseError(f"The warehouse {path} cannot be used{while_building}: {text}")


def not_readable(path: Path, why: str) -> WarehouseDamaged:
    """Return the error that says of a file why it is no warehouse."""
    return WarehouseDamaged(
        f"{path} is not a DuckDB file this version can read: {why.rstrip('.')}.",
        hint="`padm-ibis run` sets it aside and builds it anew from the sources; or restore it from a backup.",
    )
