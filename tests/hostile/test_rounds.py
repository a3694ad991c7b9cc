"""After any round of changes at two campuses the whole warehouse is what a fresh build of the same moment is."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from rounds import University, bronze, contents, differences, run

from padm_ibis.sources.spec import kind_spec

pytestmark = [pytest.mark.postgres, pytest.mark.early]
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
