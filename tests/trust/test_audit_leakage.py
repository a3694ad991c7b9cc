"""The audit passes the point-in-time tables of the sample, and names the column of every planted leak."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from types import MappingProxyType

import duckdb
import pytest
from audit_models import LEAKS

import padm_ibis as padm
from padm_ibis.audit.leakage import ROWS, audit_leakage
from padm_ibis.define import contract as contracts
from padm_ibis.define.compile import sql
from padm_ibis.define.model import model_of
from padm_ibis.errors import UsageError
from padm_ibis.gold import gold_tft_temporal_features
from padm_ibis.params import Params
from padm_ibis.sample import SAMPLE_AS_OF
from padm_ibis.silver import fact_academic_performance

pytestmark = pytest.mark.early

CUTS = (2017, 2020)


@pytest.fixture(scope="module")
def report(config, graph):
    with padm.connect(config) as warehouse:
        return audit_leakage(warehouse, graph, cuts=CUTS)


def verdicts(report, table):
    return {c.column: c.verdict for c in report.columns if c.table == table}


def test_the_own_tables_are_free_of_leaks(report):
    own = [c for c in report.columns if c.table != "planted_leaks"]
    assert len({c.table for c in own}) == 3
    assert [(c.table, c.column, c.examples) for c in own if c.verdict == "leak"] == []


@pytest.mark.parametrize("column", LEAKS)
def test_a_planted_leak_is_caught_by_name(report, column):
    (found,) = [c for c in report.columns if (c.table, c.column) == ("planted_leaks", column)]
    assert found.verdict == "leak"
    assert found.moved > 0
    assert 0 < len(found.examples) <= 3


def test_the_honest_column_beside_them_passes_with_probes(report):
    (honest,) = [c for c in report.columns if (c.table, c.column) == ("planted_leaks", "honest")]
    assert honest.verdict == "ok"
    assert 0 < honest.effective <= honest.probes
    assert verdicts(report, "planted_leaks")[ROWS] == "ok"


def test_taking_the_future_away_alone_catches_every_one(config, graph):
    with padm.connect(config) as warehouse:
        removed = audit_leakage(warehouse, graph, tables=["planted_leaks"], cuts=CUTS, modes=["remove"])
    assert {c.column for c in removed.leaks} == {*LEAKS}
    assert all("(cut 20" in example for column in removed.leaks for example in column.examples)


def test_attributes_are_declared_constant_and_no_probe_is_claimed_of_them(report):
    assert verdicts(report, "gold_tft_training_dataset")["sexo"] == "constant"


def test_changing_the_future_alone_catches_what_depends_on_it_and_nothing_else(config, graph):
    with padm.connect(config) as warehouse:
        changed = audit_leakage(warehouse, graph, tables=["planted_leaks"], cuts=CUTS, modes=["perturb"])
    found = {c.column: c for c in changed.columns}
    # Changed facts add no years and leave today where it is.
    assert {c.column for c in changed.leaks} == {*LEAKS} - {"is_last", "until_today"}
    assert all("perturbed" in example for column in changed.leaks for example in column.examples)
    assert found["honest"].moved == 0
    assert found["honest"].effective > 0
    assert json.loads(changed.json())["ok"] is False


def test_a_cut_that_took_nothing_away_proves_nothing(config, graph):
    with padm.connect(config) as warehouse:
        early = audit_leakage(warehouse, graph, tables=["gold_tft_temporal_features"], cuts=[1990], modes=["remove"])
    assert early.vacuous
    assert not early.ok


def naive(historia_academica, academic, params):
    """A result is dated by the year it is about, not by the one in which it became known."""
    rows = model_of(fact_academic_performance).function(historia_academica, academic, params)
    return rows.mutate(anio_evento=rows.anio_academico.coalesce(rows.anio_evento))


def test_without_the_rule_of_the_known_date_the_columns_it_guards_are_named(config, graph, tmp_path):
    """The warehouse itself is built without the rule: what differs is the leak, not the code."""
    honest, features = model_of(fact_academic_performance), model_of(gold_tft_temporal_features)
    leaky = replace(graph, models=MappingProxyType({**graph.models, honest.name: replace(honest, function=naive)}))
    built = tmp_path / "warehouse.duckdb"
    shutil.copyfile(config.parent / "warehouse.duckdb", built)
    params = Params(as_of=SAMPLE_AS_OF)
    with duckdb.connect(built) as con:
        for model, function in ((honest, naive), (features, features.function)):
            tables = {name: contracts.unbound(graph.models[name].contract, name, params) for name in model.inputs}
            query = sql(function(**tables, params=params), "duckdb")
            con.execute(f"CREATE OR REPLACE TABLE {model.layer}.{model.name} AS {query}")
    with padm.connect(config, warehouse=f"duckdb://{built}") as warehouse:
        found = audit_leakage(warehouse, leaky, tables=[features.name], modes=["remove"])
    leaks = {c.column for c in found.leaks}
    assert {"total_evaluaciones", "promedio_notas", "materias_aprobadas", "promedio_historico"} <= leaks
    assert not {"inscripciones_cursada", "tuvo_reinscripcion", "cambios_estado_acum"} & leaks


def test_a_table_without_years_is_refused(config, graph):
    with padm.connect(config) as warehouse, pytest.raises(UsageError, match="no row per"):
        audit_leakage(warehouse, graph, tables=["gold_tft_static_features"])
    with padm.connect(config) as warehouse, pytest.raises(UsageError, match="no closed year"):
        audit_leakage(warehouse, graph, cuts=[2090])
