"""The key of the hashes: needed, never stored, and not changed by accident."""

from __future__ import annotations

import pytest
from conftest_extract import KEY, Bronze, Campus, changed

from padm_ibis.errors import ConfigError

pytestmark = pytest.mark.postgres


def test_another_key_is_refused_before_anything_is_read(both: Bronze, campus: Campus, other: Campus) -> None:
    campus.add("people", {"person": 1, "document": "1"})
    both.load()
    campus.mark(1, "2024-03-01")
    both.key = "another long random key"
    with pytest.raises(ConfigError, match="not the key that hashed") as caught:
        both.load()
    assert "--full-refresh people" in str(caught.value)
    assert both.ids() == []
    both.key = KEY
    assert changed(both.load()) == {"marks": 1}


def test_another_key_is_accepted_where_everything_hashed_is_read_anew(both: Bronze, campus: Campus, other: Campus) -> None:
    campus.add("people", {"person": 1, "document": "1"})
    other.add("people", {"person": 1, "document": "1"})
    both.load()
    before = both.rows("people", columns="document_hash")
    both.key = "another long random key"
    with pytest.raises(ConfigError):
        both.load(full_refresh=["marks"])
    with pytest.raises(ConfigError):
        both.load(full_refresh=True, resources=["marks"])
    both.load(full_refresh=["people"])
    after = both.rows("people", columns="document_hash")
    assert len(set(after)) == 1, "both campuses know the person by one hash"
    assert after != before
    assert changed(both.load()) == {}


def test_a_source_that_was_down_while_the_key_changed_keeps_asking_for_the_refresh(
    both: Bronze, campus: Campus, other: Campus
) -> None:
    campus.add("people", {"person": 1, "document": "1"})
    other.add("people", {"person": 1, "document": "1"})
    both.load()
    both.key = "another long random key"
    both.urls["south"] = "postgres://nobody@127.0.0.1:1/x"
    assert [f.source_db for f in both.load(full_refresh=True).failures] == ["south"]
    both.urls.clear()
    with pytest.raises(ConfigError, match="identifiers of south"):
        both.load()
    both.load(full_refresh=True)
    assert len(set(both.rows("people", columns="document_hash"))) == 1


def test_the_key_is_stored_nowhere_only_a_salted_fingerprint_of_it(both: Bronze, campus: Campus, other: Campus) -> None:
    campus.add("people", {"person": 1, "document": "1"})
    both.load()
    rows = both.query("SELECT salt, fingerprint FROM _padm.hash_keys")
    assert len(rows) == 2
    assert len({salt for salt, _ in rows}) == 2
    assert KEY.encode() not in both.file.read_bytes()
