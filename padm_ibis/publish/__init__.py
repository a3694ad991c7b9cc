"""Tables of a warehouse, replicated to another database and reconciled with it before anyone sees them."""

from __future__ import annotations

from padm_ibis.publish.destination import Destination, destinations
from padm_ibis.publish.passed import publish_nothing, publish_passed
from padm_ibis.publish.run import publish
from padm_ibis.publish.star import load_star
from padm_ibis.report.publication import PublishReport, TableDetail

__all__ = [
    "Destination",
    "PublishReport",
    "TableDetail",
    "destinations",
    "load_star",
    "publish",
    "publish_nothing",
    "publish_passed",
]
