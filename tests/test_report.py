from __future__ import annotations

import datetime as dt
import json

import pytest

from padm_ibis.report.progress import Lines, Live, Progress, Several
from padm_ibis.report.results import CheckResult
from padm_ibis.report.run import InputReport, RunReport, SourceFailure, TableReport, headline, lines
from padm_ibis.report.text import duration, rows


@pytest.fixture
def report() -> RunReport:
    return RunReport(
        run_id="r1", version="1.0", started_at=dt.datetime(2025, 1, 1), warehouse="duckdb://w", configuration="padm.toml",
        layer="gold", as_of=dt.date(2024, 12, 31), seconds=12.34, phases={"extract": 4.0, "build": 8.2, "publish": 0.001},
        inputs=[InputReport("north", "marks", 10, 2, 100, 0.5, since="2024-06-01")],
        failures=[SourceFailure("south", "no route to host")],
        tables=[
            TableReport("bronze", "marks", "loaded", 100, 0.5, changed=2),
            TableReport("silver", "fact_mark", "built", 1, 0.25, 7, 1, note="marks changed"),
        ],
        checks=[CheckResult("fact_mark", "pupil_id is not in dim_pupil", "warn", 1200, ("a=1", "a=2", "a=3"))],
        notes=["beware"],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0, "<0.01 s"), (0.25, "0.25 s"), (12.34, "12.3 s"), (95.4, "1 min 35 s"), (3599.7, "1 h 00 min"), (7260, "2 h 01 min")],
)
def test_durations_are_honest_and_short(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_one_row_is_not_rows() -> None:
    assert (rows(1), rows(1200), rows(0)) == ("1 row", "1,200 rows", "0 rows")


def test_the_report_as_lines(report: RunReport) -> None:
    report.status = "partial"
    assert list(lines(report)) == [
        "padm-ibis 1.0  run r1  as_of 2024-12-31  duckdb://w",
        "input   north.marks  10 read  2 changed  100 rows  0.50 s  since 2024-06-01",
        "bronze  marks  loaded  100 rows  0.50 s  0 checks",
        "silver  fact_mark  built  1 rows  0.25 s  7 checks, 1 warnings  (marks changed)",
        "error   source south: no route to host",
        "warning fact_mark: pupil_id is not in dim_pupil: 1,200 rows, such as a=1; a=2",
        "note    beware",
        "Partial: 1 table built, 101 rows, in 12.3 s (extract 4.00 s · build 8.20 s)",
    ]


def test_nothing_to_do_is_said_in_few_words(report: RunReport) -> None:
    report.status = "up to date"
    assert headline(report) == "Up to date: nothing to build (12.3 s)"


def test_the_report_as_json_holds_everything(report: RunReport) -> None:
    data = json.loads(report.json())
    assert data["as_of"] == "2024-12-31"
    assert data["started_at"] == "2025-01-01T00:00:00"
    assert data["checks"][0]["rows"] == ["a=1", "a=2", "a=3"]
    assert set(data) == set(RunReport.__dataclass_fields__)


@pytest.mark.parametrize(("status", "code"), [("ok", 0), ("up to date", 0), ("partial", 1), ("failed", 1)])
def test_the_exit_code_follows_from_the_outcome(report: RunReport, status, code: int) -> None:
    report.status = status
    assert report.exit_code == code


def test_lines_of_progress_are_plain_and_complete() -> None:
    said: list[str] = []
    with Lines(said.append) as progress:
        progress.phase("build", 2)
        progress.start("a")
        progress.done("a", "5 rows")
        progress.done("b", "6 rows")
        progress.note("beware")
    assert said[0] == "build: 2 tables"
    assert said[1] == "  a  5 rows  <0.01 s"
    assert said[2:] == ["  b  6 rows", "beware"]


def test_the_moving_bar_leaves_the_terminal_as_it_was(capsys: pytest.CaptureFixture[str]) -> None:
    with Live() as progress:
        progress.phase("extract", 1)
        progress.start("a")
        progress.done("a")
        progress.phase("build")
        progress.note("[not markup]")
    out, err = capsys.readouterr()
    assert out == ""
    assert "[not markup]" in err


def test_silence_is_for_libraries(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress() as progress:
        progress.phase("build", 1)
        progress.start("a")
        progress.done("a")
        progress.note("x")
    assert capsys.readouterr() == ("", "")


def test_several_are_told_the_same() -> None:
    first, second = list[str](), list[str]()
    with Several(Lines(first.append), Lines(second.append)) as progress:
        progress.phase("build", 1)
        progress.start("a")
        progress.done("a", "5 rows")
        progress.note("beware")
    assert first == second == ["build: 1 tables", first[1], "beware"]
    assert first[1].startswith("  a  5 rows  ")
