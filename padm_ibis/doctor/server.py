"""A warehouse in PostgreSQL: whether a run could write there now."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from padm_ibis.define.layers import LAYERS
from padm_ibis.errors import PadmError
from padm_ibis.extras import absent
from padm_ibis.report.health import Diagnosis
from padm_ibis.sources.hints import GRANTS

if TYPE_CHECKING:
    from padm_ibis.backends.postgres.connection import Connection
    from padm_ibis.config import Config

_SUBJECT = "warehouse"
_HELD = 60
"""Seconds after which a lock that others hold is worth a warning."""


def warehouse(config: Config) -> Iterator[Diagnosis]:
    """Connect as a reader and ask the server what a run would need."""
    if absent("postgres"):  # said under versions, with what to install
        return
    from padm_ibis.backends.postgres.connection import connect, explained

    began = time.perf_counter()
    try:
        con = connect(config, run=False)
    except PadmError as error:
        yield Diagnosis("error", _SUBJECT, error.message, error.hint)
        return
    try:
        with explained(config):
            took = (time.perf_counter() - began) * 1000
            yield Diagnosis("ok", _SUBJECT, f"connected in {took:.0f} ms: {config.warehouse.url}")
            yield from _server(con)
            yield from _rights(con)
            yield from _locks(con)
    except PadmError as error:
        yield Diagnosis("error", _SUBJECT, error.message, error.hint)
    finally:
        con.close()


def _server(con: Connection) -> Iterator[Diagnosis]:
    from padm_ibis.backends.postgres.foresee import OLDEST_SERVER

    version, encoding, standby, user, secure, published = _row(
        con,
        "SELECT current_setting('server_version'), current_setting('server_encoding'), pg_is_in_recovery(), current_user::text,"
        " (SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), to_regclass('_padm.state') IS NOT NULL",
    )
    kind = "a standby" if standby else "the primary"
    text = f"PostgreSQL {version}, {kind}, user {user}, {encoding}, {'TLS' if secure else 'no TLS'}"
    yield Diagnosis("ok", _SUBJECT, text + ("" if published else "; nothing was published yet"))
    if con.info.server_version < OLDEST_SERVER:
        least = f"PostgreSQL {OLDEST_SERVER // 10000}"
        yield Diagnosis("error", _SUBJECT, f"the server is older than {least}", f"Move the warehouse to {least} or later.")
    if encoding != "UTF8":
        advice = "CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0, and name that one."
        yield Diagnosis("error", _SUBJECT, f"the database is encoded in {encoding}; it must be UTF8", advice)
    if standby:
        advice = "Name the primary; readers may use the standby."
        yield Diagnosis("error", _SUBJECT, "the server is a standby, and a standby is read-only", advice)


def _rights(con: Connection) -> Iterator[Diagnosis]:
    may_create, database = _row(con, "SELECT has_database_privilege(current_database(), 'CREATE'), current_database()::text")
    if not may_create:
        yield Diagnosis("error", _SUBJECT, f"the role may not make schemas in the database {database}", GRANTS)
    foreign = con.execute(
        "SELECT nspname::text, pg_get_userbyid(nspowner)::text FROM pg_namespace"
        " WHERE nspname = ANY(%s) AND NOT pg_has_role(nspowner, 'USAGE') ORDER BY 1",
        [[*LAYERS, "_padm", "_padm_kept"]],
    ).fetchall()
    if foreign:
        listed = ", ".join(f"{schema} (of {owner})" for schema, owner in foreign)
        text = f"the role does not own these schemas, which a run replaces: {listed}"
        yield Diagnosis("error", _SUBJECT, text, f"{GRANTS} Or use a database of its own.")


def _locks(con: Connection) -> Iterator[Diagnosis]:
    """Another run, and sessions that would keep a run from replacing tables."""
    from padm_ibis.backends.postgres.lock import holders

    for _, name, _, began in holders(con):
        who = str(name or "").removeprefix("padm-ibis run ") or "somebody"
        since = f" since {began}" if began else ""
        yield Diagnosis("warning", _SUBJECT, f"a run of {who} is going on{since}", "A second one would end with exit code 4.")
        return
    held = con.execute(
        "SELECT n.nspname || '.' || c.relname, l.pid, max(extract(epoch FROM clock_timestamp() - a.xact_start))::int"
        " FROM pg_locks l JOIN pg_class c ON c.oid = l.relation JOIN pg_namespace n ON n.oid = c.relnamespace"
        " JOIN pg_stat_activity a USING (pid) WHERE l.granted AND n.nspname = ANY(%s) AND l.pid <> pg_backend_pid()"
        " AND (l.mode NOT IN ('AccessShareLock', 'RowShareLock') OR c.relkind = 'v')"
        " GROUP BY 1, 2 HAVING max(extract(epoch FROM clock_timestamp() - a.xact_start)) >= %s ORDER BY 3 DESC LIMIT 3",
        [[*LAYERS, "_padm"], _HELD],
    ).fetchall()
    for table, pid, seconds in held:
        text = f"{table} has been locked by the server process {pid} for {seconds} seconds"
        advice = f"End that session, or SELECT pg_terminate_backend({pid}); a run would wait for it."
        yield Diagnosis("warning", _SUBJECT, text, advice)


def _row(con: Connection, statement: str) -> tuple[Any, ...]:
    found = con.execute(statement).fetchone()
    assert found is not None, "a SELECT without FROM has a row"
    return found
