"""What must never be said: passwords in addresses and parameters, masked wherever a text may hold one."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from urllib.parse import quote, quote_plus, unquote, unquote_plus

_CREDENTIALS = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*://)(?P<user>[^\s:/@]*):(?P<password>[^\s]*)@", re.IGNORECASE)
_PASSWORD_PARAMETER = re.compile(
    r"(?P<name>\b(?:password|passwd|pwd|sslpassword|token)\s*=\s*)(?:'(?:[^'\\]|\\.)*'|[^\s&]+)", re.IGNORECASE
)
_PASSWORD_OF_ADDRESS = re.compile(r"(?P<user>://[^:/@]*):.*@", re.DOTALL)
MASK = "***"
SHORTEST_MASKED = 5
"""A shorter one stands in many a word: masking it would make messages unreadable and hide nothing."""


def forms(secrets: Iterable[str]) -> frozenset[str]:
    """Return what secrets look like wherever a message may quote them: in an address, a connection string, JSON, SQL."""
    found: set[str] = set()
    for secret in secrets:
        for plain in {secret, unquote(secret), unquote_plus(secret)}:
            escaped = plain.replace("\\", "\\\\")
            found |= {plain, quote(plain), quote(plain, safe=""), quote_plus(plain), json.dumps(plain)[1:-1], repr(plain)[1:-1]}
            found |= {escaped, escaped.replace("'", "\\'"), plain.replace("'", "''")}
    return frozenset(form for form in found if len(form) >= SHORTEST_MASKED)


def hide(text: str, secrets: Iterable[str]) -> str:
    """Return ``text`` without any form of the given secrets, and as `redact` leaves it."""
    for form in sorted(forms(secrets), key=lambda form: (-len(form), form)):
        text = text.replace(form, MASK)
    return redact(text)


def redact(text: str) -> str:
    """Return ``text`` with the password of every URL and ``password=`` parameter masked."""
    masked = _CREDENTIALS.sub(rf"\g<scheme>\g<user>:{MASK}@", text)
    return _PASSWORD_PARAMETER.sub(rf"\g<name>{MASK}", masked)


def redact_address(text: str) -> str:
    """Return an address, known to be one as a whole, without its password, whatever characters that has."""
    return redact(_PASSWORD_OF_ADDRESS.sub(rf"\g<user>:{MASK}@", text, count=1))
