"""examples/sales against a real server: what a stranger would run, and what it must end with."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest

pytestmark = pytest.mark.postgres
EXAMPLE = Path(__file__).parents[2] / "examples" / "sales"


def run(*arguments: str, **urls: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "padm_ibis.cli", "publish", "--config", str(EXAMPLE / "padm.toml"), *arguments]
    return subprocess.run(command, env={**os.environ, **urls}, capture_output=True, text=True, timeout=120)


def test_one_command_loads_mirrors_and_reconciles_and_a_damaged_mirror_is_caught(postgres_url: str, mirror: str) -> None:
    with (EXAMPLE / "data" / "fact_sales.csv").open() as file:
        sales = list(csv.DictReader(file))
    revenue = sum(Decimal(sale["quantity"]) * Decimal(sale["unit_price"]) for sale in sales)
    done = run(SALES_URL=postgres_url, SALES_MIRROR_URL=mirror)
    assert done.returncode == 0, done.stderr
    assert "4 of 4 tables, 419 rows" in done.stdout
    with psycopg.connect(mirror, autocommit=True) as con:
        rows = con.execute("SELECT sum(revenue), sum(sales)::int FROM bi_schema.vw_monthly_metrics").fetchone()
        assert rows == (revenue, len(sales))
        assert con.execute("SELECT count(*) FROM bi_schema.vw_sales_analysis").fetchone() == (25,)
        con.execute("UPDATE bi_schema.fact_sales SET total_amount = total_amount + 1 WHERE sale_id = 3")
    checked = run("--check", SALES_URL=postgres_url, SALES_MIRROR_URL=mirror)
    assert checked.returncode == 1
    assert f"revenue: {revenue} at the source, {revenue + 1} in the target" in checked.stdout
