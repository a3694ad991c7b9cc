"""A source gives what it gives: the optional is empty and told, the essential stops it, and what was there is not lost."""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import pytest

import padm_ibis as padm
from padm_ibis.cli import invoke
from padm_ibis.errors import PadmError, UnknownName
from padm_ibis.report.results import CheckResult
from padm_ibis.report.run import RunReport
from padm_ibis.sample import SAMPLE_AS_OF, write_sample
from padm_ibis.sources.spec import kind_spec

TEACHERS = "docentes_comision"


class University:
    """A sample university in a file, some of whose tables can be taken away and given back."""

    def __init__(self, folder: Path, template: Path, more: str = "") -> None:
        shutil.copytree(template, folder, dirs_exist_ok=True)
        self.source, self.config = folder / "guarani.duckdb", folder / "padm.toml"
        self.config.write_text(
            f'[warehouse]\nurl = "duckdb://{folder}/w.duckdb"\n[privacy]\nhash_key = "{"k" * 32}"\n'
            f'[sources.norte]\nurl = "duckdb://{self.source}"\n{more}',
            encoding="utf-8",
        )

    def sql(self, *statements: str) -> None:
        with duckdb.connect(self.source) as con:
            con.execute("SET search_path = 'negocio'")
            for statement in statements:
                con.execute(statement)

    def away(self, *tables: str) -> None:
        """Take tables or views out of the schema, so that they can come back."""
        self.sql("CREATE SCHEMA IF NOT EXISTS away", *(f"CREATE TABLE away.{t} AS FROM negocio.{t}" for t in tables))
        for table in tables:
            try:
                self.sql(f"DROP TABLE negocio.{table}")
            except duckdb.CatalogException:
                self.sql(f"DROP VIEW negocio.{table}")

    def back(self, *tables: str) -> None:
        self.sql(*(f"CREATE TABLE negocio.{t} AS FROM away.{t}" for t in tables))

    def run(self, layer: str | None = "bronze", **options: Any) -> RunReport:
        return padm.run(layer=layer, as_of=SAMPLE_AS_OF, config=self.config, **options)

    def rows(self, table: str, columns: str = "*") -> list[tuple[Any, ...]]:
        with padm.connect(self.config) as warehouse:
            return warehouse.execute(f"SELECT {columns} FROM {table} ORDER BY ALL")

    def count(self, table: str) -> int:
        return int(self.rows(table, "count(*)")[0][0])


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sample, and with the statements that every run would compile first."""
    folder = tmp_path_factory.mktemp("template")
    write_sample(f"duckdb://{folder}/guarani.duckdb", students=60, years=8)
    kind_spec("guarani", folder / ".w.duckdb.padm")
    return folder


@pytest.fixture
def university(tmp_path: Path, template: Path) -> University:
    return University(tmp_path, template)


def not_given(report: RunReport) -> list[CheckResult]:
    return [check for check in report.checks if check.rule == "not_given"]


def test_optional_resources_are_empty_typed_tables_that_are_named_with_their_readers(university: University) -> None:
    university.away("sga_certificados_otorg", "sga_docentes_comision")
    report = university.run(None)
    assert report.status == "ok"
    assert (university.count("bronze.egresos"), university.count(f"bronze.{TEACHERS}")) == (0, 0)
    assert (university.count("silver.fact_egreso"), university.count("silver.bridge_docente_comision")) == (0, 0)
    assert university.count("gold.gold_tft_training_dataset") > 0
    found = {check.table: (check.verdict, check.rows[0]) for check in not_given(report)}
    assert set(found) == {"bronze.egresos", f"bronze.{TEACHERS}"}
    verdict, text = found["bronze.egresos"]
    assert verdict == "warn"
    cost = "without it nothing in egresos, which dim_plan_version and fact_egreso read"
    assert f"sga_certificados_otorg is missing: it counts as empty; {cost}" in text
    with padm.connect(university.config) as warehouse:
        schema = warehouse.table("bronze.egresos").schema()
    assert (str(schema["fecha_egreso"]), str(schema["promedio"])) == ("date", "decimal(18, 6)")
    notes = [i.note for i in report.inputs if i.resource in ("egresos", TEACHERS)]
    assert notes == ["not given by the source"] * 2


def test_a_required_column_that_is_missing_counts_like_its_table(university: University) -> None:
    university.sql("ALTER TABLE sga_certificados_otorg DROP COLUMN anulado")
    (check,) = not_given(university.run())
    assert university.count("bronze.egresos") == 0
    assert (
        "sga_certificados_otorg has no column anulado: the table counts as empty; without it nothing in egresos" in check.rows[0]
    )


def test_without_documents_the_hashes_of_persons_are_null_and_the_persons_there(university: University) -> None:
    university.away("mdp_personas_documentos")
    report = university.run()
    with duckdb.connect(university.source) as con:
        people = con.execute("SELECT count(*) FROM negocio.mdp_personas").fetchone()
    assert university.rows("bronze.personas", "count(*), count(documento_hash), count(usuario_hash) > 0") == [(*people, 0, True)]  # type: ignore[misc]
    (check,) = not_given(report)
    assert "nothing in personas.documento_hash and docentes_comision.docente_hash, which" in check.rows[0]


def test_one_of_the_two_results_is_enough_and_without_both_the_source_is_not_read(university: University) -> None:
    university.away("vw_hist_academica", "vw_hist_academica_basica")
    (check,) = not_given(university.run())
    assert "nothing in historia_academica" in check.rows[0]
    assert university.count("bronze.academic") > 0
    university.away("sga_eval_detalle_cursadas")
    with pytest.raises(PadmError) as error:
        university.run()
    assert "sga_eval_detalle_cursadas is missing" in error.value.message
    assert "vw_hist_academica is missing" in error.value.message


@pytest.mark.parametrize("table", ["sga_alumnos", "mdp_personas", "sga_elementos"])
def test_what_nothing_can_be_built_without_stops_the_source(university: University, table: str) -> None:
    university.away(table)
    with pytest.raises(PadmError, match=f"{table} is missing; needed by"):
        university.run()


def test_what_was_there_before_stops_the_source_at_any_size_until_it_is_accepted(university: University) -> None:
    university.run()
    before = university.rows("bronze.egresos", "nro_solicitud, alumno")
    people = university.rows("bronze.personas", "persona, documento_hash")
    assert 0 < len(before) < 100  # too few for the guard on shrinkage
    university.away("sga_certificados_otorg", "mdp_personas_documentos")
    with pytest.raises(PadmError) as error:
        university.run()
    assert "sga_certificados_otorg is missing, and was read the last time; needed by egresos" in error.value.message
    assert "mdp_personas_documentos is missing, and was read the last time" in error.value.message
    assert "--accept-drop" in str(error.value.hint)
    assert university.rows("bronze.egresos", "nro_solicitud, alumno") == before

    report = university.run(accept_drop=("egresos", "personas", TEACHERS))
    assert len(not_given(report)) == 2
    assert university.count("bronze.egresos") == 0
    assert university.rows("bronze.personas", "count(documento_hash)") == [(0,)]
    assert university.run().status in ("ok", "up to date")  # it is known by now

    university.back("sga_certificados_otorg", "mdp_personas_documentos")
    assert not_given(university.run()) == []
    assert university.rows("bronze.egresos", "nro_solicitud, alumno") == before  # older ones too, though it loads by a cursor
    assert university.rows("bronze.personas", "persona, documento_hash") == people


def test_a_run_of_some_tables_does_not_forget_what_the_others_were(university: University) -> None:
    university.run()
    university.run(select=("instancias",))
    university.away("sga_certificados_otorg")
    with pytest.raises(PadmError, match="was read the last time"):
        university.run()


@pytest.mark.parametrize("name", ["egresos", "sga_certificados_otorg"])
def test_what_is_required_by_the_configuration_stops_the_source(tmp_path: Path, template: Path, name: str) -> None:
    university = University(tmp_path, template, f'require = ["{name}"]\n')
    university.away("sga_certificados_otorg", "sga_docentes_comision")
    with pytest.raises(PadmError) as error:
        university.run()
    assert "sga_certificados_otorg is missing, and is required by the configuration" in error.value.message
    assert "sga_docentes_comision" not in error.value.message


def test_what_is_required_and_is_no_name_is_refused_before_anything_is_read(tmp_path: Path, template: Path) -> None:
    university = University(tmp_path, template, 'require = ["egreso"]\n')
    with pytest.raises(UnknownName, match="'egreso'") as error:
        university.run()
    assert "egresos" in str(error.value.hint)


def test_a_warning_can_be_silenced_or_made_an_error(tmp_path: Path, template: Path) -> None:
    university = University(
        tmp_path, template, '[checks.rules]\n"egresos.not_given" = "off"\n"docentes_comision.not_given" = "error"\n'
    )
    university.away("sga_certificados_otorg", "sga_docentes_comision")
    with pytest.raises(PadmError):
        university.run()
    university.back("sga_docentes_comision")
    assert not_given(university.run()) == []


# --- refused by a real server --------------------------------------------------------------------------------


@pytest.fixture
def officer(tmp_path: Path, postgres_url: str) -> Iterator[Path]:
    """A configuration of a role that a data-protection officer gave no documents, no teachers and no certificates."""
    schema, role = "negocio", f"reader_{dt.datetime.now():%H%M%S%f}"
    write_sample(postgres_url, students=40, years=5, replace=True)
    refused = ("mdp_personas_documentos", "sga_docentes_comision", "sga_certificados_otorg")
    with psycopg.connect(postgres_url, autocommit=True) as con:
        con.execute(f"CREATE ROLE {role} LOGIN; GRANT USAGE ON SCHEMA {schema} TO {role}")
        con.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {role}")
        for table in refused:
            con.execute(f"REVOKE ALL ON {schema}.{table} FROM {role}")
        config = tmp_path / "padm.toml"
        config.write_text(
            f'[warehouse]\nurl = "duckdb://{tmp_path}/w.duckdb"\n[privacy]\nhash_key = "{"k" * 32}"\n'
            f'[sources.norte]\nurl = "{postgres_url.replace("postgres:@", f"{role}@")}"\n',
            encoding="utf-8",
        )
        yield config
        con.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")


@pytest.mark.postgres
def test_an_officer_who_grants_no_documents_does_not_stop_the_warehouse(
    officer: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = padm.run(as_of=SAMPLE_AS_OF, config=officer)
    assert report.status == "ok"
    (check,) = not_given(report)
    assert "may not be read (the role reader_" in check.rows[0]
    assert "lacks SELECT): they count as empty; without it nothing in" in check.rows[0]
    with padm.connect(officer) as warehouse:
        assert warehouse.execute("SELECT count(*) > 0, count(documento_hash) FROM silver.dim_persona") == [(True, 0)]
    assert invoke(["doctor", "--config", str(officer)]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "they count as empty" in text
    assert "dim_persona (documento_hash)" in text
    assert "fact_egreso (" in text
