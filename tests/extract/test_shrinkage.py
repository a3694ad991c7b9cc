"""A table that lost many rows since the last run is refused until somebody says that it is right."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest
import small_school as school

import padm_ibis as padm
from padm_ibis.cli import invoke
from padm_ibis.errors import PadmError, UnknownName
from padm_ibis.report.run import RunReport

AS_OF = "2024-12-31"


def pupils(count: int) -> list[tuple[object, ...]]:
    return [(n, f"Pupil {n}") for n in range(1, count + 1)]


class Two:
    """Two schools, of 1,000 pupils and of 50."""

    def __init__(self, folder: Path, warehouse: str | None, more: str = "") -> None:
        self.folder, self.warehouse = folder, warehouse
        self.north, self.south = folder / "north.duckdb", folder / "south.duckdb"
        self.write(1000, 50)
        self.config = school.write_config(folder, self.north, self.south)
        text = self.config.read_text(encoding="utf-8")
        self.config.write_text(text.replace("[sources.north]\n", f"[sources.north]\n{more}"), encoding="utf-8")
        assert self.run().status == "ok"

    def write(self, north: int, south: int) -> None:
        school.write_school(self.north, pupils(north), [(1, 1, "2024-05-01", 7)])
        school.write_school(self.south, pupils(south), [(1, 1, "2024-05-01", 7)])

    def run(self, **options: object) -> RunReport:
        return padm.run(as_of=AS_OF, config=self.config, warehouse=self.warehouse, **options)  # type: ignore[arg-type]

    def held(self) -> dict[str, int]:
        with padm.connect(padm.load_config(self.config, None, self.warehouse)) as warehouse:
            found = warehouse.gold.mart_pupil.group_by("source_db").agg(n=lambda t: t.count()).to_pyarrow().to_pylist()
        return {row["source_db"]: row["n"] for row in found}


@pytest.fixture(params=["duckdb", pytest.param("postgres", marks=pytest.mark.postgres)])
def warehouse(request: pytest.FixtureRequest) -> str | None:
    if request.param == "duckdb":
        return None
    url: str = request.getfixturevalue("postgres_url")
    with psycopg.connect(url, autocommit=True) as con:
        for schema in ("bronze", "silver", "gold", "_padm"):
            con.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")
    return url


def test_a_large_loss_is_refused_until_it_is_accepted(tmp_path: Path, warehouse: str | None) -> None:
    two = Two(tmp_path, warehouse)
    two.write(799, 51)
    report = two.run()
    assert (report.status, report.exit_code) == ("partial", 1)
    (failure,) = report.failures
    assert failure.source_db == "north"
    assert failure.message.startswith("pupils had 1,000 rows and has 799 now: more than 20% are gone")
    assert failure.hint is not None
    assert failure.hint.endswith("padm-ibis run --accept-drop pupils")
    assert two.held() == {"north": 1000, "south": 51}
    again = two.run()
    assert again.status == "partial", "it is not forgotten by the next run"
    accepted = two.run(accept_drop="pupils")
    assert accepted.status == "ok"
    (read,) = [i for i in accepted.inputs if (i.source_db, i.resource) == ("north", "pupils")]
    assert "201 rows removed, of 1,000" in read.note
    assert two.held() == {"north": 799, "south": 51}
    assert two.run().status == "up to date"


@pytest.mark.parametrize(
    ("left", "share", "taken"),
    [
        (801, "", True),  # 19.9 %
        (800, "", False),  # the share itself
        (901, "max_shrinkage = 0.05\n", True),  # 99 rows are never many
        (900, "max_shrinkage = 0.05\n", False),
        (0, "", False),
        (0, "max_shrinkage = 1.0\n", True),
    ],
)
def test_how_many_may_go(tmp_path: Path, left: int, share: str, taken: bool) -> None:
    two = Two(tmp_path, None, share)
    two.write(left, 50)
    assert (two.run().status == "ok") == taken
    assert two.held().get("north", 0) == (left if taken else 1000)


def test_a_loss_is_accepted_of_one_source_alone(tmp_path: Path) -> None:
    two = Two(tmp_path, None)
    two.write(1, 50)
    assert two.run(accept_drop=["south.pupils"]).status == "partial"
    assert two.run(accept_drop=["north.pupils"]).status == "ok"


def test_what_is_read_again_as_a_whole_is_guarded_too(tmp_path: Path) -> None:
    two = Two(tmp_path, None, 'sync = "off"\n')
    marks = [(n, 1, "2024-05-01", 7) for n in range(500)]
    school.write_school(two.north, pupils(1000), marks)
    assert two.run(full_refresh="marks").status == "ok"
    school.write_school(two.north, pupils(1000), marks[:10])
    assert two.run().status == "up to date", "an incremental table is not read whole, and loses nothing"
    report = two.run(full_refresh="marks")
    assert "marks had 500 rows and has 10 now" in report.failures[0].message


def test_what_a_digest_tells_to_be_gone_is_guarded_too(tmp_path: Path) -> None:
    two = Two(tmp_path, None)
    marks = [(n, 1, f"{2000 + n % 20}-05-01", 7) for n in range(500)]
    school.write_school(two.north, pupils(1000), marks)
    assert two.run().status == "ok"
    school.write_school(two.north, pupils(1000), marks[:380])
    report = two.run()
    assert (report.status, [f.source_db for f in report.failures]) == ("partial", ["north"])
    assert "marks had 500 rows and has 380 now" in report.failures[0].message
    assert two.run(accept_drop=["north.marks"]).status == "ok"


def test_the_only_source_and_names_that_are_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    source = school.write_school(tmp_path / "north.duckdb", pupils(1000), [(1, 1, "2024-05-01", 7)])
    config = school.write_config(tmp_path, source)
    padm.run(as_of=AS_OF, config=config)
    school.write_school(source, pupils(3), [(1, 1, "2024-05-01", 7)])
    with pytest.raises(PadmError, match="pupils had 1,000 rows and has 3 now"):
        padm.run(as_of=AS_OF, config=config)
    with pytest.raises(UnknownName, match=r"'pupil'[^$]*'pupils'"):
        padm.run(as_of=AS_OF, config=config, accept_drop="pupil")
    monkeypatch.chdir(tmp_path)
    assert invoke(["run", "--as-of", AS_OF]) == 1
    assert "--accept-drop pupils" in capsys.readouterr().err
    assert invoke(["run", "--as-of", AS_OF, "--accept-drop", "north.pupils,marks"]) == 0
