"""Readers of a published table are told what changed for them: columns that came, went or have another type."""

from __future__ import annotations

from typing import Any

import pytest

from padm_ibis.publish import publish as replicate

BEFORE = "SELECT 1 AS id, 2 AS cohort, 3::INTEGER AS marks, 'a' AS name"
AFTER = "SELECT 1 AS id, 2 AS cohorte, 3::BIGINT AS marks, 'a' AS name"
NAMES = ["column cohort is gone", "column cohorte is new"]


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("duckdb", [*NAMES, "column marks was INT, is now BIGINT"]),
        ("sqlite", NAMES),
        pytest.param("postgres", [*NAMES, "column marks was INT, is now BIGINT"], marks=pytest.mark.postgres),
    ],
)
def test_changed_columns_are_told_before_they_are_shown(
    warehouse: Any, tmp_path: Any, target: str, expected: list[str], request: pytest.FixtureRequest
) -> None:
    url = request.getfixturevalue("mirror") if target == "postgres" else f"{target}://{tmp_path / 'mirror.db'}"
    told: list[str] = []

    def publish(query: str) -> Any:
        told.clear()
        return replicate(warehouse(product=query), url, tables=["product"], tell=told.append).tables_detail[0]

    assert publish(BEFORE).columns == []
    assert publish(BEFORE).columns == []
    assert publish(AFTER).columns == expected
    assert told[-len(expected) :] == [f"shop.product: {change}" for change in expected]
    assert publish(AFTER).columns == []
