"""Earlier home of `padm_ibis.define.model`, kept for code that imports it from here."""

from __future__ import annotations

from padm_ibis.define.model import *  # noqa: F403
