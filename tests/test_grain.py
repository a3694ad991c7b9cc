"""What identifies a row is found through every operation, and never claimed without proof."""

from __future__ import annotations

import ibis
import pytest

from padm_ibis.define.grain import Grain
from padm_ibis.words import terms

STUDENTS = ibis.table({"source_db": "string", "alumno_id": "int64", "persona_id": "int64", "ingreso": "int64"}, name="students")
MARKS = ibis.table(
    {"source_db": "string", "mark_id": "int64", "alumno_id": "int64", "anio": "int64", "nota": "int64"}, name="marks"
)
SURVEYS = ibis.table({"source_db": "string", "persona_id": "int64", "fecha": "date", "hijos": "int64"}, name="surveys")
KEYS = {
    "students": [["source_db", "alumno_id"]],
    "marks": [["source_db", "mark_id"]],
    "surveys": [["source_db", "persona_id", "fecha"]],
}
STUDENT_KEY = ["source_db", "alumno_id"]
YEARLY = MARKS.group_by([*STUDENT_KEY, "anio"]).agg(n=MARKS.count())


def unique(expression, *columns):
    return Grain(lambda table: KEYS.get(table, ())).of(expression.op()).unique(columns)


def test_a_declared_key_identifies_and_a_part_of_it_does_not():
    assert unique(STUDENTS, "source_db", "alumno_id", "ingreso")
    assert not unique(STUDENTS, "alumno_id")


def test_a_table_without_a_declared_key_has_none():
    assert not unique(ibis.table({"a": "int64"}, name="elsewhere"), "a")


def test_the_key_follows_renaming_shifting_and_widening():
    renamed = STUDENTS.select(base="source_db", id=(STUDENTS.alumno_id + 1), text=STUDENTS.alumno_id.cast("string"))
    assert unique(renamed, "base", "id")
    assert unique(renamed, "base", "text")


def test_a_lossy_change_of_the_key_loses_it():
    assert not unique(STUDENTS.select("source_db", half=STUDENTS.alumno_id // 2), "source_db", "half")


def test_groups_are_unique_and_what_they_determine_adds_nothing():
    joined = MARKS.left_join(STUDENTS, STUDENT_KEY).select("source_db", "alumno_id", "anio", "ingreso")
    grouped = joined.group_by(["source_db", "alumno_id", "ingreso"]).agg(n=joined.count())
    assert unique(grouped, "source_db", "alumno_id")
    assert not unique(grouped, "source_db", "ingreso")


def test_a_total_is_one_row():
    assert unique(MARKS.agg(n=MARKS.count()))


def test_distinct_rows_are_unique():
    assert unique(MARKS.select(*STUDENT_KEY).distinct(), *STUDENT_KEY)


def test_the_first_of_each_group_is_unique():
    first = terms.one_per(MARKS, STUDENT_KEY, [terms.first(MARKS.mark_id)])
    assert unique(first, *STUDENT_KEY)


def test_another_place_than_the_first_is_unique_too_but_a_rank_is_not():
    numbered = MARKS.mutate(
        place=ibis.row_number().over(group_by=STUDENT_KEY, order_by=MARKS.mark_id),
        rank=ibis.rank().over(group_by=STUDENT_KEY, order_by=MARKS.nota),
    )
    assert unique(numbered, *STUDENT_KEY, "place")
    assert unique(numbered.filter(numbered.place == 3), *STUDENT_KEY)
    assert not unique(numbered.filter(numbered["rank"] == 0), *STUDENT_KEY)


def test_a_join_to_a_unique_side_keeps_the_left_key():
    assert unique(MARKS.left_join(STUDENTS, STUDENT_KEY), "source_db", "mark_id")


def test_a_join_to_many_rows_needs_both_keys():
    fanned = STUDENTS.left_join(YEARLY, STUDENT_KEY).select("source_db", "alumno_id", "anio")
    assert not unique(fanned, *STUDENT_KEY)
    assert unique(fanned, *STUDENT_KEY, "anio")


def test_a_range_join_is_narrowed_by_the_first_of_each():
    joined = STUDENTS.left_join(SURVEYS, ["source_db", "persona_id", STUDENTS.ingreso >= SURVEYS.fecha.year()])
    joined = joined.select("source_db", "alumno_id", "fecha", "hijos")
    assert not unique(joined, *STUDENT_KEY)
    assert unique(joined, *STUDENT_KEY, "fecha")
    assert unique(terms.one_per(joined, STUDENT_KEY, [terms.last(joined.fecha)]), *STUDENT_KEY)


def test_a_shifted_year_still_joins_one_to_one():
    before = YEARLY.mutate(anio=YEARLY.anio + 1)
    assert unique(YEARLY.left_join(before, [*STUDENT_KEY, "anio"]), *STUDENT_KEY, "anio")


def test_semi_and_anti_joins_only_filter():
    assert unique(STUDENTS.semi_join(MARKS, STUDENT_KEY), *STUDENT_KEY)
    assert unique(STUDENTS.anti_join(MARKS, STUDENT_KEY), *STUDENT_KEY)


@pytest.mark.parametrize("how", ["outer", "right"])
def test_unmatched_rows_of_the_right_side_are_not_identified_by_the_left(how):
    assert not unique(YEARLY.join(STUDENTS, STUDENT_KEY, how=how).select("source_db", "alumno_id", "anio"), *STUDENT_KEY, "anio")


def test_a_union_is_unique_only_with_a_column_that_tells_the_parts_apart():
    one, two = MARKS.mutate(kind=ibis.literal("a")), MARKS.mutate(kind=ibis.literal("b"))
    assert not unique(MARKS.union(MARKS), "source_db", "mark_id")
    assert unique(one.union(two), "source_db", "mark_id", "kind")
    assert not unique(one.union(one), "source_db", "mark_id", "kind")
    assert unique(MARKS.select(*STUDENT_KEY).union(MARKS.select(*STUDENT_KEY), distinct=True), *STUDENT_KEY)


def test_a_range_laid_out_in_rows_is_unique():
    years = ibis.range(ibis.literal(2000), ibis.literal(2010)).unnest().name("anio").as_table()
    assert unique(years, "anio")
    assert unique(STUDENTS.cross_join(years), *STUDENT_KEY, "anio")
    assert not unique(STUDENTS.cross_join(years), *STUDENT_KEY)


def test_a_constant_column_is_not_needed():
    one_source = STUDENTS.filter(STUDENTS.source_db == "sede1")
    assert unique(one_source, "alumno_id")


def test_a_deep_expression_does_not_exhaust_the_stack():
    table = STUDENTS
    for n in range(1500):
        table = table.filter(table.ingreso > n)
    assert unique(table, *STUDENT_KEY)


def test_sorting_and_taking_some_rows_keep_the_key_and_taking_one_leaves_a_single_row():
    assert unique(STUDENTS.order_by("ingreso").limit(10), *STUDENT_KEY)
    assert unique(STUDENTS.order_by("ingreso").limit(1))


def test_filling_nulls_of_a_key_loses_it():
    assert unique(STUDENTS.fill_null({"persona_id": 0}), *STUDENT_KEY)
    assert not unique(STUDENTS.fill_null({"alumno_id": 0}), *STUDENT_KEY)
