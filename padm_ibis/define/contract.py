"""The words in which a table's contract is written.

A contract is a Pandera model on Ibis types: columns in order, strict. ``Config.unique`` is its key
(``Field(unique=True)`` is ignored by Pandera on Ibis and therefore refused by ``test_layout``).
What Pandera has no word for (role, personal data, foreign key) is the column's metadata.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, get_args

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir
from pandera.ibis import DataFrameModel, Field

from padm_ibis.errors import DefinitionError
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
FEATURE_ROLES = frozenset(r for r in ROLES if r.startswith(("static_", "known_c", "known_r", "observed_")))


class Contract(DataFrameModel):
    """Base of all contracts: exactly these columns, in this order."""

    class Config:
        strict = True
        ordered = True


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
        What lowers the class of this column below that of its sources, and why that suffices: a ``keyed_hash`` made by the
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
    """Return every column of ``contract`` in order, conditional ones included."""
    fields = contract.to_schema().columns
    return tuple(
        Column(
            name=name,
            dtype=dt.dtype(col.dtype.type),
            description=col.description or "",
            nullable=col.nullable,
            checks=tuple(col.checks),
            **_metadata(contract, name, col),
        )
        for name, col in fields.items()
    )


def _metadata(contract: type[Contract], name: str, field: Any) -> dict[str, Any]:
    """What `column` keeps with a field; a field declared otherwise would silently promise less."""
    where = f"{contract.__name__}.{name}"
    if field.unique:
        raise DefinitionError(f"{where}: Pandera ignores Field(unique=True) on Ibis.", hint="Name the key in Config.unique.")
    if not field.metadata or "role" not in field.metadata:
        raise DefinitionError(f"{where} is not declared with column().", hint=f'{name}: dt.Int64 = column("What it means.")')
    if (field.metadata["breaker"] == "aggregate") != (field.metadata["k"] is not None) or (field.metadata["k"] or 2) < 2:
        raise DefinitionError(
            f"{where}: breaker='aggregate' goes with the least number of people in a group, and only with it.",
            hint="Write k=5, or any number from 2 on.",
        )
    return dict(field.metadata)


def columns(contract: type[Contract], params: Params | None = None) -> tuple[Column, ...]:
    """Return the columns that exist under ``params`` (without it: under the defaults)."""
    return tuple(c for c in all_columns(contract) if c.when is None or (params is not None and getattr(params, c.when)))


def schema(contract: type[Contract], params: Params | None = None) -> ibis.Schema:
    """Return the Ibis schema that a table of ``contract`` has, nullability left out."""
    return ibis.schema({c.name: c.dtype for c in columns(contract, params)})


@cache
def key(contract: type[Contract]) -> tuple[str, ...]:
    """Return the columns whose values identify a row: the table's grain."""
    unique: Sequence[str] | str | None = contract.to_schema().unique
    if not unique:
        raise TypeError(f"{contract.__name__} declares no Config.unique: a table needs a grain.")
    return (unique,) if isinstance(unique, str) else tuple(unique)


def layer(contract: type[Contract]) -> Layer:
    """Return the layer whose contract base ``contract`` extends."""
    bases: dict[type[Contract], Layer] = {BronzeContract: "bronze", SilverContract: "silver", GoldContract: "gold"}
    for base, name in bases.items():
        if issubclass(contract, base):
            return name
    raise TypeError(f"{contract.__name__} extends none of {', '.join(b.__name__ for b in bases)}.")


def unbound(contract: type[Contract], name: str, params: Params | None = None) -> ir.Table:
    """Return a table without data that stands for ``name`` in its layer's schema."""
    return ibis.table(schema(contract, params), name=name, database=layer(contract))
