"""What students do, year by year: courses they take, exams they sit, until they leave or graduate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from padm_ibis.sample.campus import Campus
from padm_ibis.sample.careers import FIRST_TERM, Curriculum
from padm_ibis.sample.columns import Array, some
from padm_ibis.sample.fate import Fate
from padm_ibis.sample.intake import NEVER, Intake

ABSENT, FAILED, PASSED, PROMOTED = 0, 1, 2, 3
"""Outcomes; in a course, `PASSED` means regularised and `PROMOTED` passed without an exam."""
TURNS = 3
"""Exam seasons of an academic year: July, December, and February of the next calendar year."""
MOST_COURSES = 8
REGULAR_FOR = 2
"""Academic years after the course in which its exam may be taken."""


@dataclass(frozen=True, slots=True)
class Attempts:
    """Courses taken or exams sat, by position.

    Attributes
    ----------
    student, element, year
        Position of the student; ``elemento``; academic year.
    turn
        Exam season 0, 1, 2 (0 for courses).
    outcome
        One of the constants above.
    quality
        How well it went: around 0, marks follow from it.
    """

    student: Array
    element: Array
    year: Array
    turn: Array
    outcome: Array
    quality: Array

    @property
    def size(self) -> int:
        """How many there are."""
        return len(self.student)


@dataclass(frozen=True, slots=True)
class Lives:
    """All that happened: courses, exams, subjects granted at entry, and the year of the last pass of a plan."""

    courses: Attempts
    exams: Attempts
    granted: Attempts
    graduated: Array


@dataclass(slots=True)
class _State:
    """Where each student stands in each place of the plan."""

    element: Array
    planned: Array
    passed: Array
    regular_until: Array
    graduated: Array


def live(campus: Campus, study: Curriculum, students: Intake, fates: Fate) -> Lives:
    """Play all years of a campus."""
    rng = campus.stream("lives")
    element = study.element[students.career]
    state = _State(
        element,
        study.planned_year[students.career],
        element == 0,
        np.zeros(element.shape, np.int16),
        np.full(students.size, NEVER),
    )
    granted = _grant(campus, students, state)
    courses: list[Attempts] = []
    exams: list[Attempts] = []
    for t in range(campus.years):
        year = campus.first_year + t
        who = np.flatnonzero(fates.present[:, t] & (state.graduated == NEVER))
        energy = fates.energy[:, t]
        courses.append(_take_courses(study, students, state, who, energy, year, rng))
        exams.extend(_sit_exams(study, students, state, who, energy, year, turn, rng) for turn in range(TURNS))
        state.graduated[who[state.passed[who].all(axis=1)]] = year
    return Lives(_together(courses), _together(exams), granted, state.graduated)


def _grant(campus: Campus, students: Intake, state: _State) -> Attempts:
    """Subjects of the first two years recognised at entry, to second careers and to some who come from elsewhere."""
    rng = campus.stream("granted")
    chosen = np.flatnonzero(students.second | some(rng, students.size, 0.03))
    early = (state.planned[chosen] < 2) & (state.element[chosen] > 0) & (rng.random((len(chosen), state.element.shape[1])) < 0.3)
    row, place = np.nonzero(early)
    student = chosen[row]
    state.passed[student, place] = True
    zeros = np.zeros(len(row), np.int8)
    outcome = np.where(rng.random(len(row)) < 0.95, PASSED, FAILED)
    state.passed[student, place] = outcome == PASSED
    return Attempts(
        student, state.element[student, place], students.entry[student], zeros, outcome, rng.normal(0.5, 0.6, len(row))
    )


def _take_courses(
    study: Curriculum, students: Intake, state: _State, who: Array, energy: Array, year: int, rng: np.random.Generator
) -> Attempts:
    row, place = _choose_courses(study, students, state, who, energy, rng)
    student = who[row]
    element = state.element[student, place]
    quality = _quality(study, students, student, element, energy, rng)
    absent = energy[student] + rng.normal(0, 0.8, len(student)) < -0.95
    promoted = study.promotable[element - 1] & (quality > 0.45)
    outcome = np.select([absent, quality < -0.95, promoted], [ABSENT, FAILED, PROMOTED], PASSED)
    state.passed[student, place] = outcome == PROMOTED
    state.regular_until[student, place] = np.where(outcome == PASSED, year + REGULAR_FOR, 0)
    return Attempts(student, element, np.full(len(student), year), np.zeros(len(student), np.int8), outcome, quality)


def _choose_courses(
    study: Curriculum, students: Intake, state: _State, who: Array, energy: Array, rng: np.random.Generator
) -> tuple[Array, Array]:
    """Row in ``who`` and place in the plan of each course: the earliest of the plan first, as many as energy allows."""
    load = np.array([len(c.areas) for c in study.careers])[students.career[who]]
    settled = state.passed[who] | (state.regular_until[who] > 0)
    advanced = (settled & (state.element[who] > 0)).sum(axis=1) / load
    rank = state.planned[who] + 0.8 * rng.random(settled.shape)
    rank[settled | (state.planned[who] > advanced[:, None] + 1.2)] = np.inf
    places = np.argsort(rank, axis=1, kind="stable")[:, :MOST_COURSES]
    wanted = np.clip(np.rint(load + 0.9 * energy[who] + rng.normal(0, 0.8, len(who))), 1, MOST_COURSES)
    taken = (np.arange(places.shape[1])[None, :] < wanted[:, None]) & np.isfinite(np.take_along_axis(rank, places, axis=1))
    row, column = np.nonzero(taken)
    return row, places[row, column]


def _sit_exams(
    study: Curriculum, students: Intake, state: _State, who: Array, energy: Array, year: int, turn: int, rng: np.random.Generator
) -> Attempts:
    state.regular_until[who] = np.where(state.regular_until[who] < year, 0, state.regular_until[who])
    row, place = np.nonzero((state.regular_until[who] > 0) & ~state.passed[who])
    student = who[row]
    element = state.element[student, place]
    taught = (turn > 0) | (study.term[element - 1] == FIRST_TERM) | (state.regular_until[student, place] < year + REGULAR_FOR)
    sits = taught & (rng.random(len(row)) < 1 / (1 + np.exp(0.25 - 0.8 * energy[student])))
    student, place, element = student[sits], place[sits], element[sits]
    quality = _quality(study, students, student, element, energy, rng)
    absent = rng.random(len(student)) < 1 / (1 + np.exp(1.9 + 0.9 * energy[student]))
    outcome = np.select([absent, quality < -0.25], [ABSENT, FAILED], PASSED)
    state.passed[student, place] = outcome == PASSED
    return Attempts(student, element, np.full(len(student), year), np.full(len(student), turn, np.int8), outcome, quality)


def _quality(
    study: Curriculum, students: Intake, student: Array, element: Array, energy: Array, rng: np.random.Generator
) -> Array:
    return (
        0.5 * students.ability[student] + 0.6 * energy[student] - study.hard[element - 1] + rng.normal(0, 0.7, len(student)) + 0.2
    )


def _together(parts: list[Attempts]) -> Attempts:
    names = ("student", "element", "year", "turn", "outcome", "quality")
    return Attempts(*(np.concatenate([getattr(p, name) for p in parts]) for name in names))
