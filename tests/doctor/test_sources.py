"""What is wrong, and what to do about it."""

from __future__ import annotations

import pytest
from conftest_extract import Bronze, Campus

from padm_ibis.doctor import doctor
from padm_ibis.report.health import Diagnosis

NOBODY = "postgres://reader:s3cr%40t-w0rd@127.0.0.1:1/university"


def about(bronze: Bronze, subject: str) -> list[Diagnosis]:
    return [d for d in doctor(bronze.config()).findings if d.subject == subject]


@pytest.mark.postgres
def test_a_healthy_source_is_connected_and_its_tables_can_be_read(bronze: Bronze, campus: Campus) -> None:
    campus.sql("CREATE TABLE wide (id int)")
    health = doctor(bronze.config())
    assert health.exit_code == 0
    texts = [d.text for d in health.findings if d.subject == "source north"]
    assert texts[0].startswith("connected in")
    assert "PostgreSQL 18" in texts[1]
    assert texts[2].startswith("5 of 6 tables with")


@pytest.mark.postgres
def test_missing_tables_and_columns_are_named_with_what_to_do(bronze: Bronze, campus: Campus) -> None:
    campus.sql("DROP TABLE people; ALTER TABLE marks DROP COLUMN student, DROP COLUMN points")
    found = about(bronze, "source north")
    errors = {d.text: d.advice for d in found if d.verdict == "error"}
    assert set(errors) == {
        f"the table or view {campus.schema}.people is missing; needed by people",
        f"{campus.schema}.marks has no column student; needed by marks",
    }
    assert all(errors.values())
    assert f"{campus.schema}.marks has no column points: it counts as null; needed by marks" in [d.text for d in found]


@pytest.mark.postgres
def test_a_source_out_of_reach_is_an_error_without_its_password(both: Bronze, campus: Campus) -> None:
    both.urls["north"] = NOBODY
    health = doctor(both.config())
    assert health.exit_code == 1
    assert next(d.subject for d in health.errors) == "source north"
    assert not any(secret in health.json() for secret in ("s3cr", "w0rd"))
    assert any(d.subject == "source south" and d.verdict == "ok" for d in health.findings), (
        "the others are looked at all the same"
    )


@pytest.mark.postgres
def test_a_missing_key_and_a_short_one_are_said(bronze: Bronze, campus: Campus) -> None:
    bronze.key = None
    assert [d.verdict for d in about(bronze, "configuration")] == ["ok", "error"]
    bronze.key = "short"
    assert [d.verdict for d in about(bronze, "configuration")] == ["ok", "warning"]


@pytest.mark.postgres
def test_a_reader_of_another_version_is_an_error(bronze: Bronze, monkeypatch: pytest.MonkeyPatch) -> None:
    from importlib import metadata

    real = metadata.version
    monkeypatch.setattr(metadata, "version", lambda n: "1.0.0" if n == "duckdb-extension-postgres-scanner" else real(n))
    assert [d.verdict for d in about(bronze, "versions")] == ["ok", "error"]
