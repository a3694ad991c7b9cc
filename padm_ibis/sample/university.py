"""All tables of one campus, group by group."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

from padm_ibis.sample.campus import Campus
from padm_ibis.sample.careers import career_tables, curriculum
from padm_ibis.sample.columns import Tables, arrow
from padm_ibis.sample.courses import course_tables, hold_courses
from padm_ibis.sample.exams import exam_tables, hold_exams
from padm_ibis.sample.fate import fate
from padm_ibis.sample.granted import granted_tables
from padm_ibis.sample.intake import intake
from padm_ibis.sample.lives import live
from padm_ibis.sample.people import people, people_tables
from padm_ibis.sample.periods import period_tables
from padm_ibis.sample.places import places
from padm_ibis.sample.sheets import result_tables, write_down
from padm_ibis.sample.standing import standing_tables
from padm_ibis.sample.surveys import survey_tables


def campus_tables(campus: Campus) -> Iterator[tuple[str, pa.Table]]:
    """Name and rows of each table of a campus; what was yielded before need not be kept."""
    for group in _groups(campus):
        for name in list(group):
            yield name, arrow(group.pop(name))


def _groups(campus: Campus) -> Iterator[Tables]:
    study = curriculum(campus)
    students = intake(campus, study)
    persons = people(campus, students)
    fates = fate(campus, students)
    lives = live(campus, study, students, fates)
    courses, exams = hold_courses(campus, study, lives), hold_exams(campus, study, lives)
    results = write_down(campus, study, students, fates, lives, courses, exams)
    yield places()
    yield period_tables(campus)
    yield career_tables(study)
    yield people_tables(campus, persons)
    yield survey_tables(campus, students, persons, fates)
    yield standing_tables(campus, study, students, persons, fates, lives, results)
    yield granted_tables(campus, study, students, lives)
    yield course_tables(campus, study, students, persons, fates, lives, courses)
    yield exam_tables(campus, study, students, lives, exams)
    yield result_tables(campus, study, students, lives, courses, exams, results)
