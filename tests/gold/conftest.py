"""Run a mart on given rows, on every engine that tests have at hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ibis.expr.types as ir
import pytest

from padm_ibis.model import model_of
from padm_ibis.testing import run_model

ENGINES = ("duckdb", pytest.param("postgres", marks=pytest.mark.postgres))


@pytest.fixture(params=ENGINES)
def run(request: pytest.FixtureRequest) -> Callable[..., list[dict[str, Any]]]:
    """Rows that a model yields, in the order of its key."""
    backend = None if request.param == "duckdb" else request.getfixturevalue(request.param)

    def rows(function: Callable[..., ir.Table], inputs: dict[str, list[dict[str, Any]]], **params: Any) -> list[dict[str, Any]]:
        grain = model_of(function).grain
        found = run_model(function, inputs, backend=backend, **params).to_pylist()
        return sorted(found, key=lambda row: [(row[name] is None, row[name]) for name in grain])

    return rows
