"""Earlier home of `padm_ibis.define.contract`, kept for code that imports it from here."""

from __future__ import annotations

from padm_ibis.define.contract import *  # noqa: F403
