"""Laws that hold for every table of this warehouse, whatever the data; to be tried on drawn universities.

Each law takes a prepared model and its tables, and raises `LawBroken` with what it found. `subject_to` says which laws a
model is subject to; `check` tries them all with few runs of it.
"""

from __future__ import annotations

import functools
import math
import random
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

import ibis.expr.operations as ops
import ibis.expr.types as ir
import pyarrow as pa

from padm_ibis.define import contract as contracts
from padm_ibis.define.contract import Contract
from padm_ibis.params import Params
from padm_ibis.testing.prepared import Prepared, Tables
from padm_ibis.testing.strategies import OF_PLATFORMS, academic_year

Row = dict[str, Any]
RATES = ("tasa_aprobacion", "tasa_reprobacion", "tasa_ausentismo")
NOT_FEATURES = ("target", "metadata")
STUDENT, SOURCE, YEAR = "alumno_id", "source_db", "anio_academico"


class LawBroken(AssertionError):
    """A table that breaks a law; the message says which, and shows the rows."""


# --- of one result ---------------------------------------------------------------------------------


def key_is_unique(result: pa.Table, key: Collection[str]) -> None:
    """No two rows share their key."""
    counts = Counter(tuple(row[k] for k in key) for row in result.select(list(key)).to_pylist())
    _refuse("the key is not unique", [k for k, n in counts.items() if n > 1])


def contract_holds(result: pa.Table, contract: type[Contract], params: Params) -> None:
    """Every value is one that its column's contract allows."""
    broken = []
    for column in contracts.columns(contract, params):
        if column.name not in result.column_names:
            broken.append(f"{column.name} is missing")
            continue
        values = result[column.name].to_pylist()
        if not column.nullable and None in values:
            broken.append(f"{column.name} is null")
        statistics = {k: v for check in column.checks for k, v in (check.statistics or {}).items()}
        broken += [f"{column.name} = {v!r}" for v in values if v is not None and not _allowed(v, statistics)]
    _refuse("the contract does not hold", broken)


def rates_sum_to_one(result: pa.Table, rates: Collection[str] = RATES, total: str = "total_evaluaciones") -> None:
    """Rates of one whole sum to 1, and are null (or flagged ``_faltante``) exactly where there is nothing to count."""
    if not {*rates, total} <= set(result.column_names):
        return
    broken = []
    flags = [f"{r}_faltante" for r in rates if f"{r}_faltante" in result.column_names]
    for row in result.select([*rates, *flags, total]).to_pylist():
        values = [None if row.get(f"{r}_faltante") else row[r] for r in rates]
        if row[total] == 0:
            fits = all(v is None for v in values)
        else:
            fits = None not in values and math.isclose(sum(v for v in values if v is not None), 1, abs_tol=1e-12)
        if not fits:
            broken.append(row)
    _refuse("rates do not sum to 1", broken)


def numbers_are_finite(result: pa.Table) -> None:
    """No column holds NaN or an infinity."""
    broken = []
    for name, kind in zip(result.column_names, result.schema.types, strict=True):
        if pa.types.is_floating(kind):
            broken += [f"{name} = {v}" for v in result[name].to_pylist() if v is not None and not math.isfinite(v)]
    _refuse("a number is not finite", broken)


# --- of two results --------------------------------------------------------------------------------


def row_order_is_irrelevant(run: Prepared, tables: Tables, seed: int = 0) -> None:
    """Shuffling the rows of the inputs changes nothing."""
    same_rows("the order of rows matters", run(tables), run(shuffled(tables, seed)), run.model.grain)


def another_campus_changes_nothing(run: Prepared, tables: Tables, campus: str) -> None:
    """Rows of a campus are the same when it is the only one; columns of role metadata excepted."""
    if SOURCE not in run.model.grain:
        return
    mine, others = _rows(run(tables)), _rows(run(only(tables, SOURCE, {campus})))
    columns = _comparable(run, ("metadata",))
    _same_rows("another campus matters", [r for r in mine if r[SOURCE] == campus], others, run.model.grain, columns)


def another_student_changes_nothing(
    run: Prepared,
    tables: Tables,
    campus: str,
    student: int,
    population: Collection[str] = (),
    result: pa.Table | None = None,
) -> None:
    """A student's rows are the same when everybody else of all campuses is gone; columns of role metadata excepted.

    Parameters
    ----------
    population
        Columns declared to depend on others (a place in a ranking).
    result
        What the model makes of the tables, where it is already known.
    """
    if not _of_students(run):
        return
    columns = [c for c in _comparable(run, ("metadata",)) if c not in population]
    both = (run(tables) if result is None else result, run(alone(tables, campus, student)))
    mine, others = (_of(_rows(found), campus, student) for found in both)
    _same_rows("another student matters", mine, others, run.model.grain, columns)


def a_later_fact_moves_nothing(run: Prepared, tables: Tables, year: int, result: pa.Table | None = None) -> None:
    """Rows up to ``year`` are there, and their features the same, without the facts of later years.

    Parameters
    ----------
    result
        What the model makes of the tables, where it is already known.
    """
    if not run.model.point_in_time:
        return
    both = (run(known_by(tables, year, run.params)), run(tables) if result is None else result)
    before, after = (_until(_rows(found), year) for found in both)
    _same_rows(f"a fact later than {year} matters", before, after, run.model.grain, _comparable(run, NOT_FEATURES))


def left_joins_keep_their_rows(run: Prepared, tables: Tables) -> None:
    """No left join of the expression has more or fewer rows than its left side; declared fan-outs excepted."""
    names, question = join_counts(run)
    if question is None:
        return
    (counts,) = run.ask(question, tables).to_pylist()
    changed = [(n, counts[f"before_{i}"], counts[f"after_{i}"]) for i, n in enumerate(names)]
    _refuse(
        "a left join does not keep its rows",
        [f"join to {name}: {before} rows became {after}" for name, before, after in changed if before != after],
    )


# --- all of them -----------------------------------------------------------------------------------

ALWAYS = ("key", "contract", "finite", "order")


def subject_to(run: Prepared) -> tuple[str, ...]:
    """Return the names of the laws that a model is subject to, by its key, its columns and what it declares."""
    grain, columns = run.model.grain, _comparable(run, ())
    conditions = {
        "rates": {*RATES, "total_evaluaciones"} <= set(columns),
        "campus": SOURCE in grain,
        "student": _of_students(run),
        "later fact": run.model.point_in_time,
        "left joins": bool(join_counts(run)[0]),
    }
    return (*ALWAYS, *(law for law, holds in conditions.items() if holds))


def check(
    run: Prepared,
    tables: Tables,
    *,
    seed: int = 0,
    campus: str = "sede1",
    year: int | None = None,
    student: int = 0,
    population: Collection[str] = (),
) -> None:
    """Try every law that the model is subject to, with two to four runs of it.

    Parameters
    ----------
    student
        Which student of the campus is left alone: a place among those that the result has.
    population
        Columns declared to depend on other students; they are held to all laws but that one.
    """
    result = run(tables)
    key_is_unique(result, run.model.grain)
    contract_holds(result, run.contract, run.params)
    rates_sum_to_one(result)
    numbers_are_finite(result)
    left_joins_keep_their_rows(run, tables)
    _order_and_campus_change_nothing(run, tables, result, seed, campus)
    a_later_fact_moves_nothing(run, tables, run.params.last_closed_year - 2 if year is None else year, result)
    who = _one_of(result, campus, student) if _of_students(run) else None
    if who is not None:
        another_student_changes_nothing(run, tables, campus, who, population, result)


def _order_and_campus_change_nothing(run: Prepared, tables: Tables, result: pa.Table, seed: int, campus: str) -> None:
    """Two laws with one run; when it differs, each by itself says which is broken."""
    less, rows = shuffled(tables, seed), _rows(result)
    if SOURCE in run.model.grain:
        less, rows = only(less, SOURCE, {campus}), [r for r in rows if r[SOURCE] == campus]
    if not _differences(rows, _rows(run(less)), run.model.grain, _comparable(run, ("metadata",))):
        return
    row_order_is_irrelevant(run, tables, seed)
    another_campus_changes_nothing(run, tables, campus)
    raise LawBroken("order and campus together matter, though neither of them alone does.")


def _one_of(result: pa.Table, campus: str, place: int) -> int | None:
    """A student of the campus, by its place among those that the result has; None without any."""
    found = sorted({r[STUDENT] for r in result.select([SOURCE, STUDENT]).to_pylist() if r[SOURCE] == campus})
    return found[place % len(found)] if found else None


# --- changes of the tables -------------------------------------------------------------------------


def shuffled(tables: Tables, seed: int) -> dict[str, pa.Table]:
    """The same tables, their rows in another order."""
    chance = random.Random(seed)
    return {n: t.take(pa.array(chance.sample(range(t.num_rows), t.num_rows), pa.int64())) for n, t in tables.items()}


def only(tables: Tables, column: str, values: Collection[Any]) -> dict[str, pa.Table]:
    """The rows that have one of the values in a column; tables without that column stay whole.

    A learning platform is no campus: bronze that it fills stays whole, too, whichever campus is asked for.
    """

    def asked(name: str, table: pa.Table) -> bool:
        return column in table.column_names and not (column == SOURCE and name.startswith(OF_PLATFORMS))

    return {n: _filter(t, lambda r: r[column] in values) if asked(n, t) else t for n, t in tables.items()}


def known_by(tables: Tables, year: int, params: Params) -> dict[str, pa.Table]:
    """Silver as it was known at the cutoff of ``year``: facts by ``anio_evento``, surveys by their day.

    A fact without an ``anio_evento`` enters no series, and goes too.
    """
    known = {}
    for name, table in tables.items():
        if "anio_evento" in table.column_names:
            known[name] = _filter(table, lambda r: r["anio_evento"] is not None and r["anio_evento"] <= year)
        elif "fecha_relevamiento" in table.column_names:
            known[name] = _filter(table, lambda r: academic_year(r["fecha_relevamiento"], params) <= year)  # type: ignore[operator]
        else:
            known[name] = table
    return known


def alone(tables: Tables, campus: str, student: int) -> dict[str, pa.Table]:
    """One student of one campus with what there is about them and their person; tables of neither stay whole."""
    left = only(only(only(tables, SOURCE, {campus}), STUDENT, {student}), "alumno", {student})
    for persona, of_student in (("persona_id", STUDENT), ("persona", "alumno")):
        described = [t for t in left.values() if {persona, of_student} <= set(t.column_names)]
        persons = {value for t in described for value in t[persona].to_pylist()}
        if described:
            left = {n: t if of_student in t.column_names else only({n: t}, persona, persons)[n] for n, t in left.items()}
    return left


def _filter(table: pa.Table, keep: Callable[[Row], bool]) -> pa.Table:
    return table.filter(pa.array([keep(row) for row in table.to_pylist()], pa.bool_()))


# --- comparing -------------------------------------------------------------------------------------


def _rows(result: pa.Table) -> list[Row]:
    return result.to_pylist()


def _of(rows: Iterable[Row], campus: str, student: int) -> list[Row]:
    return [r for r in rows if r[SOURCE] == campus and r[STUDENT] == student]


def _until(rows: Iterable[Row], year: int) -> list[Row]:
    return [r for r in rows if r[YEAR] <= year]


def _of_students(run: Prepared) -> bool:
    return {SOURCE, STUDENT} <= set(_comparable(run, ()))


def _comparable(run: Prepared, without: Collection[str]) -> list[str]:
    return [c.name for c in contracts.columns(run.contract, run.params) if c.role not in without]


def same_rows(law: str, left: pa.Table, right: pa.Table, key: Collection[str]) -> None:
    """Two tables have the same rows, found by their key."""
    _same_rows(law, _rows(left), _rows(right), key, left.column_names)


def _same_rows(law: str, left: list[Row], right: list[Row], key: Collection[str], columns: Iterable[str]) -> None:
    _refuse(law, _differences(left, right, key, columns))


def _differences(left: list[Row], right: list[Row], key: Collection[str], columns: Iterable[str]) -> list[str]:
    mine, theirs = _by_key(left, key), _by_key(right, key)
    found = [f"row {k} only on one side" for k in mine.keys() ^ theirs.keys()]
    for k in mine.keys() & theirs.keys():
        found += [
            f"{column} of {k}: {mine[k][column]!r} and {theirs[k][column]!r}"
            for column in columns
            if not same_value(mine[k][column], theirs[k][column])
        ]
    return found


def _by_key(rows: list[Row], key: Collection[str]) -> dict[tuple[Any, ...], Row]:
    return {tuple(row[k] for k in key): row for row in rows}


def same_value(one: Any, other: Any) -> bool:
    """Equal bit for bit; NaN equals NaN."""
    return one == other or (one != one and other != other)


def _allowed(value: Any, statistics: Mapping[str, Any]) -> bool:
    allowed = statistics.get("allowed_values")
    low, high = statistics.get("min_value"), statistics.get("max_value")
    return (allowed is None or value in allowed) and (low is None or value >= low) and (high is None or value <= high)


def _refuse(law: str, found: Collection[Any]) -> None:
    if found:
        shown = "\n  ".join(str(f) for f in list(found)[:5])
        more = f"\n  and {len(found) - 5} more" if len(found) > 5 else ""
        raise LawBroken(f"{law}:\n  {shown}{more}")


# --- joins -----------------------------------------------------------------------------------------


@functools.cache
def join_counts(run: Prepared) -> tuple[list[str], ir.Table | None]:
    """Return the right tables of the left joins that may not multiply rows, and one question that counts both sides of each."""
    from padm_ibis.define.lint import join_name

    names: list[str] = []
    counts: list[ir.Table] = []
    for chain in run.expression.op().find(ops.JoinChain):
        for i, link in enumerate(chain.rest):
            name = join_name(link)
            if link.how != "left" or {"fan-out", f"fan-out {name}"} & set(run.model.allow):
                continue
            before = chain.first.parent.to_expr() if i == 0 else _prefix(chain, i)
            for side, table in (("before", before), ("after", _prefix(chain, i + 1))):
                counts.append(table.count().name(f"{side}_{len(names)}").as_table())
            names.append(name)
    return names, functools.reduce(lambda left, right: left.cross_join(right), counts) if counts else None


def _prefix(chain: ops.JoinChain, links: int) -> Any:
    """The first links of a chain, as a table."""
    first = next(iter(chain.first.schema.names))
    return ops.JoinChain(chain.first, chain.rest[:links], {first: ops.Field(chain.first, first)}).to_expr()


__all__ = [
    "LawBroken",
    "a_later_fact_moves_nothing",
    "alone",
    "another_campus_changes_nothing",
    "another_student_changes_nothing",
    "check",
    "contract_holds",
    "key_is_unique",
    "known_by",
    "left_joins_keep_their_rows",
    "numbers_are_finite",
    "only",
    "rates_sum_to_one",
    "row_order_is_irrelevant",
    "same_rows",
    "shuffled",
    "subject_to",
]
