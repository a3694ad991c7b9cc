"""A university whose source changes under closed years: what is listed is what Python finds between the rows before and after."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb

import padm_ibis as padm
from padm_ibis.sample import write_sample

TABLES = ("gold_tft_temporal_features", "gold_tft_training_dataset", "mart_student_risk_features")
KEY = ("source_db", "alumno_id", "anio_academico")
Rows = dict[tuple[Any, ...], dict[str, Any]]


def rows(config: Path) -> dict[str, Rows]:
    with padm.connect(config) as warehouse:
        found = {table: warehouse.table(table).to_pyarrow().to_pylist() for table in TABLES}
    return {table: {tuple(row[c] for c in KEY): row for row in some} for table, some in found.items()}


def moved(old: Rows, new: Rows) -> dict[tuple[Any, ...], set[str]]:
    """Keys of rows that differ → the columns; no columns where one of them is not there."""
    closed = max(year for *_, year in old)
    both = {key: {c for c in old[key] if old[key][c] != new[key][c]} for key in old.keys() & new.keys()}
    gone_or_new = {key for key in old.keys() ^ new.keys() if key in old or key[2] <= closed}
    return {key: columns for key, columns in both.items() if columns} | {key: set() for key in gone_or_new}


def test_what_is_listed_is_what_moved(tmp_path: Path) -> None:
    source, config = tmp_path / "s.duckdb", tmp_path / "padm.toml"
    write_sample(f"duckdb://{source}", students=30, years=6, campuses=1, seed=3)
    config.write_text(
        '[warehouse]\nurl = "duckdb://w.duckdb"\n[privacy]\nhash_key = "k"\n[sources.sede1]\nmax_shrinkage = 1.0\n'
        f'url = "duckdb://{source}"\n',
        encoding="utf-8",
    )
    first = padm.run(as_of="2026-03-01", config=config)
    before = rows(config)
    with duckdb.connect(str(source)) as con:
        late, corrected, deleted = (student for (student,) in con.execute(
            "SELECT alumno FROM negocio.sga_reinscripciones WHERE anio_academico BETWEEN 2020 AND 2023"
            " GROUP BY alumno HAVING count(*) > 1 ORDER BY alumno LIMIT 3"
        ).fetchall())  # fmt: skip
        mine = "alumno = {} AND anio_academico = (SELECT min(anio_academico) FROM negocio.sga_reinscripciones WHERE alumno = {})"
        con.execute(
            "INSERT INTO negocio.sga_reinscripciones BY NAME SELECT alumno, anio_academico, fecha_reinscripcion,"
            f" 990001 AS nro_transaccion FROM negocio.sga_reinscripciones WHERE {mine.format(late, late)} LIMIT 1"
        )
        con.execute(
            "UPDATE negocio.sga_reinscripciones SET fecha_reinscripcion = fecha_reinscripcion + INTERVAL 1 DAY"
            f" WHERE {mine.format(corrected, corrected)}"
        )
        con.execute(f"DELETE FROM negocio.sga_reinscripciones WHERE {mine.format(deleted, deleted)}")
    report = padm.run(as_of="2026-03-01", config=config, full_refresh=True)
    after = rows(config)
    assert {one.table.removeprefix("gold.") for one in report.restated} == {*TABLES}
    causes: dict[int, set[str]] = {}
    for table in TABLES:
        found = padm.restated(table, first.run_id, config=config)
        expected = moved(before[table], after[table])
        assert {tuple(row.key[c] for c in KEY): set(row.columns) for row in found.listed} == expected
        assert found.moved is not None
        assert (found.moved.moved, found.moved.rows) == (len(expected.keys() & before[table].keys()), len(before[table]))
        for row in found.listed:
            causes.setdefault(row.key["alumno_id"], set()).add(row.cause)
    assert causes == {late: {"late"}, corrected: {"corrected"}, deleted: {"deleted"}}
