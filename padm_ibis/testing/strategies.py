"""Hypothesis strategies that draw small universities from the contracts.

A drawn university is consistent enough to run a model on (keys are unique and hit each other, facts carry the
years their dates imply) and hostile enough to break a careless one: marks such as ``'7,5'`` and ``'Ausente'``, nulls
wherever a contract allows them, days on both sides of every cutoff, ids shared by two campuses, accents, quotes.
"""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any

import ibis.expr.datatypes as idt
import pyarrow as pa
from hypothesis import strategies as st

from padm_ibis.checks import contract_of
from padm_ibis.define import contract as contracts
from padm_ibis.define.contract import Column, Contract
from padm_ibis.define.source_table import SourceTable
from padm_ibis.params import Params
from padm_ibis.testing.run_model import DEFAULT_PARAMS, plainest
from padm_ibis.words.terms import FIRST_PLAUSIBLE_YEAR

Row = dict[str, Any]
University = dict[str, pa.Table]
CAMPUSES = ("sede1", "sede2")
PLATFORMS = ("campus",)
"""Values of ``lms_db``, and of ``source_db`` in bronze that a learning platform fills."""
OF_PLATFORMS = "lms_"
KEYS = 12
IDENTIFIERS = (1, 2, 3, 1, 2, 1, 0, -7)
"""The first ones often, so that rows meet; the others because a system's ids need not be above 0."""
YEARS_BACK = 6
ECHO = "_echo"
ABOUT = ("source_db", "alumno", "alumno_id", "persona", "persona_id", "elemento", "elemento_id", "comision", "comision_id",
         "anio_academico", "fecha", "fecha_relevamiento")  # fmt: skip
"""What a row is about: drawn apart, two rows would seldom be about one course, survey or day."""
TYPING_ERRORS = (1900, 1949, 1950, 2999, 0, -1, 10_000, 2**31 - 1)
EXTREME_DAYS = (dt.date(1, 1, 1), dt.date(9999, 12, 31), dt.date(2000, 2, 29), dt.date(2004, 2, 29), dt.date(2024, 2, 29))
DECIMALS = ("0", "0.29", "4", "7.5", "33.33", "49.99", "50", "74.999999", "75", "100", "-0.29", "-5.005", "100.01", "123456.789")

NOTAS = (
    "7",
    "4",
    "10",
    "7.50",
    "7,5",
    " 8 ",
    "9.999",
    "10.00",
    "10.01",
    "11",
    "0",
    "007",
    "-1",
    "1e1",
    "7.",
    "\t6",
    "Ausente",
    "A",
    " ",
    "",
    None,
)
RESULTADOS = ("A", "R", "U", "A", "R", "X", None)
TEXTS = ("x", "", "X", "x ", "Ñandú", "Nandu", "O'Higgins", "a:b", "Delegación Azul", "DELEGACIO\u0301N", "日本", None)
SI_NO = ("S", "N", "true", "false", " S", "", "1", None)
PRESENT = ("students", "dim_student", "personas", "dim_persona")
"""Tables that always have a row: a university without a student shows little."""
VALUES: Mapping[str, tuple[Any, ...]] = {
    "nota": NOTAS,
    "nota_cursada": NOTAS,
    "resultado": RESULTADOS,
    "resultado_cursada": RESULTADOS,
    "origen": ("E", "P", "R", "P", "R", "P", "R", "A", "B", " P", "", "Z", None),
    "tipo": ("Examen", "PROMOCIÓN", "Promocio\u0301n", "Cursada", "Regularidad", "Equivalencia", "Otro", None),
    "calidad": ("A", "P", None),
    "sexo": ("F", "M", "X", "P", None),
    "regular": SI_NO,
    "beca": SI_NO,
    "union_pareja": SI_NO,
    "deportes": SI_NO,
    "trabajo_existe": ("S", "N", "true", "1", None),
    "cantidad_hijos": (0, 1, 3, None),
    "trabajo_hora_sem": (0, 20, 31, 40, None),
    "anulado": (0, 0, 0, 1),
    "resultado_asp": ("A", "P", "R", None),
    "contacto_tipo": ("MP", "MP", "C"),
    "arquetipo": ("student", "editingteacher", "manager", "", None),
    "rol": ("student", "editingteacher", "ayudante"),
}
"""Values drawn for a column by its name, whatever the table; see ``values=`` of `tables`."""


def tables(
    names: Iterable[str],
    *,
    params: Params = DEFAULT_PARAMS,
    campuses: Iterable[str] = CAMPUSES,
    min_rows: int = 0,
    max_rows: int = 5,
    values: Mapping[str, st.SearchStrategy[Any]] | None = None,
    only: Mapping[str, Iterable[str]] | None = None,
    contracts_by_name: Mapping[str, type[Contract]] | None = None,
) -> st.SearchStrategy[University]:
    """Draw the named bronze or silver tables of one small university.

    Parameters
    ----------
    names
        Tables with a contract. All draw their ids from one small pool, so that joins meet.
    campuses
        Values of ``source_db``; ids repeat from campus to campus.
    min_rows, max_rows
        Least and most rows of a table.
    values
        ``column`` or ``table.column`` → what to draw for it.
    only
        Table → columns that matter; the others get the plainest value their contract accepts, which is faster.
    contracts_by_name
        Contracts of tables that are not this package's.

    Examples
    --------
    >>> university = tables(["students", "personas"]).example()  # doctest: +SKIP
    """
    drawn = {}
    for name in names:
        contract = (contracts_by_name or {}).get(name) or contract_of(name)
        columns = contracts.columns(contract, params)
        matter = None if only is None else frozenset(only.get(name, ()))
        size = (min_rows, max_rows)
        drawn[name] = _table(name, columns, contracts.key(contract), params, tuple(campuses), size, values or {}, matter)
    return st.fixed_dictionaries(drawn)


def source_tables(
    sources: Mapping[str, SourceTable],
    *,
    params: Params = DEFAULT_PARAMS,
    keys: Mapping[str, Iterable[str]] | None = None,
    max_rows: int = 4,
    values: Mapping[str, st.SearchStrategy[Any]] | None = None,
) -> st.SearchStrategy[University]:
    """Draw tables of a source system, to run bronze on.

    Parameters
    ----------
    keys
        Table → columns that are unique at the source; by default its first required column where it is a whole number.
    """
    drawn = {}
    for name, table in sources.items():
        columns = tuple(_source_column(table, column, kind) for column, kind in table.columns.items())
        key = tuple((keys or {}).get(name, ()))
        drawn[name] = _table(name, columns, key, params, (), (0, max_rows), values or {}, None)
    return st.fixed_dictionaries(drawn)


def _source_column(table: SourceTable, name: str, kind: idt.DataType) -> Column:
    return Column(name, kind, "", "attribute", "none", name not in table.required, None, None, name in table.required, ())


def _table(
    name: str,
    columns: tuple[Column, ...],
    key: tuple[str, ...],
    params: Params,
    campuses: tuple[str, ...],
    size: tuple[int, int],
    values: Mapping[str, st.SearchStrategy[Any]],
    only: frozenset[str] | None,
) -> st.SearchStrategy[pa.Table]:
    schema = pa.schema([(c.name, c.dtype.to_pyarrow()) for c in columns])
    if name in WHOLE:
        return st.just(pa.Table.from_pylist(WHOLE[name](params), schema=schema))
    needed = _needed(name, only, key)
    wanted = [c for c in columns if needed is None or c.name in needed]
    rest = {c.name: plainest(c, 1) for c in columns if needed is not None and c.name not in needed}
    drawn = _row(name, wanted, params, campuses, values)
    least, most = size
    least = max(least, 1 if name in PRESENT else 0)
    rows = st.lists(drawn, min_size=least, max_size=most, unique_by=(lambda row: tuple(row[k] for k in key)) if key else None)

    def build(found: list[Row]) -> pa.Table:
        derived = complete(name, [{**rest, **row} for row in _echoed(found, key)], params)
        return pa.Table.from_pylist(derived, schema=schema)

    return rows.map(build)


def _echoed(rows: list[Row], key: tuple[str, ...]) -> list[Row]:
    """The rows, of which those that `ECHO` marks say something of what the row before them is about, if keys stay unique."""
    marks = [row[ECHO] for row in rows]
    told = [{name: value for name, value in row.items() if name != ECHO} for row in rows]
    taken = {tuple(row[k] for k in key) for row in told}
    for i in (i for i, mark in enumerate(marks) if mark and i):
        echo = {**told[i], **{name: told[i - 1][name] for name in ABOUT if name in told[i]}}
        place = tuple(echo[k] for k in key)
        if place not in taken:
            taken.add(place)
            told[i] = echo
    return told


def _row(
    table: str,
    columns: Iterable[Column],
    params: Params,
    campuses: tuple[str, ...],
    values: Mapping[str, st.SearchStrategy[Any]],
) -> st.SearchStrategy[Row]:
    """A row whose columns each pick one of their values by a byte of one draw: many times as fast as a draw each."""
    given: dict[str, st.SearchStrategy[Any]] = {}
    choices: dict[str, tuple[Any, ...]] = {ECHO: (False, False, False, True)}
    for column in columns:
        own = values.get(f"{table}.{column.name}", values.get(column.name))
        if own is not None:
            given[column.name] = own
        elif column.name == "lms_db" or (column.name == "source_db" and table.startswith(OF_PLATFORMS)):
            choices[column.name] = PLATFORMS
        else:
            choices[column.name] = _choices(column, params, campuses)
    picked = st.binary(min_size=len(choices), max_size=len(choices)).map(
        lambda bytes_: {name: all_[byte % len(all_)] for (name, all_), byte in zip(choices.items(), bytes_, strict=True)}
    )
    return st.builds(lambda row, own: {**row, **own}, picked, st.fixed_dictionaries(given)) if given else picked


def _needed(name: str, only: frozenset[str] | None, key: tuple[str, ...]) -> frozenset[str] | None:
    """Columns to draw: those asked for, the key, and what derived ones are made from."""
    if only is None:
        return None
    made_from = {c for column in only for c in MADE_FROM.get(column, ())}
    return only | made_from | frozenset(key)


def _choices(column: Column, params: Params, campuses: tuple[str, ...]) -> tuple[Any, ...]:
    """What a column may hold, plainest first: allowed values, else what its name means, else what its type may hold."""
    statistics = {k: v for check in column.checks for k, v in (check.statistics or {}).items()}
    if column.name == "source_db":
        return campuses
    if allowed := statistics.get("allowed_values"):
        choices: tuple[Any, ...] = (*allowed, None)
    elif column.name in VALUES and not column.dtype.is_boolean() and not (column.dtype.is_decimal() and column.name == "nota"):
        choices = VALUES[column.name]
    else:
        low, high = statistics.get("min_value"), statistics.get("max_value")
        choices = tuple(
            v for v in _typed(column, params) if v is None or ((low is None or v >= low) and (high is None or v <= high))
        )
    return tuple(v for v in choices if v is not None or column.nullable)


def _typed(column: Column, params: Params) -> tuple[Any, ...]:
    kind, is_key = column.dtype, column.role == "key"
    if kind.is_date():
        return (*days(params), None)
    if kind.is_timestamp():
        return (*(dt.datetime.combine(d, t) for d in days(params) for t in (dt.time(), dt.time(23, 59, 59))), None)
    if kind.is_boolean():
        return (False, True, None)
    if kind.is_string():
        return tuple(f"k{n}" for n in range(KEYS)) if is_key else TEXTS
    if kind.is_integer():
        years = range(params.as_of_year - YEARS_BACK, params.as_of_year + 2)
        return (
            (*years, *years, *TYPING_ERRORS, None)
            if column.name.startswith("anio")
            else (*IDENTIFIERS, *(() if is_key else (None,)))
        )
    if kind.is_decimal():
        return (*(Decimal(text) for text in DECIMALS), None)
    return (*(float(text) for text in DECIMALS), None)


@functools.cache
def days(params: Params) -> tuple[dt.date, ...]:
    """Days on which something may go wrong: both sides of every cutoff, leap days, the far past, after ``as_of``."""
    found = [params.as_of, params.as_of + dt.timedelta(days=1)]
    for year in range(params.as_of_year - YEARS_BACK, params.as_of_year + 1):
        cutoff = params.cutoff(year)
        found += [cutoff, cutoff + dt.timedelta(days=1), dt.date(year, 7, 15)]
    first = params.cutoff(FIRST_PLAUSIBLE_YEAR - 1)
    return (*found, first, first + dt.timedelta(days=1), *EXTREME_DAYS)


# --- columns of silver that follow from others -----------------------------------------------------


def academic_year(day: dt.date | None, params: Params) -> int | None:
    """The academic year in which a day lies, in plain Python."""
    if day is None:
        return None
    return day.year if day.month >= params.academic_year_start_month else day.year - 1


def _larger(*years: int | None) -> int | None:
    return max((y for y in years if y is not None), default=None)


MADE_FROM: Mapping[str, tuple[str, ...]] = {
    "anio_evento": ("anio_academico", "fecha_conocida"),
    "anio_ingreso": ("fecha_ingreso",),
    "es_ultimo": ("persona_id", "fecha_relevamiento"),
    "aprobado_flag": ("tipo_evaluacion", "resultado"),
    "regularizado_flag": ("tipo_evaluacion", "resultado"),
    "reprobado_flag": ("tipo_evaluacion", "resultado"),
    "ausente_flag": ("tipo_evaluacion", "resultado"),
    "cumple_asistencia_flag": ("porc_asistencia",),
    "riesgo_asistencia_flag": ("porc_asistencia",),
    "fecha_reinscripcion": ("fecha_conocida",),
}


def complete(table: str, rows: list[Row], params: Params) -> list[Row]:
    """Make the derived columns of drawn silver rows agree with what they are derived from."""
    for row in rows:
        if "anio_evento" in row:
            _event(row, params)
        if "aprobado_flag" in row:
            _result(row)
        if "riesgo_asistencia_flag" in row:
            share = row["porc_asistencia"]
            row["cumple_asistencia_flag"] = int(share is not None and share >= 75)
            row["riesgo_asistencia_flag"] = int(share is not None and share < 50)
        if table == "dim_student":
            year = academic_year(row["fecha_ingreso"], params)
            row["anio_ingreso"] = None if year is None or year < 1950 else year
    if table == "dim_census":
        rows = [r for r in rows if r["fecha_relevamiento"] <= params.as_of]
        for row in rows:
            mine = [r["fecha_relevamiento"] for r in rows if all(r[k] == row[k] for k in ("source_db", "persona_id"))]
            row["es_ultimo"] = row["fecha_relevamiento"] == max(mine)
    return rows


def _event(row: Row, params: Params) -> None:
    known = row["fecha_conocida"]
    if known is not None and (known > params.as_of or known.year < 1951):
        known = row["fecha_conocida"] = params.as_of
    row["anio_evento"] = _larger(row["anio_academico"], academic_year(known, params))
    for column in ("fecha_inscripcion", "fecha_reinscripcion", "fecha_cambio"):
        if column in row and known is not None:
            row[column] = dt.datetime.combine(known, dt.time(12))
    for column in ("fecha_evaluacion", "fecha_dropout", "fecha_egreso"):
        if column in row:
            row[column] = known


def _result(row: Row) -> None:
    kind, result = row["tipo_evaluacion"], row["resultado"]
    counted = kind in ("EXAMEN", "PROMOCION", "CURSADA")
    row["aprobado_flag"] = int(result == "A" and kind in ("EXAMEN", "PROMOCION", "EQUIVALENCIA"))
    row["regularizado_flag"] = int(result == "A" and kind == "CURSADA")
    row["reprobado_flag"] = int(result == "R" and counted)
    row["ausente_flag"] = int(result == "U" and counted)


def _periods(params: Params) -> list[Row]:
    """Every year that a drawn row may mention."""
    return [
        {
            "anio_academico": year,
            "fecha_inicio": params.cutoff(year - 1) + dt.timedelta(days=1),
            "fecha_fin": params.cutoff(year),
            "periodo_label": str(year) if params.academic_year_start_month == 1 else f"{year}-{year + 1}",
            "anio_relativo": year - params.period_base_year,
            "esta_cerrado": params.cutoff(year) <= params.as_of,
        }
        for year in range(FIRST_PLAUSIBLE_YEAR, params.as_of_year + 2)
    ]


WHOLE: Mapping[str, Callable[[Params], list[Row]]] = {"dim_periodo": _periods}
"""Tables that are not drawn but follow from the parameters."""
