"""How long each student stays, and how much energy each year of it has.

Who leaves is drawn first, by ability, drive and work, and scaled so that a fixed share of the students loses
regularity; energy then falls as the end comes near. A model sees only what energy does to marks, attendance
and re-enrolment, as it would at a university.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from padm_ibis.sample.campus import Campus
from padm_ibis.sample.columns import Array, some
from padm_ibis.sample.intake import NEVER, Intake

DROPOUTS = 0.22
"""Share of all students who lose regularity within the years whose control has run."""
MOST_OF_EXPOSED = 0.45
SILENT = 0.06
RETURN = 0.2
SPURIOUS = 0.012
GAP_YEAR = 0.045
FADING = (2.0, 1.1, 0.5)
"""Energy lost in the last year, the one before, and the one before that."""


@dataclass(frozen=True, slots=True)
class Fate:
    """By student; years are academic, `NEVER` where it did not happen.

    Attributes
    ----------
    left, back, left_again
        Last year, the year of a return, and the last year after it.
    lost, lost_again
        Year of a loss of regularity that the yearly control found.
    spurious
        Year of a loss that stopped nobody: the student was readmitted and went on.
    present
        Student by year: whether anything is done at all.
    energy
        Student by year.
    """

    left: Array
    back: Array
    left_again: Array
    lost: Array
    lost_again: Array
    spurious: Array
    present: Array
    energy: Array


def fate(campus: Campus, students: Intake) -> Fate:
    """Draw how long each student stays."""
    rng = campus.stream("fate")
    left, silent = _leaving(campus, students, rng)
    lost = np.where(silent | (left > campus.last_control), NEVER, left)
    back = _returning(campus, left, rng)
    left_again = np.where((back < NEVER) & (rng.random(students.size) < 0.4), back + rng.integers(0, 3, students.size), NEVER)
    lost_again = np.where((left_again <= campus.last_control) & (lost < NEVER), left_again, NEVER)
    spurious = _spurious(campus, students, left, rng)
    present = _presence(campus, students, left, back, left_again, spurious, rng)
    return Fate(left, back, left_again, lost, lost_again, spurious, present, _energy(campus, students, left, left_again, rng))


def _leaving(campus: Campus, students: Intake, rng: np.random.Generator) -> tuple[Array, Array]:
    """Last year of those who leave, and which of them no control will find."""
    pull = -0.55 * students.ability - 0.75 * students.drive + 0.3 * (students.work - 0.8)
    patience = rng.exponential(size=students.size) ** 1.1 * np.exp(-0.8 * pull)
    exposed = np.maximum(campus.last_control - students.entry + 1, 0)
    share = min(DROPOUTS + SILENT, MOST_OF_EXPOSED * float(np.mean(exposed > 0)))
    scale = np.quantile(exposed / patience, 1 - share)
    stay = np.floor(np.minimum(patience * scale, NEVER)).astype(np.int64)
    left = np.where(scale > 0, students.entry + stay, NEVER)
    left = np.where(left <= campus.last_year, left, NEVER)
    return left, (left < NEVER) & (rng.random(students.size) < SILENT / (DROPOUTS + SILENT))


def _returning(campus: Campus, left: Array, rng: np.random.Generator) -> Array:
    """A fifth comes back after one to five years; some of them so late that their series had ended."""
    back = left + 1 + rng.integers(1, 6, len(left))
    comes = (rng.random(len(left)) < RETURN) & (left < NEVER) & (back <= campus.last_year)
    return np.where(comes, back, NEVER)


def _spurious(campus: Campus, students: Intake, left: Array, rng: np.random.Generator) -> Array:
    year = students.entry + 1 + rng.integers(0, 3, students.size)
    possible = (year < left) & (year <= campus.last_control)
    hit = np.zeros(students.size, bool)
    candidates = np.flatnonzero(possible)
    hit[candidates[some(rng, len(candidates), SPURIOUS)]] = True
    return np.where(hit, year, NEVER)


def _presence(
    campus: Campus, students: Intake, left: Array, back: Array, left_again: Array, spurious: Array, rng: np.random.Generator
) -> Array:
    shape = (students.size, campus.years)
    year = campus.first_year + np.arange(campus.years)[None, :]
    entry = students.entry[:, None]
    gap = (rng.random(shape) < GAP_YEAR) & (year > entry)
    # a third of those who leave do nothing in the year that the control will call their last
    vanished = (year == left[:, None]) & (year > entry) & (rng.random(shape) < 0.35)
    first = (year >= entry) & (year <= left[:, None]) & ~gap & ~vanished
    second = (year >= back[:, None]) & (year <= left_again[:, None])
    return first | second | (year == spurious[:, None] + 1)


def _energy(campus: Campus, students: Intake, left: Array, left_again: Array, rng: np.random.Generator) -> Array:
    noise = rng.normal(size=(students.size, campus.years))
    for t in range(1, campus.years):
        noise[:, t] = 0.5 * noise[:, t - 1] + 0.866 * noise[:, t]
    energy = 0.55 * students.drive[:, None] + 0.45 * noise - 0.15 * (students.work[:, None] - 0.8)
    year = campus.first_year + np.arange(campus.years)[None, :]
    for end in (left, left_again):
        for distance, loss in enumerate(FADING):
            energy -= loss * (end[:, None] - year == distance)
    return energy
