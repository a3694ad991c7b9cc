"""The same kind of source, its tables of another design: a column more, one less, a value worked out otherwise."""

from __future__ import annotations

import ibis.expr.types as ir
import people_school as school
from people_school import *  # noqa: F403 (tables that stay as they are)

from padm_ibis.define.contract import GoldContract, SilverContract
from padm_ibis.define.model import model

_NUMBER, _TEXT = school._NUMBER, school._TEXT


@model(
    school._contract(
        "DimRecord", SilverContract, ("source_db", "record_id"), record_id=_NUMBER, person_id=_NUMBER, house=_TEXT, wing=_TEXT
    )
)
def dim_record(records: ir.Table) -> ir.Table:
    """Records with the wing of their house, one row per record_id."""
    return records.select("source_db", record_id="record", person_id="person", house="house", wing=records.house.upper())


@model(
    school._contract(
        "Totals", GoldContract, ("source_db", "record_id"), record_id=_NUMBER, marks=_NUMBER, total=_NUMBER, wing=_TEXT
    )
)
def totals(dim_record: ir.Table, fact_mark: ir.Table) -> ir.Table:
    """Sums of marks, twice each, and the wing, one row per record_id."""
    sums = fact_mark.group_by(school.STUDENT).agg(marks=fact_mark.count(), total=(fact_mark.value * 2).sum())
    rows = dim_record.left_join(sums, school.STUDENT).select(*dim_record.columns, "marks", "total")
    return rows.select(*school.STUDENT, marks=rows.marks.fill_null(0), total=rows.total, wing="wing")
