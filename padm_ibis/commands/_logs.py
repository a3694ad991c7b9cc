"""What a command line says while it works: on stderr, and in a file that does not grow for ever; as text, or as JSON.

Everything is logged below the name ``padm_ibis``; this alone decides what becomes of it. Each line of JSON, and each line
of the file, bears the same run id: that of the run, and of another command one of its own.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import click

from padm_ibis.commands._asked import asked_for
from padm_ibis.commands._logfile import File
from padm_ibis.errors import ConfigError
from padm_ibis.report.names import run_name

if TYPE_CHECKING:
    from padm_ibis.config import Config

FORMATS = ("text", "json")
ROOT = logging.getLogger("padm_ibis")
PROGRESS = logging.getLogger("padm_ibis.progress")
"""Steps of a run: a bar takes their place on a terminal."""
RESULTS = logging.getLogger("padm_ibis.report")
"""What stands on stdout."""
MAX_BYTES, KEPT = 10_000_000, 5


class Line(logging.Formatter):
    """A line of the file: when, how serious, which run, who says it, what; as text or JSON."""

    def __init__(self, logs: Logs) -> None:
        super().__init__()
        self.logs = logs

    def format(self, record: logging.LogRecord) -> str:
        """Return the record; further lines of its text are set in."""
        if self.logs.format == "json":
            return self.logs.json(record)
        text = self.logs.text(record).strip().replace("\n", "\n    ")
        return f"{_time(record)} {record.levelname:<7} {self.logs.run_id} {record.name}: {text}"


class Screen(logging.Handler):
    """Stderr, as people read it or as JSON."""

    def __init__(self, logs: Logs) -> None:
        super().__init__()
        self.logs = logs

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record, but not what is written elsewhere."""
        if record.name == RESULTS.name or (record.name == PROGRESS.name and self.logs.has_bar):
            return
        if self.logs.format == "json":
            click.echo(self.logs.json(record), err=True)
        else:
            click.echo(("Error: " if record.levelno >= logging.ERROR else "") + self.logs.text(record), err=True)


@dataclass(slots=True)
class Logs:
    """The messages of one command line.

    Attributes
    ----------
    format, file
        As asked for on the command line; None where the configuration may say.
    arguments
        The whole command line: an address in it may hold a secret.
    """

    format: str | None = None
    file: str | None = None
    run_id: str = field(default_factory=lambda: run_name(dt.datetime.now(dt.UTC)))
    arguments: Sequence[str] = ()
    _mask: Callable[[str], str] = str
    _handlers: list[logging.Handler] = field(default_factory=list)
    _level: int = logging.NOTSET

    @classmethod
    def asked_for(cls, arguments: Sequence[str]) -> Logs:
        """Read what a command line says of its messages, whatever else is on it."""
        chosen = asked_for(arguments, "--log-format")
        return cls(chosen if chosen in FORMATS else None, asked_for(arguments, "--log-file"), arguments=arguments)

    @property
    def has_bar(self) -> bool:
        """Whether a moving bar shows the steps."""
        return self.format != "json" and sys.stderr is not None and sys.stderr.isatty()

    def __enter__(self) -> Self:
        self._level = ROOT.level
        ROOT.setLevel(logging.INFO)
        self._add(Screen(self))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for handler in self._handlers:
            ROOT.removeHandler(handler)
            handler.close()
        ROOT.setLevel(self._level)

    def open(self) -> None:
        """Open the file that the command line names.

        Raises
        ------
        ConfigError
            If it cannot be written.
        """
        if self.file is not None:
            self._open(Path(self.file), "--log-file", MAX_BYTES, KEPT)

    def configure(self, config: Config) -> None:
        """Do what the configuration says where the command line says nothing.

        Raises
        ------
        ConfigError
            If its file cannot be written.
        """
        self._mask = config.mask
        self.format = self.format or config.log.format
        for handler in self._handlers:
            if isinstance(handler, File):  # the command line's
                handler.maxBytes, handler.backupCount = config.log.max_bytes, config.log.keep
                return
        if config.log.file is not None:
            self._open(config.folder / config.log.file, "log.file", config.log.max_bytes, config.log.keep)

    def result(self, text: str, *, shown: bool = False) -> None:
        """Write a line of a report: on stdout, unless it was shown in another form, and into the file."""
        record = RESULTS.makeRecord(RESULTS.name, logging.INFO, "", 0, "%s", (text,), None)
        RESULTS.handle(record)
        if not shown:
            click.echo(self.json(record) if self.format == "json" else text)

    def json(self, record: logging.LogRecord) -> str:
        """Return a record as an object of one line, without secrets."""
        found = {"time": _time(record), "level": record.levelname, "logger": record.name, "run_id": self.run_id}
        hint = getattr(record, "hint", None)
        more = {"hint": self.mask(hint)} if hint else {}
        return json.dumps({**found, "message": self.mask(record.getMessage()).strip(), **more}, ensure_ascii=False)

    def mask(self, text: str) -> str:
        """Return a text without the secrets of the command line's addresses, nor of the configuration once it is read."""
        from padm_ibis.config.secrets import hide
        from padm_ibis.config.urls import secrets_of

        return hide(self._mask(text), [secret for word in self.arguments for secret in secrets_of(word)])

    def text(self, record: logging.LogRecord) -> str:
        """Return what a record says to people, without secrets."""
        hint = getattr(record, "hint", None)
        return self.mask(record.getMessage() + (f"\n\nHint: {hint}" if hint else ""))

    def _open(self, path: Path, where: str, max_bytes: int, kept: int) -> None:
        def failed(why: str) -> None:
            self._handlers[0].handle(ROOT.makeRecord(ROOT.name, logging.WARNING, "", 0, f"{where} {path}: {why}", (), None))

        try:
            handler = File(path, max_bytes, kept, failed)
        except OSError as error:
            raise ConfigError(
                f"{where} {path} cannot be written: {error.strerror}.",
                hint="Name a file in a folder that exists and may be written.",
            ) from None
        handler.setFormatter(Line(self))
        self._add(handler)

    def _add(self, handler: logging.Handler) -> None:
        ROOT.addHandler(handler)
        self._handlers.append(handler)


def _time(record: logging.LogRecord) -> str:
    return dt.datetime.fromtimestamp(record.created, dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
