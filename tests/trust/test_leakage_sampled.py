"""What is audited on some people: the tables that are made person by person, and what a sample of so many may miss."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Sequence
from fractions import Fraction
from math import comb

import duckdb
import ibis
import ibis.expr.types as ir
import pytest
from test_leakage_now import OfYear, reenrolled
from ways import SILENT, WAYS

import padm_ibis as padm
from padm_ibis.audit.apart import apart
from padm_ibis.audit.leakage import ROWS, audit_leakage
from padm_ibis.audit.sampled import PERSONS, Sample, missed
from padm_ibis.bronze import BRONZE
from padm_ibis.define.compile import sql
from padm_ibis.define.contract import column, dt
from padm_ibis.define.graph import build
from padm_ibis.define.model import model
from padm_ibis.params import Params
from padm_ibis.sample import SAMPLE_AS_OF
from padm_ibis.silver import SILVER
from padm_ibis.sources.guarani import TABLES

pytestmark = pytest.mark.early

CUTS = (2017, 2020)
DRAWN = 15
OF = 38  # of 40 student records
KEY = ("source_db", "alumno_id")


# --- how many are enough ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("drawn", "of", "touched", "expected"),
    [(2, 4, 1, Fraction(1, 2)), (2, 5, 2, Fraction(3, 10)), (4, 4, 1, 0), (3, 5, 3, 0), (1, 10, 1, Fraction(9, 10))],
)
def test_what_a_sample_misses_is_counted_by_hand(drawn, of, touched, expected):
    assert missed(drawn, of, touched) == pytest.approx(float(expected), abs=1e-15)


@pytest.mark.parametrize("of", [1_401, 2_000, 10_000, 1_000_000])
def test_a_leak_in_one_of_two_hundred_persons_is_missed_less_than_once_in_a_thousand_times(of):
    sample = Sample(("t",), PERSONS, of)
    assert sample.touched >= of / 200
    # None of the touched among the drawn: so many ways to draw from the others, of all ways to draw.
    assert sample.missed == pytest.approx(float(Fraction(comb(of - sample.touched, PERSONS), comb(of, PERSONS))), rel=1e-9)
    assert sample.missed < 1 / 1_000


def test_the_bound_is_told_in_words():
    assert Sample(("a", "b"), 2, 5, share=0.4).bound == (
        "a and b are audited on 2 of 5 persons, drawn by a keyed hash, with everything of theirs: "
        "a leak that shows in 0.4 of all persons (2) is missed with a probability of 0.3."
    )
    assert "(50) is missed with a probability of 0.00052." in Sample(("t",), PERSONS, 10_000).bound


# --- which tables ----------------------------------------------------------------------------------------------------


def needed(functions, graph, params):
    return {f.__name__: graph.bind(graph[f.__name__], params).columns for f in functions}


def expressions(graph, params):
    return {m.name: graph.bind(m, params) for m in graph if m.layer != "bronze"}


def test_the_tables_of_the_package_that_are_made_person_by_person(graph):
    found = apart(graph, expressions(graph, Params(as_of=SAMPLE_AS_OF)), {})
    silver = {name for name in found if graph[name].layer == "silver"}
    assert silver == {
        "dim_student", "dim_persona", "dim_census", "fact_academic_performance", "fact_attendance", "fact_course_enrollment",
        "fact_dropout", "fact_egreso", "fact_exam_inscription", "fact_reinscription", "fact_student_status_history",
    }  # fmt: skip
    gold = {name for name in found if graph[name].layer == "gold"}
    assert {"gold_tft_temporal_features", "gold_tft_training_dataset", "mart_student_risk_features"} <= gold
    # Cohorts, subjects, teachers and the calendar are many people's, and so is the mean of all.
    assert not {"mart_cohort_analysis", "mart_kpi_materia", "mart_ranking_docentes", "gold_tft_known_future"} & gold


def test_a_column_that_others_decide_keeps_a_table_from_being_sampled_only_where_it_is_needed(graph):
    every = expressions(graph, Params(as_of=SAMPLE_AS_OF))
    everything = {"gold_tft_training_dataset": every["gold_tft_training_dataset"].columns}
    assert "gold_tft_training_dataset" not in apart(graph, every, everything)  # particion: the newest year that anybody has
    features = {"gold_tft_training_dataset": [c for c in everything["gold_tft_training_dataset"] if c != "particion"]}
    assert "gold_tft_training_dataset" in apart(graph, every, features)


APART = {
    "filter", "having", "count_of_kept", "inner_join", "semi_join", "anti_join", "left_join_that_marks",
    "looked_up_and_filtered", "by_a_condition_of_the_join", "group", "case", "where", "order", "distinct", "drop_null",
    "union", "union_distinct", "intersect", "difference", "unnest", "dropped", "looked_up_and_dropped", "never_read",
    "all_together",
}  # fmt: skip
"""Ways that bring only rows of one student together."""
TOGETHER = {
    "counted_beside", "join_key", "partition", "window_order", "rank", "running_total", "limit", "as_many", "first_of_each",
    "is_in", "shown_is_in", "number_of_all",
}  # fmt: skip


@pytest.fixture(scope="module")
def of_ways(graph):
    """Way → what it makes of students' years, with today's state as the column that decides; and whether that is apart."""
    params = Params(as_of=SAMPLE_AS_OF)
    from padm_ibis.define import contract as contracts

    tables = {name: contracts.unbound(graph[name].contract, name, params) for name in ("dim_student", "fact_reinscription")}
    others = reenrolled(tables["fact_reinscription"])
    students = tables["dim_student"].select(*KEY, s=tables["dim_student"].calidad == "A")
    rows = others.left_join(students, list(KEY)).select(*KEY, "anio_academico", "s")
    every = expressions(graph, params)
    made = {name: way(rows, others) for name, way in {**WAYS, **SILENT}.items()}
    return {name: (table, name in apart(graph, {**every, name: table}, {name: table.columns})) for name, table in made.items()}


def test_every_way_is_told_from_the_others(of_ways):
    assert {*APART, *TOGETHER} == {*of_ways}
    assert {name for name, (_, found) in of_ways.items() if found} == APART


@pytest.mark.parametrize("way", sorted(APART))
def test_a_table_of_single_people_is_the_same_without_the_others(of_ways, config, way):
    table, _ = of_ways[way]
    query = sql(table.filter(table.alumno_id % 3 == 0), "duckdb")
    with duckdb.connect() as con:
        con.execute(f"ATTACH '{config.parent / 'warehouse.duckdb'}' AS w (READ_ONLY); USE w")
        everybody = con.execute(query).fetchall()
        con.execute("CREATE SCHEMA memory.silver; USE memory")
        for name in ("dim_student", "fact_reinscription"):
            con.execute(f"CREATE TABLE memory.silver.{name} AS SELECT * FROM w.silver.{name} WHERE alumno_id % 3 = 0")
        some = con.execute(query).fetchall()
    assert sorted(some, key=str) == sorted(everybody, key=str)


# --- the audit -------------------------------------------------------------------------------------------------------


class OfSinglePeople(OfYear):
    """Leaks of single people."""

    ever: dt.Int64 = column("Years with a re-enrolment, those to come included.", pii="indirect")
    of_one: dt.Int64 = column("The same, of one student; of all others nothing.", pii="indirect")
    so_far: dt.Int64 = column("Years with a re-enrolment so far.", pii="indirect")


def leaking(last: int):
    """A model in which one column leaks of everybody, another one of the one student with this number."""

    @model(OfSinglePeople, point_in_time=True)
    def of_single_people(fact_reinscription: ir.Table) -> ir.Table:
        """Re-enrolments, one row per alumno_id and anio_academico."""
        t = reenrolled(fact_reinscription)
        ever = t.count().over(ibis.window(group_by=list(KEY)))
        order = ibis.window(group_by=list(KEY), order_by=t.anio_academico, preceding=None, following=0)
        return t.select(
            *KEY, "anio_academico", ever=ever, of_one=(t.alumno_id == last).ifelse(ever, 0), so_far=t.count().over(order)
        )

    return of_single_people


class OfAllTogether(OfYear):
    """A leak that goes through others."""

    of_the_year: dt.Int64 = column("Who re-enrols in the year and did so in any later one.", pii="indirect")


@model(OfAllTogether, point_in_time=True)
def of_all_together(of_single_people: ir.Table) -> ir.Table:
    """Re-enrolments, one row per alumno_id and anio_academico."""
    t = of_single_people
    later = (t.ever > t.so_far).ifelse(1, 0)
    return t.select(*KEY, "anio_academico", of_the_year=later.sum().over(ibis.window(group_by=t.anio_academico)))


def drawn(run_id: str, persons: Sequence[tuple[str, int]]) -> list[tuple[str, int]]:
    """Who is drawn: those whose hashes are the lowest."""
    told = {f"{source}:person {person}": (source, person) for source, person in persons}
    first = sorted(told, key=lambda t: hashlib.md5(f"{run_id}:{t}".encode(), usedforsecurity=False).hexdigest())
    return [told[t] for t in first[:DRAWN]]


@pytest.fixture(scope="module")
def built(config, tmp_path_factory):
    """A copy of the small warehouse with the leaking tables; its graph; and how many students with two years were drawn."""
    file = tmp_path_factory.mktemp("sampled") / "warehouse.duckdb"
    shutil.copyfile(config.parent / "warehouse.duckdb", file)
    with duckdb.connect(file) as con:
        run_id = con.execute("SELECT run_id FROM _padm.runs").fetchone()[0]
        persons = con.execute("SELECT DISTINCT source_db, persona FROM bronze.students").fetchall()
        assert len(persons) == OF
        chosen = drawn(run_id, persons)
        con.execute(
            "CREATE TEMP TABLE chosen AS SELECT * FROM (VALUES " + ", ".join(map(str, chosen)) + ") c(source_db, persona)"
        )
        moving = (
            "SELECT s.alumno, (s.source_db, s.persona) IN (SELECT (source_db, persona) FROM chosen) FROM bronze.students s"
            " JOIN silver.fact_reinscription r ON r.source_db = s.source_db AND r.alumno_id = s.alumno"
            " GROUP BY ALL HAVING min(r.anio_evento) <= 2017 AND max(r.anio_evento) > 2020 ORDER BY 1"
        )
        students = con.execute(moving).fetchall()
        outside = next(student for student, inside in students if not inside)
        graph = build([*BRONZE, *SILVER, leaking(outside), of_all_together], TABLES)
        for name in ("of_single_people", "of_all_together"):
            query = sql(graph.bind(graph[name], Params(as_of=SAMPLE_AS_OF)), "duckdb")
            con.execute(f"CREATE TABLE gold.{name} AS {query}")
        rows = con.execute(
            "SELECT count(*) FROM gold.of_single_people g JOIN bronze.students s ON s.source_db = g.source_db"
            " AND s.alumno = g.alumno_id JOIN chosen c ON c.source_db = s.source_db AND c.persona = s.persona"
            " WHERE g.anio_academico <= 2020"
        ).fetchone()[0]
    return f"duckdb://{file}", graph, rows


def audited(config, built, **how):
    url, graph, _ = built
    with padm.connect(config, warehouse=url) as warehouse:
        report = audit_leakage(warehouse, graph, **how)
    return report, {(c.table, c.column): c for c in report.columns}


def test_some_people_are_enough_for_a_leak_of_many_and_not_for_one_of_somebody_else(config, built):
    report, found = audited(config, built, tables=["of_single_people"], cuts=[2020], modes=["remove"], persons=DRAWN)
    assert (report.sample.tables, report.sample.persons, report.sample.of) == (("of_single_people",), DRAWN, OF)
    assert found["of_single_people", "ever"].verdict == "leak"
    assert (found["of_single_people", "of_one"].verdict, found["of_single_people", "so_far"].verdict) == ("ok", "ok")
    assert found["of_single_people", ROWS].probes == built[2]  # rows of those drawn by the test's own hashes


def test_everybody_is_enough_for_a_leak_of_one(config, built):
    report, found = audited(config, built, tables=["of_single_people"], cuts=[2020], modes=["remove"], persons=DRAWN, whole=True)
    assert report.sample is None
    assert found["of_single_people", "of_one"].verdict == "leak"
    assert found["of_single_people", ROWS].probes > built[2]


def test_a_table_in_which_people_meet_is_audited_whole_and_so_is_what_it_needs(config, built):
    report, found = audited(config, built, cuts=[2020], persons=DRAWN)
    assert set(report.tables) == {"of_single_people", "of_all_together"}
    assert report.sample is None
    assert found["of_all_together", "of_the_year"].verdict == "leak"
    assert found["of_single_people", "of_one"].verdict == "leak"


def test_a_small_university_is_audited_whole(config, built):
    report, _ = audited(config, built, tables=["of_single_people"], cuts=[2020], modes=["remove"], persons=OF)
    assert report.sample is None


def test_what_some_people_do_not_prove_is_proved_on_everybody(config, built, monkeypatch):
    with duckdb.connect(built[0].removeprefix("duckdb://"), read_only=True) as con:
        # Nothing of theirs is later than the cut, so that nothing can be taken away.
        gone, last = con.execute(
            "SELECT alumno_id, max(anio_academico) FROM gold.of_single_people GROUP BY 1 ORDER BY 2, 1 LIMIT 1"
        ).fetchone()
    monkeypatch.setattr(
        "padm_ibis.audit.sampled.draw",
        lambda students, persons, key: students.filter(students.alumno == gone).select("source_db", "alumno", "persona"),
    )
    how = {"tables": ["of_single_people"], "cuts": [last], "modes": ["remove"]}
    report, found = audited(config, built, **how, persons=1)
    assert report.sample is None
    assert found == audited(config, built, **how)[1]
    assert found["of_single_people", "so_far"].verdict == "ok"


def test_what_some_people_prove_is_what_everybody_proves(config, graph):
    tables = ["gold_tft_temporal_features", "gold_tft_training_dataset", "mart_student_risk_features"]
    with padm.connect(config) as warehouse:
        some = audit_leakage(warehouse, graph, tables=tables, cuts=CUTS, persons=DRAWN)
        every = audit_leakage(warehouse, graph, tables=tables, cuts=CUTS)
    assert every.sample is None
    assert some.sample is not None
    assert [(c.table, c.column, c.verdict) for c in some.columns] == [(c.table, c.column, c.verdict) for c in every.columns]
    assert all(0 < s.probes <= e.probes for s, e in zip(some.columns, every.columns, strict=True))
