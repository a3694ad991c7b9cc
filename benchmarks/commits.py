"""Two commits of this repository, the same runs, interleaved: did it become slower?

    python benchmarks/commits.py 6e90af0 HEAD --students 50000 --rounds 3

Each commit is checked out beside the others and run in processes of its own, on one source file: a first run into an empty
folder, then two with nothing new. Prints seconds and CPU seconds of each, and the ratios of each round.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from padm_ibis.sample import SAMPLE_AS_OF, write_sample

ROOT = Path(__file__).parents[1]
CAMPUSES = 2
LINE = [sys.executable, "-m", "padm_ibis.cli", "run", "--as-of", str(SAMPLE_AS_OF)]
KINDS = ("first run", "nothing new")
Seconds = tuple[float, float]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("commits", nargs=2, metavar="COMMIT", help="the one to compare with, and the one that is compared")
    parser.add_argument("--students", type=int, default=50_000, help="of all campuses together")
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="padm-bench-") as scratch:
        folder = Path(scratch)
        configuration = university(folder, chosen.students)
        code = [checkout(folder, commit) for commit in chosen.commits]
        rounds = []
        for number in range(chosen.rounds):
            order = (0, 1) if number % 2 == 0 else (1, 0)  # who runs second finds a warmer machine
            found = {which: runs(folder / "work", code[which], configuration) for which in order}
            rounds.append([found[0], found[1]])
    cores = f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
    print(f"machine: {cores}, {platform.machine()}, Python {platform.python_version()}, {chosen.students:,} students")
    for kind, name in enumerate(KINDS):
        for which, commit in enumerate(chosen.commits):
            wall, cpu = (statistics.median(r[which][kind][clock] for r in rounds) for clock in (0, 1))
            print(f"{name:<12} {commit[:12]:<13} {wall:7.2f} s  {cpu:7.2f} s CPU")
        wall, cpu = ([r[1][kind][clock] / r[0][kind][clock] for r in rounds] for clock in (0, 1))
        listed = ", ".join(f"{ratio:.3f}" for ratio in wall)
        print(f"{name:<12} ratio: {statistics.median(wall):.3f} by the clock ({listed}), {statistics.median(cpu):.3f} by CPU")


def university(folder: Path, students: int) -> str:
    source = folder / "source.duckdb"
    report = write_sample(f"duckdb://{source}", students=students // CAMPUSES, campuses=CAMPUSES)
    lines = ['[warehouse]\nurl = "duckdb://warehouse.duckdb"\n[privacy]\nhash_key = "benchmark"\n']
    lines += [f'[sources.{s.name}]\nurl = "duckdb://{source}"\nschema = "{s.schema}"\n' for s in report.sources]
    return "\n".join(lines)


def checkout(folder: Path, commit: str) -> Path:
    code = folder / f"code-{commit}"
    subprocess.run(["git", "clone", "--quiet", "--no-checkout", str(ROOT), str(code)], check=True)
    subprocess.run(["git", "checkout", "--quiet", commit], cwd=code, check=True)
    return code


def runs(folder: Path, code: Path, configuration: str) -> list[Seconds]:
    """A first run, and the better of two with nothing new."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    (folder / "padm.toml").write_text(configuration, encoding="utf-8")
    first, *again = (timed(folder, code) for _ in range(3))
    return [first, min(again)]


def timed(folder: Path, code: Path) -> Seconds:
    began, used = time.perf_counter(), cpu()
    # What warns does not matter here: a sample has orphans. What fails does.
    done = subprocess.run(LINE, cwd=folder, env={**os.environ, "PYTHONPATH": str(code)}, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(done.stderr)
    return time.perf_counter() - began, cpu() - used


def cpu() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return children.ru_utime + children.ru_stime


if __name__ == "__main__":
    main()
