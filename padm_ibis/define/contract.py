"""The words in which a table's contract is written.

A contract is a Pandera model on Ibis types: columns in order, strict. ``Config.unique`` is its key
(``Field(unique=True)`` is ignored by Pandera on Ibis and therefore refused by ``test_layout``).
What Pandera has no word for (role, personal data, foreign key) is the column's metadata.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from functools import cache
from typing import Any, Literal, get_args

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir
from pandera.ibis import DataFrameModel, Field

from padm_ibis.define import places
from padm_ibis.errors import DefinitionError, did_you_mean
from padm_ibis.params import Params

Layer = Literal["bronze", "silver", "gold"]
Pii = Literal["none", "indirect", "direct", "sensitive"]
Breaker = Literal["keyed_hash", "whole_years", "aggregate", "bucket"]
Role = Literal[
    "key", "attribute", "measure", "target", "known_at", "metadata",
    "group_id", "time_idx", "static_categorical", "static_real", "known_categorical", "known_real",
    "observed_categorical", "observed_real",
]  # fmt: skip
ROLES: tuple[str, ...] = get_args(Role)
CONDITIONS = tuple(f.name for f in fields(Params) if f.type in (bool, "bool"))
"""Run parameters that a column may hang on."""
FEATURE_ROLES = frozenset(r for r in ROLES if r.startswith(("static_", "known_c", "known_r", "observed_")))


class Contract(DataFrameModel):
    """Base of all contracts: exactly these columns, in this order."""

    class Config:
        strict = True
        ordered = True

    @classmethod
    def types(cls) -> dict[str, dt.DataType]:
        """Return the columns in order with their types, for a model whose list of them would only repeat the contract."""
        return {c.name: c.dtype for c in columns(cls)}


class BronzeContract(Contract):
    """A faithful copy of what one statement at a source returned."""


class SilverContract(Contract):
    """A dimension, bridge or fact."""


class GoldContract(Contract):
    """A mart or feature table."""


def column(
    description: str,
    *,
    role: Role = "attribute",
    pii: Pii = "none",
    nullable: bool = False,
    fk: str | None = None,
    when: str | None = None,
    required: bool = False,
    alias: str | None = None,
    isin: Iterable[Any] | None = None,
    ge: Any = None,
    le: Any = None,
    str_matches: str | None = None,
    breaker: Breaker | None = None,
    why: str = "",
    k: int | None = None,
) -> Any:
    """Declare one column of a contract.

    Parameters
    ----------
    description
        What the value means, with unit and source of the rule.
    role
        What the column is for; those of the training table follow the TFT's input types.
    pii
        Class of personal data, from the least to the most protected: ``none``, ``indirect`` (says something of a person,
        or singles one out within this system), ``direct`` (names a person, or would together with public records),
        ``sensitive`` (Ley 25.326, article 2). It may not be below that of the columns the value comes from.
    breaker, why
        What lowers the class of this column below that of its sources, and below that of what only decides about its rows
        (a filter, a join, a group on something direct or sensitive), and why that suffices: a ``keyed_hash`` made by the
        loader, ``whole_years`` instead of a date, an ``aggregate`` over at least ``k`` people, a ``bucket`` (the year of a
        date, a band). ``audit privacy`` verifies that the expression really passes through it.
    k
        With ``aggregate``: the least number of people in a group. The whole group counts, whatever a condition inside
        the aggregation picks of it; a person with several student records counts once. ``audit privacy`` counts them
        where there is a warehouse. A table that shows groups of any size makes no such promise: its columns keep the
        class of what they are made from.
    fk
        ``table.column`` this column points to; ``source_db`` is part of every reference whose target has it.
    when
        Name of the boolean run parameter without which the column does not exist.
    required
        In bronze: a source without it cannot be loaded.
    alias
        The real name, where it starts with an underscore.
    isin, ge, le, str_matches
        Allowed values, range or pattern (whole text); nulls are governed by ``nullable`` alone.
    """
    metadata = {"role": role, "pii": pii, "fk": fk, "when": when, "required": required, "breaker": breaker, "why": why, "k": k}
    return Field(
        description=description, nullable=nullable, alias=alias, metadata=metadata,
        isin=None if isin is None else list(isin), ge=ge, le=le, str_matches=str_matches,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a contract, as data."""

    name: str
    dtype: dt.DataType
    description: str
    role: Role
    pii: Pii
    nullable: bool
    fk: str | None
    when: str | None
    required: bool
    checks: tuple[Any, ...]
    breaker: Breaker | None = None
    why: str = ""
    k: int | None = None


@cache
def all_columns(contract: type[Contract]) -> tuple[Column, ...]:
    """Return every column of ``contract`` in order, conditional ones included.

    Raises
    ------
    DefinitionError
        If columns are not declared as `column` declares them; all of them are listed, with file and line.
    """
    declared = contract.to_schema().columns
    if wrong := [
        f"{places.of_class(contract, name)}: {contract.__name__}.{name} {mistake}"
        for name, field in declared.items()
        for mistake in _mistakes(contract, name, field)
    ]:
        raise DefinitionError("\n".join(wrong))
    return tuple(
        Column(
            name=name,
            dtype=dt.dtype(col.dtype.type),
            description=col.description or "",
            nullable=col.nullable,
            checks=tuple(col.checks),
            **col.metadata,
        )
        for name, col in declared.items()
    )


def _mistakes(contract: type[Contract], name: str, field: Any) -> Iterator[str]:
    """What is wrong with a column: declared otherwise than by `column`, it would silently promise less."""
    kept = field.metadata or {}
    if field.unique:
        yield "has Field(unique=True), which Pandera ignores on Ibis. Name the key in Config.unique."
    if "role" not in kept:
        yield f'is not declared with column(). Write {name}: dt.Int64 = column("What it means.").'
        return
    allowed = {"role": ROLES, "pii": get_args(Pii), "breaker": (None, *get_args(Breaker)), "when": (None, *CONDITIONS)}
    for word, values in allowed.items():
        if kept[word] not in values:
            near = did_you_mean(str(kept[word]), [value for value in values if value])
            yield f"has the {word} {kept[word]!r}, which does not exist. {near}"
    if (kept["breaker"] == "aggregate") != (kept["k"] is not None) or (kept["k"] or 2) < 2:
        yield (
            "has breaker='aggregate' or k: they go together, k being the least number of people in a group. "
            "Write k=5, or any number from 2 on."
        )


def columns(contract: type[Contract], params: Params | None = None) -> tuple[Column, ...]:
    """Return the columns that exist under ``params`` (without it: under the defaults)."""
    return tuple(c for c in all_columns(contract) if c.when is None or (params is not None and getattr(params, c.when)))


def schema(contract: type[Contract], params: Params | None = None) -> ibis.Schema:
    """Return the Ibis schema that a table of ``contract`` has, nullability left out."""
    return ibis.schema({c.name: c.dtype for c in columns(contract, params)})


@cache
def key(contract: type[Contract]) -> tuple[str, ...]:
    """Return the columns whose values identify a row: the table's grain.

    Raises
    ------
    DefinitionError
        If the contract names none.
    """
    unique: Sequence[str] | str | None = contract.to_schema().unique
    if not unique:
        raise DefinitionError(
            f"{places.of_class(contract)}: {contract.__name__} declares no Config.unique: a table needs a grain.",
            hint='Name the columns that identify a row: class Config: unique = ["source_db", …].',
        )
    return (unique,) if isinstance(unique, str) else tuple(unique)


def layer(contract: type[Contract]) -> Layer:
    """Return the layer whose contract base ``contract`` extends.

    Raises
    ------
    DefinitionError
        If it extends none.
    """
    bases: dict[type[Contract], Layer] = {BronzeContract: "bronze", SilverContract: "silver", GoldContract: "gold"}
    for base, name in bases.items():
        if issubclass(contract, base):
            return name
    names = ", ".join(base.__name__ for base in bases)
    raise DefinitionError(f"{places.of_class(contract)}: {contract.__name__} extends none of {names}.")


def unbound(contract: type[Contract], name: str, params: Params | None = None) -> ir.Table:
    """Return a table without data that stands for ``name`` in its layer's schema."""
    return ibis.table(schema(contract, params), name=name, database=layer(contract))
