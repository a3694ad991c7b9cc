"""Who is to be forgotten leaves what a platform brought, by the document, and stays away."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest_lms import KEY, Bronze, Moodle

import padm_ibis as padm
from padm_ibis.extract.hashing import keyed_hash

pytestmark = pytest.mark.postgres


def test_a_user_of_a_document_leaves_bronze_whatever_is_kept_and_stays_away(tmp_path: Path, moodle: Moodle) -> None:
    moodle.user(10, username="ana", idnumber="30.123.456")
    moodle.user(11, username="31000000")
    moodle.course(2)
    for user in (10, 11):
        moodle.role(user, 2, 5, "2024-03-01")
        moodle.log(user, 2, "2024-04-01 10:00:00")
    Bronze(tmp_path, moodle).config()
    config = tmp_path / "padm.toml"
    padm.run(config=config, as_of="2024-12-31")
    moodle.sql("UPDATE mdl_user SET deleted = 1, username = 'x.1', idnumber = '' WHERE id = 10")
    padm.run(config=config, as_of="2024-12-31")
    left = tmp_path / ".warehouse.duckdb.padm" / "windows" / "campus" / "lms_actividad"
    left.mkdir(parents=True)
    (left / "1-2.parquet").write_bytes(b"what a run that ended half-way left")
    hashes = tmp_path / "hashes.txt"
    hashes.write_text(f"{keyed_hash('30123456', 'documento', KEY.encode())}\n")

    done = padm.forget(documento=hashes, config=config)

    removed = {item.name: item.rows for item in done.removed if item.rows}
    assert removed == {"bronze.lms_usuarios": 1, "bronze.lms_roles": 1, "bronze.lms_actividad": 1}
    assert not left.exists()
    padm.run(config=config, as_of="2024-12-31", full_refresh=True)
    warehouse = padm.connect(config)
    for table in ("lms_usuarios", "lms_roles", "lms_actividad"):
        assert warehouse.table(f"bronze.{table}").usuario.to_pyarrow().to_pylist() == [11], table
