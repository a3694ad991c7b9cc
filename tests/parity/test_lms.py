"""What a learning platform brings, on a hostile one of some hundred rows a table: DuckDB = PostgreSQL."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest
from both import Both

from padm_ibis.define import contract as contracts
from padm_ibis.define.graph import Graph
from padm_ibis.definitions import collect
from padm_ibis.params import Lms, Params

pytestmark = pytest.mark.postgres

PARAMS = Params(
    as_of=dt.date(2025, 2, 28),
    lms=(
        Lms("campus", ("sede1", "sede2"), teaching_roles=("ayudante", "Ñandú"), course_code="^([A-ZÑ]+[0-9]*)"),
        Lms("otro", ("sede2",), links=("email:email",)),
    ),
)
MADE = (
    "bridge_lms_persona", "dim_lms_curso", "fact_lms_actividad", "fact_lms_entrega", "fact_lms_vencimiento",
    "fact_lms_asistencia", "fact_lms_nota",
)  # fmt: skip
ROWS = 300
DAYS = [dt.date(2024, 2, 28) + dt.timedelta(days=n) for n in (*range(6), 366, 367, 368)]
TIMES = [dt.time(), dt.time(8, 30), dt.time(23, 59, 59)]
POINTS = ("0", "0.00001", "0.29", "1", "2.5", "3.33333", "7", "9.99999", "10", "-1", "100")
NAMED: dict[str, tuple[Any, ...]] = {
    "estado": ("submitted", "finished", "draft", "inprogress", None),
    "arquetipo": ("student", "editingteacher", "manager", "", None),
    "rol": ("student", "ayudante", "Ñandú", "nandú"),
    "tipo_item": ("course", "mod", "manual"),
    "idnumber": ("ÑA1-2024", "ÑA2", "MAT1", "mat1", "", None),
    "nombre_corto": ("MAT1", "ÑA1", "x", None),
    "materia_codigo": ("ÑA1", "MAT1", "ÑA2", "ña1", None),
}


def values(column: contracts.Column, chance: random.Random) -> Any:
    """One value of a column: what its name means, else what its type may hold; null where that is allowed."""
    kinds: tuple[tuple[Callable[[], bool], Callable[[], Any]], ...] = (
        (column.dtype.is_integer, lambda: chance.randint(0, 40)),
        (column.dtype.is_date, lambda: chance.choice(DAYS)),
        (column.dtype.is_timestamp, lambda: dt.datetime.combine(chance.choice(DAYS), chance.choice(TIMES))),
        (column.dtype.is_decimal, lambda: chance.choice(POINTS)),
        (column.dtype.is_boolean, lambda: chance.random() < 0.5),
    )
    if column.name in NAMED:
        return chance.choice([v for v in NAMED[column.name] if v is not None or column.nullable])
    if column.nullable and chance.random() < (0.7 if column.name == "_ausente_desde" else 0.1):
        return None
    return next((make() for fits, make in kinds if fits()), f"h{chance.randint(0, 60)}")


def bronze(both: Both) -> dict[str, pa.Table]:
    chance, found = random.Random(7), {}
    for model in both.graph.of("bronze"):
        places = ("campus", "otro") if model.name.startswith("lms_") else ("sede1", "sede2")
        columns = contracts.columns(model.contract, PARAMS)
        rows: dict[tuple[Any, ...], dict[str, Any]] = {}
        for _ in range(ROWS):
            row = {c.name: chance.choice(places) if c.name == "source_db" else values(c, chance) for c in columns}
            rows[tuple(row[k] for k in model.grain)] = row
        schema = contracts.schema(model.contract, PARAMS).to_pyarrow()
        arrays = [pa.array([r[f.name] for r in rows.values()]).cast(f.type) for f in schema]
        found[model.name] = pa.Table.from_arrays(arrays, schema=schema)
    return found


def test_both_engines_say_the_same_of_a_platform(postgres_url: str) -> None:
    whole = collect(kinds=("guarani", "moodle"))
    wanted = whole.dag.upstream(MADE)
    graph = Graph({m.name: m for m in whole if m.name in wanted}, whole.sources, whole.dag)
    opened = Both(postgres_url, graph)
    try:
        opened.load(bronze(opened), PARAMS)
        comparison = opened.build(PARAMS)
        assert not comparison.different, "\n".join(comparison.different[:20])
        sizes = {name: opened.read(graph[name])[0].num_rows for name in MADE}
    finally:
        opened.close()
    assert all(n >= 10 for n in sizes.values()), f"almost nothing was compared: {sizes}"
