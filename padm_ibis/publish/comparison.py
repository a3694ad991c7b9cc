"""One table, or the references between tables, compared on both sides of a publication, into its report."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from padm_ibis.publish import reconcile
from padm_ibis.publish.reconcile import Side
from padm_ibis.publish.spec import Publication, TableSpec
from padm_ibis.report.publication import TableDetail


@contextmanager
def timed(detail: TableDetail) -> Iterator[None]:
    """Note how many seconds a table took."""
    began = time.perf_counter()
    yield
    detail.seconds = round(time.perf_counter() - began, 3)


def compare_table(there: Side, here: Side, spec: TableSpec, detail: TableDetail, publication: Publication, *, keys: bool) -> None:
    """Compare a table at the source with the target's, staged or published.

    Parameters
    ----------
    keys
        Whether distinct keys are counted; no need where the target's unique index proves them.
    """
    if missing := _missing(here, spec, publication):
        detail.differences, detail.status = missing, "failed"
        return
    columns = publication.columns[spec.name]
    measured = there.measures(spec, columns, keys=keys)
    detail.records = measured["rows"]
    detail.differences = reconcile.differences(measured, here.measures(spec, columns, keys=keys))
    detail.differences += reconcile.key_problems(measured, spec)
    detail.status = "failed" if detail.differences else "checked"


def compare_references(there: Side, here: Side, publication: Publication) -> None:
    """Orphans must be as many on both sides, among the tables that are published together."""
    for spec, detail in zip(publication.specs, publication.report.tables_detail, strict=True):
        references = [r for r in publication.references(spec) if {spec.name, r.table} <= here.place.keys()]
        detail.differences += reconcile.differences(there.orphans(spec, references), here.orphans(spec, references))
        detail.status = "failed" if detail.differences else detail.status


def _missing(here: Side, spec: TableSpec, publication: Publication) -> list[str]:
    if spec.name not in here.place:
        return ["the target has no such table"]
    found = here.database.columns(here.place[spec.name]).names
    return [f"the target has no column {name}" for name in publication.columns[spec.name].names if name not in found]
