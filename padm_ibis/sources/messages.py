"""Messages of drivers, made fit for a report: no password, no data, one line."""

from __future__ import annotations

import re

from padm_ibis.config import SourceConfig, redact
from padm_ibis.config.secrets import hide

_DSN = re.compile(r'(Postgres at ")[^"]*(")')
_COPY = re.compile(r'Failed to (?:prepare|execute) (?:COPY|query) ".*?":\s*(?=ERROR|FATAL|server|connection|$)', re.DOTALL)
_STATEMENT = re.compile(r"\n+LINE \d+:.*", re.DOTALL)
_CONTEXT = re.compile(r"\n?(?:DETAIL|CONTEXT|QUERY|STATEMENT):.*", re.DOTALL)
# What follows these words is a value of some row.
_VALUES = (
    re.compile(r'(invalid input (?:syntax|value) for [^:"]+: )"(?:[^"]|"")*"', re.IGNORECASE),
    re.compile(r'((?:out of range|value)(?: for type [^:"]+)?:? )"(?:[^"]|"")*"', re.IGNORECASE),
    re.compile(r"((?:could not convert|convert|cast|conversion)[^'\n]{0,40})'(?:[^']|'')*'", re.IGNORECASE),
    re.compile(r"((?:value|field value)[^'\"\n]{0,40})['\"](?:[^'\"])*['\"]", re.IGNORECASE),
    re.compile(r"(Type [A-Z0-9]+ with value )\S+", re.IGNORECASE),
)


DAMAGE = (
    "not a valid DuckDB database file",
    "Corrupt database",
    "Could not read enough bytes",
    "computed checksum",
    "Trying to read a database file with version number",
)
"""What DuckDB says of a file that is truncated, overwritten, or of another version."""


def tells_of_damage(text: str) -> bool:
    """Whether a message of DuckDB speaks of a damaged file."""
    return any(words in text for words in DAMAGE)


def driver_message(error: BaseException, config: SourceConfig | None = None) -> str:
    """Return what a driver said in one line, without the address, statement, password or value it quotes."""
    text = _DSN.sub(r"\1…\2", str(error)).strip()
    text = _COPY.sub("", text)
    text = _STATEMENT.sub("", text)
    text = _CONTEXT.sub("", text)
    for pattern in _VALUES:
        text = pattern.sub(r"\1…", text)
    text = " ".join(text.split())
    if config is not None:
        text = hide(text, config.url.secrets)
    text = redact(text)
    return re.sub(r"^(?:[A-Z][A-Za-z]+ ){1,2}Error: ", "", text).removeprefix("ERROR: ").rstrip(".") or type(error).__name__
