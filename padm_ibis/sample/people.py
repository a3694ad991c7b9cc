"""Persons: students, aspirants who never started, teachers. Invented throughout.

Document numbers have nine digits, one more than any real one; e-mail addresses end in ``.invalid``; the surnames are no one's.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from padm_ibis.sample.campus import Campus
from padm_ibis.sample.careers import curriculum
from padm_ibis.sample.columns import (
    Array,
    Columns,
    Tables,
    choose,
    dates,
    day,
    either,
    ints,
    joined,
    numbered,
    rows,
    some,
    texts,
)  # fmt: skip
from padm_ibis.sample.intake import Intake, intake
from padm_ibis.sample.places import LOCALIDADES

APELLIDOS = (
    "Delejemplo", "Muestrán", "Ficticchio", "Inventadez", "Sintétiz", "Pruébalez", "Ensayani", "Hipotétiga", "Supuéstez",
    "Imaginardi", "Modelini", "Maquetti", "Bosquejo", "Quizásez", "Ñandubayo", "O'Ejemplo", "Talvezini", "Dizquerra",
)  # fmt: skip
NOMBRES = ("Ejemplina", "Muestrino", "Pruebina", "Ficticio", "Modelia", "Ensayo", "Inventa", "Supuesto", "Bocetina", "Patrón")
SEXOS = ("F", "M", "X", "P")
NACIONALIDADES = ("Nacional", "Extranjera", "Naturalizada", "Por opción")
UNKNOWN_NATIONALITY = 9
DNI, PASAPORTE = 0, 90
FIRST_DOCUMENT, DOCUMENTS = 800_000_000, 99_999_989
"""The second is a prime: multiples of a number that is not its own never meet modulo a prime."""
PER_CAMPUS = 1_000_000
SHARED = 0.06
"""Share of a campus's students whom the first campus knows too."""
TYPING_ERROR = int(day(1900, 1, 1))


@dataclass(frozen=True, slots=True)
class People:
    """The persons of a campus, by position: first those who study, then aspirants, then teachers.

    ``persona`` is the position + 1.
    """

    students: int
    aspirants: int
    teachers: int
    document: Array
    born: Array
    sex: Array
    surname: Array
    name: Array
    town: Array

    @property
    def size(self) -> int:
        """All of them."""
        return self.students + self.aspirants + self.teachers

    @property
    def first_teacher(self) -> int:
        """Position of the first teacher."""
        return self.students + self.aspirants


def people(campus: Campus, students: Intake) -> People:
    """Return the persons of a campus; some are also, under other ids, persons of the first one."""
    own = _invent(campus, students)
    if campus.number == 1:
        return own
    main = replace(campus, number=1)
    known = _invent(main, intake(main, curriculum(main)))
    return _shared(campus, own, known)


def _invent(campus: Campus, students: Intake) -> People:
    aspirants, teachers = max(2, round(0.05 * students.persons)), max(8, students.size // 16)
    size = students.persons + aspirants + teachers
    seen = np.concatenate([students.person_entry, np.full(aspirants, campus.last_year), np.full(teachers, campus.first_year)])
    rng = campus.stream("people")
    age = 17 + np.minimum(rng.gamma(0.9, 3.6, size), 45)
    age[-teachers:] += 14
    born = day(seen, 3, 1) - (age * 365.25).astype(np.int64) - rng.integers(0, 300, size)
    born[some(rng, size, 1 / 1461, least=2)] = day(1996, 2, 29)
    sex = choose(rng, size, (0.553, 0.4455, 0.001, 0.0005))
    sex[: len(SEXOS)] = np.arange(len(SEXOS))
    return People(
        students.persons, aspirants, teachers, _document_numbers(campus, size), born, sex,
        rng.integers(0, len(APELLIDOS), size), rng.integers(0, len(NOMBRES), size), rng.integers(1, LOCALIDADES + 1, size),
    )  # fmt: skip


def _document_numbers(campus: Campus, size: int) -> Array:
    factor = int(np.random.Generator(np.random.PCG64(campus.seed)).integers(10_000_000, DOCUMENTS))
    position = (campus.number - 1) * PER_CAMPUS + np.arange(1, size + 1, dtype=np.int64)
    return FIRST_DOCUMENT + position * factor % DOCUMENTS


def _shared(campus: Campus, own: People, known: People) -> People:
    """Let some students be persons that the first campus has, at other positions."""
    rng = campus.stream("shared")
    here = np.flatnonzero(some(rng, own.students, SHARED))
    there = rng.choice(known.students, len(here), replace=False)

    def mixed(mine: Array, theirs: Array) -> Array:
        out = mine.copy()
        out[here] = theirs[there]
        return out

    return replace(
        own, document=mixed(own.document, known.document), born=mixed(own.born, known.born), sex=mixed(own.sex, known.sex),
        surname=mixed(own.surname, known.surname), name=mixed(own.name, known.name), town=mixed(own.town, known.town),
    )  # fmt: skip


def people_tables(campus: Campus, persons: People) -> Tables:
    """Persons with their documents and contacts, and the catalogues these need."""
    return {
        "mdp_personas": _persons(campus, persons),
        "mdp_personas_documentos": _documents(campus, persons),
        "mdp_personas_contactos": _contacts(campus, persons),
        "mdp_tipo_documento": rows(
            "tipo_documento descripcion desc_abreviada",
            (DNI, "Documento Nacional de Identidad", "DNI"), (PASAPORTE, "Pasaporte", "PAS"),
        ),
        "mdp_nacionalidades": rows("nacionalidad descripcion", *enumerate(NACIONALIDADES, 1)),
    }  # fmt: skip


def _persons(campus: Campus, persons: People) -> Columns:
    rng = campus.stream("mdp_personas")
    size = persons.size
    nationality = 1 + choose(rng, size, (0.93, 0.04, 0.02, 0.01))
    nationality[some(rng, size, 0.002)] = UNKNOWN_NATIONALITY
    unknown_birth, mistyped = some(rng, size, 0.004), some(rng, size, 0.001)
    by_document = rng.random(size) < 0.8
    users = either(by_document, numbered("", persons.document), numbered("usuario.", persons.document))
    return {
        "persona": np.arange(1, size + 1),
        "apellido": texts(persons.surname, APELLIDOS),
        "nombres": texts(persons.name, NOMBRES),
        "sexo": texts(persons.sex, SEXOS),
        "fecha_nacimiento": dates(np.where(mistyped, TYPING_ERROR, persons.born), unknown_birth),
        "localidad_nacimiento": ints(persons.town, rng.random(size) < 0.06),
        "nacionalidad": nationality,
        "pais_origen": np.where(nationality == 1, 54, 99),
        "documento_principal": np.arange(1, size + 1) + 40,
        "usuario": either(rng.random(size) < 0.04, None, users),
        "email_temporal": either(rng.random(size) < 0.3, numbered("provisorio.", persons.document, "@ejemplo.invalid"), None),
    }


def _documents(campus: Campus, persons: People) -> Columns:
    """Every person's DNI, written in four ways, and some passports."""
    rng = campus.stream("mdp_personas_documentos")
    size = persons.size
    number = persons.document
    dotted = joined(
        numbered("", number // 1_000_000), _padded(number // 1000 % 1000), _padded(number % 1000), separator="."
    )  # fmt: skip
    written = rng.random(size)
    odd = either(written < 0.94, dotted, either(written < 0.98, numbered("0", number), numbered(" ", number, " ")))
    dni = either(written < 0.86, numbered("", number), odd)
    abroad = np.flatnonzero(some(rng, size, 0.03))
    return {
        "documento": np.concatenate([np.arange(1, size + 1) + 40, np.arange(1, len(abroad) + 1) + 40 + size]),
        "persona": np.concatenate([np.arange(1, size + 1), abroad + 1]),
        "pais_documento": np.concatenate([np.full(size, 54), np.full(len(abroad), 99)]),
        "tipo_documento": np.concatenate([np.full(size, DNI), np.full(len(abroad), PASAPORTE)]),
        "nro_documento": pa.concat_arrays([dni, numbered("ZZX", number[abroad] % 1_000_000)]),
    }


def _padded(number: Array) -> pa.Array:
    return pc.utf8_lpad(numbered("", number), 3, "0")


def _contacts(campus: Campus, persons: People) -> Columns:
    """Main e-mail (MP), mobile (C) and telephone (T); some addresses in capitals or with blanks."""
    rng = campus.stream("mdp_personas_contactos")
    has = {"MP": rng.random(persons.size) < 0.87, "C": rng.random(persons.size) < 0.7, "T": rng.random(persons.size) < 0.2}
    position = np.concatenate([np.flatnonzero(mask) for mask in has.values()])
    kind = np.concatenate([np.full(mask.sum(), i) for i, mask in enumerate(has.values())])
    address = numbered("persona.", persons.document[position], "@ejemplo.invalid")
    written = rng.random(len(position))
    address = either(written < 0.05, pc.utf8_upper(address), address)
    address = either(written > 0.97, joined(" ", address), address)
    return {
        "persona": position + 1,
        "contacto_tipo": texts(kind, tuple(has)),
        "email": either(kind == 0, address, None),
        "telefono": either(kind > 0, numbered("000-", persons.document[position] % 10_000), None),
    }
