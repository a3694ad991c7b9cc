"""From sources to bronze: nothing lost, nothing doubled, whatever happens in between."""

from __future__ import annotations

from padm_ibis.extract.extraction import extract, load_sources, tables_to_read
from padm_ibis.extract.reconcile import Reconciliation, check_sources
from padm_ibis.extract.result import Extraction
from padm_ibis.extract.store import Store

__all__ = ["Extraction", "Reconciliation", "Store", "check_sources", "extract", "load_sources", "tables_to_read"]
