"""A university whose data is changed in every way between two runs, and what must hold of the warehouse after each."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb
import psycopg

import padm_ibis as padm
from padm_ibis.report.run import RunReport
from padm_ibis.sample import SAMPLE_AS_OF, write_sample

READ = (
    "sga_alumnos", "mdp_personas", "mdp_personas_documentos", "mdp_datos_censales", "mdp_datos_economicos",
    "mdp_datos_estudios", "sga_insc_cursada", "sga_insc_examen", "sga_eval_detalle_cursadas", "sga_evaluaciones",
    "sga_clases_asistencia_acum", "sga_docentes_comision", "sga_perdida_regularidad", "sga_reinscripciones",
    "sga_alumnos_hist_calidad", "sga_certificados_otorg", "sga_propuestas_aspira", "sga_elementos", "sga_comisiones",
    "sga_periodos_lectivos", "sga_catedras", "mug_localidades",
    # what the view of the academic history is made of
    "sga_actas", "sga_actas_detalle", "sga_equiv_otorgada", "sga_equiv_tramite",
)  # fmt: skip
SHAPES = (
    "ALTER TABLE {} ALTER COLUMN fecha_inscripcion TYPE timestamptz", "ALTER TABLE {} ALTER COLUMN alumno TYPE bigint",
    "ALTER TABLE {} ALTER COLUMN nombre TYPE text", "ALTER TABLE {} DROP COLUMN trabajo_hora_sem",
    "ALTER TABLE {} ADD COLUMN trabajo_hora_sem smallint", "ALTER TABLE {} ADD COLUMN novedad text DEFAULT 'x'",
    "ALTER TABLE {} ALTER COLUMN total_inasistencias TYPE double precision",
)  # fmt: skip
NOWHERE = "postgres://nobody@127.0.0.1:1/nothing"


class University:
    """Two campuses on one server, and a configuration that reads them."""

    def __init__(self, folder: Path, url: str, students: int, seed: int) -> None:
        self.folder, self.url, self.draw = folder, url, random.Random(seed)
        self.schemas = {s.name: s.schema for s in write_sample(url, students=students, campuses=2, replace=True).sources}
        self.con = psycopg.connect(url, autocommit=True)

    def config(self, name: str, down: str | None = None) -> Path:
        """Write a configuration with a warehouse of its own."""
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        lines = ['[warehouse]\nurl = "duckdb://warehouse.duckdb"\n[privacy]\nhash_key = "hostile"\n']
        for source, schema in self.schemas.items():
            url = NOWHERE if source == down else self.url
            lines.append(f'[sources.{source}]\nurl = "{url}"\nschema = "{schema}"\nmax_shrinkage = 1\nconnect_retries = 0\n')
        (folder / "padm.toml").write_text("\n".join(lines), encoding="utf-8")
        return folder / "padm.toml"

    def __enter__(self) -> University:
        return self

    def __exit__(self, *_: object) -> None:
        self.con.close()

    def change(self, times: int) -> dict[str, int]:
        """Change rows of any age in any table, and sometimes a table itself; return how often each kind was done."""
        kinds = (self._value, self._date, self._delete, self._key, self._copy, self._shape)
        done = dict.fromkeys((kind.__name__.strip("_") for kind in kinds), 0)
        while sum(done.values()) < times:
            (kind,) = self.draw.choices(kinds, weights=(8, 6, 6, 4, 6, 1))
            schema = self.draw.choice(sorted(self.schemas.values()))
            table = self.draw.choice(READ)
            try:
                done[kind.__name__.strip("_")] += kind(schema, table)
            except (psycopg.Error, LookupError, ValueError):  # no such column, a key that is taken, a view that needs the type
                continue
        return done

    def _row(self, place: str) -> Any:
        found = self.con.execute(f"SELECT ctid FROM {place} ORDER BY ctid").fetchall()  # type: ignore[arg-type]
        return self.draw.choice(found)[0]

    def _columns(self, schema: str, table: str, *types: str) -> list[str]:
        where = "table_schema = %s AND table_name = %s"
        query = f"SELECT column_name, data_type FROM information_schema.columns WHERE {where} ORDER BY ordinal_position"
        found = self.con.execute(query, [schema, table]).fetchall()  # type: ignore[arg-type]
        key = self._key_of(schema, table)
        return [name for name, kind in found if name not in key and (not types or kind.startswith(types))]

    def _key_of(self, schema: str, table: str) -> list[str]:
        query = (
            "SELECT a.attname FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY(i.indkey)"
            " WHERE i.indisprimary AND i.indrelid = %s::regclass ORDER BY a.attnum"
        )
        return [name for (name,) in self.con.execute(query, [f"{schema}.{table}"]).fetchall()]

    def _value(self, schema: str, table: str) -> int:
        """A column gets the value of another row."""
        place, column = f"{schema}.{table}", self.draw.choice(self._columns(schema, table))
        here, other = self._row(place), self._row(place)
        return self._do(
            f'UPDATE {place} SET "{column}" = (SELECT "{column}" FROM {place} WHERE ctid = %s) WHERE ctid = %s', other, here
        )

    def _date(self, schema: str, table: str) -> int:
        place, column = f"{schema}.{table}", self.draw.choice(self._columns(schema, table, "date", "timestamp"))
        moment = f"{self.draw.randint(2011, 2024)}-{self.draw.randint(1, 12):02}-{self.draw.randint(1, 28):02}"
        return self._do(f'UPDATE {place} SET "{column}" = %s WHERE ctid = %s', moment, self._row(place))

    def _delete(self, schema: str, table: str) -> int:
        return self._do(f"DELETE FROM {schema}.{table} WHERE ctid = %s", self._row(f"{schema}.{table}"))

    def _key(self, schema: str, table: str) -> int:
        place, (key,) = f"{schema}.{table}", self._key_of(schema, table)[:1]
        new = f"(SELECT max({key}) + 1 FROM {place})"
        return self._do(f"UPDATE {place} SET {key} = {new} WHERE ctid = %s", self._row(place))

    def _copy(self, schema: str, table: str) -> int:
        """Another row like one that is there: late, if that one is old."""
        place, (key,) = f"{schema}.{table}", self._key_of(schema, table)[:1]
        names = [name for (name,) in self.con.execute(
            "SELECT column_name FROM information_schema.columns WHERE table_schema = %s AND table_name = %s", [schema, table]
        ).fetchall()]  # fmt: skip
        listed = ", ".join(f'"{name}"' for name in names)
        values = ", ".join(f"(SELECT max({key}) + 1 FROM {place})" if name == key else f'"{name}"' for name in names)
        return self._do(f"INSERT INTO {place} ({listed}) SELECT {values} FROM {place} WHERE ctid = %s", self._row(place))

    def _shape(self, schema: str, table: str) -> int:
        self.con.execute(self.draw.choice(SHAPES).format(f"{schema}.{table}"))  # type: ignore[arg-type]
        return 1

    def _do(self, statement: str, *values: Any) -> int:
        return self.con.execute(statement, values).rowcount  # type: ignore[arg-type]


def run(config: Path, warehouse: str | None = None, as_of: dt.date = SAMPLE_AS_OF) -> RunReport:
    return padm.run(as_of=as_of, config=config, warehouse=warehouse)


def contents(config: Path, warehouse: str | None = None) -> dict[str, tuple[str, int, int]]:
    """Table → what the ledger says of it, and its rows and the sum of their hashes as they are."""
    with padm.connect(config, warehouse=warehouse) as opened:
        hashed = {"duckdb": "hash({})", "postgres": "hashtextextended(ROW({})::text, 0)"}[opened.dialect]
        found = {}
        for layer, name, told in opened.execute("SELECT layer, name, content FROM _padm.tables ORDER BY 1, 2"):
            columns = [f'"{c}"' for c in opened.table(f"{layer}.{name}").columns if c not in ("_extracted_at", "_run_id")]
            ((rows, total),) = opened.execute(f"SELECT count(*), sum({hashed.format(', '.join(columns))}) FROM {layer}.{name}")
            found[f"{layer}.{name}"] = (told, rows, total)
        return found


def bronze(config: Path, keys: Mapping[str, tuple[str, ...]]) -> dict[tuple[str, str], dict[Any, Any]]:
    """(Source, resource) → key → row, without who loaded it and when."""
    found: dict[tuple[str, str], dict[Any, Any]] = {}
    with duckdb.connect(str(config.parent / "warehouse.duckdb"), read_only=True) as con:
        for resource, key in keys.items():
            relation = con.execute(f"SELECT * EXCLUDE (_extracted_at, _run_id) FROM bronze.{resource}")
            names = [column[0] for column in relation.description]
            for row in relation.fetchall():
                named = dict(zip(names, row, strict=True))
                place = found.setdefault((named["source_db"], resource), {})
                place[tuple(named[name] for name in key)] = row
    return found


def differences(
    before: Mapping[tuple[str, str], Mapping[Any, Any]], after: Mapping[tuple[str, str], Mapping[Any, Any]]
) -> dict[tuple[str, str], tuple[int, int, int]]:
    """(Source, resource) → rows added, changed and deleted, where any was."""
    found = {}
    for place in before.keys() | after.keys():
        was, now = before.get(place, {}), after.get(place, {})
        counts = (
            len(now.keys() - was.keys()),
            sum(was[key] != now[key] for key in was.keys() & now.keys()),
            len(was.keys() - now.keys()),
        )
        if any(counts):
            found[place] = counts
    return found
