from __future__ import annotations

import datetime as dt
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

from padm_ibis.config import Config, PipelineConfig, Url, load_config, redact, redact_address
from padm_ibis.errors import ConfigError
from padm_ibis.params import Params

FULL = """
[warehouse]
url = "duckdb://warehouse.duckdb"

[pipeline]
academic_year_start_month = 2
max_inactive_years = 4
label_delay_days = 90
ranking_min_evaluaciones = 10
period_base_year = 2010
include_sensitive = true

[sources.guarani_sede1]
kind = "guarani"
url = "${SEDE1_URL}"
schema = "negocio"
timezone = "America/Argentina/Cordoba"
lookback_days = { academic = 5 }

[privacy]
hash_key = "${PADM_HASH_KEY}"

[profiles.prod]
warehouse.url = "postgres://etl@db.example/warehouse"

[profiles.prod.sources.guarani_sede1]
schema = "negocio_prod"
"""


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SEDE1_URL", "postgres://reader:s3cr%40t-word@guarani.example:5432/guarani")
    monkeypatch.setenv("PADM_HASH_KEY", "a-long-random-key")

    def _write(text: str, name: str = "padm.toml") -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return _write


def error_of(path: Path, **kwargs: object) -> str:
    with pytest.raises(ConfigError) as caught:
        load_config(path, **kwargs)  # type: ignore[arg-type]
    return str(caught.value)


def test_every_documented_key_is_read(write) -> None:
    config = load_config(write(FULL))
    source = config.sources["guarani_sede1"]
    assert config.warehouse.url.path == config.folder / "warehouse.duckdb"
    assert config.pipeline.params(dt.date(2025, 2, 28)) == Params(dt.date(2025, 2, 28), 2, 4, 90, 10, 2010, True)
    assert (source.name, source.kind, source.schema, source.timezone) == (
        "guarani_sede1", "guarani", "negocio", "America/Argentina/Cordoba",
    )  # fmt: skip
    assert (source.lookback("academic"), source.lookback("census")) == (5, 30)
    assert source.url.reveal() == "postgres://reader:s3cr%40t-word@guarani.example:5432/guarani"
    assert config.hash_key() == b"a-long-random-key"


def test_a_profile_overlays_single_keys_and_keeps_the_others(write) -> None:
    config = load_config(write(FULL), profile="prod")
    assert str(config.warehouse.url) == "postgres://etl@db.example/warehouse"
    assert config.sources["guarani_sede1"].schema == "negocio_prod"
    assert config.sources["guarani_sede1"].timezone == "America/Argentina/Cordoba"


def test_an_unknown_profile_names_the_nearest(write) -> None:
    assert "Did you mean 'prod'?" in error_of(write(FULL), profile="pord")


@pytest.mark.parametrize(
    ("line", "key", "nearest"),
    [
        ("[pipeline]\nmax_inactiv_years = 3", "'pipeline.max_inactiv_years'", "'max_inactive_years'"),
        ("[warehose]\nurl = 'duckdb://x'", "'warehose'", "'warehouse'"),
        ("[sources.a]\nurl = 'duckdb://x'\nscheme = 'n'", "'sources.a.scheme'", "'schema'"),
        ("[checks]\nforeign_keys = 'warn'", "'checks.foreign_keys'", "'foreign_key'"),
        ("[profiles.night.pipeline]\nlabel_delay = 3", "'profiles.night.pipeline.label_delay'", "'label_delay_days'"),
    ],
)
def test_an_unknown_key_names_file_key_and_the_nearest_valid_one(write, line: str, key: str, nearest: str) -> None:
    message = error_of(write(line))
    assert message.startswith("padm.toml: unknown key ")
    assert key in message
    assert nearest in message


def test_all_mistakes_are_reported_at_once(write) -> None:
    message = error_of(write("[pipeline]\nacademic_year_start_month = 13\nxyz = 1\n[sources.a]\nschema = 'n'"))
    assert "pipeline.academic_year_start_month input should be less than or equal to 12" in message
    assert "'pipeline.xyz'" in message
    assert "sources.a.url is missing" in message


def test_a_missing_variable_names_file_key_and_variable(write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SEDE1_URL")
    message = error_of(write(FULL))
    assert "padm.toml: sources.guarani_sede1.url needs the environment variable SEDE1_URL, which is not set." in message


def test_commands_that_open_nothing_need_no_secrets(write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SEDE1_URL")
    assert load_config(write(FULL), secrets=False).pipeline.label_delay_days == 90


def test_variables_of_profiles_that_are_not_chosen_are_not_needed(write) -> None:
    path = write("[warehouse]\nurl = 'duckdb://w.duckdb'\n[profiles.prod.privacy]\nhash_key = '${NOWHERE_SET}'")
    assert load_config(path).privacy.hash_key is None


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("warehouse.duckdb", "warehouse.url is not a URL"),
        ("duckdb://", "names no file"),
        ("posgres://host/db", "Did you mean 'postgres'"),
        ("postgres://etl:pa#ss@host/db", "%-encoded"),
        ("postgres://etl:pass@host:port/db", "port that is no number"),
        ("postgres:///db", "names no host"),
        ("postgres://host", "names no database"),
    ],
)
def test_a_malformed_url_is_a_clear_error_without_the_password(write, url: str, problem: str) -> None:
    message = error_of(write(f"[warehouse]\nurl = '{url}'"))
    assert message.startswith("padm.toml: warehouse.url ")
    assert problem in message
    assert "pass" not in message.replace("password", "")


def test_a_url_shows_itself_without_its_password(write) -> None:
    config = load_config(write(FULL))
    for shown in (repr(config), str(config), str(config.sources["guarani_sede1"].url), str(config.model_dump())):
        assert "s3cr" not in shown
        assert "a-long-random-key" not in shown
    assert str(config.sources["guarani_sede1"].url) == "postgres://reader:***@guarani.example:5432/guarani"


def test_foreign_messages_lose_every_known_secret(write) -> None:
    config = load_config(write(FULL))
    text = "could not connect: user=reader password='s3cr@t-word' or s3cr%40t-word, key a-long-random-key"
    assert config.mask(text) == "could not connect: user=reader password=*** or ***, key ***"


def test_redact_knows_urls_and_parameters() -> None:
    assert redact("at postgres://u:p@ss@h/db?x=1") == "at postgres://u:***@h/db?x=1"
    assert redact("host=h password=abc dbname=d") == "host=h password=*** dbname=d"
    assert redact("postgres://u@h/db?password=abc&x=1") == "postgres://u@h/db?password=***&x=1"


def test_without_a_file_the_embedded_sample_is_used(write, tmp_path: Path) -> None:
    config = load_config()
    assert config.sample
    assert config.path is None
    assert [(s.name, s.schema) for s in config.sources.values()] == [("sede1", "negocio_sede1"), ("sede2", "negocio_sede2")]
    assert {s.url.path for s in config.sources.values()} == {tmp_path / ".warehouse.duckdb.padm" / "sample.duckdb"}


def test_the_file_of_the_current_folder_is_found(write) -> None:
    path = write(FULL)
    assert load_config().path == path.resolve()
    assert not load_config().sample


def test_relative_files_start_from_the_folder_of_the_configuration(write, tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    config = load_config(write("[warehouse]\nurl = 'duckdb://w.duckdb'", "etc/padm.toml"))
    assert config.warehouse.url.path == tmp_path / "etc" / "w.duckdb"
    assert config.state == tmp_path / "etc" / ".w.duckdb.padm"


def test_the_warehouse_option_wins_and_starts_from_the_current_folder(write, tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    config = load_config(write(FULL, "etc/padm.toml"), profile="prod", warehouse="duckdb://other.duckdb")
    assert config.warehouse.url.path == tmp_path / "other.duckdb"


def test_a_wrong_warehouse_option_is_named(write) -> None:
    with pytest.raises(ConfigError, match="--warehouse 'other' is not a URL"):
        load_config(write(FULL), warehouse="other")


def test_variables_of_the_earlier_pipeline_win(write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DWH_BRONZE_RESOURCES", "students, personas,")
    monkeypatch.setenv("DWH_INCREMENTAL_START_DATE", "2015-03-01")
    source = load_config(write(FULL)).sources["guarani_sede1"]
    assert source.resources == ["students", "personas"]
    assert source.incremental_start_date == dt.date(2015, 3, 1)


def test_a_wrong_start_date_in_the_environment_names_the_variable(write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DWH_INCREMENTAL_START_DATE", "yesterday")
    assert "DWH_INCREMENTAL_START_DATE" in error_of(write(FULL))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[warehouse\n", "padm.toml is not valid TOML: .*line 1"),
        ("[sources.a]\nurl='duckdb://x'\ntimezone='America/Argentina/Cordova'", "Did you mean 'America/Argentina/Cordoba'"),
        ("[sources.a]\nurl='duckdb://x'\nlookback_days=-1", "sources.a.lookback_days should not be negative"),
        ("[checks]\nforeign_key='loud'", "checks.foreign_key input should be 'error', 'warn' or 'off'"),
        ("profiles = 3", "profiles should be tables"),
        ("[sources]\na = 1", "sources.a"),
        ("warehouse = 3", "warehouse"),
    ],
)
def test_rubbish_is_one_clear_error(write, text: str, problem: str) -> None:
    path = write(text)
    with pytest.raises(ConfigError, match=problem):
        load_config(path)


def test_a_missing_or_unreadable_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"There is no configuration file .*nowhere\.toml"):
        load_config(tmp_path / "nowhere.toml")
    with pytest.raises(ConfigError, match="is a folder"):
        load_config(tmp_path)


def test_a_missing_hash_key_is_only_an_error_where_it_is_needed(write) -> None:
    config = load_config(write("[warehouse]\nurl='duckdb://w'"))
    with pytest.raises(ConfigError, match=r"privacy\.hash_key is missing"):
        config.hash_key()


def test_pipeline_has_the_parameters_of_params_and_their_defaults() -> None:
    parameters = [p for p in inspect.signature(Params).parameters.values() if p.name not in ("as_of", "lms")]
    assert {p.name: p.default for p in parameters} == PipelineConfig().model_dump()


def test_every_key_is_described() -> None:
    undescribed = [
        f"{section.__name__}.{name}"
        for section in [Config, *(c for c in _sections(Config))]
        for name, field in section.model_fields.items()
        if not field.description and name not in Config.model_fields
    ]
    assert undescribed == []


def _sections(model: type) -> list[type]:
    import padm_ibis.config as module

    return [v for v in vars(module).values() if isinstance(v, type) and v.__name__.endswith("Config") and v is not model]


def test_reading_the_configuration_imports_no_heavy_library() -> None:
    code = (
        "import sys; from padm_ibis.config import load_config; load_config();"
        "print([m for m in ('ibis', 'pandera', 'pandas', 'duckdb') if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_urls_of_postgres_are_spelt_one_way() -> None:
    assert Url.parse("postgresql://h/db", ("postgres", "postgresql")).scheme == "postgres"


@pytest.mark.parametrize("raw", ["@", "/", " ", "#", "?", "@/", "/@", "\t", "\n", ":@", "@ "])
@pytest.mark.parametrize("head", ["Zq1x", "5432"])  # digits look like a port
def test_no_part_of_a_raw_password_is_shown_whatever_characters_it_has(raw: str, head: str) -> None:
    address = f"postgres://etl:{head}{raw}TAILx9@db.example:5432/marts"
    with pytest.raises(ValueError, match=r"%-encoded|names no database") as caught:
        Url.parse(address, ("postgres",))
    assert redact_address(address) == "postgres://etl:***@db.example:5432/marts"
    assert "TAIL" not in str(caught.value)
    assert head not in str(caught.value).replace("host:5432", "")


@pytest.mark.parametrize(
    "good", ["Zq1x:TAILx9", "Zq1x+TAILx9", "Zq1x%40TAILx9", "Zq1x%2FTAILx9", "Zq1x%25TAILx9", "Zq1x%20TAILx9"]
)
def test_passwords_that_the_driver_reads_as_we_do_are_taken_and_masked(good: str) -> None:
    url = Url.parse(f"postgres://etl:{good}@db.example:5432/marts", ("postgres",))
    assert url.password == good
    assert str(url) == "postgres://etl:***@db.example:5432/marts"
