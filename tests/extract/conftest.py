"""Fixtures of the extraction's tests."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from conftest_extract import both, bronze, campus, other  # noqa: F401
from conftest_files import folder  # noqa: F401
