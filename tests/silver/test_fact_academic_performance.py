"""Given the academic history and evaluations of courses → expected results, worked out by hand."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from operator import itemgetter
from typing import Any

import pytest

from padm_ibis.silver import fact_academic_performance

Run = Callable[..., list[dict[str, Any]]]


def hist(registro: str, origen: str | None = "E", fecha: str | None = "2020-07-01", **columns: Any) -> dict[str, Any]:
    """A row of the academic history: student 1, subject 5, year 2020, no comisión."""
    plain = {"source_db": "sede1", "alumno": 1, "elemento": 5, "anio_academico": 2020, "resultado": "A"}
    return {**plain, "registro": registro, "origen": origen, "fecha": fecha, **columns}


def course(comision: int = 3, fecha: str | None = "2020-07-01", **columns: Any) -> dict[str, Any]:
    """An evaluation of a course of the same student, subject and year."""
    plain = {"source_db": "sede1", "alumno": 1, "elemento": 5, "anio_academico": 2020, "evaluacion": 7, "resultado_cursada": "A"}
    return {**plain, "comision": comision, "fecha_nota": fecha, **columns}


def facts(
    run: Run, history: list[dict[str, Any]], courses: list[dict[str, Any]] | None = None, **params: Any
) -> list[dict[str, Any]]:
    inputs = {"historia_academica": history, "academic": courses or []}
    return run(fact_academic_performance, inputs, **{"as_of": "2025-02-28", **params})


def ids(run: Run, history: list[dict[str, Any]], courses: list[dict[str, Any]] | None = None, **params: Any) -> list[str]:
    return [row["evaluacion_id"] for row in facts(run, history, courses, **params)]


# --- rows ------------------------------------------------------------------------------------------


def test_a_row_of_the_history_is_a_fact_with_all_it_says(run: Run) -> None:
    given = hist(
        "acta:9:1", "E", "2021-02-20", comision=3, plan_version_id=6, instancia=4, periodo_lectivo=8, nota=" 7,5 ", tipo="Examen",
        nota_descripcion="Siete c/50", resultado_descripcion="Aprobado", pct_asistencia=Decimal("87.5"), creditos=Decimal("6.25"),
    )  # fmt: skip
    assert facts(run, [given]) == [
        {
            "source_db": "sede1", "evaluacion_id": "hist:acta:9:1", "alumno_id": 1, "elemento_id": 5, "plan_version_id": 6,
            "instancia_id": 4, "comision_id": 3, "periodo_lectivo": 8, "tipo_evaluacion": "EXAMEN", "origen": "E",
            "nota": " 7,5 ", "nota_descripcion": "Siete c/50", "resultado": "A", "resultado_descripcion": "Aprobado",
            "nota_numerica": 7.5, "pct_asistencia": 87.5, "creditos": 6.25, "aprobado_flag": 1, "regularizado_flag": 0,
            "reprobado_flag": 0, "ausente_flag": 0, "evaluation_count": 1, "fecha_evaluacion": date(2021, 2, 20),
            "anio_academico": 2020, "fecha_conocida": date(2021, 2, 20), "anio_evento": 2020,
        }
    ]  # fmt: skip


def test_an_evaluation_of_a_course_is_a_cursada(run: Run) -> None:
    given = course(3, "2021-03-01", plan_version_id=6, periodo_lectivo=8, nota_cursada="4", resultado_cursada="R")
    assert facts(run, [], [given]) == [
        {
            "source_db": "sede1", "evaluacion_id": "cursada:1:3:7", "alumno_id": 1, "elemento_id": 5, "plan_version_id": 6,
            "instancia_id": None, "comision_id": 3, "periodo_lectivo": 8, "tipo_evaluacion": "CURSADA", "origen": None,
            "nota": "4", "nota_descripcion": None, "resultado": "R", "resultado_descripcion": None,
            "nota_numerica": 4.0, "pct_asistencia": None, "creditos": None, "aprobado_flag": 0, "regularizado_flag": 0,
            "reprobado_flag": 1, "ausente_flag": 0, "evaluation_count": 1, "fecha_evaluacion": date(2021, 3, 1),
            "anio_academico": 2020, "fecha_conocida": date(2021, 3, 1), "anio_evento": 2021,
        }
    ]  # fmt: skip


def test_a_missing_evaluacion_is_written_empty(run: Run) -> None:
    assert ids(run, [], [course(evaluacion=None)]) == ["cursada:1:3:"]


def test_an_enrolment_without_mark_and_result_is_still_open_and_no_fact(run: Run) -> None:
    pairs = [(None, None), ("", None), (None, "  "), (" \t", ""), ("4", None), (None, "U"), ("", "A")]
    given = [course(n, nota_cursada=nota, resultado_cursada=resultado) for n, (nota, resultado) in enumerate(pairs)]
    assert [row["comision_id"] for row in facts(run, [], given)] == [4, 5, 6]


def test_a_row_of_the_history_without_mark_and_result_is_a_fact(run: Run) -> None:
    assert ids(run, [hist("a", nota=None, resultado=None)]) == ["hist:a"]


def test_rows_without_alumno_are_not_facts_and_hide_none(run: Run) -> None:
    history = [hist("a", "P", alumno=None), hist("b", "R", alumno=None, comision=3)]
    assert ids(run, history, [course(), course(4, alumno=None)]) == ["cursada:1:3:7"]


def test_a_late_acta_enters_the_year_in_which_it_became_known(run: Run) -> None:
    (row,) = facts(run, [hist("a", fecha="2022-03-01", anio_academico=2019)])
    assert (row["anio_academico"], row["fecha_conocida"], row["anio_evento"]) == (2019, date(2022, 3, 1), 2022)


def test_results_after_as_of_are_not_known_and_hide_none(run: Run) -> None:
    history = [hist("p", "P", "2025-03-01", anio_academico=2024), hist("e", fecha="2025-02-28"), hist("n", fecha=None)]
    courses = [course(3, "2024-07-01", anio_academico=2024), course(4, "2025-03-01", elemento=6)]
    assert ids(run, history, courses) == ["cursada:1:3:7", "hist:e", "hist:n"]
    assert ids(run, history, courses, as_of="2025-03-01") == ["cursada:1:3:7", "cursada:1:4:7", "hist:e", "hist:n", "hist:p"]


@pytest.mark.parametrize("origen", ["P", "R"])
def test_a_rival_of_the_same_year_that_is_not_known_yet_hides_none(run: Run, origen: str) -> None:
    rival = hist("a", origen, "2020-08-01", comision=3)
    assert ids(run, [rival], [course(3, "2020-07-01")], as_of="2020-07-31") == ["cursada:1:3:7"]
    assert ids(run, [rival], [course(3, "2020-07-01")], as_of="2020-08-01") == ["hist:a"]


@pytest.mark.parametrize(
    ("anio", "fecha", "expected"),
    [
        (1949, "2020-07-01", (None, date(2020, 7, 1), 2020)),
        (2020, "1950-02-28", (2020, None, 2020)),
        (None, "2020-02-28", (None, date(2020, 2, 28), 2019)),
        (None, None, (None, None, None)),
        (20, "0020-07-01", (None, None, None)),
    ],
)
def test_years_and_days_before_1950_are_typing_errors(
    run: Run, anio: int | None, fecha: str | None, expected: tuple[Any, ...]
) -> None:
    rows = facts(run, [hist("a", fecha=fecha, anio_academico=anio)], [course(fecha=fecha, anio_academico=anio)])
    for row in rows:
        assert (row["anio_academico"], row["fecha_conocida"], row["anio_evento"]) == expected
        assert row["fecha_evaluacion"] == (fecha and date.fromisoformat(fecha))
    assert len(rows) == 2


# --- kinds, flags and marks ------------------------------------------------------------------------


def test_the_kind_comes_from_origen_else_from_the_words_of_tipo(run: Run) -> None:
    kinds = {
        ("E", "Promoción"): "EXAMEN",
        ("P", "Examen"): "PROMOCION",
        ("R", None): "CURSADA",
        ("A", None): "EQUIVALENCIA",
        ("B", None): "EQUIVALENCIA",
        (None, "Reconocimiento por examen"): "EQUIVALENCIA",
        ("", "EQUIVALENCIA de promoción"): "EQUIVALENCIA",
        (" ", "PROMOCIÓN sin examen"): "PROMOCION",
        ("Z", "Regularidad por examen"): "CURSADA",
        (None, "Aprobación de cursada"): "CURSADA",
        (None, "Exámen"): "EXAMEN",
        (None, "Promocio\u0301n"): "PROMOCION",  # the accent as a character of its own
        (None, "Examen equivalente"): "EQUIVALENCIA",  # brought over from another plan, no exam sat here
        (None, "Equivalencia equivalente"): "EQUIVALENCIA",
        (None, "Regularidad EQUIVALENTE"): "EQUIVALENCIA",
        (None, "Otro"): None,
        ("Z", None): None,
        (None, None): None,
    }
    rows = facts(run, [hist(f"{n:02}", origen, tipo=tipo, elemento=n) for n, (origen, tipo) in enumerate(kinds)])
    assert [row["tipo_evaluacion"] for row in rows] == list(kinds.values())


def test_at_most_one_flag_is_set(run: Run) -> None:
    flags = {
        ("E", "A"): (1, 0, 0, 0),
        ("P", "A"): (1, 0, 0, 0),
        ("A", "A"): (1, 0, 0, 0),
        ("R", "A"): (0, 1, 0, 0),  # regularised is not passed
        ("E", "R"): (0, 0, 1, 0),
        ("P", "R"): (0, 0, 1, 0),
        ("R", "R"): (0, 0, 1, 0),
        ("A", "R"): (0, 0, 0, 0),  # a refused equivalence is no failed evaluation
        ("E", "U"): (0, 0, 0, 1),
        ("P", "U"): (0, 0, 0, 1),
        ("R", "U"): (0, 0, 0, 1),
        ("B", "U"): (0, 0, 0, 0),
        ("E", "P"): (0, 0, 0, 0),
        ("E", "a"): (0, 0, 0, 0),
        ("E", None): (0, 0, 0, 0),
        ("Z", "A"): (0, 0, 0, 0),
    }
    given = [hist(f"{n:02}", origen, resultado=resultado, elemento=n) for n, (origen, resultado) in enumerate(flags)]
    rows = facts(run, given)
    found = itemgetter("aprobado_flag", "regularizado_flag", "reprobado_flag", "ausente_flag")
    assert list(map(found, rows)) == list(flags.values())
    assert [row["resultado"] for row in rows] == [resultado for _, resultado in flags]


def test_a_mark_is_a_number_from_0_to_10_cut_to_the_hundredth(run: Run) -> None:
    marks = {
        "7": 7.0, "7.50": 7.5, "7,5": 7.5, " 7 ": 7.0, "\t8\n": 8.0, "0": 0.0, "10": 10.0, "10,00": 10.0, "007": 7.0,
        "0010": 10.0, "0.29": 0.29, "4.357": 4.35, "9,999": 9.99, "6.1": 6.1, "3." + "9" * 40: 3.99, "0" * 30 + "5": 5.0,
        "Ausente": None, "A": None, "": None, " ": None, "10.001": None, "11": None, "100": None, "-1": None, "+7": None,
        "7.": None, ".5": None, "7,,5": None, "7.5.0": None, "1e1": None, "0x7": None, "7 5": None, "NaN": None, "٧": None,
        "7a": None,
    }  # fmt: skip
    rows = facts(run, [hist(f"{n:02}", nota=text) for n, text in enumerate(marks)])
    assert {row["nota"]: row["nota_numerica"] for row in rows} == marks


# --- one result per course: the history's cursada and its twin --------------------------------------


def test_a_course_gives_way_to_the_history_of_its_comision_whatever_the_subject_and_year(run: Run) -> None:
    twin = hist("a", "R", comision=3, elemento=None, anio_academico=2019)
    assert ids(run, [twin], [course(3)]) == ["hist:a"]


def test_a_course_stays_when_the_history_is_of_another_comision_of_the_same_subject_and_year(run: Run) -> None:
    assert ids(run, [hist("a", "R", comision=4)], [course(3)]) == ["cursada:1:3:7", "hist:a"]


def test_without_comision_the_history_hides_the_course_of_the_same_subject_and_year(run: Run) -> None:
    assert ids(run, [hist("a", "R")], [course(3), course(4)]) == ["hist:a"]


@pytest.mark.parametrize("other", [{"alumno": 2}, {"elemento": 6}, {"anio_academico": 2019}, {"source_db": "sede2"}])
def test_without_comision_everything_else_must_agree(run: Run, other: dict[str, Any]) -> None:
    assert sorted(ids(run, [hist("a", "R", **other)], [course()])) == ["cursada:1:3:7", "hist:a"]


@pytest.mark.parametrize("other", [{"alumno": 2}, {"source_db": "sede2"}])
def test_with_a_comision_student_and_campus_must_agree(run: Run, other: dict[str, Any]) -> None:
    assert sorted(ids(run, [hist("a", "R", comision=3, **other)], [course(3)])) == ["cursada:1:3:7", "hist:a"]


@pytest.mark.parametrize("missing", ["elemento", "anio_academico"])
def test_two_unknowns_are_not_the_same(run: Run, missing: str) -> None:
    assert ids(run, [hist("a", "R", **{missing: None})], [course(**{missing: None})]) == ["cursada:1:3:7", "hist:a"]


def test_only_a_cursada_of_the_history_hides_a_course(run: Run) -> None:
    history = [hist("e", "E", comision=3), hist("q", "A", comision=3), hist("n", None, comision=3)]
    assert ids(run, history, [course(3)]) == ["cursada:1:3:7", "hist:e", "hist:n", "hist:q"]


@pytest.mark.parametrize("comision", [3, None])
def test_a_history_known_in_a_later_year_leaves_the_past_as_it_was(run: Run, comision: int | None) -> None:
    same_year, later = hist("a", "R", "2021-02-28", comision=comision), hist("a", "R", "2021-03-01", comision=comision)
    assert ids(run, [same_year], [course(3, "2020-07-01")]) == ["hist:a"]
    assert ids(run, [later], [course(3, "2020-07-01")]) == ["cursada:1:3:7", "hist:a"]
    assert ids(run, [later], [course(3, "2022-07-01")]) == ["hist:a"]


def test_the_first_of_several_twins_decides(run: Run) -> None:
    twins = [hist("late", "R", "2022-07-01", comision=3), hist("early", "R", "2020-07-01", comision=3)]
    assert ids(run, twins, [course(3)]) == ["hist:early", "hist:late"]


def test_a_twin_without_a_year_neither_hides_nor_is_hidden(run: Run) -> None:
    nowhere: dict[str, Any] = {"fecha": None, "anio_academico": None}
    assert ids(run, [hist("a", "R", comision=3, **nowhere)], [course(3)]) == ["cursada:1:3:7", "hist:a"]
    unknown = course(3, None, anio_academico=None)
    assert ids(run, [hist("a", "R", comision=3)], [unknown]) == ["cursada:1:3:7", "hist:a"]


def test_rows_of_the_history_do_not_hide_each_other(run: Run) -> None:
    assert ids(run, [hist("a", "R", comision=3), hist("b", "R", comision=3), hist("c", "R")]) == ["hist:a", "hist:b", "hist:c"]


# --- one result per course: the promotion -----------------------------------------------------------


def test_a_promotion_is_the_result_of_its_course_in_both_sources(run: Run) -> None:
    assert ids(run, [hist("p", "P"), hist("r", "R", comision=4)], [course(3)]) == ["hist:p"]


@pytest.mark.parametrize("resultado", ["A", "R", "U", "?", None])
def test_a_promotion_hides_the_course_whatever_its_result(run: Run, resultado: str | None) -> None:
    assert ids(run, [hist("p", "P", resultado=resultado)], [course()]) == ["hist:p"]


def test_a_promotion_known_in_the_same_year_hides_the_course_and_one_of_a_later_year_does_not(run: Run) -> None:
    assert ids(run, [hist("p", "P", "2021-02-28")], [course(fecha="2020-07-01")]) == ["hist:p"]
    assert ids(run, [hist("p", "P", "2021-03-01")], [course(fecha="2020-07-01")]) == ["cursada:1:3:7", "hist:p"]
    assert ids(run, [hist("p", "P", "2021-03-01")], [course(fecha="2021-07-01")]) == ["hist:p"]


@pytest.mark.parametrize("other", [{"alumno": 2}, {"elemento": 6}, {"anio_academico": 2019}, {"source_db": "sede2"}])
def test_a_promotion_of_another_course_hides_none(run: Run, other: dict[str, Any]) -> None:
    assert sorted(ids(run, [hist("p", "P", **other)], [course()])) == ["cursada:1:3:7", "hist:p"]


@pytest.mark.parametrize("missing", ["elemento", "anio_academico"])
def test_a_promotion_without_subject_or_year_hides_none(run: Run, missing: str) -> None:
    assert ids(run, [hist("p", "P", **{missing: None})], [course(**{missing: None})]) == ["cursada:1:3:7", "hist:p"]


def test_a_promotion_hides_courses_only(run: Run) -> None:
    history = [hist("p", "P"), hist("p2", "P", "2020-08-01"), hist("e", "E"), hist("q", "A"), hist("n", None, tipo="Otro")]
    assert ids(run, history) == ["hist:e", "hist:n", "hist:p", "hist:p2", "hist:q"]


def test_an_exam_or_an_equivalence_hides_no_course(run: Run) -> None:
    assert ids(run, [hist("e", "E"), hist("q", "B")], [course()]) == ["cursada:1:3:7", "hist:e", "hist:q"]


def test_a_cursada_that_a_promotion_hides_still_hides_its_twin(run: Run) -> None:
    # The promotion is of subject 5; the twin's subject was mistyped, only the comisión tells that it is the same course.
    history = [hist("p", "P"), hist("r", "R", comision=3)]
    assert ids(run, history, [course(3, elemento=6)]) == ["hist:p"]


def test_facts_are_as_many_as_rows_when_nothing_hides_anything(run: Run) -> None:
    """Several matching rows on one side never multiply the other."""
    late = [hist(f"p{n}", "P", "2022-07-01") for n in range(3)] + [hist(f"r{n}", "R", "2022-07-01", comision=3) for n in range(2)]
    assert len(ids(run, late, [course(3, evaluacion=n) for n in range(4)])) == 3 + 4
    assert ids(run, late[3:], [course(3)]) == ["cursada:1:3:7", "hist:r0", "hist:r1"]
