"""What must never be said: passwords in addresses and parameters, masked wherever a text may hold one."""

from __future__ import annotations

import re

_CREDENTIALS = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*://)(?P<user>[^\s:/@]*):(?P<password>[^\s]*)@", re.IGNORECASE)
_PASSWORD_PARAMETER = re.compile(
    r"(?P<name>\b(?:password|passwd|pwd|sslpassword|token)\s*=\s*)(?:'(?:[^'\\]|\\.)*'|[^\s&]+)", re.IGNORECASE
)
_PASSWORD_OF_ADDRESS = re.compile(r"(?P<user>://[^:/@]*):.*@", re.DOTALL)
MASK = "***"
SHORTEST_MASKED = 5


def redact(text: str) -> str:
    """Return ``text`` with the password of every URL and ``password=`` parameter masked."""
    masked = _CREDENTIALS.sub(rf"\g<scheme>\g<user>:{MASK}@", text)
    return _PASSWORD_PARAMETER.sub(rf"\g<name>{MASK}", masked)


def redact_address(text: str) -> str:
    """Return an address, known to be one as a whole, without its password, whatever characters that has."""
    return redact(_PASSWORD_OF_ADDRESS.sub(rf"\g<user>:{MASK}@", text, count=1))
