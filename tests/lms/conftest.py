"""Fixtures of the platform's tests."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from conftest_lms import bronze, moodle  # noqa: F401
