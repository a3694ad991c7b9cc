"""What ``--json`` was asked to hold: found in any command line, even a wrong one, and written when the exit code is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from padm_ibis import access
from padm_ibis.commands._asked import asked_for
from padm_ibis.version import __version__

STDOUT = "-"


@dataclass(frozen=True, slots=True)
class Ending:
    """How a command line ended; ``kind`` is the error's name, empty where there was none."""

    exit_code: int
    kind: str = ""
    message: str = ""
    hint: str | None = None


@dataclass(slots=True)
class Reply:
    """The answer of one command line.

    Attributes
    ----------
    file
        Where it is written; ``-`` is stdout, None nowhere.
    command
        The subcommand that was recognised.
    result
        What the command found, set by it.
    """

    file: str | None = None
    command: str = ""
    result: Any = None

    @classmethod
    def asked_for(cls, arguments: Sequence[str]) -> Reply:
        """Read ``--json`` from a command line, whatever else is on it."""
        return cls(asked_for(arguments, "--json"))

    def problem(self) -> str | None:
        """Say why nothing could be written, before any work is done."""
        if self.file in (None, STDOUT) or Path(str(self.file)).absolute().parent.is_dir():
            return None
        return f"--json {self.file}: there is no such folder."

    def write(self, ending: Ending) -> str | None:
        """Write the answer; return why that failed, if it did."""
        if self.file is None:
            return None
        from padm_ibis.report.answer import Failure, answer

        error = Failure(kind=ending.kind, message=ending.message, hint=ending.hint) if ending.kind else None
        text = answer(self.command, __version__, ending.exit_code, error, self.result)
        if self.file == STDOUT:
            click.echo(text)
            return None
        try:
            with access.create(Path(self.file)) as file:
                file.write(text + "\n")
        except OSError as problem:
            return f"--json {self.file} cannot be written: {problem.strerror}."
        return None
