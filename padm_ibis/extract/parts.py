"""A source table too large for one statement, read window by window: bounded at the source, bounded here, resumable.

Each window is a statement in a transaction of its own, so that no snapshot is held for an hour; what it yields is a file
beside the warehouse until all of them are in bronze. A run that ends half-way leaves them, and the next one goes on.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from padm_ibis import access, atomic
from padm_ibis.report.text import duration
from padm_ibis.report.text import rows as in_words
from padm_ibis.sources.spec import PARTS, ResourceSpec, WindowSpec
from padm_ibis.sources.values import literal, quote, sql_type

if TYPE_CHECKING:
    from padm_ibis.extract.statement import Statement
    from padm_ibis.sources.connect import Source

WINDOWS = "windows"
"""The folder beside the warehouse in which windows wait until all of them are read."""
_PLAN, _SUFFIX = "plan.json", ".parquet"
OnWindow = Callable[[str], None]


@dataclass(slots=True)
class Parts:
    """What the windows of one resource yielded, and what reading them took.

    Attributes
    ----------
    folder
        Where their files are.
    read
        Rows of the source table that were looked at, those of windows that an earlier run read included.
    seconds
        That this run's statements took.
    windows, resumed
        How many there are, and how many of them an earlier run had read.
    left_out
        Reason → rows.
    """

    folder: Path
    spec: ResourceSpec
    read: int = 0
    seconds: float = 0.0
    windows: int = 0
    resumed: int = 0
    left_out: Counter[str] = field(default_factory=Counter)

    def query(self) -> str:
        """Return DuckDB's query of the resource's rows, all parts together."""
        windows = _windows(self.spec)
        given = f"read_parquet({_files(self.folder)})" if self.windows else _nothing(windows)
        return f"WITH {PARTS} AS (SELECT * FROM {given}) SELECT * FROM ({windows.whole})"

    def notes(self) -> Iterator[str]:
        """Say what was read, how long it took the source, and what was left out."""
        if not self.windows:
            return
        resumed = f", {self.resumed} of them by an earlier run" if self.resumed else ""
        yield f"{in_words(self.read)} of {_windows(self.spec).table} in {self.windows} window{'s' * (self.windows != 1)}{resumed}"
        yield f"{duration(self.seconds)} at the source"
        yield from (f"{reason}: {in_words(count)} left out" for reason, count in sorted(self.left_out.items()))

    def discard(self) -> None:
        """Remove the files: bronze has what they say."""
        shutil.rmtree(self.folder, ignore_errors=True)


def read(source: Source, statement: Statement, folder: Path, since: dt.date | None, on_window: OnWindow) -> Parts:
    """Read the windows of a resource that no file has yet.

    Parameters
    ----------
    source
        Attached to a session of its own.
    folder
        Where the parts are kept; what another statement, or another first day, left there is removed.
    since
        First day that is asked for, in the source's time zone; None for everything.
    """
    spec = statement.spec
    windows, found = _windows(spec), Parts(folder, spec)
    if not statement.given:
        return found
    first = None if since is None else int(dt.datetime.combine(since, dt.time(), source.config.zone).timestamp())
    _take_up(source, folder, statement, first)
    table, number = source.qualified(windows.table), quote(windows.by)
    with source.snapshot():
        low, high = _ends(source, table, number, quote(windows.at), first)
    known = sorted(int(path.stem.rpartition("-")[2]) for path in folder.glob(f"*{_SUFFIX}"))
    found.resumed = len(known)
    at = known[-1] if known else low
    size, later = source.config.lms_window_rows, "" if first is None else f" AND {quote(windows.at)} >= {first}"
    while low is not None and high is not None and at is not None and at <= high:
        if found.seconds and source.config.lms_window_pause_s:
            time.sleep(source.config.lms_window_pause_s)
        end, began = min(at + size, high + 1), time.perf_counter()
        with source.snapshot():
            _keep(
                source, windows, statement.part(f"{number} >= {at} AND {number} < {end}{later}"), folder / f"{at}-{end}{_SUFFIX}"
            )
        found.seconds += time.perf_counter() - began
        if end <= high or known:
            share = (end - low) / (high + 1 - low)
            on_window(f"{source.config.name}.{spec.name}: up to {windows.by} {end - 1:,} of {high:,} ({share:.0%})")
        at = end
    _look(source, found)
    return found


def _windows(spec: ResourceSpec) -> WindowSpec:
    assert spec.windows is not None, f"{spec.name} is read by one statement"
    return spec.windows


def _take_up(source: Source, folder: Path, statement: Statement, first: int | None) -> None:
    """Make the folder, or keep what stands there where it was made for the same and can be read."""
    made_by = f"{statement.part('TRUE')}\n{source.config.timezone}"
    plan = {"statement": hashlib.sha256(made_by.encode()).hexdigest(), "since": first}
    try:
        same = json.loads((folder / _PLAN).read_text(encoding="utf-8")) == plan
        if same and any(folder.glob(f"*{_SUFFIX}")):
            source.con.execute(f"SELECT count(*) FROM read_parquet({_files(folder)})").fetchall()
    except (OSError, ValueError, duckdb.Error):  # what a power cut left of a file is no window
        same = False
    if not same:
        shutil.rmtree(folder, ignore_errors=True)
        access.folder(folder)
        atomic.write(folder / _PLAN, json.dumps(plan))


def _ends(source: Source, table: str, number: str, at: str, first: int | None) -> tuple[int | None, int | None]:
    """Return the least and the greatest number to be read; None where there is none."""
    # OFFSET 0: for min() alone a server walks along the numbers from the first one, however many are too old.
    asked = table if first is None else f"(SELECT {number} FROM {table} WHERE {at} >= {first} OFFSET 0) AS later"
    low, high = source.rows(f"SELECT min({number}) AS low, max({number}) AS high FROM {asked}")[0]
    return low, high


def _keep(source: Source, windows: WindowSpec, statement: str, file: Path) -> None:
    """Write what a window yields into a file, which is there whole or not at all."""
    new = file.with_suffix(".new")
    typed = ", ".join(
        f"CAST({quote(name)} AS {sql_type(kind, 'duckdb')}) AS {quote(name)}" for name, kind in windows.columns.items()
    )
    with source.errors():
        source.con.execute(f"COPY (SELECT {typed} FROM {source.relation(statement)}) TO {literal(str(new))} (FORMAT parquet)")
    new.replace(file)


def _look(source: Source, found: Parts) -> None:
    """Count what the parts say of."""
    windows = _windows(found.spec)
    found.windows = len(list(found.folder.glob(f"*{_SUFFIX}")))
    if not found.windows:
        return
    reason, count = quote(windows.reason), quote(windows.count)
    rows = source.con.execute(
        f"SELECT {reason}, CAST(sum({count}) AS BIGINT) FROM read_parquet({_files(found.folder)}) GROUP BY ALL"
    ).fetchall()
    found.read = sum(number for _, number in rows)
    found.left_out = Counter({name: number for name, number in rows if name is not None})


def _files(folder: Path) -> str:
    return "[" + ", ".join(literal(str(path)) for path in sorted(folder.glob(f"*{_SUFFIX}"))) + "]"


def _nothing(windows: WindowSpec) -> str:
    nulls = ", ".join(f"CAST(NULL AS {sql_type(kind, 'duckdb')}) AS {quote(name)}" for name, kind in windows.columns.items())
    return f"(SELECT {nulls} WHERE FALSE)"
