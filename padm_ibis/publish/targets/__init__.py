"""Where tables are published to: staged out of sight, shown together, or the old content stays."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from padm_ibis.errors import UsageError
from padm_ibis.publish.spec import Publication
from padm_ibis.publish.targets.base import OutOfStep, Target
from padm_ibis.publish.targets.files import file_target
from padm_ibis.publish.targets.postgres import postgres_target

__all__ = ["OutOfStep", "Target", "target_of"]


@contextmanager
def target_of(publication: Publication) -> Iterator[Target]:
    """Open a target for one publication.

    Raises
    ------
    WarehouseBusy
        If another publication to it is going on.
    WarehouseError
        If it is out of reach, or holds what would not survive.
    """
    path, own = publication.url.path, publication.config.warehouse.url.path
    if path is not None and own is not None and path.resolve() == own.resolve():
        raise UsageError(f"{publication.url} is the warehouse itself.", hint="Name another file: --to duckdb://mirror.duckdb")
    with (postgres_target if path is None else file_target)(publication) as target:
        yield target
