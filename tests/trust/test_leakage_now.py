"""What a source overwrites knows the future: whatever way it takes into a point-in-time table, the leakage audit names it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import duckdb
import ibis.expr.types as ir
import pytest
from current_ways import CONSTANT, NOW, Drawn, drawn, peers, value
from hypothesis import given
from hypothesis import strategies as st
from ways import SILENT, WAYS, Way, quick

import padm_ibis as padm
from padm_ibis.audit.leakage import MODES, ROWS, Column, Mode, audit_leakage
from padm_ibis.bronze import BRONZE
from padm_ibis.define.compile import sql
from padm_ibis.define.contract import GoldContract, column, dt
from padm_ibis.define.graph import build
from padm_ibis.define.model import model
from padm_ibis.params import Params
from padm_ibis.sample import SAMPLE_AS_OF
from padm_ibis.silver import SILVER
from padm_ibis.sources.guarani import TABLES

pytestmark = pytest.mark.early

ALL_WAYS = {**WAYS, "value": value, "peers": peers}
OF_ONE_ROW = {
    name: ALL_WAYS[name]
    for name in (
        "filter", "having", "count_of_kept", "inner_join", "join_key", "semi_join", "left_join_that_marks", "group", "case",
        "where", "distinct", "intersect", "is_in", "shown_is_in", "unnest", "value", "peers",
    )
}  # fmt: skip
"""Ways that look at rows of the same student, or of the same year: what is constant may go them."""
NO_TRACE = {"group", "order", "limit", "as_many", "distinct", "drop_null", "union", "union_distinct"}
"""Ways on which these models show nothing of it, whatever it is: they are not proved, and fail for that."""

Audit = Callable[..., dict[str, list[Column]]]


@pytest.fixture(scope="module")
def audit(config: Path, tmp_path_factory: pytest.TempPathFactory) -> Audit:
    """Makes gold tables in a copy of the small warehouse, and audits them together: table → what was found."""
    built = tmp_path_factory.mktemp("now") / "warehouse.duckdb"
    shutil.copyfile(config.parent / "warehouse.duckdb", built)
    params = Params(as_of=SAMPLE_AS_OF)

    def audited(functions: Sequence[Callable[..., ir.Table]], modes: Sequence[Mode] = MODES) -> dict[str, list[Column]]:
        graph = build([*BRONZE, *SILVER, *functions], TABLES)
        names = [function.__name__ for function in functions]
        with duckdb.connect(built) as con:
            for name in names:
                con.execute(f"CREATE OR REPLACE TABLE gold.{name} AS {sql(graph.bind(graph[name], params), 'duckdb')}")
        with padm.connect(config, warehouse=f"duckdb://{built}") as warehouse:
            found = audit_leakage(warehouse, graph, tables=names, cuts=[2019], modes=modes).columns
        return {name: [c for c in found if c.table == name] for name in names}

    return audited


def findings(audit: Audit, told: Sequence[Drawn], modes: Sequence[Mode]) -> list[list[Column]]:
    names = [f"told_{n}" for n in range(len(told))]
    found = audit([one.model(name) for one, name in zip(told, names, strict=True)], modes)
    return [found[name] for name in names]


@pytest.fixture(scope="module")
def one_by_one(audit: Audit) -> dict[tuple[str, str], list[Column]]:
    every = [("activo", way) for way in ALL_WAYS] + [(now, way) for now in NOW for way in ("value", "filter", "peers")]
    each = [Drawn(now, NOW[now][1], Way(way, ALL_WAYS[way])) for now, way in dict.fromkeys(every)]
    return {(one.column, one.way.name): found for one, found in zip(each, findings(audit, each, ["remove"]), strict=True)}


@pytest.mark.parametrize("way", sorted(ALL_WAYS))
def test_each_way_of_todays_state_is_caught(one_by_one: dict[tuple[str, str], list[Column]], way: str) -> None:
    found = one_by_one["activo", way]
    failing = [c for c in found if c.verdict in ("leak", "vacuous")]
    assert "students.calidad (sga_alumnos.calidad)" in {name for c in failing for name in c.now}
    if way not in NO_TRACE:
        assert [c for c in failing if c.verdict == "leak"]


@pytest.mark.parametrize("now", sorted(NOW))
def test_a_leak_names_the_column_of_the_source_that_is_overwritten(
    one_by_one: dict[tuple[str, str], list[Column]], now: str
) -> None:
    by_value = {c.column: c for c in one_by_one[now, "value"]}
    assert (by_value["x"].verdict, by_value["x"].now) == ("leak", (NOW[now][0],))
    assert (by_value[ROWS].verdict, by_value[ROWS].now) == ("ok", ())
    by_filter = {c.column: c for c in one_by_one[now, "filter"]}
    assert (by_filter[ROWS].verdict, by_filter[ROWS].now) == ("leak", (NOW[now][0],))
    assert 0 < len(by_filter[ROWS].examples) <= 3


def test_drawn_models_that_know_todays_state_are_caught(audit: Audit, examples: int) -> None:
    @quick(examples // 3)
    @given(st.lists(drawn(NOW, ALL_WAYS), min_size=3, max_size=6), st.sampled_from(MODES))
    def law(told: list[Drawn], mode: Mode) -> None:
        for one, found in zip(told, findings(audit, told, [mode]), strict=True):
            failing = [c for c in found if c.verdict in ("leak", "vacuous")]
            assert NOW[one.column][0] in {name for c in failing for name in c.now}, one

    law()


@pytest.mark.parametrize(("columns", "ways"), [(CONSTANT, OF_ONE_ROW), (NOW, SILENT)], ids=["constant", "silent"])
def test_drawn_models_that_know_nothing_of_it_pass(audit: Audit, examples: int, columns, ways) -> None:
    @quick(examples // 6)
    @given(st.lists(drawn(columns, ways), min_size=4, max_size=8))
    def law(told: list[Drawn]) -> None:
        refused = [
            (one, c.column, c.verdict, c.now)
            for one, found in zip(told, findings(audit, told, MODES), strict=True)
            for c in found
            if c.verdict not in ("ok", "constant")
        ]
        assert refused == []

    law()


# --- rows, and columns of dated rows -------------------------------------------------------------------------------


class OfYear(GoldContract):
    """One row per student and year of a re-enrolment."""

    class Config:
        unique = ("source_db", "alumno_id", "anio_academico")

    source_db: dt.String = column("Source.", role="key")
    alumno_id: dt.Int64 = column("Student.", role="key", pii="indirect")
    anio_academico: dt.Int64 = column("Year.", role="key")


class StudentsOfProgramme(OfYear):
    """How many student records the programme has, and how many had entered by then."""

    today: dt.Int64 = column("Records there are.", pii="indirect", nullable=True)
    entered: dt.Int64 = column("Records of students who had entered by the year's end.", pii="indirect", nullable=True)


def reenrolled(fact_reinscription: ir.Table) -> ir.Table:
    years = fact_reinscription.filter(fact_reinscription.anio_evento.notnull())
    return years.select("source_db", "alumno_id", anio_academico="anio_evento").distinct()


@model(StudentsOfProgramme, point_in_time=True)
def students_of_programme(fact_reinscription: ir.Table, dim_student: ir.Table) -> ir.Table:
    """Re-enrolments, one row per alumno_id and anio_academico."""
    programme = ["source_db", "propuesta_id"]
    all_of_them = dim_student.group_by(programme).agg(today=dim_student.count())
    rows = reenrolled(fact_reinscription).left_join(dim_student, ["source_db", "alumno_id"])
    rows = rows.select("source_db", "alumno_id", "anio_academico", "propuesta_id")
    pairs = rows.select(*programme, "anio_academico").distinct().join(dim_student, programme)
    by_then = pairs.filter(pairs.anio_ingreso <= pairs.anio_academico)
    entered = by_then.group_by([*programme, "anio_academico"]).agg(entered=by_then.count())
    rows = rows.left_join(all_of_them, programme).drop("source_db_right", "propuesta_id_right")
    both = rows.left_join(entered, [*programme, "anio_academico"])
    return both.select("source_db", "alumno_id", "anio_academico", "today", "entered")


class StateOfEnrolment(OfYear):
    """What became of the year's enrolments."""

    enrolled: dt.Int64 = column("Enrolments of the year.", pii="indirect")
    accepted: dt.Int64 = column("Those that are accepted, as it says today.", pii="indirect")


@model(StateOfEnrolment, point_in_time=True)
def state_of_enrolment(fact_course_enrollment: ir.Table) -> ir.Table:
    """Years with an enrolment, one row per alumno_id and anio_academico."""
    t = fact_course_enrollment.filter(fact_course_enrollment.anio_evento.notnull())
    return t.group_by("source_db", "alumno_id", anio_academico="anio_evento").agg(
        enrolled=t.count(), accepted=(t.estado_inscripcion == "A").fill_null(False).sum()
    )


@pytest.fixture(scope="module")
def of_rows(audit: Audit) -> dict[tuple[str, str], Column]:
    found = audit([students_of_programme, state_of_enrolment])
    return {(c.table, c.column): c for columns in found.values() for c in columns}


def test_rows_that_came_later_are_not_there_yet(of_rows: dict[tuple[str, str], Column]) -> None:
    today = of_rows["students_of_programme", "today"]
    assert (today.verdict, today.now) == ("leak", ("students.(rows)",))
    entered = of_rows["students_of_programme", "entered"]
    assert (entered.moved, entered.now) == (0, ())


def test_a_dated_row_may_hold_a_state_that_is_overwritten(of_rows: dict[tuple[str, str], Column]) -> None:
    accepted = of_rows["state_of_enrolment", "accepted"]
    assert (accepted.verdict, accepted.now) == ("leak", ("course_inscriptions.estado_inscripcion (sga_insc_cursada.estado)",))
    assert of_rows["state_of_enrolment", "enrolled"].verdict == "ok"
