"""Campuses as the tests of the extraction have them, and roles that may do little."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "extract"))

from conftest_extract import both, bronze, campus, other  # noqa: F401
from roles import role  # noqa: F401
