"""The sample university through the whole pipeline: a PostgreSQL warehouse holds what a DuckDB warehouse holds."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
from both import Comparison

import padm_ibis as padm
from padm_ibis.definitions import collect
from padm_ibis.sample import SAMPLE_AS_OF, write_sample
from padm_ibis.sources.postgres import load_reader
from padm_ibis.sources.values import literal, quote

pytestmark = [pytest.mark.postgres, pytest.mark.campaign, pytest.mark.early]


def test_the_sample_is_the_same_in_both_warehouses(
    tmp_path: Path, collated: str, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = request.config.getoption("--campaign")
    source = tmp_path / "guarani.duckdb"
    write_sample(f"duckdb://{source}", students=500 if whole else 60, years=12 if whole else 8, campuses=2)
    parts = [f'[sources.sede{n}]\nurl = "duckdb://{source}"\nschema = "negocio_sede{n}"' for n in (1, 2)]
    (tmp_path / "padm.toml").write_text("\n".join(['[privacy]\nhash_key = "k"', *parts]))
    files = tmp_path / "warehouse.duckdb"
    for url in (f"duckdb://{files}", collated):
        for as_of in ("2021-06-15", SAMPLE_AS_OF) if whole else (SAMPLE_AS_OF,):
            assert padm.run(as_of=as_of, config=tmp_path / "padm.toml", warehouse=url).exit_code == 0
    comparison = Comparison()
    with duckdb.connect() as con:
        load_reader(con)
        con.execute(f"ATTACH {literal(str(files))} AS here (READ_ONLY)")
        con.execute(f"ATTACH {literal(collated)} AS there (TYPE postgres, READ_ONLY)")
        for model in collect():
            place = f"{model.layer}.{quote(model.name)}"
            columns = "* EXCLUDE (_extracted_at, _run_id)" if model.layer == "bronze" else "*"
            mine, other = (con.execute(f"SELECT {columns} FROM {side}.{place}").to_arrow_table() for side in ("here", "there"))
            comparison.add(model.name, model.grain, mine, other)
    assert not comparison.different, "\n".join(comparison.different[:20])
    assert comparison.tables == len(collect().names)
    with capsys.disabled():
        print(f"\nparity: the sample, both warehouses: {comparison}")
