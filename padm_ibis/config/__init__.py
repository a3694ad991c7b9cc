"""The configuration: ``padm.toml``, a profile laid over it, secrets from the environment.

Reading it needs neither Ibis nor Pandera, so that commands answer at once. Every mistake in the file is
collected and reported once, as a `ConfigError` that names the file, the key and the nearest valid one.
A password is never part of a message: a `Url` shows itself masked, and `Config.mask` cleans foreign texts.
"""

from __future__ import annotations

import codecs
import copy
import datetime as dt
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, get_args
from urllib.parse import unquote, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    PrivateAttr,
    SecretStr,
    ValidationError,
    field_validator,
)

from padm_ibis.errors import ConfigError, did_you_mean
from padm_ibis.params import Params

FILE = "padm.toml"
WAREHOUSE_SCHEMES = ("duckdb", "postgres", "postgresql", "pyspark")
PUBLISH_SCHEMES = ("postgres", "postgresql", "duckdb", "sqlite")
SOURCE_SCHEMES = ("postgres", "postgresql", "duckdb", "files")
Severity = Literal["error", "warn", "off"]
SEVERITIES: tuple[str, ...] = get_args(Severity)

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_CREDENTIALS = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*://)(?P<user>[^\s:/@]*):(?P<password>[^\s]*)@", re.IGNORECASE)
_PASSWORD_PARAMETER = re.compile(
    r"(?P<name>\b(?:password|passwd|pwd|sslpassword|token)\s*=\s*)(?:'(?:[^'\\]|\\.)*'|[^\s&]+)", re.IGNORECASE
)
MASK = "***"
SHORTEST_MASKED = 5


def redact(text: str) -> str:
    """Return ``text`` with the password of every URL and ``password=`` parameter masked."""
    masked = _CREDENTIALS.sub(rf"\g<scheme>\g<user>:{MASK}@", text)
    return _PASSWORD_PARAMETER.sub(rf"\g<name>{MASK}", masked)


@dataclass(frozen=True, slots=True)
class Url:
    """The address of a database or file; shows itself without its password.

    Attributes
    ----------
    scheme
        ``duckdb``, ``postgres``, ``pyspark`` or ``files``; ``postgresql`` is written ``postgres``.
    path
        The file or folder of a ``duckdb://`` or ``files://`` address, relative ones from the folder of the
        configuration; None for a server.
    """

    scheme: str
    path: Path | None
    _text: str = field(repr=False)

    @classmethod
    def parse(cls, text: str, schemes: tuple[str, ...], folder: Path | None = None) -> Url:
        """Read an address; ``ValueError`` says what is wrong with it, never the address itself."""
        scheme, separator, rest = text.partition("://")
        if not separator:
            raise ValueError(f"is not a URL: it should start with {_listed(schemes)}")
        if scheme not in schemes:
            raise ValueError(f"has the scheme {scheme!r}. {did_you_mean(scheme, schemes)}")
        scheme = "postgres" if scheme == "postgresql" else scheme
        if scheme in ("duckdb", "sqlite", "files"):
            if not rest:
                raise ValueError(f"names no {'folder' if scheme == 'files' else 'file'}: write {scheme}://<path>")
            path = Path(rest).expanduser()
            return cls(scheme, path if path.is_absolute() else (folder or Path.cwd()) / path, text)
        if scheme == "postgres":
            _check_server(text)
        return cls(scheme, None, text)

    def reveal(self) -> str:
        """Return the whole address, password included: for a driver, never for a message."""
        return self._text

    @property
    def password(self) -> str | None:
        """The password as it is written in the address, if there is one."""
        return None if self.path is not None else urlsplit(self._text).password

    def __str__(self) -> str:
        return redact(self._text)

    def __repr__(self) -> str:
        return f"Url({str(self)!r})"


def _check_server(text: str) -> None:
    parts = urlsplit(text)
    try:
        _ = parts.port
    except ValueError:
        raise ValueError("has a port that is no number; a password with special characters must be %-encoded") from None
    if "#" in text:
        raise ValueError("contains '#'; a password with special characters must be %-encoded")
    if not parts.hostname and "host=" not in parts.query:
        raise ValueError("names no host: write postgres://user@host:5432/database")
    if not parts.path.strip("/") and "dbname=" not in parts.query:
        raise ValueError("names no database: write postgres://user@host:5432/database")


def _listed(schemes: tuple[str, ...]) -> str:
    return ", ".join(f"{s}://" for s in schemes)


def _address(schemes: tuple[str, ...]) -> BeforeValidator:
    def read(value: Any, info: Any) -> Url:
        if isinstance(value, Url):
            return value
        if not isinstance(value, str):
            raise ValueError("should be text: a URL")
        if _VARIABLE.search(value):  # only where the caller asked not to resolve secrets
            return Url(value.partition("://")[0], None, value)
        return Url.parse(value, schemes, (info.context or {}).get("folder"))

    return BeforeValidator(read)


_WarehouseUrl = Annotated[Url, _address(WAREHOUSE_SCHEMES), PlainSerializer(str)]
_PublishUrl = Annotated[Url, _address(PUBLISH_SCHEMES), PlainSerializer(str)]
_SourceUrl = Annotated[Url, _address(SOURCE_SCHEMES), PlainSerializer(str)]


class Section(BaseModel):
    """A table of ``padm.toml``: unknown keys are refused, nothing changes after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True, hide_input_in_errors=True)


class WarehouseConfig(Section):
    """``[warehouse]``: where the tables are kept."""

    url: _WarehouseUrl = Field(description="duckdb://<file>, postgres://<user>@<host>/<database> or pyspark://<folder>.")
    memory_limit: str | None = Field(
        None,
        pattern=r"^[0-9]+(\.[0-9]+)? ?([KMGT]i?)?B$",
        description="Most memory DuckDB may use, e.g. '4GB'; without it, 80 %.",
    )
    threads: int | None = Field(default=None, ge=1, description="Threads of DuckDB; without it, one per core.")


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


class FilesConfig(Section):
    """``[sources.<name>.files]``: how the files of a ``files://`` source are written."""

    encoding: str = Field(default="utf-8", description="Encoding of CSV files, such as 'windows-1252'.")
    separator: str = Field(default=",", min_length=1, max_length=4, description="What stands between two values.")
    quote: str = Field(default='"', min_length=1, max_length=1, description="What texts may be enclosed in; doubled inside.")
    decimal: Literal[".", ","] = Field(default=".", description="The decimal sign of numbers.")
    date_format: str | None = Field(default=None, description="How dates are written, such as '%d/%m/%Y'; by default as in ISO.")
    timestamp_format: str | None = Field(
        default=None,
        description="How instants are written, such as '%d/%m/%Y %H:%M'; by default as in ISO, with or without zone.",
    )
    null: list[str] = Field(default_factory=lambda: [""], min_length=1, description="Texts that mean: nothing there.")

    @field_validator("encoding")
    @classmethod
    def _is_an_encoding(cls, value: str) -> str:
        try:
            return codecs.lookup(value).name
        except LookupError:
            raise ValueError(f"{value!r} is no encoding") from None


class SourceConfig(Section):
    """``[sources.<name>]``: one database to read; its name is the rows' ``source_db``."""

    name: str = Field(default="", description="Filled from the table's name.", pattern=r"^[A-Za-z0-9_-]*$")
    kind: str = Field(default="guarani", description="Which system it is: the bronze resources that are read from it.")
    url: _SourceUrl = Field(description="postgres://…, duckdb://<file> or files://<folder>.")
    schema_: str = Field(default="negocio", alias="schema", min_length=1, description="Schema of the source's tables.")
    timezone: str = Field(
        "America/Argentina/Buenos_Aires", description="IANA time zone in which the source's instants are dated."
    )
    lookback_days: int | dict[str, int] = Field(
        default=30, description="Days read again before the watermark (a late row arrives): one number, or one per resource."
    )
    incremental_start_date: dt.date = Field(
        default=dt.date(1900, 1, 1), description="First day an incremental resource is read from."
    )
    statement_timeout_s: int = Field(default=3600, ge=1, description="Seconds a statement at the source may take.")
    lock_timeout_s: int = Field(default=30, ge=1, description="Seconds to wait for a lock at the source.")
    connect_retries: int = Field(default=3, ge=0, description="Further attempts to connect, with growing pauses.")
    freshness_hours: int | dict[str, int] = Field(
        default=48,
        description="Hours after which `check` calls a resource's last extraction or newest cursor stale: one number, or one"
        " per resource.",
    )
    resources: list[str] | None = Field(default=None, description="Only these bronze tables; without it, all of the kind.")
    files: FilesConfig = Field(default_factory=FilesConfig, description="How the files of a files:// source are written.")

    @field_validator("timezone")
    @classmethod
    def _is_a_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"{value!r} is not a time zone. {did_you_mean(value, available_timezones())}") from None
        return value

    @field_validator("freshness_hours")
    @classmethod
    def _is_positive(cls, value: int | dict[str, int]) -> int | dict[str, int]:
        if any(hours < 1 for hours in (value.values() if isinstance(value, dict) else [value])):
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
        return self.schema_

    @property
    def zone(self) -> ZoneInfo:
        """The source's time zone."""
        return ZoneInfo(self.timezone)

    def lookback(self, resource: str) -> int:
        """Return the days that ``resource`` reads again before its watermark."""
        days = self.lookback_days
        return days.get(resource, 30) if isinstance(days, dict) else days

    def freshness(self, resource: str) -> int:
        """Return the hours after which ``resource`` is stale."""
        hours = self.freshness_hours
        return hours.get(resource, 48) if isinstance(hours, dict) else hours


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


class PublishConfig(Section):
    """``[publish]``: where tables are replicated to, and what must be equal on both sides."""

    to: _PublishUrl | None = Field(default=None, description="postgres://…, duckdb://<file> or sqlite://<file>.")
    tables: list[str] = Field(default_factory=list, description="Names or patterns such as 'mart_*'; without it, all of gold.")
    mode: Literal["replace", "upsert"] = Field(default="replace", description="Replace tables, or upsert their rows by key.")
    metrics: dict[str, dict[str, str]] = Field(
        default_factory=dict, description="Table → name → SQL aggregate, e.g. revenue = 'sum(total_amount)'."
    )


class MailConfig(Section):
    """``[mail]``: who hears of a publication that failed, by SMTP."""

    host: str = Field(description="The SMTP server.")
    port: int = Field(default=587, ge=1, le=65535, description="Its port.")
    sender: str = Field(description="Address the message comes from.")
    recipients: list[str] = Field(min_length=1, description="Addresses it goes to.")
    user: str | None = Field(default=None, description="User name, where the server wants one.")
    password: SecretStr | None = Field(default=None, description="Password; only from the environment.")
    starttls: bool = Field(default=True, description="Whether the connection is encrypted before anything is said.")


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


class _File(Section):
    """What ``padm.toml`` may hold once a profile is laid over it."""

    warehouse: WarehouseConfig
    pipeline: PipelineConfig = PipelineConfig()
    sources: dict[str, SourceConfig] = Field(default_factory=dict)
    privacy: PrivacyConfig = PrivacyConfig()
    checks: ChecksConfig = ChecksConfig()
    models: ModelsConfig = ModelsConfig()
    publish: PublishConfig = PublishConfig()
    mail: MailConfig | None = None
    star: StarConfig | None = None


class Config(_File):
    """All settings of a run; made by `load_config`."""

    path: Path | None = Field(default=None, description="The file it was read from; None for the embedded sample.")
    profile: str | None = Field(default=None, description="The profile laid over the file.")
    sample: bool = Field(default=False, description="Whether the sources are the embedded sample university.")
    _secrets: frozenset[str] = PrivateAttr(default_factory=frozenset)

    @property
    def folder(self) -> Path:
        """The folder that relative paths start from."""
        return self.path.parent if self.path else Path.cwd()

    @property
    def state(self) -> Path:
        """The folder beside the warehouse in which runs work; not made here."""
        path = self.warehouse.url.path
        return self.folder / ".padm" if path is None else path.parent / f".{path.name}.padm"

    @property
    def described(self) -> str:
        """Where these settings come from, for messages."""
        name = "the embedded sample" if self.path is None else self.path.name
        return f"{name}, profile {self.profile}" if self.profile else name

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
        for secret in sorted(self._secrets, key=len, reverse=True):
            text = text.replace(secret, MASK)
        return redact(text)

    def severity(self, rule: str, default: Severity = "error") -> Severity:
        """Return what a failed single rule means: from ``checks.rules``, else ``default``."""
        return self.checks.rules.get(rule, default)


def load_config(
    path: str | os.PathLike[str] | None = None,
    profile: str | None = None,
    warehouse: str | None = None,
    *,
    secrets: bool = True,
) -> Config:
    """Read the configuration: ``path``, else ``./padm.toml``, else the embedded sample.

    Parameters
    ----------
    path
        The file; relative paths inside it start from its folder.
    profile
        Name of the ``[profiles.<name>]`` to lay over it.
    warehouse
        A URL that replaces ``warehouse.url``; a relative file starts from the current folder.
    secrets
        False leaves missing ``${VARIABLES}`` as they are, for commands that open nothing.

    Raises
    ------
    ConfigError
        If anything is wrong with it; all mistakes are listed.
    """
    file = _find(path)
    tree = {} if file is None else _parse(file)
    profiles = tree.pop("profiles", {})
    where = FILE if file is None else file.name
    _check_profiles(tree, profiles, where)
    if profile is not None:
        if profile not in profiles:
            raise ConfigError(f"{where}: there is no profile {profile!r}.", hint=did_you_mean(profile, profiles))
        tree = _overlay(tree, profiles[profile])
    tree.setdefault("warehouse", {})
    if isinstance(tree["warehouse"], dict):
        if warehouse is not None:
            tree["warehouse"]["url"] = warehouse
        tree["warehouse"].setdefault("url", "duckdb://warehouse.duckdb")
    used: set[str] = set()
    tree = _substitute(tree, where, used, strict=secrets)
    folder = Path.cwd() if file is None else file.parent
    if warehouse is not None:
        tree["warehouse"]["url"] = _read_override(tree["warehouse"]["url"])
    if file is None:
        _add_sample(tree, folder)
    tree["sources"] = _apply_environment(tree.get("sources", {}))
    extra = {"path": file, "profile": profile, "sample": file is None}
    try:
        config = Config.model_validate({**tree, **extra}, context={"folder": folder})
    except ValidationError as error:
        raise _explained(error, where) from None
    # A very short one stands in many a word: masking it would make messages unreadable and hide nothing.
    config._secrets = frozenset(secret for secret in _known_secrets(config, used) if len(secret) >= SHORTEST_MASKED)
    return config


def _find(path: str | os.PathLike[str] | None) -> Path | None:
    if path is None:
        return Path(FILE).resolve() if Path(FILE).is_file() else None
    file = Path(path).expanduser().resolve()
    if file.is_dir():
        raise ConfigError(f"{path} is a folder, not a configuration file.", hint=f"Give the file itself: {Path(path) / FILE}.")
    if not file.is_file():
        raise ConfigError(
            f"There is no configuration file {path}.", hint=f"Without --config, ./{FILE} is read where there is one."
        )
    return file


def _parse(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{file.name} is not valid TOML: {error}.") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{file.name} is not UTF-8 text (byte {error.start}).") from None
    except OSError as error:
        raise ConfigError(f"{file.name} cannot be read: {error.strerror}.") from None


def _overlay(base: Mapping[str, Any], top: Mapping[str, Any]) -> dict[str, Any]:
    merged = copy.deepcopy(dict(base))
    for key, value in top.items():
        below = merged.get(key)
        merged[key] = _overlay(below, value) if isinstance(below, dict) and isinstance(value, dict) else copy.deepcopy(value)
    return merged


def _check_profiles(tree: Mapping[str, Any], profiles: Any, where: str) -> None:
    """Refuse unknown keys in every profile, chosen or not: a typing error must not wait for the night it is used."""
    if not isinstance(profiles, dict) or not all(isinstance(p, dict) for p in profiles.values()):
        raise ConfigError(f"{where}: profiles should be tables: [profiles.<name>].")
    for name, profile in profiles.items():
        try:
            _File.model_validate(profile)
        except ValidationError as error:
            unknown = [e for e in error.errors() if e["type"] == "extra_forbidden"]
            if unknown:
                message, hint = _message(unknown, where, prefix=f"profiles.{name}.")
                raise ConfigError(message, hint=hint) from None


def _substitute(value: Any, where: str, used: set[str], *, strict: bool, key: str = "") -> Any:
    if isinstance(value, dict):
        return {k: _substitute(v, where, used, strict=strict, key=f"{key}.{k}".lstrip(".")) for k, v in value.items()}
    if isinstance(value, list):
        return [_substitute(v, where, used, strict=strict, key=key) for v in value]
    if not isinstance(value, str):
        return value

    def resolve(match: re.Match[str]) -> str:
        name = match[1]
        found = os.environ.get(name)
        if found:
            used.add(found)
            return found
        if not strict:
            return match[0]
        near = did_you_mean(name, [n for n in os.environ if n[:3] == name[:3]] or [name])
        hint = near if near.startswith("Did") and repr(name) not in near else f"Set it: export {name}=…"
        raise ConfigError(f"{where}: {key} needs the environment variable {name}, which is not set.", hint=hint)

    return _VARIABLE.sub(resolve, value)


def _read_override(text: str) -> Url:
    try:
        return Url.parse(text, WAREHOUSE_SCHEMES, Path.cwd())
    except ValueError as error:
        raise ConfigError(f"--warehouse {redact(text)!r} {error}.") from None


SAMPLE_CAMPUSES = 2
SAMPLE_AS_OF = dt.date(2026, 3, 1)  # the day after the sample's last academic year: what there is to know then
SAMPLE_SCHEMA = "negocio_sede{}"
_SAMPLE_KEY = "padm-ibis sample"  # hashes invented people only


def _add_sample(tree: dict[str, Any], folder: Path) -> None:
    """Point at the embedded sample: two campuses in one file, in the working folder beside the warehouse."""
    try:
        warehouse = WarehouseConfig.model_validate(tree["warehouse"], context={"folder": folder})
    except ValidationError as error:
        raise _explained(error, "the embedded sample") from None
    file = Config(warehouse=warehouse).state / "sample.duckdb"
    tree["privacy"] = {"hash_key": _SAMPLE_KEY}
    tree["sources"] = {
        f"sede{i}": {"url": f"duckdb://{file}", "schema": SAMPLE_SCHEMA.format(i)} for i in range(1, SAMPLE_CAMPUSES + 1)
    }


def _apply_environment(sources: Any) -> Any:
    """Name each source, and lay over it what the variables of the earlier pipeline say."""
    if not isinstance(sources, dict) or not all(isinstance(s, dict) for s in sources.values()):
        return sources
    overrides = _environment() if any(name.upper().startswith("DWH_") for name in os.environ) else {}
    return {name: {**source, "name": name, **overrides} for name, source in sources.items()}


def _environment() -> dict[str, Any]:
    from padm_ibis.config.environment import Environment  # pydantic-settings takes a tenth of a second, and few need it

    try:
        found = Environment()
    except ValidationError as error:
        first = error.errors()[0]
        raise ConfigError(f"The environment variable DWH_{str(first['loc'][0]).upper()}: {first['msg']}.") from None
    overrides: dict[str, Any] = {}
    if found.bronze_resources:
        overrides["resources"] = [name.strip() for name in found.bronze_resources.split(",") if name.strip()]
    if found.incremental_start_date:
        overrides["incremental_start_date"] = found.incremental_start_date
    return overrides


def _known_secrets(config: Config, used: set[str]) -> Iterator[str]:
    if config.mail is not None and config.mail.password is not None:
        yield config.mail.password.get_secret_value()
    for url in (config.warehouse.url, config.publish.to, *(s.url for s in config.sources.values())):
        if url is not None and url.password:
            yield url.password
            yield unquote(url.password)
    if config.privacy.hash_key is not None and not config.sample:
        yield config.privacy.hash_key.get_secret_value()
    # What a variable holds need not be a secret, "negocio" for one.
    yield from (text for text in used if len(text) >= 8 and "://" not in text)


def _explained(error: ValidationError, where: str) -> ConfigError:
    message, hint = _message(error.errors(), where)
    return ConfigError(message, hint=hint)


def _message(errors: Any, where: str, prefix: str = "") -> tuple[str, str | None]:
    lines, hints = [], []
    for item in errors:
        key = prefix + ".".join(str(part) for part in item["loc"] if part not in _UNION_BRANCHES)
        if item["type"] == "extra_forbidden":
            lines.append(f"{where}: unknown key {key!r}.")
            hints.append(did_you_mean(str(item["loc"][-1]), _valid_keys(item["loc"][:-1])))
        elif item["type"] == "missing":
            lines.append(f"{where}: {key} is missing.")
        else:
            lines.append(f"{where}: {key} {_plain(item)}.")
    return "\n".join(dict.fromkeys(lines)), " ".join(dict.fromkeys(hints)) or None


_UNION_BRANCHES = ("int", "dict[str,int]")


def _plain(item: Mapping[str, Any]) -> str:
    text = str(item["msg"]).removeprefix("Value error, ").rstrip(".")
    return text[0].lower() + text[1:] if text.startswith(("Input", "String", "List")) else text


def _valid_keys(location: tuple[Any, ...]) -> list[str]:
    """Return the keys that may stand at ``location``: those of the section it leads to."""
    model: type[BaseModel] = _File
    for part in location:
        if model is _File and part == "sources":
            model = SourceConfig
        elif part in model.model_fields:
            annotation = model.model_fields[str(part)].annotation
            model = annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else model
    names = [f.alias or n for n, f in model.model_fields.items()]
    if model is _File:
        return [*names, "profiles"]
    return [n for n in names if not (model is SourceConfig and n == "name")]
