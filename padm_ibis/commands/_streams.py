"""Standard streams that a run cannot die of: closed, full, unread, or of an encoding that lacks our characters.

What is said may be lost; what is done is done. Loss of the messages is nobody's to hear; loss of the results is told, on
stderr and by the exit code, unless the reader left of its own accord (``| head``).
"""

from __future__ import annotations

import codecs
import errno
import io
import os
import select
import stat
import sys
from dataclasses import dataclass
from typing import IO, cast

PATIENCE = 1.0  # seconds for somebody to read a pipe that is full
_PLAIN = {
    "→": "->", "←": "<-", "…": "...", "—": "-", "–": "-", "≤": "<=", "≥": ">=", "·": "-", "×": "x", "─": "-", "━": "-", "╸": "-",
}  # fmt: skip


@dataclass(slots=True)
class Streams:
    """The two streams of a process, made safe."""

    results: Tolerant
    messages: Tolerant

    def lost(self) -> str | None:
        """Say why results did not arrive, if somebody still waits for them."""
        sys.stdout.flush()
        failure = self.results.failure
        if failure is None or failure.errno == errno.EPIPE:
            return None
        return f"The output could not be written: {failure.strerror}."


class Tolerant(io.RawIOBase):
    """A file descriptor whose failures are remembered, not raised.

    Parameters
    ----------
    patience
        Seconds to wait for the reader of a full pipe before what is written is dropped; None waits for ever.
    """

    def __init__(self, descriptor: int, patience: float | None = None) -> None:
        self.failure: OSError | None = None
        self._descriptor = descriptor
        self._patience = patience if patience is not None and stat.S_ISFIFO(os.fstat(descriptor).st_mode) else None

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._descriptor

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return os.isatty(self._descriptor)

    def writable(self) -> bool:
        """Always."""
        return True

    def write(self, data: memoryview) -> int:  # type: ignore[override]
        """Write what can be written; say that all of it was."""
        rest = memoryview(data)
        try:
            while rest and self.failure is None and self._is_read():
                try:
                    rest = rest[os.write(self._descriptor, rest[: select.PIPE_BUF]) :]
                except BlockingIOError:  # of a descriptor that does not block: its reader is waited for all the same
                    select.select([], [self._descriptor], [])
        except OSError as failure:
            self.failure = failure
        return len(data)

    def _is_read(self) -> bool:
        if self._patience is None:
            return True
        ready = bool(select.select([], [self._descriptor], [], self._patience)[1])
        self._patience = PATIENCE if ready else 0.0  # who did not read for a while is not waited for again
        return ready


def secure() -> Streams:
    """Put tolerant streams in the place of stdout and stderr."""
    codecs.register_error("padm_plain", plain)
    for descriptor in (0, 1, 2):
        _open(descriptor)
    results, messages = Tolerant(1), Tolerant(2, PATIENCE)
    sys.stdout, sys.stderr = _text(results, sys.stdout), _text(messages, sys.stderr)
    return Streams(results, messages)


def _open(descriptor: int) -> None:
    """A descriptor that is closed would become the next file's: messages would be written into the warehouse."""
    try:
        os.fstat(descriptor)
    except OSError:
        os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)


def _text(raw: Tolerant, before: IO[str] | None) -> io.TextIOWrapper:
    encoding = getattr(before, "encoding", None) or "utf-8"
    return io.TextIOWrapper(
        io.BufferedWriter(cast("io.RawIOBase", raw)),
        encoding=encoding,
        errors="padm_plain",
        line_buffering=raw.isatty() or raw.fileno() == 2,
    )


def plain(error: UnicodeError) -> tuple[str, int]:
    """Write characters that the stream's encoding lacks as others that look alike, or by their code."""
    assert isinstance(error, UnicodeEncodeError), "only asked for while writing"
    missing = error.object[error.start : error.end]
    written = "".join(_PLAIN.get(char) or char.encode("ascii", "backslashreplace").decode() for char in missing)
    return written, error.end
