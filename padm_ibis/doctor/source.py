"""One source: its connection, its server, and its tables as they are there."""

from __future__ import annotations

import datetime as dt
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import duckdb

from padm_ibis.definitions import Definitions
from padm_ibis.engine.cost import cost, told
from padm_ibis.errors import DefinitionError, PadmError, did_you_mean
from padm_ibis.extract.findings import Finding
from padm_ibis.extract.resolve import survey, tables_of
from padm_ibis.report.health import Diagnosis
from padm_ibis.sources.connect import Source, open_source
from padm_ibis.sources.spec import KindSpec, ResourceSpec, kind_of

if TYPE_CHECKING:
    from padm_ibis.config import Config, SourceConfig

_SKEW = 60
_MISSING = (
    "If it is there, the role may not read it: `padm-ibis doctor --grants`. If not, leave the resources out with"
    " resources = [...]."
)
_LOCAL = ("localhost", "127.0.0.1", "::1")


def examine(config: Config, settings: SourceConfig) -> Iterator[Diagnosis]:
    """Look at one configured source, once, without trying again."""
    subject = f"source {settings.name}"
    try:
        kind = kind_of(settings, config.state if config.state.is_dir() else None)
        kind.check_required(settings)
        specs = kind.choose(settings.resources)
    except PadmError as error:
        yield Diagnosis("error", subject, error.message, error.hint)
        return
    if config.sample and settings.url.path is not None and not settings.url.path.exists():
        yield Diagnosis("ok", subject, "the sample is made by the first run")
        return
    settings = settings.model_copy(update={"connect_retries": 0})
    with duckdb.connect() as con:
        source = open_source(settings, con)
        try:
            began = time.perf_counter()
            source.attach()
            took = (time.perf_counter() - began) * 1000
            yield Diagnosis("ok", subject, f"connected in {took:.0f} ms: {settings.url}")
            if source.dialect == "postgres":
                yield from _server(source, subject)
            yield from _tables(config, source, subject, kind, specs)
        except PadmError as error:
            yield Diagnosis("error", subject, error.message, _databases(settings, error.message) or error.hint)
        finally:
            source.detach()


def _databases(settings: SourceConfig, message: str) -> str | None:
    """Where the database's name is wrong, say which databases that server has."""
    wrong = re.search(r'database "([^"]+)" does not exist', message)
    if wrong is None:
        return None
    elsewhere = settings.model_copy(update={"url": replace(settings.url, _text=settings.url.libpq(dbname="postgres"))})
    with duckdb.connect() as con:
        source = open_source(elsewhere, con)
        try:
            source.attach()
            found = source.rows(
                "SELECT datname::text AS d FROM pg_database WHERE datallowconn AND NOT datistemplate"
                " AND has_database_privilege(oid, 'CONNECT') ORDER BY 1"
            )
        except PadmError:  # this user may not look
            return None
        finally:
            source.detach()
    return f"The database stands after the host in the URL. {did_you_mean(wrong[1], [name for (name,) in found])}"


def _server(source: Source, subject: str) -> Iterator[Diagnosis]:
    version, encoding, user, recovery, secure, clock = source.rows(
        "SELECT current_setting('server_version') AS v, current_setting('server_encoding') AS e, current_user::text AS u,"
        " pg_is_in_recovery() AS r, (SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()) AS s,"
        " extract(epoch FROM clock_timestamp())::float8 AS c"
    )[0]
    skew = clock - dt.datetime.now(dt.UTC).timestamp()
    kind = "a standby" if recovery else "the primary"
    yield Diagnosis("ok", subject, f"PostgreSQL {version}, {kind}, user {user}, {encoding}, {'TLS' if secure else 'no TLS'}")
    if encoding == "SQL_ASCII":
        advice = "Texts that are not UTF-8 stop the source; convert the database, or hand over CSV files with their encoding."
        yield Diagnosis("warning", subject, "the database does not know the encoding of its texts (SQL_ASCII)", advice)
    hosts = source.config.url.parts.get("host", "").split(",")
    if not secure and any(host and not host.startswith(("/", "@")) and host not in _LOCAL for host in hosts):
        advice = "Add ?sslmode=require (better: verify-full) to its url."
        yield Diagnosis("warning", subject, "the connection is not encrypted", advice)
    if abs(skew) > _SKEW:
        text = f"its clock is {skew:+.0f} s off this machine's"
        yield Diagnosis("warning", subject, text, "Let both take their time from NTP.")


def _tables(config: Config, source: Source, subject: str, kind: KindSpec, specs: list[ResourceSpec]) -> Iterator[Diagnosis]:
    wanted = tables_of(kind, specs)
    found = source.columns(wanted)
    findings = survey(source, kind, specs, found)
    columns = sum(len(c) for c in found.values())
    definitions = Definitions(config)
    yield Diagnosis("ok", subject, f"{len(found)} of {len(wanted)} tables with {columns} columns can be read")
    for f in findings:
        if f.level != "note":
            advice = f.hint or (_MISSING if f.level == "error" else None)
            yield Diagnosis(f.level, subject, f"{f.concerns}{_reach(definitions, f)}", advice)
    told = {f.table for f in findings if f.level == "error"} | source.refusals(wanted).keys()
    yield from _probes(source, subject, [name for name in wanted if name in found.keys() - told])


def _reach(definitions: Definitions, finding: Finding) -> str:
    """Say which tables and columns of silver and gold are made of what a source does not give, as the end of a sentence."""
    if not finding.suffers:
        return ""
    try:
        found = cost(definitions.graph, definitions.params(dt.date.today()), finding.suffers)
    except DefinitionError:  # of tables that cannot be built nothing is lost; a run says what is wrong with them
        return ""
    return f", and so nothing or less in {told(found)}" if found else ""


def _probes(source: Source, subject: str, tables: Sequence[str]) -> Iterator[Diagnosis]:
    """Ask for no row of each table: a view may be broken, or read what its owner may not."""
    for name in tables:
        try:
            source.rows(f"SELECT 1 AS one FROM {source.qualified(name)} LIMIT 0")
        except PadmError as error:
            text = error.message.removeprefix(f"The source {source.config.name}: ").rstrip(".")
            yield Diagnosis("error", subject, f"{source.named(name)} cannot be read: {text}", error.hint)
