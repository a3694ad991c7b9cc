"""Where to, which tables and how: as named on a command line, or in ``[publish]``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from padm_ibis.config import PUBLISH_SCHEMES, Config, Url, redact_address
from padm_ibis.errors import UsageError, did_you_mean


@dataclass(frozen=True, slots=True)
class Destination:
    """One target of publications.

    Attributes
    ----------
    tables
        Names or patterns; empty for what `publish.spec.chosen` takes by default.
    mode
        ``replace`` or ``upsert``.
    file_mode
        Who may read it, of a file where that is configured.
    """

    url: Url
    tables: tuple[str, ...]
    mode: str
    file_mode: int | None = None


def destination(config: Config, to: str | None, tables: Sequence[str] = (), mode: str | None = None) -> Destination:
    """Return where a publication goes.

    Parameters
    ----------
    to
        An address, the name of a ``[publish.targets.<name>]``, or None for ``publish.to``.

    Raises
    ------
    UsageError
        If there is none, or it lacks a variable.
    """
    config.require("publish", *(["publish.to"] if to is None else []))
    named = config.publish.targets.get(to or "")
    if named is not None:
        own = config.publish.file_mode if named.file_mode is None else named.file_mode
        return Destination(named.to, tuple(tables or named.tables), mode or named.mode or config.publish.mode, own)
    return Destination(_url(config, to), tuple(tables), mode or config.publish.mode, config.publish.file_mode)


def destinations(config: Config) -> tuple[Destination, ...]:
    """Return every target of the configuration: what ``run --publish`` publishes to.

    Raises
    ------
    UsageError
        If there is none.
    """
    config.require("publish", "publish.to")
    named = [destination(config, name) for name in config.publish.targets]
    if named and config.publish.to is None:
        return tuple(named)
    return (destination(config, None), *named)


def _url(config: Config, to: str | None) -> Url:
    if to is None:
        if config.publish.to is None:
            names = f", or --to {' or '.join(config.publish.targets)}" if config.publish.targets else ""
            raise UsageError("Publish where to?", hint=f"[publish] to = … in padm.toml, or --to postgres://…{names}")
        return config.publish.to
    try:
        return Url.parse(to, PUBLISH_SCHEMES)
    except ValueError as error:
        hint = did_you_mean(to, config.publish.targets) if config.publish.targets and "://" not in to else None
        raise UsageError(f"--to {redact_address(to)!r} {error}.", hint=hint) from None
