"""The domain's shared words, on DuckDB and PostgreSQL: given values → expected values."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from datetime import date
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa
import pytest

from padm_ibis.params import Params
from padm_ibis.words import terms

Apply = Callable[[Callable[[ir.Table], ir.Value], list[tuple[Any, ...]], str], list[Any]]
PARAMS = Params(as_of=date(2025, 2, 28))
TYPES = {"i": pa.int64(), "f": pa.float64(), "s": pa.string(), "d": pa.date32(), "b": pa.bool_()}


@pytest.fixture(params=["duckdb", pytest.param("postgres", marks=pytest.mark.postgres)])
def apply(request: pytest.FixtureRequest) -> Apply:
    """Values of a word over rows of columns a, b, …; ``types`` has one letter a column."""
    con = ibis.duckdb.connect() if request.param == "duckdb" else request.getfixturevalue(request.param)

    def values(word: Callable[[ir.Table], ir.Value], rows: list[tuple[Any, ...]], types: str) -> list[Any]:
        names = "abcdef"[: len(types)]
        schema = pa.schema([("n", pa.int64()), *((name, TYPES[kind]) for name, kind in zip(names, types, strict=True))])
        data = [{"n": n, **dict(zip(names, row, strict=True))} for n, row in enumerate(rows)]
        given = con.create_table(ibis.util.gen_name("given"), pa.Table.from_pylist(data, schema=schema), temp=True)
        found = con.create_table(ibis.util.gen_name("found"), given.select(given.n, v=word(given)), temp=True)
        return [row["v"] for row in sorted(found.to_pyarrow().to_pylist(), key=lambda row: row["n"])]

    return values


def test_a_flag_is_0_where_the_condition_is_unknown(apply: Apply) -> None:
    assert apply(lambda t: terms.flag(t.a), [(True,), (False,), (None,)], "b") == [1, 0, 0]


def test_a_ratio_of_whole_numbers_is_not_cut_and_has_no_value_over_nothing(apply: Apply) -> None:
    rows = [(7, 2), (1, 3), (-7, 2), (5, 0), (0, 0), (None, 2), (2, None)]
    assert apply(lambda t: terms.ratio(t.a, t.b), rows, "ii") == [3.5, 1 / 3, -3.5, None, None, None, None]


def test_the_larger_and_the_smaller_are_the_one_that_there_is(apply: Apply) -> None:
    rows = [(1, 2), (2, 1), (None, 3), (3, None), (None, None)]
    assert apply(lambda t: terms.larger(t.a, t.b), rows, "ii") == [2, 2, 3, 3, None]
    assert apply(lambda t: terms.smaller(t.a, t.b), rows, "ii") == [1, 1, 3, 3, None]


@pytest.mark.parametrize(
    ("month", "expected"), [(3, [2019, 2020, 2020, 2019]), (1, [2020, 2020, 2020, 2020]), (12, [2019] * 2 + [2020, 2019])]
)
def test_an_academic_year_starts_on_the_first_of_its_month(apply: Apply, month: int, expected: list[int]) -> None:
    days = [(date(2020, 2, 29),), (date(2020, 3, 1),), (date(2020, 12, 31),), (date(2020, 1, 1),), (None,)]
    params = Params(as_of=PARAMS.as_of, academic_year_start_month=month)
    assert apply(lambda t: terms.academic_year(t.a, params), days, "d") == [*expected, None]


def test_the_cutoff_is_the_last_day_before_the_next_year(apply: Apply) -> None:
    years = [(2023,), (2024,), (None,), (9998,), (123456,), (-5,)]
    expected = [date(2024, 2, 29), date(2025, 2, 28), None, date(9999, 2, 28), date(9999, 2, 28), date(1, 2, 28)]
    assert apply(lambda t: terms.cutoff(t.a, PARAMS), years, "i") == expected
    assert [PARAMS.cutoff(y) for y in (2023, 2024)] == expected[:2]


def test_whole_years_are_completed_anniversaries(apply: Apply) -> None:
    rows = [
        (date(2000, 2, 29), date(2018, 2, 28)),
        (date(2000, 2, 29), date(2018, 3, 1)),
        (date(2000, 2, 29), date(2020, 2, 29)),
        (date(2000, 12, 31), date(2024, 12, 30)),
        (date(2000, 12, 31), date(2024, 12, 31)),
        (date(2020, 5, 5), date(2020, 5, 5)),
        (date(2020, 5, 6), date(2020, 5, 5)),
        (None, date(2020, 1, 1)),
        (date(2020, 1, 1), None),
    ]
    assert apply(lambda t: terms.whole_years(t.a, t.b), rows, "dd") == [17, 18, 20, 23, 24, 0, None, None, None]


def test_what_is_plausible_starts_with_the_academic_year_1950(apply: Apply) -> None:
    assert apply(lambda t: terms.plausible_year(t.a), [(1949,), (1950,), (2050,), (None,)], "i") == [None, 1950, 2050, None]
    days = [(date(1950, 2, 28),), (date(1950, 3, 1),), (date(2999, 1, 1),), (None,)]
    assert apply(lambda t: terms.plausible_date(t.a, PARAMS), days, "d") == [None, date(1950, 3, 1), date(2999, 1, 1), None]


def test_a_fact_enters_history_in_the_later_of_its_two_years(apply: Apply) -> None:
    rows = [(2020, date(2019, 5, 1)), (2020, date(2021, 5, 1)), (2020, None), (None, date(2021, 2, 1)), (None, None)]
    assert apply(lambda t: terms.anio_evento(t.a, t.b, PARAMS), rows, "id") == [2020, 2021, 2020, 2020, None]


def test_accents_that_are_characters_of_their_own_are_left_out_too(apply: Apply) -> None:
    texts = [(unicodedata.normalize("NFD", text),) for text in ("PROMOCIÓN", "Delegación Ñandú", "pingüino, façade")]
    assert [len(text) for (text,) in texts] == [10, 19, 18]
    assert apply(lambda t: terms.plain(t.a), texts, "s") == ["promocion", "delegacion nandu", "pinguino, facade"]


def test_plain_text_has_neither_case_nor_accents(apply: Apply) -> None:
    texts = [("ÁÉÍÓÚÜÑ",), ("áéíóúüñ",), ("Delegación À",), ("",), (None,)]
    assert apply(lambda t: terms.plain(t.a), texts, "s") == ["aeiouun", "aeiouun", "delegacion a", "", None]


def test_blank_is_nothing_but_white_space(apply: Apply) -> None:
    texts = [(" \t\r\n",), ("",), (" 7 ",), (None,)]
    assert apply(lambda t: terms.blank_as_null(t.a), texts, "s") == [None, None, " 7 ", None]


def test_si_no_reads_letters_and_truth_values(apply: Apply) -> None:
    texts = [("S",), ("N",), ("true",), ("false",), ("S ",), ("s",), ("1",), ("",), (None,)]
    expected = [True, False, True, False, True, None, None, None, None]
    assert apply(lambda t: terms.si_no(t.a), texts, "s") == expected
    assert apply(lambda t: terms.si_no(t.a), [(True,), (False,), (None,)], "b") == [True, False, None]


def test_hundredths_are_cut_towards_zero_and_not_by_a_float_short_of_its_number(apply: Apply) -> None:
    numbers = [0.29, 4.35, 1.005, 2.999, 7.0, -0.29, -1.239, 0.0, 1234567.89, float("nan"), float("inf"), None]
    expected = [29, 435, 100, 299, 700, -29, -123, 0, 123456789, None, None, None]
    assert apply(lambda t: terms.hundredths(t.a), [(n,) for n in numbers], "f") == expected
    assert apply(lambda t: terms.from_hundredths(t.a), [(29,), (-123,), (None,)], "i") == [0.29, -1.23, None]


def test_one_row_a_key_is_the_first_in_order_nulls_last() -> None:
    con = ibis.duckdb.connect()
    rows = con.create_table("rows", {"k": ["a", "a", "a", "b", None], "v": [2, 1, None, None, 5]})
    kept = terms.one_per(rows, ["k"], [terms.first(rows.v)]).to_pyarrow().to_pylist()
    assert sorted(kept, key=str) == [{"k": "a", "v": 1}, {"k": "b", "v": None}, {"k": None, "v": 5}]
    greatest = terms.one_per(rows, ["k"], [terms.last(rows.v)]).to_pyarrow().to_pylist()
    assert {"k": "a", "v": 2} in greatest
