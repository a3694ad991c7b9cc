"""The whole way twice: from a DuckDB file and from a real PostgreSQL that hold the same two campuses."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

import padm_ibis as padm
from padm_ibis.bronze import BRONZE
from padm_ibis.define.model import model_of
from padm_ibis.gold import GOLD
from padm_ibis.sample import SAMPLE_AS_OF, write_sample
from padm_ibis.silver import SILVER

LOADER = "* EXCLUDE (_extracted_at, _run_id)"  # when and by which run a row was read: another instant, another run


def build(folder: Path, source: str) -> Path:
    """Write the sample into ``source`` and build everything from there."""
    folder.mkdir()
    report = write_sample(source, students=60, years=8, campuses=2)
    parts = [f'[sources.{s.name}]\nurl = "{source}"\nschema = "{s.schema}"' for s in report.sources]
    (folder / "padm.toml").write_text("\n".join(['[privacy]\nhash_key = "one key for both"', *parts]))
    assert padm.run(config=folder / "padm.toml", as_of=SAMPLE_AS_OF).exit_code == 0
    return folder / "warehouse.duckdb"


@pytest.mark.postgres
def test_a_duckdb_and_a_postgres_source_give_the_same_46_tables(tmp_path: Path, postgres_url: str) -> None:
    embedded = build(tmp_path / "embedded", f"duckdb://{tmp_path / 'guarani.duckdb'}")
    served = build(tmp_path / "served", postgres_url)
    differing, filled = {}, 0
    with duckdb.connect() as con:
        con.execute(f"ATTACH '{embedded}' AS a (READ_ONLY)")
        con.execute(f"ATTACH '{served}' AS b (READ_ONLY)")
        models = [model_of(function) for function in (*BRONZE, *SILVER, *GOLD)]
        for model in models:
            columns = LOADER if model.layer == "bronze" else "*"
            left, right = (f"SELECT {columns} FROM {side}.{model.layer}.{model.name}" for side in "ab")
            count = f"SELECT count(*) FROM (({left} EXCEPT ALL {right}) UNION ALL ({right} EXCEPT ALL {left}))"
            if rows := con.execute(count).fetchall()[0][0]:
                differing[model.name] = rows
            filled += bool(con.execute(f"SELECT count(*) FROM a.{model.layer}.{model.name}").fetchall()[0][0])
    assert len(models) == 46
    assert differing == {}
    assert filled == 46, "an empty table is equal to nothing"
