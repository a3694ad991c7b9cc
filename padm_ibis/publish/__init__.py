"""Tables of a warehouse, replicated to another database and reconciled with it before anyone sees them."""

from __future__ import annotations

from padm_ibis.publish.report import PublishReport, TableDetail
from padm_ibis.publish.run import publish
from padm_ibis.publish.star import load_star

__all__ = ["PublishReport", "TableDetail", "load_star", "publish"]
