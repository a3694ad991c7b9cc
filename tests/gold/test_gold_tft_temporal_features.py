"""Given careers → expected series, worked out by hand. Today is 28 February 2025: 2024 has just been closed.

Labels of 2022 are known (2023 was closed on 29 February 2024), those of 2023 wait until 28 June 2025.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest

from padm_ibis.gold import gold_tft_temporal_features
from padm_ibis.testing import run_model
from tests.gold.careers import Career, Row, tables

Series = Callable[..., list[Row]]
LAST_YEAR = 2024
WORLD: list[Career] = []


def career(entry: int | None = None, **options: Any) -> Career:
    """A student of the university that all tests look at."""
    WORLD.append(Career(entry, **options))
    return WORLD[-1]


@pytest.fixture(scope="module", params=["duckdb", pytest.param("postgres", marks=pytest.mark.postgres)])
def series(request: pytest.FixtureRequest) -> Series:
    """Rows of one student, oldest first. The whole university is built once for each engine and set of parameters."""
    backend = None if request.param == "duckdb" else request.getfixturevalue(request.param)
    built: dict[str, list[Row]] = {}

    def rows(student: Career, **params: Any) -> list[Row]:
        if str(params) not in built:
            built[str(params)] = run_model(
                gold_tft_temporal_features, tables(*WORLD), backend=backend, **{"as_of": "2025-02-28", **params}
            ).to_pylist()
        own = [row for row in built[str(params)] if {k: row[k] for k in student.who} == student.who]
        return sorted(own, key=lambda row: row["anio_academico"])

    return rows


def years(rows: list[Row]) -> list[int]:
    return [row["anio_academico"] for row in rows]


def column(rows: list[Row], name: str) -> dict[int, Any]:
    return {row["anio_academico"]: row[name] for row in rows}


# --- first and last year ------------------------------------------------------------------------------------------

SINCE_ENTRY = career(2020).enrols(2021, 2022, 2023, 2024)
BEFORE_ENTRY = career(2023).enrols(2022, 2024)
WITHOUT_ENTRY = career(None).enrols(2023, 2024)
ONLY_ENTRY = career(2022)
WITHOUT_ANYTHING = career(None)
NOT_YET = career(2025).enrols(2025)
UNDATED = career(None).add("fact_course_enrollment", None)


def test_a_series_starts_with_the_year_of_entry(series: Series) -> None:
    rows = series(SINCE_ENTRY)
    assert years(rows) == [2020, 2021, 2022, 2023, 2024]
    assert [r["time_step"] for r in rows] == [0, 1, 2, 3, 4]
    assert [r["anios_desde_ingreso"] for r in rows] == [0, 1, 2, 3, 4]


def test_a_series_starts_with_the_first_active_year_when_that_is_earlier(series: Series) -> None:
    rows = series(BEFORE_ENTRY)
    assert years(rows) == [2022, 2023, 2024]
    assert [r["anios_desde_ingreso"] for r in rows] == [-1, 0, 1]
    assert [r["time_step"] for r in rows] == [0, 1, 2]


def test_without_a_year_of_entry_the_first_active_year_starts_the_series(series: Series) -> None:
    rows = series(WITHOUT_ENTRY)
    assert years(rows) == [2023, 2024]
    assert [r["anios_desde_ingreso"] for r in rows] == [None, None]


def test_a_student_with_neither_has_no_rows(series: Series) -> None:
    assert series(WITHOUT_ANYTHING) == []
    assert series(UNDATED) == []


def test_a_year_that_is_not_closed_is_no_row(series: Series) -> None:
    assert series(NOT_YET) == []
    assert years(series(NOT_YET, as_of="2026-02-27")) == []
    assert years(series(NOT_YET, as_of="2026-02-28")) == [2025]


def test_a_student_who_never_did_anything_is_inactive_from_the_first_year_on(series: Series) -> None:
    rows = series(ONLY_ENTRY)
    assert column(rows, "anios_inactivo_consecutivos") == {2022: 1, 2023: 2, 2024: 3}
    assert column(rows, "sin_actividad_flag") == {2022: 1, 2023: 1, 2024: 1}


ACTIVE_BY = {
    "course enrolment": career(2021).enrols(2022),
    "academic result": career(2021).result(2022, "CURSADA", "A"),
    "exam enrolment": career(2021).exam(2022),
    "attendance": career(2021).attends(2022),
    "re-enrolment": career(2021).reenrols(2022),
}
NOT_ACTIVE_BY = {
    "status change": career(2021).changes_status(2022),
    "dropout": career(2021).leaves(2022),
    "graduation": career(2021).graduates(2022),
}


@pytest.mark.parametrize("sign", ACTIVE_BY)
def test_five_facts_are_signs_of_life(series: Series, sign: str) -> None:
    assert column(series(ACTIVE_BY[sign]), "sin_actividad_flag") == {2021: 1, 2022: 0, 2023: 1, 2024: 1}


@pytest.mark.parametrize("sign", NOT_ACTIVE_BY)
def test_changes_and_exits_are_none(series: Series, sign: str) -> None:
    assert series(NOT_ACTIVE_BY[sign])[1]["sin_actividad_flag"] == 1


# --- gaps ---------------------------------------------------------------------------------------------------------

GAP = (
    career(2021)
    .enrols(2021).result(2021, "EXAMEN", "A", 8.0, credits=6.0).reenrols(2021, "2021-03-05 10:00:00").attends(2021, 90.0, 2.0)
    .enrols(2023).exam(2023)
)  # fmt: skip


def test_a_gap_year_is_a_row_of_zeros_between_two_of_one_episode(series: Series) -> None:
    before, gap, after, _ = series(GAP)
    assert gap == {
        **GAP.who,
        "anio_academico": 2022,
        "anios_desde_ingreso": 1,
        "episodio": 1,
        "time_step": 1,
        "sin_actividad_flag": 1,
        "anios_inactivo_consecutivos": 1,
        "total_evaluaciones": 0,
        "materias_cursadas": 0,
        "cursadas_intentadas": 0,
        "examenes_intentados": 0,
        "promedio_notas": None,
        "nota_minima": None,
        "nota_maxima": None,
        "desviacion_notas": None,
        "mediana_notas": None,
        "materias_aprobadas": 0,
        "materias_regularizadas": 0,
        "materias_reprobadas": 0,
        "materias_ausente": 0,
        "tasa_aprobacion": None,
        "tasa_reprobacion": None,
        "tasa_ausentismo": None,
        "creditos_obtenidos": 0.0,
        "total_evaluaciones_acum": 1,
        "materias_aprobadas_acum": 1,
        "materias_reprobadas_acum": 0,
        "creditos_acum": 6.0,
        "promedio_historico": 8.0,
        "tasa_aprobacion_historica": 1.0,
        "promedio_asistencia": None,
        "total_inasistencias": 0.0,
        "periodos_cumple_asistencia": 0,
        "periodos_riesgo_asistencia": 0,
        "periodos_con_asistencia": 0,
        "inscripciones_cursada": 0,
        "materias_inscriptas": 0,
        "examenes_inscriptos": 0,
        "materias_examen_inscriptas": 0,
        "tuvo_reinscripcion": 0,
        "reinscripciones": 0,
        "primera_reinscripcion": None,
        "ultima_reinscripcion": None,
        "cambios_estado_anio": 0,
        "cambios_estado_acum": 0,
        "promedio_notas_anterior": 8.0,
        "tasa_aprobacion_anterior": 1.0,
        "materias_aprobadas_anterior": 1,
        "tuvo_reinscripcion_anterior": 1,
        "variacion_promedio": None,
        "variacion_tasa_aprobacion": None,
        "variacion_materias": -1,
        "dropout_flag": 0,
        "egreso_flag": 0,
        "fecha_dropout": None,
        "dropout_next_year": 0,
        "inactivo_next_year": 0,
    }
    assert (before["episodio"], after["episodio"]) == (1, 1)
    assert (before["inscripciones_cursada"], after["examenes_inscriptos"]) == (1, 1)
    assert (before["primera_reinscripcion"], before["promedio_asistencia"]) == (dt.datetime(2021, 3, 5, 10), 90.0)
    assert (before["anios_inactivo_consecutivos"], after["anios_inactivo_consecutivos"]) == (0, 0)


LONG_GAP = career(2014).enrols(2014, 2020)


def test_a_series_ends_after_three_years_without_activity_and_starts_again_as_a_new_episode(series: Series) -> None:
    rows = series(LONG_GAP)
    assert years(rows) == [2014, 2015, 2016, 2017, 2020, 2021, 2022, 2023]
    assert [r["episodio"] for r in rows] == [1, 1, 1, 1, 2, 2, 2, 2]
    assert column(rows, "time_step")[2020] == 6
    assert column(rows, "anios_inactivo_consecutivos")[2017] == 3


def test_how_many_years_is_a_parameter(series: Series) -> None:
    assert years(series(LONG_GAP, max_inactive_years=1)) == [2014, 2015, 2020, 2021]
    assert years(series(ONLY_ENTRY, max_inactive_years=1)) == [2022, 2023]


# --- exits --------------------------------------------------------------------------------------------------------

LEFT = career(2018).enrols(2018, 2019).leaves(2020, day="2020-12-01")
LEFT_BEFORE_IT_WAS_KNOWN = career(2018).enrols(2018, 2019).leaves(2019, known=2021, day="2021-06-01")


def test_a_series_ends_with_the_year_in_which_the_exit_became_known(series: Series) -> None:
    rows = series(LEFT)
    assert years(rows) == [2018, 2019, 2020]
    assert column(rows, "dropout_flag") == {2018: 0, 2019: 0, 2020: 1}
    assert column(rows, "fecha_dropout") == {2018: None, 2019: None, 2020: dt.date(2020, 12, 1)}
    assert column(rows, "dropout_next_year") == {2018: 0, 2019: 1, 2020: None}
    assert column(rows, "inactivo_next_year") == {2018: 0, 2019: 1, 2020: None}


def test_an_exit_that_became_known_late_is_a_label_of_its_own_year_and_ends_the_series_later(series: Series) -> None:
    rows = series(LEFT_BEFORE_IT_WAS_KNOWN)
    assert years(rows) == [2018, 2019, 2020, 2021]
    assert column(rows, "dropout_flag") == {2018: 0, 2019: 1, 2020: 0, 2021: 0}
    assert column(rows, "fecha_dropout")[2019] == dt.date(2021, 6, 1)
    assert column(rows, "dropout_next_year") == {2018: 1, 2019: None, 2020: None, 2021: None}
    assert column(rows, "inactivo_next_year") == {2018: 0, 2019: None, 2020: None, 2021: None}


CAME_BACK = (
    career(2017).result(2017, "EXAMEN", "A", 9.0).leaves(2017, known=2018)
    .result(2020, "EXAMEN", "R", 3.0, subject=2).enrols(2021)
)  # fmt: skip
CAME_BACK_AT_ONCE = career(2018).enrols(2018, 2019, 2020).leaves(2019)
STAYED_AFTER_ALL = career(2018).enrols(2018, 2019, 2020).leaves(2018, known=2020)


def test_a_return_after_a_known_exit_is_a_new_episode(series: Series) -> None:
    rows = series(CAME_BACK)
    assert [(r["anio_academico"], r["episodio"], r["time_step"]) for r in rows] == [
        (2017, 1, 0), (2018, 1, 1), (2020, 2, 3), (2021, 2, 4), (2022, 2, 5), (2023, 2, 6), (2024, 2, 7),
    ]  # fmt: skip


def test_history_runs_over_all_episodes(series: Series) -> None:
    back = series(CAME_BACK)[2]
    assert (back["total_evaluaciones_acum"], back["materias_aprobadas_acum"], back["materias_reprobadas_acum"]) == (2, 1, 1)
    assert back["promedio_historico"] == 6.0
    assert back["tasa_aprobacion_historica"] == 0.5


def test_the_year_before_counts_even_if_it_is_no_row(series: Series) -> None:
    rows = series(CAME_BACK)
    assert column(rows, "materias_aprobadas_anterior") == {2017: None, 2018: 1, 2020: 0, 2021: 0, 2022: 0, 2023: 0, 2024: 0}
    assert column(rows, "tuvo_reinscripcion_anterior")[2017] is None
    assert column(rows, "tuvo_reinscripcion_anterior")[2020] == 0
    assert column(rows, "variacion_materias")[2020] == 1
    assert column(rows, "promedio_notas_anterior")[2021] == 3.0


def test_a_return_in_the_year_after_a_known_exit_is_a_new_episode_too(series: Series) -> None:
    assert [(r["anio_academico"], r["episodio"]) for r in series(CAME_BACK_AT_ONCE)][:4] == [
        (2018, 1), (2019, 1), (2020, 2), (2021, 2),
    ]  # fmt: skip


def test_an_exit_refuted_before_it_was_known_does_not_end_the_series_but_the_episode(series: Series) -> None:
    rows = series(STAYED_AFTER_ALL)
    assert [(r["anio_academico"], r["episodio"]) for r in rows][:4] == [(2018, 1), (2019, 1), (2020, 1), (2021, 2)]


def test_a_student_who_came_back_has_not_left(series: Series) -> None:
    assert column(series(CAME_BACK), "dropout_next_year") == {
        2017: None, 2018: None, 2020: 0, 2021: 0, 2022: 0, 2023: None, 2024: None,
    }  # fmt: skip
    assert column(series(STAYED_AFTER_ALL), "dropout_next_year")[2019] == 0


TWO_EXITS = career(2016).enrols(2016, 2018).leaves(2016, known=2017).leaves(2019)
TWO_EXITS_KNOWN_AT_ONCE = career(2016).enrols(2016, 2018).leaves(2016, known=2019).leaves(2019)
BACK_AT_THE_START = career(2018).leaves(2016, known=2017).enrols(2018, 2019)
NEVER_ACTIVE_AND_GONE = career(2021).leaves(2022)
GONE_BEFORE_THE_START = career(2018).leaves(2016, known=2017).enrols(2020)
GONE_LONG_BEFORE_THE_START = career(2018).leaves(2010).enrols(2020)
EXIT_WITHOUT_YEAR = career(2018).enrols(2018, 2019).leaves(None, known=2019).leaves(None)


def test_every_exit_has_to_be_followed_by_a_return(series: Series) -> None:
    rows = series(TWO_EXITS)
    assert [(r["anio_academico"], r["episodio"]) for r in rows] == [(2016, 1), (2017, 1), (2018, 2), (2019, 2)]


def test_of_two_exits_known_at_once_the_later_one_ends_the_series(series: Series) -> None:
    assert years(series(TWO_EXITS_KNOWN_AT_ONCE)) == [2016, 2017, 2018, 2019]


def test_the_first_row_of_a_student_is_of_the_first_episode(series: Series) -> None:
    assert [(r["anio_academico"], r["episodio"]) for r in series(BACK_AT_THE_START)][:2] == [(2018, 1), (2019, 1)]


def test_a_student_who_left_without_ever_being_active_has_left(series: Series) -> None:
    assert column(series(NEVER_ACTIVE_AND_GONE), "dropout_next_year") == {2021: 1, 2022: None}


@pytest.mark.parametrize("student", [GONE_BEFORE_THE_START, GONE_LONG_BEFORE_THE_START], ids=["just before", "long before"])
def test_an_exit_known_before_the_first_year_hides_years_until_the_student_is_active(series: Series, student: Career) -> None:
    rows = series(student)
    assert [(r["anio_academico"], r["episodio"], r["time_step"]) for r in rows][:2] == [(2020, 1, 2), (2021, 1, 3)]
    assert [r["dropout_flag"] for r in rows] == [0, 0, 0, 0]
    assert column(rows, "dropout_next_year") == {2020: 0, 2021: 0, 2022: 0, 2023: None}


def test_an_exit_without_a_year_counts_from_the_year_it_became_known_and_labels_none(series: Series) -> None:
    rows = series(EXIT_WITHOUT_YEAR)
    assert years(rows) == [2018, 2019]
    assert [r["dropout_flag"] for r in rows] == [0, 0]
    assert [r["dropout_next_year"] for r in rows] == [0, 0]


LEFT_TWICE_IN_A_YEAR = career(2018).enrols(2018, 2019).leaves(2019, day="2019-11-02").leaves(2019, day="2019-07-15")
GRADUATE = career(2017).enrols(2017, 2018, 2019).graduates(2021)
GRADUATE_WHO_STUDIES_ON = career(2019).enrols(2019, 2020, 2021).graduates(2020)


def test_the_first_of_two_dropouts_of_a_year_gives_the_day(series: Series) -> None:
    assert column(series(LEFT_TWICE_IN_A_YEAR), "fecha_dropout") == {2018: None, 2019: dt.date(2019, 7, 15)}


def test_a_graduate_has_left_without_dropping_out(series: Series) -> None:
    rows = series(GRADUATE)
    assert years(rows) == [2017, 2018, 2019, 2020, 2021]
    assert column(rows, "egreso_flag") == {2017: 0, 2018: 0, 2019: 0, 2020: 0, 2021: 1}
    assert column(rows, "dropout_flag")[2021] == 0
    assert column(rows, "dropout_next_year") == {2017: 0, 2018: 0, 2019: 0, 2020: 0, 2021: None}


def test_the_year_of_a_graduation_is_not_inactive(series: Series) -> None:
    assert column(series(GRADUATE), "inactivo_next_year") == {2017: 0, 2018: 0, 2019: 1, 2020: 0, 2021: None}


def test_a_graduate_who_studies_on_is_labelled_again(series: Series) -> None:
    rows = series(GRADUATE_WHO_STUDIES_ON)
    assert column(rows, "dropout_next_year") == {2019: 0, 2020: None, 2021: 0, 2022: 0, 2023: None, 2024: None}
    assert column(rows, "inactivo_next_year") == {2019: 0, 2020: None, 2021: 1, 2022: 1, 2023: None, 2024: None}


# --- labels wait ----------------------------------------------------------------------------------------------------

KNOWN_EARLY = career(2021).enrols(2021, 2022, 2023).leaves(2024)


def test_a_dropout_that_is_known_early_waits_until_the_others_are_known(series: Series) -> None:
    assert column(series(KNOWN_EARLY), "dropout_next_year") == {2021: 0, 2022: 0, 2023: None, 2024: None}
    assert column(series(KNOWN_EARLY), "inactivo_next_year") == {2021: 0, 2022: 0, 2023: None, 2024: None}
    assert series(KNOWN_EARLY)[-1]["dropout_flag"] == 1


@pytest.mark.parametrize(("as_of", "label"), [("2025-06-27", None), ("2025-06-28", 1)])
def test_labels_are_known_120_days_after_the_next_years_cutoff(series: Series, as_of: str, label: int | None) -> None:
    assert column(series(KNOWN_EARLY, as_of=as_of), "dropout_next_year")[2023] == label
    assert column(series(KNOWN_EARLY, as_of=as_of), "inactivo_next_year")[2023] == label


def test_the_delay_is_a_parameter(series: Series) -> None:
    assert column(series(KNOWN_EARLY, label_delay_days=0), "dropout_next_year") == {2021: 0, 2022: 0, 2023: 1, 2024: None}


# --- the year of an event -------------------------------------------------------------------------------------------

EARLY_BIRD = career(2023).enrols(2023).add("fact_reinscription", 2025, 2024, fecha_reinscripcion="2024-12-10 12:00:00")
RESULT_KNOWN_LATE = career(2022).enrols(2022).result(2022, "EXAMEN", "A", 7.0, known=2023)


def test_an_early_re_enrolment_belongs_to_the_year_it_is_for(series: Series) -> None:
    rows = series(EARLY_BIRD)
    assert column(rows, "sin_actividad_flag") == {2023: 0, 2024: 1}
    assert column(rows, "tuvo_reinscripcion") == {2023: 0, 2024: 0}
    assert column(series(EARLY_BIRD, as_of="2026-03-01"), "tuvo_reinscripcion") == {2023: 0, 2024: 0, 2025: 1}
    assert column(series(EARLY_BIRD, as_of="2026-07-01"), "inactivo_next_year") == {2023: 1, 2024: 0, 2025: None}


def test_a_result_that_became_known_later_belongs_to_the_later_year(series: Series) -> None:
    rows = series(RESULT_KNOWN_LATE)
    assert column(rows, "materias_aprobadas") == {2022: 0, 2023: 1, 2024: 0}
    assert column(rows, "promedio_notas") == {2022: None, 2023: 7.0, 2024: None}


# --- changes, sources, calendar ---------------------------------------------------------------------------------------

RESTLESS = career(2021).enrols(2021, 2023).changes_status(2018, 2019, 2021, 2021, 2024)
RESTLESS_WHILE_AWAY = career(2015).enrols(2015, 2022).changes_status(2020)


def test_changes_of_status_add_up_those_before_the_first_year_too(series: Series) -> None:
    rows = series(RESTLESS)
    assert column(rows, "cambios_estado_anio") == {2021: 2, 2022: 0, 2023: 0, 2024: 1}
    assert column(rows, "cambios_estado_acum") == {2021: 4, 2022: 4, 2023: 4, 2024: 5}


def test_changes_in_years_that_are_no_rows_add_up(series: Series) -> None:
    assert column(series(RESTLESS_WHILE_AWAY), "cambios_estado_acum") == {
        2015: 0, 2016: 0, 2017: 0, 2018: 0, 2022: 1, 2023: 1, 2024: 1,
    }  # fmt: skip


NAMESAKE_HERE = career(2022, source="sede1", ident=9001).enrols(2022).leaves(2023)
NAMESAKE_THERE = career(2021, source="sede2", ident=9001).enrols(2021, 2022, 2023, 2024)
UNKNOWN_STUDENT = Career(None, ident=9002).enrols(2023)


def test_two_campuses_may_number_their_students_alike(series: Series) -> None:
    here, there = series(NAMESAKE_HERE), series(NAMESAKE_THERE)
    assert column(here, "inscripciones_cursada") == {2022: 1, 2023: 0}
    assert column(there, "inscripciones_cursada") == {2021: 1, 2022: 1, 2023: 1, 2024: 1}
    assert column(here, "dropout_next_year") == {2022: 1, 2023: None}
    assert column(there, "dropout_next_year") == {2021: 0, 2022: 0, 2023: None, 2024: None}


def test_facts_of_an_unknown_student_make_no_series() -> None:
    facts = {**tables(UNKNOWN_STUDENT), "dim_student": []}
    assert run_model(gold_tft_temporal_features, facts).num_rows == 0


def test_the_academic_year_may_start_in_january(series: Series) -> None:
    assert years(series(SINCE_ENTRY, academic_year_start_month=1, as_of="2022-12-30")) == [2020, 2021]
    assert years(series(SINCE_ENTRY, academic_year_start_month=1, as_of="2022-12-31")) == [2020, 2021, 2022]


# --- point in time ----------------------------------------------------------------------------------------------------

TARGETS = ("dropout_flag", "egreso_flag", "fecha_dropout", "dropout_next_year", "inactivo_next_year")


def one_fact_each_year(year: int) -> dict[str, Career]:
    """Every kind of fact, in every career, of a year: about it, or about an earlier one and known in it."""
    kinds: dict[str, Callable[[Career, int], Career]] = {
        "enrolment": lambda c, about: c.enrols(about, known=year),
        "result": lambda c, about: c.result(about, "EXAMEN", "R", 2.0, known=year),
        "exam": lambda c, about: c.exam(about, known=year),
        "attendance": lambda c, about: c.add("fact_attendance", about, year, porc_asistencia=10.0),
        "re-enrolment": lambda c, about: c.reenrols(about, known=year),
        "change": lambda c, about: c.add("fact_student_status_history", about, year),
        "dropout": lambda c, about: c.leaves(about, known=year),
        "graduation": lambda c, about: c.graduates(about, known=year),
    }
    return {
        f"{kind} of {about} known in {year}, student {n}": add(copy_of(student), about)
        for kind, add in kinds.items() for about in (year - 4, year) for n, student in enumerate((LEFT, CAME_BACK, GAP, RESTLESS))
    }  # fmt: skip


def copy_of(student: Career) -> Career:
    copied = Career(student.student["anio_ingreso"])
    for table, rows in student.facts.items():
        copied.facts[table] = [{**row, **copied.who} for row in rows]
    return copied


@pytest.mark.parametrize("year", [2019, 2022])
def test_a_fact_changes_no_row_of_a_year_before_it_became_known(year: int) -> None:
    with_it = one_fact_each_year(year)
    originals = dict(zip((LEFT, CAME_BACK, GAP, RESTLESS), range(4), strict=True))
    built = run_model(gold_tft_temporal_features, tables(*originals, *with_it.values()))
    features = features_before(built, year)
    for name, changed in with_it.items():
        original = next(student for student, n in originals.items() if name.endswith(str(n)))
        assert features.get(tuple(changed.who.values())) == features.get(tuple(original.who.values())), name


def features_before(built: pa.Table, year: int) -> dict[tuple[Any, ...], list[Row]]:
    found: dict[tuple[Any, ...], list[Row]] = {}
    for row in sorted(built.to_pylist(), key=lambda r: r["anio_academico"]):
        who = (row.pop("source_db"), row.pop("alumno_id"))
        if row["anio_academico"] < year:
            found.setdefault(who, []).append({k: v for k, v in row.items() if k not in TARGETS})
    return found
