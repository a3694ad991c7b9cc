"""What a PostgreSQL mirror says of itself: which publication's rows a table holds, and whether anybody touched it since.

The mark of a table stands in ``_padm.mirrors`` and is written with its rows. Rows carry the number of the transaction that
wrote them: where all of them carry one of a publication's and none is missing, nobody wrote, deleted, rewrote or restored any.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from padm_ibis.engine import ledger

if TYPE_CHECKING:
    from padm_ibis.backends.postgres.connection import Connection

_TABLE = f"{ledger.SCHEMA}.mirrors"
_COLUMNS = "table_name text PRIMARY KEY, publication text, basis text, oid bigint, rows bigint, transactions text, shape text"
MOST_PUBLICATIONS = 60
"""After so many publications of changes comes a whole one, without the room that deleted rows leave, and with new statistics."""


@dataclass(frozen=True, slots=True)
class Mark:
    """What a mirror says of one of its tables.

    Attributes
    ----------
    publication
        The one after which it held these rows.
    basis
        See `padm_ibis.publish.memory.basis`.
    transactions
        Those that wrote its rows.
    shape
        Its columns, keys, and what else decides what becomes of a row that is written.
    """

    publication: str
    basis: str
    oid: int
    rows: int
    transactions: tuple[int, ...]
    shape: str


def mark_of(con: Connection, table: str) -> Mark | None:
    """Return the mark of a table; None where it has none."""
    if not con.execute("SELECT to_regclass(%s)", [_TABLE]).fetchall()[0][0]:
        return None
    found = con.execute(
        f"SELECT publication, basis, oid, rows, transactions, shape FROM {_TABLE} WHERE table_name = %s", [table]
    ).fetchone()
    if found is None:
        return None
    publication, basis, oid, rows, transactions, shape = found
    return Mark(publication, basis, oid, rows, tuple(json.loads(transactions)), shape)


def is_untouched(con: Connection, place: str, mark: Mark) -> bool:
    """Whether a table, qualified and quoted, holds what its mark says, and nobody else wrote there since."""
    if (oid_of(con, place), shape_of(con, place)) != (mark.oid, mark.shape) or len(mark.transactions) > MOST_PUBLICATIONS:
        return False
    written = "{" + ",".join(map(str, mark.transactions)) + "}"
    counted = f"SELECT count(*), count(*) FILTER (WHERE xmin = ANY(%s::xid[])) FROM {place}"
    return con.execute(counted, [written]).fetchone() == (mark.rows, mark.rows)


def put(con: Connection, table: str, mark: Mark) -> None:
    """Write the mark of a table, in the transaction that shows its rows."""
    con.execute(f"CREATE SCHEMA IF NOT EXISTS {ledger.SCHEMA}")
    con.execute(f"CREATE TABLE IF NOT EXISTS {_TABLE} ({_COLUMNS})")
    con.execute(f"DELETE FROM {_TABLE} WHERE table_name = %s", [table])
    values = [table, mark.publication, mark.basis, mark.oid, mark.rows, json.dumps(mark.transactions), mark.shape]
    con.execute(f"INSERT INTO {_TABLE} VALUES (%s, %s, %s, %s, %s, %s, %s)", values)


def oid_of(con: Connection, place: str) -> int | None:
    """Return what tells a table from another one of its name; None where there is none."""
    found = con.execute("SELECT to_regclass(%s)::oid::bigint", [place]).fetchone()
    return None if found is None else found[0]


def shape_of(con: Connection, place: str) -> str:
    """Return in one text a table's columns, its keys, and the triggers, rules and policies that people gave it."""
    found = con.execute(_SHAPE, {"place": place}).fetchone()
    return "" if found is None else str(found[0])


def writer_of(con: Connection, place: str) -> tuple[int, ...]:
    """Return the transaction that wrote a table's rows, all of them; none where it has no rows."""
    return tuple(number for (number,) in con.execute(f"SELECT xmin::text::bigint FROM {place} LIMIT 1"))


def own_transaction(con: Connection) -> int:
    """Return the number that rows carry which are written now."""
    return int(con.execute("SELECT txid_current() & 4294967295").fetchall()[0][0])


_SHAPE = """
    SELECT concat_ws('; ',
      (SELECT string_agg(concat_ws(' ', attname, format_type(atttypid, atttypmod), attnotnull, attgenerated), ', '
                         ORDER BY attnum)
       FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped),
      (SELECT string_agg(pg_get_constraintdef(oid), ', ' ORDER BY conname) FROM pg_constraint WHERE conrelid = c.oid),
      (SELECT string_agg(pg_get_triggerdef(oid), ', ' ORDER BY tgname) FROM pg_trigger
       WHERE tgrelid = c.oid AND NOT tgisinternal),
      (SELECT string_agg(rulename, ', ' ORDER BY rulename) FROM pg_rewrite WHERE ev_class = c.oid),
      c.relrowsecurity, c.relhassubclass)
    FROM pg_class c WHERE c.oid = to_regclass(%(place)s)"""
