"""After any round of changes at two campuses the whole warehouse is what a fresh build of the same moment is."""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path

import psycopg
import pytest
from rounds import University, bronze, contents, differences, run

from padm_ibis.sample import SAMPLE_AS_OF
from padm_ibis.sources.spec import kind_spec

pytestmark = [pytest.mark.postgres, pytest.mark.early]
SOME = ": the rows of "
"""Stands in the report of a table of which some people's rows were made anew."""
KEYS = {name: spec.key for name, spec in kind_spec("guarani", None).resources.items()}
DOWN = {3: "sede1", 4: "sede1", 5: "sede1"}


def test_after_rounds_of_changes_no_table_differs_from_a_fresh_build(
    tmp_path: Path, postgres_url: str, request: pytest.FixtureRequest
) -> None:
    rounds = 12 if request.config.getoption("--campaign") else 1
    with University(tmp_path, postgres_url, students=40, seed=11) as university:
        config = university.config("kept")
        run(config)
        before = bronze(config, KEYS)
        for number in range(1, rounds + 1):
            done = university.change(120)
            assert sum(done.values()) == 120
            down = DOWN.get(number)
            report = run(university.config("kept", down))
            after = bronze(config, KEYS)
            told = {(i.source_db, i.resource): (i.added, i.updated, i.deleted) for i in report.inputs if i.changed}
            assert told == differences(before, after), f"round {number}: what the report counts"
            before = after
            if down:
                assert [f.source_db for f in report.failures] == [down]
                continue
            shutil.rmtree(tmp_path / "fresh", ignore_errors=True)
            run(university.config("fresh"))
            kept, fresh = contents(config), contents(tmp_path / "fresh" / "padm.toml")
            assert len(kept) == 46
            assert {name for name in kept if kept[name] != fresh[name]} == set(), f"round {number}"


@pytest.mark.parametrize("engine", ["duckdb", "postgres"])
def test_few_changes_a_night_leave_what_a_fresh_build_makes(
    tmp_path: Path, postgres_url: str, request: pytest.FixtureRequest, engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = request.config.getoption("--campaign")
    if engine == "postgres" and not campaign:
        pytest.skip("long; with --campaign")
    monkeypatch.setattr("padm_ibis.engine.renewal.FEW_ROWS", 0)
    nights = 12 if campaign else 1
    warehouse = postgres_url if engine == "postgres" else None
    with University(tmp_path, postgres_url, students=60, seed=23) as university:
        config, as_of = university.config("kept"), SAMPLE_AS_OF
        run(config, warehouse, as_of)
        in_part = 0
        for night in range(1, nights + 1):
            university.change(4)
            as_of += dt.timedelta(days=1 if night % 4 else 200)
            report = run(university.config("kept"), warehouse, as_of)
            in_part += sum(SOME in table.note for table in report.tables)
            kept = contents(config, warehouse)
            shutil.rmtree(tmp_path / "fresh", ignore_errors=True)
            beside = warehouse and _empty_beside(warehouse)
            run(university.config("fresh"), beside, as_of)
            fresh = contents(tmp_path / "fresh" / "padm.toml", beside)
            assert {name for name in kept if kept[name] != fresh[name]} == set(), f"night {night}"
        assert in_part >= nights, "hardly anything was made anew in part"


def _empty_beside(url: str) -> str:
    """Return the URL of an empty database on the same server."""
    with psycopg.connect(url, autocommit=True) as con:
        name = f"{con.info.dbname}_fresh"
        con.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')  # type: ignore[arg-type]
        like = "TEMPLATE template0 LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8'"
        con.execute(f'CREATE DATABASE "{name}" {like}')  # type: ignore[arg-type]
        return url.replace(f"/{con.info.dbname}", f"/{name}")
