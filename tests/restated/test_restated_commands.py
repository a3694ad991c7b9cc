"""What moved is told by ``show --restated``, a run's report, ``history RUN`` and ``verify``, in words and as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from conftest import School

from padm_ibis.cli import invoke
from padm_ibis.report.restated import Moved, share

Say = Callable[..., str]


@pytest.fixture
def say(duckdb_school: School, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Say:
    monkeypatch.chdir(duckdb_school.folder)

    def run(*line: str, code: int = 0) -> str:
        assert invoke([*line, "--config", str(duckdb_school.file)]) == code
        found = capsys.readouterr()
        return " ".join((found.out + found.err).split())

    return run


def test_a_run_that_restates_says_so_and_whoever_trained_on_it_hears_of_it(duckdb_school: School, say: Say) -> None:
    first = duckdb_school.run().run_id
    assert say("show", "pupil_year", "--restated") == "No run restated a row of gold.pupil_year."
    say("export", "pupil_year", "--to", "train")
    duckdb_school.write((20, 1, 2021, "2021-07-01", 4))
    line = (
        "gold.pupil_year: 2 of 5 rows restated (40.0 %): 2 changed (2 in a feature); causes: data 1, late 1;"
        " columns: of_all 2, marks 1, total 1"
    )
    assert f"restate {line}" in say("run", "--as-of", "2023-06-01")

    moved = f"2 of 5 rows (40.0 %) of gold.pupil_year differ from what run {first} published"
    told = say("show", "pupil_year", "--restated", "--since", first)
    assert told.startswith(f"{moved}. run ")
    assert (
        f": {line} source_db=north, pupil_id=1, anio_academico=2021 changed, late: marks, total, of_all source_db=north" in told
    )
    assert told.endswith("pupil_id=2, anio_academico=2021 changed, data: of_all")
    cut = say("show", "pupil_year", "--restated", "--limit", "1")
    assert cut.endswith("changed, late: marks, total, of_all and 1 more of those listed; --limit shows more, --json all")
    assert f"moved since {moved}" in say("history", first)
    assert f"restated {line}" in say("history", "last")
    assert "moved since" not in say("history", "last")
    assert f"note: {moved}." in say("verify", "train", code=1)

    say("show", "pupil_year", "--restated", "--since", first, "--json", "found.json")
    found = json.loads((duckdb_school.folder / "found.json").read_text())["result"]
    assert (found["moved"]["moved"], found["moved"]["rows"]) == (2, 5)
    assert [row["key"]["pupil_id"] for row in found["listed"]] == [1, 2]
    assert "of_all" not in json.dumps(found["listed"][0]["key"])


def test_what_cannot_be_asked_is_refused(duckdb_school: School, say: Say) -> None:
    duckdb_school.run()
    assert "--since goes with --restated" in say("show", "pupil_year", "--since", "2", code=2)
    assert "mart_house is not point-in-time" in say("show", "mart_house", "--restated", code=2)
    assert "There is no run that published" in say("show", "pupil_year", "--restated", "--since", "nobody", code=2)


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [
        (0, 5, "0 %"),
        (1204, 96311, "1.3 %"),
        (1, 5000, "<0.1 %"),
        (9999, 10000, "99.9 %"),
        (99999, 100000, "99.9 %"),
        (5, 5, "100 %"),
    ],
)
def test_a_share_never_says_nothing_or_all_where_it_is_not(part: int, whole: int, text: str) -> None:
    assert share(part, whole) == text


def test_one_row_differs_and_one_is_new() -> None:
    assert (
        str(Moved("gold.t", "r", 2, 1, 1))
        == "1 of 2 rows (50.0 %) of gold.t differs from what run r published; 1 row of its years is new"
    )
