"""The class of personal data follows the values, and falls only where something really breaks it."""

from __future__ import annotations

import datetime
import json

import ibis
import pytest

from padm_ibis import terms
from padm_ibis.audit.privacy import audit_privacy
from padm_ibis.bronze import BRONZE
from padm_ibis.contract import GoldContract, column, dt
from padm_ibis.engine.graph import build, collect
from padm_ibis.model import model
from padm_ibis.params import Params
from padm_ibis.silver import SILVER
from padm_ibis.sources.guarani import TABLES

PARAMS = Params(as_of=datetime.date(2025, 2, 28))
AS_OF = ibis.literal(PARAMS.as_of)
GROUPED = "Counted over everyone of a programme."


@pytest.mark.parametrize("include_sensitive", [False, True])
def test_no_column_of_this_warehouse_is_above_its_declared_class(include_sensitive):
    params = Params(as_of=PARAMS.as_of, include_sensitive=include_sensitive)
    report = audit_privacy(collect(), params)
    assert [(p.table, p.column, p.problem) for p in report.problems] == []
    assert len(report.columns) > 800


def problem_of(declared, make, *, kind="string"):
    """What the audit says of one column ``x`` of a gold table made from persons and students."""

    def mart_probe(dim_persona, dim_student):
        return make(dim_persona, dim_student)

    key = column("Persons.", role="key", pii="indirect")
    body = {
        "__annotations__": {"source_db": dt.String, "persona_id": dt.Int64, "x": getattr(dt, kind)},
        "source_db": column("Source.", role="key"),
        "persona_id": key,
        "x": declared,
        "Config": type("Config", (), {"unique": ("source_db", "persona_id")}),
        "__module__": __name__,
    }
    marked = model(type("MartProbe", (GoldContract,), body))(mart_probe)
    (found,) = [
        f for f in audit_privacy(build([*BRONZE, *SILVER, marked], TABLES), PARAMS, ["mart_probe"]).columns if f.column == "x"
    ]
    return found.problem


def of_person(expression):
    return lambda persona, student: persona.select("source_db", "persona_id", x=expression(persona))


def test_a_document_hash_in_gold_is_refused_whatever_its_class():
    make = of_person(lambda p: p.documento_hash)
    for pii in ("none", "indirect", "direct"):
        assert problem_of(column("A hash.", pii=pii), make, kind="String")


def test_a_date_of_birth_in_gold_is_refused_whatever_its_class():
    make = of_person(lambda p: p.fecha_nacimiento)
    for pii in ("none", "indirect", "direct"):
        assert problem_of(column("A date of birth.", pii=pii, nullable=True), make, kind="Date")


def test_a_date_of_birth_in_disguise_is_a_date_of_birth():
    make = of_person(lambda p: p.fecha_nacimiento.strftime("%Y%m%d").cast("int64"))
    assert problem_of(column("Shifted.", pii="indirect"), make, kind="Int64")


def test_whole_years_break_a_date_of_birth():
    aged = column("Age.", pii="indirect", breaker="whole_years", why="Shared by many.")
    assert problem_of(aged, of_person(lambda p: terms.whole_years(p.fecha_nacimiento, AS_OF)), kind="Int64") == ""


def test_a_breaker_that_the_expression_does_not_pass_through_is_refused():
    make = of_person(lambda p: p.fecha_nacimiento)
    for breaker in ("whole_years", "bucket", "aggregate", "keyed_hash"):
        assert problem_of(column("A date.", pii="indirect", breaker=breaker, why="So it is said."), make, kind="Date"), breaker


def test_a_breaker_needs_a_reason():
    aged = column("Age.", pii="indirect", breaker="whole_years")
    make = of_person(lambda p: terms.whole_years(p.fecha_nacimiento, AS_OF))
    assert "no reason" in problem_of(aged, make, kind="Int64")


def test_whole_years_lower_no_further_than_to_indirect():
    aged = column("Age.", pii="none", breaker="whole_years", why="Shared by many.")
    make = of_person(lambda p: terms.whole_years(p.fecha_nacimiento, AS_OF))
    assert "indirect at least" in problem_of(aged, make, kind="Int64")


def test_a_year_of_birth_is_a_bucket():
    year = column("Year.", pii="indirect", breaker="bucket", why="Shared by everyone of a year.")
    assert problem_of(year, of_person(lambda p: p.fecha_nacimiento.year().cast("int64")), kind="Int64") == ""


def per_programme(persona, student):
    both = student.join(persona, ["source_db", "persona_id"]).select("source_db", "propuesta_id", "sexo")
    return both.group_by("source_db", persona_id="propuesta_id").agg(x=(both.sexo == "F").sum())


def per_person(persona, student):
    return persona.group_by("source_db", "persona_id").agg(x=(persona.sexo == "F").sum())


def test_a_total_over_people_breaks_a_class_and_a_total_of_one_person_does_not():
    total = column("Women.", breaker="aggregate", why=GROUPED)
    assert problem_of(total, per_programme, kind="Int64") == ""
    assert "aggregation over people" in problem_of(total, per_person, kind="Int64")


def test_sensitive_answers_need_the_parameter():
    def disabled(dim_census):
        return dim_census.select("source_db", "persona_id", x=dim_census.disc_visual)

    def report(declared):
        body = {
            "__annotations__": {"source_db": dt.String, "persona_id": dt.Int64, "x": dt.Boolean},
            "source_db": column("Source.", role="key"),
            "persona_id": column("Person.", role="key", pii="indirect"),
            "x": declared,
            "Config": type("Config", (), {"unique": ("source_db", "persona_id")}),
            "__module__": __name__,
        }
        marked = model(type("Disabled", (GoldContract,), body))(disabled)
        return audit_privacy(build([*BRONZE, *SILVER, marked], TABLES), PARAMS, ["disabled"])

    assert not report(column("Sight.", pii="indirect", nullable=True)).ok
    assert not report(column("Sight.", pii="sensitive", nullable=True)).ok
    assert json.loads(report(column("Sight.", pii="sensitive", nullable=True)).json())["ok"] is False


def test_an_unknown_origin_fails():
    def make(persona, student):
        con = ibis.duckdb.connect()
        return con.sql("select 'a' as source_db, 1::bigint as persona_id, 'b' as x")

    assert "not known" in problem_of(column("From SQL."), make, kind="String")
