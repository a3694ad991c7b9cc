"""Values and indirect columns are followed through every operation and every model."""

from __future__ import annotations

import time

import ibis
import pytest

from padm_ibis.define import lineage
from padm_ibis.define.lineage import Lineage, Ref
from padm_ibis.errors import UnknownName
from padm_ibis.words import terms

MARKS = ibis.table(
    {"source_db": "string", "mark_id": "int64", "alumno_id": "int64", "anio": "int64", "nota": "string"}, name="marks"
)
STUDENTS = ibis.table({"source_db": "string", "alumno_id": "int64", "sexo": "string"}, name="students")
KEY = ["source_db", "alumno_id"]


def origin(expression, column):
    found = lineage.of_expression(expression)[column]
    return {str(r) for r in found.values}, {str(r) for r in found.indirect}


def how(expression, column):
    return lineage.of_expression(expression)[column].how


def test_a_copy_comes_from_its_column_alone():
    assert origin(MARKS.select(x="nota"), "x") == ({"marks.nota"}, set())
    assert how(MARKS.select(x="nota"), "x") == frozenset()


def test_a_computed_column_comes_from_all_it_reads():
    expression = MARKS.mutate(x=MARKS.anio + MARKS.mark_id)
    assert origin(expression, "x") == ({"marks.anio", "marks.mark_id"}, set())
    assert how(expression, "x") == {"computed"}


def test_a_filter_is_indirect():
    assert origin(MARKS.filter(MARKS.anio > 2000).select("nota"), "nota") == ({"marks.nota"}, {"marks.anio"})


def test_a_condition_inside_a_value_is_a_value():
    assert origin(MARKS.mutate(x=(MARKS.anio > 2000).ifelse(1, 0)), "x")[0] == {"marks.anio"}


def test_join_keys_are_indirect_on_both_sides():
    joined = MARKS.left_join(STUDENTS, KEY).select("mark_id", "sexo")
    keys = {"marks.source_db", "marks.alumno_id", "students.source_db", "students.alumno_id"}
    assert origin(joined, "sexo") == ({"students.sexo"}, keys)


def test_groups_are_indirect_to_their_totals():
    totals = MARKS.group_by(KEY).agg(top=MARKS.anio.max(), n=MARKS.count(), some=MARKS.count(where=MARKS.nota == "7"))
    assert origin(totals, "top") == ({"marks.anio"}, {"marks.source_db", "marks.alumno_id"})
    assert origin(totals, "n")[0] == set()
    assert origin(totals, "some")[0] == {"marks.nota"}
    assert how(totals, "top") == how(totals, "n") == {"aggregate"}


def test_a_running_value_has_its_window_as_indirect_and_a_rank_its_order_as_value():
    window = ibis.window(group_by=KEY, order_by=MARKS.anio)
    expression = MARKS.select(before=MARKS.nota.lag().over(window), place=ibis.row_number().over(window))
    assert origin(expression, "before") == ({"marks.nota"}, {"marks.source_db", "marks.alumno_id", "marks.anio"})
    assert origin(expression, "place")[0] == {"marks.anio"}


def test_the_first_of_each_is_decided_by_its_order():
    first = terms.one_per(MARKS, KEY, [terms.first(MARKS.mark_id)])
    assert "marks.mark_id" in origin(first.select("nota"), "nota")[1]


def test_both_sides_of_a_union_count():
    other = MARKS.select(source_db="nota", mark_id="mark_id", alumno_id="alumno_id", anio="anio", nota="source_db")
    assert origin(MARKS.union(other), "nota")[0] == {"marks.nota", "marks.source_db"}


def test_subqueries_are_followed():
    latest = MARKS.anio.max().as_scalar()
    assert origin(STUDENTS.mutate(x=latest), "x")[0] == {"marks.anio"}
    inside = STUDENTS.filter(STUDENTS.alumno_id.isin(MARKS.filter(MARKS.anio > 2000).alumno_id))
    assert {"marks.alumno_id", "marks.anio"} <= origin(inside.select("sexo"), "sexo")[1]


def test_a_self_join_and_an_unnest_are_followed():
    other = MARKS.view()
    joined = MARKS.join(other, [MARKS.mark_id == other.anio]).select(x=other.nota)
    assert origin(joined, "x")[0] == {"marks.nota"}
    spread = MARKS.mutate(y=ibis.range(MARKS.anio, MARKS.anio + 3).unnest())
    assert origin(spread, "y")[0] == {"marks.anio"}


def test_sql_text_is_unresolved():
    con = ibis.duckdb.connect()
    (found,) = lineage.of_expression(con.sql("select 1 as a")).values()
    assert not found.resolved


def two_models():
    silver = MARKS.filter(MARKS.anio.notnull()).select("source_db", "alumno_id", grade=MARKS.nota.cast("int64"))
    table = ibis.table(silver.schema(), name="facts")
    gold = table.group_by(KEY).agg(best=table.grade.max())
    return Lineage({"facts": silver, "mart": gold}, {"facts": "silver", "mart": "gold"})


def test_lineage_crosses_models_down_to_the_source():
    found = two_models().sources(Ref("mart", "best"))
    assert found.values == {Ref("marks", "nota")}
    assert found.indirect == {Ref("marks", c) for c in ("source_db", "alumno_id", "anio")}
    assert found.how == {"aggregate", "computed"}


def test_the_tree_names_every_step():
    node = lineage.tree(two_models(), Ref("mart", "best"))
    assert node.as_dict() == {
        "column": "mart.best",
        "layer": "gold",
        "how": ["aggregate"],
        "values": [
            {
                "column": "facts.grade",
                "layer": "silver",
                "how": ["computed"],
                "values": [{"column": "marks.nota", "layer": "source", "how": [], "values": [], "indirect": []}],
                "indirect": ["marks.anio"],
            }
        ],
        "indirect": ["facts.alumno_id", "facts.source_db"],
    }


def test_mermaid_and_dot_draw_values_as_lines_and_the_rest_dashed():
    drawing = lineage.mermaid(two_models(), [Ref("mart", "best")])
    assert drawing.splitlines()[0] == "flowchart LR"
    assert drawing.count(" --> ") == 2
    assert lineage.mermaid(two_models(), [Ref("mart", "best")], indirect=True).count(" -.-> ") == 5
    assert '"facts.grade" -> "mart.best";' in lineage.dot(two_models(), [Ref("mart", "best")])
    assert "style=dashed" in lineage.dot(two_models(), [Ref("mart", "best")], indirect=True)


def test_unknown_tables_and_columns_are_named_with_the_nearest():
    with pytest.raises(UnknownName, match="grade"):
        two_models().column(Ref("facts", "grad"))
    with pytest.raises(UnknownName, match="mart"):
        two_models().table("marta")


def test_a_deep_expression_is_followed_in_no_time():
    table = MARKS
    for _ in range(400):
        table = table.mutate(anio=table.anio + 1).filter(lambda t: t.anio > 0)
    start = time.perf_counter()
    assert origin(table, "anio")[0] == {"marks.anio"}
    assert time.perf_counter() - start < 1


def test_which_rows_come_first_decides_only_where_some_are_taken():
    assert origin(MARKS.order_by("anio").select("nota"), "nota") == ({"marks.nota"}, set())
    assert origin(MARKS.order_by("anio").limit(3).select("nota"), "nota") == ({"marks.nota"}, {"marks.anio"})
