"""What a run passed over is counted in one place, by hand-made rows of each kind, and stands beside the run before."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import pytest
import small_school as school

import padm_ibis as padm
from padm_ibis.cli import invoke
from padm_ibis.report.passed import PassedOver, summary
from padm_ibis.report.run import RunReport

PUPILS = [(1, "Ana"), (2, "Berta")]
MARKS = [(1, 1, "2024-05-01", 7), (2, 2, "2024-05-02", 8)]


class One:
    """A school of two pupils."""

    def __init__(self, folder: Path, warehouse: str | None) -> None:
        self.source, self.warehouse = folder / "north.duckdb", warehouse
        self.write(PUPILS, MARKS)
        self.config = school.write_config(folder, self.source)

    def write(self, pupils: list[Any], marks: list[Any]) -> None:
        school.write_school(self.source, pupils, marks)

    def run(self, **options: Any) -> RunReport:
        return padm.run(as_of="2024-12-31", config=self.config, warehouse=self.warehouse, **options)

    def stored(self, run_id: str) -> list[tuple[Any, ...]]:
        with padm.connect(padm.load_config(self.config, None, self.warehouse)) as warehouse:
            return warehouse.execute(
                "SELECT kind, table_name, source_db, reason, failed_rows, before_rows FROM _padm.passed_over"
                f" WHERE run_id = '{run_id}' ORDER BY 1, 2, 3, 4"
            )


@pytest.fixture(params=["duckdb", pytest.param("postgres", marks=pytest.mark.postgres)])
def one(request: pytest.FixtureRequest, tmp_path: Path) -> One:
    if request.param == "duckdb":
        return One(tmp_path, None)
    url: str = request.getfixturevalue("postgres_url")
    with psycopg.connect(url, autocommit=True) as con:
        for schema in ("bronze", "silver", "gold", "_padm"):
            con.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")
    return One(tmp_path, url)


def told(report: RunReport) -> dict[tuple[str, str], tuple[int, int | None]]:
    return {(p.kind, p.table): (p.rows, p.before) for p in report.passed_over}


def test_each_kind_is_counted_stored_and_compared_with_the_run_before(one: One) -> None:
    assert one.run().passed_over == []
    # a pupil twice as he is, one twice with another name, and a mark of a pupil who is not there
    one.write([*PUPILS, (2, "Berta"), (1, "Anna")], [*MARKS, (3, 9, "2024-05-03", 5)])
    report = one.run()
    copies, rivals = [p for p in report.passed_over if p.kind == "duplicate"]
    assert {copies.reason: copies.rows, rivals.reason: rivals.rows} == {
        "copies of another row": 1,
        "another row has this key": 1,
    }
    (orphan,) = [p for p in report.passed_over if p.kind == "orphan"]
    assert (orphan.table, orphan.rows, orphan.before) == ("silver.fact_mark", 1, 0)
    assert one.stored(report.run_id) == [
        (p.kind, p.table, p.source_db, p.reason, p.rows, 0) for p in sorted(report.passed_over, key=lambda p: p.key)
    ]

    again = one.run()  # nothing new: nothing is looked at again, and it stands as it was counted
    assert again.status == "up to date"
    assert told(again)["orphan", "silver.fact_mark"] == (1, 1)
    assert len(again.passed_over) == 3

    one.write(PUPILS, [*MARKS, (3, 9, "2024-05-03", 5), (4, 9, "2024-05-04", 5)])
    mended = one.run()
    assert told(mended)["duplicate", "bronze.pupils"] == (0, 1)
    assert told(mended)["orphan", "silver.fact_mark"] == (2, 1)
    assert [p.kind for p in one.run().passed_over] == ["orphan"]  # what is mended is told once


def test_a_source_that_is_not_read_keeps_its_counts(tmp_path: Path) -> None:
    one = One(tmp_path, None)
    south = tmp_path / "south.duckdb"
    school.write_school(south, [*PUPILS, (2, "Berta")], MARKS)
    one.config = school.write_config(tmp_path, one.source, south)
    assert [(p.source_db, p.rows) for p in one.run().passed_over] == [("south", 1)]
    south.rename(tmp_path / "away")
    report = one.run()
    assert report.status == "partial"
    assert [(p.source_db, p.rows, p.before) for p in report.passed_over] == [("south", 1, 1)]


def test_a_run_shows_them_in_one_line_and_what_changed_as_notes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = One(tmp_path, None)
    one.run()
    one.write([*PUPILS, (1, "Anna")], MARKS)
    line = ["--config", str(one.config)]
    assert invoke(["run", *line, "--as-of", "2024-12-31", "--json", str(tmp_path / "r.json")]) == 0
    said = capsys.readouterr()
    text = said.out + said.err
    assert "1 duplicate (0 before)" in text
    assert "passed over: bronze.pupils: north: another row has this key: 1 row, 0 the run before" in text
    found = json.loads((tmp_path / "r.json").read_text())["result"]["passed_over"]
    assert [(p["kind"], p["rows"], p["before"]) for p in found] == [("duplicate", 1, 0)]
    with padm.connect(one.config) as warehouse:
        run_id = warehouse.run_id
    assert invoke(["history", str(run_id), *line]) == 0
    assert "another row has this key: 1 row, 0 the run before" in " ".join(capsys.readouterr().out.split())


def test_the_line_adds_up_each_kind() -> None:
    found = [
        PassedOver("orphan", "silver.a", "", "x", 3, 1),
        PassedOver("orphan", "silver.b", "", "x", 2, 2),
        PassedOver("duplicate", "bronze.a", "north", "y", 1200, 1200),
        PassedOver("rejected", "bronze.a", "north", "z", 4, None),
    ]
    assert summary(found) == "1,200 duplicate · 4 rejected · 5 orphaned (3 before)"
    assert summary([]) == ""


def test_counts_of_other_rows_are_not_compared(tmp_path: Path) -> None:
    """Copies among all rows, and then among those since the watermark, say nothing of each other."""
    one = One(tmp_path, None)
    one.config = school.write_config(tmp_path, one.source, more='sync = "off"')
    doubled = [*MARKS, MARKS[1]]
    one.write(PUPILS, doubled)
    (first,) = one.run().passed_over
    assert (first.rows, first.part, first.before) == (1, False, None)
    (second,) = one.run().passed_over
    with duckdb.connect(one.source) as con:
        assert con.execute("SELECT count(*) FROM school.mark").fetchone() == (3,)
    assert (second.rows, second.part, second.before) == (1, True, None)
    assert one.run().passed_over == [PassedOver("duplicate", "bronze.marks", "north", "copies of another row", 1, 1, part=True)]
