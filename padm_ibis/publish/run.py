"""One publication: stage every table, compare it with the source, then show all of them, or none."""

from __future__ import annotations

import datetime as dt
import json
import sqlite3
import time
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import duckdb
import pyarrow as pa

from padm_ibis.config import PUBLISH_SCHEMES, Config, Url, redact
from padm_ibis.errors import PadmError, UsageError
from padm_ibis.publish import reconcile
from padm_ibis.publish.databases import Database, source_of
from padm_ibis.publish.report import PublishReport, TableDetail
from padm_ibis.publish.spec import TableSpec, chosen
from padm_ibis.publish.targets import Target, target_of

Tell = Callable[[str], None]


def publish(
    config: Config,
    to: str | None = None,
    *,
    tables: Sequence[str] = (),
    mode: str | None = None,
    check_only: bool = False,
    tell: Tell = lambda line: None,
) -> PublishReport:
    """Replicate tables of the warehouse to another database, reconciled.

    Parameters
    ----------
    to
        ``postgres://…``, ``duckdb://<file>`` or ``sqlite://<file>``; by default ``publish.to``.
    tables
        Names or patterns; by default ``publish.tables``, else all of gold.
    mode
        ``replace`` or ``upsert``.
    check_only
        Compare what the target holds with the source, and write nothing.
    tell
        Called with one line for each table.

    Returns
    -------
    PublishReport
        With ``differences`` where the two sides are not equal; the target then holds what it held before.

    Raises
    ------
    UsageError
        If there is no target, or a pattern names no table.
    WarehouseError
        If a side is out of reach, or something in the target would not survive.
    """
    began = time.perf_counter()
    url = _target_url(config, to)
    way = mode or config.publish.mode
    report = PublishReport(dt.datetime.now(dt.UTC).replace(microsecond=0), str(config.warehouse.url), str(url), way)
    try:
        specs = chosen(config, tables)
        report.tables_detail = [TableDetail(spec.qualified) for spec in specs]
        with source_of(config) as source:
            _check_there(source, specs)
            if check_only:
                _compare_published(config, url, source, specs, report)
            else:
                _replicate(config, url, source, specs, way, report, tell)
    except PadmError as error:
        report.error = config.mask(error.message)
        raise
    except _driver_errors() as error:
        # a driver's message may quote values and addresses: its class and first line say enough
        first = next(iter(str(error).splitlines()), "")
        report.error = f"{type(error).__name__}: {config.mask(redact(first))}"
    finally:
        report.close(time.perf_counter() - began)
        _remember(config, report)
        if report.exit_code and config.mail is not None:
            _mail(config, report)
    return report


def _driver_errors() -> tuple[type[Exception], ...]:
    """What a database, a disk or Arrow may raise; a mistake of ours is none of these and is not hidden."""
    found: list[type[Exception]] = [OSError, sqlite3.Error, duckdb.Error, pa.ArrowException]
    for module in ("psycopg", "adbc_driver_manager"):
        if find_spec(module) is not None:
            found.append(import_module(module).Error)
    return tuple(found)


def _replicate(
    config: Config, url: Url, source: Database, specs: Sequence[TableSpec], mode: str, report: PublishReport, tell: Tell
) -> None:
    with target_of(config, url, specs, mode) as target:
        for spec, detail in zip(specs, report.tables_detail, strict=True):
            began = time.perf_counter()
            _stage(source, target, spec, detail)
            detail.seconds = round(time.perf_counter() - began, 3)
            tell(f"{spec.qualified}  {detail.records:,} rows  {detail.seconds:.2f} s")
        _compare_references(source, target, specs, report)
        if any(detail.differences for detail in report.tables_detail):
            target.refuse(report)
            return
        target.show(specs, _views(config, target.database.dialect), report)
        for detail in report.tables_detail:
            detail.status = "published"


def _stage(source: Database, target: Target, spec: TableSpec, detail: TableDetail) -> None:
    place = source.place(spec.schema, spec.name)
    columns = source.columns(place)
    target.stage(spec, source.read(f"SELECT * FROM {place}"))
    there = reconcile.measures(source, place, spec, columns)
    here = reconcile.measures(target.database, target.staged(spec), spec, columns)
    detail.records, detail.differences = there["rows"], reconcile.differences(there, here)
    detail.status = "failed" if detail.differences else "checked"


def _compare_references(source: Database, target: Target, specs: Sequence[TableSpec], report: PublishReport) -> None:
    """Orphans must be as many on both sides, among the tables that are published together."""
    by_name = {spec.name: spec for spec in specs}

    def at_source(name: str) -> str | None:
        return source.place(by_name[name].schema, name) if name in by_name else None

    def in_target(name: str) -> str | None:
        return target.staged(by_name[name]) if name in by_name else None

    for spec, detail in zip(specs, report.tables_detail, strict=True):
        there, here = reconcile.orphans(source, at_source, spec), reconcile.orphans(target.database, in_target, spec)
        detail.differences += reconcile.differences(there, here)
        detail.status = "failed" if detail.differences else detail.status


def _compare_published(config: Config, url: Url, source: Database, specs: Sequence[TableSpec], report: PublishReport) -> None:
    from padm_ibis.publish.databases import DuckDBFile, PostgresDatabase, SQLiteFile

    if url.path is not None and not url.path.is_file():
        raise UsageError(f"There is nothing published at {url.path}.")
    if url.path is None:
        database: Database = PostgresDatabase(config, url, read_only=True)
    else:
        database = (DuckDBFile if url.scheme == "duckdb" else SQLiteFile)(url.path, read_only=True)
    by_name = {spec.name: spec for spec in specs}
    try:
        for spec, detail in zip(specs, report.tables_detail, strict=True):
            began, place = time.perf_counter(), source.place(spec.schema, spec.name)
            there = reconcile.measures(source, place, spec, source.columns(place))
            there |= reconcile.orphans(source, lambda n: source.place(by_name[n].schema, n) if n in by_name else None, spec)
            detail.records = there["rows"]
            if not database.exists(spec.schema, spec.name):
                detail.differences = ["the target has no such table"]
            else:
                own = database.place(spec.schema, spec.name)
                here = reconcile.measures(database, own, spec, source.columns(place))
                here |= reconcile.orphans(
                    database, lambda n: database.place(by_name[n].schema, n) if n in by_name else None, spec
                )
                detail.differences = reconcile.differences(there, here)
            detail.status = "failed" if detail.differences else "checked"
            detail.seconds = round(time.perf_counter() - began, 3)
    finally:
        database.close()


def _check_there(source: Database, specs: Sequence[TableSpec]) -> None:
    missing = [spec.qualified for spec in specs if not source.exists(spec.schema, spec.name)]
    if missing:
        raise UsageError(f"The warehouse does not hold {', '.join(missing)} yet.", hint="Build them first: padm-ibis run")


def _target_url(config: Config, to: str | None) -> Url:
    if to is None:
        if config.publish.to is None:
            raise UsageError("Publish where to?", hint="--to postgres://…, or [publish] to = … in padm.toml.")
        return config.publish.to
    try:
        return Url.parse(to, PUBLISH_SCHEMES)
    except ValueError as error:
        raise UsageError(f"--to {redact(to)!r} {error}.") from None


def _views(config: Config, dialect: str) -> dict[str, str]:
    if config.star is None:
        return {}
    from padm_ibis.publish.star import view_statements

    return view_statements(config, dialect)


def _remember(config: Config, report: PublishReport) -> None:
    """Keep what happened in the source's working folder: a target that failed must stay as it was."""
    config.state.mkdir(parents=True, exist_ok=True)
    with (config.state / "publications.jsonl").open("a", encoding="utf-8") as history:
        history.write(json.dumps(json.loads(report.json())) + "\n")


def _mail(config: Config, report: PublishReport) -> None:
    """Tell the recipients that a publication failed."""
    import smtplib
    from email.message import EmailMessage

    mail = config.mail
    assert mail is not None, "only called where it is configured"
    message = EmailMessage()
    message["Subject"] = f"padm-ibis: publication to {report.target} failed"
    message["From"], message["To"] = mail.sender, ", ".join(mail.recipients)
    message.set_content("\n".join(report.lines()))
    try:
        with smtplib.SMTP(mail.host, mail.port, timeout=30) as server:
            if mail.starttls:
                server.starttls()
            if mail.user is not None:
                server.login(mail.user, mail.password.get_secret_value() if mail.password else "")
            server.send_message(message)
    except OSError as error:
        report.error = f"{report.error or 'the tables differ'}; and no mail could be sent: {type(error).__name__}"


def history(config: Config) -> list[dict[str, Any]]:
    """Return the reports of earlier publications from this warehouse, oldest first."""
    path = config.state / "publications.jsonl"
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []
