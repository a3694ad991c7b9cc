"""Programmes, plans and subjects of the invented university."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from padm_ibis.sample.campus import Campus
from padm_ibis.sample.columns import Array, Columns, Tables, ints, numbered, reals, repeated, rows, texts

GRADO, PREGRADO = 200, 201
ANNUAL, FIRST_TERM, SECOND_TERM = 0, 1, 2
WHOLE, POINT, COMMA, CONCEPT = 0, 1, 2, 3
"""How a scale writes its marks: 7, 7.50, 7,5 or words."""


@dataclass(frozen=True, slots=True)
class Career:
    """One programme: each of its areas is taught in each of its years."""

    code: str
    name: str
    kind: int
    years: int
    areas: tuple[str, ...]
    share: float
    loads_attendance: bool


CAREERS = (
    Career("ISI", "Ingeniería en Sistemas de Muestra", GRADO, 5,
           ("Álgebra", "Análisis Matemático", "Programación", "Sistemas", "Bases de Datos", "Inglés"), 0.26, True),
    Career("ABO", "Abogacía de Muestra", GRADO, 5,
           ("Derecho Civil", "Derecho Penal", "Derecho Público", "Historia", "Lectura Académica", "Inglés"), 0.22, False),
    Career("TUP", "Tecnicatura Universitaria en Programación de Muestra", PREGRADO, 3,
           ("Programación Aplicada", "Álgebra", "Redes", "Laboratorio", "Inglés"), 0.22, True),
    Career("CPN", "Contador Público de Muestra", GRADO, 5,
           ("Contabilidad", "Administración", "Economía", "Álgebra", "Impuestos", "Inglés"), 0.16, False),
    Career("ENF", "Licenciatura en Enfermería de Muestra", GRADO, 4,
           ("Enfermería", "Anatomía", "Salud Pública", "Farmacología", "Lectura Académica", "Práctica"), 0.14, True),
    Career("LET", "Profesorado en Letras de Muestra", GRADO, 4,
           ("Literatura", "Lingüística", "Gramática", "Lectura Académica", "Retórica", "Práctica Docente"), 0.08, False),
)  # fmt: skip
COMMON_AREAS = frozenset({"Álgebra", "Inglés", "Lectura Académica"})
"""Areas whose subjects several programmes share."""
ROMAN = ("I", "II", "III", "IV", "V")


@dataclass(frozen=True, slots=True)
class Curriculum:
    """What can be studied, as arrays.

    Attributes
    ----------
    careers
        By position; ``propuesta`` is the position + 1.
    element
        ``elemento`` by career and place in its plan; 0 pads the shorter plans.
    planned_year
        The plan's year of the same places.
    names, codes
        By ``elemento`` - 1, as are the arrays after them.
    term, scale, hard, promotable, credits, loads_attendance
        When it is taught, how marks are written, how hard it is, whether a course can pass it, what it is worth.
    plan_change
        First entry year of the second version of a plan (every other career has one).
    """

    careers: tuple[Career, ...]
    element: Array
    planned_year: Array
    names: tuple[str, ...]
    codes: tuple[str, ...]
    term: Array
    scale: Array
    hard: Array
    promotable: Array
    credits: Array
    loads_attendance: Array
    plan_change: int

    @property
    def elements(self) -> int:
        """How many subjects there are."""
        return len(self.names)

    def version(self, career: Array, entry: Array) -> Array:
        """``plan_version`` of those who entered a career (position) in a year."""
        return career * 2 + 1 + ((career % 2 == 0) & (entry >= self.plan_change))


def curriculum(campus: Campus) -> Curriculum:
    """Return a campus's programmes: the more students, the more of them."""
    careers = CAREERS[: min(len(CAREERS), max(2, campus.students // 120))]
    element, planned, subjects = _plans(careers)
    rng = campus.stream("curriculum")
    size = len(subjects)
    year = np.array([y for _, _, y in subjects])
    return Curriculum(
        careers, element, planned,
        names=tuple(f"{area} {ROMAN[y]}" for _, area, y in subjects),
        codes=tuple(f"{careers[c].code}{y + 1}{n:03d}" for n, (c, _, y) in enumerate(subjects, 1)),
        term=rng.integers(0, 3, size),
        scale=rng.choice(4, size, p=(0.62, 0.16, 0.12, 0.10)),
        hard=rng.normal(0, 0.3, size) + np.where(year == 0, 0.2, 0.0),
        promotable=rng.random(size) < 0.6,
        credits=rng.integers(8, 21, size) / 2,
        loads_attendance=np.array([careers[c].loads_attendance for c, _, _ in subjects]),
        plan_change=campus.first_year + campus.years // 2,
    )  # fmt: skip


def _plans(careers: tuple[Career, ...]) -> tuple[Array, Array, list[tuple[int, str, int]]]:
    """Number the subjects of all plans: (first career that has it, area, year) in order of ``elemento``."""
    places = max(c.years * len(c.areas) for c in careers)
    element, planned = np.zeros((2, len(careers), places), np.int32)
    numbers: dict[tuple[int, str, int], int] = {}
    subjects: list[tuple[int, str, int]] = []
    for c, career in enumerate(careers):
        for place in range(career.years * len(career.areas)):
            year, area = place // len(career.areas), career.areas[place % len(career.areas)]
            key = (-1 if area in COMMON_AREAS else c, area, year)
            if key not in numbers:
                subjects.append((c, area, year))
                numbers[key] = len(subjects)
            element[c, place], planned[c, place] = numbers[key], year
    return element, planned, subjects


def career_tables(study: Curriculum) -> Tables:
    """Programmes, plans with their versions, subjects and where in a plan each stands."""
    return _programmes(study) | _plan_versions(study) | _subjects(study) | {"sga_elementos_plan": _places_in_plans(study)}


def _programmes(study: Curriculum) -> Tables:
    careers = study.careers
    ids = np.arange(1, len(careers) + 1)
    return {
        "sga_propuestas_tipos": rows("propuesta_tipo descripcion", (GRADO, "Grado"), (PREGRADO, "Pregrado")),
        "sga_propuestas": {
            "propuesta": ids,
            "nombre": [c.name for c in careers],
            "nombre_abreviado": [c.code for c in careers],
            "codigo": [f"{c.code}{i:02d}" for i, c in enumerate(careers, 1)],
            "propuesta_tipo": [c.kind for c in careers],
            "estado": repeated("A", ids),
            "publica": repeated("S", ids),
            "entidad": ids + 900_000,
        },
    }


def _plan_versions(study: Curriculum) -> Tables:
    ids = np.arange(1, len(study.careers) + 1)
    version = np.array([v for c in range(len(ids)) for v in range(c * 2 + 1, c * 2 + 2 + (c % 2 == 0))])
    plan, second = (version + 1) // 2, version % 2 == 0
    return {
        "sga_planes": {
            "plan": ids,
            "propuesta": ids,
            "codigo": numbered("P", ids),
            "nombre": numbered("Plan ", ids + 2000),
            "estado": repeated("A", ids),
            "version_actual": np.where(ids % 2 == 1, ids * 2, ids * 2 - 1),
        },
        "sga_planes_versiones": {
            "plan_version": version,
            "plan": plan,
            "version": second + 1,
            "nombre": [f"Plan {2000 + p} - versión {s + 1}" for p, s in zip(plan.tolist(), second.tolist(), strict=True)],
            "estado": texts(np.where(second | (plan % 2 == 0), 0, 1), ("A", "V")),
        },
    }


def _subjects(study: Curriculum) -> Tables:
    ids = np.arange(1, study.elements + 1)
    return {
        "sga_elementos": {
            "elemento": ids,
            "codigo": list(study.codes),
            "nombre": list(study.names),
            "nombre_abreviado": [n[:20] for n in study.names],
            "estado": repeated("A", ids),
        },
        "sga_elementos_revision": {"elemento_revision": ids + 5_000, "elemento": ids, "revision": np.ones(len(ids), np.int32)},
        "sga_catedras": {
            "catedra": ids + 300,
            "codigo": numbered("CAT", ids),
            "nombre": [f"Cátedra única de {n}" for n in study.names],
        },
    }


def _places_in_plans(study: Curriculum) -> Columns:
    career, place = np.nonzero(study.element)
    second = career % 2 == 0
    career, place = np.concatenate([career, career[second]]), np.concatenate([place, place[second]])
    version = study.version(career, np.where(np.arange(len(career)) >= len(second), study.plan_change, 0))
    element = study.element[career, place]
    credits_ = study.credits[element - 1]
    return {
        "elemento_plan": np.arange(1, len(career) + 1),
        "plan_version": version,
        "elemento_revision": element + 5_000,
        "anio_de_cursada": study.planned_year[career, place] + 1,
        "nombre": [study.names[e - 1] for e in element.tolist()],
        "creditos": reals(credits_, credits_ < 4.5),
        "periodo_de_cursada": ints(study.term[element - 1]),
    }
