"""What needs attention comes first, worst first, once, and with what to do."""

from __future__ import annotations

import datetime as dt
import io

import pytest
from rich.console import Console

from padm_ibis.report.attention import Item, of_checks, of_run, screenful
from padm_ibis.report.results import CheckResult
from padm_ibis.report.run import InputReport, RunReport, SourceFailure, TableReport
from padm_ibis.report.screen import show
from padm_ibis.report.text import age

ORPHANS = "pupil_id is not in dim_pupil"


def test_a_rule_that_several_tables_break_is_said_once_and_errors_come_first() -> None:
    found = of_checks(
        [
            CheckResult("b", ORPHANS, "warn", 3, ("k=1",)),
            CheckResult("a", ORPHANS, "warn", 1200, ("k=2",)),
            CheckResult("c", "not_null(x)", "error", 1, ("k=3", "k=4", "k=5")),
            CheckResult("d", "unique(x)", "ok"),
        ]
    )
    assert [(item.kind, item.text) for item in found] == [
        ("error", "c: not_null(x): 1 row, such as k=3; k=4"),
        ("warning", "pupil_id is not in dim_pupil in 2 tables: a (1,200 rows); b (3 rows), such as a k=2"),
    ]
    assert found[1].advice.startswith("these rows stay")


def test_warnings_without_rows_say_their_texts() -> None:
    texts = ["south: marks is 3 days old", "north: pupils was never read"]
    (found,) = of_checks([CheckResult(f"bronze.t{n}", "freshness", "warn", 0, (text,)) for n, text in enumerate(texts)])
    assert found.text == "freshness: south: marks is 3 days old; north: pupils was never read"


def test_a_screen_holds_so_much_and_the_rest_is_counted() -> None:
    items = [Item("error", "1"), Item("warning", "2"), Item("warning", "3"), Item("note", "4")]
    assert screenful(items, 4) == (items, "")
    shown, rest = screenful(items, 2)
    assert shown == items[:2]
    assert rest.startswith("and 1 warning, 1 note more: ")


@pytest.mark.parametrize(
    ("hours", "text"), [(1, "1 hour"), (30, "30 hours"), (72, "3 days"), (24 * 89, "89 days"), (8760, "12 months")]
)
def test_ages_are_in_peoples_units(hours: float, text: str) -> None:
    assert age(hours) == text


@pytest.mark.parametrize("width", [80, 100])
def test_a_report_is_read_from_the_top_and_is_not_wider_than_the_terminal(width: int) -> None:
    report = RunReport("r1", "1.0", dt.datetime(2025, 1, 1), "duckdb://w.duckdb", "padm.toml", "gold", dt.date(2024, 12, 31))
    report.status, report.seconds = "partial", 3.0
    report.failures = [SourceFailure("south", "no route to host " * 9, "look at the cable")]
    report.tables = [TableReport("silver", "fact_" + "very_" * 9 + "long", "built", 1_234_567, 12.3, checks=7, warnings=1)]
    report.notes = ["beware " * 30]
    file = io.StringIO()
    show(report, Console(file=file, width=width))
    lines = file.getvalue().splitlines()
    assert max(len(line) for line in lines) <= width
    starts = [
        next(n for n, line in enumerate(lines) if words in line) for words in ("Partial:", "error", "cable", "note", "silver.")
    ]
    assert starts == sorted(starts)
    assert lines[0].startswith("Partial: 1 table built, 1,234,567 rows, in 3.00 s")
    assert [item.kind for item in of_run(report)] == ["error", "note"]


def test_what_only_the_digests_told_of_is_shown() -> None:
    report = RunReport("r1", "1.0", dt.datetime(2025, 1, 1), "duckdb://w.duckdb", "padm.toml", "gold", dt.date(2024, 12, 31))
    report.inputs = [InputReport("north", "marks", changed=5, beyond=4), InputReport("south", "marks", changed=2)]
    assert [item.text for item in of_run(report)] == ["4 rows beyond the lookback: north.marks 4"]
