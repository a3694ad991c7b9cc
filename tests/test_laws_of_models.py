"""Every model keeps every law that it is subject to, on universities drawn from the contracts of what it reads."""

from __future__ import annotations

import functools

import pytest
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st

from padm_ibis.define.model import model_of
from padm_ibis.gold import GOLD
from padm_ibis.silver import SILVER
from padm_ibis.testing import laws, prepare, strategies

MODELS = {model_of(f).name: f for f in (*SILVER, *GOLD)}

POPULATION = {"mart_alumnos_en_riesgo": ("puesto_en_carrera",)}
"""Columns that depend on other students by their meaning."""

OPTIONAL = {
    "rates": {
        "mart_student_academic_summary", "mart_student_risk_features", "mart_kpi_materia",
        "gold_tft_temporal_features", "gold_tft_training_dataset",
    },
    "later fact": {"mart_student_risk_features", "gold_tft_temporal_features", "gold_tft_training_dataset"},
    "left joins": {
        "gold_tft_static_features", "gold_tft_temporal_features", "gold_tft_training_dataset", "mart_student_academic_summary",
        "mart_student_risk_features", "mart_cohort_analysis", "mart_kpi_materia", "mart_alumnos_en_riesgo",
    },
}  # fmt: skip
"""Laws of some models only: those that have rates, that promise points in time, that join."""

ALL_SOURCES = {
    "dim_fecha": "one calendar for all sources",
    "dim_periodo": "one calendar for all sources",
    "gold_tft_known_future": "one calendar for all sources",
}
"""Models that the law of the campus does not bind, and why."""

NO_STUDENT = {
    **ALL_SOURCES,
    "dim_propuesta": "a programme, described by its lowest student",
    "dim_facultad": "an institution, described by the student of its lowest location",
    "dim_plan_version": "a plan, named by whoever mentions it",
    "dim_elemento": "a subject",
    "dim_instancia": "a kind of exam",
    "dim_ubicacion": "a location, described by its lowest student",
    "dim_persona": "a person, who may be several students",
    "dim_census": "a person's survey",
    "bridge_docente_comision": "a teacher's course",
    "mart_cohort_analysis": "counts the students of a cohort",
    "mart_kpi_materia": "counts the students of a subject",
    "mart_ranking_docentes": "counts the students of a teacher",
}
"""Models that the law of the student does not bind, and why."""


@functools.cache
def prepared(name):
    return prepare(MODELS[name])


@functools.cache
def universities(name):
    """Small universities, and some with rows enough for students to have rivals and long histories."""
    run = prepared(name)
    draw = functools.partial(strategies.tables, run.inputs, only=run.reads)
    return draw() | draw(min_rows=4, max_rows=12)


def profile(how_many, **options):
    """How the laws are tried: the same examples every time, but in a campaign other ones each time."""
    quiet = {"deadline": None, "database": None, "print_blob": True, "suppress_health_check": list(HealthCheck)}
    return settings(max_examples=how_many, **quiet, **options)


def try_laws(name, how):
    run = prepared(name)

    @how
    @given(universities(name), st.integers(0, 9), st.sampled_from(strategies.CAMPUSES), st.integers(0, 5), st.integers(0, 2))
    def holds(tables, seed, campus, back, student):
        year = run.params.as_of_year - back
        note(f"seed {seed}, campus {campus}, year {year}, student {student}")
        population = POPULATION.get(name, ())
        laws.check(run, tables, seed=seed, campus=campus, year=year, student=student, population=population)

    holds()


@pytest.mark.parametrize("name", MODELS)
def test_it_keeps_the_laws(name):
    try_laws(name, profile(15, derandomize=True))


@pytest.mark.campaign
@pytest.mark.parametrize("name", MODELS)
def test_it_keeps_the_laws_in_the_long_run(name, request):
    if not request.config.getoption("--campaign"):
        pytest.skip("long; with --campaign")
    try_laws(name, profile(1000))


@pytest.mark.parametrize("name", MODELS)
def test_a_model_is_subject_to_all_laws_but_those_it_is_declared_free_of(name):
    free = {"campus": ALL_SOURCES, "student": NO_STUDENT}
    expected = {*laws.ALWAYS, *(law for law, which in OPTIONAL.items() if name in which)}
    expected |= {law for law, which in free.items() if name not in which}
    assert set(laws.subject_to(prepared(name))) == expected


def broken(run, law):
    """Whether some drawn university shows the model without a law."""

    @profile(300, derandomize=True, phases=[Phase.generate])
    @given(strategies.tables(run.inputs, only=run.reads, min_rows=4, max_rows=12))
    def holds(tables):
        law(run, tables)

    try:
        holds()
    except laws.LawBroken:
        return True
    return False


@pytest.mark.parametrize("name", ALL_SOURCES)
def test_a_calendar_does_depend_on_all_sources(name):
    def law(run, tables):
        laws.same_rows("campus", run(tables), run(laws.only(tables, "source_db", {"sede1"})), run.model.grain)

    assert broken(prepare(MODELS[name], given="bronze"), law)


def whole_table_of_one_student(run, tables):
    laws.same_rows("student", run(tables), run(laws.alone(tables, "sede1", 1)), run.model.grain)


OF_ALL_STUDENTS = (
    "dim_propuesta",
    "dim_facultad",
    "dim_ubicacion",
    "dim_plan_version",
    "mart_cohort_analysis",
    "mart_kpi_materia",
    "mart_ranking_docentes",
)


@pytest.mark.parametrize("name", OF_ALL_STUDENTS)
def test_a_table_without_students_does_depend_on_all_of_them(name):
    assert broken(prepared(name), whole_table_of_one_student)


@pytest.mark.parametrize(("name", "columns"), POPULATION.items())
def test_a_declared_population_is_needed(name, columns):
    def law(run, tables):
        laws.another_student_changes_nothing(run, tables, "sede1", 1)

    assert columns
    assert broken(prepared(name), law)


def test_reports_are_free_of_the_law_of_later_facts_because_they_break_it():
    """What a report says of a recorded year does change with what became known later: the reason it is no feature."""
    year = prepared("mart_student_academic_summary").params.as_of_year - 3

    def law(run, tables):
        both = (run(laws.known_by(tables, year, run.params)), run(tables))
        before, after = (laws.only({name: t}, "anio_academico", range(1950, year + 1))[name] for t in both)
        laws.same_rows("later", before, after, run.model.grain)

    for name in ("mart_student_academic_summary", "mart_student_engagement", "mart_kpi_materia"):
        assert broken(prepared(name), law)
