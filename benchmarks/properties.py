"""Examples a second of the property tests: universities drawn, loaded into a prepared model, and run through it.

``python benchmarks/properties.py [--model NAME] [--examples N] [--given gold|silver|bronze] [--campuses N]``

One example is one drawn university and one run: of the model alone where gold is given, else with the tables above what is.
``--campuses`` draws wider universities: ids are unique within a campus only, so each campus is a small university of its own,
and one run tries them all. CPU seconds stand beside wall seconds, for machines that do other things too.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from contextlib import contextmanager

from _machine import machine_line
from hypothesis import HealthCheck, Phase, given, settings

from padm_ibis.define.model import model_of
from padm_ibis.gold import GOLD
from padm_ibis.silver import SILVER
from padm_ibis.testing import Prepared, prepare, strategies


class Clock:
    """CPU and wall seconds of each part of the work."""

    def __init__(self) -> None:
        self.seconds: dict[str, tuple[float, float]] = {}

    @contextmanager
    def of(self, part: str) -> Iterator[None]:
        cpu, wall = time.process_time(), time.perf_counter()
        yield
        before = self.seconds.get(part, (0.0, 0.0))
        self.seconds[part] = (before[0] + time.process_time() - cpu, before[1] + time.perf_counter() - wall)


def show(clock: Clock, options: argparse.Namespace) -> None:
    for place, kind in enumerate(("CPU", "wall")):
        generate, load, run = (clock.seconds[part][place] for part in ("generate", "load", "run"))
        # A run loads too: what it takes beyond loading is execution, the fetching of the result included.
        parts = {"generate": generate, "load": load, "execute": run - load}
        total = generate + run
        rates = f"{options.examples / total:.1f} examples/s, {options.examples * options.campuses / total:.1f} campuses/s"
        shares = (f"{part} {1000 * s / options.examples:.1f} ms ({s / total:.0%})" for part, s in parts.items())
        print(f"{kind:4}  {rates}   {' · '.join(shares)}")


def draw(run: Prepared, options: argparse.Namespace) -> list[strategies.University]:
    drawn: list[strategies.University] = []
    campuses = [f"sede{n}" for n in range(1, options.campuses + 1)]
    size = {"min_rows": 2 * options.campuses, "max_rows": 4 * options.campuses} if options.campuses > 2 else {}
    universities = strategies.tables(run.inputs, only=run.reads, campuses=campuses, **size)
    few = settings(
        max_examples=options.examples,
        database=None,
        derandomize=True,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    few(given(universities)(lambda university: drawn.append(university)))()
    return drawn


def main() -> None:
    functions = {model_of(f).name: f for f in (*SILVER, *GOLD)}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=functions, default="gold_tft_training_dataset")
    parser.add_argument("--examples", type=int, default=200)
    parser.add_argument("--given", choices=("gold", "silver", "bronze"), default="silver")
    parser.add_argument("--campuses", type=int, default=2)
    options = parser.parse_args()
    print(machine_line())
    clock = Clock()
    with clock.of("compile"):
        run = prepare(functions[options.model], given=options.given)
    print(f"{options.model}, from {options.given}: compiled once, {clock.seconds['compile'][1]:.1f} s")
    with clock.of("generate"):
        drawn = draw(run, options)
    rows = 0
    for university in drawn:
        with clock.of("load"), run.chain.loaded(university):
            pass
        with clock.of("run"):
            rows += run(university).num_rows
    show(clock, options)
    print(f"{len(drawn)} universities of {options.campuses} campuses, {rows} rows of the model")


if __name__ == "__main__":
    main()
