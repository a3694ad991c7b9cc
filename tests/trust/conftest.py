"""One small warehouse, with planted leaks beside its own tables, for all tests of trust."""

from __future__ import annotations

import pytest

import padm_ibis as padm
from padm_ibis.definitions import collect
from padm_ibis.sample import SAMPLE_AS_OF, write_sample


@pytest.fixture(scope="session")
def config(tmp_path_factory):
    """A configuration whose warehouse was built once; tests only read it."""
    folder = tmp_path_factory.mktemp("trust")
    write_sample(f"duckdb://{folder / 'source.duckdb'}", students=40, years=10, campuses=1, seed=3)
    file = folder / "padm.toml"
    file.write_text(
        f'[warehouse]\nurl = "duckdb://{folder / "warehouse.duckdb"}"\n'
        f'[sources.sede1]\nkind = "guarani"\nurl = "duckdb://{folder / "source.duckdb"}"\nschema = "negocio"\n'
        '[privacy]\nhash_key = "a key for tests, 32 letters long.."\n'
        '[models]\nmodules = ["audit_models"]\n',
        encoding="utf-8",
    )
    padm.run(layer="gold", as_of=SAMPLE_AS_OF, config=file)
    return file


@pytest.fixture(scope="session")
def graph():
    return collect(["audit_models"])
