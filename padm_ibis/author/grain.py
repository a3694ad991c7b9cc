"""The columns of a new table's key: looked up in what it reads, with their types, meanings and references."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from padm_ibis.define import contract as contracts
from padm_ibis.define.contract import Column
from padm_ibis.define.graph import Graph
from padm_ibis.define.model import Model
from padm_ibis.errors import UnknownName, UsageError, did_you_mean

SOURCE = "source_db"


def table_with(grain: Sequence[str], tables: Sequence[Model], *, among: Sequence[Model]) -> Model:
    """Return the first of the tables that has all columns of the grain and several rows to one of it, or else one.

    Parameters
    ----------
    among
        The tables that there are, for the hint.

    Raises
    ------
    UnknownName
        If a column is in none of them.
    UsageError
        If no table has all columns, or the grain is empty.
    """
    if not grain:
        raise UsageError("A table needs a grain: the columns that identify a row.", hint="Such as --grain source_db,alumno_id.")
    whole = [table for table in tables if set(grain) <= _columns(table).keys()]
    if whole:
        return next((table for table in whole if not set(table.grain) <= set(grain)), whole[0])
    where = "what a mart may read" if len(tables) == len(among) else ", ".join(table.name for table in tables)
    _refuse_unknown(grain, {name for table in tables for name in _columns(table)}, where)
    others = [table.name for table in among if set(grain) <= _columns(table).keys()]
    hint = f"These have: {', '.join(others)}." if others else "Begin with fewer columns, and join the other table in the model."
    raise UsageError(f"No table has all of {', '.join(grain)} in {where}.", hint=hint)


def _refuse_unknown(grain: Sequence[str], existing: Collection[str], where: str) -> None:
    unknown = [name for name in grain if name not in existing]
    if len(unknown) == 1:
        raise UnknownName("column", unknown[0], existing, where=where)
    if unknown:
        raise UsageError(
            "\n".join(f"There is no column named {name!r} in {where}. {did_you_mean(name, existing)}" for name in unknown)
        )


def key_columns(graph: Graph, table: Model, grain: Sequence[str]) -> tuple[Column, ...]:
    """Return the columns of a key made from ``table``, the source first, each with what it points to.

    Raises
    ------
    UsageError
        If one counts within a source only and the key lacks the source.
    """
    known = _columns(table)
    names = sorted(dict.fromkeys(grain), key=lambda name: name != SOURCE)
    columns = tuple(replace(known[name], role="key", fk=_target(table, known[name])) for name in names)
    for column in columns:
        if SOURCE not in names and column.fk and SOURCE in graph[column.fk.partition(".")[0]].grain:
            raise UsageError(
                f"{column.name} is unique within one source only: two sources use the same numbers.",
                hint=f"Write --grain {','.join([SOURCE, *names])}.",
            )
    return columns


def _columns(table: Model) -> dict[str, Column]:
    return {column.name: column for column in contracts.columns(table.contract)}


def _target(table: Model, column: Column) -> str | None:
    """What a column of a key points to: where it points already, or the dimension that it identifies."""
    own = [name for name in table.grain if name != SOURCE]
    return column.fk or (f"{table.name}.{column.name}" if own == [column.name] else None)
