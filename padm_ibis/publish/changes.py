"""What readers of a published table must change: columns that came, went or have another type now."""

from __future__ import annotations

import pyarrow as pa

from padm_ibis.publish.databases import column_types
from padm_ibis.publish.spec import TableSpec
from padm_ibis.publish.targets import Target


def changed_columns(target: Target, spec: TableSpec) -> list[str]:
    """Compare the staged columns of a table with those that readers have now; nothing for a table's first publication."""
    database = target.database
    if not database.exists(spec.schema, spec.name):
        return []
    return differences(database.columns(database.place(spec.schema, spec.name)), database.columns(target.staged(spec)))


def differences(before: pa.Schema, now: pa.Schema) -> list[str]:
    """Say in words how two sets of columns differ; types are PostgreSQL's, and SQLite has none."""
    gone = [f"column {name} is gone" for name in before.names if name not in now.names]
    new = [f"column {name} is new" for name in now.names if name not in before.names]
    shared = [name for name in before.names if name in now.names and before.field(name).type != now.field(name).type]
    was, becomes = (column_types(pa.schema([side.field(name) for name in shared])) for side in (before, now))
    return gone + new + [f"column {name} was {was[name]}, is now {becomes[name]}" for name in shared]
