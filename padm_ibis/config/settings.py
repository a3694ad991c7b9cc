"""All settings of a run, as one object that does not change."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

from pydantic import Field, PrivateAttr, field_validator

from padm_ibis import access
from padm_ibis.config.secrets import hide
from padm_ibis.config.section import Section
from padm_ibis.config.sections import (
    ChecksConfig,
    LogConfig,
    MailConfig,
    ModelsConfig,
    PipelineConfig,
    PrivacyConfig,
    PublishConfig,
    ScheduleConfig,
    Severity,
    SourceConfig,
    StarConfig,
    WarehouseConfig,
    WebhookConfig,
)
from padm_ibis.config.urls import Url
from padm_ibis.errors import ConfigError, did_you_mean
from padm_ibis.params import Lms, Params

LATE = ("publish.to", "publish", "mail", "webhook")
"""Places of the file that may lack a variable until they are used: the first that fits counts."""


class File(Section):
    """What ``padm.toml`` may hold once a profile is laid over it."""

    warehouse: WarehouseConfig
    pipeline: PipelineConfig = PipelineConfig()
    sources: dict[str, SourceConfig] = Field(default_factory=dict)
    privacy: PrivacyConfig = PrivacyConfig()
    checks: ChecksConfig = ChecksConfig()
    models: ModelsConfig = ModelsConfig()
    publish: PublishConfig = PublishConfig()
    schedule: ScheduleConfig = ScheduleConfig()
    log: LogConfig = LogConfig()
    mail: MailConfig | None = None
    webhook: WebhookConfig | None = None
    star: StarConfig | None = None

    @field_validator("sources")
    @classmethod
    def _platforms_serve_what_is_there(cls, value: dict[str, SourceConfig]) -> dict[str, SourceConfig]:
        students = [name for name, source in value.items() if source.kind != "moodle"]
        for name, source in value.items():
            for served in source.serves or ():
                if served not in students:
                    raise ValueError(
                        f"[sources.{name}] serves {served!r}, which is no source of students. {did_you_mean(served, students)}"
                    )
        return value


class Config(File):
    """All settings of a run; made by `load_config`."""

    path: Path | None = Field(default=None, description="The file it was read from; None for the embedded sample.")
    profile: str | None = Field(default=None, description="The profile laid over the file.")
    sample: bool = Field(default=False, description="Whether the sources are the embedded sample university.")
    _late: dict[str, ConfigError] = PrivateAttr(default_factory=dict)
    _secrets: frozenset[str] = PrivateAttr(default_factory=frozenset)

    @property
    def folder(self) -> Path:
        """The folder that relative paths start from."""
        return self.path.parent if self.path else Path.cwd()

    @property
    def state(self) -> Path:
        """The folder beside the warehouse, wherever a link says that it is, in which runs work; not made here."""
        if self.warehouse.url.path is None:
            return self.folder / ".padm"
        try:
            path = access.followed(self.warehouse.url.path)
        except OSError:  # a circle of links: opening the warehouse tells of it
            path = self.warehouse.url.path
        return path.parent / f".{path.name}.padm"

    @property
    def described(self) -> str:
        """Where these settings come from, for messages."""
        name = "the embedded sample" if self.path is None else self.path.name
        return f"{name}, profile {self.profile}" if self.profile else name

    @property
    def unusable(self) -> dict[str, ConfigError]:
        """Places of the file that lack a variable, with what to say of it; they are as if they were not written."""
        return dict(self._late)

    def require(self, *places: str) -> None:
        """Refuse to go on without any of the named places of the file.

        Raises
        ------
        ConfigError
            If one lacks a variable.
        """
        for error in (self._late[place] for place in places if place in self._late):
            raise ConfigError(error.message, hint=error.hint)

    def params(self, as_of: dt.date) -> Params:
        """Return the parameters of a run that speaks for ``as_of``."""
        students = [name for name, source in self.sources.items() if source.kind != "moodle"]
        platforms = (
            Lms(
                name,
                serves=tuple(students if source.serves is None else source.serves),
                links=tuple(source.links),
                teaching_roles=tuple(source.teaching_roles),
                course_code=source.course_code,
            )
            for name, source in sorted(self.sources.items())
            if source.kind == "moodle"
        )
        return replace(self.pipeline.params(as_of), lms=tuple(platforms))

    def hash_key(self) -> bytes:
        """Return the key of the keyed hashes.

        Raises
        ------
        ConfigError
            If there is none: identifiers are never stored without.
        """
        if self.privacy.hash_key is None:
            raise ConfigError(
                f"{self.described}: privacy.hash_key is missing, and direct identifiers are only stored as keyed hashes.",
                hint='Add `[privacy] hash_key = "${PADM_HASH_KEY}"` and set the variable to a long random text.',
            )
        return self.privacy.hash_key.get_secret_value().encode()

    def mask(self, text: str) -> str:
        """Return ``text`` without any secret this configuration knows: for messages of drivers."""
        return hide(text, self._secrets)

    def knowing(self, url: Url) -> Config:
        """Return these settings with the secrets of a further address, one given on a command line for instance."""
        copy = self.model_copy()
        copy._secrets = self._secrets | url.secrets
        return copy

    def severity(self, rule: str, default: Severity = "error") -> Severity:
        """Return what a failed single rule means: from ``checks.rules``, else ``default``."""
        return self.checks.rules.get(rule, default)
