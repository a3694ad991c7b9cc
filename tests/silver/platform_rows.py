"""Rows of a learning platform for the tests of silver: user 10 is person 1 of sede1, and user 11 a person of both campuses."""

from __future__ import annotations

from typing import Any

from padm_ibis.params import Lms

Row = dict[str, Any]
PLATFORM = {"lms": (Lms("campus", ("sede1", "sede2"), teaching_roles=("ayudante",)),), "as_of": "2024-12-31"}


def bridge(*links: tuple[str, int, int]) -> list[Row]:
    """Links of source_db, persona_id and usuario_id."""
    return [
        {"source_db": source, "persona_id": person, "lms_db": "campus", "usuario_id": user, "enlace": "email:email"}
        for source, person, user in links
    ]


LINKED = bridge(("sede1", 1, 10), ("sede1", 2, 11), ("sede2", 2, 11))


def on_platform(*rows: Row) -> list[Row]:
    return [{"source_db": "campus", **row} for row in rows]


def role(user: int, since: str | None, gone: str | None = None, **more: Any) -> Row:
    """Somebody who teaches in course 2."""
    return {
        "source_db": "campus", "usuario": user, "curso": 2, "rol": "editingteacher", "arquetipo": "editingteacher",
        "desde": since, "_ausente_desde": gone, **more,
    }  # fmt: skip
