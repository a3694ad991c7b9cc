"""Addresses of databases, files and folders; each shows itself without its password."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import BeforeValidator, PlainSerializer

from padm_ibis.config.secrets import redact_address
from padm_ibis.config.servers import address_of, parts_of
from padm_ibis.config.variables import VARIABLE
from padm_ibis.errors import did_you_mean

WAREHOUSE_SCHEMES = ("duckdb", "postgres", "postgresql", "pyspark")
SECRET_PARAMETERS = ("password", "sslpassword", "passwd", "pwd", "token")
PUBLISH_SCHEMES = ("postgres", "postgresql", "duckdb", "sqlite")
SOURCE_SCHEMES = ("postgres", "postgresql", "duckdb", "files")


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
            parts_of(text)
        return cls(scheme, None, text)

    def reveal(self) -> str:
        """Return the whole address as it was written, password included: for a driver, never for a message."""
        return self._text

    @property
    def parts(self) -> dict[str, str]:
        """What the address of a server says, by libpq's names, the password included; nothing while it lacks a variable."""
        return {} if VARIABLE.search(self._text) else parts_of(self._text)

    def libpq(self, defaults: Mapping[str, str] = MappingProxyType({}), **always: str) -> str:
        """Return the address of a server as every driver reads it alike: for a driver, never for a message.

        Parameters
        ----------
        defaults
            What holds where the address says nothing.
        always
            What holds whatever it says.
        """
        return address_of({**defaults, **self.parts, **always})

    @property
    def password(self) -> str | None:
        """The password as it is written in the address, if there is one."""
        return None if self.path is not None else urlsplit(self._text).password

    @property
    def secrets(self) -> frozenset[str]:
        """What of the address must not be said, as it is written there."""
        return frozenset() if self.path is not None else secrets_of(self._text)

    def __str__(self) -> str:
        return redact_address(self._text)

    def __repr__(self) -> str:
        return f"Url({str(self)!r})"


def secrets_of(text: str) -> frozenset[str]:
    """Return what of a text must not be said if it is an address, as it is written there; nothing of other texts."""
    address = re.search(r"[a-z][a-z0-9+.-]*://.*", text, re.IGNORECASE | re.DOTALL)
    if address is None:
        return frozenset()
    try:
        parts = urlsplit(address[0])
    except ValueError:  # brackets that are no IPv6 address
        return frozenset()
    query = [part.partition("=") for part in parts.query.split("&")]
    found = {value for name, _, value in query if name.lower() in SECRET_PARAMETERS}
    return frozenset(secret for secret in {*found, parts.password or ""} if secret)


def _listed(schemes: tuple[str, ...]) -> str:
    return ", ".join(f"{s}://" for s in schemes)


def _address(schemes: tuple[str, ...]) -> BeforeValidator:
    def read(value: Any, info: Any) -> Url:
        if isinstance(value, Url):
            return value
        if not isinstance(value, str):
            raise ValueError("should be text: a URL")
        if VARIABLE.search(value):  # only where the caller asked not to resolve secrets
            return Url(value.partition("://")[0], None, value)
        return Url.parse(value, schemes, (info.context or {}).get("folder"))

    return BeforeValidator(read)


WarehouseUrl = Annotated[Url, _address(WAREHOUSE_SCHEMES), PlainSerializer(str)]
PublishUrl = Annotated[Url, _address(PUBLISH_SCHEMES), PlainSerializer(str)]
SourceUrl = Annotated[Url, _address(SOURCE_SCHEMES), PlainSerializer(str)]
