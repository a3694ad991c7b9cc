"""One measurement in a process of its own: ``one.py <what> <url> <rows> <folder>``; prints seconds and peak memory."""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

COLUMNS = "SELECT * FROM bench.big"


def floor(url: str, rows: int, folder: Path) -> dict[str, float]:
    import psycopg

    with psycopg.connect(url) as con, con.cursor().copy(f"COPY ({COLUMNS}) TO STDOUT (FORMAT binary)") as copy:
        for _ in copy:
            pass
    return {}


def ours(url: str, rows: int, folder: Path) -> dict[str, float]:
    from padm_ibis.backends.duckdb import DuckDBBackend, DuckDBStore
    from padm_ibis.config import load_config
    from padm_ibis.extract import extract

    (folder / "padm.toml").write_text(
        '[warehouse]\nurl = "duckdb://warehouse.duckdb"\n[privacy]\nhash_key = "benchmark of extraction"\n'
        f'[sources.bench]\nkind = "wide_kind"\nurl = "{url}"\nschema = "bench"\n',
        encoding="utf-8",
    )
    config = load_config(folder / "padm.toml")
    with DuckDBBackend(config).open() as work:
        found = extract(DuckDBStore(work.raw), config, "bench")
        work.execute("CHECKPOINT")
        assert found.complete, found.failures
        assert work.execute("SELECT count(*) FROM bronze.big") == [(rows,)]
        return {"digests": round(found.digests, 3)}


def connectorx(url: str, rows: int, folder: Path) -> dict[str, float]:
    import connectorx
    import duckdb

    table = connectorx.read_sql(url, COLUMNS, return_type="arrow")
    with duckdb.connect(str(folder / "work.duckdb")) as con:
        con.register("arrived", table)
        con.execute("CREATE TABLE big AS SELECT * FROM arrived")
        con.execute("CHECKPOINT")
        assert con.execute("SELECT count(*) FROM big").fetchone() == (rows,)
    return {}


def dlt(url: str, rows: int, folder: Path, backend: str) -> dict[str, float]:
    import dlt as library
    from dlt.sources.sql_database import sql_table

    pipeline = library.pipeline(
        "bench", pipelines_dir=str(folder / "p"), destination=library.destinations.duckdb(str(folder / "w.duckdb"))
    )
    chunk = {"chunk_size": 100_000}
    more = {"backend_kwargs": {"conn": url, "return_type": "arrow_stream"}} if backend == "connectorx" else {}
    pipeline.run(sql_table(url, table="big", schema="bench", backend=backend, **chunk, **more))
    with pipeline.sql_client() as client:
        assert client.execute_sql("SELECT count(*) FROM big")[0][0] == rows
    return {}


def main() -> None:
    what, url, rows, folder = sys.argv[1], sys.argv[2], int(sys.argv[3]), Path(sys.argv[4])
    began = time.perf_counter()
    name, _, backend = what.partition("-")
    more = dlt(url, rows, folder, backend) if backend else globals()[name](url, rows, folder)
    seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": round(seconds, 3), "processor": time.process_time(), "peak_mb": round(peak), **more}))


if __name__ == "__main__":
    main()
