"""A student who also teaches, on two campuses, is forgotten by document: legajo, document, user and address with her."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest
from conftest_erasure import traces

import padm_ibis as padm
from padm_ibis.config import Config, load_config
from padm_ibis.extract.hashing import keyed_hash
from padm_ibis.sample import SAMPLE_AS_OF, write_sample

KEY = "a key for tests, 32 letters long.."
DOCUMENT, LEGAJO, USER, MAIL = "58.777.123", "LG-5877-QX", "quetzalina.xochimilca", "qx@example.org"
CAMPUSES = ("negocio_sede1", "negocio_sede2")


@pytest.fixture
def university(tmp_path: Path) -> tuple[Config, Path]:
    """Two campuses of a dozen students; the first of each is the same human, who teaches at the first campus."""
    source, folder = tmp_path / "source.duckdb", tmp_path / "warehouse"
    folder.mkdir()
    write_sample(f"duckdb://{source}", students=12, years=4, campuses=2, seed=11)
    with duckdb.connect(str(source)) as con:
        for schema in CAMPUSES:
            (persona,) = _one(con, f"SELECT min(persona) FROM {schema}.sga_alumnos")
            (paper,) = _one(con, f"SELECT documento_principal FROM {schema}.mdp_personas WHERE persona = {persona}")
            con.execute(f"UPDATE {schema}.mdp_personas_documentos SET nro_documento = '{DOCUMENT}' WHERE documento = {paper}")
            con.execute(f"UPDATE {schema}.sga_alumnos SET legajo = '{LEGAJO}' WHERE persona = {persona}")
            con.execute(
                f"UPDATE {schema}.mdp_personas SET usuario = '{USER}', email_temporal = '{MAIL}' WHERE persona = {persona}"
            )
        (teacher,) = _one(con, f"SELECT min(docente) FROM {CAMPUSES[0]}.sga_docentes_comision")
        (persona,) = _one(con, f"SELECT min(persona) FROM {CAMPUSES[0]}.sga_alumnos")
        con.execute(f"UPDATE {CAMPUSES[0]}.sga_docentes SET persona = {persona} WHERE docente = {teacher}")
    sources = "".join(
        f'[sources.sede{n}]\nkind = "guarani"\nurl = "duckdb://{source}"\nschema = "{schema}"\n'
        for n, schema in enumerate(CAMPUSES, 1)
    )
    (folder / "padm.toml").write_text(f'[warehouse]\nurl = "duckdb://w.duckdb"\n[privacy]\nhash_key = "{KEY}"\n{sources}')
    config = load_config(folder / "padm.toml")
    assert padm.run(layer="silver", as_of=SAMPLE_AS_OF, config=config).exit_code == 0
    return config, source


def _one(con: duckdb.DuckDBPyConnection, sql: str) -> Any:
    return con.execute(sql).fetchall()[0]


def test_by_document_in_every_source_and_under_new_numbers_too(university: tuple[Config, Path], tmp_path: Path) -> None:
    config, source = university
    folder = config.folder
    paper = keyed_hash(DOCUMENT, "documento", KEY.encode())
    assert paper is not None
    secrets = (LEGAJO, paper, keyed_hash(USER, "texto", KEY.encode()), keyed_hash(MAIL, "texto", KEY.encode()))
    assert traces(folder, LEGAJO) != []
    expected: dict[str, int] = {}
    with duckdb.connect(str(source)) as con:
        for schema in CAMPUSES:
            students = f"SELECT alumno FROM {schema}.sga_alumnos WHERE persona = (SELECT min(persona) FROM {schema}.sga_alumnos)"
            for table in ("attendance", "reinscripciones", "course_inscriptions"):
                origin = {
                    "attendance": "sga_clases_asistencia_acum",
                    "reinscripciones": "sga_reinscripciones",
                    "course_inscriptions": "sga_insc_cursada",
                }[table]
                (rows,) = _one(con, f"SELECT count(*) FROM {schema}.{origin} WHERE alumno IN ({students})")
                expected[f"bronze.{table}"] = expected.get(f"bronze.{table}", 0) + rows
        teacher = f"SELECT min(docente) FROM {CAMPUSES[0]}.sga_docentes_comision"
        (taught,) = _one(
            con, f"SELECT count(DISTINCT comision) FROM {CAMPUSES[0]}.sga_docentes_comision WHERE docente = ({teacher})"
        )
    hashes = tmp_path / "hashes.txt"
    hashes.write_text(paper)
    found = padm.forget(documento=hashes, config=config)
    removed = {item.name: item.rows for item in found.removed}
    assert found.people == 2
    assert (removed["bronze.personas"], removed["bronze.students"]) == (2, 2)
    assert removed["bronze.docentes_comision"] == taught
    assert {name: removed.get(name, 0) for name in expected} == expected
    assert traces(folder, *secrets) == []

    # she comes again, under numbers that nobody knows yet, and another person beside her
    with duckdb.connect(str(source)) as con:
        schema = CAMPUSES[1]
        con.execute(f"INSERT INTO {schema}.mdp_personas_documentos (documento, nro_documento) VALUES (990001, '58777123')")
        for table, changes in {
            "mdp_personas": "persona := 990002, documento_principal := 990001",
            "sga_alumnos": "alumno := 990003, persona := 990002",
            "sga_reinscripciones": "alumno := 990003, nro_transaccion := 990004",
        }.items():
            listed = {name.strip(): value.strip() for name, _, value in (c.partition(":=") for c in changes.split(","))}
            replaced = ", ".join(f"{value} AS {name}" for name, value in listed.items())
            con.execute(f"INSERT INTO {schema}.{table} SELECT * REPLACE ({replaced}) FROM {schema}.{table} LIMIT 1")
    report = padm.run(layer="silver", as_of=SAMPLE_AS_OF, config=config)
    left_out = {i.resource: i.suppressed for i in report.inputs if i.source_db == "sede2"}
    assert (left_out["personas"], left_out["students"]) == (1, 1), "of the buckets that moved, her new rows"
    with padm.connect(config) as warehouse:
        for table in ("students", "reinscripciones"):
            assert warehouse.execute(f"SELECT count(*) FROM bronze.{table} WHERE alumno = 990003") == [(0,)]
    assert traces(folder, *secrets) == []
