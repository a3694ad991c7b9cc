"""Help for whoever tests a model: given rows, expected rows; drawn universities and the laws they must keep."""

from __future__ import annotations

from padm_ibis.testing.prepared import Prepared, prepare
from padm_ibis.testing.run_model import model_rows, rows_as_table, run_model

__all__ = ["Prepared", "model_rows", "prepare", "rows_as_table", "run_model"]
