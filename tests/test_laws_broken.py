"""Each law is broken by a model made to break it, and by no honest one: a law that cannot fail says nothing."""

from __future__ import annotations

from collections.abc import Callable

import ibis
import ibis.expr.types as ir
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from padm_ibis.define.contract import GoldContract, column, dt
from padm_ibis.define.model import model
from padm_ibis.testing import laws, prepare, strategies
from padm_ibis.testing.laws import LawBroken
from padm_ibis.words import terms

STUDENT = ["source_db", "alumno_id"]
KEY = [*STUDENT, "anio_academico"]
Body = Callable[[ir.Table, ir.Table], ir.Table]


class MartPrueba(GoldContract):
    """A number of a student and year."""

    class Config:
        unique = ("source_db", "alumno_id", "anio_academico")

    source_db: dt.String = column("Source.", role="key")
    alumno_id: dt.Int64 = column("Student.", role="key")
    anio_academico: dt.Int64 = column("Year in which it was known.", role="key")
    valor: dt.Float64 = column("A number.", nullable=True, ge=0)


class MartTasas(GoldContract):
    """Rates of a student and year."""

    class Config:
        unique = ("source_db", "alumno_id", "anio_academico")

    source_db: dt.String = column("Source.", role="key")
    alumno_id: dt.Int64 = column("Student.", role="key")
    anio_academico: dt.Int64 = column("Year in which it was known.", role="key")
    total_evaluaciones: dt.Int64 = column("Evaluations.", ge=0)
    tasa_aprobacion: dt.Float64 = column("Passed.", nullable=True)
    tasa_reprobacion: dt.Float64 = column("Failed.", nullable=True)
    tasa_ausentismo: dt.Float64 = column("Absent.", nullable=True)


def prueba(body: Body) -> laws.Prepared:
    def mart_prueba(fact_academic_performance: ir.Table, dim_student: ir.Table) -> ir.Table:
        facts = fact_academic_performance
        dated = facts.filter(facts.anio_evento.notnull()).drop("anio_academico").rename(anio_academico="anio_evento")
        return body(dated, dim_student).select(*KEY, valor=ibis._.valor.cast("float64"))

    return prepare(model(MartPrueba, point_in_time=True)(mart_prueba))


def yearly(facts: ir.Table, valor: ir.Value) -> ir.Table:
    return facts.group_by(KEY).agg(valor=valor)


def counted(facts: ir.Table) -> ir.Table:
    return yearly(facts, facts.count())


def over(facts: ir.Table, *keys: str) -> ir.Table:
    """The honest count, added up over all rows that share some columns."""
    years = counted(facts)
    return years.mutate(valor=years.valor.sum().over(group_by=list(keys)))


def joined_to_many(facts: ir.Table, students: ir.Table) -> ir.Table:
    rows = students.left_join(facts.select(*KEY, "evaluacion_id"), STUDENT).select(*STUDENT, "anio_academico", "evaluacion_id")
    return counted(rows.filter(rows.anio_academico.notnull()))


HONEST: dict[str, Body] = {
    "a count of the year": lambda facts, students: counted(facts),
    "a running sum": lambda facts, students: counted(facts).mutate(
        valor=lambda t: t.valor.sum().over(ibis.cumulative_window(group_by=STUDENT, order_by="anio_academico"))
    ),
    "a join to the one student": lambda facts, students: counted(facts).left_join(students.select(STUDENT), STUDENT),
}
MUTANTS: dict[str, Body] = {
    "the key is not unique": lambda facts, students: facts.mutate(valor=1),
    "the contract does not hold": lambda facts, students: yearly(facts, -facts.count()),
    "a number is not finite": lambda facts, students: yearly(
        facts, facts.count(where=facts.nota.isnull()) / facts.count(where=facts.nota.notnull())
    ),
    "the order of rows matters": lambda facts, students: yearly(facts, facts.plan_version_id.abs().arbitrary()),
    "another campus matters": lambda facts, students: over(facts, "alumno_id", "anio_academico"),
    "another student matters": lambda facts, students: over(facts, "source_db", "anio_academico"),
    "a fact later than": lambda facts, students: over(facts, *STUDENT),
    "a left join does not keep its rows": joined_to_many,
}


def tasas(rows: Callable[[ir.Table], ir.BooleanValue]) -> laws.Prepared:
    def mart_tasas(fact_academic_performance: ir.Table) -> ir.Table:
        facts = fact_academic_performance
        dated = facts.filter(facts.anio_evento.notnull()).drop("anio_academico").rename(anio_academico="anio_evento")
        total, names = dated.count(where=rows(dated)), dict(zip(laws.RATES, terms.RESULTADOS, strict=True))
        rates = {
            name: terms.ratio(dated.count(where=terms.is_counted(dated) & (dated.resultado == code)), total)
            for name, code in names.items()
        }
        return dated.group_by(KEY).agg(total_evaluaciones=total, **rates)

    return prepare(model(MartTasas, point_in_time=True)(mart_tasas))


def try_laws(run: laws.Prepared, population: tuple[str, ...] = ()) -> None:
    """As the project's own suite tries its models."""

    @settings(
        max_examples=60, derandomize=True, database=None, deadline=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(
        strategies.tables(run.inputs, only=run.reads, min_rows=2, max_rows=12),
        st.integers(0, 9), st.sampled_from(strategies.CAMPUSES), st.integers(0, 5), st.integers(0, 2),
    )  # fmt: skip
    def holds(tables: strategies.University, seed: int, campus: str, back: int, student: int) -> None:
        year = run.params.as_of_year - back
        laws.check(run, tables, seed=seed, campus=campus, year=year, student=student, population=population)

    holds()


@pytest.mark.parametrize("name", HONEST)
def test_an_honest_model_keeps_all_laws(name: str) -> None:
    run = prueba(HONEST[name])
    assert set(laws.subject_to(run)) >= {*laws.ALWAYS, "campus", "student", "later fact"}
    try_laws(run)


@pytest.mark.parametrize("law", MUTANTS)
def test_a_model_made_to_break_a_law_is_caught_by_that_law(law: str) -> None:
    with pytest.raises(LawBroken, match=law):
        try_laws(prueba(MUTANTS[law]))


def test_a_column_of_a_declared_population_may_depend_on_others_but_not_on_another_campus() -> None:
    try_laws(prueba(MUTANTS["another student matters"]), population=("valor",))
    with pytest.raises(LawBroken, match="another campus matters"):
        try_laws(prueba(MUTANTS["another campus matters"]), population=("valor",))


def test_rates_of_the_counted_evaluations_sum_to_one_and_rates_of_all_do_not() -> None:
    try_laws(tasas(terms.is_counted))
    with pytest.raises(LawBroken, match="rates do not sum to 1"):
        try_laws(tasas(lambda facts: facts.evaluacion_id.notnull()))
