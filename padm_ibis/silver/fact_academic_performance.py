"""Results of courses, promotions, exams and equivalences."""

from __future__ import annotations

from collections.abc import Sequence

import ibis
import ibis.expr.types as ir

from padm_ibis.checks.silver import FactAcademicPerformance
from padm_ibis.define.model import model
from padm_ibis.params import Params
from padm_ibis.words import terms

_COURSE = ("source_db", "alumno_id", "elemento_id", "anio_academico")
_COMISION = ("source_db", "alumno_id", "comision_id")


@model(
    FactAcademicPerformance,
    allow={"grain source_db, evaluacion_id": "each side's is made of the key of its bronze table, and their prefixes differ"},
)
def fact_academic_performance(historia_academica: ir.Table, academic: ir.Table, params: Params) -> ir.Table:
    """Results known at as_of, one row per evaluacion_id of a source; of one course, one result."""
    rivals = terms.known(_rivals(historia_academica, params), params)
    courses = _without_twins(terms.known(_courses(academic, params), params), rivals)
    results = _without_promoted(terms.known(_history(historia_academica, params), params).union(courses), rivals)
    tipo, resultado = results.tipo_evaluacion, results.resultado
    counted = tipo.isin(terms.EVALUACIONES_CONTADAS)
    results = results.mutate(
        nota_numerica=terms.nota_numerica(results.nota),
        aprobado_flag=terms.flag((resultado == terms.APROBADO) & tipo.isin(terms.TIPOS_QUE_APRUEBAN)),
        regularizado_flag=terms.flag((resultado == terms.APROBADO) & (tipo == terms.CURSADA)),
        reprobado_flag=terms.flag((resultado == terms.REPROBADO) & counted),
        ausente_flag=terms.flag((resultado == terms.AUSENTE) & counted),
        evaluation_count=ibis.literal(1, "int64"),
    )
    return results.select(
        "source_db",
        "evaluacion_id",
        "alumno_id",
        "elemento_id",
        "plan_version_id",
        "instancia_id",
        "comision_id",
        "periodo_lectivo",
        "tipo_evaluacion",
        "origen",
        "nota",
        "nota_descripcion",
        "resultado",
        "resultado_descripcion",
        "nota_numerica",
        "pct_asistencia",
        "creditos",
        "aprobado_flag",
        "regularizado_flag",
        "reprobado_flag",
        "ausente_flag",
        "evaluation_count",
        "fecha_evaluacion",
        "anio_academico",
        "fecha_conocida",
        "anio_evento",
    )


def _rivals(historia_academica: ir.Table, params: Params) -> ir.Table:
    """What may hide a course, read on its own: an engine that keeps the history for a second use keeps these columns only."""
    t = historia_academica
    return t.select(
        source_db=t.source_db,
        alumno_id=t.alumno,
        elemento_id=t.elemento,
        comision_id=t.comision,
        tipo_evaluacion=terms.tipo_evaluacion(t.origen, t.tipo),
        anio_academico=terms.plausible_year(t.anio_academico),
        fecha_conocida=terms.plausible_date(t.fecha.cast("date"), params),
    )


def _history(historia_academica: ir.Table, params: Params) -> ir.Table:
    """Rows of the academic history."""
    t = historia_academica
    return t.select(
        source_db=t.source_db,
        evaluacion_id=ibis.literal("hist:") + t.registro,
        alumno_id=t.alumno,
        elemento_id=t.elemento,
        plan_version_id=t.plan_version_id,
        instancia_id=t.instancia,
        comision_id=t.comision,
        periodo_lectivo=t.periodo_lectivo,
        tipo_evaluacion=terms.tipo_evaluacion(t.origen, t.tipo),
        origen=t.origen,
        nota=t.nota,
        nota_descripcion=t.nota_descripcion,
        resultado=t.resultado,
        resultado_descripcion=t.resultado_descripcion,
        pct_asistencia=t.pct_asistencia.cast("float64"),
        creditos=t.creditos.cast("float64"),
        fecha_evaluacion=t.fecha.cast("date"),
        anio_academico=terms.plausible_year(t.anio_academico),
        fecha_conocida=terms.plausible_date(t.fecha.cast("date"), params),
    )


def _courses(academic: ir.Table, params: Params) -> ir.Table:
    """Evaluations of courses, in the shape of `_history`; one without mark and result is still open."""
    closed = terms.blank_as_null(academic.nota_cursada).notnull() | terms.blank_as_null(academic.resultado_cursada).notnull()
    t = academic.filter(closed)
    alumno, comision, evaluacion = (part.cast("string").fill_null("") for part in (t.alumno, t.comision, t.evaluacion))
    return t.select(
        source_db=t.source_db,
        evaluacion_id=ibis.literal("cursada:") + alumno + ":" + comision + ":" + evaluacion,
        alumno_id=t.alumno,
        elemento_id=t.elemento,
        plan_version_id=t.plan_version_id,
        instancia_id=ibis.null("int64"),
        comision_id=t.comision,
        periodo_lectivo=t.periodo_lectivo,
        tipo_evaluacion=ibis.literal(terms.CURSADA),
        origen=ibis.null("string"),
        nota=t.nota_cursada,
        nota_descripcion=ibis.null("string"),
        resultado=t.resultado_cursada,
        resultado_descripcion=ibis.null("string"),
        pct_asistencia=ibis.null("float64"),
        creditos=ibis.null("float64"),
        fecha_evaluacion=t.fecha_nota.cast("date"),
        anio_academico=terms.plausible_year(t.anio_academico),
        fecha_conocida=terms.plausible_date(t.fecha_nota.cast("date"), params),
    )


def _without_twins(courses: ir.Table, rivals: ir.Table) -> ir.Table:
    """Leave out evaluations of a course that the history holds too, from the year in which it does."""
    cursadas = rivals.filter(rivals.tipo_evaluacion == terms.CURSADA)
    courses = _unless(courses, _since(cursadas, _COMISION), _COMISION)
    return _unless(courses, _since(cursadas.filter(cursadas.comision_id.isnull()), _COURSE), _COURSE)


def _without_promoted(results: ir.Table, rivals: ir.Table) -> ir.Table:
    """Leave out courses that have a promotion, from the year in which they have it."""
    promotions = _since(rivals.filter(rivals.tipo_evaluacion == terms.PROMOCION), _COURSE)
    # Only a CURSADA has a value to match: any other result meets a null, and stays.
    marked = results.mutate(_cursada=(results.tipo_evaluacion == terms.CURSADA).ifelse(results.alumno_id, ibis.null("int64")))
    return _unless(marked, promotions.rename(_cursada="alumno_id"), ["_cursada" if k == "alumno_id" else k for k in _COURSE])


def _since(rows: ir.Table, keys: Sequence[str]) -> ir.Table:
    """The first year in which each key is known."""
    return rows.filter(rows.anio_evento.notnull()).group_by(list(keys)).agg(_since=rows.anio_evento.min())


def _unless(rows: ir.Table, rivals: ir.Table, keys: Sequence[str]) -> ir.Table:
    """Rows that no rival of the same key, known in the same year or earlier, hides; a null matches nothing."""
    return rows.anti_join(rivals, [*keys, rivals._since <= rows.anio_evento])
