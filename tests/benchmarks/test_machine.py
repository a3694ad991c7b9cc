"""What costs are put together from, worked out by hand, and from commands whose cost is known."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from _machine import Cost, Spread, Timing, Yardstick, alternating, machine, machine_line, ratio, run


def test_a_machine_that_is_half_as_fast_needs_as_many_units() -> None:
    fast = Timing(Cost(6.0, 3.0), Cost(0.5, 0.5))
    slow = Timing(Cost(12.0, 6.0), Cost(1.0, 1.0))
    assert fast.units == slow.units == 12
    assert fast.cpu_units == slow.cpu_units == 6
    assert ratio([slow], [fast]).median == 1


def test_a_ratio_is_of_the_rounds_in_pairs() -> None:
    unit = Cost(1.0, 1.0)
    mine = [Timing(Cost(seconds), unit) for seconds in (2.0, 9.0, 4.0)]
    theirs = [Timing(Cost(seconds), unit) for seconds in (1.0, 3.0, 4.0)]
    assert ratio(mine, theirs) == Spread(2.0, 1.0, 3.0)


@pytest.mark.parametrize(
    ("rounds", "low", "high"),
    [
        (1, 1, 1),
        (4, 1, 4),  # 1/16 of the time, all four lie on one side: the least and the most, for want of better
        (7, 1, 7),  # 1/128, and with one on the other side 8/128 = 6 %
        (8, 2, 7),  # 1/256 + 8/256 = 3.5 %
        (11, 3, 9),  # 1 + 11 + 55 of 2048 = 3.3 %
    ],
)
def test_between_what_the_median_lies_in_nine_of_ten(rounds: int, low: int, high: int) -> None:
    spread = Spread.of(range(rounds, 0, -1))
    assert (spread.low, spread.high) == (low, high)
    assert spread.median == (rounds + 1) / 2


def test_what_a_command_cost_is_its_own(tmp_path: Path) -> None:
    block = 200 << 20
    busy = "import time, os; end = time.process_time() + 0.3\nwhile time.process_time() < end: pass"
    large = run([sys.executable, "-c", f"b = bytearray({block}); {busy}"], tmp_path)
    assert large.cpu is not None
    assert 0.3 <= large.cpu <= large.wall + 0.1
    assert large.peak is not None
    assert large.peak > block
    # Not what this process has: a small one that is started later is small.
    small = run([sys.executable, "-I", "-c", "pass"], tmp_path)
    assert small.peak is not None
    assert small.peak < 60 << 20


def test_a_command_that_fails_ends_the_benchmark_with_what_it_said(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="no such thing"):
        run([sys.executable, "-c", "raise SystemExit('no such thing')"], tmp_path)


def test_every_other_round_goes_backwards() -> None:
    assert [list(alternating(("a", "b", "c"), n)) for n in range(3)] == [["a", "b", "c"], ["c", "b", "a"], ["a", "b", "c"]]


def test_the_machine_is_named_with_how_much_its_calibration_differed() -> None:
    yardstick = Yardstick(rows=100_000)
    assert yardstick.readings == []  # the one that warms up does not count
    timing = yardstick.timed(lambda: Cost(1.0))
    before, after = (reading.wall for reading in yardstick.readings)
    assert timing.unit.wall == (before + after) / 2
    yardstick.readings[:] = [Cost(0.3), Cost(0.2), Cost(0.4)]
    assert machine_line(machine(yardstick)).endswith("; calibration 0.30 s (0.20 … 0.40 in 3 readings)")
