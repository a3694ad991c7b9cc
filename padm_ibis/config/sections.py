"""The sections of ``padm.toml``: every key, its type, its default and what it means."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Annotated, Literal, get_args
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pydantic import AfterValidator, Field, SecretStr, field_validator, model_validator

from padm_ibis.config.files import FilesConfig
from padm_ibis.config.lms import KEYS, LmsKeys
from padm_ibis.config.modes import FileMode
from padm_ibis.config.section import Section
from padm_ibis.config.urls import PublishUrl, SourceUrl, WarehouseUrl
from padm_ibis.errors import did_you_mean
from padm_ibis.params import Params

_BYTES = r"^[0-9]+(\.[0-9]+)? ?([KMGT]i?)?B$"
Severity = Literal["error", "warn", "off"]
OnInvalid = Literal["stop", "null", "reject"]
SEVERITIES: tuple[str, ...] = get_args(Severity)


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{value!r} is not a time zone. {did_you_mean(value, available_timezones())}") from None
    return value


Zone = Annotated[str, AfterValidator(_zone)]
"""The name of an IANA time zone."""


class WarehouseConfig(Section):
    """``[warehouse]``: where the tables are kept."""

    url: WarehouseUrl = Field(description="duckdb://<file>, postgres://<user>@<host>/<database> or pyspark://<folder>.")
    memory_limit: str | None = Field(
        None,
        pattern=_BYTES,
        description="Most memory DuckDB may use, e.g. '4GB'; without it, 80 %.",
    )
    threads: int | None = Field(default=None, ge=1, description="Threads of DuckDB; without it, one per core.")
    file_mode: FileMode | None = Field(
        default=None,
        description="Who may read the file of a duckdb:// warehouse, such as '0640': its group, too. Without it, a new file is"
        " its owner's alone, and one that is there keeps its mode.",
    )
    keep_versions: int = Field(
        default=2,
        ge=0,
        description="Published versions that are kept beside the one readers see, for `padm-ibis rollback`; 0 keeps none.",
    )
    keep_bytes: str | None = Field(
        None, pattern=_BYTES, description="Most room these may take, e.g. '20 GB'; the oldest go first. Without it, any."
    )

    @property
    def most_bytes(self) -> int | None:
        """The room that kept versions may take."""
        if self.keep_bytes is None:
            return None
        number, unit = self.keep_bytes.rstrip("KMGTiB").strip(), self.keep_bytes.lstrip("0123456789. ")
        return int(float(number) * (1024 if "i" in unit else 1000) ** "BKMGT".index(unit[0]))


class PipelineConfig(Section):
    """``[pipeline]``: the run parameters that are not the date; see `padm_ibis.params.Params`."""

    academic_year_start_month: int = Field(
        default=3, ge=1, le=12, description="Month on whose first day an academic year starts."
    )
    max_inactive_years: int = Field(default=3, ge=0, description="Years without activity after which a student's series ends.")
    label_delay_days: int = Field(default=120, ge=0, description="Days after a cutoff before a label is taken as known.")
    ranking_min_evaluaciones: int = Field(
        default=30, ge=1, description="Evaluations (rows) a teacher needs in a year to be ranked."
    )
    period_base_year: int = Field(default=2000, description="The academic year whose anio_relativo is 0.")
    include_sensitive: bool = Field(default=False, description="Whether disability columns (Ley 25.326) enter gold.")
    sede_delegacion: str = Field(
        default="delegacion", min_length=1, description="Lower-case text that marks a location as Delegación."
    )

    def params(self, as_of: dt.date) -> Params:
        """Return the parameters of a run that speaks for ``as_of``."""
        return Params(as_of=as_of, **self.model_dump())


class _DatabaseKeys(Section):
    """Keys of a source of any kind."""

    name: str = Field(default="", description="Filled from the table's name.", pattern=r"^[A-Za-z0-9_-]*$")
    kind: str = Field(default="guarani", description="Which system it is: the bronze resources that are read from it.")
    url: SourceUrl = Field(description="postgres://…, duckdb://<file> or files://<folder>.")
    schema_: str = Field(
        default="negocio",
        alias="schema",
        min_length=1,
        description="Schema of the source's tables; of Moodle's, public by default.",
    )
    timezone: Zone = Field(
        "America/Argentina/Buenos_Aires", description="IANA time zone in which the source's instants are dated."
    )
    lookback_days: int | dict[str, int] = Field(
        default=30, description="Days read again before the watermark (a late row arrives): one number, or one per resource."
    )
    sync: Literal["digest", "off"] = Field(
        default="digest",
        description="How bronze is kept equal to a database whatever a change's date: the source digests all its rows in buckets,"
        " and those that moved are read again. 'off': only what lies within `lookback_days` is seen until a full refresh.",
    )
    sync_every: Literal["night", "week", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"] = Field(
        default="night",
        description="How often: at each run, once in seven days, or on a weekday; runs between read from the watermark on.",
    )
    incremental_start_date: dt.date = Field(
        default=dt.date(1900, 1, 1), description="First day an incremental resource is read from."
    )
    statement_timeout_s: int = Field(default=3600, ge=1, description="Seconds a statement at the source may take.")
    lock_timeout_s: int = Field(default=30, ge=1, description="Seconds to wait for a lock at the source.")
    idle_in_transaction_timeout_s: int = Field(
        default=3600,
        ge=1,
        description="Seconds after which the server ends a reading that says nothing: while rows are applied, it waits.",
    )
    keepalive_s: int = Field(
        default=30,
        ge=1,
        description="Seconds of silence after which the connection is probed; after six probes, ten seconds apart, it is lost.",
    )
    row_security: bool = Field(
        default=False,
        description="Whether rows that a policy of the source hides are simply not read; by default such a table is an error.",
    )
    max_shrinkage: float = Field(
        default=0.2,
        ge=0,
        le=1,
        description="Share of a table's rows, 100 at least, that may be gone when it is read whole again; more refuses the source"
        " until `run --accept-drop NAME`. 1 refuses nothing.",
    )
    connect_retries: int = Field(default=3, ge=0, description="Further attempts to connect, with growing pauses.")
    snapshot_retries: int = Field(
        default=3,
        ge=0,
        description="Further attempts to read everything, each from a new snapshot, where a standby cancels the reading.",
    )
    freshness_hours: int | dict[str, int] | None = Field(
        default=None,
        description="Hours after which `check` calls a resource's last extraction or newest cursor stale: one number, or one"
        " per resource. Without it 48 since the last extraction, and since the newest cursor the table's own rhythm: 180 to"
        " 400 days where terms, exams or degrees set it.",
    )
    on_invalid: OnInvalid | dict[str, OnInvalid] | None = Field(
        default=None,
        description="What becomes of a value that is none of its column's type: 'stop' the source, make it 'null', or 'reject'"
        " its row; one word, or one per resource. By default files stop, and values of databases become null, counted.",
    )
    resources: list[str] | None = Field(default=None, description="Only these bronze tables; without it, all of the kind.")
    require: list[str] = Field(
        default_factory=list,
        description="Bronze tables, or tables of the source, that must be given: without one the source is not read. By default"
        " only what nothing can be built without; what else is missing or refused counts as empty, with a warning.",
    )
    files: FilesConfig = Field(default_factory=FilesConfig, description="How the files of a files:// source are written.")

    @field_validator("freshness_hours")
    @classmethod
    def _is_positive(cls, value: int | dict[str, int] | None) -> int | dict[str, int] | None:
        if any(hours < 1 for hours in (value.values() if isinstance(value, dict) else [value or 1])):
            raise ValueError("should be at least 1")
        return value

    @field_validator("lookback_days")
    @classmethod
    def _is_not_negative(cls, value: int | dict[str, int]) -> int | dict[str, int]:
        if any(days < 0 for days in (value.values() if isinstance(value, dict) else [value])):
            raise ValueError("should not be negative")
        return value

    @property
    def schema(self) -> str:  # type: ignore[override]
        """Schema of the source's tables."""
        return "public" if self.kind == "moodle" and "schema_" not in self.model_fields_set else self.schema_

    @property
    def zone(self) -> ZoneInfo:
        """The source's time zone."""
        return ZoneInfo(self.timezone)

    def lookback(self, resource: str, own: int | None = None) -> int:
        """Return the days that ``resource`` reads again before its watermark; ``own`` is its own number, unless configured."""
        days = self.lookback_days
        if isinstance(days, dict):
            return days.get(resource, 30 if own is None else own)
        return days if own is None or "lookback_days" in self.model_fields_set else own

    def invalid(self, resource: str) -> OnInvalid | None:
        """Return what is configured for values of ``resource`` that are none of their column's type."""
        chosen = self.on_invalid
        return chosen.get(resource) if isinstance(chosen, dict) else chosen

    def freshness(self, resource: str) -> int | None:
        """Return the configured hours after which ``resource`` is stale."""
        hours = self.freshness_hours
        return hours.get(resource) if isinstance(hours, dict) else hours


class SourceConfig(LmsKeys, _DatabaseKeys):
    """``[sources.<name>]``: one database to read; its name is the rows' ``source_db``."""

    @model_validator(mode="after")
    def _keys_are_of_its_kind(self) -> SourceConfig:
        if self.kind != "moodle" and (foreign := [name for name in KEYS if name in self.model_fields_set]):
            raise ValueError(f'{" and ".join(foreign)}: only a source of kind = "moodle" has such a key')
        return self


class PrivacyConfig(Section):
    """``[privacy]``: how direct identifiers are made unreadable."""

    hash_key: SecretStr | None = Field(
        default=None, min_length=1, description="Key of the HMAC-SHA-256 that replaces direct identifiers."
    )


class ChecksConfig(Section):
    """``[checks]``: what happens when a rule fails: ``error`` stops the run, ``warn`` reports, ``off`` does not look."""

    foreign_key: Severity = Field(default="warn", description="A key that its dimension lacks: sources have orphans.")
    unknown_code: Severity = Field(default="warn", description="A resultado that is none of A, R, U.")
    unreadable_value: Severity = Field(default="warn", description="A mark or flag that is there and cannot be read.")
    missing_student: Severity = Field(default="warn", description="A row without alumno, which no fact can keep.")
    reconcile: Severity = Field(default="error", description="Row counts that differ between source and bronze.")
    freshness: Severity = Field(default="warn", description="A source whose last extraction is older than its freshness_hours.")
    rules: dict[str, Severity] = Field(
        default_factory=dict, description="Single rules: '<table>.<column>.<rule>' or '<table>.<rule>'."
    )


class ModelsConfig(Section):
    """``[models]``: models of your own, beside those of this package."""

    modules: list[str] = Field(default_factory=list, description="Importable modules whose @model functions join the graph.")


class TargetConfig(Section):
    """``[publish.targets.<name>]``: a further target, with tables of its own; `publish --to <name>` publishes to it alone."""

    to: PublishUrl = Field(description="postgres://…, duckdb://<file> or sqlite://<file>.")
    tables: list[str] = Field(default_factory=list, description="Names or patterns; without it, those of [publish].")
    mode: Literal["replace", "upsert"] | None = Field(default=None, description="Without it, that of [publish].")
    file_mode: FileMode | None = Field(default=None, description="Without it, that of [publish].")


class PublishConfig(Section):
    """``[publish]``: where tables are replicated to, and what must be equal on both sides."""

    to: PublishUrl | None = Field(default=None, description="postgres://…, duckdb://<file> or sqlite://<file>.")
    tables: list[str] = Field(default_factory=list, description="Names or patterns such as 'mart_*'; without it, all of gold.")
    mode: Literal["replace", "upsert"] = Field(default="replace", description="Replace tables, or upsert their rows by key.")
    file_mode: FileMode | None = Field(
        default=None,
        description="Who may read the target's file, such as '0640'. Without it, a new file is its owner's alone, and one that"
        " is there keeps its mode.",
    )
    metrics: dict[str, dict[str, str]] = Field(
        default_factory=dict, description="Table → name → SQL aggregate, e.g. revenue = 'sum(total_amount)'."
    )
    targets: dict[str, TargetConfig] = Field(default_factory=dict, description="Further targets, by name.")


class ScheduleConfig(Section):
    """``[schedule]``: what `padm-ibis schedule` does unless its options say otherwise."""

    at: str | None = Field(default=None, pattern=r"^[0-9]{1,2}:[0-9]{2}$", description="Time of day of the run, such as '02:00'.")
    timezone: Zone | None = Field(default=None, description="IANA time zone of it; without it, this machine's.")
    layer: Literal["bronze", "silver", "gold"] | None = Field(default=None, description="Last layer to build; without it, gold.")
    publish: bool = Field(default=False, description="Whether each run publishes what passed: `run --publish`.")


class LogConfig(Section):
    """``[log]``: what becomes of messages, unless `--log-format` and `--log-file` say otherwise."""

    format: Literal["text", "json"] = Field(default="text", description="Text for people, or an object a line.")
    file: Path | None = Field(default=None, description="Written besides stderr; from the folder of the configuration.")
    max_bytes: int = Field(default=10_000_000, ge=1_000, description="Size at which the file is moved aside.")
    keep: int = Field(default=5, ge=1, description="Files that were moved aside and are kept: <file>.1 is the newest.")


class MailConfig(Section):
    """``[mail]``: who hears by SMTP of runs and publications that fail, are partial or recover."""

    host: str = Field(description="The SMTP server.")
    port: int = Field(default=587, ge=1, le=65535, description="Its port.")
    sender: str = Field(description="Address the message comes from.")
    recipients: list[str] = Field(min_length=1, description="Addresses it goes to.")
    user: str | None = Field(default=None, description="User name, where the server wants one.")
    password: SecretStr | None = Field(default=None, description="Password; only from the environment.")
    starttls: bool = Field(default=True, description="Whether the connection is encrypted before anything is said.")


class WebhookConfig(Section):
    """``[webhook]``: a channel that hears of the same by a JSON POST, ``{"text": …}``: Slack, Teams, Mattermost."""

    url: SecretStr = Field(
        description="http:// or https:// address; whoever knows it can write there: only from the environment."
    )
    timeout_s: int = Field(default=10, ge=1, le=60, description="Seconds to wait for an answer, each of up to three times.")

    @field_validator("url")
    @classmethod
    def _is_an_address(cls, value: SecretStr) -> SecretStr:
        text = value.get_secret_value()
        found = urlsplit(text)
        if not text.startswith("${") and (found.scheme not in ("http", "https") or not found.hostname):
            raise ValueError("is no http:// or https:// address")
        return value

    @property
    def host(self) -> str:
        """Whose address it is: the part that may be said."""
        return urlsplit(self.url.get_secret_value()).hostname or "?"


class StarTable(Section):
    """``[star.tables.<name>]``: one table of a star schema that is not ours, loaded from a CSV file."""

    csv: Path = Field(description="The file, from the folder of the configuration.")
    columns: dict[str, str] = Field(min_length=1, description="Column → SQL type, in order.")
    key: list[str] = Field(min_length=1, description="The columns that identify a row.")
    references: dict[str, str] = Field(default_factory=dict, description="Column → 'table.column' it points to.")
    computed: dict[str, str] = Field(default_factory=dict, description="Column → 'type AS (expression)', stored.")
    checks: dict[str, str] = Field(default_factory=dict, description="Name → condition that every row fulfils.")


class StarConfig(Section):
    """``[star]``: a star schema described here alone, loaded into the warehouse before it is published."""

    schema_: str = Field(alias="schema", min_length=1, description="Schema in the warehouse's database.")
    separator: str = Field(default=",", min_length=1, description="Between the values of a line.")
    decimal: str = Field(default=".", min_length=1, max_length=1, description="Decimal mark.")
    date_format: str = Field(default="%Y-%m-%d", description="How dates are written.")
    encoding: str = Field(default="utf-8", description="Encoding of the files.")
    tables: dict[str, StarTable] = Field(min_length=1, description="The tables.")
    views: dict[str, Path] = Field(default_factory=dict, description="View → file with its SELECT.")
