"""The words of a learning platform as column expressions: what its tables of silver share."""

from __future__ import annotations

import functools
import operator

import ibis
import ibis.expr.types as ir

from padm_ibis.params import Params
from padm_ibis.words import terms

TEACHING = ("editingteacher", "teacher", "manager", "coursecreator")
"""Archetypes of roles that teach or manage: whoever holds one in a course is no learner there, on the days on which they do."""
TAREA, CUESTIONARIO = "tarea", "cuestionario"
_DIGITS = 100_000.0
"""Points and grades have up to five digits behind the point."""


def of_platform(rows: ir.Table) -> ir.Table:
    """Rows of bronze, whose source is the platform: ``source_db`` is to be that of the person."""
    return rows.rename(lms_db="source_db", usuario_id="usuario")


def learners(rows: ir.Table, lms_roles: ir.Table, params: Params) -> ir.Table:
    """Rows of those who held no teaching or managing role in ``curso_id`` on the day of ``fecha_conocida``.

    A role was held from ``desde`` on (always, where the platform does not say since when) to the day before the one on which
    it was found missing. Who never had a row of a role is a learner: rows go when somebody is un-enrolled.
    """
    held = of_platform(lms_roles)
    configured = [(held.lms_db == lms.name) & held.rol.isin(lms.teaching_roles) for lms in params.lms if lms.teaching_roles]
    teaching = functools.reduce(operator.or_, configured, held.arquetipo.isin(TEACHING).fill_null(False))
    held = held.filter(teaching).select(
        _lms_db="lms_db", _usuario="usuario_id", _curso="curso", _desde=held.desde.date(), _hasta="_ausente_desde"
    )
    on_the_day = [
        rows.lms_db == held["_lms_db"],
        rows.usuario_id == held["_usuario"],
        rows.curso_id == held["_curso"],
        held["_desde"].isnull() | (held["_desde"] <= rows.fecha_conocida),
        held["_hasta"].isnull() | (rows.fecha_conocida < held["_hasta"]),
    ]
    return rows.anti_join(held, on_the_day)


def facts(rows: ir.Table, lms_roles: ir.Table, bridge: ir.Table, params: Params) -> ir.Table:
    """What is known at ``as_of`` of linked persons who were learners on its day, with their ``source_db`` and the fact's years.

    A user who is a person of several sources brings the row to each of them. Who taught where no course is known, nobody
    can say: such a row is none.
    """
    rows = known(rows.filter(rows.curso_id.notnull()), params)
    persons = bridge.select("source_db", "persona_id", _lms_db="lms_db", _usuario="usuario_id")
    mine = learners(rows, lms_roles, params).join(persons, [("lms_db", "_lms_db"), ("usuario_id", "_usuario")])
    return dated(mine, params)


def known(rows: ir.Table, params: Params) -> ir.Table:
    """Rows that were known at ``as_of``; one without a day, or of before 1950, was known on no day."""
    day = terms.plausible_date(rows.fecha_conocida, params)
    return rows.filter(day <= ibis.literal(params.as_of))


def dated(rows: ir.Table, params: Params) -> ir.Table:
    """The years of a fact that is about the very day on which it became known."""
    anio = terms.academic_year(rows.fecha_conocida, params)
    return rows.mutate(anio_academico=anio, anio_evento=anio)


def activity_id(kind: str, number: ir.IntegerValue) -> ir.StringValue:
    """``tarea:7``: assignments and quizzes are numbered apart."""
    return ibis.literal(f"{kind}:") + number.cast("string")


def percent(part: ir.NumericValue, whole: ir.NumericValue) -> ir.FloatingColumn:
    """What a part is of a whole, in percent, cut to the hundredth from whole numbers; null where the whole is 0."""
    few, all_ = (_units(value) for value in (part, whole))
    size = few.abs() * 10_000 // all_.abs().nullif(0)
    return terms.from_hundredths(((few < 0) == (all_ < 0)).ifelse(1, -1) * size)


def _units(value: ir.NumericValue) -> ir.IntegerColumn:
    """A number as a whole one of its smallest unit: numbers with five digits behind the point lose none."""
    number = value.cast("float64")
    size = (number.abs() * _DIGITS + 0.5).floor().cast("int64")
    return (number < 0).ifelse(-1, 1) * size
