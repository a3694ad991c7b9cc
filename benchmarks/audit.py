"""Proving gold free of leaks beside building it, interleaved in one run.

    python benchmarks/audit.py --students 10000 --rounds 3

Builds a new warehouse from the sample university (everything, as `padm-ibis run` does), audits it (every closed year,
facts removed and changed; on a sample of people unless `--whole`), and prints seconds and CPU seconds of both and their
ratio. "Building" is the building and checking of silver and gold, without extraction, without writing SQL before it: what
the audit does once for each cut.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

from _machine import machine_line
from _university import configuration, write_source

import padm_ibis as padm
from padm_ibis.audit.leakage import LeakageReport, audit_leakage
from padm_ibis.definitions import Definitions
from padm_ibis.engine import run
from padm_ibis.sample import SAMPLE_AS_OF

Clock = tuple[float, float]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--students", type=int, default=10_000, help="of all campuses together")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--whole", action="store_true", help="audit everybody")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="padm-bench-") as scratch:
        config = university(Path(scratch), chosen.students)
        rounds = [one_round(config, Path(scratch), whole=chosen.whole) for _ in range(chosen.rounds)]
    print(machine_line())
    for label, part in (("whole run", 0), ("building", 1), ("audit", 2)):
        print(f"{label:<10} {seconds(rounds, part, 0):7.2f} s  {seconds(rounds, part, 1):7.2f} s CPU")
    for label, part in (("building", 1), ("whole run", 0)):
        wall, cpu = ([r[2][clock] / r[part][clock] for r in rounds] for clock in (0, 1))
        print(f"audit / {label}: {statistics.median(wall):.2f} by the clock, {statistics.median(cpu):.2f} by CPU")


def seconds(rounds: list[list[Clock]], part: int, clock: int) -> float:
    return statistics.median(r[part][clock] for r in rounds)


def university(folder: Path, students: int) -> padm.Config:
    schemas = write_source(f"duckdb://{folder / 'source.duckdb'}", students)
    (folder / "padm.toml").write_text(configuration("duckdb://source.duckdb", schemas), encoding="utf-8")
    return padm.load_config(folder / "padm.toml")


def one_round(config: padm.Config, folder: Path, *, whole: bool) -> list[Clock]:
    (folder / "warehouse.duckdb").unlink(missing_ok=True)
    shutil.rmtree(config.state, ignore_errors=True)
    building: list[Clock] = []

    def timed(*arguments: object) -> None:
        building.append(clocked(lambda: original(*arguments)))

    original: Callable[..., None] = run.build
    with patch.object(run, "build", timed):
        whole = clocked(lambda: padm.run(as_of=SAMPLE_AS_OF, config=config))
    reports: list[LeakageReport] = []
    audit = clocked(lambda: reports.append(proof(config, whole=whole)))
    assert reports[0].ok, "the sample has no leaks"
    return [whole, building[0], audit]


def proof(config: padm.Config, *, whole: bool) -> LeakageReport:
    with padm.connect(config) as warehouse:
        return audit_leakage(warehouse, Definitions(config).graph, whole=whole)


def clocked(work: Callable[[], object]) -> Clock:
    began, used = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - began, time.process_time() - used


if __name__ == "__main__":
    main()
