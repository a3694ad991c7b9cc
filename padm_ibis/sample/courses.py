"""Courses held: comisiones, who enrolled, who taught, who came."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from padm_ibis.sample.campus import Campus
from padm_ibis.sample.careers import FIRST_TERM, SECOND_TERM, Curriculum
from padm_ibis.sample.columns import (
    SECONDS,
    Array,
    Columns,
    Tables,
    choose,
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
from padm_ibis.sample.fate import Fate
from padm_ibis.sample.intake import Intake
from padm_ibis.sample.lives import ABSENT, FAILED, PASSED, Lives
from padm_ibis.sample.people import TYPING_ERROR, People
from padm_ibis.sample.periods import periodo_lectivo

SEATS = 45
FAR_FUTURE = int(day(2202, 3, 15))
ACCEPTED, PENDING, REFUSED = 0, 1, 2
TURNOS = (1, 2, 3)


@dataclass(frozen=True, slots=True)
class Courses:
    """Comisiones, and which one each attempt of `Lives.courses` belongs to.

    Attributes
    ----------
    comision
        Position of the comisión, by attempt; ids are position + 1.
    element, year, term
        By comisión.
    closed
        The day its results were written down, by comisión.
    state
        `ACCEPTED`, `PENDING` or `REFUSED`, by attempt.
    has_result
        By attempt; the others are enrolments still open, pending or refused.
    """

    comision: Array
    element: Array
    year: Array
    term: Array
    closed: Array
    state: Array
    has_result: Array

    @property
    def size(self) -> int:
        """How many comisiones."""
        return len(self.element)

    @property
    def ids(self) -> Array:
        """``comision``."""
        return np.arange(1, self.size + 1)

    @property
    def entidad(self) -> Array:
        """``entidad`` of each: another range over the same numbers, so that taking one for the other finds wrong rows."""
        return self.size + 8 - self.ids


def hold_courses(campus: Campus, study: Curriculum, lives: Lives) -> Courses:
    """Divide the attempts of a subject and year among comisiones and say when each ended."""
    rng = campus.stream("courses")
    attempts = lives.courses
    key = (attempts.year - campus.first_year) * (study.elements + 1) + attempts.element
    order = np.argsort(key, kind="stable")
    first = np.flatnonzero(np.r_[True, np.diff(key[order]) > 0]) if len(order) else order
    sizes = np.diff(np.r_[first, len(order)])
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order)) - np.repeat(first, sizes)
    _, chosen, comision = np.unique(key * (attempts.size // SEATS + 1) + rank // SEATS, return_index=True, return_inverse=True)
    element, year = attempts.element[chosen], attempts.year[chosen]
    term = study.term[element - 1]
    closed = np.where(term == FIRST_TERM, day(year, 7, 5), day(year, 11, 20)) + rng.integers(0, 18, len(element))
    late = closed + rng.integers(150, 600, len(element))
    closed = np.where(some(rng, len(element), 0.015) & (late <= campus.snapshot), late, closed)
    state, has_result = _states(campus, lives, term[comision], rng)
    return Courses(comision, element, year, term, closed, state, has_result)


def _states(campus: Campus, lives: Lives, term: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    attempts = lives.courses
    nothing_came = attempts.outcome == ABSENT
    state = np.where(nothing_came & (rng.random(attempts.size) < 0.08), 1 + choose(rng, attempts.size, (2, 1)), ACCEPTED)
    unfinished = (attempts.year == campus.last_year) & (term != FIRST_TERM) & (attempts.outcome <= PASSED)
    forgotten = attempts.outcome <= FAILED
    chance = rng.random(attempts.size)
    still_open = (unfinished & (chance < 0.12)) | (forgotten & (chance < 0.03))
    return state, (state == ACCEPTED) & ~still_open


def course_tables(
    campus: Campus, study: Curriculum, students: Intake, persons: People, fates: Fate, lives: Lives, courses: Courses
) -> Tables:
    """Comisiones, enrolments, attendance and teachers."""
    return {
        "sga_comisiones": _comisiones(campus, study, courses),
        "sga_inscripciones_estados": rows("estado nombre", ("A", "Aceptada"), ("P", "Pendiente"), ("R", "Rechazada")),
        "sga_insc_cursada": _enrolments(campus, study, students, lives, courses),
        "sga_clases_asistencia_acum": _attendance(campus, study, fates, lives, courses),
    } | _teaching(campus, persons, courses)


def _comisiones(campus: Campus, study: Curriculum, courses: Courses) -> Columns:
    rng = campus.stream("sga_comisiones")
    turno = rng.integers(0, len(TURNOS), courses.size)
    return {
        "comision": courses.ids,
        "nombre": numbered("Comisión ", courses.ids),
        "periodo_lectivo": periodo_lectivo(campus, courses.year, courses.term),
        "elemento": courses.element,
        "turno": np.array(TURNOS)[turno],
        "entidad": courses.entidad,
        "catedra": ints(courses.element + 300, rng.random(courses.size) < 0.1),
        "cupo": np.full(courses.size, SEATS),
        "ubicacion": 1 + choose(rng, courses.size, (0.7, 0.2, 0.1)),
        "asistencia_por_horas": repeated("N", courses.ids),
        "asistencia_cantidad_inasist": repeated(8, courses.ids),
        "estado": repeated("A", courses.ids),
        "inscripcion_habilitada": texts((courses.year < campus.last_year).astype(np.int8), ("S", "N")),
    }


def _enrolments(campus: Campus, study: Curriculum, students: Intake, lives: Lives, courses: Courses) -> Columns:
    """Most in the weeks before classes; some in December or February, before the academic year began."""
    rng = campus.stream("sga_insc_cursada")
    attempts, size = lives.courses, lives.courses.size
    in_august = courses.term[courses.comision] == SECOND_TERM
    usual = np.where(in_august, day(attempts.year, 7, 25), day(attempts.year, 2, 20)) + rng.integers(0, 30, size)
    early = ~in_august & (rng.random(size) < 0.12) & (students.entry[attempts.student] < attempts.year)
    when = np.where(early, day(attempts.year - 1, 12, 10) + rng.integers(0, 20, size), usual)
    when[some(rng, size, 0)] = TYPING_ERROR
    when[some(rng, size, 0)] = FAR_FUTURE
    order = np.argsort(when, kind="stable")
    student = attempts.student[order]
    return {
        "inscripcion": np.arange(1, size + 1),
        "alumno": ints(student + 1, some(rng, size, 0.0002)),
        "comision": courses.comision[order] + 1,
        "plan_version": study.version(students.career, students.entry)[student],
        "fecha_inscripcion": instants(
            when[order], rng.integers(7 * 3600, SECONDS, size), some(rng, size, 0.003), zoned=campus.variant
        ),
        "estado": texts(courses.state[order], ("A", "P", "R")),
        "estado_preinscripcion": repeated("P", order),
        "tipo": repeated("I", order),
        "nro_transaccion": 100_000 + np.arange(1, size + 1),
        "fuera_de_termino": texts((rng.random(size) < 0.02).astype(np.int8), ("N", "S")),
    }


def attendance_of(campus: Campus, fates: Fate, lives: Lives, name: str) -> Array:
    """Share of classes attended in each course, in percent."""
    rng = campus.stream(name)
    attempts = lives.courses
    energy = fates.energy[attempts.student, attempts.year - campus.first_year]
    came = 100 / (1 + np.exp(-(1.5 + 0.8 * energy + rng.normal(0, 0.45, attempts.size))))
    return np.where(attempts.outcome == ABSENT, 0.45 * came, came)


def _attendance(campus: Campus, study: Curriculum, fates: Fate, lives: Lives, courses: Courses) -> Columns:
    """The running total per student and course; whole faculties never load any."""
    rng = campus.stream("sga_clases_asistencia_acum")
    attempts = lives.courses
    loaded = study.loads_attendance[attempts.element - 1] & (courses.state == ACCEPTED) & (rng.random(attempts.size) < 0.93)
    at = np.flatnonzero(loaded)
    percent = attendance_of(campus, fates, lives, "asistencia")[at]
    classes = np.where(courses.term[courses.comision[at]] == 0, 60, 30)
    missed = np.rint(classes * (1 - percent / 100) * 2) / 2
    exact = 100 * (1 - missed / classes)
    unknown = rng.random(len(at)) < 0.02
    return {
        "comision": courses.comision[at] + 1,
        "alumno": attempts.student[at] + 1,
        "total_inasistencias": reals(missed),
        "total_asistencias": reals(classes - missed),
        "libre": texts((exact < 60).astype(np.int8), ("N", "S")),
        "porc_asistencia": reals(exact, unknown),
        "porc_inasistencia": reals(100 - exact, unknown),
    }


def _teaching(campus: Campus, persons: People, courses: Courses) -> Tables:
    """Teachers, some of them with two rows for one person, and who taught which comisión."""
    rng = campus.stream("teaching")
    teachers = persons.teachers
    again = np.flatnonzero(some(rng, teachers, 0.06))
    person = np.concatenate([np.arange(teachers), again]) + persons.first_teacher + 1
    docente = np.arange(1, len(person) + 1)
    main = (courses.element * 7 + courses.year // 4) % teachers + 1
    taught = rng.random(courses.size) < 0.96
    pairs = [np.stack([main[taught], courses.ids[taught]])]
    second = rng.random(courses.size) < 0.25
    pairs.append(np.stack([(main[second] + 2) % teachers + 1, courses.ids[second]]))
    twice = np.isin(main, again + 1) & (rng.random(courses.size) < 0.3)
    twice[np.flatnonzero(np.isin(main, again + 1))[:1]] = True
    pairs.append(np.stack([teachers + 1 + np.searchsorted(again + 1, main[twice]), courses.ids[twice]]))
    both = np.unique(np.concatenate(pairs, axis=1), axis=1)
    return {
        "sga_docentes": {
            "docente": docente,
            "persona": person,
            "legajo": numbered("D-", docente),
            "estado": repeated("A", docente),
        },
        "sga_docentes_comision": {
            "docente": both[0],
            "comision": both[1],
            "responsabilidad": 1 + choose(rng, both.shape[1], (0.7, 0.2, 0.1)),
        },
    }
