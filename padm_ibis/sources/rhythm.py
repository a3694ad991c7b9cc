"""How long the tables of a source may go without a new row before somebody should wonder.

A university is not a shop: enrolment to courses opens twice a year, exams are sat in three seasons, degrees and the yearly
re-enrolment come once; on a learning platform nobody works in January. Days between two of those, and some weeks for the office.
`freshness_hours` of a source replaces them.
"""

from __future__ import annotations

from collections.abc import Mapping

DAYS: Mapping[str, int] = {
    "academic": 240,
    "alumnos_hist_calidad": 400,
    "census": 400,
    "course_inscriptions": 240,
    "dropout": 400,
    "egresos": 400,
    "exam_inscriptions": 180,
    "historia_academica": 180,
    "lms_asistencias": 180,
    "lms_completitud": 120,
    "lms_entregas": 120,
    "lms_foros": 180,
    "lms_intentos": 180,
    "lms_notas": 120,
    "reinscripciones": 400,
}
READ_HOURS = 48  # a nightly run that was missed twice


def hours(resource: str) -> int:
    """Return the hours after which the newest row of a resource is old."""
    return DAYS[resource] * 24 if resource in DAYS else READ_HOURS
