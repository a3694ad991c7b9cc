"""What the benchmarks share: how fast the machine is at this moment, what a command costs, and how rounds are put together.

A machine that gets warm slows down, by half and more within minutes, and seconds of its processors with it. So a fixed task is
run right before and right after whatever is timed, and times are compared in units of it: twice as slow a machine needs twice the
seconds, and as many units. The task is one of DuckDB's that fits into a processor's cache, on one thread, the least of some short
tries: tried beside tasks of two threads and of more memory, on a machine that did other things, it followed a run's own seconds
best, and halved how much they differed.
"""

from __future__ import annotations

import json
import math
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

TRIES = 4
ROWS = 15_000_000
"""So many rows take about a quarter of a second, and four tries a second."""
CERTAIN = 0.05
TASK = """
SELECT sum(n), max(roots)
FROM (SELECT i % 1009 AS k, count(*) AS n, sum(sqrt(i)) AS roots FROM range({rows}) AS r(i) GROUP BY k)
"""
# A small process between: what a process has used at most begins with what the one that started it had.
CHILD = """
import json, os, subprocess, sys, time
with open(sys.argv[1], "wb") as said:
    began = time.perf_counter()
    running = subprocess.Popen(sys.argv[3:], stdout=said, stderr=subprocess.STDOUT)
    _, status, used = os.wait4(running.pid, 0)
    wall = time.perf_counter() - began
peak = used.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
found = {"code": os.waitstatus_to_exitcode(status), "wall": wall, "cpu": used.ru_utime + used.ru_stime, "peak": peak}
with open(sys.argv[2], "w") as answer:
    json.dump(found, answer)
"""


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds by the clock and of the processors, and resident memory at most, in bytes; what is not known is None."""

    wall: float
    cpu: float | None = None
    peak: int | None = None


@dataclass(frozen=True, slots=True)
class Timing:
    """What something cost, and the calibration around it: the mean of the one before and the one after."""

    cost: Cost
    unit: Cost

    @property
    def units(self) -> float:
        return self.cost.wall / self.unit.wall

    @property
    def cpu_units(self) -> float | None:
        return None if self.cost.cpu is None or not self.unit.cpu else self.cost.cpu / self.unit.cpu

    def without(self, seconds: float) -> Timing:
        """The same with so many seconds less by the clock; what else it cost is not known."""
        return Timing(Cost(self.cost.wall - seconds), self.unit)


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of some rounds, and between what the true one lies, in nine of ten such measurements.

    Nothing is supposed of how rounds are spread: each lies above the true median as often as below. Fewer than five rounds cannot
    tell so much: then it is the least and the most of them.
    """

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Spread:
        found = sorted(values)
        outside = max(_outside(len(found)), 0)
        return cls(statistics.median(found), found[outside], found[-1 - outside])

    def __str__(self) -> str:
        between = f" ({self.low:.2f} … {self.high:.2f})" if self.low < self.high else ""
        return f"{self.median:.2f}{between}"


def _outside(rounds: int) -> int:
    """How many rounds at either end to leave out: one less than may all lie on one side of the median by chance."""
    chance, count = 0.0, 0
    while (chance := chance + math.comb(rounds, count) / 2**rounds) <= CERTAIN:
        count += 1
    return count - 1


def ratio(of: Sequence[Timing], to: Sequence[Timing], what: Callable[[Timing], float] = lambda t: t.units) -> Spread:
    """How one thing compares with another, round by round; by default their times in units of the calibration."""
    return Spread.of(what(mine) / what(other) for mine, other in zip(of, to, strict=True))


@dataclass
class Yardstick:
    """The fixed task: an aggregation of DuckDB's, without files. All that it took is kept."""

    rows: int = ROWS
    readings: list[Cost] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._connection = duckdb.connect(config={"threads": 1})
        self.read()
        self.readings.clear()  # the first one warms up

    def read(self) -> Cost:
        tries = [self._try() for _ in range(TRIES)]
        self.readings.append(Cost(min(wall for wall, _ in tries), min(cpu for _, cpu in tries)))
        return self.readings[-1]

    def _try(self) -> tuple[float, float]:
        began, used = time.perf_counter(), time.process_time()
        self._connection.execute(TASK.format(rows=self.rows)).fetchall()
        return time.perf_counter() - began, time.process_time() - used

    def timed(self, work: Callable[[], Cost]) -> Timing:
        before, cost, after = self.read(), work(), self.read()
        return Timing(cost, Cost((before.wall + after.wall) / 2, ((before.cpu or 0) + (after.cpu or 0)) / 2))


def run(command: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None) -> Cost:
    """Run a command in a folder, and tell what it cost; one that fails ends the benchmark with what it said."""
    with tempfile.TemporaryDirectory(prefix="padm-bench-") as scratch:
        said, answer = Path(scratch, "said"), Path(scratch, "answer")
        child = [sys.executable, "-I", "-c", CHILD, str(said), str(answer), *command]
        subprocess.run(child, cwd=folder, env={**os.environ, **(environment or {})}, check=True)
        found = json.loads(answer.read_text(encoding="utf-8"))
        if found.pop("code") != 0:
            last = "\n".join(said.read_text(encoding="utf-8", errors="replace").splitlines()[-30:])
            raise SystemExit(f"This failed: {' '.join(command)}\n{last}")
    return Cost(**found)


def alternating(names: Sequence[str], number: int) -> Sequence[str]:
    """The order of a round: every other one goes backwards, for who runs later finds a warmer machine."""
    return names if number % 2 == 0 else names[::-1]


def machine(yardstick: Yardstick | None = None) -> dict[str, Any]:
    """What the figures were measured on, with the calibration's own spread."""
    found: dict[str, Any] = {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "architecture": platform.machine(),
        "load": round(os.getloadavg()[0], 1),
        "python": platform.python_version(),
        "duckdb": duckdb.__version__,
    }
    if yardstick and yardstick.readings:
        seconds = [reading.wall for reading in yardstick.readings]
        found["calibration"] = {
            "seconds": statistics.median(seconds),
            "least": min(seconds),
            "most": max(seconds),
            "readings": len(seconds),
        }
    return found


def machine_line(found: Mapping[str, Any] | None = None) -> str:
    """The same in a line."""
    of = found or machine()
    line = (
        f"machine: {of['cores']} cores ({of['processor'] or 'unknown'}, {of['architecture']}), {of['memory_gib']} GiB, "
        f"load {of['load']}, Python {of['python']}, DuckDB {of['duckdb']}"
    )
    if task := of.get("calibration"):
        line += f"; calibration {task['seconds']:.2f} s ({task['least']:.2f} … {task['most']:.2f} in {task['readings']} readings)"
    return line


def _processor() -> str:
    file = Path("/proc/cpuinfo")
    lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    name = next((line for line in lines if line.startswith("model name")), "").partition(":")[2]
    return " ".join((name or platform.processor()).split())
