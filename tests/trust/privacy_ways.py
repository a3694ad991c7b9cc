"""Models that tell a secret without showing it, drawn: each lets a column of persons decide in one way.

The secret is a sensitive answer or a direct date. The same ways of a harmless column are the clean models.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import ibis.expr.types as ir
import ways
from hypothesis import strategies as st
from ways import Made, Way

from padm_ibis.define.contract import GoldContract, column, dt
from padm_ibis.define.model import camel, model

KEY = ["source_db", "persona_id"]
SECRETS = {"disc_visual": "dim_census", "disc_otra": "dim_census", "fecha_nacimiento": "dim_persona"}
HARMLESS = {"beca": "dim_census", "estado_civil": "dim_census", "sexo": "dim_persona", "nacionalidad": "dim_persona"}


@dataclass(frozen=True)
class Drawn:
    """One model: which column decides, and how."""

    column: str
    table: str
    way: Way

    def model(self, name: str, **declared: object) -> Callable[..., ir.Table]:
        """The marked model of that name, its column ``x`` declared so."""

        def told(dim_persona: ir.Table, dim_census: ir.Table, dim_student: ir.Table) -> ir.Table:
            rows = {"dim_persona": dim_persona, "dim_census": dim_census}[self.table]
            return self.way.table(rows.select(*KEY, s=self.column), dim_student.select(*KEY))

        body = {
            "__annotations__": {"source_db": dt.String, "persona_id": dt.Int64, "x": dt.Int64},
            "source_db": column("Source.", role="key"),
            "persona_id": column("Person.", role="key", pii="indirect"),
            "x": column("What is told.", **{"pii": "indirect", **declared}),
            "Config": type("Config", (), {"unique": tuple(KEY)}),
            "__module__": __name__,
        }
        told.__name__ = name
        return model(type(camel(name), (GoldContract,), body))(told)

    def __repr__(self) -> str:
        return f"{self.table}.{self.column}: {self.way}"


def drawn(columns: dict[str, str], made: dict[str, Made]) -> st.SearchStrategy[Drawn]:
    """Draw a model in which one of ``columns`` goes one of some ways."""
    return st.builds(lambda source, way: Drawn(*source, way), st.sampled_from(sorted(columns.items())), ways.drawn(made))
