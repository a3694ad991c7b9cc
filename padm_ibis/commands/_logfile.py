"""A file of messages that is moved aside when it is full, and begun anew."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path

from padm_ibis import access


class File(RotatingFileHandler):
    """A file that is moved aside when it is full; several commands may write it, and none loses a line for that."""

    def __init__(self, path: Path, max_bytes: int, kept: int, failed: Callable[[str], None]) -> None:
        super().__init__(access.followed(path), maxBytes=max_bytes, backupCount=kept, encoding="utf-8", errors="backslashreplace")
        self.failed, self.is_broken = failed, False

    def _open(self) -> TextIOWrapper:
        """Open the file, a new one for its owner's eyes alone."""
        return open(  # type: ignore[return-value]
            self.baseFilename, self.mode, encoding=self.encoding, errors=self.errors, opener=access.private
        )

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record to the file of that name, whoever moved the one before aside."""
        try:
            if self.stream is not None and not _is_at(self.stream.fileno(), Path(self.baseFilename)):
                self.stream.close()
                self.stream = self._open()
        except OSError:
            self.handleError(record)
        super().emit(record)

    def close(self) -> None:
        """Close the file; that its end could not be written is told, if nothing was before."""
        try:
            super().close()
        except OSError as error:
            self.missing(error)

    def doRollover(self) -> None:  # noqa: N802 (logging's name)
        """Begin a new file; where the full one cannot be moved aside, it grows on."""
        try:
            super().doRollover()
        except OSError as error:
            self.maxBytes = 0
            self.stream = self._open()
            self.failed(f"It cannot be moved aside ({error.strerror}), and grows on.")

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 (logging's name)
        """Go on without the line."""
        self.missing(sys.exc_info()[1])

    def missing(self, error: BaseException | None) -> None:
        """Say once that lines are missing, and why."""
        if not self.is_broken:
            self.is_broken = True
            self.failed(f"{getattr(error, 'strerror', None) or type(error).__name__}. Lines are missing in it.")


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except OSError:
        return False
