"""Hypothesis strategies that draw small universities from the contracts.

A drawn university is consistent enough to run a model on (keys are unique and hit each other, facts carry the
years their dates imply) and hostile enough to break a careless one: marks such as ``'7,5'`` and ``'Ausente'``, nulls
wherever a contract allows them, days on both sides of every cutoff, ids shared by two campuses, accents, quotes.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any

import ibis.expr.datatypes as idt
import pyarrow as pa
from hypothesis import strategies as st

from padm_ibis import contract as contracts
from padm_ibis.checks import contract_of
from padm_ibis.contract import Column, Contract
from padm_ibis.params import Params
from padm_ibis.sources.table import SourceTable
from padm_ibis.terms import FIRST_PLAUSIBLE_YEAR
from padm_ibis.testing.run_model import DEFAULT_PARAMS, plainest

Row = dict[str, Any]
University = dict[str, pa.Table]
CAMPUSES = ("sede1", "sede2")
IDS = 3
YEARS_BACK = 6

NOTAS = ("7", "4", "10", "7.50", "7,5", " 8 ", "9.999", "10.01", "11", "0", "Ausente", "A", "", None)
RESULTADOS = ("A", "R", "U", "A", "R", "X", None)
TEXTS = ("", "x", "Ñandú", "O'Higgins", "a b", None)
SI_NO = ("S", "N", "true", "false", " S", "", "1", None)
PRESENT = ("students", "dim_student", "personas", "dim_persona")
"""Tables that always have a row: a university without a student shows little."""
VALUES: Mapping[str, tuple[Any, ...]] = {
    "nota": NOTAS,
    "nota_cursada": NOTAS,
    "resultado": RESULTADOS,
    "resultado_cursada": RESULTADOS,
    "origen": ("E", "P", "R", "A", "B", "", "Z", None),
    "tipo": ("Examen", "PROMOCIÓN", "Cursada", "Regularidad", "Equivalencia", "Otro", None),
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
}
"""Values drawn for a column by its name, whatever the table; see ``values=`` of `tables`."""


def tables(
    names: Iterable[str],
    *,
    params: Params = DEFAULT_PARAMS,
    campuses: Iterable[str] = CAMPUSES,
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
    max_rows
        Most rows of a table.
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
        drawn[name] = _table(name, columns, contracts.key(contract), params, tuple(campuses), max_rows, values or {}, matter)
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
        drawn[name] = _table(name, columns, key, params, (), max_rows, values or {}, None)
    return st.fixed_dictionaries(drawn)


def _source_column(table: SourceTable, name: str, kind: idt.DataType) -> Column:
    return Column(name, kind, "", "attribute", "none", name not in table.required, None, None, name in table.required, ())


def _table(
    name: str,
    columns: tuple[Column, ...],
    key: tuple[str, ...],
    params: Params,
    campuses: tuple[str, ...],
    max_rows: int,
    values: Mapping[str, st.SearchStrategy[Any]],
    only: frozenset[str] | None,
) -> st.SearchStrategy[pa.Table]:
    schema = pa.schema([(c.name, c.dtype.to_pyarrow()) for c in columns])
    if name in WHOLE:
        return st.just(pa.Table.from_pylist(WHOLE[name](params), schema=schema))
    needed = _needed(name, only, key)
    wanted = [c for c in columns if needed is None or c.name in needed]
    rest = {c.name: plainest(c, 1) for c in columns if needed is not None and c.name not in needed}
    names = [c.name for c in wanted]
    drawn = st.tuples(*(_value(name, c, params, campuses, values) for c in wanted))
    places = [names.index(k) for k in key]
    least = 1 if name in PRESENT else 0
    rows = st.lists(
        drawn, min_size=least, max_size=max_rows, unique_by=(lambda row: tuple(row[i] for i in places)) if places else None
    )

    def build(found: list[tuple[Any, ...]]) -> pa.Table:
        derived = complete(name, [{**rest, **dict(zip(names, row, strict=True))} for row in found], params)
        return pa.Table.from_pylist(derived, schema=schema)

    return rows.map(build)


def _needed(name: str, only: frozenset[str] | None, key: tuple[str, ...]) -> frozenset[str] | None:
    """Columns to draw: those asked for, the key, and what derived ones are made from."""
    if only is None:
        return None
    made_from = {c for column in only for c in MADE_FROM.get(column, ())}
    return only | made_from | frozenset(key)


def _value(
    table: str, column: Column, params: Params, campuses: tuple[str, ...], values: Mapping[str, st.SearchStrategy[Any]]
) -> st.SearchStrategy[Any]:
    """What a column may hold: declared values first, then what its name means, then its type."""
    given = values.get(f"{table}.{column.name}") or values.get(column.name)
    if given is not None:
        return given
    statistics = {k: v for check in column.checks for k, v in (check.statistics or {}).items()}
    if column.name == "source_db":
        return st.sampled_from(campuses)
    if allowed := statistics.get("allowed_values"):
        return st.sampled_from([*allowed, *([None] if column.nullable else [])])
    if column.name in VALUES and not column.dtype.is_boolean():
        return st.sampled_from([v for v in VALUES[column.name] if column.nullable or v is not None])
    return _typed(column, statistics, params)


def _typed(column: Column, statistics: Mapping[str, Any], params: Params) -> st.SearchStrategy[Any]:
    kind, low, high = column.dtype, statistics.get("min_value"), statistics.get("max_value")
    choices: list[Any]
    if kind.is_date():
        choices = days(params)
    elif kind.is_timestamp():
        choices = [dt.datetime.combine(d, t) for d in days(params) for t in (dt.time(), dt.time(23, 59, 59))]
    elif kind.is_boolean():
        choices = [False, True]
    elif kind.is_string():
        choices = [f"k{n}" for n in range(IDS)] if column.role == "key" else list(TEXTS)
    elif kind.is_integer() and column.name.startswith("anio"):
        choices = [*range(params.as_of_year - YEARS_BACK, params.as_of_year + 2), 1900, 2999]
    elif kind.is_integer():
        choices = list(range(1, IDS + 1))
    elif kind.is_decimal():
        choices = [Decimal(text) for text in ("0", "0.29", "50", "74.999999", "75", "33.333333", "100")]
    else:
        choices = [0.0, 0.29, 4.0, 7.5, 33.33, 49.99, 75.0, 100.0]
    fitting = [v for v in choices if v is None or ((low is None or v >= low) and (high is None or v <= high))]
    if (column.role != "key" and column.nullable) or (column.nullable and "anio" in column.name):
        fitting.append(None)
    return st.sampled_from([v for v in fitting if v is not None or column.nullable])


def days(params: Params) -> list[dt.date]:
    """Days on which something may go wrong: both sides of every cutoff, leap days, the far past, after ``as_of``."""
    found = [dt.date(1900, 1, 1), dt.date(2000, 2, 29), params.as_of, params.as_of + dt.timedelta(days=1)]
    for year in range(params.as_of_year - YEARS_BACK, params.as_of_year + 1):
        cutoff = params.cutoff(year)
        found += [cutoff, cutoff + dt.timedelta(days=1), dt.date(year, 7, 15)]
    return found


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
