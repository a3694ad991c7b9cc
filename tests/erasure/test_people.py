"""Who somebody is: followed from a number, or a document, to what is surely theirs, and no further."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest

from padm_ibis.config import Config, load_config
from padm_ibis.engine.redactor import Redactor
from padm_ibis.erasure.people import Search, read_hashes
from padm_ibis.errors import UsageError
from padm_ibis.extract.suppression import EVERYWHERE, Suppressed
from padm_ibis.sources.spec import kind_spec

PAPER, ANOTHER = "a" * 64, "b" * 64
ROWS = {
    # source, persona, documento_hash: 1 and 3 have one document; 1 of the south is the same human as 2 of the north
    "personas": [("north", 1, PAPER), ("north", 2, ANOTHER), ("north", 3, PAPER), ("south", 1, ANOTHER)],
    # source, alumno, persona
    "students": [("north", 10, 1), ("north", 11, 1), ("north", 20, 2), ("south", 10, 1), ("north", 40, None)],
    # source, docente, docente_hash
    "docentes_comision": [("north", 500, ANOTHER), ("north", 501, PAPER), ("south", 502, ANOTHER)],
    # source, persona, alumno: 12 is nobody's in students, 20 is another's there, 40 is nobody's by name
    "historia_academica": [("north", 1, 12), ("north", 1, 20), ("north", 1, 40)],
    # source, alumno
    "academic": [("north", 10), ("north", 12), ("north", 20), ("south", 10)],
}
COLUMNS = {
    "personas": ("persona", "documento_hash"),
    "students": ("alumno", "persona"),
    "docentes_comision": ("docente", "docente_hash"),
    "historia_academica": ("persona", "alumno"),
    "academic": ("alumno",),
}


class Bronze:
    """Bronze with the columns that name people alone."""

    def __init__(self) -> None:
        self.con = duckdb.connect()
        self.con.execute("CREATE SCHEMA bronze")
        for name, rows in ROWS.items():
            kinds = [f"{c} {'VARCHAR' if c.endswith('hash') else 'BIGINT'}" for c in COLUMNS[name]]
            self.con.execute(f"CREATE TABLE bronze.{name} (source_db VARCHAR, {', '.join(kinds)})")
            self.con.executemany(f"INSERT INTO bronze.{name} VALUES ({', '.join('?' * (1 + len(kinds)))})", rows)

    def execute(self, sql: str, parameters: Any = ()) -> list[tuple[Any, ...]]:
        return self.con.execute(sql).fetchall()

    def tables(self) -> dict[str, frozenset[str]]:
        return {"bronze": frozenset(ROWS), "silver": frozenset(), "gold": frozenset(), "_padm": frozenset()}


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    folder = tmp_path_factory.mktemp("people")
    sources = "".join(f'[sources.{name}]\nurl = "duckdb://{name}.duckdb"\n' for name in ("north", "south"))
    (folder / "padm.toml").write_text(f'[warehouse]\nurl = "duckdb://w.duckdb"\n[privacy]\nhash_key = "k"\n{sources}')
    return load_config(folder / "padm.toml")


@pytest.fixture(scope="module")
def search(config: Config) -> Search:
    return Search(Bronze(), config)  # type: ignore[arg-type]


def test_the_columns_that_name_people_in_guarani() -> None:
    people = {spec.name: dict(spec.people) for spec in kind_spec("guarani").resources.values()}
    student = {"alumno": "alumno"}
    assert people == {
        "students": {"alumno": "alumno", "persona": "persona"},
        "personas": {"persona": "persona", "documento_hash": "documento"},
        "elementos": {},
        "instancias": {},
        "attendance": student,
        "docentes_comision": {"docente": "docente", "docente_hash": "documento"},
        "academic": student,
        "census": {"persona": "persona"},
        "dropout": student,
        "historia_academica": {"persona": "persona", "alumno": "alumno"},
        "exam_inscriptions": student,
        "course_inscriptions": student,
        "reinscripciones": student,
        "alumnos_hist_calidad": student,
        "egresos": {"persona": "persona", "alumno": "alumno"},
    }


def test_a_person_has_student_records_courses_and_results_but_not_what_is_anothers(search: Search) -> None:
    found = search.persons(["north:2"])
    assert found.values["north"] == {"persona": {2}, "alumno": {20}, "docente": {500}, "documento": {ANOTHER}}
    assert all(not values for values in found.values.get("south", {}).values())
    assert found.notes == [
        "south has 1 person with the same document, who stays: --documento erases a document's people in every source."
    ]


def test_a_document_that_two_persons_have_names_neither(search: Search) -> None:
    found = search.persons(["north:1"])
    # 12 by a result, since no student record has it, 40 since its record says nobody; 20 is another's by its record
    assert found.values["north"] == {"persona": {1}, "alumno": {10, 11, 12, 40}, "docente": set(), "documento": set()}
    assert len(found.notes) == 1
    assert "other persons have the same document" in found.notes[0]


def test_a_document_is_everybodys_who_has_it_in_every_source(search: Search) -> None:
    found = search.documents([ANOTHER, "c" * 64])
    assert found.values["north"] == {"persona": {2}, "alumno": {20}, "docente": {500}, "documento": set()}
    assert found.values["south"] == {"persona": {1}, "alumno": {10}, "docente": {502}, "documento": set()}
    assert found.notes == ["1 of 2 hashes are nobody's here; who has them would stay away, too."]
    suppressed = Suppressed(b"k")
    marks = set(found.marks(suppressed))
    assert {suppressed.mark(EVERYWHERE, "documento", paper) for paper in (ANOTHER, "c" * 64)} <= marks
    assert len(marks) == 8


def test_a_document_of_nobody_is_an_error(search: Search) -> None:
    with pytest.raises(UsageError, match="None of the 1 hashes"):
        search.documents(["c" * 64])


def test_a_mark_is_of_one_source_and_one_kind_of_number() -> None:
    empty = Suppressed(b"k")
    known = empty.with_marks([empty.mark("north", "persona", 7), empty.mark(EVERYWHERE, "documento", PAPER)])
    assert known.has("north", "persona", 7)
    assert not known.has("south", "persona", 7)
    assert not known.has("north", "alumno", 7)
    assert not known.has("north", "persona", None)
    assert known.has("south", "documento", PAPER)
    assert not Suppressed(b"another", known.marks).has("north", "persona", 7)


def test_texts_lose_the_numbers_of_erased_people_alone() -> None:
    empty = Suppressed(b"k")
    known = empty.with_marks([empty.mark("north", "alumno", 77)])
    redactor = Redactor(known, ("north", "south"), {"alumno": "alumno", "alumno_id": "alumno", "persona": "persona"})
    assert redactor.text("north: alumno 77, comision 77; alumno_id=77, alumno 770, persona 77, 77 rows") == (
        "north: alumno …, comision 77; alumno_id=…, alumno 770, persona 77, 77 rows"
    )


def test_hashes_are_read_as_dim_persona_shows_them(tmp_path: Path) -> None:
    file = tmp_path / "hashes.csv"
    file.write_text(f'documento_hash\n"{PAPER}"\n\n# again\n{PAPER.upper()}\n{ANOTHER}\n')
    assert read_hashes(file) == [PAPER, ANOTHER]
    with pytest.raises(UsageError, match="cannot be read"):
        read_hashes(tmp_path / "none.csv")
    file.write_text("documento_hash\n")
    with pytest.raises(UsageError, match="it holds none"):
        read_hashes(file)
