"""Addresses of PostgreSQL servers, read as libpq reads them: several hosts, sockets, services, %-encoded parts.

The driver is not needed to read one, nor trusted to: what it would take in another way than it was meant, such as a raw
``@`` in a password, is refused here, before anything connects, and with no part of it in the message.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from urllib.parse import quote, unquote

EXAMPLE = "postgres://user@host:5432/database"
_ENCODED = "; a password with special characters must be %-encoded"
_HOST = re.compile(r"(?P<host>\[[^\]/?]+\]|[^:/?,\[\]]*)(?::(?P<port>[^/?,]*))?")


def parts_of(address: str) -> dict[str, str]:
    """Return what an address says, by libpq's names of it; ``ValueError`` says what is wrong, never the address itself.

    Several hosts, and their ports, stand with commas between.
    """
    rest = address.partition("://")[2]
    _refuse_unclear(rest)
    place, _, query = rest.partition("?")
    login, at, server = place.rpartition("@")
    hosts, _, database = server.partition("/")
    user, colon, password = login.partition(":")
    found = dict(_parameters(query))
    said = {"user": user if at else "", "password": password if colon else "", **_servers(hosts), "dbname": database}
    found = {**{name: _decoded(value) for name, value in said.items() if value}, **found}
    if "service" not in found:  # a service may say the rest, or libpq's variables
        if not found.get("host") and not found.get("hostaddr"):
            raise ValueError(f"names no host: write {EXAMPLE}")
        if not found.get("dbname"):
            raise ValueError(f"names no database: write {EXAMPLE}")
    return found


def address_of(parts: Mapping[str, str]) -> str:
    """Return the address of such parts in a form that no part of it can be mistaken in: for a driver, never for a message."""
    return "postgresql://?" + "&".join(f"{name}={quote(value, safe='')}" for name, value in parts.items())


def _refuse_unclear(rest: str) -> None:
    place, _, query = rest.partition("?")
    # The driver ends the password at its first '@' or '/', and would name the rest of it as the host or the database.
    unclear = [repr("#")] * ("#" in rest) + ["a space"] * any(c.isspace() for c in rest)
    before_path = place.partition("/")[0]
    unclear += ["more than one '@'"] * (before_path.count("@") > 1) + ["'@' after a '/'"] * ("@" in place.partition("/")[2])
    if unclear:
        raise ValueError(f"contains {' and '.join(unclear)}{_ENCODED}")
    if any("=" not in part for part in query.split("&") if part):
        raise ValueError(f"has a parameter without a value after '?'{_ENCODED}")
    if any(part.count("=") > 1 for part in query.split("&")):
        raise ValueError("has a parameter with a second '=' after '?': in a value it is written %3D")


def _servers(text: str) -> dict[str, str]:
    """Hosts and ports; one port, or one for each host."""
    hosts, ports = [], []
    for part in text.split(",") if text else []:
        found = _HOST.fullmatch(part)
        port = (found["port"] or "") if found else ""
        if found is None or (port and not (port.isdecimal() and 0 < int(port) < 65_536)):
            raise ValueError(f"has a port that is no number{_ENCODED}")
        hosts.append(found["host"].strip("[]"))
        ports.append(port)
    return {"host": ",".join(hosts), "port": ",".join(ports)}


def _parameters(query: str) -> Iterator[tuple[str, str]]:
    for part in filter(None, query.split("&")):
        name, _, value = part.partition("=")
        name, value = _decoded(name), _decoded(value)
        yield ("sslmode", "require") if (name, value) == ("ssl", "true") else (name, value)


def _decoded(text: str) -> str:
    if re.search(r"%(?![0-9A-Fa-f]{2})", text):
        raise ValueError("has a '%' that no two hexadecimal digits follow: '%' itself is written %25")
    if "%00" in text:
        raise ValueError("contains %00, which no part of an address may")
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise ValueError("has %-encoded bytes that are no UTF-8 text") from None
