"""Tables we are given: their names, columns and types, and how to reach them."""

from __future__ import annotations

from padm_ibis.sources.table import SourceTable

__all__ = ["SourceTable"]
