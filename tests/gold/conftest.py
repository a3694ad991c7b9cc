"""Run a model of gold on given rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ibis.expr.types as ir
import pytest

from padm_ibis.model import model_of
from padm_ibis.testing import run_model


@pytest.fixture
def run() -> Callable[..., list[dict[str, Any]]]:
    """Rows that a model yields, in the order of its key."""

    def rows(function: Callable[..., ir.Table], inputs: dict[str, list[dict[str, Any]]], **params: Any) -> list[dict[str, Any]]:
        grain = model_of(function).grain
        found = run_model(function, inputs, **params).to_pylist()
        return sorted(found, key=lambda row: [(row[name] is None, row[name]) for name in grain])

    return rows
