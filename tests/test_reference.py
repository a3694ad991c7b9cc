"""The warehouse against a second, independent reading of the data contract, row by row, on the sample university."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any

import pytest

import padm_ibis as padm
from padm_ibis.bronze import BRONZE
from padm_ibis.params import Params
from padm_ibis.sample import SAMPLE_AS_OF
from tests.reference import marts, series, years
from tests.reference.facts import Facts, Row
from tests.reference.training import training

AS_OF = {"after the sample's end": SAMPLE_AS_OF, "before its last years": dt.date(2021, 6, 15)}


class World:
    """One warehouse and what the plain reading makes of its bronze tables."""

    def __init__(self, folder: Any, as_of: dt.date) -> None:
        self.params = Params(as_of=as_of)
        url = f"duckdb://{folder / 'warehouse.duckdb'}"
        padm.run(layer="gold", as_of=as_of, warehouse=url)
        self.warehouse = padm.connect(warehouse=url)
        bronze = {f.__name__: self.rows(f"bronze.{f.__name__}") for f in BRONZE}
        self.facts = Facts(bronze, self.params)
        self.students = self.rows("silver.dim_student")
        self.series = series.temporal(self.facts, self.students)

    def rows(self, table: str) -> list[Row]:
        return self.warehouse.table(table).to_pyarrow().to_pylist()


@pytest.fixture(scope="module", params=AS_OF.values(), ids=AS_OF.keys())
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path_factory.mktemp("reference"), request.param)


def differences(expected: list[Row], found: list[Row], key: tuple[str, ...], columns: set[str] | None = None) -> list[str]:
    """Every cell that differs, and every row that only one side has."""

    def index(rows: list[Row]) -> dict[tuple[Any, ...], Row]:
        indexed = {tuple(r[k] for k in key): r for r in rows}
        assert len(indexed) == len(rows), "the key is not unique"
        return indexed

    left, right = index(expected), index(found)
    names = columns or {c for c in expected[0] if not c.startswith("_")}
    out = [f"only expected: {k}" for k in left.keys() - right.keys()] + [f"only found: {k}" for k in right.keys() - left.keys()]
    for k in left.keys() & right.keys():
        out += [f"{k} {c}: expected {left[k][c]!r}, found {right[k][c]!r}" for c in names if not same(left[k][c], right[k][c])]
    return out


def same(expected: Any, found: Any) -> bool:
    if isinstance(expected, float) and isinstance(found, float):
        return math.isclose(expected, found, rel_tol=1e-14, abs_tol=1e-14)
    return expected == found and (expected is None) == (found is None)


def agree(expected: list[Row], found: list[Row], key: tuple[str, ...]) -> None:
    assert expected, "nothing was compared"
    different = differences(expected, found, key)
    assert not different, f"{len(different)} differences, the first: " + "\n".join(sorted(different)[:8])


STUDENT_YEAR = ("source_db", "alumno_id", "anio_academico")


def test_the_facts_are_those_of_the_contract(world: World) -> None:
    agree(
        [
            {k: r[k] for k in ("source_db", "evaluacion_id", "alumno_id", "anio_academico", "anio_evento", "tipo_evaluacion")}
            | {"nota_numerica": None if r["marca"] is None else r["marca"] / 100, "fecha_conocida": r["fecha_conocida"]}
            for r in world.facts.results
        ],
        world.rows("silver.fact_academic_performance"),
        ("source_db", "evaluacion_id"),
    )


@pytest.mark.parametrize(
    ("fact", "plain"),
    [
        ("fact_course_enrollment", "enrolments"),
        ("fact_exam_inscription", "exams"),
        ("fact_attendance", "attendance"),
        ("fact_reinscription", "reinscriptions"),
        ("fact_dropout", "dropouts"),
        ("fact_student_status_history", "changes"),
        ("fact_egreso", "graduations"),
    ],
)
def test_the_years_of_every_fact_are_those_of_the_contract(world: World, fact: str, plain: str) -> None:
    def years_of(rows: list[Row]) -> list[tuple[Any, ...]]:
        keys = ("source_db", "alumno_id", "anio_academico", "fecha_conocida", "anio_evento")
        return sorted((tuple(r[k] for k in keys) for r in rows), key=repr)

    expected = years_of(getattr(world.facts, plain))
    assert expected
    assert years_of(world.rows(f"silver.{fact}")) == expected


def test_the_academic_summary_is_that_of_the_contract(world: World) -> None:
    agree(years.academic_summary(world.facts), world.rows("gold.mart_student_academic_summary"), STUDENT_YEAR)


def test_the_engagement_mart_is_that_of_the_contract(world: World) -> None:
    agree(years.student_engagement(world.facts), world.rows("gold.mart_student_engagement"), STUDENT_YEAR)


def test_the_series_is_that_of_the_contract(world: World) -> None:
    agree(world.series, world.rows("gold.gold_tft_temporal_features"), STUDENT_YEAR)


def test_the_risk_features_repeat_the_series(world: World) -> None:
    found = world.rows("gold.mart_student_risk_features")
    shared = {c for c in world.series[0] if not c.startswith("_")} & set(found[0])
    assert {"promedio_notas", "tuvo_reinscripcion", "creditos_acum", "dropout_next_year"} <= shared
    assert not differences(world.series, found, STUDENT_YEAR, shared)


def test_the_risk_score_is_the_sum_of_its_parts(world: World) -> None:
    for row in world.rows("gold.mart_student_risk_features"):
        fell = row["variacion_tasa_aprobacion"] is not None and row["variacion_tasa_aprobacion"] < -0.2 - 1e-9
        flags = {
            "riesgo_academico": row["tasa_aprobacion"] is not None and row["tasa_aprobacion"] < 0.5,
            "riesgo_asistencia": row["promedio_asistencia"] is not None and row["promedio_asistencia"] < 60,
            "riesgo_no_reinscripcion": row["tuvo_reinscripcion"] == 0,
            "riesgo_trabajo_excesivo": row["trabajo_hora_sem"] is not None and row["trabajo_hora_sem"] > 30,
        }
        assert {name: bool(row[name]) for name in flags} == flags
        weights = dict(zip(flags, (2, 2, 3, 1), strict=True))
        score = sum(weights[n] * flags[n] for n in flags) + 2 * fell + (row["cambios_estado_acum"] > 2)
        assert row["risk_score_heuristic"] == score


def test_the_students_at_risk_are_the_open_series(world: World) -> None:
    expected = {(r["source_db"], r["alumno_id"]) for r in series.open_series(world.series, world.facts)}
    found = world.rows("gold.mart_alumnos_en_riesgo")
    assert expected
    assert {(r["source_db"], r["alumno_id"]) for r in found} == expected
    for row in found:
        rivals = [r for r in found if (r["source_db"], r["propuesta_id"]) == (row["source_db"], row["propuesta_id"])]
        ahead = sum(r["risk_score_heuristic"] > row["risk_score_heuristic"] for r in rivals)
        assert row["puesto_en_carrera"] == 1 + ahead


def test_the_training_rows_are_those_of_the_contract(world: World) -> None:
    agree(training(world.series, world.facts, world.students), world.rows("gold.gold_tft_training_dataset"), STUDENT_YEAR)


def test_the_cohorts_are_those_of_the_contract(world: World) -> None:
    key = ("source_db", "cohorte", "propuesta_id", "facultad_id", "sede_provincia")
    agree(marts.cohorts(world.facts, world.students), world.rows("gold.mart_cohort_analysis"), key)


def test_the_subjects_are_those_of_the_contract(world: World) -> None:
    key = ("source_db", "elemento_id", "anio_academico")
    agree(marts.subjects(world.facts), world.rows("gold.mart_kpi_materia"), key)


def test_the_teachers_are_those_of_the_contract(world: World) -> None:
    key = ("source_db", "docente_hash", "anio_academico")
    agree(marts.teachers(world.facts), world.rows("gold.mart_ranking_docentes"), key)
