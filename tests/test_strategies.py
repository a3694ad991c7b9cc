"""Drawn universities reach what models go wrong on; an easy university would make every law hold."""

from __future__ import annotations

import datetime as dt
import functools
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, Phase, given, settings

from padm_ibis.definitions import collect
from padm_ibis.testing import strategies
from padm_ibis.testing.prepared import Chain
from padm_ibis.testing.run_model import DEFAULT_PARAMS

Row = dict[str, Any]
Rows = dict[str, list[Row]]
EXAMPLES = 80
MADE = ("gold_tft_temporal_features", "gold_tft_training_dataset", "mart_alumnos_en_riesgo", "fact_academic_performance",
        "fact_dropout", "fact_egreso", "dim_census", "dim_student", "dim_persona", "fact_student_status_history")  # fmt: skip


@functools.cache
def worlds() -> list[Rows]:
    """The same drawn bronze tables every time, and what some models make of them."""
    graph = collect()
    chain = Chain(graph, [graph[name] for name in MADE], DEFAULT_PARAMS, "bronze")
    found: list[Rows] = []

    @settings(
        max_examples=EXAMPLES, derandomize=True, database=None, deadline=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(strategies.tables(chain.inputs, only=chain.reads, min_rows=2, max_rows=12))
    def gather(university: dict[str, pa.Table]) -> None:
        found.append({name: t.to_pylist() for name, t in {**university, **chain(university)}.items()})

    gather()
    return found


def students(rows: Iterable[Row]) -> set[tuple[str, int]]:
    return {(r["source_db"], r["alumno_id"]) for r in rows}


def series(w: Rows) -> list[Row]:
    return w["gold_tft_temporal_features"]


def cutoff(year: int) -> dt.date:
    return DEFAULT_PARAMS.cutoff(year)


def in_both_campuses(rows: Iterable[Row]) -> bool:
    ids = {campus: {r["alumno_id"] for r in rows if r["source_db"] == campus} for campus in strategies.CAMPUSES}
    return bool(ids["sede1"] & ids["sede2"])


def survey_days(w: Rows, days_after_cutoff: int) -> bool:
    """A person with a row in the series answered on that day of its year."""
    person = {(s["source_db"], s["alumno_id"]): s["persona_id"] for s in w["dim_student"]}
    days = {(s["source_db"], s["persona_id"], s["fecha_relevamiento"]) for s in w["dim_census"]}
    moved = dt.timedelta(days=days_after_cutoff)
    return any(
        (r["source_db"], person[r["source_db"], r["alumno_id"]], cutoff(r["anio_academico"]) + moved) in days for r in series(w)
    )


def courses(w: Rows) -> Counter[tuple[Any, ...]]:
    """Rows of bronze that say CURSADA or PROMOCION, by student, subject and year."""
    return Counter(
        (r["source_db"], r["alumno"], r["elemento"], r["anio_academico"])
        for r in (*w["academic"], *w["historia_academica"])
        if r["alumno"] is not None and r["elemento"] is not None and r["anio_academico"] is not None
    )


def hidden(w: Rows, table: str, day: str, name: Callable[[Row], str]) -> bool:
    """A closed and known row of a student that is no fact: another one is that course's result."""
    facts = {(r["source_db"], r["evaluacion_id"]) for r in w["fact_academic_performance"]}
    return any(
        r["alumno"] is not None
        and (table == "historia_academica" or (r["nota_cursada"] or "").strip() or (r["resultado_cursada"] or "").strip())
        and (r[day] is None or r[day] <= DEFAULT_PARAMS.as_of)
        and (r["source_db"], name(r)) not in facts
        for r in w[table]
    )


def _record(r: Row) -> str:
    return f"hist:{r['registro']}"


def _evaluation(r: Row) -> str:
    return f"cursada:{r['alumno']}:{r['comision']}:{'' if r['evaluacion'] is None else r['evaluacion']}"


def same_instant(w: Rows) -> bool:
    changes = Counter((r["source_db"], r["alumno_id"], r["fecha_cambio"]) for r in w["fact_student_status_history"])
    return max(changes.values(), default=0) > 1


def of_one_year(w: Rows) -> bool:
    gone = {(r["source_db"], r["alumno_id"], r["anio_academico"]) for r in w["fact_dropout"]}
    return bool(gone & {(r["source_db"], r["alumno_id"], r["anio_academico"]) for r in w["fact_egreso"]})


def leap_day(day: dt.date | None) -> bool:
    return day is not None and (day.month, day.day) == (2, 29)


def labels(name: str, value: int | None, since: int = 0, until: int = 9999) -> Callable[[Rows], bool]:
    return lambda w: any(r[name] == value and since <= r["anio_academico"] <= until for r in series(w))


def some(table: str, holds: Callable[[Row], Any]) -> Callable[[Rows], bool]:
    return lambda w: any(holds(r) for r in w[table])


def year_of(row: Row, otherwise: int) -> int:
    return otherwise if row["anio_academico"] is None else row["anio_academico"]


def exit_before_first(w: Rows) -> bool:
    first = {(r["source_db"], r["alumno_id"]): r["anio_academico"] for r in series(w) if r["time_step"] == 0}
    return any(year_of(e, 9999) < first.get((e["source_db"], e["alumno_id"]), 0) for e in w["fact_dropout"])


def unknown_person(w: Rows) -> bool:
    known = {(p["source_db"], p["persona_id"]) for p in w["dim_persona"]}
    return any(s["persona_id"] and (s["source_db"], s["persona_id"]) not in known for s in w["dim_student"])


def surveys_of_one_day(w: Rows) -> bool:
    days = Counter((r["source_db"], r["persona"], r["fecha"]) for r in w["census"] if r["fecha"])
    return max(days.values(), default=0) > 1


NOW = DEFAULT_PARAMS.as_of_year
CASES: dict[str, Callable[[Rows], bool]] = {
    "a gap year": some("gold_tft_temporal_features", lambda r: r["sin_actividad_flag"] and r["time_step"]),
    "a second episode": labels("episodio", 2),
    "a third episode": labels("episodio", 3),
    "dropout_next_year = 0": labels("dropout_next_year", 0),
    "dropout_next_year = 1": labels("dropout_next_year", 1),
    "dropout_next_year null long ago": labels("dropout_next_year", None, until=NOW - 3),
    "inactivo_next_year = 0": labels("inactivo_next_year", 0),
    "inactivo_next_year = 1": labels("inactivo_next_year", 1),
    "a row to train": some("gold_tft_training_dataset", lambda r: r["particion"] == "train"),
    "a row to validate": some("gold_tft_training_dataset", lambda r: r["particion"] == "validation"),
    "a row to test": some("gold_tft_training_dataset", lambda r: r["particion"] == "test"),
    "a row to score": some("gold_tft_training_dataset", lambda r: r["particion"] == "score"),
    "a row without a label": some("gold_tft_training_dataset", lambda r: r["particion"] == "sin_etiqueta"),
    "open series of two rivals": some("mart_alumnos_en_riesgo", lambda r: r["puesto_en_carrera"] > 1),
    "a dropout known in a later year": some("fact_dropout", lambda r: (r["anio_evento"] or 0) > year_of(r, 9999)),
    "a dropout of a year to come": some("fact_dropout", lambda r: year_of(r, 0) > NOW),
    "a dropout without a year": some("fact_dropout", lambda r: r["anio_academico"] is None),
    "a dropout and a graduation of one year": of_one_year,
    "an exit before the first year": exit_before_first,
    "a survey at the cutoff": lambda w: survey_days(w, 0),
    "a survey on the day after": lambda w: survey_days(w, 1),
    "two surveys of a day": surveys_of_one_day,
    "a course hidden by its twin or promotion": lambda w: hidden(w, "academic", "fecha_nota", _evaluation),
    "a history's course hidden by its promotion": lambda w: hidden(w, "historia_academica", "fecha", _record),
    "several results of a course": lambda w: max(courses(w).values(), default=0) > 1,
    "one id on two campuses": lambda w: in_both_campuses(w["dim_student"]),
    "a fact of a student that is not there": lambda w: bool(students(w["fact_dropout"]) - students(w["dim_student"])),
    "a fact without a student": some("dropout", lambda r: r["alumno"] is None),
    "a student whose person is not there": unknown_person,
    "a student without an entry year": some("dim_student", lambda r: r["anio_ingreso"] is None),
    "an id that is not above 0": some("dim_student", lambda r: r["alumno_id"] <= 0),
    "a birth on a leap day": some("dim_persona", lambda r: leap_day(r["fecha_nacimiento"])),
    "a day of year 1": some("historia_academica", lambda r: r["fecha"] == dt.date(1, 1, 1)),
    "a day of year 9999": some("historia_academica", lambda r: r["fecha"] == dt.date(9999, 12, 31)),
    "a year before 1950": some("historia_academica", lambda r: year_of(r, 9999) < 1950),
    "a mark that is none": some("fact_academic_performance", lambda r: r["nota"] and r["nota_numerica"] is None),
    "a mark with a comma": some("fact_academic_performance", lambda r: "," in (r["nota"] or "") and r["nota_numerica"]),
    "two status changes of one instant": same_instant,
}


@pytest.mark.parametrize("case", CASES)
def test_some_university_has(case: str) -> None:
    assert any(CASES[case](world) for world in worlds())
