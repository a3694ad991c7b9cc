"""Academic years, terms and exam seasons."""

from __future__ import annotations

import numpy as np

from padm_ibis.sample.campus import Campus
from padm_ibis.sample.columns import Array, Columns, Tables, dates, day, joined, numbered, repeated, rows, texts

GENERIC = (
    "Anual",
    "1er cuatrimestre",
    "2do cuatrimestre",
    "Turno julio-agosto",
    "Turno noviembre-diciembre",
    "Turno febrero-marzo",
)
STARTS = ((3, 10), (3, 10), (8, 10), (7, 10), (11, 20), (2, 1))
ENDS = ((11, 30), (7, 8), (11, 30), (8, 12), (12, 22), (3, 10))
LECTIVOS = 3
FIRST_LECTIVO = 51


def periodo_lectivo(campus: Campus, year: Array, term: Array) -> Array:
    """Id of a term (`ANNUAL`, `FIRST_TERM`, `SECOND_TERM`) of an academic year."""
    return (year - campus.first_year) * LECTIVOS + term + FIRST_LECTIVO


def periodo(campus: Campus, year: Array, generic: Array) -> Array:
    """Id of any period: terms first, exam seasons after them."""
    return (year - campus.first_year) * len(GENERIC) + generic + 1


def period_tables(campus: Campus) -> Tables:
    """The calendar; the last exam season of a year lies in February and March of the next calendar year."""
    years = campus.first_year + np.arange(campus.years + 1)
    return {
        "sga_anios_academicos": {
            "anio_academico": years,
            "fecha_inicio": dates(day(years, 3, 1)),
            "fecha_fin": dates(day(years + 1, 3, 1) - 1),
        },
        "sga_periodos_genericos": rows(
            "periodo_generico nombre periodo_generico_tipo",
            *((i, name, 1 if i <= LECTIVOS else 2) for i, name in enumerate(GENERIC, 1)),
        ),
        "sga_periodos": _periods(campus, years),
        "sga_periodos_lectivos": _terms(campus, years),
    }


def _bounds(year: Array, generic: Array, table: tuple[tuple[int, int], ...]) -> Array:
    month, of_month = (np.array(part)[generic] for part in zip(*table, strict=True))
    return day(year + (generic == len(GENERIC) - 1), month, of_month)


def _periods(campus: Campus, years: Array) -> Columns:
    year, generic = (a.ravel() for a in np.meshgrid(years, np.arange(len(GENERIC)), indexing="ij"))
    return {
        "periodo": periodo(campus, year, generic),
        "nombre": joined(texts(generic, GENERIC), numbered(" ", year)),
        "anio_academico": year,
        "periodo_generico": generic + 1,
        "fecha_inicio": dates(_bounds(year, generic, STARTS)),
        "fecha_fin": dates(_bounds(year, generic, ENDS)),
    }


def _terms(campus: Campus, years: Array) -> Columns:
    year, term = (a.ravel() for a in np.meshgrid(years, np.arange(LECTIVOS), indexing="ij"))
    return {
        "periodo_lectivo": periodo_lectivo(campus, year, term),
        "periodo": periodo(campus, year, term),
        "fecha_inicio_dictado": dates(_bounds(year, term, STARTS)),
        "fecha_fin_dictado": dates(_bounds(year, term, ENDS)),
        "fecha_tope_movimientos": dates(_bounds(year, term, ENDS) + 60),
        "estado": repeated("A", year),
    }
