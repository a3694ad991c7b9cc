"""Teachers by the results of their courses."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from padm_ibis.checks.gold import MartRankingDocentes
from padm_ibis.define.model import model
from padm_ibis.params import Params
from padm_ibis.words import terms, yearly


@model(MartRankingDocentes, allow={"fan-out bridge_docente_comision": "a mark counts once for each teacher of its comisión"})
def mart_ranking_docentes(fact_academic_performance: ir.Table, bridge_docente_comision: ir.Table, params: Params) -> ir.Table:
    """Teachers' course results, one row per docente_hash and anio_academico of a source."""
    teachers = bridge_docente_comision.select("source_db", "docente_hash", "comision_id")
    marks = _course_results(fact_academic_performance).join(teachers, ["source_db", "comision_id"])
    totals = marks.group_by("source_db", "docente_hash", "anio_academico").agg(
        evaluaciones=marks.count(),
        estudiantes=marks.alumno_id.nunique(),
        aprobadas=marks.count(where=marks.resultado == terms.APROBADO),
        ausentes=marks.count(where=marks.resultado == terms.AUSENTE),
        notas=marks.centesimos.count(),
        suma_notas=marks.centesimos.sum(),
    )
    rated = totals.mutate(
        promedio_notas=terms.ratio(totals.suma_notas, totals.notas * 100),
        tasa_aprobacion=terms.ratio(totals.aprobadas, totals.evaluaciones),
        tasa_ausentismo=terms.ratio(totals.ausentes, totals.evaluaciones),
    )
    return rated.select(
        "source_db",
        "docente_hash",
        "anio_academico",
        "evaluaciones",
        "estudiantes",
        "promedio_notas",
        "tasa_aprobacion",
        "tasa_ausentismo",
        puesto=_puesto(rated, params),
    )


def _course_results(performance: ir.Table) -> ir.Table:
    """Known results of courses, promotions included, that have a year and a comisión."""
    results = yearly.one_result_per_course(performance)
    ended = results.filter(
        results.tipo_evaluacion.isin([terms.CURSADA, terms.PROMOCION]),
        results.resultado.isin(terms.RESULTADOS),
        results.anio_academico.notnull(),
        results.comision_id.notnull(),
    )
    return ended.select(
        "source_db", "comision_id", "anio_academico", "alumno_id", "resultado", centesimos=terms.hundredths(ended.nota_numerica)
    )


def _puesto(rated: ir.Table, params: Params) -> ir.IntegerColumn:
    """1, 2, … among those of a source and year who have enough evaluations; null for the others."""
    enough = rated.evaluaciones >= params.ranking_min_evaluaciones
    best_first = ibis.window(
        group_by=[rated.source_db, rated.anio_academico, enough],
        order_by=[terms.last(rated.tasa_aprobacion), terms.last(rated.promedio_notas), terms.first(rated.docente_hash)],
    )
    return enough.ifelse((ibis.row_number().over(best_first) + 1).cast("int64"), ibis.null("int64"))
