"""A learning platform: how far back its log reaches, and how many of its users are persons, by which strategy.

Users and persons are compared by keyed hashes, with a key that is made for it and forgotten: no identifier is shown or kept.
"""

from __future__ import annotations

import datetime as dt
import secrets
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

import duckdb

from padm_ibis.backends.base import backend_of
from padm_ibis.errors import PadmError
from padm_ibis.extract.given import Known
from padm_ibis.extract.hashing import Hasher
from padm_ibis.extract.resolve import resolve, tables_of
from padm_ibis.report.health import Diagnosis
from padm_ibis.report.text import rows as in_words
from padm_ibis.sources.connect import Source, open_source
from padm_ibis.sources.spec import ResourceSpec, TableSpec, kind_of
from padm_ibis.sources.values import literal, quote

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from padm_ibis.config import Config, SourceConfig
    from padm_ibis.params import Lms

_LOG, _PLUGINS = "logstore_standard_log", "config_plugins"
_PURGED = "Run more often than the log is purged, or let the platform keep it longer: what is purged unread is lost."
_UNLINKED = "Look at `links` and at what the platform has in idnumber, username and email."
_USERS, _PERSONS = ("lms_usuarios", "usuario"), ("personas", "persona")


def platform(config: Config, settings: SourceConfig) -> Iterator[Diagnosis]:
    """Look at one platform, once; whether it can be read at all is told elsewhere."""
    subject = f"source {settings.name}"
    (lms,) = (
        lms for lms in config.params(dt.date(2000, 1, 1)).lms if lms.name == settings.name
    )  # any day: no link depends on it
    hasher = Hasher(secrets.token_bytes(32))
    with duckdb.connect() as con, suppress(PadmError):
        hasher.install(con)
        with _opened(settings, con) as source:
            yield from _log(config, source, subject)
            users = _take(source, *_USERS)
        served = [name for name in lms.serves if "personas" in kind_of(config.sources[name]).resources]
        persons = 0
        for name in served:
            with suppress(PadmError), _opened(config.sources[name], con) as source:
                persons += _take(source, *_PERSONS)
        if users and persons:
            yield from _links(con, config, lms, subject)


class _opened:  # noqa: N801 - used as `with _opened(…)`
    """A source attached to a session, without trying again."""

    def __init__(self, settings: SourceConfig, con: duckdb.DuckDBPyConnection) -> None:
        self.source = open_source(settings.model_copy(update={"connect_retries": 0}), con)

    def __enter__(self) -> Source:
        self.source.attach()
        return self.source

    def __exit__(self, *_: object) -> None:
        self.source.detach()


def _take(source: Source, resource: str, number: str) -> int:
    """Put who there is into the session, as hashes; return how many."""
    kind = kind_of(source.config)
    spec: ResourceSpec = kind.resources[resource]
    with source.snapshot():
        statements, _ = resolve(source, kind, [spec], source.columns(tables_of(kind, [spec])), Known())
        landed = {name: sql for name, sql in statements[resource].landed().items() if name == number or name in spec.hashes}
        chosen = ", ".join(f"{sql} AS {quote(name)}" for name, sql in landed.items())
        rows = f"SELECT {literal(source.config.name)} AS source_db, {chosen} FROM {source.relation(statements[resource].sql())}"
        source.con.execute(f"CREATE TABLE IF NOT EXISTS {quote(resource)} AS SELECT * FROM ({rows}) WHERE FALSE")
        source.con.execute(f"INSERT INTO {quote(resource)} {rows}")
    mine = f"source_db = {literal(source.config.name)}"
    return int(source.con.execute(f"SELECT count(*) FROM {quote(resource)} WHERE {mine}").fetchall()[0][0])


def _links(con: duckdb.DuckDBPyConnection, config: Config, lms: Lms, subject: str) -> Iterator[Diagnosis]:
    """Say how many persons of each source are users, by the very expression that a run links them with."""
    con.execute("CREATE VIEW dim_persona AS SELECT * RENAME (persona AS persona_id) FROM personas")
    con.execute(f"CREATE TABLE links AS {_statement(con, config, lms)}")
    for source in lms.serves:
        found = con.execute(
            f"SELECT enlace, count(*) FROM links WHERE source_db = {literal(source)} GROUP BY enlace ORDER BY enlace"
        ).fetchall()
        by = Counter(dict(found))
        total, shared = con.execute(_left(lms, source)).fetchall()[0]
        linked = by.total()
        how = ", ".join(f"{link} {by[link]:,}" for link in lms.links if by[link]) or "none"
        text = (
            f"{linked:,} of {total:,} persons of {source} are users ({how}); of the others {shared:,} share a value with"
            f" somebody, which links nobody, and {total - linked - shared:,} none"
        )
        yield Diagnosis("ok" if linked else "warning", subject, text, None if linked else _UNLINKED)
    users, nobody = con.execute(
        "SELECT count(*), count(*) FILTER (usuario NOT IN (SELECT usuario_id FROM links)) FROM lms_usuarios"
    ).fetchall()[0]
    yield Diagnosis("ok", subject, f"{nobody:,} of {users:,} users are no person of any source served")


def _statement(con: duckdb.DuckDBPyConnection, config: Config, lms: Lms) -> str:
    """The statement that links them, over those columns of its tables that are here."""
    from dataclasses import replace

    import ibis

    from padm_ibis.checks import contract_of
    from padm_ibis.define import contract as contracts
    from padm_ibis.define.compile import sql
    from padm_ibis.define.model import model_of
    from padm_ibis.silver.bridge_lms_persona import bridge_lms_persona

    def table(name: str) -> ir.Table:
        here = [column for column, *_ in con.execute(f"DESCRIBE {name}").fetchall()]
        return ibis.table({n: kind for n, kind in contracts.schema(contract_of(name)).items() if n in here}, name=name)

    model = model_of(bridge_lms_persona)
    params = replace(config.params(dt.date(2000, 1, 1)), lms=(lms,))
    expression = model.function(**{name: table(name) for name in model.inputs}, params=params)
    return sql(expression, "duckdb", pretty=False)


def _left(lms: Lms, source: str) -> str:
    """The query of how many persons a source has, and how many of the unlinked share a value with some user."""
    pairs: Mapping[str, str] = {
        ("email_hash" if link.startswith("email") else f"{link.replace(':', '_')}_hash"): f"{link.partition(':')[2]}_hash"
        for link in lms.links
    }
    shares = " OR ".join(
        f"p.{mine} IN (SELECT {theirs} FROM lms_usuarios WHERE {theirs} IS NOT NULL)" for theirs, mine in pairs.items()
    )
    linked = f"p.persona_id IN (SELECT persona_id FROM links WHERE source_db = {literal(source)})"
    return (
        f"SELECT count(*), count(*) FILTER (coalesce({shares or 'FALSE'}, FALSE) AND NOT {linked}) FROM dim_persona p"
        f" WHERE p.source_db = {literal(source)}"
    )


def _log(config: Config, source: Source, subject: str) -> Iterator[Diagnosis]:
    """Say how far back the log reaches, and whether it is purged sooner than it is read."""
    log, plugins = (f"{source.config.prefix}{name}" for name in (_LOG, _PLUGINS))
    found = source.columns({name: TableSpec(name, {}, frozenset(), False) for name in (log, plugins)})
    if "timecreated" not in found.get(log, {}):
        return
    first = source.rows(f"SELECT min(timecreated) AS t FROM {source.qualified(log)} WHERE timecreated > 0")[0][0]
    days = None
    if "value" in found.get(plugins, {}):
        kept = source.rows(
            f"SELECT max(value) AS v FROM {source.qualified(plugins)} WHERE plugin = 'logstore_standard' AND name = 'loglifetime'"
        )[0][0]
        days = int(kept) if kept and kept.isdigit() else None
    since = "is empty" if first is None else f"reaches back to {dt.datetime.fromtimestamp(first, source.config.zone):%Y-%m-%d}"
    lifetime = {None: "how long it is kept cannot be read", 0: "it is never purged"}.get(days, f"it is kept for {days} days")
    read = _last_read(config, source.config.name)
    ago = None if read is None else (dt.datetime.now(dt.UTC).replace(tzinfo=None) - read).days
    late = bool(days) and ago is not None and ago >= (days or 0)
    told = "" if ago is None else f"; it was last read {in_words(ago).replace('row', 'day')} ago"
    yield Diagnosis("warning" if late else "ok", subject, f"its log {since}, and {lifetime}{told}", _PURGED if late else None)


def _last_read(config: Config, source_db: str) -> dt.datetime | None:
    """Return when the log was last read into the warehouse, UTC."""
    with suppress(PadmError), backend_of(config).read() as reader:
        rows = reader.execute(
            "SELECT extracted_at FROM _padm.watermarks WHERE resource = 'lms_actividad' AND source_db = ?", [source_db]
        )
        return rows[0][0] if rows else None
    return None
