"""Bronze event tables with the year in which each row entered its student's history, and how that future is changed."""

from __future__ import annotations

from collections.abc import Sequence

import ibis
import ibis.expr.types as ir

from padm_ibis.define import contract as contracts
from padm_ibis.define.contract import Column
from padm_ibis.define.model import Model, Resource
from padm_ibis.params import Params
from padm_ibis.words import terms

YEAR, SOURCE, STUDENT, PERSON = "anio_academico", "source_db", "alumno", "persona"
EVENT, CUT = "_evento", "_corte"
NEVER = 9999
_KEPT = (STUDENT, PERSON, "origen", "tipo")


def year_of(model: Resource, table: ir.Table, params: Params) -> ir.IntegerValue:
    """Return the year in which a row became known, or, if that is later, the one it is about; null counts as always."""
    assert model.known_at is not None, "an event table says when its rows became known"
    known = table[model.known_at]
    year = year_in(known, params)
    about = YEAR in table.columns and not known.type().is_integer()
    return terms.larger(terms.plausible_year(table[YEAR]), year) if about else year


def year_in(known: ir.Value, params: Params) -> ir.IntegerValue:
    """The academic year of a date, an instant or a year; null where it is a typing error."""
    if known.type().is_integer():
        return terms.plausible_year(known)
    day = known.date() if known.type().is_timestamp() else known
    return terms.academic_year(terms.plausible_date(day, params), params)


def carrier(model: Model) -> str | None:
    """Return the column of a bronze table that says whose fact it is."""
    names = {c.name for c in contracts.all_columns(model.contract)}
    return next((c for c in (STUDENT, PERSON) if c in names), None)


def dated(model: Resource, bronze: ir.Table, columns: Sequence[str], params: Params) -> ir.Table:
    """Return some columns of a bronze table, and the year of each row."""
    return bronze.select(*columns, **{EVENT: year_of(model, bronze, params).cast("int64")})


def until(events: ir.Table, year: int, schema: ibis.Schema) -> ir.Table:
    """Return what of an event table was known by the end of ``year``; columns that it lacks are null."""
    known = events.filter(events[EVENT].isnull() | (events[EVENT] <= year))
    return known.select(**{name: known[name] if name in events.columns else ibis.null(kind) for name, kind in schema.items()})


def latest(students: ir.Table, events: Sequence[tuple[Resource, ir.Table]]) -> ir.Table:
    """Return students with the year of their last row in each event table (a column named after it)."""
    result = students.select(SOURCE, STUDENT, PERSON)
    for model, table in events:
        whose = carrier(model)
        if whose is None:
            result = result.mutate(**{model.name: ibis.null("int64")})
            continue
        last = table.filter(table[whose].notnull()).group_by([SOURCE, whose]).agg(**{model.name: table[EVENT].max()})
        result = result.left_join(last, [SOURCE, whose]).select(*result.columns, model.name)
    return result.drop(PERSON)


# --- the future changed ------------------------------------------------------------------------------------


def cuts(students: ir.Table, years: Sequence[int]) -> ir.Table:
    """Return students, each with its person and one of ``years``: all records of a person have the same."""
    number = students[PERSON].coalesce(students[STUDENT]) % len(years)
    cut = ibis.cases(*((number == i, year) for i, year in enumerate(years)), else_=years[-1]).cast("int64")
    return students.select(SOURCE, STUDENT, PERSON, **{CUT: cut})


def changed(model: Resource, events: ir.Table, students: ir.Table) -> ir.Table:
    """Return an event table in which each student's rows after the student's cut are other ones, and twice there.

    Their year becomes null, so that `until` keeps them all.

    Parameters
    ----------
    students
        As `cuts` returns it.
    """
    rows = _with_cut(model, events, students)
    later = (rows[EVENT] > rows[CUT]).fill_null(False)
    others = rows.mutate(**_others(model, rows, later), _later=later, **{EVENT: ibis.null("int64")})
    # A twin with the old values could stand in for the changed row: where only the last of a day counts, for one.
    twins = others.filter(others._later).mutate(**_twin(model, others))
    return others.select(events.columns).union(twins.select(events.columns))


def _with_cut(model: Resource, events: ir.Table, students: ir.Table) -> ir.Table:
    whose = carrier(model)
    if whose is None:
        return events.mutate(**{CUT: ibis.literal(NEVER, "int64")})
    per = students.filter(students[whose].notnull()).group_by([SOURCE, whose]).agg(**{CUT: students[CUT].max()})
    joined = events.left_join(per, [SOURCE, whose]).select(*events.columns, CUT)
    return joined.mutate(**{CUT: joined[CUT].coalesce(NEVER)})


def _others(model: Resource, rows: ir.Table, later: ir.BooleanValue) -> dict[str, ir.Value]:
    """Other values for what says something of the person in later rows: marks, results, answers, measures."""
    changed = {}
    for column in contracts.all_columns(model.contract):
        if column.name in rows.columns and _tells(column):
            value = rows[column.name]
            if (other := _other(column.name, value)) is not None:
                changed[column.name] = later.ifelse(other.cast(value.type()), value)
    return changed


def _tells(column: Column) -> bool:
    return column.role in ("attribute", "measure") and column.pii != "none" and not column.fk and column.name not in _KEPT


def _other(name: str, value: ir.Value) -> ir.Value | None:
    if name.startswith("resultado") and not name.endswith("descripcion"):
        return ibis.cases((value == "A", "R"), else_="A")
    if name.startswith("nota") and not name.endswith("descripcion"):
        return ibis.cases((value == "2", "9"), else_="2")
    if value.type().is_string():
        return ibis.cases((value == "S", "N"), (value == "N", "S"), (value == "true", "false"), else_="S")
    if value.type().is_boolean():
        return ~value
    if value.type().is_numeric():
        return value.coalesce(0) + 1
    return None


def _twin(model: Resource, rows: ir.Table) -> dict[str, ir.Value]:
    """Another key for a copy of a row."""
    return another_key(rows, [k for k in contracts.key(model.contract) if k not in (SOURCE, STUDENT, PERSON, YEAR)])


def another_key(rows: ir.Table, names: Sequence[str]) -> dict[str, ir.Value]:
    """Another value for the last of the columns named that is a number or, without one, a text."""
    numbers = [k for k in names if rows[k].type().is_integer()]
    texts = [k for k in names if rows[k].type().is_string()]
    if numbers:
        return {numbers[-1]: rows[numbers[-1]].coalesce(0) + 1_000_000_000}
    return {texts[-1]: rows[texts[-1]] + "#"} if texts else {}
