"""Tables we are given: their names, columns and types, and how to reach them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from padm_ibis.define.source_table import SourceTable

__all__ = ["SourceTable"]


def __getattr__(name: str) -> Any:
    """Import Ibis only where types are asked for: extracting needs none of it."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from padm_ibis.define import source_table

    return getattr(source_table, name)
