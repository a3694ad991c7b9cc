"""A real PgBouncer in front of a real server, with a user of its own, and TLS where it is asked for."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from servers import free_port

PROGRAM = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
needs_pgbouncer = pytest.mark.skipif(PROGRAM is None, reason="PgBouncer is not installed: apt-get install pgbouncer")
PASSWORD = "s+3@c%2F/r't&=\"w0rd"
"""With everything that an address writes %-encoded, and a plus, which it does not."""


@dataclass(frozen=True)
class Pooler:
    """Where it listens."""

    port: int
    certificate: Path | None = None

    def url(self, database: str, *, host: str = "127.0.0.1", **more: str) -> str:
        """The address of a database, by its user with the odd password; the plus in it is written as it is."""
        query = "&".join(f"{name}={value}" for name, value in more.items())
        return f"postgres://padm:{quote(PASSWORD, safe='+')}@{host}:{self.port}/{database}" + (f"?{query}" if query else "")


Start = Callable[..., Pooler]


@contextmanager
def pgbouncer(data: Path, folder: Path, mode: str, *, tls: bool = False, pool_size: int = 5) -> Iterator[Pooler]:
    """Start one before the server whose data, and socket, are in a folder.

    Parameters
    ----------
    folder
        For its files; the server's user can enter it.
    """
    assert PROGRAM is not None
    port, owner = free_port(), data.stat()
    (folder / "users").write_text(f'"padm" "{PASSWORD.replace(chr(34), chr(34) * 2)}"\n', encoding="utf-8")
    lines = [
        f"[databases]\n* = host={data} port=5432 user=postgres\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}",
        f"unix_socket_dir =\nauth_type = scram-sha-256\nauth_file = {folder / 'users'}\npool_mode = {mode}",
        f"default_pool_size = {pool_size}\nquery_wait_timeout = 10",
    ]
    if tls:
        make_certificates(folder)
        lines.append(f"client_tls_sslmode = require\nclient_tls_key_file = {folder / 'server.key'}")
        lines.append(f"client_tls_cert_file = {folder / 'server.crt'}")
    (folder / "pgbouncer.ini").write_text("\n".join(lines), encoding="utf-8")
    for file in (folder, *folder.iterdir()):
        shutil.chown(file, owner.st_uid, owner.st_gid)
    user = {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []} if os.getuid() == 0 else {}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([PROGRAM, str(folder / "pgbouncer.ini")], stdout=log, stderr=log, **user)  # type: ignore[call-overload]
        try:
            _wait_for(port, process, folder / "log")
            yield Pooler(port, folder / "ca.crt" if tls else None)
        finally:
            process.terminate()
            process.wait(timeout=10)


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(200):
        assert process.poll() is None, log.read_text()
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise AssertionError(log.read_text())


def make_certificates(folder: Path) -> None:
    """An authority of our own, and a certificate of it for ``localhost``, as it is said in addresses."""

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    fresh = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    openssl("req", "-x509", *fresh, "-keyout", "ca.key", "-out", "ca.crt", "-days", "2", "-subj", "/CN=test authority")
    openssl("req", *fresh, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=localhost")
    (folder / "names").write_text("subjectAltName = DNS:localhost", encoding="utf-8")
    openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
            "-extfile", "names", "-out", "server.crt")  # fmt: skip


@contextmanager
def poolers(url: str) -> Iterator[Start]:
    """Start any number of poolers, in a mode each, before the server of an address; all are stopped at the end."""
    data = Path(parse_qs(urlsplit(url).query)["host"][0])
    with ExitStack() as stack:

        def begin(mode: str, **more: object) -> Pooler:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="padm-pool-")))
            return stack.enter_context(pgbouncer(data, folder, mode, **more))  # type: ignore[arg-type]

        yield begin
