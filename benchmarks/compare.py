#!/usr/bin/env python
"""Two commits of this repository, the same runs, interleaved: did it become slower?

    benchmarks/compare BASE HEAD [--students 1000] [--rounds 5]

Each commit is checked out beside the other, compiled, and run in processes of its own, with the packages installed here, on one
source: a first run into an empty folder, one with nothing new, and one of the next day, on which 0.5 % of the students changed.
Times are compared in units of a calibration that is run before and after each. Exit code 1 if in the median of the rounds
something became more than 10 % slower, or larger, and the rounds agree that it is worse.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from _machine import ROWS, Cost, Spread, Timing, Yardstick, alternating, machine, machine_line, ratio, run
from _university import DAY, NEXT_DAY, change, configuration, write_source

ROOT = Path(__file__).parents[1]
SIDES = ("base", "head")
LIMIT = 1.10
FEWEST = 5
"""Fewer rounds cannot agree: by chance, four in a row are slower in one of sixteen comparisons of a commit with itself."""
FIRST, PREPARE, PEAK = "first run", "of it, prepare", "of it, peak memory"
NOTHING, CHANGED = "nothing new", "0.5 % changed, next day"
MEASURES = (FIRST, PREPARE, PEAK, NOTHING, CHANGED)
Round = dict[str, dict[str, Timing]]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("base", metavar="BASE", help="the commit to compare with")
    parser.add_argument("head", metavar="HEAD", help="the commit that is compared")
    parser.add_argument("--students", type=int, default=1_000, help="of both campuses together; default: %(default)s")
    parser.add_argument("--rounds", type=int, default=5, help="default: %(default)s")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all that was measured there, too")
    parser.add_argument("--repository", type=Path, default=ROOT, help="default: the one this file is in")
    parser.add_argument("--calibration", type=int, default=ROWS, metavar="ROWS", help="default: %(default)s, a second")
    chosen = parser.parse_args(arguments)
    if chosen.rounds < FEWEST:
        parser.error(f"--rounds: at least {FEWEST}, for fewer cannot tell what became slower from chance")
    commits = [resolved(chosen.repository, given) for given in (chosen.base, chosen.head)]
    yardstick = Yardstick(chosen.calibration)
    with tempfile.TemporaryDirectory(prefix="padm-bench-") as scratch:
        folder = Path(scratch)
        code = {side: checkout(chosen.repository, folder / side, commit) for side, commit in zip(SIDES, commits, strict=True)}
        schemas = write_source(f"duckdb://{folder / 'source.duckdb'}", chosen.students)
        shutil.copy(folder / "source.duckdb", folder / "changed.duckdb")
        change(folder / "changed.duckdb", schemas)
        rounds = [one_round(yardstick, folder, code, schemas, number) for number in range(chosen.rounds)]
    of = machine(yardstick)
    print(f"{machine_line(of)}\n{chosen.students:,} students, {chosen.rounds} rounds; {commits[0][:12]} → {commits[1][:12]}")
    spreads = {
        measure: judged(measure, rounds) for measure in MEASURES if all(measure in r[side] for r in rounds for side in SIDES)
    }
    print(table(rounds, spreads))
    worse = [measure for measure, spread in spreads.items() if is_slower(spread)]
    print(f"more than 10 % worse: {', '.join(worse)}" if worse else "nothing is more than 10 % worse")
    if chosen.json:
        kept = [{side: {measure: asdict(t) for measure, t in r[side].items()} for side in SIDES} for r in rounds]
        found = {"machine": of, "students": chosen.students, "commits": commits, "rounds": kept, "worse": worse}
        chosen.json.write_text(json.dumps(found, indent=1), encoding="utf-8")
    return 1 if worse else 0


def resolved(repository: Path, commit: str) -> str:
    """The whole name of a commit, a branch or HEAD."""
    asked = ["git", "rev-parse", "--verify", "--quiet", f"{commit}^{{commit}}"]
    done = subprocess.run(asked, cwd=repository, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"No commit of this repository is called {commit!r}. See: git log --oneline")
    return done.stdout.strip()


def checkout(repository: Path, code: Path, commit: str) -> Path:
    """A commit's files, compiled: who runs first would else do it for the others."""
    subprocess.run(["git", "clone", "--quiet", "--no-checkout", str(repository), str(code)], check=True)
    subprocess.run(["git", "checkout", "--quiet", "--detach", commit], cwd=code, check=True)
    subprocess.run([sys.executable, "-m", "compileall", "-q", str(code / "padm_ibis")], check=True)
    return code


def one_round(yardstick: Yardstick, folder: Path, code: Mapping[str, Path], schemas: list[str], number: int) -> Round:
    print(f"round {number + 1}", file=sys.stderr, flush=True)
    found: Round = {}
    for side in alternating(SIDES, number):
        work = folder / "work"
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        (work / "padm.toml").write_text(configuration("duckdb://source.duckdb", schemas), encoding="utf-8")
        shutil.copy(folder / "source.duckdb", work)
        found[side] = runs(yardstick, work, code[side], folder / "changed.duckdb")
    return found


def runs(yardstick: Yardstick, work: Path, code: Path, changed: Path) -> dict[str, Timing]:
    """The runs of one commit; the one with nothing new is the better of two."""
    line = [sys.executable, "-m", "padm_ibis.cli", "run", "--json", "report.json", "--as-of"]

    def timed(day: object) -> Timing:
        return yardstick.timed(lambda: run([*line, str(day)], work, {"PYTHONPATH": str(code)}))

    found = {FIRST: timed(DAY)}
    found |= parts(found[FIRST], json.loads((work / "report.json").read_text(encoding="utf-8")))
    found[NOTHING] = min((timed(DAY) for _ in range(2)), key=lambda t: t.units)
    shutil.copy(changed, work / "source.duckdb")
    found[CHANGED] = timed(NEXT_DAY)
    return found


def parts(first: Timing, report: Mapping[str, Any]) -> dict[str, Timing]:
    """What of a first run is told apart: the phase that makes statements of models, and memory."""
    found = {PEAK: first}
    if seconds := report.get("result", {}).get("phases", {}).get("prepare"):  # a commit may know no such phase
        found[PREPARE] = Timing(Cost(seconds), first.unit)
    return found


def judged(measure: str, rounds: Sequence[Round]) -> Spread:
    base, head = ([r[side][measure] for r in rounds] for side in SIDES)
    if measure == PEAK:
        return ratio(head, base, lambda t: t.cost.peak or 0)
    return ratio(head, base)


def is_slower(spread: Spread) -> bool:
    """Over the limit in the median, and not only because rounds differ."""
    return spread.median > LIMIT and spread.low > 1


def table(rounds: Sequence[Round], spreads: Mapping[str, Spread]) -> str:
    """The measures, a line each: both sides' medians, and the ratios, in calibrated time and in processor seconds."""
    lines = [f"{'':<26}{'base':>10}{'head':>10}  ratio, calibrated        by processor"]
    for measure, spread in spreads.items():
        shown, by_processor = [], ""
        for side in SIDES:
            timings = [r[side][measure] for r in rounds]
            if measure == PEAK:
                shown.append(f"{Spread.of((t.cost.peak or 0) / 2**20 for t in timings).median:,.0f} MiB")
            else:
                shown.append(f"{Spread.of(t.cost.wall for t in timings).median:.2f} s")
        base, head = ([r[side][measure] for r in rounds] for side in SIDES)
        if measure != PEAK and all(t.cpu_units for t in (*base, *head)):
            by_processor = f"{ratio(head, base, lambda t: t.cpu_units or 0).median:.2f}"
        mark = "  ← worse" if is_slower(spread) else ""
        lines.append(f"{measure:<26}{shown[0]:>10}{shown[1]:>10}  {spread!s:<25}{by_processor}{mark}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
