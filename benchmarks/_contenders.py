"""padm-ibis and its peers: what lies in the folder of each before it begins, and the commands that it is given.

All make the same tables of silver and gold from the same statements, those of ``padm-ibis sql NAME --dialect duckdb``, in a file
of the same DuckDB, with everything at its default but what would ask, and what would send figures away.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
from _peer_projects import Statement, dbt_project, sql_script, sqlmesh_project
from _university import DAY

FIRST, NOTHING, CHANGED = "first build", "nothing changed", "0.5 % of students changed"
MEASURES = (FIRST, NOTHING, CHANGED)
OURS, UNREAD = "padm-ibis run", "padm-ibis run, less reading the sources"
SCRIPT, DBT, DBT_TEST = "SQL script", "dbt run", "dbt test"
SQLMESH, AUDITED = "SQLMesh", "SQLMesh with audits"
FILE = "dw.duckdb"
QUIET = {"PYTHONPATH": "", "DBT_SEND_ANONYMOUS_USAGE_STATS": "false", "SQLMESH__DISABLE_ANONYMIZED_ANALYTICS": "true"}
"""Of peers: nothing of ours on their path, nothing sent."""
RUN_SCRIPT = f"import duckdb; duckdb.connect({FILE!r}).execute(open('build.sql', encoding='utf-8').read())"


@dataclass(frozen=True, slots=True)
class Ground:
    """What all begin with: our folder after bronze was loaded, its source on the next morning, and bronze of both days."""

    loaded: Path
    changed_source: Path
    bronze: Path
    changed_bronze: Path
    statements: Sequence[Statement]


@dataclass(frozen=True, slots=True)
class Contender:
    """One way to make the tables: its folder, what the next morning brings, and a command for each part and measure."""

    name: str
    begin: Callable[[Path], None]
    renew: Callable[[Path], None]
    parts: Mapping[str, Mapping[str, Sequence[str]]]
    tables: str = FILE
    environment: Mapping[str, str] | None = None
    less: Callable[[Path], dict[str, float]] = lambda _: {}
    """Further parts: the first one without so many seconds."""


def ours(ground: Ground, select: Sequence[str]) -> Contender:
    def begin(folder: Path) -> None:
        shutil.copytree(ground.loaded, folder)

    def renew(folder: Path) -> None:
        shutil.copy(ground.changed_source, folder / "source.duckdb")

    def less(folder: Path) -> dict[str, float]:
        phases = json.loads((folder / "report.json").read_text(encoding="utf-8"))["result"]["phases"]
        return {UNREAD: phases.get("extract", 0) + phases.get("digests", 0)}

    return Contender(OURS, begin, renew, {OURS: always(our_run(select))}, "warehouse.duckdb", less=less)


def our_run(select: Sequence[str] = ()) -> list[str]:
    chosen = [word for name in select for word in ("--select", name)] or ["--layer", "gold"]
    return [sys.executable, "-m", "padm_ibis.cli", "run", "--as-of", str(DAY), "--json", "report.json", *chosen]


def script(ground: Ground) -> Contender:
    def begin(folder: Path) -> None:
        folder.mkdir()
        (folder / "build.sql").write_text(sql_script(ground.statements), encoding="utf-8")
        shutil.copy(ground.bronze, folder / FILE)

    parts = {SCRIPT: always([sys.executable, "-c", RUN_SCRIPT])}
    return Contender(SCRIPT, begin, renewed(ground), parts, environment=QUIET)


def dbt(ground: Ground, binaries: Path) -> Contender:
    def begin(folder: Path) -> None:
        dbt_project(folder, ground.statements, tables(ground.bronze), FILE, threads=os.cpu_count() or 1)
        shutil.copy(ground.bronze, folder / FILE)

    line = [str(binaries / "dbt"), "--quiet"]
    parts = {DBT: always([*line, "run", "--profiles-dir", "."]), DBT_TEST: always([*line, "test", "--profiles-dir", "."])}
    return Contender(DBT, begin, renewed(ground), parts, environment=QUIET)


def sqlmesh(ground: Ground, binaries: Path, *, audits: bool) -> Contender:
    """Both days of SQLMesh: what is due is a matter of the clock, so nothing is on the same day, and everything on the next."""

    def begin(folder: Path) -> None:
        sqlmesh_project(folder, ground.statements, tables(ground.bronze), FILE, audits=audits)
        shutil.copy(ground.bronze, folder / FILE)

    command = str(binaries / "sqlmesh")
    plan = [command, "plan", "--no-prompts", "--auto-apply"]
    tomorrow = f"{dt.datetime.now(dt.UTC).date() + dt.timedelta(days=1)} 12:00:00"
    commands = {FIRST: plan, NOTHING: [command, "run"], CHANGED: [*plan, "--run", "--execution-time", tomorrow]}
    name = AUDITED if audits else SQLMESH
    return Contender(name, begin, renewed(ground), {name: commands}, environment=QUIET)


def always(command: Sequence[str]) -> dict[str, Sequence[str]]:
    """The same command, whatever happened before."""
    return dict.fromkeys(MEASURES, command)


def renewed(ground: Ground) -> Callable[[Path], None]:
    """Bronze of the next morning in place of the one before, as whatever loads a peer's bronze would leave it."""

    def renew(folder: Path) -> None:
        copy_bronze(ground.changed_bronze, folder / FILE)

    return renew


def copy_bronze(of: Path, into: Path) -> None:
    with duckdb.connect(str(into)) as con:
        con.execute(f"ATTACH '{of}' AS given (READ_ONLY)")
        for layer in ("bronze", "silver", "gold"):
            con.execute(f"CREATE SCHEMA IF NOT EXISTS {layer}")
        listed = "SELECT table_name FROM duckdb_tables() WHERE database_name = 'given' AND schema_name = 'bronze'"
        for (name,) in con.execute(listed).fetchall():
            con.execute(f"CREATE OR REPLACE TABLE bronze.{name} AS FROM given.bronze.{name}")


def tables(bronze: Path) -> dict[str, dict[str, str]]:
    """Bronze's tables, with the type of each column."""
    found: dict[str, dict[str, str]] = {}
    listed = "SELECT table_name, column_name, data_type FROM duckdb_columns() WHERE schema_name = 'bronze' ORDER BY ALL"
    with duckdb.connect(str(bronze), read_only=True) as con:
        for table, column, kind in con.execute(listed).fetchall():
            found.setdefault(table, {})[column] = kind
    return found


def differing(reference: Path, file: Path, statements: Sequence[Statement]) -> Iterator[str]:
    """The tables that do not have the same rows, as often, in both files."""
    with duckdb.connect() as con:
        con.execute(f"ATTACH '{reference}' AS reference (READ_ONLY)")
        # SQLMesh's views say the name of the file
        con.execute(f"ATTACH '{file}' AS {Path(FILE).stem} (READ_ONLY)")
        for statement in statements:
            one, other = (f"FROM {place}.{statement.layer}.{statement.name}" for place in ("reference", Path(FILE).stem))
            unlike = f"SELECT count(*) FROM (({one} EXCEPT ALL {other}) UNION ALL ({other} EXCEPT ALL {one}))"
            if con.execute(unlike).fetchall() != [(0,)]:
                yield f"{statement.layer}.{statement.name}"
