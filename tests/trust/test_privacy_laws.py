"""Whatever way a secret takes into a table, the privacy audit names it; what takes no way is left in peace."""

from __future__ import annotations

import datetime
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from privacy_ways import HARMLESS, SECRETS, Drawn, drawn
from ways import SILENT, WAYS, Made, Way, quick

from padm_ibis.audit.privacy import Finding, audit_privacy
from padm_ibis.bronze import BRONZE
from padm_ibis.define.graph import build
from padm_ibis.params import Params
from padm_ibis.silver import SILVER
from padm_ibis.sources.guarani import TABLES

PARAMS = Params(as_of=datetime.date(2025, 2, 28))
READ = (*BRONZE, *SILVER)
BY_VALUE = {"case", "where", "rank"}
"""Ways in which what comes out is the secret itself, or as good as it."""


def findings(told: Sequence[Drawn], **declared: object) -> list[Finding]:
    """What the audit says of the column ``x`` of each model, all in one warehouse."""
    names = [f"mart_told_{n}" for n in range(len(told))]
    graph = build([*READ, *(one.model(name, **declared) for one, name in zip(told, names, strict=True))], TABLES)
    found = {f.table: f for f in audit_privacy(graph, PARAMS, names).columns if f.column == "x"}
    return [found[name] for name in names]


def several(columns: dict[str, str], ways: dict[str, Made]) -> st.SearchStrategy[list[Drawn]]:
    """Some models at once: the tables below them are followed once for all."""
    return st.lists(drawn(columns, ways), min_size=4, max_size=12)


@pytest.fixture(scope="module")
def one_by_one() -> dict[tuple[str, str], Finding]:
    each = [Drawn(secret, SECRETS[secret], Way(way, WAYS[way])) for secret in SECRETS for way in WAYS]
    return {(one.column, one.way.name): found for one, found in zip(each, findings(each), strict=True)}


@pytest.mark.parametrize("way", sorted(WAYS))
@pytest.mark.parametrize("secret", sorted(SECRETS))
def test_each_way_is_caught_and_named(one_by_one: dict[tuple[str, str], Finding], way: str, secret: str) -> None:
    found, ref = one_by_one[secret, way], f"{SECRETS[secret]}.{secret}"
    assert found.problem, f"{secret} tells by {way}"
    if way in BY_VALUE:
        assert found.computed in ("direct", "sensitive")
    else:
        assert found.control in ("direct", "sensitive")
        assert [c for c in found.controls if c.startswith(f"{ref} (")]
        assert ref in found.problem


def test_drawn_models_that_tell_are_caught(examples: int) -> None:
    @quick(examples)
    @given(several(SECRETS, WAYS))
    def law(told: list[Drawn]) -> None:
        assert [one for one, found in zip(told, findings(told), strict=True) if not found.problem] == []

    law()


@pytest.mark.parametrize(("columns", "ways"), [(HARMLESS, WAYS), (SECRETS, SILENT)], ids=["harmless", "silent"])
def test_drawn_models_that_tell_nothing_pass(examples: int, columns: dict[str, str], ways: dict[str, Made]) -> None:
    @quick(examples // 2)
    @given(several(columns, ways))
    def law(told: list[Drawn]) -> None:
        refused = [(one, f.problem, f.controls) for one, f in zip(told, findings(told), strict=True) if f.problem or f.controls]
        assert refused == []

    law()
