"""padm-ibis beside a script of SQL, dbt-duckdb and SQLMesh: the same statements, interleaved, in units of a calibration.

    python benchmarks/peers.py                                          # 2 × 500 students
    python benchmarks/peers.py --students 10000 --rounds 5              # the README's figures
    python benchmarks/peers.py --beside "SQL script" --no-plot          # nothing is installed

The first build of silver and gold on bronze that is there, a run with nothing changed, and one after 0.5 % of the students
changed. Every tool has to make the same rows, or the benchmark fails. dbt and SQLMesh are installed by pip into virtual
environments of their own; one that cannot be installed is left out, and the results say so. They are written into
``benchmarks/results/``, and ``python docs/generate.py`` takes the README's figures from there.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import duckdb
from _contenders import (
    AUDITED,
    CHANGED,
    DBT,
    DBT_TEST,
    FIRST,
    MEASURES,
    NOTHING,
    OURS,
    SCRIPT,
    SQLMESH,
    Contender,
    Ground,
    copy_bronze,
    dbt,
    differing,
    our_run,
    ours,
    script,
    sqlmesh,
)
from _machine import ROWS, Timing, Yardstick, alternating, machine, run
from _peer_projects import Statement, statements
from _results import RESULTS, page
from _university import CAMPUSES, DAY, change, configuration, write_source

import padm_ibis as padm

HERE = Path(__file__).parent
PEERS = (SCRIPT, DBT, SQLMESH, AUDITED)
PLOT = "plot"
NEEDS = {DBT: "dbt", SQLMESH: "sqlmesh", AUDITED: "sqlmesh"}
"""Which environment a contender runs in; its packages are in ``requirements-NAME.txt``."""
TESTED = {DBT: DBT_TEST, AUDITED: AUDITED}
Found = dict[str, dict[str, list[Timing]]]


def options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--students", type=int, default=1_000, help="of both campuses together; default: %(default)s")
    parser.add_argument("--rounds", type=int, default=3, help="default: %(default)s")
    parser.add_argument("--beside", nargs="+", choices=PEERS, default=PEERS, metavar="NAME", help=f"of: {', '.join(PEERS)}")
    parser.add_argument("--select", nargs="+", default=[], metavar="TABLE", help="only these tables and what they read")
    parser.add_argument(
        "--environments", type=Path, metavar="FOLDER", help="keep what pip installs here, and use it if it is there"
    )
    parser.add_argument(
        "--plot", action=argparse.BooleanOptionalAction, default=True, help="by Matplotlib, which is installed apart"
    )
    parser.add_argument("--results", type=Path, default=RESULTS, metavar="FOLDER", help="default: benchmarks/results")
    parser.add_argument("--calibration", type=int, default=ROWS, metavar="ROWS", help="default: %(default)s, a second")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    chosen = options(arguments)
    needed = {NEEDS[name] for name in chosen.beside if name in NEEDS} | ({PLOT} if chosen.plot else set())
    # Who runs first would else compile for the others.
    subprocess.run([sys.executable, "-m", "compileall", "-q", str(HERE.parent / "padm_ibis")], check=True)
    with tempfile.TemporaryDirectory(prefix="padm-bench-") as scratch:
        environments = (chosen.environments or Path(scratch, "environments")).absolute()
        installed, versions, skipped = install(environments, needed)
        ground, changed = prepare(Path(scratch), chosen.students, chosen.select)
        taking_part = [ours(ground, chosen.select), *peers(ground, chosen.beside, installed)]
        yardstick = Yardstick(chosen.calibration)
        found = measure(yardstick, Path(scratch), taking_part, ground.statements, chosen.rounds)
        results: dict[str, Any] = {
            "machine": machine(yardstick),
            "versions": versions,
            "campuses": CAMPUSES,
            "students": chosen.students,
            "rounds": chosen.rounds,
            "changed": changed,
            "tables": len(ground.statements),
            "rows": rows(reference(Path(scratch), FIRST), ground.statements),
            "checks": checks(Path(scratch), ground.statements, [contender.name for contender in taking_part]),
            "skipped": {name: skipped[NEEDS[name]] for name in chosen.beside if NEEDS.get(name) in skipped},
            "timings": {part: {m: [asdict(t) for t in timed] for m, timed in of.items()} for part, of in found.items()},
        }
        write(chosen.results, results, installed.get(PLOT))
    return 0


def install(environments: Path, names: set[str]) -> tuple[dict[str, Path], dict[str, str], dict[str, str]]:
    """Make the virtual environments: their folders of commands, versions of what was asked for, and why some are not there."""
    installed: dict[str, Path] = {}
    versions: dict[str, str] = {}
    skipped: dict[str, str] = {}
    for name in sorted(names):
        wanted = [line.partition("#")[0].strip() for line in requirements(name).read_text(encoding="utf-8").splitlines()]
        try:
            python = environment(environments / name, name)
        except subprocess.CalledProcessError as failed:
            print(failed.stderr or failed, file=sys.stderr)
            skipped[name] = f"could not be installed ({', '.join(wanted)})"
            continue
        installed[name] = python.parent
        listed = subprocess.run([python, "-m", "pip", "list", "--format", "json"], capture_output=True, text=True, check=True)
        there = {package["name"]: package["version"] for package in json.loads(listed.stdout)}
        versions |= {package: there[package] for package in there if any(line.startswith(package) for line in wanted)}
        if there["duckdb"] != duckdb.__version__:
            raise SystemExit(f"{environments / name} has DuckDB {there['duckdb']}, this has {duckdb.__version__}: remove it.")
    return installed, versions, skipped


def environment(folder: Path, name: str) -> Path:
    """The Python of a virtual environment with what a file of requirements names, and with our version of DuckDB."""
    python = folder / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    ready = folder / "ready"
    if not ready.exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True, capture_output=True, text=True)
        line = [python, "-m", "pip", "install", "--quiet", "-r", requirements(name), f"duckdb=={duckdb.__version__}"]
        subprocess.run(line, check=True, capture_output=True, text=True)
        ready.touch()
    return python


def requirements(name: str) -> Path:
    return HERE / f"requirements-{name}.txt"


def prepare(scratch: Path, students: int, select: Sequence[str]) -> tuple[Ground, int]:
    """Everything that is not timed: the source of two days, and bronze of both, by our own extraction."""
    loaded, changed_source = scratch / "loaded", scratch / "changed-source.duckdb"
    loaded.mkdir()
    schemas = write_source(f"duckdb://{loaded / 'source.duckdb'}", students)
    (loaded / "padm.toml").write_text(configuration("duckdb://source.duckdb", schemas), encoding="utf-8")
    shutil.copy(loaded / "source.duckdb", changed_source)
    changed = change(changed_source, schemas)
    read, made = statements(padm.load_config(loaded / "padm.toml"), DAY, select)
    bronze, changed_bronze = scratch / "first-bronze.duckdb", scratch / "next-bronze.duckdb"
    run(our_run(read), loaded)
    copy_bronze(loaded / "warehouse.duckdb", bronze)
    later = scratch / "later"
    shutil.copytree(loaded, later)
    shutil.copy(changed_source, later / "source.duckdb")
    run(our_run(read), later)
    copy_bronze(later / "warehouse.duckdb", changed_bronze)
    return Ground(loaded, changed_source, bronze, changed_bronze, made), changed


def peers(ground: Ground, names: Sequence[str], installed: dict[str, Path]) -> list[Contender]:
    make = {
        SCRIPT: lambda: script(ground),
        DBT: lambda: dbt(ground, installed["dbt"]),
        SQLMESH: lambda: sqlmesh(ground, installed["sqlmesh"], audits=False),
        AUDITED: lambda: sqlmesh(ground, installed["sqlmesh"], audits=True),
    }
    return [make[name]() for name in PEERS if name in names and (name not in NEEDS or NEEDS[name] in installed)]


def measure(
    yardstick: Yardstick, scratch: Path, taking_part: Sequence[Contender], made: Sequence[Statement], rounds: int
) -> Found:
    found: Found = {}
    by_name = {contender.name: contender for contender in taking_part}
    for number in range(rounds):
        for name in alternating(list(by_name), number):
            contender, folder = by_name[name], scratch / "work"
            shutil.rmtree(folder, ignore_errors=True)
            contender.begin(folder)
            for what in MEASURES:
                if what == CHANGED:
                    contender.renew(folder)
                for part, timing in timed(yardstick, contender, folder, what):
                    found.setdefault(part, {m: [] for m in MEASURES})[what].append(timing)
                    print(f"round {number + 1}, {part}, {what}: {timing.cost.wall:.2f} s, {timing.units:.1f} units", flush=True)
                if number == 0 and what == FIRST and name == OURS:
                    shutil.copy(folder / "report.json", scratch)
                if number == 0 and what != NOTHING:
                    compare(scratch, folder / contender.tables, made, contender.name, what)
    return found


def timed(yardstick: Yardstick, contender: Contender, folder: Path, what: str) -> list[tuple[str, Timing]]:
    """What each part of a contender took; and, of the first, what it would have without some seconds."""
    taken = {}
    for part, commands in contender.parts.items():
        taken[part] = yardstick.timed(lambda commands=commands: run(commands[what], folder, contender.environment))
    first = next(iter(taken.values()))
    return [*taken.items(), *((part, first.without(seconds)) for part, seconds in contender.less(folder).items())]


def compare(scratch: Path, file: Path, made: Sequence[Statement], name: str, what: str) -> None:
    """End the benchmark unless the tables are those of the contender before; the changed ones must differ from the first."""
    kept = reference(scratch, what)
    if kept.exists():
        if wrong := list(differing(kept, file, made)):
            raise SystemExit(f"{name}, {what}: other rows than the one before in {', '.join(wrong)}")
        return
    shutil.copy(file, kept)
    if what == CHANGED and not list(differing(reference(scratch, FIRST), file, made)):
        raise SystemExit(f"{name}: what changed at the source changed no table; nothing was measured")


def reference(scratch: Path, what: str) -> Path:
    return scratch / f"reference-{MEASURES.index(what)}.duckdb"


def rows(file: Path, made: Sequence[Statement]) -> int:
    with duckdb.connect(str(file), read_only=True) as con:
        return sum(con.execute(f"SELECT count(*) FROM {s.layer}.{s.name}").fetchall()[0][0] for s in made)


def checks(scratch: Path, made: Sequence[Statement], names: Sequence[str]) -> dict[str, int]:
    """How much each of those that check anything checked in a first build; ours tells it of its own."""
    tables = json.loads((scratch / "report.json").read_text(encoding="utf-8"))["result"]["tables"]
    tests = sum(len(s.not_null) + 1 for s in made)
    return {OURS: sum(table["checks"] for table in tables)} | {TESTED[name]: tests for name in TESTED if name in names}


def write(folder: Path, results: dict[str, Any], plot: Path | None) -> None:
    """Write the measurement, its page, and, where Matplotlib is installed, its picture."""
    folder.mkdir(parents=True, exist_ok=True)
    measured, drawn = folder / "peers.json", folder / "peers.svg"
    measured.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    drawn.unlink(missing_ok=True)
    if plot:
        subprocess.run([plot / "python", HERE / "_plot.py", measured, drawn], check=True)
    text = page(results, picture=drawn.name if drawn.exists() else None)
    (folder / "peers.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    sys.exit(main())
