"""The keys of a platform in ``padm.toml``: what they say to a run, and what is refused."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pytest

from padm_ibis.config import Config, load_config
from padm_ibis.errors import ConfigError
from padm_ibis.params import Lms, Params

DAY = dt.date(2025, 2, 28)
SOURCES = """
[sources.sede1]
url = "postgres://localhost/guarani"
[sources.sede2]
url = "postgres://localhost/guarani"
"""


def config(folder: Path, text: str) -> Config:
    path = folder / "padm.toml"
    path.write_text(SOURCES + text, encoding="utf-8")
    return load_config(path)


def test_a_platform_serves_all_student_systems_with_the_four_strategies(tmp_path: Path) -> None:
    found = config(tmp_path, '[sources.campus]\nkind = "moodle"\nurl = "postgres://localhost/moodle"\n')
    links = ("idnumber:documento", "username:documento", "username:usuario", "email:email")
    assert found.params(DAY).lms == (Lms("campus", ("sede1", "sede2"), links),)
    campus = found.sources["campus"]
    assert (campus.schema, campus.prefix, campus.lms_window_rows, campus.lms_window_pause_s) == ("public", "mdl_", 5_000_000, 0)
    assert found.sources["sede1"].schema == "negocio"


def test_everything_may_be_said_otherwise(tmp_path: Path) -> None:
    text = (
        '[sources.campus]\nkind = "moodle"\nurl = "postgres://localhost/moodle"\nschema = "aula"\nserves = ["sede2"]\n'
        'links = ["email:email"]\nteaching_roles = ["ayudante"]\ncourse_code = "^([A-Z]+)"\n'
    )
    found = config(tmp_path, text)
    assert found.params(DAY).lms == (Lms("campus", ("sede2",), ("email:email",), ("ayudante",), "^([A-Z]+)"),)
    assert found.sources["campus"].schema == "aula"


@pytest.mark.parametrize(
    ("key", "told"),
    [
        ('serves = ["sede3"]', "[sources.campus] serves 'sede3', which is no source of students. Did you mean"),
        ('serves = ["campus"]', "which is no source of students"),
        ('links = ["mail:email"]', "'mail:email' is no way to find a person. Did you mean 'email:email'"),
        ('course_code = "[A-Z]+"', "should have exactly one group"),
        ('course_code = "("', "is no regular expression"),
        ("lms_window_rows = 0", "should be greater than or equal to 1"),
        ('prefix = "mdl-"', "sources.campus.prefix"),
    ],
)
def test_what_cannot_be_meant_is_refused(tmp_path: Path, key: str, told: str) -> None:
    with pytest.raises(ConfigError) as error:
        config(tmp_path, f'[sources.campus]\nkind = "moodle"\nurl = "postgres://localhost/moodle"\n{key}\n')
    assert told in str(error.value)


def test_a_student_system_has_no_such_keys(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match='prefix and serves: only a source of kind = "moodle"'):
        config(tmp_path, '[sources.sede3]\nurl = "postgres://localhost/x"\nserves = ["sede1"]\nprefix = "mdl_"\n')


def test_parameters_are_kept_in_files_with_platforms_only_where_there_are_any() -> None:
    assert "lms" not in Params(DAY).plain()
    params = Params(DAY, lms=(Lms("campus", ("sede1",), course_code="(x)"),))
    kept = json.loads(json.dumps({k: v for k, v in params.plain().items() if k != "as_of"}))
    assert Params(as_of=DAY, **kept) == params
