"""Run parameters: the only thing besides tables that a model may depend on."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any


@dataclass(frozen=True, slots=True)
class Lms:
    """What the tables of a learning platform hang on, beside its rows.

    Attributes
    ----------
    name
        The platform's ``lms_db``.
    serves
        The sources whose persons are looked for among its users.
    links
        How a user is found to be a person, in order: ``idnumber:documento`` and so on.
    teaching_roles
        Short names of roles that teach or manage, beside those that do by their archetype.
    course_code
        Regular expression with one group that finds the code of a subject in a course's idnumber, else in its short name.
    """

    name: str
    serves: tuple[str, ...] = ()
    links: tuple[str, ...] = ("idnumber:documento", "username:documento", "username:usuario", "email:email")
    teaching_roles: tuple[str, ...] = ()
    course_code: str | None = None


@dataclass(frozen=True, slots=True)
class Params:
    """What a run fixes before the first row is read.

    Attributes
    ----------
    as_of
        The date the warehouse speaks for.
    academic_year_start_month
        Month (1-12) on whose first day an academic year starts.
    max_inactive_years
        Years without activity after which a student's series ends.
    label_delay_days
        Days after a cutoff before a label is taken as known.
    ranking_min_evaluaciones
        Evaluations (rows) a teacher needs in a year to be ranked.
    period_base_year
        The academic year whose ``anio_relativo`` is 0.
    include_sensitive
        Whether disability columns (Ley 25.326) enter gold.
    sede_delegacion
        Text that marks a location as ``Delegación``: lower case, without accents.
    lms
        The learning platforms.
    """

    as_of: dt.date
    academic_year_start_month: int = 3
    max_inactive_years: int = 3
    label_delay_days: int = 120
    ranking_min_evaluaciones: int = 30
    period_base_year: int = 2000
    include_sensitive: bool = False
    sede_delegacion: str = "delegacion"
    lms: tuple[Lms, ...] = ()

    def __post_init__(self) -> None:
        """Take platforms as they stand in a file, too."""
        given = object.__getattribute__(self, "lms")
        object.__setattr__(self, "lms", tuple(_platform(one) if isinstance(one, Mapping) else one for one in given))

    def plain(self) -> dict[str, Any]:
        """Return all of them as they are kept in files; platforms only where there are any."""
        return {name: value for name, value in asdict(self).items() if name != "lms" or value}

    @property
    def as_of_year(self) -> int:
        """The academic year in which ``as_of`` lies."""
        return self.as_of.year if self.as_of.month >= self.academic_year_start_month else self.as_of.year - 1

    def cutoff(self, anio: int) -> dt.date:
        """Last day of academic year ``anio``."""
        return dt.date(anio + 1, self.academic_year_start_month, 1) - dt.timedelta(days=1)

    @property
    def last_closed_year(self) -> int:
        """The greatest academic year whose cutoff is not after ``as_of``."""
        year = self.as_of_year
        return year if self.cutoff(year) <= self.as_of else year - 1

    @property
    def last_labelled_year(self) -> int:
        """The greatest academic year whose next one was closed ``label_delay_days`` before ``as_of``."""
        return replace(self, as_of=self.as_of - dt.timedelta(days=self.label_delay_days)).last_closed_year - 1


def _platform(given: Mapping[str, Any]) -> Lms:
    named: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in given.items()}
    return Lms(**named)
