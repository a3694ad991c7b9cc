"""What bronze held before: of each row that a run changed or took away, the old one, so that bronze can be had as it was.

Bronze is updated in place, as rows, and readers see it so. A *step* is what one run, or one rollback, changed in it. Rows
that came are known by their ``_run_id``; rows that went are written here. So a run pays for what differs, not for what is there.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from padm_ibis.backends.postgres.connection import execute
from padm_ibis.sources.values import literal, quote

if TYPE_CHECKING:
    from padm_ibis.backends.postgres.connection import Connection

SCHEMA = "_padm_kept"
TABLES = {
    "steps": "step bigint, run_id text",
    "rows": "seq bigint GENERATED ALWAYS AS IDENTITY, step bigint, resource text, row_key jsonb, row_data text",
    "keys": "resource text, key_columns text",
}


def ensure(con: Connection) -> None:
    """Make the tables where they are missing; nobody but their owner reads them."""
    con.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
    for name, columns in TABLES.items():
        con.execute(f"CREATE TABLE IF NOT EXISTS {SCHEMA}.{name} ({columns})")


def last_step(con: Connection) -> int:
    """Return the step after which bronze is as it is now."""
    return int(execute(con, f"SELECT coalesce(max(step), 0) FROM {SCHEMA}.steps")[0][0])


def begin(con: Connection, run_id: str | None) -> int:
    """Begin a step, of a run or, without one, of a rollback; return its number."""
    step = last_step(con) + 1
    execute(con, f"INSERT INTO {SCHEMA}.steps VALUES (?, ?)", [step, run_id])
    return step


def deleting(table: str, condition: str, step: int, resource: str, key: Sequence[str]) -> str:
    """Return the statement that takes rows away and writes them down; it touches as many rows as go.

    Parameters
    ----------
    table
        Qualified and quoted; ``t`` in the condition, which may begin with ``USING``.
    """
    return (
        f"WITH gone AS (DELETE FROM {table} t {condition} RETURNING t.*) INSERT INTO {SCHEMA}.rows"
        f" (step, resource, row_key, row_data) SELECT {step}, {literal(resource)}, {_key('gone', key)}, row_to_json(gone)::text"
        " FROM gone"
    )


def know_key(con: Connection, resource: str, key: Sequence[str]) -> None:
    """Keep by which columns the rows of a table are told apart."""
    execute(con, f"DELETE FROM {SCHEMA}.keys WHERE resource = ?", [resource])
    execute(con, f"INSERT INTO {SCHEMA}.keys VALUES (?, ?)", [resource, json.dumps(list(key))])


def go_to(con: Connection, step: int) -> None:
    """Make bronze what it was after a step; that is a step of its own, so there is a way back."""
    found = execute(
        con,
        f"SELECT k.resource, k.key_columns FROM {SCHEMA}.keys k"
        " WHERE to_regclass(format('bronze.%I', k.resource)) IS NOT NULL ORDER BY 1",
    )
    new = begin(con, None)
    for resource, key in found:
        _bring(con, resource, json.loads(key), step, new)


def _bring(con: Connection, resource: str, key: Sequence[str], step: int, new: int) -> None:
    """Of each key that was touched since, the row that was there then, if any, takes the place of the one that is there now."""
    table, later = f"bronze.{quote(resource)}", f"(SELECT run_id FROM {SCHEMA}.steps WHERE step > {step} AND step < {new})"
    con.execute(
        "CREATE TEMP TABLE padm_then ON COMMIT DROP AS SELECT row_key, CASE WHEN row_data::json ->> '_run_id' IN"
        f" {later} THEN NULL ELSE row_data END AS row_data FROM (SELECT DISTINCT ON (row_key) row_key, row_data"
        f" FROM {SCHEMA}.rows WHERE resource = {literal(resource)} AND step > {step} AND step < {new} ORDER BY row_key, seq) f"
    )
    con.execute("ANALYZE pg_temp.padm_then")
    touched = f"WHERE t._run_id IN {later} OR {_key('t', key)} IN (SELECT row_key FROM pg_temp.padm_then)"
    con.execute(deleting(table, touched, new, resource, key))
    con.execute(
        f"INSERT INTO {SCHEMA}.rows (step, resource, row_key) SELECT {new}, {literal(resource)}, f.row_key"
        f" FROM pg_temp.padm_then f WHERE f.row_data IS NOT NULL AND NOT EXISTS (SELECT FROM {SCHEMA}.rows r"
        f" WHERE r.step = {new} AND r.resource = {literal(resource)} AND r.row_key = f.row_key)"
    )
    con.execute(
        f"INSERT INTO {table} SELECT r.* FROM pg_temp.padm_then f, json_populate_record(NULL::{table}, f.row_data::json) r"
        " WHERE f.row_data IS NOT NULL"
    )
    con.execute("DROP TABLE pg_temp.padm_then")


def forget(con: Connection, step: int | None = None) -> None:
    """Forget what was before a step, which nobody will ask for; without one, all of it."""
    if step is None:
        con.execute(f"TRUNCATE {SCHEMA}.rows, {SCHEMA}.keys")
        con.execute(f"DELETE FROM {SCHEMA}.steps WHERE step < (SELECT max(step) FROM {SCHEMA}.steps)")
        return
    con.execute(f"DELETE FROM {SCHEMA}.rows WHERE step <= {step}")
    con.execute(f"DELETE FROM {SCHEMA}.steps WHERE step < {step}")


def _key(row: str, key: Sequence[str]) -> str:
    return "jsonb_build_object(" + ", ".join(f"{literal(name)}, {row}.{quote(name)}" for name in key) + ")"
