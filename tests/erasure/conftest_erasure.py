"""A small school with a pupil whose number and name occur nowhere else, and helpers that look for traces of her."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest
import small_school as school

import padm_ibis as padm
from padm_ibis.config import load_config
from padm_ibis.definitions import Definitions
from padm_ibis.export import export
from padm_ibis.report.run import RunReport

AS_OF = "2024-12-31"
NUMBER, NAME = 7_712_345, "Quetzalina Xochimilca"
PUPILS = [*school.PUPILS, (NUMBER, NAME)]
MARKS = [*school.MARKS, (13, NUMBER, "2024-07-02", 6), (14, NUMBER, "2024-08-02", 8)]


def forms(text: str) -> list[bytes]:
    """A text as programs write it."""
    return [text.encode(), text.encode("utf-16-le"), text.encode("utf-16-be")]


def traces(folder: Path, *texts: str) -> list[str]:
    """Return the files under a folder that hold one of the texts, byte by byte or as a value of a Parquet file."""
    wanted = [form for text in texts for form in forms(text)]
    found = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        content = path.read_bytes()
        if path.suffix == ".parquet":
            content += repr(pq.ParquetFile(path).read().to_pylist()).encode()
        if any(form in content for form in wanted):
            found.append(path.relative_to(folder).as_posix())
    return found


class School:
    """A small school's warehouse, in a folder that holds nothing but what this library writes; the source lies elsewhere."""

    def __init__(self, folder: Path, more: str = "", warehouse: str | None = None) -> None:
        self.folder, self.warehouse = folder / "warehouse", warehouse
        self.folder.mkdir(parents=True)
        self.source = school.write_school(folder / "north.duckdb", PUPILS, MARKS)
        self.file = school.write_config(self.folder, self.source, more=more)

    @property
    def config(self) -> Any:
        return load_config(self.file, None, self.warehouse)

    def run(self, **options: Any) -> RunReport:
        return padm.run(**{"as_of": AS_OF, "config": self.config, **options})

    def forget(self, **options: Any) -> Any:
        return padm.forget(**{"persona": f"north:{NUMBER}", "config": self.config, **options})

    def export(self, name: str, to: str) -> Path:
        with padm.connect(self.config) as warehouse:
            export(warehouse, Definitions(self.config).graph, name, self.folder / to)
        return self.folder / to

    def change(self, pupils: list[Any], marks: list[Any]) -> None:
        school.write_school(self.source, pupils, marks)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with padm.connect(self.config) as warehouse:
            return warehouse.execute(query)

    def pupils(self) -> list[int]:
        """The pupils that readers see."""
        return [number for (number,) in self.rows("SELECT pupil_id FROM gold.mart_pupil ORDER BY 1")]

    def traces(self) -> list[str]:
        return traces(self.folder, NAME)


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[School, Path]:
    """A school that was built, exported and published to files of both kinds, and a copy of its folder."""
    folder = tmp_path_factory.mktemp("erasure")
    more = (
        '[publish]\nto = "duckdb://mirror.duckdb"\ntables = ["dim_pupil", "fact_mark", "mart_pupil"]\n'
        '[publish.targets.other]\nto = "sqlite://other.sqlite"\ntables = ["dim_pupil"]\nmode = "upsert"\n'
    )
    found = School(folder / "here", more)
    assert found.run(publish=True).exit_code == 0
    found.export("dim_pupil", "exported")
    return found, Path(shutil.copytree(folder / "here", folder / "copy"))


@pytest.fixture
def a_school(built: tuple[School, Path], monkeypatch: pytest.MonkeyPatch) -> School:
    """That school, as it was built, where it was built: what it knows of exports and mirrors are whole paths."""
    found, copy = built
    shutil.rmtree(found.folder.parent)
    shutil.copytree(copy, found.folder.parent)
    monkeypatch.chdir(found.folder.parent)
    return found


@pytest.fixture
def query() -> Callable[[Path, str], list[tuple[Any, ...]]]:
    """Ask a DuckDB file."""

    def ask(path: Path, sql: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(path), read_only=True) as con:
            return con.execute(sql).fetchall()

    return ask


@pytest.fixture
def forked() -> Callable[[Callable[[], Any]], int]:
    """Do something in a fork of this process; return how that ended."""

    def fork(what: Callable[[], Any]) -> int:
        child = os.fork()
        if child == 0:
            try:
                what()
                os._exit(0)
            except BaseException:
                os._exit(99)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    return fork
