"""The same proofs on a warehouse in PostgreSQL."""

from __future__ import annotations

import json
import time

import psycopg
import pytest
from audit_models import LEAKS

import padm_ibis as padm
from padm_ibis.audit.leakage import audit_leakage
from padm_ibis.cli import invoke
from padm_ibis.errors import WarehouseError
from padm_ibis.sample import SAMPLE_AS_OF

pytestmark = pytest.mark.postgres
TABLE = "gold_tft_training_dataset"


@pytest.fixture(scope="module")
def server_config(config, postgres_url, tmp_path_factory):
    """The same university and tables as in `config`, in PostgreSQL."""
    file = tmp_path_factory.mktemp("trust_postgres") / "padm.toml"
    here = config.parent
    file.write_text(config.read_text().replace(f"duckdb://{here / 'warehouse.duckdb'}", postgres_url), encoding="utf-8")
    padm.run(layer="gold", as_of=SAMPLE_AS_OF, config=file)
    return file


@pytest.fixture
def run(server_config, capsys):
    def call(*arguments):
        code = invoke([*arguments, "--config", str(server_config)])
        return code, capsys.readouterr().out

    return call


def temporary_tables(url):
    """Those that are left when the server has ended the session that had them."""
    with psycopg.connect(url, autocommit=True) as con:
        ended = time.monotonic() + 20
        while (left := con.execute("SELECT count(*) FROM pg_class WHERE relname LIKE 'padm\\_%'").fetchone()[0]) and (
            time.monotonic() < ended
        ):
            time.sleep(0.1)
    return left


def test_the_point_in_time_tables_are_free_of_leaks_and_nothing_is_left_behind(run, postgres_url):
    _, out = run("audit", "leakage", "gold_tft_temporal_features", TABLE, "mart_student_risk_features", "--sample", "2")
    leaks = [line for line in out.splitlines() if line.startswith("leak")]
    assert leaks == []
    assert "0 leaking" in out
    assert temporary_tables(postgres_url) == 0


def test_some_people_prove_the_same_there(run, postgres_url):
    code, out = run("audit", "leakage", "mart_student_risk_features", "--cut", "2017", "--no-perturb", "--persons", "20")
    assert code == 0
    assert "mart_student_risk_features is audited on 20 of 38 persons, drawn by a keyed hash" in out
    assert temporary_tables(postgres_url) == 0


def test_planted_leaks_are_caught_by_the_names_of_their_columns(run):
    code, out = run("audit", "leakage", "planted_leaks", "--cut", "2017", "--cut", "2020")
    assert code == 1
    assert {line.split()[1].removeprefix("planted_leaks.") for line in out.splitlines() if line.startswith("leak ")} == {*LEAKS}


def test_a_run_that_publishes_meanwhile_ends_the_audit(server_config, graph, postgres_url):
    """What a run does when it publishes: it stands in the books, and as the one whose version readers see."""
    later = (
        "INSERT INTO _padm.runs (run_id, started_at, status, layer, as_of, params)"
        " SELECT 'later', started_at + interval '1 hour', status, layer, as_of, params FROM _padm.runs"
    )
    mark = "UPDATE _padm.state SET value = %s WHERE key = 'published'"
    with padm.connect(server_config) as warehouse:
        before = warehouse.run_id

    def publish(label):
        if label == "later facts changed":
            with psycopg.connect(postgres_url) as con:
                con.execute(later)
                con.execute(mark, ["later"])

    with padm.connect(server_config) as warehouse, pytest.raises(WarehouseError, match="run later replaced the warehouse"):
        audit_leakage(warehouse, graph, tables=["planted_leaks"], cuts=[2020], progress=publish)
    with psycopg.connect(postgres_url) as con:
        con.execute("DELETE FROM _padm.runs WHERE run_id = 'later'")
        con.execute(mark, [before])


def test_a_role_that_may_make_no_temporary_tables_is_told_so(server_config, graph, postgres_url):
    with psycopg.connect(postgres_url, autocommit=True) as con:
        database = con.info.dbname
        con.execute(f'REVOKE TEMPORARY ON DATABASE "{database}" FROM PUBLIC')
        con.execute("CREATE ROLE adviser_of_trust LOGIN")
        try:
            for schema in ("_padm", "bronze", "silver", "gold"):
                con.execute(f"GRANT USAGE ON SCHEMA {schema} TO adviser_of_trust")
                con.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO adviser_of_trust")
            url = postgres_url.replace("//postgres:@", "//adviser_of_trust@")
            with (
                padm.connect(server_config, warehouse=url) as warehouse,
                pytest.raises(WarehouseError, match="no temporary tables"),
            ):
                audit_leakage(warehouse, graph)
        finally:
            con.execute("DROP OWNED BY adviser_of_trust")
            con.execute("DROP ROLE adviser_of_trust")
            con.execute(f'GRANT TEMPORARY ON DATABASE "{database}" TO PUBLIC')


def test_privacy_is_audited(run):
    code, out = run("audit", "privacy")
    assert code == 0
    assert "No column is above its declared class" in out


def test_what_a_run_wrote_down_is_there(server_config, config):
    with padm.connect(server_config) as warehouse, padm.connect(config) as other:
        ((text, versions),) = warehouse.execute("SELECT contents, versions FROM _padm.runs")
        ((same, _),) = other.execute("SELECT contents, versions FROM _padm.runs")
    found, elsewhere = json.loads(text), json.loads(same)
    assert json.loads(versions)["padm-ibis"] == padm.__version__
    assert {n: (f["layer"], f["rows"], f["model"]) for n, f in found.items()} == {
        n: (f["layer"], f["rows"], f["model"]) for n, f in elsewhere.items()
    }
    assert all(f["content"].startswith("postgres-") for f in found.values())
    assert len({f["content"] for f in found.values() if f["rows"]}) == sum(f["rows"] > 0 for f in found.values())


def test_an_export_can_be_made_again_until_the_warehouse_changes(run, postgres_url, tmp_path):
    folder = str(tmp_path / "set")
    assert run("export", TABLE, "--to", folder)[0] == 0
    assert run("verify", folder)[0] == 0
    with psycopg.connect(postgres_url) as con:
        con.execute("UPDATE bronze.personas SET fecha_nacimiento = fecha_nacimiento - 4000")
    code, out = run("verify", folder)
    assert code == 1
    assert f"built again, {TABLE} has" in out
    assert "the input personas has other rows" in out
