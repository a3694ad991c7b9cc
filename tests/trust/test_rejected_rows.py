"""Rows that lost to another one of their key are kept whole, and hold no identifier in clear all the same."""

from __future__ import annotations

import duckdb
import pytest
from source_copies import shuffled

import padm_ibis as padm
from padm_ibis.sample import SAMPLE_AS_OF

IDENTIFIERS = (
    "SELECT nro_documento FROM negocio.mdp_personas_documentos WHERE persona = 1"
    " UNION ALL SELECT usuario FROM negocio.mdp_personas WHERE persona = 1"
    " UNION ALL SELECT email FROM negocio.mdp_personas_contactos WHERE persona = 1"
)


@pytest.fixture(scope="module")
def rejected(config, tmp_path_factory):
    """What identifies person 1, and the rows that were rejected where the source has that person twice."""
    folder = tmp_path_factory.mktemp("rejected")
    shuffled(config.parent / "source.duckdb", folder / "source.duckdb")
    with duckdb.connect(folder / "source.duckdb") as con:
        con.execute(
            "INSERT INTO negocio.mdp_personas SELECT * REPLACE (DATE '1950-01-01' AS fecha_nacimiento)"
            " FROM negocio.mdp_personas WHERE persona = 1"
        )
        identifiers = [text.strip() for (text,) in con.execute(IDENTIFIERS).fetchall() if text]
    file = folder / "padm.toml"
    file.write_text(config.read_text().replace(str(config.parent), str(folder)), encoding="utf-8")
    padm.run(layer="bronze", as_of=SAMPLE_AS_OF, config=file)
    with padm.connect(file) as warehouse:
        rows = warehouse.execute("SELECT key, row_data FROM _padm.rejected_rows WHERE resource = 'personas'")
        hashes = warehouse.execute("SELECT documento_hash, usuario_hash, email_hash FROM bronze.personas WHERE persona = 1")
    return identifiers, rows, [text for text in hashes[0] if text]


def test_the_row_is_kept_with_its_hashes_and_without_what_was_hashed(rejected):
    identifiers, rows, hashes = rejected
    assert len(rows) == 1
    assert hashes
    assert all(text in rows[0][1] for text in hashes)
    assert len(identifiers) >= 2
    assert [text for text in identifiers for row in rows if text.lower() in str(row).lower()] == []
