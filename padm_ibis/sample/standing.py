"""A student's standing: entry, re-enrolment, loss of regularity and readmission, quality, graduation."""

from __future__ import annotations

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
    reals,
    repeated,
    rows,
    some,
    texts,
)
from padm_ibis.sample.fate import Fate
from padm_ibis.sample.intake import NEVER, Intake
from padm_ibis.sample.lives import Lives
from padm_ibis.sample.people import TYPING_ERROR, People
from padm_ibis.sample.places import SITE_SHARES
from padm_ibis.sample.sheets import Results

TIPOS_INGRESO = (
    "Con título secundario", "Cambio de carrera", "Pase o convenio", "Con título terciario", "Simultaneidad de carreras",
    "Con título universitario", "Mayor de 25 años", "Vocacional",
)  # fmt: skip
TIPO_SHARES = (64, 5.3, 4.8, 2.3, 1.7, 0.8, 0.4, 0.36, 18)
"""The last one is none at all."""
UNKNOWN_TIPO = 99
SITUACIONES = (
    (1, "Aspirante a propuesta", "P"), (2, "Aceptado", "A"), (3, "Rechazado", "R"), (4, "Sin documentación", "R"),
    (5, "Baja", "R"), (6, "Desistió", "R"), (7, "Ingreso anulado", "R"),
)  # fmt: skip
NO_SITUATION = 0
MISTYPED_YEAR = 202
ENTERED, LOST, GRADUATED, READMITTED, CORRECTED, RESTORED = 1, 3, 4, 5, 7, 8
"""``motivo_calidad``."""


def standing_tables(
    campus: Campus, study: Curriculum, students: Intake, persons: People, fates: Fate, lives: Lives, results: Results
) -> Tables:
    """Everything that hangs from ``sga_alumnos``."""
    entered = _entry_days(campus, students)
    student, year, found = losses(campus, fates, lives)
    graduated = results.last_pass * (lives.graduated < NEVER)
    quality = _quality_history(campus, students, fates, entered, student, found, graduated)
    return {
        "sga_alumnos": _alumnos(campus, study, students, fates, lives, student, year),
        "sga_alumnos_calidad": rows("calidad nombre", ("A", "Activo"), ("P", "Pasivo")),
        "sga_modalidad_cursada": rows("modalidad nombre", ("P", "Presencial"), ("D", "A distancia")),
        "sga_propuestas_aspira": _aspirations(campus, study, students, persons, entered),
        "sga_situacion_aspirante": rows("situacion_asp nombre resultado_asp", *SITUACIONES),
        "sga_tipos_ingreso": rows("tipo_ingreso nombre", *enumerate(TIPOS_INGRESO, 1)),
        "sga_reinscripciones": _reenrolments(campus, students, fates, lives),
        "sga_perdida_regularidad": _loss_rows(campus, student, year, found),
        "sga_readmisiones": _readmissions(campus, fates),
        "sga_alumnos_hist_calidad": quality,
        "sga_certificados": rows("certificado codigo nombre titulo_nivel estado", (1, "TIT", "Título de muestra", 1, "A")),
        "sga_certificados_otorg": _certificates(campus, study, students, lives, results),
    }


def _entry_days(campus: Campus, students: Intake) -> Array:
    """Most sign up in March and April, some before the academic year begins."""
    rng = campus.stream("entry")
    early = rng.random(students.size) < 0.12
    start = np.where(early, day(students.entry - 1, 12, 1), day(students.entry, 3, 1))
    return start + rng.integers(0, 55, students.size)


def losses(campus: Campus, fates: Fate, lives: Lives) -> tuple[Array, Array, Array]:
    """Student, academic year and day of each loss of regularity: controls run months after the year, a few much later."""
    rng = campus.stream("losses")
    years = np.stack([fates.lost, fates.lost_again, fates.spurious])
    happened = (years < NEVER) & (years < lives.graduated)
    student = np.nonzero(happened)[1]
    year = years[happened]
    again = np.flatnonzero(some(rng, len(year), 0.012))
    student, year = np.concatenate([student, student[again]]), np.concatenate([year, year[again]])
    run = day(year + 1, 6, 1) + year % 5 * 9 + rng.integers(0, 50, len(year))
    later = run + rng.integers(300, 900, len(year))
    run = np.where(some(rng, len(year), 0.06) & (later < campus.snapshot), later, run)
    order = np.lexsort((student, run))
    return student[order], year[order], run[order]


def _loss_rows(campus: Campus, student: Array, year: Array, found: Array) -> Columns:
    rng = campus.stream("sga_perdida_regularidad")
    size = len(student)
    nobody, undated = np.zeros(size, bool), np.zeros(size, bool)
    odd = rng.permutation(size)
    mistyped = year.copy()
    if size >= 20:
        nobody[odd[:1]], undated[odd[1:2]], mistyped[odd[2:3]] = True, True, MISTYPED_YEAR
    return {
        "perdida_regularidad": np.arange(1, size + 1),
        "alumno": ints(student + 1, nobody),
        "anio_academico": mistyped,
        "fecha": dates(found, undated),
        "fecha_control_desde": dates(day(year, 3, 1)),
        "fecha_control_hasta": dates(day(year + 1, 3, 1) - 1),
    }


def _readmissions(campus: Campus, fates: Fate) -> Columns:
    """Most who return after a loss are readmitted by a resolution; the others just enrol."""
    rng = campus.stream("sga_readmisiones")
    year = np.minimum(fates.back, fates.spurious + 1)
    student = np.flatnonzero(
        (year <= campus.last_year) & ((fates.lost < NEVER) | (fates.spurious < NEVER)) & (rng.random(len(year)) < 0.9)
    )
    return {
        "readmision": np.arange(1, len(student) + 1),
        "alumno": student + 1,
        "anio_academico": year[student],
        "fecha": dates(day(year[student], 3, 1) + rng.integers(0, 60, len(student))),
    }


def _alumnos(
    campus: Campus, study: Curriculum, students: Intake, fates: Fate, lives: Lives, lost: Array, lost_year: Array
) -> Columns:
    rng = campus.stream("sga_alumnos")
    size = students.size
    last_loss = np.zeros(size, np.int64)
    np.maximum.at(last_loss, lost, lost_year)
    back = np.where(fates.spurious < NEVER, np.minimum(fates.back, fates.spurious + 1), fates.back)
    out = (last_loss > 0) & ~((back < NEVER) & (back > last_loss))
    return {
        "alumno": students.alumno,
        "legajo": numbered("L-", students.alumno + 10_000),
        "persona": students.person + 1,
        "propuesta": students.career + 1,
        "plan_version": study.version(students.career, students.entry),
        "ubicacion": 1 + choose(rng, size, SITE_SHARES),
        "modalidad": texts(choose(rng, size, (0.86, 0.14)), ("P", "D")),
        "division": ints(np.zeros(size), np.ones(size, bool)),
        "anio_cursada": np.minimum(campus.last_year - students.entry + 1, 6),
        "cnt_readmisiones": ((fates.back < NEVER) & (fates.lost < NEVER)).astype(np.int8) + (fates.spurious < NEVER),
        "regular": texts(np.where(rng.random(size) < 0.005, -1, ~out), ("N", "S")),
        "calidad": texts(((lives.graduated < NEVER) | (out & (rng.random(size) < 0.15))).astype(np.int8), ("A", "P")),
        "coeficiente": reals(np.clip(6.2 + 1.1 * students.ability, 1, 10)),
    }


def _aspirations(campus: Campus, study: Curriculum, students: Intake, persons: People, entered: Array) -> Columns:
    """What each person asked for: nearly all students once, some twice; some were refused first; some never started."""
    rng = campus.stream("sga_propuestas_aspira")
    usual = np.flatnonzero(~some(rng, students.size, 0.02))
    refused, later, same_year = (np.flatnonzero(some(rng, students.size, share)) for share in (0.06, 0.03, 0.01))
    again = np.concatenate([later, same_year])
    who = np.concatenate([usual, refused, again])
    shift = np.repeat((0, -1, 1, 0), (len(usual), len(refused), len(later), len(same_year)))
    never = np.arange(persons.aspirants)
    year = np.concatenate([students.entry[who] + shift, rng.integers(campus.first_year, campus.last_year + 1, len(never))])
    when = np.concatenate([entered[who] + 365 * shift + np.where(shift == 0, 0, 9), day(year[len(who) :], 3, 20)])
    situation = (
        np.array((1, 2, NO_SITUATION))[choose(rng, len(usual), (10, 85, 5))],
        rng.integers(3, 8, len(refused)), np.full(len(again), 2), rng.integers(1, 8, len(never)),
    )  # fmt: skip
    order = np.argsort(np.minimum(when, campus.snapshot), kind="stable")
    person = np.concatenate([students.person[who], persons.students + never])[order]
    career = np.concatenate([students.career[who], rng.integers(0, len(study.careers), len(never))])[order]
    days = np.minimum(when, campus.snapshot)[order]
    return _aspiration_columns(rng, person, career, year[order], days, np.concatenate(situation)[order])


def _aspiration_columns(
    rng: np.random.Generator, person: Array, career: Array, year: Array, when: Array, situation: Array
) -> Columns:
    size = len(person)
    kind = 1 + choose(rng, size, TIPO_SHARES)
    kind[some(rng, size, 0.003)] = UNKNOWN_TIPO
    mistyped = some(rng, size, 0)
    return {
        "propuesta_aspira": np.arange(1, size + 1),
        "persona": person + 1,
        "propuesta": career + 1,
        "periodo_insc": year * 10 + 1,
        "anio_academico": year,
        "fecha_inscripcion": dates(np.where(mistyped, TYPING_ERROR, when), some(rng, size, 0.004) & ~mistyped),
        "fecha_alta": dates(when),
        "situacion_asp": ints(situation, situation == NO_SITUATION),
        "tipo_ingreso": ints(kind, kind == len(TIPOS_INGRESO) + 1),
        "ubicacion": repeated(1, person),
    }


def _reenrolments(campus: Campus, students: Intake, fates: Fate, lives: Lives) -> Columns:
    """Once a year by those who go on, a third of them in December or February, before the year they are for."""
    rng = campus.stream("sga_reinscripciones")
    student, year, early = _who_reenrols(campus, students, fates, lives, rng)
    size = len(student)
    soon = np.minimum(day(year - 1, 12, 10) + rng.integers(0, 80, size), day(year, 3, 1) - 1)
    when = np.where(early, soon, day(year, 3, 1) + rng.integers(0, 45, size))
    again = np.flatnonzero(some(rng, size, 0.01) & (year <= campus.last_year))
    student, year = np.concatenate([student, student[again]]), np.concatenate([year, year[again]])
    when = np.concatenate([when, day(year[size:], 8, 1) + rng.integers(0, 20, len(again))])
    order = np.argsort(when, kind="stable")
    student, year, when = student[order], year[order].copy(), when[order]
    mistyped = some(rng, len(order), 0)
    return {
        "alumno": student + 1,
        "anio_academico": np.where(mistyped, MISTYPED_YEAR, year),
        "fecha_reinscripcion": _moments(
            campus, when, rng.integers(0, SECONDS, len(order)), some(rng, len(order), 0.003) & ~mistyped
        ),
        "nro_transaccion": np.arange(1, len(order) + 1) + 900_000,
    }


def _who_reenrols(
    campus: Campus, students: Intake, fates: Fate, lives: Lives, rng: np.random.Generator
) -> tuple[Array, Array, Array]:
    years = campus.first_year + np.arange(campus.years)
    student, t = np.nonzero(fates.present & (years[None, :] <= lives.graduated[:, None]))
    year = years[t]
    does = rng.random(len(student)) < np.where(year > students.entry[student], 0.93, 0.3)
    student, year = student[does], year[does]
    early = (rng.random(len(student)) < 0.35) & (year > students.entry[student])
    staying = fates.present[:, -1] & (lives.graduated == NEVER) & (fates.left == NEVER) & (rng.random(students.size) < 0.33)
    next_ = np.flatnonzero(staying)
    return (
        np.concatenate([student, next_]),
        np.concatenate([year, np.full(len(next_), campus.last_year + 1)]),
        np.concatenate([early, np.ones(len(next_), bool)]),
    )


def _moments(campus: Campus, when: Array, seconds: Array, null: Array | None = None) -> object:
    """An instant, or only a date where the installation keeps no more."""
    return dates(when, null) if campus.variant else instants(when, seconds, null)


def _quality_history(
    campus: Campus, students: Intake, fates: Fate, entered: Array, lost: Array, found: Array, graduated: Array
) -> Columns:
    """Each change of ``calidad``: active at entry, passive at graduation and at some losses, and mistakes put right."""
    rng = campus.stream("sga_alumnos_hist_calidad")
    passive = rng.random(len(lost)) < 0.3
    back = np.flatnonzero((fates.back <= campus.last_year) & (fates.lost < NEVER))
    wrong = np.flatnonzero(some(rng, students.size, 0.02))
    mistake = entered[wrong] + rng.integers(30, 300, len(wrong))
    left = np.flatnonzero((graduated > 0) & (graduated + 40 <= campus.snapshot))
    parts = (
        (np.arange(students.size), entered, ENTERED, 0),
        (lost[passive], found[passive], LOST, 1),
        (left, graduated[left] + 40, GRADUATED, 1),
        (back, day(fates.back[back], 3, 20), READMITTED, 0),
        (wrong, mistake, CORRECTED, 1),
        (wrong, mistake + 6, RESTORED, 0),
    )
    student = np.concatenate([p[0] for p in parts])
    when = np.concatenate([p[1] for p in parts])
    reason, quality = (np.concatenate([np.full(len(p[0]), p[i]) for p in parts]) for i in (2, 3))
    kept = np.flatnonzero(when <= campus.snapshot)
    order = kept[np.lexsort((student[kept], when[kept]))]
    seconds = rng.integers(0, SECONDS, len(order))
    return {
        "alumno": student[order] + 1,
        "fecha": instants(when[order], seconds, zoned=not campus.variant),
        "motivo_calidad": reason[order],
        "calidad": texts(quality[order], ("A", "P")),
    }


def _certificates(campus: Campus, study: Curriculum, students: Intake, lives: Lives, results: Results) -> Columns:
    """Titles: most granted, some still in process (no date), some annulled, and the requests of some who lack subjects."""
    rng = campus.stream("sga_certificados_otorg")
    done = np.flatnonzero(lives.graduated < NEVER)
    asked = done[rng.random(len(done)) < 0.92]
    annulled = done[some(rng, len(done), 0.05)]
    others = np.flatnonzero(some(rng, students.size, 0.01) & (lives.graduated == NEVER))
    who = np.concatenate([asked, annulled, others])
    void = np.isin(np.arange(len(who)), len(asked) + np.arange(len(annulled)))
    finished = np.where(lives.graduated[who] < NEVER, results.last_pass[who], campus.snapshot - 60)
    started = np.minimum(finished + rng.integers(15, 200, len(who)), campus.snapshot)
    waiting = (started > campus.snapshot - 60) | (lives.graduated[who] == NEVER)
    waiting |= some(rng, len(who), 0.01)
    mean, with_failures = results.average[who], results.average_with_failures[who]
    return {
        "nro_solicitud": np.arange(1, len(who) + 1),
        "persona": students.person[who] + 1,
        "alumno": who + 1,
        "certificado": repeated(1, who),
        "plan_version": study.version(students.career, students.entry)[who],
        "fecha_inicio_tramite": dates(started),
        "fecha_egreso": dates(finished, waiting),
        "promedio": reals(np.nan_to_num(with_failures), np.isnan(with_failures) | waiting),
        "promedio_sin_aplazos": reals(np.nan_to_num(mean), np.isnan(mean) | waiting),
        "anulado": void.astype(np.int8),
    }
