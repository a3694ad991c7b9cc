"""Point-in-time tables that know how things stand today, drawn: each lets a column that the source overwrites decide.

Their rows are the years in which a student re-enrolled. The same ways of a constant column are the clean models.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import ibis.expr.types as ir
import ways
from hypothesis import strategies as st
from ways import Made, Way

from padm_ibis.define.contract import GoldContract, column, dt
from padm_ibis.define.model import camel, model

STUDENT = ["source_db", "alumno_id"]
KEY = [*STUDENT, "anio_academico"]
Read = Callable[[ir.Table, ir.Table, ir.Table], ir.Table]
"""Students, persons and course enrolments → a column ``s`` by student."""


def _of_student(value: Callable[[ir.Table], ir.Value]) -> Read:
    return lambda students, persons, enrolled: students.select(*STUDENT, s=value(students))


def _of_person(value: Callable[[ir.Table], ir.Value]) -> Read:
    def read(students: ir.Table, persons: ir.Table, enrolled: ir.Table) -> ir.Table:
        person = ["source_db", "persona_id"]
        both = students.select(*STUDENT, "persona_id").left_join(persons.select(*person, s=value(persons)), person)
        return both.select(*STUDENT, "s")

    return read


def _state(students: ir.Table, persons: ir.Table, enrolled: ir.Table) -> ir.Table:
    """Whether any enrolment is accepted today."""
    accepted = (enrolled.estado_inscripcion == "A").fill_null(False)
    return enrolled.group_by(STUDENT).agg(s=accepted.any())


NOW: Mapping[str, tuple[str, Read]] = {
    "calidad": ("students.calidad (sga_alumnos.calidad)", _of_student(lambda t: t.calidad)),
    "activo": ("students.calidad (sga_alumnos.calidad)", _of_student(lambda t: t.calidad == "A")),
    "es_regular": ("students.regular (sga_alumnos.regular)", _of_student(lambda t: t.es_regular)),
    "email": (
        "personas.email_hash (mdp_personas.email_temporal, mdp_personas_contactos.email)",
        _of_person(lambda t: t.email_hash),
    ),
}
"""What is now, as the audit names it."""
CONSTANT: Mapping[str, tuple[str, Read]] = {
    "modalidad": ("", _of_student(lambda t: t.modalidad)),
    "propuesta": ("", _of_student(lambda t: t.propuesta_id)),
    "sexo": ("", _of_person(lambda t: t.sexo)),
    "nacido": ("", _of_person(lambda t: t.fecha_nacimiento)),
}


def value(rows: ir.Table, others: ir.Table) -> ir.Table:
    """The column itself, as a number."""
    return rows.select(
        *ways.key(rows), x=rows.s.cast("string").length().fill_null(-1) + rows.s.cast("string").right(1).ascii_str()
    )


def peers(rows: ir.Table, others: ir.Table) -> ir.Table:
    """How many of the year's rows have the same."""
    return ways.shown(rows, rows.count().over(group_by=[rows.anio_academico, rows.s]))


@dataclass(frozen=True)
class Drawn:
    """One model: which column decides, and how."""

    column: str
    read: Read
    way: Way

    def model(self, name: str) -> Callable[..., ir.Table]:
        """The marked model of that name."""

        def told(
            fact_reinscription: ir.Table, dim_student: ir.Table, dim_persona: ir.Table, fact_course_enrollment: ir.Table
        ) -> ir.Table:
            years = fact_reinscription.filter(fact_reinscription.anio_evento.notnull())
            others = years.select(*STUDENT, anio_academico="anio_evento").distinct()
            read = self.read(dim_student, dim_persona, fact_course_enrollment)
            rows = others.left_join(read, STUDENT).select(*KEY, "s")
            return self.way.table(rows, others)

        body = {
            "__annotations__": {"source_db": dt.String, "alumno_id": dt.Int64, "anio_academico": dt.Int64, "x": dt.Int64},
            "source_db": column("Source.", role="key"),
            "alumno_id": column("Student.", role="key", pii="indirect"),
            "anio_academico": column("Year.", role="key"),
            "x": column("What is told.", pii="indirect", nullable=True),
            "Config": type("Config", (), {"unique": tuple(KEY)}),
            "__module__": __name__,
        }
        told.__name__ = name
        return model(type(camel(name), (GoldContract,), body), point_in_time=True)(told)

    def __repr__(self) -> str:
        return f"{self.column}: {self.way}"


def drawn(columns: Mapping[str, tuple[str, Read]], made: dict[str, Made]) -> st.SearchStrategy[Drawn]:
    """Draw a model in which one of ``columns`` goes one of some ways."""
    return st.builds(
        lambda source, way: Drawn(source[0], source[1][1], way), st.sampled_from(sorted(columns.items())), ways.drawn(made)
    )
