"""The audit passes the point-in-time tables of the sample, and names the column of every planted leak."""

from __future__ import annotations

import json
from dataclasses import replace
from types import MappingProxyType

import pytest
from audit_models import LEAKS

import padm_ibis as padm
from padm_ibis.audit.leakage import ROWS, audit_leakage
from padm_ibis.errors import UsageError
from padm_ibis.model import model_of
from padm_ibis.silver import fact_academic_performance

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


def test_attributes_are_declared_constant_and_no_probe_is_claimed_of_them(report):
    assert verdicts(report, "gold_tft_training_dataset")["sexo"] == "constant"


def test_changing_the_future_catches_what_depends_on_it_too(config, graph):
    with padm.connect(config) as warehouse:
        changed = audit_leakage(warehouse, graph, tables=["planted_leaks"], cuts=CUTS, perturb=True)
    assert changed.modes == ("remove", "perturb")
    assert not changed.ok
    assert any("perturbed" in example for c in changed.leaks for example in c.examples) or changed.leaks
    assert json.loads(changed.json())["ok"] is False


def test_a_cut_that_took_nothing_away_proves_nothing(config, graph):
    with padm.connect(config) as warehouse:
        early = audit_leakage(warehouse, graph, tables=["gold_tft_temporal_features"], cuts=[1990], perturb=False)
    assert early.vacuous
    assert not early.ok


def test_without_the_rule_of_the_known_date_the_columns_it_guards_are_named(config, graph):
    """A result is dated by the year it is about, not by the one in which it became known."""
    honest = model_of(fact_academic_performance)

    def naive(historia_academica, academic, params):
        rows = honest.function(historia_academica, academic, params)
        return rows.mutate(anio_evento=rows.anio_academico.coalesce(rows.anio_evento))

    models = {**graph.models, honest.name: replace(honest, function=naive)}
    leaky = replace(graph, models=MappingProxyType(models))
    with padm.connect(config) as warehouse:
        found = audit_leakage(warehouse, leaky, tables=["gold_tft_temporal_features"], perturb=False)
    assert "total_evaluaciones" in {c.column for c in found.leaks}


def test_a_table_without_years_is_refused(config, graph):
    with padm.connect(config) as warehouse, pytest.raises(UsageError, match="no row per"):
        audit_leakage(warehouse, graph, tables=["gold_tft_static_features"])
    with padm.connect(config) as warehouse, pytest.raises(UsageError, match="no closed year"):
        audit_leakage(warehouse, graph, cuts=[2090])
