"""The class of personal data follows the values, and falls only where something really breaks it."""

from __future__ import annotations

import datetime
import json

import duckdb
import ibis
import ibis.expr.types as ir
import pyarrow as pa
import pytest

from padm_ibis.audit.privacy import audit_privacy
from padm_ibis.bronze import BRONZE
from padm_ibis.checks import contract_of
from padm_ibis.define import contract as contracts
from padm_ibis.define.contract import GoldContract, column, dt
from padm_ibis.define.graph import build
from padm_ibis.define.model import model
from padm_ibis.definitions import collect
from padm_ibis.errors import DefinitionError
from padm_ibis.params import Params
from padm_ibis.silver import SILVER
from padm_ibis.sources.guarani import TABLES
from padm_ibis.words import terms

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
    for breaker, more in (("whole_years", {}), ("bucket", {}), ("aggregate", {"k": 5}), ("keyed_hash", {})):
        declared = column("A date.", pii="indirect", breaker=breaker, why="So it is said.", **more)
        assert problem_of(declared, make, kind="Date"), breaker


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


def joined(persona, student):
    both = student.join(persona, ["source_db", "persona_id"])
    return both.select("source_db", "alumno_id", "persona_id", "propuesta_id", "sexo", "fecha_nacimiento")


def per_programme(persona, student, value=lambda t: (t.sexo == "F").sum()):
    both = joined(persona, student)
    return both.group_by("source_db", grupo="propuesta_id").agg(x=value(both)).rename(persona_id="grupo")


def per_person(persona, student):
    return persona.group_by("source_db", "persona_id").agg(x=(persona.sexo == "F").sum())


def per_person_in_disguise(persona, student):
    both = joined(persona, student).rename(grupo="alumno_id")
    return both.group_by("source_db", persona_id=both.grupo + 1).agg(x=(both.sexo == "F").sum())


def not_counted(persona, student):
    both = joined(persona, student).drop("alumno_id", "persona_id")
    return both.group_by("source_db", grupo="propuesta_id").agg(x=(both.sexo == "F").sum()).rename(persona_id="grupo")


def beside_a_total(persona, student):
    totals = per_programme(persona, student)
    own = joined(persona, student).join(totals, ["source_db"])
    return own.select("source_db", "persona_id", x=own.x + (own.sexo == "F").ifelse(1, 0))


def test_a_total_over_people_breaks_a_class_and_a_total_of_one_person_does_not():
    total = column("Women.", breaker="aggregate", k=5, why=GROUPED)
    assert problem_of(total, per_programme, kind="Int64") == ""
    for make in (per_person, per_person_in_disguise):
        assert "aggregation over people" in problem_of(total, make, kind="Int64"), make.__name__


def test_what_reaches_a_column_beside_a_total_is_not_broken_by_it():
    total = column("Women, and oneself.", breaker="aggregate", k=5, why=GROUPED)
    assert problem_of(total, beside_a_total, kind="Int64") == "dim_persona.sexo reaches it without an aggregation over people"


@pytest.mark.parametrize("extreme", ["min", "max", "first", "median", "arbitrary"])
def test_the_extreme_of_a_group_is_the_value_of_one(extreme):
    born = column("A year of birth.", pii="indirect", breaker="aggregate", k=5, why=GROUPED)
    make = lambda p, s: per_programme(p, s, lambda t: getattr(t.fecha_nacimiento.epoch_days(), extreme)())  # noqa: E731
    assert "aggregation over people" in problem_of(born, make, kind="Int64")
    mean = lambda p, s: per_programme(p, s, lambda t: t.fecha_nacimiento.epoch_days().cast("float64").mean())  # noqa: E731
    assert problem_of(born, mean, kind="Float64") == ""


def test_rows_that_do_not_say_whose_they_are_cannot_be_counted():
    total = column("Women.", breaker="aggregate", k=5, why=GROUPED)
    assert "does not say whose it is" in problem_of(total, not_counted, kind="Int64")


@pytest.mark.parametrize("declared", [{"breaker": "aggregate"}, {"breaker": "aggregate", "k": 1}, {"breaker": "bucket", "k": 5}])
def test_an_aggregate_says_over_how_many_people_and_nothing_else_does(declared):
    with pytest.raises(DefinitionError, match="least number of people"):
        problem_of(column("Women.", why=GROUPED, **declared), per_programme, kind="Int64")


class Tables:
    """What the audit asks of a warehouse, over tables of a few rows."""

    dialect, params = "duckdb", PARAMS

    def __init__(self, **rows):
        self.con = duckdb.connect()
        self.names = tuple(rows)
        for name, given in rows.items():
            contract = contract_of(name) if name != "mart_women" else MartWomen
            made = pa.Table.from_pylist(given, schema=contracts.schema(contract).to_pyarrow())
            layer = contracts.layer(contract)
            self.con.execute(f"CREATE SCHEMA IF NOT EXISTS {layer}")
            self.con.register("made", made)
            self.con.execute(f"CREATE TABLE {layer}.{name} AS SELECT * FROM made")

    def tables(self):
        return {"silver": self.names, "gold": ()}

    def execute(self, statement):
        return self.con.execute(statement).fetchall()


class MartWomen(GoldContract):
    """Women of each programme with three students or more."""

    class Config:
        unique = ("source_db", "propuesta_id")

    source_db: dt.String = column("Source.", role="key")
    propuesta_id: dt.Int64 = column("Programme.", role="key", pii="indirect")
    women: dt.Int64 = column("Women.", role="measure", breaker="aggregate", k=3, why=GROUPED)


@model(MartWomen)
def mart_women(dim_persona: ir.Table, dim_student: ir.Table) -> ir.Table:
    """Programmes, one row per propuesta_id."""
    both = joined(dim_persona, dim_student)
    groups = both.group_by("source_db", "propuesta_id").agg(women=(both.sexo == "F").sum(), records=both.count())
    return groups.filter(groups.records >= 3).select("source_db", "propuesta_id", "women")


# Programme 7: three records of three people; 8: three records of two; 9: one record, which the mart leaves out.
RECORDS = {7: (1, 2, 3), 8: (4, 5, 5), 9: (6,)}


def found_in(shown):
    """What the audit says of the mart's column where the mart shows some of the programmes."""
    pairs = [(programme, person) for programme, people in RECORDS.items() for person in people]
    students = [
        {"source_db": "s", "alumno_id": n, "persona_id": person, "propuesta_id": programme}
        for n, (programme, person) in enumerate(pairs)
    ]
    persons = [{"source_db": "s", "persona_id": n, "sexo": "F"} for n in range(1, 7)]
    shown = [{"source_db": "s", "propuesta_id": n, "women": 2} for n in shown]
    tables = Tables(dim_student=students, dim_persona=persons, mart_women=shown)
    graph = build([*BRONZE, *SILVER, mart_women], TABLES)
    (found,) = [f for f in audit_privacy(graph, PARAMS, ["mart_women"], warehouse=tables).columns if f.column == "women"]
    return found


def test_people_of_the_smallest_group_are_counted_and_a_person_with_two_records_once():
    found = found_in([7, 8])
    assert (found.k, found.smallest) == (3, 2)
    assert found.problem == "its smallest group is of 2 people, not of 3 at least"


def test_groups_that_the_table_leaves_out_do_not_count():
    found = found_in([7])
    assert (found.smallest, found.problem) == (3, "")


def test_without_a_warehouse_nobody_is_counted_and_the_report_says_so():
    graph = build([*BRONZE, *SILVER, mart_women], TABLES)
    (found,) = [f for f in audit_privacy(graph, PARAMS, ["mart_women"]).columns if f.column == "women"]
    assert (found.problem, found.k, found.smallest) == ("", 3, None)


def test_what_the_ledger_keeps_of_rows_is_in_the_report_with_their_class():
    found = {(f.table, f.column): f for f in audit_privacy(collect(), PARAMS).columns if f.layer == "_padm"}
    assert set(found) == {("rejected_rows", "key"), ("rejected_rows", "row_data"), ("check_results", "examples")}
    assert found["rejected_rows", "row_data"].declared == "sensitive"  # census has disc_*
    assert found["rejected_rows", "key"].declared == "indirect"


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
