"""Reading ``padm.toml``: a profile laid over it, secrets from the environment, the environment's own overrides."""

from __future__ import annotations

import copy
import os
import re
import tomllib
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import ValidationError

from padm_ibis.config.mistakes import explained, message
from padm_ibis.config.sample import add_sample
from padm_ibis.config.secrets import redact_address
from padm_ibis.config.settings import LATE, Config, File
from padm_ibis.config.urls import WAREHOUSE_SCHEMES, Url
from padm_ibis.config.variables import Unset, refusal, substitute
from padm_ibis.errors import ConfigError, did_you_mean

FILE = "padm.toml"


def load_config(
    path: str | os.PathLike[str] | None = None,
    profile: str | None = None,
    warehouse: str | None = None,
    *,
    secrets: bool = True,
    only: Collection[str] | None = None,
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

    only
        Read these sections alone: the others may be wrong.

    Raises
    ------
    ConfigError
        If anything is wrong with it; all mistakes are listed.
    """
    file = _find(path)
    tree = {} if file is None else _parse(file)
    profiles = tree.pop("profiles", {})
    where = FILE if file is None else file.name
    if only is None:
        _check_profiles(tree, profiles, where)
    if profile is not None:
        if profile not in profiles:
            raise ConfigError(f"{where}: there is no profile {profile!r}.", hint=did_you_mean(profile, profiles))
        tree = _overlay(tree, profiles[profile])
    if only is not None:
        tree = {name: section for name, section in tree.items() if name in only}
    tree.setdefault("warehouse", {})
    if isinstance(tree["warehouse"], dict):
        if warehouse is not None:
            tree["warehouse"]["url"] = warehouse
        tree["warehouse"].setdefault("url", "duckdb://warehouse.duckdb")
    used: set[str] = set()
    unset: list[Unset] = []
    tree = substitute(tree, used, unset)
    late = _set_aside(tree, unset, where) if secrets else {}
    folder = Path.cwd() if file is None else file.parent
    if warehouse is not None:
        tree["warehouse"]["url"] = _read_override(tree["warehouse"]["url"])
    if file is None:
        add_sample(tree, folder)
    tree["sources"] = _apply_environment(tree.get("sources", {}))
    extra = {"path": file, "profile": profile, "sample": file is None}
    try:
        config = Config.model_validate({**tree, **extra}, context={"folder": folder})
    except ValidationError as error:
        raise explained(error, where) from None
    config._late = late
    config._secrets = frozenset(_known_secrets(config, used))
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
            File.model_validate(profile)
        except ValidationError as error:
            unknown = [e for e in error.errors() if e["type"] == "extra_forbidden"]
            if unknown:
                text, hint = message(unknown, where, prefix=f"profiles.{name}.")
                raise ConfigError(text, hint=hint) from None


def _set_aside(tree: dict[str, Any], unset: list[Unset], where: str) -> dict[str, ConfigError]:
    """Take out of ``tree`` what lacks a variable and is only needed later; refuse everything else that lacks one."""
    late: dict[str, list[Unset]] = {}
    for item in unset:
        for place in LATE:
            if f"{item.key}.".startswith(f"{place}."):
                late.setdefault(place, []).append(item)
                break
    if needed := [item for item in unset if not any(item in items for items in late.values())]:
        raise refusal(needed, where)
    for place in late:
        section, _, key = place.partition(".")
        if key:
            tree.get(section, {}).pop(key, None)
        else:
            tree.pop(section, None)
    return {place: refusal(items, where) for place, items in late.items()}


def _read_override(text: str) -> Url:
    try:
        return Url.parse(text, WAREHOUSE_SCHEMES, Path.cwd())
    except ValueError as error:
        raise ConfigError(f"--warehouse {redact_address(text)!r} {error}.") from None


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
    if config.webhook is not None:
        address = config.webhook.url.get_secret_value()
        yield from (address, urlsplit(address).path, urlsplit(address).query)
        # A part as short as "services" is a word of the address, not what makes it secret.
        yield from (part for part in re.split(r"[/?&=]", address.partition("://")[2]) if len(part) >= 12)
    targets = (target.to for target in config.publish.targets.values())
    for url in (config.warehouse.url, config.publish.to, *targets, *(s.url for s in config.sources.values())):
        if url is not None:
            yield from url.secrets
    if config.privacy.hash_key is not None and not config.sample:
        yield config.privacy.hash_key.get_secret_value()
    # What a variable holds need not be a secret, "negocio" for one.
    yield from (text for text in used if len(text) >= 8 and "://" not in text)
