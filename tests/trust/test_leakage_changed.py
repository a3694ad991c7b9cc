"""What was proved of a table is not proved again until something that the proof was of is another."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import duckdb
import ibis
import ibis.expr.types as ir
import pytest
from test_leakage_now import OfYear, reenrolled

import padm_ibis as padm
from padm_ibis.audit import proofs
from padm_ibis.audit.leakage import audit_leakage
from padm_ibis.audit.proofs import Proofs, definitions
from padm_ibis.bronze import BRONZE
from padm_ibis.cli import invoke
from padm_ibis.define.compile import sql
from padm_ibis.define.contract import column, dt
from padm_ibis.define.graph import build
from padm_ibis.define.model import model
from padm_ibis.params import Params
from padm_ibis.sample import SAMPLE_AS_OF
from padm_ibis.silver import SILVER
from padm_ibis.sources.guarani import TABLES

KEY = ("source_db", "alumno_id", "anio_academico")
PARAMS = Params(as_of=SAMPLE_AS_OF)
BOTH = ("below", "above")


class Below(OfYear):
    """Years so far."""

    so_far: dt.Int64 = column("Years with a re-enrolment so far.", pii="indirect")


class Above(OfYear):
    """Made from it."""

    twice: dt.Int64 = column("Twice as many.", pii="indirect")


def tables(*, ever: bool = False, times: int = 2):
    """Two tables, the second from the first; ``ever`` lets the first see the future, ``times`` is what the second does."""

    @model(Below, point_in_time=True)
    def below(fact_reinscription: ir.Table) -> ir.Table:
        """Re-enrolments, one row per alumno_id and anio_academico."""
        t = reenrolled(fact_reinscription)
        frame = {} if ever else {"preceding": None, "following": 0}
        window = ibis.window(group_by=list(KEY[:2]), order_by=t.anio_academico, **frame)
        return t.select(*KEY, so_far=t.count().over(window))

    @model(Above, point_in_time=True)
    def above(below: ir.Table) -> ir.Table:
        """Re-enrolments, one row per alumno_id and anio_academico."""
        return below.select(*KEY, twice=below.so_far * times)

    return build([*BRONZE, *SILVER, below, above], TABLES)


@pytest.fixture
def audit(config, tmp_path):
    """Audits a copy of the small warehouse in which the tables of a graph are made."""
    file = tmp_path / "warehouse.duckdb"
    shutil.copyfile(config.parent / "warehouse.duckdb", file)

    def audited(graph, **how):
        with duckdb.connect(file) as con:
            for name in BOTH:
                con.execute(f"CREATE OR REPLACE TABLE gold.{name} AS {sql(graph.bind(graph[name], PARAMS), 'duckdb')}")
        with padm.connect(config, warehouse=f"duckdb://{file}") as warehouse:
            audited.memory = Proofs(warehouse.config)
            return audit_leakage(warehouse, graph, changed=True, **how)

    return audited


def skipped(report):
    return tuple(proof.table for proof in report.skipped)


def test_what_was_proved_is_skipped_with_the_day_and_the_version(audit):
    first, again = audit(tables()), audit(tables())
    assert (first.tables, skipped(first), first.ok) == (BOTH, (), True)
    assert (again.tables, skipped(again), again.ok, again.columns, again.cuts) == ((), BOTH, True, [], ())
    proof = again.skipped[0]
    assert (proof.as_of, proof.modes, proof.persons) == (str(SAMPLE_AS_OF), ("remove", "perturb"), None)
    assert proof.run_id
    assert json.loads(again.json())["skipped"][0]["at"] == proof.at.isoformat()


def test_only_what_changed_and_what_is_made_from_it_is_audited(audit):
    audit(tables())
    assert audit(tables(times=3)).tables == ("above",)
    assert audit(tables(times=3)).tables == ()
    leaking = audit(tables(times=3, ever=True))
    assert (leaking.tables, leaking.ok) == (BOTH, False)
    assert audit(tables(times=3, ever=True)).tables == BOTH  # what leaks is never remembered
    assert audit(tables(times=3)).tables == BOTH  # nor is anything that was proved of it before


def test_a_proof_on_some_people_is_none_on_everybody_and_one_mode_is_not_both(audit):
    assert audit(tables(), persons=20, modes=["remove"]).sample.tables == BOTH
    assert skipped(audit(tables(), persons=20, modes=["remove"])) == BOTH
    assert skipped(audit(tables(), persons=10, modes=["remove"])) == BOTH
    assert skipped(audit(tables(), persons=21, modes=["remove"])) == ()
    assert skipped(audit(tables(), persons=20)) == ()
    assert skipped(audit(tables(), whole=True)) == ()
    assert skipped(audit(tables(), persons=20)) == BOTH  # everybody is more than some


def test_an_audit_of_some_years_proves_nothing_for_later(audit):
    assert audit(tables(), cuts=[2017]).ok
    assert audit(tables(), sample=1).ok
    assert skipped(audit(tables())) == ()


def test_a_proof_by_other_code_is_none(audit, monkeypatch):
    audit(tables())
    monkeypatch.setattr(proofs, "__version__", "0.0.1")
    assert audit(tables()).tables == BOTH
    monkeypatch.setattr(proofs.code, "everything", lambda: "another")
    assert audit(tables()).tables == BOTH


@pytest.mark.parametrize("damage", ["", "[]", '{"x": 1}', "cut of"])
def test_a_damaged_memory_proves_nothing(audit, damage):
    audit(tables())
    audit.memory.path.write_text(damage)
    assert audit(tables()).tables == BOTH
    assert skipped(audit(tables())) == BOTH


def test_a_memory_that_cannot_be_written_is_told_and_nothing_else_is_lost(audit, monkeypatch):
    def full(*arguments, **how):
        raise OSError(28, "No space left on device", "/somewhere")

    monkeypatch.setattr(proofs.atomic, "write", full)
    report = audit(tables())
    assert (report.ok, report.unkept) == (True, "No space left on device")


def test_what_a_proof_is_of():
    graph = tables()
    first = definitions(graph, BOTH, PARAMS)
    assert definitions(graph, BOTH, replace(PARAMS, as_of=PARAMS.cutoff(2019))) == first  # a day is no definition
    assert definitions(tables(), BOTH, PARAMS) == first
    other = definitions(graph, BOTH, replace(PARAMS, max_inactive_years=5))
    assert all(other[name] != first[name] for name in BOTH)
    models = dict(graph.models)
    source = models["students"]
    models["students"] = replace(source, constant=source.constant - {"modalidad"})
    assert all(definitions(replace(graph, models=models), BOTH, PARAMS)[name] != first[name] for name in BOTH)
    models = dict(graph.models)
    models["below"] = replace(models["below"], allow={"udf md5": "a keyed hash"})
    assert definitions(replace(graph, models=models), BOTH, PARAMS) == {"below": None, "above": None}


def test_the_command_names_what_it_skips(config, capsys):
    asked = ["audit", "leakage", "gold_tft_temporal_features", "--no-perturb", "--persons", "20", "--changed"]
    asked += ["--config", str(config)]
    assert invoke(asked) == 0
    assert capsys.readouterr().out.startswith("No leak: gold_tft_temporal_features; ")
    assert invoke(asked) == 0
    out = capsys.readouterr().out
    assert out.startswith("Not changed since it was proved: gold_tft_temporal_features (20")
    assert "on 20 persons)" in out
    assert "cuts" not in out
