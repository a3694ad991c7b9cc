"""What a run restates of years that were published, worked out by hand: which rows, why, and in which columns."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yearly_school as school
from conftest import School

import padm_ibis as padm
from padm_ibis.define import code
from padm_ibis.engine import restated as engine
from padm_ibis.errors import UsageError
from padm_ibis.report.run import RunReport

TABLE = "gold.pupil_year"
LATE = (20, 1, 2021, "2021-07-01", 4)
CORRECTED = (13, 2, 2022, "2022-06-01", 7)


def told(report: RunReport) -> dict[tuple[str, str], tuple[int, dict[str, int]]]:
    assert {one.table for one in report.restated} <= {TABLE}
    return {(one.kind, one.cause): (one.rows, dict(one.columns)) for one in report.restated}


def listed(found: School) -> list[tuple[int, int, str, str, list[str]]]:
    rows = padm.restated("pupil_year", config=found.config).listed
    return [(r.key["pupil_id"], r.key["anio_academico"], r.kind, r.cause, list(r.columns)) for r in rows]


def test_each_cause_is_told_of_the_rows_that_it_moved(a_school: School) -> None:
    assert a_school.run().restated == []
    assert a_school.run().restated == []

    # a mark of 2021 that arrives now: its pupil's row is late; of the other pupil's, only what is summed over all moved
    a_school.write(LATE)
    report = a_school.run()
    assert told(report) == {
        ("changed", "late"): (1, {"marks": 1, "of_all": 1, "total": 1}),
        ("changed", "data"): (1, {"of_all": 1}),
    }
    assert {(one.published, one.features, tuple(one.inputs)) for one in report.restated} == {(5, 1, ("marks",))}
    assert listed(a_school) == [
        (1, 2021, "changed", "late", ["marks", "total", "of_all"]),
        (2, 2021, "changed", "data", ["of_all"]),
    ]

    a_school.write(LATE, CORRECTED)
    assert told(a_school.run()) == {
        ("changed", "corrected"): (1, {"of_all": 1, "total": 1}),
        ("changed", "data"): (2, {"of_all": 2}),
    }

    # the only mark of the second pupil in 2021 is gone, and with it the row
    a_school.write(LATE, CORRECTED, without=(12,))
    report = a_school.run()
    assert told(report) == {("removed", "deleted"): (1, {}), ("changed", "data"): (1, {"of_all": 1})}
    assert listed(a_school)[:2] == [(1, 2021, "changed", "data", ["of_all"]), (2, 2021, "removed", "deleted", [])]

    # a row that is new, of a year that was published; its label is that of 2022, where the pupil has a mark
    a_school.write(LATE, CORRECTED, (21, 3, 2021, "2021-08-01", 3), without=(12,))
    assert told(a_school.run()) == {("added", "late"): (1, {}), ("changed", "data"): (1, {"of_all": 1})}

    assert a_school.rows("SELECT kind, cause, restated_rows, published_rows, feature_rows FROM _padm.restatements"
                         " WHERE kind = 'added'") == [("added", "late", 1, 4, 0)]  # fmt: skip
    assert a_school.run().restated == []


def test_a_year_that_closes_is_no_restatement_and_a_label_that_becomes_known_is_one_by_parameters(a_school: School) -> None:
    a_school.run()
    a_school.write((30, 1, 2023, "2023-05-01", 6))
    # the rows of 2023 are new; of those of 2022 it is known by now who came back
    report = a_school.run("2024-06-01")
    assert told(report) == {("changed", "parameters"): (3, {"returns": 3})}
    assert report.restated[0].features == 0
    assert a_school.rows("SELECT count(*) FROM gold.pupil_year") == [(6,)]


def test_what_was_known_of_a_label_and_is_revised_is_no_matter_of_the_date(a_school: School) -> None:
    a_school.run("2024-06-01")  # 2022 has labels: nobody has a mark in 2023
    a_school.write((31, 2, 2023, "2023-05-01", 6))
    assert told(a_school.run("2024-06-02")) == {("changed", "late"): (1, {"returns": 1})}


def test_what_is_known_of_the_day_is_not_the_cause_of_what_facts_explain(a_school: School) -> None:
    a_school.run()
    # a year closes, so that labels of 2022 are told; and the day of the first pupil's mark of 2021 is corrected
    a_school.write((10, 1, 2021, "2021-05-09", 7))
    report = a_school.run("2024-06-01")
    assert told(report) == {
        ("changed", "corrected"): (1, {"first_day": 1}),
        ("changed", "parameters"): (3, {"returns": 3}),
    }


def test_attributes_without_a_year_are_facts_of_their_person(a_school: School) -> None:
    a_school.run()
    a_school.write(pupils=[(1, "green"), (2, "blue"), (3, "red")])
    assert told(a_school.run("2023-06-02")) == {("changed", "corrected"): (2, {"house": 2})}


def test_parameters_other_than_the_date(a_school: School) -> None:
    a_school.run()
    a_school.configure("[pipeline]\nperiod_base_year = 2001\n")
    report = a_school.run()
    assert told(report) == {("changed", "parameters"): (5, {"since": 5})}
    a_school.write(LATE)
    a_school.configure("[pipeline]\nperiod_base_year = 2002\n")
    # the parameter moved all rows; the late mark of 2021 may have moved what is said of its pupil in 2021 and after
    assert {key: rows for key, (rows, _) in told(a_school.run()).items()} == {
        ("changed", "parameters"): 3,
        ("changed", "late+parameters"): 2,
    }


_OWN = '''
import ibis.expr.datatypes as dt
import ibis.expr.types as ir
from padm_ibis import GoldContract, column, model


class OwnYear(GoldContract):
    """Own."""

    class Config:
        unique = ("source_db", "pupil_id", "anio_academico")

    source_db: dt.String = column("Source.", role="key")
    pupil_id: dt.Int64 = column("Pupil.", role="key", pii="indirect")
    anio_academico: dt.Int64 = column("Year.", role="key")
    total: dt.Int64 = column("Total.", role="measure")
    {more}


@model(OwnYear, point_in_time=True)
def own_year(pupil_year: ir.Table) -> ir.Table:
    """Own, one row per pupil_id and anio_academico."""
    return pupil_year.select("source_db", "pupil_id", "anio_academico", total={total}, {extra})
'''


def test_code_that_changed_is_the_cause_and_new_columns_are_told_apart(
    duckdb_school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(duckdb_school.folder))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    duckdb_school.configure('[models]\nmodules = ["own_years"]\n')

    def write(**parts: str) -> None:
        (duckdb_school.folder / "own_years.py").write_text(_OWN.format(**parts), encoding="utf-8")
        sys.modules.pop("own_years", None)
        importlib.invalidate_caches()
        code.module.cache_clear()

    write(total="pupil_year.total", more="", extra="")
    duckdb_school.run()
    write(
        total="pupil_year.total * 2", more='double: dt.Int64 = column("Twice.", role="measure")', extra="double=pupil_year.total"
    )
    report = duckdb_school.run()
    assert [(one.table, one.kind, one.cause, one.rows, dict(one.columns)) for one in report.restated] == [
        ("gold.own_year", "changed", "code", 5, {"total": 5})
    ]
    assert "gold.own_year has columns that it had not: double. Rows are compared by the others." in report.notes
    sys.modules.pop("own_years", None)


def test_a_failed_run_restates_nothing_and_the_next_one_all_of_it(a_school: School, monkeypatch: pytest.MonkeyPatch) -> None:
    a_school.run()
    a_school.write(LATE)

    def fail(*_: Any) -> None:
        raise UsageError("no")

    with monkeypatch.context() as patched:
        patched.setattr("padm_ibis.engine.build.restated.compare", fail)
        with pytest.raises(UsageError):
            a_school.run()
    assert a_school.rows("SELECT count(*) FROM _padm.restatements") == [(0,)]
    a_school.write(LATE, CORRECTED)
    # what the second pupil's correction did to 2022 may, for the first pupil, be of the late mark of 2021, too
    assert {key: rows for key, (rows, _) in told(a_school.run()).items()} == {
        ("changed", "late"): 2,
        ("changed", "corrected"): 1,
        ("changed", "data"): 2,
    }


def test_a_source_that_is_new_restates_nothing(duckdb_school: School) -> None:
    duckdb_school.run()
    south = school.write_school(duckdb_school.folder / "south.duckdb", school.PUPILS, school.MARKS)
    duckdb_school.configure(f'[sources.south]\nkind = "yearly_school"\nschema = "school"\nurl = "duckdb://{south}"')
    assert duckdb_school.run().restated == []
    assert duckdb_school.rows("SELECT count(*) FROM gold.pupil_year") == [(10,)]


def test_counts_are_whole_where_lists_are_cut(a_school: School, monkeypatch: pytest.MonkeyPatch) -> None:
    first = a_school.run().run_id
    monkeypatch.setattr(engine, "LISTED", 1)
    a_school.write(LATE, CORRECTED)
    a_school.run()
    found = padm.restated("pupil_year", first, config=a_school.config)
    assert sum(one.found.rows for one in found.counts) == 5
    assert len(found.listed) == 1
    assert found.moved is not None
    assert (found.moved.moved, found.moved.complete) == (5, False)
    assert str(found.moved).startswith("at least 5 of 5 rows (100 %) of gold.pupil_year differ")
    # of all runs together no more than this: the oldest lists go, the counts stay
    monkeypatch.setattr(engine, "KEPT", 1)
    a_school.write(LATE)
    last = a_school.run().run_id
    assert a_school.rows("SELECT DISTINCT run_id FROM _padm.restated_keys") == [(last,)]
    assert a_school.rows("SELECT count(DISTINCT run_id) FROM _padm.restatements") == [(2,)]


def test_what_moved_since_a_run_counts_each_row_once_and_none_that_came_back(a_school: School) -> None:
    first = a_school.run().run_id
    a_school.write(LATE)
    second = a_school.run().run_id
    a_school.write(LATE, CORRECTED)
    a_school.run()
    a_school.write(CORRECTED, without=(20,))  # the late mark is gone again
    a_school.run()

    def moved(since: str) -> tuple[int, int, int, bool]:
        found = padm.restated("gold.pupil_year", since, config=a_school.config).moved
        assert found is not None
        return found.moved, found.added, found.rows, found.complete

    # against the first: 2022 moved by the correction, three rows; 2021 is as it was
    assert moved(first) == (3, 0, 5, True)
    assert moved(second) == (5, 0, 5, True)
    a_school.write(CORRECTED, (21, 3, 2021, "2021-08-01", 3), without=(13,))
    a_school.run()
    # row (2, 2022) is gone, and (3, 2021) is new; all of 2021 moved by what is summed over all
    assert moved(first) == (5, 1, 5, True)


def test_readers_who_were_brought_back_are_told_of_the_version_that_they_have(a_school: School) -> None:
    first = a_school.run().run_id
    a_school.write(LATE)
    second = a_school.run().run_id
    padm.rollback(config=a_school.config)

    def moved(since: str) -> int:
        found = padm.restated("pupil_year", since, config=a_school.config).moved
        assert found is not None
        assert found.complete
        return found.moved

    assert moved(first) == 0
    if a_school.warehouse is None:  # the file that they have is from before
        with pytest.raises(UsageError, match="came after"):
            moved(second)
    else:
        assert moved(second) == 2
    a_school.write(LATE, CORRECTED)
    a_school.run()
    # all five rows differ from the first version; from the second, which had the late mark, the three of 2022
    assert (moved(first), moved(second)) == (5, 3)


def test_people_who_are_erased_stand_in_no_list(a_school: School) -> None:
    first = a_school.run().run_id
    a_school.write(LATE, CORRECTED)
    a_school.run()
    assert {row[0] for row in listed(a_school)} == {1, 2, 3}
    before = padm.forget(persona="north:1", config=a_school.config, dry_run=True)
    assert {"_padm.restated_keys": 2}.items() <= {item.name: item.rows for item in before.removed}.items()
    assert padm.forget(persona="north:1", config=a_school.config).exit_code == 0
    assert {row[0] for row in listed(a_school)} == {2, 3}
    assert a_school.rows("SELECT kind, restated_rows FROM _padm.restatements WHERE cause = 'erased'") == [("removed", 2)]
    keys = a_school.rows("SELECT row_key FROM _padm.restated_keys")
    assert all(json.loads(key)["pupil_id"] != 1 for (key,) in keys)
    found = padm.restated("pupil_year", first, config=a_school.config).moved
    assert found is not None
    assert (found.moved, found.rows, found.complete) == (5, 5, False)


def test_only_tables_of_a_moment_have_restatements(duckdb_school: School) -> None:
    duckdb_school.run()
    with pytest.raises(UsageError, match="mart_house is not point-in-time"):
        padm.restated("mart_house", config=duckdb_school.config)


def test_a_warehouse_of_an_earlier_version_knows_of_none(duckdb_school: School, tmp_path: Path) -> None:
    first = duckdb_school.run().run_id
    with duckdb.connect(str(tmp_path / "w.duckdb")) as con:
        con.execute("DROP TABLE _padm.restatements")
        con.execute("DROP TABLE _padm.restated_keys")
    found = padm.restated("pupil_year", first, config=duckdb_school.config)
    assert (found.counts, found.moved) == ([], None)
    assert padm.history(first, config=duckdb_school.config).moved == []
    duckdb_school.write(LATE)
    assert len(duckdb_school.run().restated) == 2
