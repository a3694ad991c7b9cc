"""What is wrong, and what to do: configuration, versions, disk, warehouse, and each source's connection, tables and columns."""

from __future__ import annotations

import dataclasses
import datetime as dt
import os
import platform
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import duckdb

from padm_ibis.errors import PadmError
from padm_ibis.extract.resolve import survey, tables_of
from padm_ibis.extract.store import LEDGER
from padm_ibis.report.answer import to_json
from padm_ibis.sources.connect import Source, open_source
from padm_ibis.sources.spec import KindSpec, ResourceSpec, kind_spec
from padm_ibis.sources.values import literal

if TYPE_CHECKING:
    from padm_ibis.config import Config, SourceConfig

Verdict = Literal["ok", "warning", "error"]
_SHORT_KEY = 16
_ROOM = 2  # a run needs the work file and its copy
_READERS = ("duckdb", "duckdb-extension-postgres-scanner")
_PINNED = ("ibis-framework", "sqlglot", "pandera", "pandas", "pyarrow", *_READERS)


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One thing that was looked at.

    Attributes
    ----------
    subject
        ``configuration``, ``versions``, ``warehouse`` or ``source <name>``.
    advice
        What to do about it.
    """

    verdict: Verdict
    subject: str
    text: str
    advice: str | None = None


@dataclass(slots=True)
class Health:
    """All that `doctor` found."""

    findings: list[Diagnosis] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def errors(self) -> list[Diagnosis]:
        """What stops a run."""
        return [d for d in self.findings if d.verdict == "error"]

    @property
    def exit_code(self) -> int:
        """0 unless something stops a run."""
        return 1 if self.errors else 0

    def json(self) -> str:
        """Return everything as JSON."""
        return to_json(self)


def doctor(config: Config) -> Health:
    """Look at everything a run needs, without changing anything."""
    began = time.perf_counter()
    health = Health()
    health.findings += _configuration(config)
    health.findings += _versions()
    health.findings += _warehouse(config)
    for source in config.sources.values():
        health.findings += _source(config, source)
    health.findings = [
        dataclasses.replace(d, text=config.mask(d.text), advice=config.mask(d.advice) if d.advice else None)
        for d in health.findings
    ]
    health.seconds = round(time.perf_counter() - began, 3)
    return health


def _configuration(config: Config) -> Iterator[Diagnosis]:
    count = len(config.sources)
    yield Diagnosis("ok", "configuration", f"{config.described}: {count} source{'s' * (count != 1)}")
    if not count:
        yield Diagnosis("error", "configuration", "there is no source to read", "Add a [sources.<name>] with its url.")
    try:
        if len(config.hash_key()) < _SHORT_KEY and not config.sample:
            advice = 'Make a long one: python -c "import secrets; print(secrets.token_hex(32))", then run --full-refresh.'
            yield Diagnosis("warning", "configuration", "privacy.hash_key is short: its hashes could be guessed", advice)
    except PadmError as error:
        yield Diagnosis("error", "configuration", error.message, error.hint)


def _versions() -> Iterator[Diagnosis]:
    found = {}
    for name in _PINNED:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    listed = ", ".join(f"{name} {version}" for name, version in found.items())
    yield Diagnosis("ok", "versions", f"Python {platform.python_version()}, {listed}")
    reader = found.get(_READERS[1])
    if reader is None:
        yield Diagnosis("warning", "versions", "PostgreSQL sources cannot be read here", "pip install 'padm-ibis[postgres]'")
    elif reader != found[_READERS[0]]:
        text = f"DuckDB is {found[_READERS[0]]}, its PostgreSQL reader {reader}: they must be of one version"
        yield Diagnosis("error", "versions", text, f"pip install {_READERS[1]}=={found[_READERS[0]]}")


def _warehouse(config: Config) -> Iterator[Diagnosis]:
    path = config.warehouse.url.path
    if path is None or config.warehouse.url.scheme != "duckdb":
        yield Diagnosis("ok", "warehouse", f"{config.warehouse.url}: looked at by the run itself")
        return
    folder = path.parent
    if not folder.is_dir():
        yield Diagnosis("error", "warehouse", f"its folder {folder} does not exist", f"mkdir -p {folder}")
        return
    if not os.access(folder, os.W_OK):
        yield Diagnosis("error", "warehouse", f"its folder {folder} may not be written", f"chmod u+w {folder}")
    size = sum(f.stat().st_size for f in (path, config.state / "work.duckdb") if f.exists())
    free = shutil.disk_usage(folder).free
    text = f"{path.name}: {_bytes(size)} on disk, {_bytes(free)} free"
    enough = free > _ROOM * max(size, 1 << 28)
    advice = None if enough else "Free some space: a run needs room for two copies of the warehouse."
    yield Diagnosis("ok" if enough else "warning", "warehouse", text, advice)
    yield from _last_read(path)


def _last_read(path: Path) -> Iterator[Diagnosis]:
    """When each source was last read, by the published warehouse."""
    if not path.exists():
        yield Diagnosis("ok", "warehouse", "nothing was published yet")
        return
    try:
        with duckdb.connect() as con:
            con.execute(f"ATTACH {literal(str(path))} AS warehouse (READ_ONLY)")
            rows = con.execute(
                f"SELECT source_db, min(extracted_at), count(*) FROM warehouse.{LEDGER}.watermarks GROUP BY ALL ORDER BY ALL"
            ).fetchall()
    except duckdb.CatalogException:
        return
    except duckdb.Error as error:
        yield Diagnosis("error", "warehouse", f"{path.name} cannot be opened: {str(error).splitlines()[0]}")
        return
    for name, oldest, count in rows:
        yield Diagnosis("ok", "warehouse", f"{name}: {count} tables, the oldest read {oldest:%Y-%m-%d %H:%M} UTC")


def _source(config: Config, settings: SourceConfig) -> Iterator[Diagnosis]:
    subject = f"source {settings.name}"
    try:
        kind = kind_spec(settings.kind, config.state if config.state.is_dir() else None)
        specs = kind.choose(settings.resources)
    except PadmError as error:
        yield Diagnosis("error", subject, error.message, error.hint)
        return
    if config.sample and settings.url.path is not None and not settings.url.path.exists():
        yield Diagnosis("ok", subject, "the sample is made by the first run")
        return
    with duckdb.connect() as con:
        source = open_source(settings.model_copy(update={"connect_retries": 0}), con)
        try:
            began = time.perf_counter()
            source.attach()
            yield Diagnosis("ok", subject, f"connected in {(time.perf_counter() - began) * 1000:.0f} ms: {settings.url}")
            con.execute("BEGIN")
            if source.dialect == "postgres":
                yield from _server(source, subject)
            yield from _tables(source, subject, kind, specs)
        except PadmError as error:
            yield Diagnosis("error", subject, error.message, error.hint)
        finally:
            source.detach()


def _server(source: Source, subject: str) -> Iterator[Diagnosis]:
    version, encoding, user, recovery, secure, clock = source.rows(
        "SELECT current_setting('server_version') AS v, current_setting('server_encoding') AS e, current_user::text AS u,"
        " pg_is_in_recovery() AS r, (SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()) AS s,"
        " extract(epoch FROM clock_timestamp())::float8 AS c"
    )[0]
    kind = "a standby" if recovery else "the primary"
    yield Diagnosis("ok", subject, f"PostgreSQL {version}, {kind}, user {user}, {encoding}, {'TLS' if secure else 'no TLS'}")
    if encoding == "SQL_ASCII":
        advice = "Texts that are not UTF-8 stop the source; convert the database, or hand over CSV files with their encoding."
        yield Diagnosis("warning", subject, "the database does not know the encoding of its texts (SQL_ASCII)", advice)
    if "host=/" not in source.config.url.reveal() and not secure and "127.0.0.1" not in source.config.url.reveal():
        yield Diagnosis(
            "warning", subject, "the connection is not encrypted", "Add ?sslmode=require (better: verify-full) to its url."
        )
    skew = clock - dt.datetime.now(dt.UTC).timestamp()
    if abs(skew) > 60:
        yield Diagnosis(
            "warning", subject, f"its clock is {skew:+.0f} s off this machine's", "Let both take their time from NTP."
        )


def _tables(source: Source, subject: str, kind: KindSpec, specs: list[ResourceSpec]) -> Iterator[Diagnosis]:
    found = source.columns(tables_of(kind, specs))
    findings = survey(source, kind, specs, found)
    columns = sum(len(c) for c in found.values())
    yield Diagnosis("ok", subject, f"{len(found)} of {len(tables_of(kind, specs))} tables with {columns} columns can be read")
    for f in findings:
        if f.level == "note":
            continue
        needed = f"; needed by {', '.join(f.resources)}"
        advice = f.hint or (_ADVICE_MISSING if f.level == "error" else None)
        yield Diagnosis(f.level, subject, f.text + needed, advice)


_ADVICE_MISSING = "Grant SELECT on it, correct the schema, or leave the resources out with resources = [...]."


def _bytes(number: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if number < 1000:
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1000
    return f"{number:.1f} TB"
