"""What all subcommands share: four options, and how results are printed."""

from __future__ import annotations

import functools
import sys
import textwrap
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from padm_ibis.errors import PadmError, UsageError

if TYPE_CHECKING:
    from rich.console import Console

    from padm_ibis.config import Config

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Common:
    """Values of the four options that every command takes."""

    config: str | None
    profile: str | None
    warehouse: str | None
    json_file: str | None

    def load(self, *, secrets: bool = True) -> Config:
        """Read the configuration that they name."""
        from padm_ibis.config import load_config

        return load_config(self.config, self.profile, self.warehouse, secrets=secrets)

    def write_json(self, text: str) -> None:
        """Write JSON to the file of ``--json``; ``-`` is stdout."""
        if self.json_file == "-":
            click.echo(text)
        elif self.json_file is not None:
            try:
                Path(self.json_file).write_text(text + "\n", encoding="utf-8")
            except OSError as error:
                raise UsageError(f"--json {self.json_file} cannot be written: {error.strerror}.") from None

    @property
    def quiet(self) -> bool:
        """Whether stdout is taken by JSON."""
        return self.json_file == "-"


def common(function: F) -> F:
    """Add ``--config``, ``--profile``, ``--warehouse`` and ``--json``; the function gets them as ``common``."""

    @click.option("--config", metavar="FILE", help="Configuration; by default ./padm.toml, else the sample.")
    @click.option("--profile", metavar="NAME", help="Lay [profiles.NAME] over it.")
    @click.option("--warehouse", metavar="URL", help="Use this warehouse instead of the configured one.")
    @click.option("--json", "json_file", metavar="FILE", help="Also write the result as JSON; - is stdout.")
    @functools.wraps(function)
    def wrapped(config: str | None, profile: str | None, warehouse: str | None, json_file: str | None, **rest: Any) -> Any:
        if json_file not in (None, "-") and not Path(str(json_file)).absolute().parent.is_dir():
            raise UsageError(f"--json {json_file}: there is no such folder.")
        return function(Common(config, profile, warehouse, json_file), **rest)

    return wrapped  # type: ignore[return-value]


def masking(config: Config, error: PadmError) -> PadmError:
    """Return the error without any secret of the configuration."""
    error.message = config.mask(error.message)
    error.hint = config.mask(error.hint) if error.hint else None
    error.args = (error.message if error.hint is None else f"{error.message}\n\nHint: {error.hint}",)
    return error


def console() -> Console:
    """Return a console on stdout."""
    from rich.console import Console

    return Console(highlight=False)


def show_pairs(pairs: Iterable[tuple[str, str]]) -> None:
    """Print words with what stands behind them, one below the other; on a terminal no line is wider than that."""
    width = max(console().width, 40) if on_terminal() else None
    for word, text in pairs:
        head = f"{word:<15}"
        lines = textwrap.wrap(text, width - len(head), break_on_hyphens=False) if width else [text]
        for number, line in enumerate(lines or [""]):
            click.echo((" " * len(head) if number else head) + line)


def on_terminal() -> bool:
    """Whether stdout is a terminal: tables there, plain lines elsewhere."""
    return sys.stdout.isatty()
