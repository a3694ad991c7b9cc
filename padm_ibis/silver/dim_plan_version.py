"""Versions of study plans, from every table that mentions one."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from padm_ibis.checks.silver import DimPlanVersion
from padm_ibis.define.model import model


@model(DimPlanVersion)
def dim_plan_version(
    students: ir.Table,
    course_inscriptions: ir.Table,
    exam_inscriptions: ir.Table,
    academic: ir.Table,
    historia_academica: ir.Table,
    egresos: ir.Table,
) -> ir.Table:
    """Plan versions, one row per plan_version_id of a source; a name in students wins, then the smallest."""
    mentions = ibis.union(
        _mentions(students, in_students="plan_version"),
        _mentions(course_inscriptions, elsewhere="plan_version_desc"),
        _mentions(exam_inscriptions, elsewhere="plan_version_desc"),
        _mentions(academic),
        _mentions(historia_academica),
        _mentions(egresos),
    )
    plans = mentions.group_by("source_db", "plan_version_id").agg(
        plan_version_nombre=ibis.coalesce(mentions.in_students.min(), mentions.elsewhere.min())
    )
    return plans.select("source_db", "plan_version_id", "plan_version_nombre")


def _mentions(table: ir.Table, *, in_students: str | None = None, elsewhere: str | None = None) -> ir.Table:
    """Plans that a table mentions, each of its names once."""
    unnamed = ibis.null("string")
    return (
        table.filter(table.plan_version_id.notnull())
        .select(
            source_db=table.source_db,
            plan_version_id=table.plan_version_id,
            in_students=table[in_students] if in_students else unnamed,
            elsewhere=table[elsewhere] if elsewhere else unnamed,
        )
        .distinct()
    )
