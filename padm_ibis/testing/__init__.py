"""Help for whoever tests a model: given rows, expected rows."""

from __future__ import annotations

from padm_ibis.testing.run_model import rows_as_table, run_model

__all__ = ["rows_as_table", "run_model"]
