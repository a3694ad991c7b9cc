"""The census: what students say of themselves, again and again, and mostly in part."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from padm_ibis.sample.campus import Campus
from padm_ibis.sample.columns import (
    Array,
    Columns,
    Tables,
    choose,
    dates,
    day,
    flags,
    ints,
    numbered,
    repeated,
    rows,
    some,
    texts,
)
from padm_ibis.sample.fate import Fate
from padm_ibis.sample.intake import Intake
from padm_ibis.sample.people import People
from padm_ibis.sample.places import LOCALIDADES

ESTADOS_CIVILES = ("Soltero/a", "Casado/a", "Separado/a", "Divorciado/a", "Unión consensual", "Viudo/a")
VIVIENDAS = ("Casa", "Departamento", "Pensión", "Residencia", "Otra")
ESTUDIOS = ("Primario", "Secundario", "Terciario", "Pregrado", "Grado", "Posgrado")
TRABAJA = (("N", "No trabajó"), ("S", "Trabajó al menos una hora"), ("B", "Buscó trabajo"))
HOURS = ((0, 0), (5, 20), (21, 35), (36, 48))
"""Least and most weekly hours of each bracket of work."""
UNKNOWN_STATE, UNKNOWN_HOUSE, UNKNOWN_TOWN = 9, 77, 9_999
SCHOOLS, COLLEGES = 30, 12


@dataclass(frozen=True, slots=True)
class Surveys:
    """Surveys answered, in order of day: by position, whose and when; ``dato_censal`` is the position + 1."""

    person: Array
    when: Array
    age: Array
    work: Array

    @property
    def ids(self) -> Array:
        """``dato_censal``."""
        return np.arange(1, len(self.person) + 1)


def survey_tables(campus: Campus, students: Intake, persons: People, fates: Fate) -> Tables:
    """The surveys, their parts (each missing more often than the one before) and their catalogues."""
    surveys = _answered(campus, students, persons, fates)
    return {
        "mdp_datos_censales": {
            "dato_censal": surveys.ids,
            "persona": surveys.person + 1,
            "fecha_relevamiento": dates(surveys.when),
            "fecha_actualizacion": dates(surveys.when),
        },
        "mdp_datos_personales": _personal(campus, surveys),
        "mdp_datos_economicos": _economic(campus, surveys),
        "mdp_datos_actividades": _activities(campus, surveys),
        "mdp_datos_discapacidad": _disability(campus, surveys),
        "mdp_datos_estudios": _studies(campus, persons),
        "mdp_estados_civiles": rows("estado_civil descripcion", *enumerate(ESTADOS_CIVILES, 1)),
        "mdp_tipo_vivienda": rows("tipo_vivienda descripcion", *enumerate(VIVIENDAS, 1)),
        "mdp_trabajo_existe": rows("trabajo_existe descripcion", *TRABAJA),
        "mdp_nivel_estudio": rows("nivel_estudio descripcion", *enumerate(ESTUDIOS, 1)),
        "sga_instituciones": _numbered("institucion", "Instituto de Ejemplo ", COLLEGES),
        "sga_colegios_secundarios": _numbered("colegio", "Escuela Secundaria de Muestra N° ", SCHOOLS),
    }


def _numbered(code: str, prefix: str, size: int) -> Columns:
    ids = np.arange(1, size + 1)
    return {code: ids, "nombre": numbered(prefix, ids)}


def _answered(campus: Campus, students: Intake, persons: People, fates: Fate) -> Surveys:
    """One at entry for nearly all, then about every second year of those who go on; a few twice on one day."""
    rng = campus.stream("mdp_datos_censales")
    years = campus.first_year + np.arange(campus.years)
    chance = np.where(years[None, :] == students.entry[:, None], 0.9, 0.4)
    at, t = np.nonzero(fates.present & (rng.random((students.size, campus.years)) < chance))
    person, work = students.person[at], students.work[at]
    when = day(years[t], 3, 1) + rng.integers(-40, 200, len(at))
    again = np.flatnonzero(some(rng, len(at), 0.004))
    person, work, when = (np.concatenate([a, a[again]]) for a in (person, work, when))
    order = np.lexsort((person, when))
    person, work, when = person[order], work[order], when[order]
    change = choose(rng, len(order), (0.8, 0.14, 0.06))
    return Surveys(person, when, (when - persons.born[person]) // 365, np.clip(work + np.where(change == 2, -1, change), 0, 3))


def _part(campus: Campus, surveys: Surveys, name: str, share: float) -> tuple[np.random.Generator, Array]:
    """Random numbers for one part of the survey, and the surveys that have it."""
    rng = campus.stream(name)
    return rng, np.flatnonzero(rng.random(len(surveys.person)) < share)


def _personal(campus: Campus, surveys: Surveys) -> Columns:
    rng, at = _part(campus, surveys, "mdp_datos_personales", 0.97)
    size, age = len(at), surveys.age[at]
    married = rng.random(size) < np.clip((age - 20) / 30, 0.01, 0.6)
    state = np.where(married, 2 + choose(rng, size, (5, 2, 2, 4, 0.4)), 1)
    state[some(rng, size, 0.001)] = UNKNOWN_STATE
    house = 1 + choose(rng, size, (6, 3, 1, 0.5, 0.5))
    house[some(rng, size, 0.001)] = UNKNOWN_HOUSE
    children = np.where(married, rng.poisson(1.1, size), rng.poisson(0.05, size))
    origin = rng.integers(1, LOCALIDADES + 1, size)
    near = np.where(rng.random(size) < 0.6, origin, rng.integers(1, 5, size))
    origin[some(rng, size, 0.001)] = UNKNOWN_TOWN
    return {
        "dato_censal": surveys.ids[at],
        "estado_civil": ints(state, _left_out(rng, size, 0.08)),
        "unido_hecho": flags(rng.random(size) < 0.1, _left_out(rng, size, 0.2)),
        "situacion_padre": texts(choose(rng, size, (80, 12, 8)), ("V", "N", "D")),
        "situacion_madre": texts(choose(rng, size, (88, 7, 5)), ("V", "N", "D")),
        "cantidad_hijos": ints(children, _left_out(rng, size, 0.12)),
        "cantidad_familia": ints(rng.integers(0, 7, size), _left_out(rng, size, 0.3)),
        "turno_preferido": ints(1 + choose(rng, size, (4, 3, 3)), _left_out(rng, size, 0.4)),
        "cobertura_salud": ints(1 + choose(rng, size, (5, 2, 1, 0.5, 2)), _left_out(rng, size, 0.15)),
        "tipo_vivienda": ints(house, _left_out(rng, size, 0.15)),
        "vive_con": ints(1 + choose(rng, size, (1.5, 1, 5, 2, 0.5)), _left_out(rng, size, 0.15)),
    } | _addresses(rng, origin, near)


def _addresses(rng: np.random.Generator, origin: Array, near: Array) -> Columns:
    size = len(origin)
    return {
        "procedencia_calle": repeated("Calle Inventada", origin),
        "procedencia_numero": numbered("", origin * 10),
        "procedencia_localidad": ints(origin, _left_out(rng, size, 0.1)),
        "procedencia_codigo_postal": numbered("X", 5_000 + origin, "", _left_out(rng, size, 0.3)),
        "periodo_lectivo_calle": repeated("Calle Supuesta", origin),
        "periodo_lectivo_numero": numbered("", near * 10),
        "periodo_lectivo_localidad": ints(near, _left_out(rng, size, 0.15)),
        "periodo_lectivo_codigo_postal": numbered("X", 5_000 + near, "", _left_out(rng, size, 0.35)),
    }


def _left_out(rng: np.random.Generator, size: int, share: float) -> Array:
    return rng.random(size) < share


def _economic(campus: Campus, surveys: Surveys) -> Columns:
    rng, at = _part(campus, surveys, "mdp_datos_economicos", 0.9)
    size, work = len(at), surveys.work[at]
    least, most = (np.array(bounds)[work] for bounds in zip(*HOURS, strict=True))
    hours = rng.integers(least, most + 1)
    looking = (work == 0) & (rng.random(size) < 0.3)
    pays = {name: rng.random(size) < share for name, share in (("plan_social", 0.05), ("beca", 0.12), ("otro", 0.06))}
    return {
        "dato_censal": surveys.ids[at],
        "trabajo_existe": texts(np.where(_left_out(rng, size, 0.1), -1, np.where(looking, 2, work > 0)), ("N", "S", "B")),
        "trabajo_hora_sem": ints(hours, _left_out(rng, size, 0.1) | ((work == 0) & (rng.random(size) < 0.5))),
        "trabajo_hace": ints(1 + choose(rng, size, (1, 3, 6, 1)), work == 0),
        "trabajo_carrera": ints(1 + choose(rng, size, (1, 2, 5)), work == 0),
        "beca": flags(pays["beca"], _left_out(rng, size, 0.1)),
        "costeo_estudios_familiar": flags((work < 2) ^ (rng.random(size) < 0.2), _left_out(rng, size, 0.2)),
        "costeo_estudios_plan_social": flags(pays["plan_social"], _left_out(rng, size, 0.3)),
        "costeo_estudios_trabajo": flags((work > 0) ^ (rng.random(size) < 0.1), _left_out(rng, size, 0.2)),
        "costeo_estudios_beca": flags(pays["beca"] ^ (rng.random(size) < 0.05), _left_out(rng, size, 0.3)),
        "costeo_estudios_otro": flags(pays["otro"], _left_out(rng, size, 0.4)),
    }


def _flags(campus: Campus, surveys: Surveys, name: str, share: float, columns: dict[str, float], missing: float) -> Columns:
    """A part that is nothing but flags: ``S``/``N``, or booleans at installations of the other kind."""
    rng, at = _part(campus, surveys, name, share)
    return {"dato_censal": surveys.ids[at]} | {
        column: flags(rng.random(len(at)) < yes, _left_out(rng, len(at), missing), boolean=campus.variant)
        for column, yes in columns.items()
    }


def _activities(campus: Campus, surveys: Surveys) -> Columns:
    yes = {"tecnologia_int_casa": 0.85, "tecnologia_pc_casa": 0.72, "tecnologia_int_movil": 0.95, "deportes": 0.4}
    part = _flags(campus, surveys, "mdp_datos_actividades", 0.75, yes, 0.12)
    rng = campus.stream("nivel_idioma_ingles")
    return part | {"nivel_idioma_ingles": rng.integers(1, 5, len(part["dato_censal"]))}


def _disability(campus: Campus, surveys: Surveys) -> Columns:
    kinds = {"disc_auditiva": 0.008, "disc_visual": 0.02, "disc_motora": 0.01, "disc_cond_psicosocial": 0.005, "disc_otra": 0.006}
    return _flags(
        campus, surveys, "mdp_datos_discapacidad", 0.5, {"condicion_discapacidad": 0.04, **kinds, "tiene_cud": 0.03}, 0.2
    )


def _studies(campus: Campus, persons: People) -> Columns:
    """What was studied before: school for nearly all, and a second or third row for some."""
    rng = campus.stream("mdp_datos_estudios")
    everyone = np.arange(persons.students)
    school = everyone[rng.random(persons.students) < 0.93]
    more = everyone[some(rng, persons.students, 0.14)]
    third = everyone[some(rng, persons.students, 0.03)]
    person = np.concatenate([school, more, third])
    level = np.concatenate([np.full(len(school), 2), 3 + choose(rng, len(more), (5, 2, 2, 0.3)), rng.integers(3, 6, len(third))])
    order = rng.permutation(len(person))
    person, level = person[order], level[order]
    size, at_school = len(order), level == 2
    return {
        "dato_estudio": np.arange(1, size + 1),
        "persona": person + 1,
        "nivel_estudio": ints(level, _left_out(rng, size, 0.01)),
        "institucion": ints(rng.integers(1, COLLEGES + 1, size), at_school | _left_out(rng, size, 0.2)),
        "institucion_otra": texts(np.where(at_school | (rng.random(size) < 0.8), -1, 0), ("Instituto sin catalogar",)),
        "colegio": ints(rng.integers(1, SCHOOLS + 1, size), ~at_school | _left_out(rng, size, 0.1)),
        "colegio_otro": texts(np.where(~at_school | (rng.random(size) < 0.9), -1, 0), ("Escuela sin catalogar",)),
    }
