"""Memory does not grow with the rows: a large table into PostgreSQL, in a process of its own that tells its peak."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable

import pytest

from padm_ibis.config import Config

from .conftest import ask, readings

pytestmark = pytest.mark.postgres
CHILD = """
import json, pathlib, re, sys
import padm_ibis as padm
from padm_ibis.publish import publish
report = publish(padm.load_config(sys.argv[1]), sys.argv[2])
# not getrusage: its peak begins with that of the process which started this one
peak = int(re.search(r"VmHWM:\\s+(\\d+)", pathlib.Path("/proc/self/status").read_text())[1]) // 1024
print(json.dumps([report.exit_code, report.total_records_processed, peak]))
"""


def peak(config: Config, url: str, rows: int) -> int:
    """Publish in another process; return its largest resident memory in MB."""
    command = [sys.executable, "-c", CHILD, str(config.path), url]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=600)
    code, published, megabytes = json.loads(done.stdout)
    assert (code, published) == (0, rows)
    return megabytes


@pytest.mark.campaign
def test_memory_does_not_grow_with_the_rows(
    warehouse: Callable[..., Config], mirror: str, request: pytest.FixtureRequest
) -> None:
    few, many = (1_000_000, 5_000_000) if request.config.getoption("--campaign") else (200_000, 1_000_000)
    small = peak(warehouse(reading=readings(few)), mirror, few)
    large = peak(warehouse(reading=readings(many)), mirror, many)
    assert ask(mirror, "SELECT count(*), count(DISTINCT id), sum(id) FROM shop.reading") == [(many, many, many * (many - 1) // 2)]
    assert large - small < 150  # pages of the source's file stay in memory up to a limit; 4 million rows would be 340 MB
    assert large < 450
