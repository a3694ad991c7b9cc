"""Subjects granted rather than studied: equivalences, recognitions, resolutions. None has an acta."""

from __future__ import annotations

import numpy as np

from padm_ibis.sample import marks
from padm_ibis.sample.campus import Campus
from padm_ibis.sample.careers import Curriculum
from padm_ibis.sample.columns import Array, Columns, Tables, choose, dates, day, numbered, repeated, texts
from padm_ibis.sample.intake import Intake
from padm_ibis.sample.lives import Lives

EQUIVALENCE, RECOGNITION, RESOLUTION = 0, 1, 2
FIRST_RECOGNITION = 500_001


def granted_tables(campus: Campus, study: Curriculum, students: Intake, lives: Lives) -> Tables:
    """What each student was granted at entry, by one of the three ways."""
    rng = campus.stream("granted_tables")
    way = np.where(np.arange(students.size) % 7 == 3, RESOLUTION, choose(rng, students.size, (0.7, 0.3)))
    when = day(students.entry, 5, 1) + rng.integers(0, 200, students.size)
    of = way[lives.granted.student]
    scale = study.scale[lives.granted.element - 1]
    code = marks.codes(rng, lives.granted.outcome, lives.granted.quality, scale)
    code = np.where(rng.random(lives.granted.size) < 0.3, -1, code)
    by_way = [np.flatnonzero(of == kind) for kind in (EQUIVALENCE, RECOGNITION, RESOLUTION)]
    versions = study.version(students.career, students.entry)
    return (
        _equivalences(lives, by_way[EQUIVALENCE], when, versions, scale, code)
        | _recognitions(lives, by_way[RECOGNITION], when, versions, scale, code)
        | {"sga_movimientos_ha": _resolutions(lives, by_way[RESOLUTION], when, versions, code)}
    )


def _requests(name: str, first: int, student: Array, when: Array, versions: Array) -> Columns:
    return {
        name: np.arange(first, first + len(student)),
        "alumno": student + 1,
        "plan_version": versions[student],
        "fecha": dates(when[student]),
        "estado": repeated("C", student),
    }


def _equivalences(lives: Lives, at: Array, when: Array, versions: Array, scale: Array, code: Array) -> Tables:
    student, request = np.unique(lives.granted.student[at], return_inverse=True)
    return {
        "sga_equiv_tramite": _requests("equivalencia_tramite", 1, student, when, versions),
        "sga_equiv_otorgada": {
            "equivalencia_tramite": request + 1,
            "elemento": lives.granted.element[at],
            "instancia": repeated(10, at),
            "escala_nota": scale[at] + 1,
            "nota": marks.written(code[at]),
            "resultado": texts(lives.granted.outcome[at], marks.RESULTS),
            "estado": repeated("A", at),
        },
    }


def _recognitions(lives: Lives, at: Array, when: Array, versions: Array, scale: Array, code: Array) -> Tables:
    student, request = np.unique(lives.granted.student[at], return_inverse=True)
    return {
        "sga_reconocimiento": _requests("nro_tramite", FIRST_RECOGNITION, student, when, versions),
        "sga_reconocimiento_act": {
            "nro_tramite": request + FIRST_RECOGNITION,
            "elemento": lives.granted.element[at],
            "escala_nota": scale[at] + 1,
            "nota": marks.written(code[at]),
            "resultado": texts(lives.granted.outcome[at], marks.RESULTS),
            "estado": repeated("A", at),
        },
    }


def _resolutions(lives: Lives, at: Array, when: Array, versions: Array, code: Array) -> Columns:
    student = lives.granted.student[at]
    return {
        "movimiento": np.arange(1, len(at) + 1),
        "alumno": student + 1,
        "plan_version": versions[student],
        "elemento": lives.granted.element[at],
        "fecha": dates(when[student]),
        "instancia": repeated(13, at),
        "nota": marks.written(code[at]),
        "resultado": texts(lives.granted.outcome[at], marks.RESULTS),
        "nro_resolucion": numbered("RES-", student + 1, "/EJ"),
    }
