"""Direct identifiers become keyed hashes before anything is written.

HMAC-SHA-256 (RFC 2104) over the normalised value, computed inside DuckDB while the rows stream by. The key is held in
the session's variables as the two padded blocks of the algorithm; it is in no statement, no log and no file. What is
kept of it is a salted fingerprint, by which a changed key is noticed.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from contextlib import suppress
from typing import TYPE_CHECKING

import duckdb

from padm_ibis.sources.values import literal, quote

if TYPE_CHECKING:
    from padm_ibis.define.model import Hash

_BLOCK = 64
_IDENTIFIERS = "padm_hash"


def normalise(value: str | None, how: Hash) -> str | None:
    """Return the form of a value that is hashed: equal people get equal hashes, however they were typed."""
    if value is None:
        return None
    text = re.sub(r"[^0-9]", "", value).lstrip("0") if how == "documento" else value.strip().lower()
    return text or None


def keyed_hash(value: str | None, how: Hash, key: bytes) -> str | None:
    """Return what a bronze ``*_hash`` column holds for ``value``."""
    text = normalise(value, how)
    return None if text is None else hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def install(con: duckdb.DuckDBPyConnection, key: bytes, name: str) -> None:
    """Put a key into a session under a name, in the form the algorithm needs."""
    block = (hashlib.sha256(key).digest() if len(key) > _BLOCK else key).ljust(_BLOCK, b"\0")
    for variable, pad in zip(_variables(name), (0x36, 0x5C), strict=True):
        con.execute(f"SET VARIABLE {variable} = unhex({literal(bytes(b ^ pad for b in block).hex())})")


def remove(con: duckdb.DuckDBPyConnection, name: str) -> None:
    """Take a key out of a session."""
    for variable in _variables(name):
        with suppress(duckdb.Error):  # the session may be beyond repair, and the key with it
            con.execute(f"RESET VARIABLE {variable}")


def hmac_sql(text: str, name: str) -> str:
    """Return SQL for the keyed hash, in hex, of a text; null of null."""
    inner, outer = _variables(name)
    return f"sha256(getvariable('{outer}') || unhex(sha256(getvariable('{inner}') || encode({text}))))"


def fingerprint_of(key: bytes, salt: str | None = None) -> tuple[str, str]:
    """Return a salt and what it makes of a key; slow on purpose, since it is stored."""
    salt = salt or secrets.token_hex(16)
    return salt, hashlib.scrypt(key, salt=bytes.fromhex(salt), n=2**13, r=8, p=1, dklen=16).hex()


def _variables(name: str) -> tuple[str, str]:
    return f"{name}_inner", f"{name}_outer"


class Hasher:
    """Computes keyed hashes in the SQL of one DuckDB session."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def install(self, con: duckdb.DuckDBPyConnection) -> None:
        """Put the key into the session."""
        install(con, self._key, _IDENTIFIERS)

    def remove(self, con: duckdb.DuckDBPyConnection) -> None:
        """Take the key out of the session."""
        remove(con, _IDENTIFIERS)

    @property
    def seed(self) -> int:
        """A number of 63 bits that only who has the key can tell; it does not tell the key."""
        return int.from_bytes(hmac.new(self._key, b"seed of digests", hashlib.sha256).digest()[:8], "big") >> 1

    @staticmethod
    def sql(column: str, how: Hash) -> str:
        """Return SQL for the hash of ``column``."""
        text = f"CAST({quote(column)} AS VARCHAR)"
        if how == "documento":
            plain = f"ltrim(regexp_replace({text}, '[^0-9]', '', 'g'), '0')"
        else:
            plain = rf"lower(regexp_replace({text}, '^[\s\p{{Z}}]+|[\s\p{{Z}}]+$', '', 'g'))"
        return hmac_sql(f"nullif({plain}, '')", _IDENTIFIERS)

    def fingerprint(self, salt: str | None = None) -> tuple[str, str]:
        """Return a salt and what it makes of the key."""
        return fingerprint_of(self._key, salt)
