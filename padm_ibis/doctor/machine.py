"""The configuration, and what is installed."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from importlib import metadata
from typing import TYPE_CHECKING

from padm_ibis.errors import MissingExtra, PadmError
from padm_ibis.extras import need
from padm_ibis.report.health import Diagnosis

if TYPE_CHECKING:
    from padm_ibis.config import Config

_SHORT_KEY = 16
_DUCKDB, _READER = "duckdb", "duckdb-extension-postgres-scanner"
_PINNED = ("ibis-framework", "sqlglot", "pandera", "pandas", "pyarrow", _DUCKDB, _READER)


def configuration(config: Config) -> Iterator[Diagnosis]:
    """Say what the configuration lacks."""
    count = len(config.sources)
    yield Diagnosis("ok", "configuration", f"{config.described}: {count} source{'s' * (count != 1)}")
    if not count:
        yield Diagnosis("error", "configuration", "there is no source to read", "Add a [sources.<name>] with its url.")
    for error in config.unusable.values():
        yield Diagnosis("warning", "configuration", error.message.rstrip("."), error.hint)
    try:
        if len(config.hash_key()) < _SHORT_KEY and not config.sample:
            advice = 'Make a long one: python -c "import secrets; print(secrets.token_hex(32))", then run --full-refresh.'
            yield Diagnosis("warning", "configuration", "privacy.hash_key is short: its hashes could be guessed", advice)
    except PadmError as error:
        yield Diagnosis("error", "configuration", error.message, error.hint)


def versions(config: Config) -> Iterator[Diagnosis]:
    """Say what is installed, and what the configuration needs that is not."""
    found = {}
    for name in _PINNED:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    listed = ", ".join(f"{name} {version}" for name, version in found.items())
    yield Diagnosis("ok", "versions", f"Python {platform.python_version()}, {listed}")
    reader = found.get(_READER)
    if reader is not None and reader != found[_DUCKDB]:
        text = f"DuckDB is {found[_DUCKDB]}, its PostgreSQL reader {reader}: they must be of one version"
        yield Diagnosis("error", "versions", text, f"pip install {_READER}=={found[_DUCKDB]}")
    if reader is None and any(source.url.scheme == "postgres" for source in config.sources.values()):
        yield Diagnosis("error", "versions", "PostgreSQL sources cannot be read here", "pip install 'padm-ibis[postgres]'")
    addresses = {"the warehouse": config.warehouse.url, "[publish] to": config.publish.to}
    for what, url in addresses.items():
        try:
            if url is not None:
                need(url.scheme, f"{what} is {url.scheme}:// and")
        except MissingExtra as error:
            yield Diagnosis("error", "versions", error.message.rstrip("."), error.hint)
