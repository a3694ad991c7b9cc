"""The names of the layers, and of the columns that loading adds: plain words, so that nothing heavy is imported for them."""

from __future__ import annotations

LAYERS = ("bronze", "silver", "gold")
LOADER_COLUMNS = ("source_db", "_extracted_at", "_run_id")
"""Columns of bronze that the loader adds to what a statement yields."""
VOLATILE = ("_extracted_at", "_run_id")
"""Columns that say when a row was read, not what it says."""
