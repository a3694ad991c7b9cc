"""Load a warehouse as a run would, in a process of its own that a test can kill: ``load_campus.py <folder> <run_id>``."""

from __future__ import annotations

import sys
from pathlib import Path

import duckdb

from padm_ibis.backends.duckdb import DuckDBStore
from padm_ibis.config import load_config
from padm_ibis.extract import extract

if __name__ == "__main__":
    folder = Path(sys.argv[1])
    with duckdb.connect(str(folder / "work.duckdb")) as con:
        print("reading", flush=True)
        found = extract(DuckDBStore(con), load_config(folder / "padm.toml"), sys.argv[2])
    sys.exit(0 if found.complete else 1)
