"""Each command is a twin of its library function: it prints, and its exit code says what it found."""

from __future__ import annotations

import json

import pytest

from padm_ibis.cli import invoke


@pytest.fixture
def run(config, capsys):
    def call(*arguments):
        code = invoke([*arguments, "--config", str(config)])
        return code, capsys.readouterr().out

    return call


def test_lineage_draws_a_column_down_to_the_sources(run):
    code, out = run("lineage", "gold_tft_training_dataset.promedio_historico")
    assert code == 0
    assert "vw_hist_academica.nota" in out
    assert "rows decided by" in out


def test_lineage_of_a_table_has_a_line_for_each_column(run):
    code, out = run("lineage", "gold.gold_tft_known_future")
    assert code == 0
    assert "time_index  ←  dim_periodo.anio_relativo" in out


@pytest.mark.parametrize(("form", "start"), [("mermaid", "flowchart LR"), ("dot", "digraph lineage {")])
def test_lineage_as_a_drawing(run, form, start):
    code, out = run("lineage", "dim_student.es_regular", "--format", form)
    assert code == 0
    assert out.startswith(start)


def test_lineage_as_json(run):
    _, out = run("lineage", "dim_student.es_regular", "--json", "-")
    assert json.loads(out)["result"]["values"][0]["column"] == "students.regular"


def test_an_unknown_column_is_named_with_the_nearest(run, capsys):
    code = run("lineage", "dim_student.es_regulr")[0]
    assert code == 2


def test_audit_privacy_passes_and_lists_personal_columns(run):
    code, out = run("audit", "privacy", "gold_tft_static_features", "--all")
    assert code == 0
    assert "gold_tft_static_features.anio_nacimiento" in out
    assert "mdp_personas.fecha_nacimiento" in out


def test_audit_privacy_prints_what_needs_a_look_and_counts_the_rest(run):
    code, out = run("audit", "privacy")
    lines = out.splitlines()
    assert code == 0
    assert len(lines) < 40
    assert any(line.startswith("gold.mart_ranking_docentes.docente_hash  indirect") for line in lines)  # a class is lowered here
    more = next(line for line in lines if line.endswith("--all lists them."))
    all_lines = run("audit", "privacy", "--all")[1].splitlines()
    assert int(more.split()[0].replace(",", "")) == len(all_lines) - len(lines) + 1


def test_audit_privacy_names_what_only_decides_about_a_column_and_the_way_it_goes(tmp_path, capsys):
    file = tmp_path / "padm.toml"
    file.write_text(
        f'[warehouse]\nurl = "duckdb://{tmp_path / "none.duckdb"}"\n[privacy]\nhash_key = "{"k" * 32}"\n'
        '[models]\nmodules = ["control_models"]\n',
        encoding="utf-8",
    )
    assert invoke(["audit", "privacy", "mart_kept", "--config", str(file)]) == 1
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("gold.mart_kept.personas")]
    assert "; decided by dim_census.disc_visual (filter)" in line
    way = "mdp_datos_discapacidad.disc_visual → census.disc_visual → dim_census.disc_visual (filter) → mart_kept.personas"
    assert line.endswith(f"sensitive data decides what it is made over: dim_census.disc_visual (filter): {way}")


def test_lineage_is_not_wrapped_where_no_screen_ends(run):
    _, out = run("lineage", "gold_tft_training_dataset.promedio_historico", "--indirect")
    indirect = [line for line in out.splitlines() if "rows decided by" in line]
    assert max(len(line) for line in indirect) > 200
    assert len(out.splitlines()) < 60


def test_audit_leakage_fails_on_the_planted_leaks_and_names_them(run):
    code, out = run("audit", "leakage", "planted_leaks", "--sample", "1", "--no-perturb")
    assert code == 1
    assert "leak  planted_leaks.total_ever" in out
    (status,) = [line for line in out.splitlines() if line.startswith("leak  planted_leaks.status_today")]
    assert status.endswith("  by students.calidad (sga_alumnos.calidad), which is now")
    (best,) = [line for line in out.splitlines() if line.startswith("leak  planted_leaks.best_ever")]
    assert "which is now" not in best
    assert "honest" not in out


def test_audit_leakage_says_on_whom_and_what_that_may_miss(run):
    asked = ("audit", "leakage", "gold_tft_temporal_features", "--sample", "1", "--no-perturb")
    code, out = run(*asked, "--persons", "20")
    assert code == 0
    told = "gold_tft_temporal_features is audited on 20 of 38 persons, drawn by a keyed hash"
    assert told in out
    assert "in 0.005 of all persons (1) is missed with a probability of 0.47." in out  # 18 of 38
    assert run(*asked, "--persons", "20", "--whole")[1].count("persons") == 0


def test_export_and_verify(run, tmp_path):
    code, out = run("export", "gold_tft_training_dataset", "--to", str(tmp_path / "set"))
    assert code == 0
    assert "fingerprint" in out
    code, out = run("verify", str(tmp_path / "set"))
    assert code == 0
    assert out.startswith("Equal") or "Equal" in out


@pytest.mark.parametrize("command", [("audit", "privacy"), ("show", "students")])
def test_no_name_of_a_column_is_cut_on_a_narrow_screen(config, capsys, monkeypatch, command):
    for room in ("_options", "audit", "show"):
        monkeypatch.setattr(f"padm_ibis.commands.{room}.on_terminal", lambda: True)
    monkeypatch.setenv("COLUMNS", "80")
    invoke([*command, "--config", str(config)])
    out = capsys.readouterr().out
    assert max(len(line) for line in out.splitlines()) <= 80
    names = ["silver.dim_persona.edad_actual"] if "privacy" in command else ["see_institucion_id", "plan_version_id"]
    assert [name for name in names if name not in out] == []
    assert "…" not in out
