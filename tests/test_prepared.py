"""A prepared model gives what the model gives, however the data changes between runs."""

from __future__ import annotations

from padm_ibis.define.model import model_of
from padm_ibis.silver import dim_propuesta
from padm_ibis.testing import prepare, rows_as_table, run_model


def test_a_plan_made_on_empty_tables_keeps_its_filters():
    rows = [{"alumno": 1, "propuesta": None}, {"alumno": 2, "propuesta": 7, "propuesta_nombre": "Derecho"}]
    students = rows_as_table("students", rows, model_of(dim_propuesta))
    run = prepare(dim_propuesta)
    assert run({}).num_rows == 0
    assert run({"students": students}).to_pylist() == run_model(dim_propuesta, {"students": rows}).to_pylist()
    assert [r["propuesta_id"] for r in run({"students": students}).to_pylist()] == [7]


def test_a_run_leaves_nothing_behind():
    students = rows_as_table("students", [{"alumno": 2, "propuesta": 7}], model_of(dim_propuesta))
    run = prepare(dim_propuesta)
    assert run({"students": students}).num_rows == 1
    assert run({}).num_rows == 0
