"""A source of one table of thirty columns, of the types that Guaraní has."""

from __future__ import annotations

from typing import Annotated, Any

import ibis.expr.datatypes as dt
import ibis.expr.types as ir

from padm_ibis.define.contract import BronzeContract, column
from padm_ibis.define.model import resource
from padm_ibis.define.source_table import SourceTable

INTEGERS = ("id", "alumno", "elemento", "plan_version", "anio", "instancia", "id_acta", "comision", "evaluacion", "numero")
TEXTS = (
    "nro_acta",
    "nota",
    "resultado",
    "res_desc",
    "origen",
    "folio",
    "renglon",
    "nro_res",
    "tramite",
    "materia_nombre",
    "codigo",
    "flag",
    "estado",
)
KINDS = {
    **dict.fromkeys(INTEGERS, dt.int64), **dict.fromkeys(TEXTS, dt.string), "fecha": dt.date, "fecha_vigencia": dt.date,
    "ts": dt.timestamp, "tz": dt.timestamp, "nota_n": dt.Decimal(18, 6), "pct": dt.Decimal(18, 6), "creditos": dt.Decimal(18, 6),
}  # fmt: skip
TABLES = {"big": SourceTable("big", KINDS, frozenset({"id", "ts"}))}
CREATE = """
CREATE TABLE big AS SELECT
  i::int AS id, (i::bigint * 7919 % 60000)::int AS alumno, (i % 5000)::int AS elemento, (i % 97)::int AS plan_version,
  2000 + i % 25 AS anio, (i % 7)::smallint AS instancia, i / 30 AS id_acta,
  CASE WHEN i % 4 = 0 THEN NULL ELSE i % 3000 END AS comision, i % 70000 AS evaluacion, i::bigint * 1000003 AS numero,
  ('acta ' || i % 100000)::varchar(40) AS nro_acta, (i % 10)::text::varchar(10) AS nota,
  CASE WHEN i % 3 = 0 THEN 'A' WHEN i % 3 = 1 THEN 'R' ELSE 'U' END::varchar(1) AS resultado, 'Aprobado'::varchar(30) AS res_desc,
  'E'::varchar(1) AS origen, (i % 50)::text::varchar(10) AS folio, (i % 30)::text AS renglon, NULL::varchar AS nro_res,
  CASE WHEN i % 11 = 0 THEN 'TR-' || i END AS tramite, 'Materia de nombre ' || i % 5000 AS materia_nombre,
  md5((i % 1000)::text) AS codigo, CASE WHEN i % 2 = 0 THEN 'S' ELSE 'N' END AS flag, 'A'::varchar(1) AS estado,
  date '2000-01-01' + i % 9000 AS fecha, date '2000-01-01' + i % 9000 AS fecha_vigencia,
  timestamp '2000-01-01' + i * interval '1 second' AS ts, timestamptz '2000-01-01Z' + i * interval '1 second' AS tz,
  (i % 1000 / 100.0)::numeric(5, 2) AS nota_n, (i % 100)::numeric(5, 2) AS pct, (i % 8)::numeric(4, 1) AS creditos
FROM generate_series(1, {rows}) i
"""


def _big() -> type[BronzeContract]:
    types: dict[str, Any] = {dt.int64: dt.Int64, dt.string: dt.String, dt.date: dt.Date, dt.timestamp: dt.Timestamp}
    loader = {
        "source_db": ("source_db", dt.String),
        "extracted_at": ("_extracted_at", dt.Timestamp),
        "run_id": ("_run_id", dt.String),
    }
    first, *last = ({name: column("Loader.", alias=alias)} for name, (alias, _) in loader.items())
    fields = {**first, **{n: column("Data.", nullable=n != "id") for n in KINDS}, **last[0], **last[1]}
    kinds = {n: loader[n][1] if n in loader else types.get(KINDS[n], Annotated[dt.Decimal, 18, 6, True]) for n in fields}
    body = {"__module__": __name__, "__annotations__": kinds, "Config": type("Config", (), {"unique": ("source_db", "id")})}
    return type("Big", (BronzeContract,), {**body, **fields})


Big = _big()


@resource(Big, load="incremental", cursor="ts")
def big(big: ir.Table) -> ir.Table:
    """Rows of the benchmark, one row per id."""
    return big.select(*KINDS)
