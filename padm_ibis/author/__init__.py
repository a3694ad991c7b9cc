"""For whoever adds a table: the files to begin with."""

from __future__ import annotations

from padm_ibis.author.mart import new_mart

__all__ = ["new_mart"]
