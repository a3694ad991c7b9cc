"""The university that is measured: two campuses of invented people, and a morning on which some of them changed."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import duckdb

from padm_ibis.sample import SAMPLE_AS_OF, write_sample

CAMPUSES = 2
SHARE = 0.005
DAY = SAMPLE_AS_OF - dt.timedelta(days=3)
NEXT_DAY = DAY + dt.timedelta(days=1)
"""Two days of one academic year: between them, nothing closes."""
CHANGES = """
UPDATE {schema}.sga_eval_detalle_cursadas SET nota_cursada = '7', resultado_cursada = 'A', ultimo_cambio = TIMESTAMP '{moment}'
WHERE alumno IN {people};
UPDATE {schema}.sga_alumnos SET coeficiente = 1.5 WHERE alumno IN {people};
INSERT INTO {schema}.sga_reinscripciones
SELECT alumno, max(anio_academico), TIMESTAMP '{moment}', max(nro_transaccion) + 9_000_000
FROM {schema}.sga_reinscripciones WHERE alumno IN {people} GROUP BY alumno;
DELETE FROM {schema}.sga_insc_cursada WHERE inscripcion IN
(SELECT max(inscripcion) FROM {schema}.sga_insc_cursada WHERE alumno IN {people} GROUP BY alumno);
"""


def write_source(url: str, students: int) -> list[str]:
    """Write a source of so many students in all, and return the schema of each campus."""
    report = write_sample(url, students=students // CAMPUSES, campuses=CAMPUSES)
    return [source.schema for source in report.sources]


def configuration(url: str, schemas: list[str], *, warehouse: str = "") -> str:
    """What ``padm.toml`` says of sources at ``url``; ``warehouse`` is what else its warehouse is told."""
    lines = [f'[warehouse]\nurl = "duckdb://warehouse.duckdb"\n{warehouse}[privacy]\nhash_key = "benchmark"\n']
    lines += [f'[sources.sede{n}]\nurl = "{url}"\nschema = "{schema}"\n' for n, schema in enumerate(schemas, start=1)]
    return "\n".join(lines)


def change(file: Path, schemas: list[str]) -> int:
    """Correct, add and take away facts of a two-hundredth of each campus's students, and return how many they are."""
    changed = 0
    with duckdb.connect(str(file)) as con:
        for schema in schemas:
            everybody = [
                alumno for (alumno,) in con.execute(f"SELECT alumno FROM {schema}.sga_alumnos ORDER BY alumno").fetchall()
            ]
            step = round(1 / SHARE)
            people = everybody[min(step, len(everybody)) // 2 :: step]
            moment = f"{DAY} 12:00:00"
            con.execute(CHANGES.format(schema=schema, moment=moment, people=f"({', '.join(map(str, people))})"))
            changed += len(people)
    return changed
