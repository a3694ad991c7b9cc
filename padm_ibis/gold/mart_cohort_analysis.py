"""Cohorts: who left, who stayed, who graduated, and how they fared."""

from __future__ import annotations

import ibis.expr.types as ir

from padm_ibis.checks.gold import MartCohortAnalysis
from padm_ibis.define.model import model
from padm_ibis.words import terms, yearly

STUDENT = ("source_db", "alumno_id")
GROUP = ("source_db", "cohorte", "propuesta_id", "facultad_id", "sede_provincia")


@model(MartCohortAnalysis)
def mart_cohort_analysis(
    dim_student: ir.Table,
    dim_propuesta: ir.Table,
    dim_facultad: ir.Table,
    fact_dropout: ir.Table,
    fact_egreso: ir.Table,
    fact_academic_performance: ir.Table,
) -> ir.Table:
    """Cohorts, one row per cohorte, propuesta_id, facultad_id and sede_provincia of a source, a null being a group of its own."""
    groups = _named(
        _groups(_students(dim_student, fact_dropout, fact_egreso, fact_academic_performance)), dim_propuesta, dim_facultad
    )
    retained = groups.total_estudiantes - groups.total_desertores
    return groups.select(
        *GROUP,
        "propuesta_nombre",
        "facultad_nombre",
        "total_estudiantes",
        "total_desertores",
        tasa_desercion_pct=_percent(groups.total_desertores, groups.total_estudiantes),
        total_egresados=groups.total_egresados,
        total_retenidos=retained,
        tasa_retencion_pct=_percent(retained, groups.total_estudiantes),
        promedio_anios_hasta_dropout=terms.ratio(groups.suma_anios, groups.con_anios),
        min_anios_hasta_dropout=groups.min_anios,
        max_anios_hasta_dropout=groups.max_anios,
        promedio_notas_cohorte=terms.ratio(groups.suma_notas, groups.finales * 100),
        tasa_aprobacion_cohorte_pct=_percent(groups.aprobadas, groups.total_evaluaciones),
    )


def _students(students: ir.Table, dropouts: ir.Table, graduations: ir.Table, performance: ir.Table) -> ir.Table:
    """Students with a year of entry, one row each; every fact is one row a student before it meets another."""
    left = dropouts.group_by(STUDENT).agg(primer_dropout=dropouts.anio_academico.min(), dropouts=dropouts.count())
    graduated = graduations.group_by(STUDENT).agg(egresos=graduations.count())
    facts = students.filter(students.anio_ingreso.notnull()).rename(cohorte="anio_ingreso").select(*STUDENT, *GROUP[1:])
    for fact in (left, graduated, _results(performance)):
        facts = facts.left_join(fact, STUDENT).select(*facts.columns, *fact.columns[len(STUDENT) :])
    return facts.mutate(
        desertor=terms.flag(facts.dropouts > 0),
        egresado=terms.flag(facts.egresos > 0),
        anios_hasta_dropout=facts.primer_dropout - facts.cohorte,
    )


def _results(performance: ir.Table) -> ir.Table:
    """Marks and evaluations of all years, one row a student."""
    results = yearly.one_result_per_course(performance)
    counted, nota = terms.is_counted(results), terms.final_en_centesimos(results)
    return results.group_by(STUDENT).agg(
        total_evaluaciones=results.count(where=counted),
        aprobadas=results.count(where=counted & (results.resultado == terms.APROBADO)),
        finales=nota.count(),
        suma_notas=nota.sum(),
    )


def _groups(students: ir.Table) -> ir.Table:
    """Sums over the students of each group; students without a fact add nothing."""
    years = students.anios_hasta_dropout
    return students.group_by(GROUP).agg(
        total_estudiantes=students.count(),
        total_desertores=students.desertor.sum(),
        total_egresados=students.egresado.sum(),
        suma_anios=years.sum(),
        con_anios=years.count(),
        min_anios=years.min(),
        max_anios=years.max(),
        total_evaluaciones=students.total_evaluaciones.sum(),
        aprobadas=students.aprobadas.sum(),
        finales=students.finales.sum(),
        suma_notas=students.suma_notas.sum(),
    )


def _named(groups: ir.Table, propuestas: ir.Table, facultades: ir.Table) -> ir.Table:
    """The groups with the names of their programme and institution, null for the groups without one."""
    programmes = propuestas.select("source_db", "propuesta_id", "propuesta_nombre")
    faculties = facultades.select("source_db", "facultad_id", "facultad_nombre")
    named = groups.left_join(programmes, ["source_db", "propuesta_id"]).select(*groups.columns, "propuesta_nombre")
    return named.left_join(faculties, ["source_db", "facultad_id"]).select(*named.columns, "facultad_nombre")


def _percent(part: ir.IntegerValue, whole: ir.IntegerValue) -> ir.FloatingColumn:
    """Part of a hundred, divided once."""
    return terms.ratio(part * 100, whole)
