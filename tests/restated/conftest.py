"""A school with a point-in-time table, in a DuckDB and in a PostgreSQL warehouse."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
import pytest
import yearly_school as school

import padm_ibis as padm
from padm_ibis.report.run import RunReport

AS_OF = "2023-06-01"


class School:
    """A source, a configuration and a warehouse."""

    def __init__(self, folder: Path, warehouse: str | None = None) -> None:
        self.folder, self.warehouse = folder, warehouse
        self.source, self.file = folder / "north.duckdb", folder / "padm.toml"
        self.configure()
        self.write()

    def configure(self, more: str = "") -> None:
        """Write the configuration; ``more`` are further sections."""
        source = (
            f'[sources.north]\nkind = "yearly_school"\nschema = "school"\nmax_shrinkage = 1.0\nurl = "duckdb://{self.source}"'
        )
        self.file.write_text(
            f'[warehouse]\nurl = "duckdb://w.duckdb"\n[privacy]\nhash_key = "k"\n{source}\n{more}', encoding="utf-8"
        )

    def write(self, *changes: school.Mark, without: tuple[int, ...] = (), pupils: list[school.Pupil] | None = None) -> None:
        """Make the source anew: its marks, with some other ones, or without."""
        marks = {mark[0]: mark for mark in (*school.MARKS, *changes) if mark[0] not in without}
        school.write_school(self.source, school.PUPILS if pupils is None else pupils, list(marks.values()))

    @property
    def config(self) -> Any:
        return padm.load_config(self.file, None, self.warehouse)

    def run(self, as_of: str = AS_OF, **options: Any) -> RunReport:
        return padm.run(as_of=as_of, config=self.config, **options)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with padm.connect(self.config) as warehouse:
            return warehouse.execute(query)


@pytest.fixture
def duckdb_school(tmp_path: Path) -> School:
    return School(tmp_path)


@pytest.fixture(params=["duckdb", pytest.param("postgres", marks=pytest.mark.postgres)])
def a_school(request: pytest.FixtureRequest, tmp_path: Path) -> School:
    if request.param == "duckdb":
        return School(tmp_path)
    url: str = request.getfixturevalue("postgres_url")
    with psycopg.connect(url, autocommit=True) as con:
        found = con.execute(
            "SELECT nspname FROM pg_namespace WHERE nspname IN ('bronze', 'silver', 'gold') OR starts_with(nspname, '_padm')"
        )
        for (schema,) in found.fetchall():
            con.execute(f'DROP SCHEMA "{schema}" CASCADE')
    return School(tmp_path, url)
