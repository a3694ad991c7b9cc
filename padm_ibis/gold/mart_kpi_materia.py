"""Subjects: how many take them, how they fare, how many take them again."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from padm_ibis.checks.gold import MartKpiMateria
from padm_ibis.define.model import model
from padm_ibis.words import terms, yearly

GRAIN = ("source_db", "elemento_id", "anio_academico")
COUNTS = ("inscriptos", "recursantes", "total_evaluaciones", "aprobadas", "reprobadas", "ausentes", "finales", "suma_notas")


@model(MartKpiMateria)
def mart_kpi_materia(fact_course_enrollment: ir.Table, fact_academic_performance: ir.Table, dim_elemento: ir.Table) -> ir.Table:
    """Subjects by year, one row per elemento_id and anio_academico of a source that an enrolment or a result mentions."""
    stacked = _padded(_enrolled(fact_course_enrollment)).union(_padded(_results(fact_academic_performance)))
    totals = stacked.group_by(GRAIN).agg(**{name: stacked[name].sum().cast("int64") for name in COUNTS})
    names = dim_elemento.select("source_db", "elemento_id", "materia_nombre")
    named = totals.left_join(names, ["source_db", "elemento_id"]).select(*totals.columns, "materia_nombre")
    return named.select(
        *GRAIN,
        "materia_nombre",
        "inscriptos",
        "total_evaluaciones",
        promedio_notas=terms.ratio(named.suma_notas, named.finales * 100),
        tasa_aprobacion=terms.ratio(named.aprobadas, named.total_evaluaciones),
        tasa_reprobacion=terms.ratio(named.reprobadas, named.total_evaluaciones),
        tasa_ausentismo=terms.ratio(named.ausentes, named.total_evaluaciones),
        tasa_recursada=terms.ratio(named.recursantes, named.inscriptos),
    )


def _enrolled(enrollment: ir.Table) -> ir.Table:
    """Distinct students of each subject and year, and those of them who had been enrolled in an earlier one.

    A student whose first year in a subject it is has been in none before: all others have.
    """
    dated = enrollment.filter(enrollment.elemento_id.notnull(), enrollment.anio_academico.notnull())
    takes = dated.select(*GRAIN, "alumno_id").distinct()
    firsts = takes.group_by("source_db", "elemento_id", "alumno_id").agg(anio_academico=takes.anio_academico.min())
    taken, begun = takes.group_by(GRAIN).agg(inscriptos=takes.count()), firsts.group_by(GRAIN).agg(primeros=firsts.count())
    both = taken.left_join(begun, GRAIN)
    return both.select(*GRAIN, "inscriptos", recursantes=both.inscriptos - both.primeros.fill_null(0))


def _results(performance: ir.Table) -> ir.Table:
    """Evaluations and marks of each subject and year; a row that is neither still mentions its subject."""
    results = yearly.one_result_per_course(performance)
    dated = results.filter(results.elemento_id.notnull(), results.anio_academico.notnull())
    counted = terms.is_counted(dated)
    nota = terms.final_en_centesimos(dated)
    return dated.group_by(GRAIN).agg(
        total_evaluaciones=dated.count(where=counted),
        aprobadas=dated.count(where=counted & (dated.resultado == terms.APROBADO)),
        reprobadas=dated.count(where=counted & (dated.resultado == terms.REPROBADO)),
        ausentes=dated.count(where=counted & (dated.resultado == terms.AUSENTE)),
        finales=nota.count(),
        suma_notas=nota.sum().fill_null(0),
    )


def _padded(part: ir.Table) -> ir.Table:
    """The part with all counts, 0 where it has none."""
    return part.select(*GRAIN, **{name: part[name] if name in part.columns else ibis.literal(0, "int64") for name in COUNTS})
