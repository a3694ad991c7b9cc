"""Gold: business marts and the feature store. A file is a table; ``GOLD`` is the floor plan."""

from __future__ import annotations

from collections.abc import Callable

import ibis.expr.types as ir

GOLD: tuple[Callable[..., ir.Table], ...] = ()
