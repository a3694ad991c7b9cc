"""Courses of the learning platforms."""

from __future__ import annotations

import functools

import ibis
import ibis.expr.types as ir

from padm_ibis.checks.silver_lms import DimLmsCurso
from padm_ibis.define.model import model
from padm_ibis.params import Lms, Params
from padm_ibis.words import terms


@model(DimLmsCurso)
def dim_lms_curso(lms_cursos: ir.Table, dim_elemento: ir.Table, params: Params) -> ir.Table:
    """Courses, one row per curso_id of a platform, with the subject that they are of where its code says so."""
    rows = lms_cursos.rename(lms_db="source_db", curso_id="curso", categoria_id="categoria")
    rows = rows.mutate(fecha_inicio=rows.fecha_inicio.date(), fecha_fin=rows.fecha_fin.date())
    rows = rows.mutate(anio_academico=terms.plausible_year(terms.academic_year(rows.fecha_inicio, params)))
    none = ibis.null("string")
    codes = [(rows.lms_db == lms.name, _code(rows, lms.course_code)) for lms in params.lms if lms.course_code is not None]
    rows = rows.mutate(_codigo=ibis.cases(*codes, else_=none) if codes else none)
    rows = rows.left_join(_subjects(dim_elemento, params), [("lms_db", "_lms_db"), ("_codigo", "_materia")])
    return rows.select(
        "lms_db", "curso_id", "nombre", "nombre_corto", "categoria_id", "fecha_inicio", "fecha_fin", "anio_academico",
        rows["_source_db"].name("source_db"), rows["_elemento_id"].name("elemento_id"),
    )  # fmt: skip


def _code(rows: ir.Table, pattern: str) -> ir.StringValue:
    """What the pattern's group finds in the idnumber, else in the short name."""
    found = [rows[name].re_extract(pattern, 1).nullif("") for name in ("idnumber", "nombre_corto")]
    return found[0].coalesce(found[1])


def _subjects(elementos: ir.Table, params: Params) -> ir.Table:
    """Codes that exactly one subject of the sources served has, one row per platform and code."""

    def of(lms: Lms) -> ir.Table:
        served = elementos.filter(elementos.source_db.isin(lms.serves), elementos.materia_codigo.notnull())
        counted = served.group_by(_materia="materia_codigo").agg(
            n=served.count(), _source_db=served.source_db.min(), _elemento_id=served.elemento_id.min()
        )
        return counted.filter(counted.n == 1).select("_materia", "_source_db", "_elemento_id", _lms_db=ibis.literal(lms.name))

    nothing = Lms("", ())
    return functools.reduce(lambda one, other: one.union(other), map(of, params.lms or (nothing,)))
