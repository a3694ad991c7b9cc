"""What only decides about rows counts by its class, and falls only behind a breaker that holds for it."""

from __future__ import annotations

import datetime

import ibis
import ibis.expr.types as ir
import pytest
from test_audit_privacy import Tables

from padm_ibis.audit.privacy import Finding, audit_privacy
from padm_ibis.bronze import BRONZE
from padm_ibis.define.contract import GoldContract, SilverContract, column, dt
from padm_ibis.define.graph import build
from padm_ibis.define.model import model
from padm_ibis.params import Params
from padm_ibis.silver import SILVER
from padm_ibis.sources.guarani import TABLES
from padm_ibis.words import terms

PARAMS = Params(as_of=datetime.date(2025, 2, 28))
READ = (*BRONZE, *SILVER)
MANY = {"breaker": "aggregate", "k": 3, "why": "Groups of three people or more."}


def with_programme(rows: ir.Table, students: ir.Table) -> ir.Table:
    return students.join(rows, ["source_db", "persona_id"]).select("source_db", "alumno_id", "persona_id", "propuesta_id")


def blind_by_programme(dim_census: ir.Table, dim_student: ir.Table) -> ir.Table:
    kept = with_programme(dim_census.filter(dim_census.disc_visual), dim_student)
    return kept.group_by("source_db", "propuesta_id").agg(x=kept.count())


def programmes_and_their_blind(dim_census: ir.Table, dim_student: ir.Table) -> ir.Table:
    all_of_them = dim_student.select("source_db", "propuesta_id").distinct()
    counted = blind_by_programme(dim_census, dim_student)
    both = all_of_them.left_join(counted, ["source_db", "propuesta_id"])
    return both.select("source_db", "propuesta_id", x=both.x.fill_null(0))


def programmes_whose_blind_are_listed(dim_census: ir.Table, dim_student: ir.Table) -> ir.Table:
    kept = with_programme(dim_census.filter(dim_census.disc_visual), dim_student)
    return kept.select("source_db", "propuesta_id", x=kept.alumno_id)


def adults(condition: str):
    def made(dim_persona: ir.Table, dim_student: ir.Table) -> ir.Table:
        born = dim_persona.fecha_nacimiento
        conditions = {
            "whole years": terms.whole_years(born, ibis.literal(PARAMS.as_of)) >= 18,
            "date": born <= datetime.date(2007, 2, 28),
            "the date itself": born.cast("string").like("%-02-28"),
            "anything of it": (born.epoch_days() % 7).cast("boolean"),
        }
        kept = with_programme(dim_persona.filter(conditions[condition]), dim_student)
        return kept.select("source_db", "propuesta_id", x=kept.alumno_id)

    return made


def mart(made, x: dict[str, object], key: dict[str, object]):
    def mart_x(dim_persona: ir.Table, dim_census: ir.Table, dim_student: ir.Table) -> ir.Table:
        given = {"dim_persona": dim_persona, "dim_census": dim_census, "dim_student": dim_student}
        names = made.__code__.co_varnames[: made.__code__.co_argcount]
        return made(**{name: given[name] for name in names})

    body = {
        "__annotations__": {"source_db": dt.String, "propuesta_id": dt.Int64, "x": dt.Int64},
        "source_db": column("Source.", role="key", **key),
        "propuesta_id": column("Programme.", role="key", **key),
        "x": column("X.", **x),
        "Config": type("Config", (), {"unique": ("source_db", "propuesta_id")}),
        "__module__": __name__,
    }
    return model(type("MartX", (GoldContract,), body))(mart_x)


def found(made, x=None, key=None, *, warehouse=None, params=PARAMS) -> dict[str, Finding]:
    graph = build([*READ, mart(made, x or {}, key or {})], TABLES)
    return {f.column: f for f in audit_privacy(graph, params, ["mart_x"], warehouse=warehouse).columns}


def test_a_count_of_rows_kept_by_a_sensitive_answer_is_sensitive_though_no_value_of_it_is_shown() -> None:
    for name, one in found(blind_by_programme).items():
        assert one.computed in ("none", "indirect"), name
        assert (one.control, one.controls) == ("sensitive", ("dim_census.disc_visual (filter)",)), name
        assert one.problem.endswith("sensitive data decides what it is made over: dim_census.disc_visual (filter)"), name


def test_groups_of_many_people_break_it_for_every_column_that_declares_so() -> None:
    assert [f.problem for f in found(blind_by_programme, MANY, MANY).values()] == ["", "", ""]
    half = found(blind_by_programme, MANY)
    assert (half["x"].problem, bool(half["source_db"].problem)) == ("", True)


def test_a_lookup_of_such_a_count_leaves_the_rows_it_is_looked_up_for_alone() -> None:
    one = found(programmes_and_their_blind, MANY)
    assert [f.problem for f in one.values()] == ["", "", ""]
    assert (one["source_db"].control, one["x"].control) == ("none", "sensitive")


def test_one_row_a_person_is_no_aggregate() -> None:
    assert "does not pass through an aggregation" in found(programmes_whose_blind_are_listed, MANY, MANY)["x"].problem


@pytest.mark.parametrize("breaker", ["bucket", "whole_years", "keyed_hash"])
def test_no_other_breaker_holds_for_what_a_sensitive_answer_decides(breaker: str) -> None:
    declared = {"pii": "indirect", "breaker": breaker, "why": "So it is said."}
    assert found(blind_by_programme, declared)["x"].problem


def test_the_people_kept_are_counted_not_all_of_them() -> None:
    # Programme 7 has four students, three of them kept; programme 8 has three students, one of them kept.
    persons = [*((7, n) for n in (1, 2, 3, 4)), *((8, n) for n in (5, 6, 7))]
    students = [{"source_db": "s", "alumno_id": p, "persona_id": p, "propuesta_id": programme} for programme, p in persons]
    day = datetime.date(2024, 3, 1)
    answers = [
        {"source_db": "s", "persona_id": p, "fecha_relevamiento": day, "disc_visual": p in (1, 2, 3, 5)} for _, p in persons
    ]

    def smallest(shown: list[int]) -> Finding:
        warehouse = Tables(dim_student=students, dim_census=answers)
        warehouse.con.execute("CREATE SCHEMA IF NOT EXISTS gold")
        values = ", ".join(f"('s', {programme}, 1)" for programme in shown)
        warehouse.con.execute(f"CREATE TABLE gold.mart_x AS SELECT * FROM (VALUES {values}) t(source_db, propuesta_id, x)")
        warehouse.names = (*warehouse.names, "mart_x")
        return found(blind_by_programme, MANY, MANY, warehouse=warehouse)["x"]

    assert (smallest([7]).smallest, smallest([7]).problem) == (3, "")
    assert smallest([7, 8]).problem == "its smallest group is of 1 people, not of 3 at least"


def test_a_condition_on_whole_years_or_on_a_band_shows_no_date_of_birth() -> None:
    years = {"pii": "indirect", "breaker": "whole_years", "why": "An age is shared by many."}
    band = {"pii": "indirect", "breaker": "bucket", "why": "Two bands."}
    assert found(adults("whole years"), years)["x"].problem == ""
    assert found(adults("date"), band)["x"].problem == ""
    for condition in ("date", "the date itself", "anything of it"):
        assert found(adults(condition), years)["x"].problem == (
            "dim_persona.fecha_nacimiento (filter) decides about it without terms.whole_years"
        )
    assert found(adults("anything of it"), band)["x"].problem
    assert "may not decide what gold shows" in found(adults("whole years"), {"pii": "direct"})["x"].problem or (
        "may not enter gold" in found(adults("whole years"), {"pii": "direct"})["x"].problem
    )


def test_what_a_sensitive_answer_decides_may_be_shown_where_sensitive_columns_may() -> None:
    def made(dim_census: ir.Table, dim_student: ir.Table) -> ir.Table:
        blind = dim_census.filter(dim_census.disc_visual).group_by("source_db", "persona_id").agg(n=1)
        both = dim_student.left_join(blind, ["source_db", "persona_id"])
        return both.select("source_db", "propuesta_id", x=both.n.fill_null(0))

    allowed = {"pii": "sensitive", "when": "include_sensitive"}
    with_them = Params(as_of=PARAMS.as_of, include_sensitive=True)
    assert [f.problem for f in found(made, allowed, params=with_them).values()] == ["", "", ""]
    assert "needs the parameter" in found(made, {"pii": "sensitive"}, params=with_them)["x"].problem
    assert "sensitive data decides" in found(made, {"pii": "indirect"}, params=with_them)["x"].problem


class Blind(SilverContract):
    """Persons whom one answer kept, as a table of its own: every column of it is as sensitive as the answer."""

    class Config:
        unique = ("source_db", "persona_id")

    source_db: dt.String = column("Source.", role="key", pii="sensitive")
    persona_id: dt.Int64 = column("Person.", role="key", pii="sensitive")


@model(Blind)
def blind(dim_census: ir.Table) -> ir.Table:
    """Persons, one row per persona_id."""
    return dim_census.filter(dim_census.disc_visual).select("source_db", "persona_id").distinct()


class MartTotals(GoldContract):
    """One number for the whole university."""

    class Config:
        unique = ("n",)

    n: dt.Int64 = column("Rows.", role="key")


def number_of(table: str) -> Finding:
    if table == "blind":

        def mart_totals(blind: ir.Table) -> ir.Table:
            return blind.agg(n=blind.count())
    else:

        def mart_totals(dim_census: ir.Table) -> ir.Table:
            return dim_census.agg(n=dim_census.count())

    graph = build([*READ, blind, model(MartTotals)(mart_totals)], TABLES)
    (found,) = audit_privacy(graph, PARAMS, ["mart_totals"]).columns
    return found


def test_the_rows_of_a_table_that_a_sensitive_answer_made_tell_though_no_column_of_them_is_read() -> None:
    one = number_of("blind")
    assert (one.computed, one.control, one.controls) == ("none", "sensitive", ("blind.(rows)",))
    assert one.problem == "declared none, but sensitive data decides what it is made over: blind.(rows)"
    assert (number_of("dim_census").problem, number_of("dim_census").controls) == ("", ())


def test_the_whole_way_is_told_from_the_source_to_the_column() -> None:
    source = ("mdp_datos_discapacidad.disc_visual", "census.disc_visual")
    kept = "dim_census.disc_visual (filter)"
    assert number_of("blind").path == (*source, kept, "blind.(rows)", "mart_totals.n")
    assert found(blind_by_programme)["x"].path == (*source, kept, "mart_x.x")
    born = found(adults("date"))["propuesta_id"].path
    assert born == (
        "mdp_personas.fecha_nacimiento", "personas.fecha_nacimiento", "dim_persona.fecha_nacimiento (filter)",
        "mart_x.propuesta_id",
    )  # fmt: skip
