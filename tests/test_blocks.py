"""Columns that several gold tables share: where they stand, and what becomes of them in another role."""

from __future__ import annotations

import ibis.expr.datatypes as dt
import pytest

from padm_ibis.checks.blocks import (
    AgeBlock,
    Block,
    Composed,
    EngagementBlock,
    as_real,
    as_text,
    block,
    like,
    missing,
    only,
    without,
)
from padm_ibis.checks.silver import DimCensus, DimPersona
from padm_ibis.define.contract import Column, GoldContract, all_columns, column, key
from padm_ibis.errors import UnknownName


class Composition(Composed):
    """One row per student."""

    class Config:
        unique = ("source_db",)

    source_db: dt.String = column("Source.", role="key")
    presencia: Block = only(block(EngagementBlock, "observed_real"), "tuvo_reinscripcion", "reinscripciones")
    fecha: dt.Date = column("A day.", nullable=True)
    persona: Block = like(DimPersona, "sexo")


def named(declared: Block) -> dict[str, Column]:
    return {c.name: c for c in declared}


def test_a_blocks_columns_stand_in_its_place() -> None:
    assert [c.name for c in all_columns(Composition)] == ["source_db", "tuvo_reinscripcion", "reinscripciones", "fecha", "sexo"]
    assert key(Composition) == ("source_db",)
    assert not hasattr(Composition, "presencia")


def test_a_column_keeps_type_limits_and_description_and_takes_the_role() -> None:
    flag = {c.name: c for c in all_columns(Composition)}["tuvo_reinscripcion"]
    assert (flag.dtype, flag.role, flag.nullable, flag.pii) == (dt.int64, "observed_real", False, "indirect")
    assert [check.statistics for check in flag.checks] == [{"allowed_values": [0, 1]}]
    assert flag.description.startswith("1 when the student re-enrolled")


def test_a_privacy_breaker_stays_with_the_column_that_needs_it() -> None:
    assert named(block(AgeBlock))["edad_al_anio"].breaker == "whole_years"
    assert named(like(DimPersona, "edad_actual"))["edad_actual"].breaker is None


def test_an_unknown_column_is_an_error_that_names_the_nearest() -> None:
    with pytest.raises(UnknownName, match="sexos") as error:
        like(DimPersona, "sexos")
    assert "'sexo'" in str(error.value)


def test_a_number_without_nulls_loses_the_limits_that_its_zero_might_break() -> None:
    class Block1(GoldContract):
        anio: dt.Int64 = column("Year.", nullable=True, ge=1950)
        veces: dt.Int64 = column("Times.", ge=0)

    real = named(as_real(block(Block1), "static_real"))
    assert (real["anio"].nullable, real["anio"].checks, real["anio"].role) == (False, (), "static_real")
    assert "anio_faltante" in real["anio"].description
    assert (real["veces"].description, len(real["veces"].checks)) == ("Times.", 1)
    assert [(c.name, c.dtype, c.nullable, c.role) for c in missing(block(Block1))] == [
        ("anio_faltante", dt.int64, False, "observed_real")
    ]


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("sexo", {"F", "M", "X", "desconocido"}),
        ("nacionalidad", None),
        ("beca", {"true", "false", "desconocido"}),
        ("tuvo_reinscripcion", {"0", "1"}),
    ],
)
def test_a_category_is_text_with_its_values_as_text(name: str, values: set[str] | None) -> None:
    every = (*like(DimPersona), *like(DimCensus, "beca"), *block(EngagementBlock))
    (category,) = as_text(Block(tuple(c for c in every if c.name == name)), "observed_categorical")
    assert (category.dtype, category.nullable, category.role) == (dt.string, False, "observed_categorical")
    assert [set(check.statistics["allowed_values"]) for check in category.checks] == ([values] if values else [])


def test_without_leaves_out_what_it_is_told() -> None:
    assert [c.name for c in without(like(DimPersona, "sexo", "nacionalidad"), "sexo")] == ["nacionalidad"]
