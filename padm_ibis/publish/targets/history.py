"""The publications that a target remembers, in itself."""

from __future__ import annotations

import datetime as dt
import json
import secrets

from padm_ibis.engine import ledger
from padm_ibis.publish.databases import Database
from padm_ibis.report.publication import PublishReport
from padm_ibis.sources.values import literal
from padm_ibis.version import __version__

_HISTORY = {"duckdb": (ledger.SCHEMA, "runs"), "postgres": (ledger.SCHEMA, "runs"), "sqlite": ("", "_padm_runs")}


def published_before(database: Database) -> set[str]:
    """Return the tables that the target's history says were published to it."""
    if not database.exists(*_HISTORY[database.dialect]):
        return set()
    history = database.place(*_HISTORY[database.dialect])
    reports = database.query(f"SELECT inputs FROM {history} WHERE layer = 'publish' AND status = 'ok'")
    return {detail["table"] for (text,) in reports for detail in json.loads(text)["tables_detail"]}


def record(database: Database, report: PublishReport, status: str) -> None:
    """Add a publication to the history ``_padm.runs`` of the target (``_padm_runs`` where there are no schemas)."""
    if database.dialect != "sqlite":
        database.query(f"CREATE SCHEMA IF NOT EXISTS {ledger.SCHEMA}")
    table = database.place(*_HISTORY[database.dialect])
    database.query(f"CREATE TABLE IF NOT EXISTS {table} ({ledger.TABLES['runs']})")
    ended = report.timestamp + dt.timedelta(seconds=report.total_execution_time)
    values: dict[str, str] = {
        "run_id": f"publish-{report.timestamp:%Y%m%dT%H%M%S}-{secrets.token_hex(2)}",
        "started_at": f"{report.timestamp:%Y-%m-%d %H:%M:%S}", "finished_at": f"{ended:%Y-%m-%d %H:%M:%S}",
        "seconds": str(report.total_execution_time), "status": status, "layer": "publish", "version": __version__,
        "params": json.dumps({"mode": report.mode, "source": report.source}), "inputs": report.json(),
        "tables": str(len(report.tables_detail)), "rows": str(report.total_records_processed),
    }  # fmt: skip
    names, texts = ", ".join(values), ", ".join(literal(value) for value in values.values())
    database.query(f"INSERT INTO {table} ({names}) VALUES ({texts})")
