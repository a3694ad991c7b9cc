"""Facts of one warehouse, row by row, as data-contract §4.2 words them."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from padm_ibis.params import Params

Row = dict[str, Any]


class Calendar:
    """Academic years under one set of parameters."""

    def __init__(self, params: Params) -> None:
        self.params = params

    def year(self, day: dt.date | None) -> int | None:
        if day is None:
            return None
        return day.year if day.month >= self.params.academic_year_start_month else day.year - 1

    def cutoff(self, year: int) -> dt.date:
        return dt.date(year + 1, self.params.academic_year_start_month, 1) - dt.timedelta(days=1)

    def good_date(self, day: dt.date | None) -> dt.date | None:
        year = self.year(day)
        return day if year is not None and year >= 1950 else None


def good_year(year: int | None) -> int | None:
    return year if year is not None and year >= 1950 else None


def date_of(instant: dt.datetime | dt.date | None) -> dt.date | None:
    return instant.date() if isinstance(instant, dt.datetime) else instant


def years_between(since: dt.date | None, until: dt.date | None) -> int | None:
    if since is None or until is None or since > until:
        return None
    return until.year - since.year - ((until.month, until.day) < (since.month, since.day))


def later_of(left: int | None, right: int | None) -> int | None:
    known = [v for v in (left, right) if v is not None]
    return max(known) if known else None


def mark(text: str | None) -> int | None:
    """Hundredths of a mark, or None."""
    match = re.fullmatch(r"([0-9]+)(?:[.,]([0-9]+))?", (text or "").strip(" \t\n\r\v\f"))
    if match is None:
        return None
    units, decimals = int(match[1]), match[2] or ""
    if units > 10 or (units == 10 and decimals.strip("0")):
        return None
    return units * 100 + int((decimals + "00")[:2])


def kind(origen: str | None, tipo: str | None) -> str | None:
    by_code = {"E": "EXAMEN", "P": "PROMOCION", "R": "CURSADA", "A": "EQUIVALENCIA", "B": "EQUIVALENCIA"}
    if (origen or "").strip() in by_code:
        return by_code[(origen or "").strip()]
    decomposed = unicodedata.normalize("NFD", (tipo or "").lower())
    words = "".join(c for c in decomposed if not unicodedata.combining(c))
    for parts, name in (
        (("equivalen", "reconocimiento"), "EQUIVALENCIA"),
        (("promocion",), "PROMOCION"),
        (("regular", "cursada"), "CURSADA"),
        (("examen",), "EXAMEN"),
    ):
        if any(part in words for part in parts):
            return name
    return None


def one_a_transaction(rows: list[Row]) -> list[Row]:
    """One row a key, the one that was known first: a recorded year and one taken from a date may be the same transaction."""
    kept: dict[Any, Row] = {}
    for row in sorted(rows, key=lambda r: (r["anio_evento"] or 9999, r["fecha_reinscripcion"] or dt.datetime.max)):
        kept.setdefault((row["source_db"], row["alumno_id"], row["anio_academico"], row["nro_transaccion"]), row)
    return list(kept.values())


class Facts:
    """All facts known at ``as_of``; each row has source_db, alumno_id, anio_academico, fecha_conocida, anio_evento."""

    def __init__(self, bronze: dict[str, list[Row]], params: Params) -> None:
        self.params, self.calendar, self.bronze = params, Calendar(params), bronze
        c = self.calendar
        self.enrolments = self._known(
            dict(r, fecha=date_of(r["fecha_inscripcion"]), elemento_id=r["elemento_id"], comision_id=r["comision"])
            for r in bronze["course_inscriptions"]
        )
        self.exams = self._known(
            dict(
                r,
                anio_academico=good_year(r["anio_academico"]) or c.year(r["fecha_mesa_examen"]),
                fecha=c.good_date(date_of(r["fecha_inscripcion"])) or r["fecha_mesa_examen"],
            )
            for r in bronze["exam_inscriptions"]
        )
        self.attendance = self._known(
            dict(r, elemento_id=r["elemento"], fecha=self._attendance_known(r)) for r in bronze["attendance"]
        )
        self.reinscriptions = one_a_transaction(self._known(
            dict(r, anio_academico=good_year(r["anio_academico"]) or c.year(date_of(r["fecha_reinscripcion"])),
                 fecha=date_of(r["fecha_reinscripcion"]))
            for r in bronze["reinscripciones"]
        ))  # fmt: skip
        self.dropouts = self._known(
            dict(r, anio_academico=good_year(r["anio_academico"]) or c.year(r["fecha_dropout"]), fecha=r["fecha_dropout"])
            for r in bronze["dropout"]
        )
        self.changes = self._known(
            dict(r, anio_academico=c.year(date_of(r["fecha"])), instante=r["fecha"], fecha=date_of(r["fecha"]))
            for r in bronze["alumnos_hist_calidad"]
        )
        self.graduations = self._known(
            dict(r, anio_academico=c.year(r["fecha_egreso"]), fecha=r["fecha_egreso"]) for r in bronze["egresos"]
        )
        self.all_results = self._known(self._results())
        self.results = [r for r in self.all_results if not self._hidden(r, in_reports=False)]
        self.reported_results = [r for r in self.all_results if not self._hidden(r, in_reports=True)]

    def _attendance_known(self, row: Row) -> dt.date | None:
        year = good_year(row["anio_academico"])
        return None if year is None else min(self.calendar.cutoff(min(year, 9998)), self.params.as_of)

    def _known(self, rows: Iterable[Row]) -> list[Row]:
        kept = []
        for row in rows:
            if row.get("alumno") is None:
                continue
            day, year = self.calendar.good_date(row["fecha"]), good_year(row["anio_academico"])
            if day is not None and day > self.params.as_of:
                continue
            event = later_of(year, self.calendar.year(day))
            kept.append(dict(row, alumno_id=row["alumno"], anio_academico=year, fecha_conocida=day, anio_evento=event))
        return kept

    def _results(self) -> Iterable[Row]:
        for r in self.bronze["historia_academica"]:
            yield dict(
                r, evaluacion_id=f"hist:{r['registro']}", tipo_evaluacion=kind(r["origen"], r["tipo"]),
                elemento_id=r["elemento"], comision_id=r["comision"], marca=mark(r["nota"]), creditos=float(r["creditos"] or 0),
            )  # fmt: skip
        for r in self.bronze["academic"]:
            if not (r["nota_cursada"] or "").strip() and not (r["resultado_cursada"] or "").strip():
                continue
            evaluacion = "" if r["evaluacion"] is None else r["evaluacion"]
            yield dict(
                r, evaluacion_id=f"cursada:{r['alumno']}:{r['comision']}:{evaluacion}", tipo_evaluacion="CURSADA", fecha=r["fecha_nota"],
                elemento_id=r["elemento"], comision_id=r["comision"], marca=mark(r["nota_cursada"]),
                resultado=r["resultado_cursada"], creditos=0.0,
            )  # fmt: skip

    def _index(self) -> None:
        self._by_comision, self._by_course = defaultdict(list), defaultdict(list)
        for r in self.all_results:
            course = (r["source_db"], r["alumno_id"], r["elemento_id"], r["anio_academico"])
            if r["evaluacion_id"].startswith("hist:") and r["tipo_evaluacion"] == "CURSADA":
                if r["comision_id"] is not None:
                    self._by_comision[(r["source_db"], r["alumno_id"], r["comision_id"])].append(r["anio_evento"])
                elif None not in course:
                    self._by_comision[("course", *course)].append(r["anio_evento"])
            if r["tipo_evaluacion"] == "PROMOCION" and None not in course:
                self._by_course[course].append(r["anio_evento"])

    def _hidden(self, row: Row, *, in_reports: bool) -> bool:
        if row["tipo_evaluacion"] != "CURSADA":
            return False
        if not hasattr(self, "_by_course"):
            self._index()
        course = (row["source_db"], row["alumno_id"], row["elemento_id"], row["anio_academico"])
        rivals = list(self._by_course[course])
        if row["evaluacion_id"].startswith("cursada:"):
            rivals += self._by_comision[(row["source_db"], row["alumno_id"], row["comision_id"])]
            rivals += self._by_comision[("course", *course)]
        if in_reports:
            return bool(rivals)
        mine = row["anio_evento"]
        return mine is not None and any(other is not None and other <= mine for other in rivals)
