"""Versions of a PostgreSQL warehouse: what is kept of them, what people gave the tables, and bronze row by row."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest
import small_school as school
from postgres_school import School, as_role
from small_school import MARKS

import padm_ibis as padm
from padm_ibis.errors import UsageError, WarehouseBusy, WarehouseError

pytestmark = pytest.mark.postgres


def rebuild(built: School, mark: int) -> str:
    """A new version, in which Berta has another mark."""
    built.change(marks=[*MARKS[:2], (12, 2, "2024-07-01", mark)])
    return built.run().run_id


def rollback(built: School, run: str | None = None) -> Any:
    return padm.rollback(run, config=built.config, warehouse=built.url)


def total(built: School) -> int:
    return int(built.rows("SELECT total FROM gold.mart_pupil WHERE pupil_id = 2")[0][0])


def kept(built: School) -> set[str]:
    return {name for name in built.schemas() if name.startswith(("_padm_kept_", "_padm_old_"))}


def test_schemas_change_their_names_and_go_with_the_last_version_that_they_belong_to(built: School) -> None:
    assert kept(built) == set()
    rebuild(built, 5)
    assert kept(built) == {"_padm_kept_1_silver", "_padm_kept_1_gold"}
    second = built.run(as_of="2024-01-01", select=["mart_pupil"]).run_id  # other marks count, as of then
    assert kept(built) == {"_padm_kept_1_silver", "_padm_kept_1_gold", "_padm_kept_2_silver", "_padm_kept_2_gold"}
    third = rebuild(built, 6)
    assert [made for (made,) in built.rows("SELECT run_id FROM _padm.versions ORDER BY number")][1:] == [second, third]
    assert "_padm_kept_1_gold" not in built.schemas()


def test_a_layer_that_was_not_built_belongs_to_both_versions(built: School) -> None:
    built.do("DROP TABLE gold.mart_pupil")
    built.run()
    assert kept(built) == {"_padm_kept_1_gold"}
    rollback(built)
    assert built.rows("SELECT to_regclass('gold.mart_pupil')") == [(None,)]
    assert built.rows("SELECT count(*) FROM silver.fact_mark") == [(3,)]
    rollback(built, built.rows("SELECT run_id FROM _padm.versions ORDER BY number DESC")[0][0])
    assert total(built) == 4


def test_rights_owners_indexes_comments_and_views_of_people_go_back_and_forth(built: School, role) -> None:
    reader, owner, gone = role(), role(), role()
    built.do(f"GRANT USAGE ON SCHEMA gold TO {gone}", f"GRANT SELECT ON gold.mart_pupil TO {gone}")
    second = rebuild(built, 5)
    built.do(
        f"REVOKE ALL ON gold.mart_pupil FROM {gone}",
        f"REVOKE ALL ON SCHEMA gold FROM {gone}",
        f"GRANT USAGE ON SCHEMA gold TO {reader}",
        f"GRANT SELECT ON gold.mart_pupil TO {reader}",
        f"GRANT SELECT (name) ON silver.dim_pupil TO {reader}",
        f"ALTER TABLE silver.dim_pupil OWNER TO {owner}",
        "COMMENT ON COLUMN gold.mart_pupil.total IS 'ask Marta'",
        "CREATE INDEX by_total ON gold.mart_pupil (total DESC)",
        "CREATE SCHEMA bi",
        "CREATE VIEW bi.best AS SELECT m.total, d.name FROM gold.mart_pupil m JOIN silver.dim_pupil d USING (pupil_id)",
        "CREATE VIEW bi.nested AS SELECT sum(total) AS total FROM bi.best",
        "CREATE TABLE gold.targets AS SELECT 9 AS goal",
        f"GRANT SELECT ON bi.nested TO {reader}",
    )
    for run, mark in ((None, 4), (second, 5)):
        rollback(built, run)
        assert built.rows("SELECT total FROM bi.nested") == [(16 + mark,)]
        assert built.rows("SELECT goal FROM gold.targets") == [(9,)]
        asked = [
            f"has_table_privilege('{reader}', 'gold.mart_pupil', 'SELECT')",
            f"has_schema_privilege('{reader}', 'gold', 'USAGE')",
            f"has_column_privilege('{reader}', 'silver.dim_pupil', 'name', 'SELECT')",
            f"has_table_privilege('{reader}', 'bi.nested', 'SELECT')",
            f"has_table_privilege('{gone}', 'gold.mart_pupil', 'SELECT')",
            f"has_schema_privilege('{gone}', 'gold', 'USAGE')",
        ]
        rights = built.rows(f"SELECT {', '.join(asked)}")
        assert rights == [(True, True, True, True, False, False)]
        assert built.rows("SELECT tableowner FROM pg_tables WHERE schemaname = 'silver' AND tablename = 'dim_pupil'") == [
            (owner,)
        ]
        comments = [built.rows(f"SELECT col_description('gold.mart_pupil'::regclass, {n})") for n in (4, 3)]
        assert comments == [[("ask Marta",)], [("Marks.",)]]
        found = built.rows("SELECT indexdef FROM pg_indexes WHERE schemaname = 'gold' AND tablename = 'mart_pupil'")
        assert sum("(total DESC)" in definition for (definition,) in found) == 1
    rebuild(built, 6)
    assert built.rows("SELECT total FROM bi.nested") == [(22,)]


def test_what_an_older_version_could_not_carry_is_named_and_nothing_is_touched(built: School) -> None:
    built.do("ALTER TABLE gold.mart_pupil DROP COLUMN total")
    second = rebuild(built, 5)
    built.do(
        "CREATE VIEW public.v AS SELECT total FROM gold.mart_pupil", "CREATE MATERIALIZED VIEW public.m AS TABLE silver.dim_pupil"
    )
    with pytest.raises(WarehouseError) as caught:
        rollback(built)
    assert "public.v: it uses gold.mart_pupil.total, which is no longer there" in caught.value.message
    assert "materialized view" in caught.value.message
    assert built.rows("SELECT value FROM _padm.state WHERE key = 'published'") == [(second,)]
    assert total(built) == 5
    built.do("DROP VIEW public.v", "DROP MATERIALIZED VIEW public.m")
    rollback(built)
    assert built.rows("SELECT marks FROM gold.mart_pupil WHERE pupil_id = 2") == [(1,)]


def test_a_long_query_goes_on_reading_what_it_began_with(built: School) -> None:
    rebuild(built, 5)
    with psycopg.connect(built.url) as reader, reader.cursor("slow") as rows:
        rows.execute("SELECT total FROM gold.mart_pupil ORDER BY pupil_id")
        assert rows.fetchone() == (16,)
        rollback(built)
        assert rows.fetchone() == (5,)
    assert total(built) == 4


def test_bronze_is_had_as_it_was_after_any_changes_in_any_order(built: School) -> None:
    """Rows that come, change, go and come again, read whole and by watermark; then there and back, and on from there."""
    draw = random.Random(3)
    config = built.config
    config.write_text(config.read_text().replace("[warehouse]", "[warehouse]\nkeep_versions = 9"))
    rows = "(SELECT json_agg({0} ORDER BY {0}.{1})::text FROM bronze.{0})"
    query = f"SELECT {rows.format('pupils', 'pupil')}, {rows.format('marks', 'mark')}"
    seen: dict[str, Any] = {}

    def remember() -> None:
        seen[built.rows("SELECT value FROM _padm.state WHERE key = 'published'")[0][0]] = built.rows(query)

    remember()
    for _ in range(9):
        if draw.random() < 0.4 and len(seen) > 1:
            others = [run for run in seen if run != built.rows("SELECT value FROM _padm.state WHERE key = 'published'")[0][0]]
            target = draw.choice(others)
            rollback(built, target)
            assert built.rows(query) == seen[target]
        pupils = [(n, f"{n}-{draw.randint(0, 2)}") for n in range(1, 6) if draw.random() < 0.7]
        marks = [
            (n, draw.randint(1, 5), f"2024-0{draw.randint(1, 9)}-01", draw.randint(0, 10))
            for n in range(8)
            if draw.random() < 0.6
        ]
        built.change(pupils, marks)
        built.run(full_refresh=draw.random() < 0.5)
        remember()
    assert len({str(content) for content in seen.values()}) > 5
    for target in draw.sample(sorted(seen), len(seen)):
        if built.rows("SELECT value FROM _padm.state WHERE key = 'published'") != [(target,)]:
            rollback(built, target)
        assert built.rows(query) == seen[target]


def test_all_can_be_dropped_and_who_reads_an_old_one_is_waited_for(built: School) -> None:
    rebuild(built, 5)
    built.do("INSERT INTO _padm.rejected_rows VALUES ('north', 'other', '[]', 'of somebody', 'Quetzalina')")
    rebuild(built, 6)
    theirs = "SELECT count(*) FROM _padm_kept.books WHERE row_data LIKE '%Quetzalina%'"
    assert built.rows(theirs) == [(1,)]
    assert built.rows("SELECT count(*) > 0 FROM _padm_kept.rows") == [(True,)]
    built.do("DELETE FROM _padm.rejected_rows WHERE resource = 'other'")
    with built.backend().open() as work:
        work.rewrite()
        assert built.rows(theirs) == [(0,)]
        assert len(work.discard_copies()) == 2
    assert kept(built) == set()
    assert built.rows("SELECT count(*) FROM _padm_kept.rows") == [(0,)]
    rebuild(built, 7)
    with psycopg.connect(built.url) as reader:
        reader.execute("SELECT count(*) FROM _padm_kept_3_gold.mart_pupil")
        with built.backend().open() as work, pytest.raises(WarehouseBusy, match="still in use"):
            work.rewrite()
    assert total(built) == 7
    assert rebuild(built, 8)
    assert kept(built) == {"_padm_kept_4_silver", "_padm_kept_4_gold"}


def test_after_dropping_all_while_brought_back_the_next_run_reads_again_what_was_lost(built: School) -> None:
    rebuild(built, 5)
    rollback(built)
    with built.backend().open() as work:
        work.rewrite()
    assert total(built) == 4
    built.run()
    assert total(built) == 5
    assert built.rows("SELECT value FROM bronze.marks WHERE mark = 12") == [(5,)]


def test_none_are_kept_where_none_shall_be(built: School) -> None:
    rebuild(built, 5)
    built.config.write_text(built.config.read_text().replace("[warehouse]", "[warehouse]\nkeep_versions = 0"))
    rebuild(built, 6)
    assert kept(built) == set()
    assert [v.shown for v in padm.history(config=built.config, warehouse=built.url).versions] == []
    rebuild(built, 7)
    assert built.rows("SELECT count(*) FROM _padm_kept.rows") == [(0,)]


def test_what_takes_more_room_than_it_may_goes(built: School) -> None:
    built.config.write_text(built.config.read_text().replace("[warehouse]", '[warehouse]\nkeep_bytes = "1 KB"'))
    rebuild(built, 5)
    assert kept(built) == set()
    built.config.write_text(built.config.read_text().replace("1 KB", "1 GB"))
    rebuild(built, 6)
    assert len(kept(built)) == 2
    sizes = [v.bytes for v in padm.history(config=built.config, warehouse=built.url).versions]
    assert all(8192 <= size < 10**6 for size in sizes)


def test_after_a_run_of_an_earlier_padm_ibis_nothing_from_before_is_shown(built: School) -> None:
    """It wrote down no row that it changed."""
    rebuild(built, 5)
    built.do(
        "UPDATE _padm.state SET value = 'theirs' WHERE key IN ('published', 'unpublished')", "UPDATE bronze.marks SET value = 0"
    )
    assert padm.history(config=built.config, warehouse=built.url).versions == []
    with pytest.raises(UsageError, match="No older version is kept"):
        rollback(built)
    rebuild(built, 6)
    assert built.rows("SELECT run_id FROM _padm.versions ORDER BY number")[0] == ("theirs",)
    assert len(kept(built)) == 2
    rollback(built)
    assert total(built) == 5


def test_who_may_read_the_runs_only_is_told_of_them(built: School, role) -> None:
    reader = role()
    rebuild(built, 5)
    built.do(f"GRANT USAGE ON SCHEMA _padm TO {reader}", f"GRANT SELECT ON _padm.runs, _padm.state TO {reader}")
    found = padm.history(config=built.config, warehouse=as_role(built.url, reader))
    assert (len(found.runs), found.trouble) == (2, None)


@pytest.mark.parametrize("where", ["rollback.swap", "kept.Kept.prune", "work.PostgresWork.commit"])
def test_killed_before_it_is_committed_nothing_happened(built: School, where: str, tmp_path: Path) -> None:
    second = rebuild(built, 5)
    module, _, name = where.partition(".")
    program = (
        "import os, signal, sys\nimport padm_ibis as padm\n"
        f"from padm_ibis.backends.postgres import {module} as module\n"
        "def die(*_, **__):\n    os.kill(os.getpid(), signal.SIGKILL)\n"
        f"owner = module\nfor part in {name.split('.')[:-1]!r}:\n    owner = getattr(owner, part)\n"
        f"setattr(owner, {name.split('.')[-1]!r}, die)\n"
        "padm.rollback(config=sys.argv[1], warehouse=sys.argv[2])\n"
    )
    path = os.pathsep.join([str(Path(school.__file__).parent), str(Path(padm.__file__).parents[1])])
    done = subprocess.run(
        [sys.executable, "-c", program, str(built.config), built.url],
        env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert total(built) == 5
    assert built.rows("SELECT value FROM _padm.state WHERE key = 'published'") == [(second,)]
    report = built.run(wait=20)
    assert report.status == "up to date"
    rollback(built)
    assert total(built) == 4
