"""Actas: the sheets on which results are written down, and the evaluations behind them."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TypeVar

import numpy as np

from padm_ibis.sample import marks
from padm_ibis.sample.campus import Campus
from padm_ibis.sample.careers import Curriculum
from padm_ibis.sample.columns import (
    SECONDS,
    Array,
    Columns,
    Tables,
    dates,
    day,
    instants,
    ints,
    numbered,
    reals,
    repeated,
    rows,
    some,
    texts,
)
from padm_ibis.sample.courses import ACCEPTED, FAR_FUTURE, Courses, attendance_of
from padm_ibis.sample.exams import FREE_EXAM, REGULAR_EXAM, Exams
from padm_ibis.sample.fate import Fate
from padm_ibis.sample.intake import Intake
from padm_ibis.sample.lives import ABSENT, FAILED, PASSED, PROMOTED, Lives
from padm_ibis.sample.people import TYPING_ERROR

REGULARITY, PROMOTION, EXAM = 0, 1, 2
ORIGINS = ("R", "P", "E")
CLOSED, ANNULLED, OPEN = 0, 1, 2
STATES = ("C", "B", "A")
CONDITIONS = ("Libre", "Abandonó", "Insuficiente", "Regular", "Promocionó")
NOTHING = -1
PARTIAL, COURSE, FINAL = 1, 2, 3
"""``evaluacion_tipo``."""


@dataclass(frozen=True, slots=True)
class Sheets:
    """Actas by position; ``id_acta`` is the position + 1. `NOTHING` where a reference does not apply."""

    origin: Array
    corrects: Array
    evaluation: Array
    comision: Array
    call: Array
    when: Array
    state: Array

    @property
    def size(self) -> int:
        """How many actas."""
        return len(self.origin)


@dataclass(frozen=True, slots=True)
class Lines:
    """Rows of the actas: ``attempt`` points into the courses or, on exam sheets, into the exams."""

    sheet: Array
    attempt: Array
    student: Array
    outcome: Array
    mark: Array
    instance: Array
    percent: Array
    corrected: Array


Written = TypeVar("Written", Sheets, Lines)


@dataclass(frozen=True, slots=True)
class Results:
    """All that was written down, and what follows for each student.

    Attributes
    ----------
    course_mark
        How each course's mark was written.
    last_pass
        The day of each student's last passed subject; 0 without one.
    average
        Mean of each student's passed finals, in half points; nan without one.
    """

    sheets: Sheets
    lines: Lines
    course_mark: Array
    last_pass: Array
    average: Array
    average_with_failures: Array


def write_down(
    campus: Campus, study: Curriculum, students: Intake, fates: Fate, lives: Lives, courses: Courses, exams: Exams
) -> Results:
    """Write every result on its sheet; a few sheets are annulled, a few lines corrected."""
    rng = campus.stream("sheets")
    course_mark = _marks(study, lives.courses.element, lives.courses.outcome, lives.courses.quality, rng)
    exam_mark = _marks(study, lives.exams.element, lives.exams.outcome, lives.exams.quality, rng)
    percent = np.where(
        study.loads_attendance[lives.courses.element - 1], attendance_of(campus, fates, lives, "asistencia"), np.nan
    )
    regular = np.flatnonzero(courses.has_result)
    promoted = np.flatnonzero(courses.has_result & (lives.courses.outcome == PROMOTED))
    sat = np.flatnonzero(exams.has_result)
    parts = [
        _course_sheets(lives, courses, regular, REGULARITY, course_mark, percent),
        _course_sheets(lives, courses, promoted, PROMOTION, course_mark, percent),
        _exam_sheets(campus, lives, courses, exams, sat, exam_mark, rng),
    ]
    sheets, lines = _together(parts)
    sheets, lines = _annul(sheets, lines, rng)
    sheets, lines = _correct(campus, sheets, lines, rng)
    return Results(sheets, lines, course_mark, *_summary(campus, students, lives, courses, exams))


def _marks(study: Curriculum, element: Array, outcome: Array, quality: Array, rng: np.random.Generator) -> Array:
    return marks.codes(rng, outcome, quality, study.scale[element - 1])


def evaluation_of_course(comision: Array) -> Array:
    """``evaluacion`` of a comisión (position); partial ones have the even numbers between."""
    return comision * 2 + 1


def evaluation_of_call(courses: Courses, call: Array) -> Array:
    """``evaluacion`` of a call (position)."""
    return 2 * courses.size + 1 + call


def _course_sheets(lives: Lives, courses: Courses, at: Array, origin: int, mark: Array, percent: Array) -> tuple[Sheets, Lines]:
    comision, sheet = np.unique(courses.comision[at], return_inverse=True)
    size = len(comision)
    sheets = Sheets(
        np.full(size, origin), np.zeros(size, bool), evaluation_of_course(comision), comision, np.full(size, NOTHING),
        courses.closed[comision] + 2 * origin, np.full(size, CLOSED),
    )  # fmt: skip
    lines = Lines(
        sheet, at, lives.courses.student[at], lives.courses.outcome[at], mark[at], np.full(len(at), 1 + origin), percent[at],
        np.zeros(len(at), bool),
    )  # fmt: skip
    return sheets, lines


def _exam_sheets(
    campus: Campus, lives: Lives, courses: Courses, exams: Exams, at: Array, mark: Array, rng: np.random.Generator
) -> tuple[Sheets, Lines]:
    call, sheet = np.unique(exams.call[at], return_inverse=True)
    size = len(call)
    recent = exams.held[call] > campus.snapshot - 25
    state = np.where(recent & (rng.random(size) < 0.15), OPEN, CLOSED)
    sheets = Sheets(
        np.full(size, EXAM),
        np.zeros(size, bool),
        evaluation_of_call(courses, call),
        np.full(size, NOTHING),
        call,
        exams.held[call],
        state,
    )
    instance = np.where(exams.free[at], FREE_EXAM, REGULAR_EXAM)
    lines = Lines(
        sheet, at, lives.exams.student[at], lives.exams.outcome[at], mark[at], instance, np.full(len(at), np.nan),
        np.zeros(len(at), bool),
    )  # fmt: skip
    return sheets, lines


def _together(parts: list[tuple[Sheets, Lines]]) -> tuple[Sheets, Lines]:
    """Sheets one kind after the other, each line pointing at its own."""
    shift = np.cumsum([0, *(sheets.size for sheets, _ in parts)])
    moved = [replace(lines, sheet=lines.sheet + by) for (_, lines), by in zip(parts, shift[:-1], strict=True)]
    return _concatenated([sheets for sheets, _ in parts]), _concatenated(moved)


def _concatenated(parts: list[Written]) -> Written:
    kind = type(parts[0])
    return kind(*(np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(kind)))


def _taken(of: Written, at: Array) -> Written:
    kind = type(of)
    return kind(*(getattr(of, f.name)[at] for f in fields(kind)))


def _annul(sheets: Sheets, lines: Lines, rng: np.random.Generator) -> tuple[Sheets, Lines]:
    """Some sheets were written twice, the first one annulled."""
    twice = np.flatnonzero(some(rng, sheets.size, 0.008))
    copies = replace(_taken(sheets, twice), state=np.full(len(twice), ANNULLED))
    position = np.full(sheets.size, NOTHING)
    position[twice] = np.arange(len(twice))
    on_copy = np.flatnonzero(position[lines.sheet] >= 0)
    copied = replace(_taken(lines, on_copy), sheet=position[lines.sheet[on_copy]])
    return _together([(sheets, lines), (copies, copied)])


def _correct(campus: Campus, sheets: Sheets, lines: Lines, rng: np.random.Generator) -> tuple[Sheets, Lines]:
    """Some lines were wrong: they stay, marked as rectified, and a later sheet says how it really was."""
    wrong = some(rng, len(lines.sheet), 0.002) & (sheets.state[lines.sheet] == CLOSED)
    right = np.flatnonzero(wrong)
    later = np.minimum(sheets.when[lines.sheet[right]] + rng.integers(5, 200, len(right)), campus.snapshot)
    new_sheets = replace(_taken(sheets, lines.sheet[right]), corrects=np.ones(len(right), bool), when=later)
    new_lines = replace(_taken(lines, right), sheet=np.arange(len(right)))
    mistaken = np.where(lines.outcome == FAILED, PASSED, FAILED)
    old = replace(lines, outcome=np.where(wrong, mistaken, lines.outcome), corrected=wrong)
    return _together([(sheets, old), (new_sheets, new_lines)])


def _summary(campus: Campus, students: Intake, lives: Lives, courses: Courses, exams: Exams) -> tuple[Array, Array, Array]:
    promoted = lives.courses.outcome == PROMOTED
    passed = (lives.exams.outcome == PASSED) & exams.has_result
    sat = passed | ((lives.exams.outcome == FAILED) & exams.has_result)
    last = np.zeros(students.size, np.int64)
    np.maximum.at(last, lives.courses.student[promoted], courses.closed[courses.comision[promoted]] + 2)
    np.maximum.at(last, lives.exams.student[passed], exams.held[exams.call[passed]])
    return last, _mean(students, lives, promoted, passed), _mean(students, lives, promoted, sat)


def _mean(students: Intake, lives: Lives, courses: Array, exams: Array) -> Array:
    student = np.concatenate([lives.courses.student[courses], lives.exams.student[exams]])
    half = np.concatenate(
        [marks.halves(a.outcome[at], a.quality[at]) for a, at in ((lives.courses, courses), (lives.exams, exams))]
    )
    count = np.bincount(student, minlength=students.size)
    return np.bincount(student, weights=half, minlength=students.size) / np.where(count == 0, np.nan, 2 * count)


def result_tables(
    campus: Campus, study: Curriculum, students: Intake, lives: Lives, courses: Courses, exams: Exams, results: Results
) -> Tables:
    """Evaluations, actas with their lines, and the catalogues they use."""
    return {
        "sga_evaluaciones": _evaluations(campus, courses, exams),
        "sga_eval_detalle_cursadas": _course_results(campus, study, students, lives, courses, results),
        "sga_actas": _sheets(results.sheets, campus),
        "sga_actas_detalle": _lines(campus, study, students, lives, results),
        "sga_escalas_notas_det": marks.scales(),
        "sga_escalas_notas_resultado": rows(
            "resultado descripcion", ("A", "Aprobado"), ("R", "Reprobado"), ("U", "Ausente")
        ),
        "sga_cond_regularidad": rows("cond_regularidad nombre", *enumerate(CONDITIONS, 1)),
    }  # fmt: skip


def _evaluations(campus: Campus, courses: Courses, exams: Exams) -> Columns:
    """One of each comisión and call, and some partial tests of comisiones."""
    rng = campus.stream("sga_evaluaciones")
    partial = np.flatnonzero(some(rng, courses.size, 0.02))
    own, calls = np.arange(courses.size), np.arange(exams.size)
    kinds = (np.full(len(own), COURSE), np.full(len(partial), PARTIAL), np.full(len(calls), FINAL))
    return {
        "evaluacion": np.concatenate(
            [evaluation_of_course(own), evaluation_of_course(partial) + 1, evaluation_of_call(courses, calls)]
        ),
        "entidad": np.concatenate([courses.entidad, courses.entidad[partial], 1_000_000 + calls]),
        "evaluacion_tipo": np.concatenate(kinds),
    }


def _course_results(
    campus: Campus, study: Curriculum, students: Intake, lives: Lives, courses: Courses, results: Results
) -> Columns:
    """One row per student and course, also of most of those still open: without mark and result."""
    rng = campus.stream("sga_eval_detalle_cursadas")
    attempts = lives.courses
    at = np.flatnonzero((courses.state == ACCEPTED) & (courses.has_result | (rng.random(attempts.size) < 0.6)))
    open_ = ~courses.has_result[at]
    blank = marks.FIRST_NONE + 1
    mark = np.where(open_, np.where(rng.random(len(at)) < 0.3, blank, NOTHING), results.course_mark[at])
    closed = courses.closed[courses.comision[at]]
    return {
        "evaluacion": evaluation_of_course(courses.comision[at]),
        "alumno": attempts.student[at] + 1,
        "plan_version": study.version(students.career, students.entry)[attempts.student[at]],
        "nota_cursada": marks.written(mark),
        "resultado_cursada": texts(np.where(open_, NOTHING, attempts.outcome[at]), marks.RESULTS),
        "fecha_regular": dates(closed - rng.integers(0, 4, len(at)), open_),
        "ultimo_cambio": instants(closed, rng.integers(8 * 3600, SECONDS, len(at)), open_),
    }


def _sheets(sheets: Sheets, campus: Campus) -> Columns:
    rng = campus.stream("sga_actas")
    written = np.minimum(sheets.when + rng.integers(0, 40, sheets.size), campus.snapshot)
    ids = np.arange(1, sheets.size + 1)
    return {
        "id_acta": ids,
        "nro_acta": numbered("A-", ids),
        "origen": texts(sheets.origin, ORIGINS),
        "tipo_acta": texts(sheets.corrects.astype(np.int8), ("N", "R")),
        "evaluacion": sheets.evaluation,
        "comision": ints(sheets.comision + 1, sheets.comision < 0),
        "llamado_mesa": ints(sheets.call + 1, sheets.call < 0),
        "fecha_generacion": dates(sheets.when),
        "fecha_cierre": dates(written, sheets.state == OPEN),
        "fecha_anulacion": dates(written + 1, sheets.state != ANNULLED),
        "estado": texts(sheets.state, STATES),
    }


def _lines(campus: Campus, study: Curriculum, students: Intake, lives: Lives, results: Results) -> Columns:
    rng = campus.stream("sga_actas_detalle")
    sheets, lines = results.sheets, results.lines
    size = len(lines.sheet)
    origin, when = sheets.origin[lines.sheet], sheets.when[lines.sheet]
    element = np.where(origin == EXAM, *(_picked(a.element, lines.attempt) for a in (lives.exams, lives.courses)))
    year = np.where(origin == EXAM, *(_picked(a.year, lines.attempt) for a in (lives.exams, lives.courses)))
    on_exam = np.flatnonzero(origin == EXAM)
    valid = np.where(origin == REGULARITY, day(year + 3, 3, 31), when)
    mistyped = when.copy()
    mistyped[on_exam[some(rng, len(on_exam), 0)]] = TYPING_ERROR
    mistyped[on_exam[some(rng, len(on_exam), 0)]] = FAR_FUTURE
    undated = np.zeros(size, bool)
    undated[on_exam[some(rng, len(on_exam), 0.0003)]] = True
    condition = np.select([lines.outcome == PROMOTED, lines.outcome == PASSED, lines.outcome == FAILED], [5, 4, 3], 1)
    condition = np.where((lines.outcome == ABSENT) & (rng.random(size) < 0.5), 2, condition)
    return {
        "id_acta": lines.sheet + 1,
        "alumno": lines.student + 1,
        "instancia": lines.instance,
        "plan_version": study.version(students.career, students.entry)[lines.student],
        "fecha": dates(mistyped, undated),
        "fecha_vigencia": dates(valid, undated | ((origin == REGULARITY) & (lines.outcome < PASSED))),
        "folio": numbered("", lines.sheet % 300 + 1),
        "renglon": ints(rng.integers(1, 40, size)),
        "pct_asistencia": reals(np.nan_to_num(lines.percent), np.isnan(lines.percent)),
        "escala_nota": study.scale[element - 1] + 1,
        "nota": marks.written(np.where(lines.corrected & (lines.outcome == FAILED), 2, lines.mark)),
        "resultado": texts(lines.outcome, marks.RESULTS),
        "cond_regularidad": ints(condition, origin == EXAM),
        "rectificado": texts(lines.corrected.astype(np.int8), ("N", "S")),
        "estado": repeated("A", lines.sheet),
    }


def _picked(values: Array, at: Array) -> Array:
    """Values at positions that may belong to another, longer array: those are not looked at afterwards."""
    return values[np.minimum(at, len(values) - 1)] if len(values) else np.ones(len(at), np.int64)
