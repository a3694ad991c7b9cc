"""How a whole build grows with the university: seconds, rows and peak memory of each layer, and the exponent of each model.

    python benchmarks/scale.py --students 5000 50000 500000
    python benchmarks/scale.py --students 50000 --memory-limit 2GB

Each size is a sample university in a DuckDB file, two campuses, built with default settings: bronze, then silver, then gold,
each layer in a process of its own, whose largest resident memory is told. The exponent of a model is the slope of its seconds
between two sizes, both as logarithms: 1 where twice the students take twice the time. Models under a twentieth of a second
at the larger size are left out.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from _machine import machine_line
from _university import configuration, write_source

from padm_ibis.define.layers import LAYERS
from padm_ibis.sample import SAMPLE_AS_OF

SHORT = 0.05
CHILD = """
import json, resource, subprocess, sys
done = subprocess.run([sys.executable, "-m", "padm_ibis.cli", *sys.argv[1:]], capture_output=True, text=True)
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
print(json.dumps({"code": done.returncode, "peak": peak * 1024, "answer": json.loads(done.stdout or "{}")}))
"""


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer of one size: wall seconds, rows, bytes of resident memory at most, and seconds by table."""

    name: str
    seconds: float
    rows: int
    peak: int
    tables: dict[str, float]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--students", type=int, nargs="+", default=[5_000, 50_000], help="of both campuses together")
    parser.add_argument("--memory-limit", help="instead of the default; such as 2GB")
    parser.add_argument("--folder", type=Path, help="where the universities and warehouses are made; default: a temporary one")
    chosen = parser.parse_args()
    print(machine_line())
    found: dict[int, list[Layer]] = {}
    for students in chosen.students:
        with tempfile.TemporaryDirectory(prefix="padm-scale-", dir=chosen.folder) as scratch:
            found[students] = size(Path(scratch), students, chosen.memory_limit)
    if len(found) > 1:
        exponents(found)


def size(folder: Path, students: int, memory_limit: str | None) -> list[Layer]:
    began = time.perf_counter()
    schemas = write_source(f"duckdb://{folder / 'source.duckdb'}", students)
    print(f"\n{students:,} students: source made in {time.perf_counter() - began:.0f} s", flush=True)
    limit = f'memory_limit = "{memory_limit}"\n' if memory_limit else ""
    (folder / "padm.toml").write_text(configuration("duckdb://source.duckdb", schemas, warehouse=limit), encoding="utf-8")
    layers = []
    for name in LAYERS:
        layer = build(folder, name)
        layers.append(layer)
        worst = max(layer.tables, key=lambda table: layer.tables[table])
        told = f"{layer.seconds:8.1f} s  {layer.rows:>13,} rows  {layer.peak / 2**30:6.2f} GiB at most"
        print(f"{name:<8}{told}  slowest: {worst} {layer.tables[worst]:.1f} s", flush=True)
    total = sum(layer.seconds for layer in layers)
    print(f"{'all':<8}{total:8.1f} s  {sum(layer.rows for layer in layers):>13,} rows  "
          f"{max(layer.peak for layer in layers) / 2**30:6.2f} GiB at most", flush=True)  # fmt: skip
    return layers


def build(folder: Path, layer: str) -> Layer:
    arguments = ["run", "--layer", layer, "--as-of", str(SAMPLE_AS_OF), "--json", "-", *["--only"] * (layer != "bronze")]
    began = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", CHILD, *arguments], cwd=folder, capture_output=True, text=True, check=True)
    seconds, found = time.perf_counter() - began, json.loads(done.stdout)
    if found["code"] != 0:
        raise SystemExit(f"{layer}: exit code {found['code']}: {found['answer'].get('error')}")
    tables = [t for t in found["answer"]["result"]["tables"] if t["layer"] == layer]
    return Layer(layer, seconds, sum(t["rows"] for t in tables), found["peak"], {t["name"]: t["seconds"] for t in tables})


def exponents(found: dict[int, list[Layer]]) -> None:
    """Print the slope of every layer and model between each two neighbouring sizes, and over all."""
    sizes = sorted(found)
    pairs = [*itertools.pairwise(sizes), *([(sizes[0], sizes[-1])] if len(sizes) > 2 else [])]
    for small, large in pairs:
        print(f"\nexponent from {small:,} to {large:,} students")
        step = math.log(large / small)
        totals = [sum(layer.seconds for layer in found[number]) for number in (small, large)]
        print(f"  {'all':<34}{math.log(totals[1] / totals[0]) / step:6.2f}")
        slopes = {}
        for before, after in zip(found[small], found[large], strict=True):
            print(f"  {after.name:<34}{math.log(after.seconds / before.seconds) / step:6.2f}")
            for table, seconds in after.tables.items():
                if seconds >= SHORT and before.tables.get(table, 0) > 0:
                    slopes[f"{after.name}.{table}"] = math.log(seconds / before.tables[table]) / step
        for table, slope in sorted(slopes.items(), key=lambda pair: -pair[1]):
            print(f"    {table:<32}{slope:6.2f}")


if __name__ == "__main__":
    main()
