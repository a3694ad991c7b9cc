"""The names of the layers, and of the columns that loading adds: plain words, so that nothing heavy is imported for them."""

from __future__ import annotations

LAYERS = ("bronze", "silver", "gold")
ABSENT = "_ausente_desde"
"""Column of a kept bronze table: since which day its source has the row no more."""
LOADER_COLUMNS = ("source_db", ABSENT, "_extracted_at", "_run_id")
"""Columns of bronze that the loader adds to what a statement yields."""
VOLATILE = ("_extracted_at", "_run_id")
"""Columns that say when a row was read, not what it says."""
