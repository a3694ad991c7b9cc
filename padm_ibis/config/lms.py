"""What ``[sources.<name>]`` says of a learning platform alone."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from padm_ibis.config.section import Section
from padm_ibis.errors import did_you_mean

LINKS = ("idnumber:documento", "username:documento", "username:usuario", "email:email")
"""The strategies that find whose a user is, in their order: an identifier of the platform, and one of the student system."""


def _strategy(value: str) -> str:
    if value not in LINKS:
        raise ValueError(f"{value!r} is no way to find a person. {did_you_mean(value, LINKS)}")
    return value


def _one_group(value: str) -> str:
    try:
        groups = re.compile(value).groups
    except re.error as error:
        raise ValueError(f"is no regular expression: {error}") from None
    if groups != 1:
        raise ValueError("should have exactly one group, around the code of the subject")
    return value


class LmsKeys(Section):
    """Keys of a source of the kind ``moodle``."""

    prefix: str = Field(default="mdl_", pattern=r"^[a-z0-9_]*$", description="Moodle: what the names of its tables begin with.")
    teaching_roles: list[str] = Field(
        default_factory=list,
        description="Moodle: short names of further roles whose holders are no learners, beside those that teach or manage by"
        " their archetype.",
    )
    serves: list[str] | None = Field(
        default=None,
        description="Moodle: the sources whose persons are looked for among its users; without it, all student systems.",
    )
    links: list[Annotated[str, AfterValidator(_strategy)]] = Field(
        default=list(LINKS),
        description="Moodle: how a user is found to be a person, in this order: 'idnumber:documento' and so on.",
    )
    course_code: Annotated[str, AfterValidator(_one_group)] | None = Field(
        default=None,
        description="Moodle: regular expression with one group that finds a subject's code in a course's idnumber, else in its"
        " short name; without it, courses belong to no subject.",
    )
    lms_window_rows: int = Field(
        default=5_000_000,
        ge=1,
        description="Moodle: most rows of its log that one statement reads; the log is read window by window.",
    )
    lms_window_pause_s: float = Field(
        default=0.0, ge=0, description="Moodle: seconds to leave its server alone between two windows of the log."
    )


KEYS = tuple(LmsKeys.model_fields)
