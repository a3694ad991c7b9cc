"""Exam boards, their calls, and who signed up for them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from padm_ibis.sample.campus import Campus
from padm_ibis.sample.careers import Curriculum
from padm_ibis.sample.columns import (
    SECONDS,
    Array,
    Columns,
    Tables,
    choose,
    dates,
    day,
    instants,
    ints,
    numbered,
    repeated,
    rows,
    some,
    texts,
)
from padm_ibis.sample.intake import Intake
from padm_ibis.sample.lives import ABSENT, Lives
from padm_ibis.sample.periods import LECTIVOS, periodo

MONTHS, DAYS, SPREAD = (7, 11, 2), (15, 25, 2), (20, 20, 14)
BETWEEN_CALLS = 10
REGULAR_EXAM, FREE_EXAM = 3, 4
FEBRUARY = 2
NEXT_MONTH = 2
"""Third call of February's board: held in March, when the next academic year has begun."""


@dataclass(frozen=True, slots=True)
class Exams:
    """Calls of exam boards, and which one each attempt of `Lives.exams` belongs to.

    Attributes
    ----------
    call
        Position of the call, by attempt; ``llamado_mesa`` is the position + 1.
    element, year, turn, number, held, board
        By call: subject, academic year, season, which call of its board, day, and ``mesa_examen``.
    has_result
        By attempt.
    free
        By attempt: sat without having regularised the course.
    """

    call: Array
    element: Array
    year: Array
    turn: Array
    number: Array
    held: Array
    board: Array
    has_result: Array
    free: Array

    @property
    def size(self) -> int:
        """How many calls."""
        return len(self.element)


def hold_exams(campus: Campus, study: Curriculum, lives: Lives) -> Exams:
    """Gather attempts into boards and calls; February's belong to the academic year before."""
    rng = campus.stream("exams")
    attempts, size = lives.exams, lives.exams.size
    number = choose(rng, size, (0.75, 0.25))
    february = attempts.turn == FEBRUARY
    coming = february & (attempts.year == campus.last_year) & (attempts.outcome == ABSENT)
    number = np.where((february & (attempts.year < campus.last_year) & (rng.random(size) < 0.12)) | coming, NEXT_MONTH, number)
    board_key = ((attempts.year - campus.first_year) * 3 + attempts.turn) * (study.elements + 1) + attempts.element
    _, chosen, call = np.unique(board_key * 3 + number, return_index=True, return_inverse=True)
    _, board = np.unique(board_key[chosen], return_inverse=True)
    year, turn, number = attempts.year[chosen], attempts.turn[chosen], number[chosen]
    months, days, spread = (np.array(t)[turn] for t in (MONTHS, DAYS, SPREAD))
    held = day(year + (turn == FEBRUARY), months, days) + rng.integers(0, spread) + number * BETWEEN_CALLS
    held = np.where(number == NEXT_MONTH, day(year + 1, 3, 2) + rng.integers(0, 8, len(held)), held)
    has_result = ~coming & ~((attempts.outcome == ABSENT) & (rng.random(size) < 0.1))
    return Exams(call, attempts.element[chosen], year, turn, number, held, board + 1, has_result, rng.random(size) < 0.04)


def exam_tables(campus: Campus, study: Curriculum, students: Intake, lives: Lives, exams: Exams) -> Tables:
    """Boards, calls and enrolments."""
    first = np.flatnonzero(np.r_[True, np.diff(exams.board) > 0])[: exams.size]
    return {
        "sga_mesas_examen": {
            "mesa_examen": exams.board[first],
            "nombre": numbered("Mesa ", exams.board[first]),
            "anio_academico": exams.year[first],
            "elemento": exams.element[first],
            "ubicacion": repeated(1, first),
        },
        "sga_llamados_mesa": _calls(campus, exams),
        "sga_llamados_turno": _seasons(campus),
        "sga_insc_examen": _enrolments(campus, study, students, lives, exams),
        "sga_instancias": rows(
            "instancia nombre",
            (1, "Regularidad"), (2, "Promoción"), (REGULAR_EXAM, "Examen regular"), (FREE_EXAM, "Examen libre"),
            (10, "Equivalencia aprobada"), (11, "Regularidad por equivalencia"), (13, "Aprobado por resolución"),
        ),
    }  # fmt: skip


def _calls(campus: Campus, exams: Exams) -> Columns:
    rng = campus.stream("sga_llamados_mesa")
    return {
        "llamado_mesa": np.arange(1, exams.size + 1),
        "mesa_examen": exams.board,
        "llamado": ((exams.year - campus.first_year) * 3 + exams.turn) * 3 + exams.number + 1,
        "fecha": dates(exams.held, some(rng, exams.size, 0.002)),
        "estado": texts((exams.held > campus.snapshot).astype(np.int8), ("C", "A")),
    }


def _seasons(campus: Campus) -> Columns:
    call = np.arange(campus.years * 9)
    year, turn = campus.first_year + call // 9, call // 3 % 3
    return {"llamado": call + 1, "periodo": periodo(campus, year, turn + LECTIVOS), "nombre": numbered("Llamado ", call % 3 + 1)}


def _enrolments(campus: Campus, study: Curriculum, students: Intake, lives: Lives, exams: Exams) -> Columns:
    rng = campus.stream("sga_insc_examen")
    attempts, size = lives.exams, lives.exams.size
    when = np.minimum(exams.held[exams.call] - rng.integers(3, 13, size), campus.snapshot)
    order = np.argsort(when, kind="stable")
    student = attempts.student[order]
    return {
        "inscripcion": np.arange(1, size + 1),
        "alumno": ints(student + 1, some(rng, size, 0.0002)),
        "llamado_mesa": exams.call[order] + 1,
        "instancia": np.where(exams.free[order], FREE_EXAM, REGULAR_EXAM),
        "plan_version": study.version(students.career, students.entry)[student],
        "fecha_inscripcion": instants(
            when[order], rng.integers(7 * 3600, SECONDS, size), some(rng, size, 0.003), zoned=campus.variant
        ),
        "estado": texts(choose(rng, size, (97, 2, 1)), ("A", "P", "R")),
        "nro_transaccion": 500_000 + np.arange(1, size + 1),
    }
