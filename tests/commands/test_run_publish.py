"""`run --publish`: built, checked and published by one command, with one report, one answer and one exit code."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import duckdb
import pytest

import padm_ibis as padm
from padm_ibis.errors import CheckFailed, UsageError, WarehouseError
from padm_ibis.publish import publish

SEQUENCE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
TARGETS = """
[publish]
to = "duckdb://marts.duckdb"
[publish.targets.pupils]
to = "duckdb://pupils.duckdb"
tables = ["dim_pupil"]
"""
TOO_HIGH = "INSERT INTO school.mark VALUES (13, 2, DATE '2024-08-01', 12)"
LOWERED = '[checks.rules]\n"fact_mark.value.le" = "warn"\n'


@pytest.fixture
def here(folder, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A built school with two targets, in which the library works as the command does."""
    monkeypatch.chdir(folder.path)
    configure(folder.path, TARGETS)
    return folder.path


def configure(path: Path, more: str) -> None:
    file = path / "padm.toml"
    head = file.read_text(encoding="utf-8").partition("\n[publish]")[0]
    file.write_text(f"{head}\n{more}", encoding="utf-8")


def rows(path: Path, table: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(path), read_only=True) as con:
        return con.execute(f"FROM {table} ORDER BY ALL").fetchall()


def source(path: Path, statement: str) -> None:
    with duckdb.connect(str(path / "north.duckdb")) as con:
        con.execute(statement)


def run(**options: Any) -> padm.api.RunReport:
    return padm.run(as_of="2024-12-31", publish=True, **options)


def test_one_command_builds_and_publishes_to_every_target_with_one_report(folder, here: Path) -> None:
    source(here, "INSERT INTO school.mark VALUES (13, 2, DATE '2024-08-01', 6)")
    done = folder.shell("$PADM run --publish --as-of 2024-12-31 --json answer.json")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[-1].startswith("Done: 2 tables built")
    assert lines[-1].endswith("; published to 2 of 2 targets")
    assert [line for line in lines if line.startswith("publish gold.mart_pupil  published  2 rows")]
    found = json.loads((here / "answer.json").read_text(encoding="utf-8"))
    assert (found["command"], found["exit_code"]) == ("run", 0)
    targets = [(p["target"], [t["table"] for t in p["tables_detail"]], p["error"]) for p in found["result"]["publications"]]
    assert targets == [
        ("duckdb://marts.duckdb", ["gold.mart_pupil"], None),
        ("duckdb://pupils.duckdb", ["silver.dim_pupil"], None),
    ]
    assert rows(here / "marts.duckdb", "gold.mart_pupil") == [("north", 1, 2, 16), ("north", 2, 2, 10)]
    assert rows(here / "pupils.duckdb", "silver.dim_pupil") == rows(here / "w.duckdb", "silver.dim_pupil")


@pytest.mark.parametrize("columns", [80, 120])
def test_on_a_terminal_the_verdict_comes_first_and_the_publications_last(folder, here: Path, columns: int) -> None:
    configure(here, TARGETS.replace("duckdb://pupils.duckdb", "duckdb://w.duckdb"))
    source(here, "INSERT INTO school.mark VALUES (13, 2, DATE '2024-08-01', 6)")
    code, shown = folder.terminal(["run", "--publish", "--as-of", "2024-12-31"], columns)
    lines = [SEQUENCE.sub("", part).rstrip() for line in shown.split("\n") for part in re.split(r"\x1b\[2K|\r", line)]
    assert [line for line in lines if len(line) > columns] == []
    text = " ".join(" ".join(lines).split()).partition("Done: ")[2]
    parts = [
        "2 tables built",
        "; published to 1 of 2 targets",
        "error publication to duckdb://w.duckdb: duckdb://w.duckdb is the warehouse itself.",
        "gold.mart_pupil 2",
        "published to duckdb://marts.duckdb gold.mart_pupil published",
        "not published to duckdb://w.duckdb",
    ]
    places = [text.find(part) for part in parts]
    assert -1 not in places, text
    assert places == sorted(places)
    assert code == 2


def test_a_target_whose_tables_failed_keeps_what_it_has_and_the_others_are_published(here: Path) -> None:
    configure(here, TARGETS + LOWERED)
    source(here, TOO_HIGH)
    run()
    before = rows(here / "marts.duckdb", "gold.mart_pupil")
    assert before == [("north", 1, 2, 16), ("north", 2, 2, 16)]
    configure(here, TARGETS)
    assert padm.check(sources=False).exit_code == 1
    (here / "marts.duckdb").rename(here / "kept.duckdb")
    report = run()
    assert (report.status, report.exit_code) == ("up to date", 1)
    marts, pupils = report.publications
    assert marts.error == "not published: checks of fact_mark failed: padm-ibis check"
    assert [(t.table, t.status) for t in marts.tables_detail] == [("gold.mart_pupil", "failed")]
    assert (pupils.error, pupils.successful_tables) == (None, 1)
    assert not (here / "marts.duckdb").exists()


def test_a_run_that_fails_publishes_nothing_and_says_so(here: Path, folder) -> None:
    source(here, TOO_HIGH)
    with pytest.raises(CheckFailed) as caught:
        run()
    assert [p.error for p in caught.value.report.publications] == ["not published: the run failed"] * 2
    assert not (here / "marts.duckdb").exists()
    done = folder.shell("$PADM run --publish --as-of 2024-12-31 --json answer.json")
    assert done.returncode == 1
    assert "Not published to duckdb://pupils.duckdb: the run failed" in done.stderr
    found = json.loads((here / "answer.json").read_text(encoding="utf-8"))
    assert len(found["result"]["publications"]) == 2


def test_a_target_out_of_reach_stops_neither_the_run_nor_the_other_target_and_decides_the_exit_code(here: Path) -> None:
    (here / "marts.duckdb").write_text("no database")
    report = run()
    marts, pupils = report.publications
    assert (report.status, marts.exit_code, pupils.exit_code, report.exit_code) == ("up to date", 3, 0, 3)
    assert marts.error is not None
    assert "marts.duckdb" in marts.error
    with pytest.raises(WarehouseError, match=re.escape(marts.error)):
        publish(padm.load_config())


def test_without_a_target_nothing_is_begun(folder, here: Path) -> None:
    configure(here, "")
    before = len(padm.history().runs)
    with pytest.raises(UsageError, match="Publish where to"):
        run()
    assert len(padm.history().runs) == before


def test_a_target_is_published_alone_by_its_name(folder, here: Path) -> None:
    assert folder.shell("$PADM publish --to pupils").returncode == 0
    assert rows(here / "pupils.duckdb", "silver.dim_pupil") == rows(here / "w.duckdb", "silver.dim_pupil")
    assert not (here / "marts.duckdb").exists()
    wrong = folder.shell("$PADM publish --to pupil")
    assert wrong.returncode == 2
    assert "Did you mean 'pupils'?" in wrong.stderr
