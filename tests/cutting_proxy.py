"""A proxy in front of a PostgreSQL server that counts what clients say, and cuts a connection at a given message."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field

QUIET = b"Xp"
"""Kinds of messages that are not counted: good-bye, and passwords."""


@dataclass
class Proxy:
    """A port that leads to a server.

    Attributes
    ----------
    said
        What clients said, a text for each message: its kind, and for a statement its text.
    cut_at
        The number, from 1, of the message at which its connection is cut; it never reaches the server.
    at
        Called with each message and its number before it is passed on; the connection is cut if it says so.
    """

    port: int
    said: list[str] = field(default_factory=list)
    cut_at: int = 0
    cuts: int = 0
    at: Callable[[str, int], bool] = lambda text, number: False
    lock: threading.Lock = field(default_factory=threading.Lock)

    def url(self, user: str, database: str) -> str:
        """The address of a database behind it."""
        return f"postgres://{user}@127.0.0.1:{self.port}/{database}?sslmode=disable&gssencmode=disable"

    def begin(self, cut_at: int = 0) -> None:
        """Count anew."""
        self.said, self.cut_at, self.cuts = [], cut_at, 0

    def is_cut(self, kind: bytes, body: bytes) -> bool:
        if kind in QUIET:
            return False
        text = kind.decode() + " " + body.partition(b"\0")[0].decode(errors="replace") if kind == b"Q" else kind.decode()
        with self.lock:
            self.said.append(text)
            number = len(self.said)
            cut = number == self.cut_at or self.at(text, number)
            self.cuts += cut
        return cut


def _exactly(source: socket.socket, size: int) -> bytes:
    found = b""
    while len(found) < size:
        part = source.recv(size - len(found))
        if not part:
            raise ConnectionError
        found += part
    return found


def _up(proxy: Proxy, client: socket.socket, server: socket.socket) -> None:
    """Pass on what the client says, message by message."""
    with suppress(OSError), closing(client), closing(server):
        try:
            length = _exactly(client, 4)
            server.sendall(length + _exactly(client, struct.unpack("!i", length)[0] - 4))
            while True:
                kind, length = _exactly(client, 1), _exactly(client, 4)
                body = _exactly(client, struct.unpack("!i", length)[0] - 4)
                if proxy.is_cut(kind, body):
                    return
                server.sendall(kind + length + body)
        finally:
            for end in (client, server):
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)


def _down(client: socket.socket, server: socket.socket) -> None:
    with suppress(OSError):
        while part := server.recv(1 << 16):
            client.sendall(part)
        client.shutdown(socket.SHUT_WR)


@contextmanager
def proxy_to(folder: str, port: int = 5432) -> Iterator[Proxy]:
    """Listen on this machine, and lead to the server whose socket is in a folder."""
    listener = socket.create_server(("127.0.0.1", 0))
    proxy = Proxy(listener.getsockname()[1])

    def serve() -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                server = socket.socket(socket.AF_UNIX)
                server.connect(f"{folder}/.s.PGSQL.{port}")
                for target, arguments in ((_up, (proxy, client, server)), (_down, (client, server))):
                    threading.Thread(target=target, args=arguments, daemon=True).start()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(timeout=5)
