"""Students whose years at the university are told in a line or two, and the silver tables that they make up."""

from __future__ import annotations

import itertools
from collections import defaultdict
from typing import Any

Row = dict[str, Any]

FACTS = (
    "fact_academic_performance", "fact_attendance", "fact_course_enrollment", "fact_exam_inscription",
    "fact_reinscription", "fact_student_status_history", "fact_dropout", "fact_egreso",
)  # fmt: skip
KEYS = {
    "fact_academic_performance": "evaluacion_id", "fact_attendance": "comision_id", "fact_course_enrollment": "inscripcion_id",
    "fact_exam_inscription": "inscripcion_id", "fact_reinscription": "nro_transaccion",
    "fact_student_status_history": "nro_cambio", "fact_dropout": "perdida_regularidad_id", "fact_egreso": "nro_solicitud",
}  # fmt: skip
_numbers = itertools.count(1)


class Career:
    """One student; every method adds one fact and returns the student.

    ``year`` is the year that a fact is about, ``known`` the one in which it became known, by default the same.
    """

    def __init__(self, entry: int | None = None, *, source: str = "sede1", ident: int | None = None, **student: Any) -> None:
        self.who = {"source_db": source, "alumno_id": next(_numbers) if ident is None else ident}
        self.student = {**self.who, "anio_ingreso": entry, **student}
        self.facts: dict[str, list[Row]] = defaultdict(list)

    def add(self, table: str, year: int | None, known: int | None = None, **columns: Any) -> Career:
        event = max((y for y in (year, known) if y is not None), default=None)
        number: Any = next(_numbers)
        key = {KEYS[table]: f"hist:{number}" if table == "fact_academic_performance" else number}
        self.facts[table].append({**self.who, **key, "anio_academico": year, "anio_evento": event, **columns})
        return self

    def enrols(self, *years: int, known: int | None = None, **columns: Any) -> Career:
        """Enrol in a course in each of the years: the plainest sign of life."""
        for year in years:
            self.add("fact_course_enrollment", year, known, **columns)
        return self

    def result(
        self, year: int | None, kind: str, result: str, mark: float | None = None, *, subject: int | None = 1,
        credits: float | None = None, known: int | None = None, **columns: Any,
    ) -> Career:  # fmt: skip
        counted = kind != "EQUIVALENCIA"
        flags = {
            "aprobado_flag": int(result == "A" and kind != "CURSADA"),
            "regularizado_flag": int(result == "A" and kind == "CURSADA"),
            "reprobado_flag": int(result == "R" and counted),
            "ausente_flag": int(result == "U" and counted),
        }
        return self.add(
            "fact_academic_performance", year, known, tipo_evaluacion=kind, resultado=result, nota_numerica=mark,
            elemento_id=subject, creditos=credits, **flags, **columns,
        )  # fmt: skip

    def exam(self, year: int, known: int | None = None, **columns: Any) -> Career:
        return self.add("fact_exam_inscription", year, known, **columns)

    def attends(self, year: int, percentage: float | None = None, absences: float | None = None) -> Career:
        flags = {
            "cumple_asistencia_flag": int(percentage is not None and percentage >= 75),
            "riesgo_asistencia_flag": int(percentage is not None and percentage < 50),
        }
        return self.add("fact_attendance", year, porc_asistencia=percentage, total_inasistencias=absences, **flags)

    def reenrols(self, year: int, instant: str | None = None, known: int | None = None) -> Career:
        return self.add("fact_reinscription", year, known, fecha_reinscripcion=instant)

    def changes_status(self, *years: int) -> Career:
        for year in years:
            self.add("fact_student_status_history", year)
        return self

    def leaves(self, year: int | None, known: int | None = None, day: str | None = None) -> Career:
        return self.add("fact_dropout", year, known, fecha_dropout=day)

    def graduates(self, year: int, known: int | None = None) -> Career:
        return self.add("fact_egreso", year, known)


def tables(*careers: Career) -> dict[str, list[Row]]:
    """The silver tables that the series are made of."""
    return {
        "dim_student": [career.student for career in careers],
        **{fact: [row for career in careers for row in career.facts[fact]] for fact in FACTS},
    }
