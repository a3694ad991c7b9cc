"""What all subcommands share: their common options, and how results are printed."""

from __future__ import annotations

import functools
import json
import sys
import textwrap
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import click

from padm_ibis.backends.patience import WAIT
from padm_ibis.commands._logs import FORMATS, PROGRESS, Logs
from padm_ibis.commands._reply import STDOUT, Reply
from padm_ibis.errors import PadmError

if TYPE_CHECKING:
    from rich.console import Console

    from padm_ibis.config import Config
    from padm_ibis.report.progress import Progress

ENDLESS = 100_000  # columns
F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Line:
    """What belongs to one command line, known before it is understood."""

    reply: Reply = field(default_factory=Reply)
    logs: Logs = field(default_factory=Logs)


@dataclass(frozen=True, slots=True)
class Common:
    """Values of the options that every command takes."""

    config: str | None
    profile: str | None
    warehouse: str | None
    reply: Reply
    logs: Logs

    def load(self, *, secrets: bool = True) -> Config:
        """Read the configuration that they name."""
        from padm_ibis.config import load_config

        config = load_config(self.config, self.profile, self.warehouse, secrets=secrets)
        self.logs.configure(config)
        return config

    def progress(self) -> Progress:
        """Return what shows the steps of a run: a bar on a terminal, lines elsewhere; lines in the file of the logs."""
        from padm_ibis.report.progress import Lines, Live, Several

        lines = Lines(PROGRESS.info)
        return Several(Live(), lines) if self.logs.has_bar else lines

    def answer(self, result: Any) -> None:
        """Keep what ``--json`` shall hold."""
        self.reply.result = result

    @property
    def quiet(self) -> bool:
        """Whether stdout is taken by JSON."""
        return self.reply.file == STDOUT


def common(result: str | None = None) -> Callable[[F], F]:
    """Add the options that every command takes; the function gets them as ``Common``.

    Parameters
    ----------
    result
        The type of what the command answers, written ``module:name``; None where it answers nothing.
    """

    def print_schema(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
        if wanted and not ctx.resilient_parsing:
            from padm_ibis.report.answer import schema

            click.echo(json.dumps(schema(result or "builtins:object"), indent=2, ensure_ascii=False))
            ctx.exit()

    def decorate(function: F) -> F:
        @click.option("--config", metavar="FILE", help="Configuration; by default ./padm.toml, else the sample.")
        @click.option("--profile", metavar="NAME", help="Lay [profiles.NAME] over it.")
        @click.option("--warehouse", metavar="URL", help="Use this warehouse instead of the configured one.")
        @click.option(
            "--json", "json_file", metavar="FILE", expose_value=False, help="Write the result as JSON, too; - is stdout."
        )
        @click.option(
            "--log-format", type=click.Choice(FORMATS), expose_value=False, help="How messages are written; by default text."
        )
        @click.option("--log-file", metavar="FILE", expose_value=False, help="Write messages to a file, too; it is rotated.")
        @click.option(
            "--json-schema", is_flag=True, is_eager=True, expose_value=False, callback=print_schema,
            help="Print the schema of that JSON, and leave.",
        )  # fmt: skip
        @functools.wraps(function)
        def wrapped(config: str | None, profile: str | None, warehouse: str | None, **rest: Any) -> Any:
            ctx = click.get_current_context()
            line = ctx.find_root().ensure_object(Line)
            line.reply.command = ctx.command_path.partition(" ")[2]
            return function(Common(config, profile, warehouse, line.reply, line.logs), **rest)

        wrapped.result = result  # type: ignore[attr-defined]
        return wrapped  # type: ignore[return-value]

    return decorate


waiting = click.option(
    "--wait", type=click.FloatRange(0), default=WAIT, show_default=True, metavar="SECONDS", help="Wait for whoever has it in use."
)
"""The option of commands that find a warehouse, or a target, in use."""


def masking(config: Config, error: PadmError) -> PadmError:
    """Return the error without any secret of the configuration."""
    error.message = config.mask(error.message)
    error.hint = config.mask(error.hint) if error.hint else None
    error.args = (error.message if error.hint is None else f"{error.message}\n\nHint: {error.hint}",)
    return error


def console(*, cut: bool = True) -> Console:
    """Return a console on stdout; what does not ``cut`` runs as wide as it is, where nobody's screen ends."""
    from rich.console import Console

    return Console(highlight=False, width=None if cut or on_terminal() else ENDLESS)


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
    return sys.stdout is not None and sys.stdout.isatty()


def say(text: str = "", style: str = "", *, under: int = 0) -> None:
    """Print a line on stdout: coloured and wrapped between words on a terminal, as it is elsewhere.

    Parameters
    ----------
    under
        Columns by which the lines after the first are set in.
    """
    if not on_terminal():
        click.echo(text)
        return
    from rich.text import Text

    out = console()
    first, *rest = Text(text, style=style).wrap(out, out.width)
    out.print(first)
    if rest:
        from rich.padding import Padding

        left = Text(text[len(first.plain) :].lstrip(), style=style)
        out.print(Padding(left, (0, 0, 0, under)))
