"""A folder of exported files, and the bronze that is loaded from it."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
from conftest_extract import KEY, LOADER

from padm_ibis.backends.duckdb import DuckDBStore
from padm_ibis.config import load_config
from padm_ibis.extract import Extraction, extract

EMPTY = {
    "marks": "id,student,at,mark,points,day\n", "people": "person,name,document,mail\n", "events": "student,at,reason,kind\n",
    "history": "id,day,note\n",
}  # fmt: skip


class Folder:
    """A folder of exports and the bronze that is loaded from it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.exports, self.format = folder, folder / "exports", ""
        self.exports.mkdir()
        for name, text in EMPTY.items():
            self.write(name, text)
        self.con = duckdb.connect()

    def write(self, table: str, text: str, encoding: str = "utf-8") -> None:
        (self.exports / f"{table}.csv").write_bytes(text.encode(encoding))

    def load(self, **options: object) -> Extraction:
        path = self.folder / "padm.toml"
        path.write_text(
            f'[privacy]\nhash_key = "{KEY}"\n[sources.exports]\nkind = "campus"\nurl = "files://exports"\n{self.format}',
            encoding="utf-8",
        )
        return extract(DuckDBStore(self.con), load_config(path), "run", **options)  # type: ignore[arg-type]

    def rows(self, resource: str) -> list[tuple[object, ...]]:
        chosen = f"* EXCLUDE ({', '.join(LOADER)})"
        return self.con.execute(f"SELECT {chosen} FROM bronze.{resource} ORDER BY ALL").fetchall()


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)
