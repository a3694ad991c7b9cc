"""Silver: the conformed star schema. A file is a table; ``SILVER`` is the floor plan."""

from __future__ import annotations

from collections.abc import Callable

import ibis.expr.types as ir

SILVER: tuple[Callable[..., ir.Table], ...] = ()
