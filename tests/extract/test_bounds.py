"""Reading takes little memory, and more where a table needs it: a bound of ours ends no run."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
from small_school import write_config, write_school

import padm_ibis as padm
from padm_ibis.config import load_config
from padm_ibis.errors import PadmError
from padm_ibis.extract import bounds

ROWS = 300_000


@pytest.fixture
def config(tmp_path: Path) -> Path:
    source = write_school(tmp_path / "north.duckdb")
    with duckdb.connect(source) as con:
        con.execute("DELETE FROM school.mark; DELETE FROM school.pupil")
        con.execute(
            f"INSERT INTO school.pupil SELECT i, md5(CAST(i AS VARCHAR)) || md5(CAST(-i AS VARCHAR)) FROM range({ROWS}) r(i)"
        )
    return write_config(tmp_path, source)


def limit(con: duckdb.DuckDBPyConnection) -> str:
    return str(con.execute("SELECT current_setting('memory_limit')").fetchall()[0][0])


def test_a_table_that_needs_more_is_read_again_with_more_and_that_is_told(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "_MEMORY", 2)
    monkeypatch.setattr(bounds, "_MEMORY_A_COLUMN", 0)
    report = padm.run(as_of="2024-12-31", config=config, layer="bronze")
    assert report.status == "ok"
    (note,) = [n for n in report.notes if "of memory" in n]
    assert note.startswith("north: read again with up to ")
    with padm.connect(config) as warehouse:
        assert warehouse.execute("SELECT count(*), count(DISTINCT name) FROM bronze.pupils") == [(ROWS, ROWS)]


def test_what_is_configured_is_not_exceeded(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = config.read_text(encoding="utf-8")
    config.write_text(text.replace("[warehouse]\n", '[warehouse]\nmemory_limit = "4MB"\n'), encoding="utf-8")
    with pytest.raises(PadmError, match="ran out of memory") as error:
        padm.run(as_of="2024-12-31", config=config, layer="bronze")
    assert "memory_limit" in str(error.value.hint)


def test_the_bound_doubles_up_to_what_duckdb_may_take_and_is_lifted(tmp_path: Path) -> None:
    config = load_config(warehouse=f"duckdb://{tmp_path}/w.duckdb")
    with duckdb.connect(config={"memory_limit": "1GiB"}) as con:
        before = limit(con)
        with bounds.bounded_memory(con, config, 10) as bound:
            assert limit(con) == "244.1 MiB"  # 256 million bytes
            assert [bound.grow() for _ in range(4)] == ["512 MB", "1,024 MB", "1,073 MB", None]
        assert limit(con) == before


def test_wide_tables_begin_with_more(tmp_path: Path) -> None:
    config = load_config(warehouse=f"duckdb://{tmp_path}/w.duckdb")
    with duckdb.connect() as con, bounds.bounded_memory(con, config, 200):
        assert limit(con) == "1.1 GiB"  # 200 × 6 MB
