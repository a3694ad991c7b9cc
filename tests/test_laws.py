"""Each law names what breaks it, and lets an honest table pass."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings

from padm_ibis.define.model import model_of
from padm_ibis.silver import dim_elemento
from padm_ibis.testing import laws, prepare, strategies
from padm_ibis.testing.laws import LawBroken
from padm_ibis.testing.run_model import DEFAULT_PARAMS

QUICK = settings(max_examples=20, deadline=None, database=None, suppress_health_check=list(HealthCheck))


def test_a_key_that_occurs_twice_is_shown():
    with pytest.raises(LawBroken, match=r"\('sede1', 7\)"):
        laws.key_is_unique(pa.table({"source_db": ["sede1", "sede1"], "id": [7, 7]}), ("source_db", "id"))


@pytest.mark.parametrize(
    ("rates", "total"),
    [((0.5, 0.5, 0.5), 2), ((None, 0.5, 0.5), 2), ((0.0, 0.0, 0.0), 0)],
    ids=["sum", "null", "nothing to count"],
)
def test_rates_that_do_not_sum_to_one_are_shown(rates, total):
    columns = dict(zip(laws.RATES, ([r] for r in rates), strict=True))
    with pytest.raises(LawBroken, match="rates"):
        laws.rates_sum_to_one(pa.table({**columns, "total_evaluaciones": [total]}))


def test_rates_filled_where_a_flag_says_so_are_none():
    filled = {c: [0.0] for c in laws.RATES} | {f"{c}_faltante": [1] for c in laws.RATES}
    laws.rates_sum_to_one(pa.table({**filled, "total_evaluaciones": [0]}))


def test_nan_is_shown():
    with pytest.raises(LawBroken, match="finite"):
        laws.numbers_are_finite(pa.table({"x": [float("nan")]}))


def test_a_value_outside_its_contract_is_shown():
    contract = model_of(dim_elemento).contract
    honest = {"source_db": "sede1", "elemento_id": 1, "materia_codigo": "A1", "materia_nombre": "Álgebra"}
    laws.contract_holds(pa.Table.from_pylist([honest]), contract, DEFAULT_PARAMS)
    with pytest.raises(LawBroken, match="elemento_id is null"):
        laws.contract_holds(pa.Table.from_pylist([{**honest, "elemento_id": None}]), contract, DEFAULT_PARAMS)


def test_joins_of_an_honest_model_keep_their_rows():
    laws.left_joins_keep_their_rows(prepare(dim_elemento), {})


def test_drawn_tables_meet_their_contracts():
    @QUICK
    @given(strategies.tables(["fact_academic_performance", "dim_student", "dim_census", "fact_reinscription"]))
    def holds(tables):
        for name, table in tables.items():
            contract = strategies.contract_of(name)
            laws.contract_holds(table, contract, DEFAULT_PARAMS)
            laws.key_is_unique(table, strategies.contracts.key(contract))

    holds()


def test_drawn_facts_enter_the_history_in_the_later_of_their_two_years():
    @QUICK
    @given(strategies.tables(["fact_course_enrollment"]))
    def holds(tables):
        for row in tables["fact_course_enrollment"].to_pylist():
            known = strategies.academic_year(row["fecha_conocida"], DEFAULT_PARAMS)
            years = [y for y in (row["anio_academico"], known) if y is not None]
            assert row["anio_evento"] == max(years, default=None)

    holds()
