"""Real servers on this machine that notices go to: SMTP, and a webhook that answers as it is told to."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


def free_port() -> int:
    """Return a port that nobody listens on."""
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        return int(free.getsockname()[1])


@dataclass
class Mailbox:
    """What an SMTP server took: subject, then text, of each message."""

    port: int
    messages: list[str] = field(default_factory=list)
    refuses: str | None = None
    """Its answer to a message, instead of taking it."""

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 (aiosmtpd's name)
        from email import message_from_bytes, policy

        if self.refuses is not None:
            return self.refuses
        message = message_from_bytes(envelope.content, policy=policy.default)
        self.messages.append(f"{message['Subject']}\n{message.get_content()}".replace("\r\n", "\n"))
        return "250 OK"

    def section(self, **more: str) -> str:
        """The ``[mail]`` that goes to it."""
        lines = [f'{key} = "{value}"' for key, value in more.items()]
        head = f'[mail]\nhost = "127.0.0.1"\nport = {self.port}\nstarttls = false\n'
        return head + "\n".join(['sender = "padm@example.org"', 'recipients = ["dba@example.org"]', *lines, ""])


@contextmanager
def smtp_server() -> Iterator[Mailbox]:
    """A real SMTP server."""
    from aiosmtpd.controller import Controller

    mailbox = Mailbox(free_port())
    controller = Controller(mailbox, hostname="127.0.0.1", port=mailbox.port)
    controller.start()
    try:
        yield mailbox
    finally:
        controller.stop()


@dataclass
class Channel:
    """What a webhook took, and what it answers: codes in turn, then 200; 0 is never an answer."""

    port: int
    texts: list[str] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    asked: int = 0
    closing: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        """Its address, the end of which is a secret."""
        return f"http://127.0.0.1:{self.port}/services/T0SECRET/B0SECRET"

    def section(self, timeout_s: int = 10) -> str:
        """The ``[webhook]`` that goes to it."""
        return f'[webhook]\nurl = "{self.url}"\ntimeout_s = {timeout_s}\n'


@contextmanager
def webhook_server() -> Iterator[Channel]:
    """A real HTTP server."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            channel.asked += 1
            code = channel.answers.pop(0) if channel.answers else 200
            if code == 0:
                channel.closing.wait(30)
                return
            if code == 200:
                assert self.headers["Content-Type"].startswith("application/json")
                channel.texts.append(json.loads(body)["text"])
            self.send_response(code)
            if code == 302:
                self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing: tests look at what was taken."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    channel = Channel(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield channel
    finally:
        channel.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()
