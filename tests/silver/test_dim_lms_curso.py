"""Given courses of a platform and subjects → courses, with the subject that they are of."""

from __future__ import annotations

from datetime import date
from typing import Any

from padm_ibis.params import Lms
from padm_ibis.silver import dim_lms_curso

Row = dict[str, Any]
CODED = Lms("campus", ("sede1", "sede2"), course_code="^([A-Z]+[0-9]+)")


def course(number: int, **columns: Any) -> Row:
    return {"source_db": "campus", "curso": number, **columns}


def subject(number: int, code: str | None, source: str = "sede1") -> Row:
    return {"source_db": source, "elemento_id": number, "materia_codigo": code}


def test_a_course_has_its_days_and_its_year(run):
    given = [
        course(
            2, nombre="Álgebra", nombre_corto="ALG", categoria=4, fecha_inicio="2024-03-11 08:00", fecha_fin="2024-07-20 23:59"
        ),
        course(3, fecha_inicio="2024-02-28 23:59:59"),
        course(4),
    ]
    rows = run(dim_lms_curso, {"lms_cursos": given}, lms=(CODED,))
    none = {"source_db": None, "elemento_id": None}
    assert rows[0] == {
        "lms_db": "campus", "curso_id": 2, "nombre": "Álgebra", "nombre_corto": "ALG", "categoria_id": 4,
        "fecha_inicio": date(2024, 3, 11), "fecha_fin": date(2024, 7, 20), "anio_academico": 2024, **none,
    }  # fmt: skip
    assert [(r["fecha_inicio"], r["anio_academico"]) for r in rows[1:]] == [(date(2024, 2, 28), 2023), (None, None)]


def test_a_code_that_one_subject_has_says_which_it_is(run):
    courses = [
        course(2, idnumber="MAT101-2024", nombre_corto="FIS200"),  # the idnumber first
        course(3, idnumber="2024", nombre_corto="FIS200 tarde"),  # then the short name
        course(4, idnumber="QUI300"),  # two subjects of a campus
        course(5, idnumber="BIO400"),  # one in each campus
        course(6, idnumber="HIS500"),  # of a campus that is not served
        course(7, idnumber="", nombre_corto="taller"),
    ]
    subjects = [
        subject(1, "MAT101"), subject(2, "FIS200", "sede2"), subject(3, "QUI300"), subject(4, "QUI300"), subject(5, "BIO400"),
        subject(5, "BIO400", "sede2"), subject(6, "HIS500", "sede3"), subject(7, None),
    ]  # fmt: skip
    rows = run(dim_lms_curso, {"lms_cursos": courses, "dim_elemento": subjects}, lms=(CODED,))
    assert [(r["curso_id"], r["source_db"], r["elemento_id"]) for r in rows] == [
        (2, "sede1", 1), (3, "sede2", 2), (4, None, None), (5, None, None), (6, None, None), (7, None, None),
    ]  # fmt: skip
    plain = run(dim_lms_curso, {"lms_cursos": courses, "dim_elemento": subjects}, lms=(Lms("campus", ("sede1", "sede2")),))
    assert {r["elemento_id"] for r in plain} == {None}, "without course_code courses are of no subject"
