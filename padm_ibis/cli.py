"""The command ``padm-ibis``: a thin twin of the library.

A subcommand is one file in ``commands``, named here with its one line of help, and is imported only when it
is called: ``padm-ibis --help`` needs none of them.
"""

from __future__ import annotations

import logging
import os
import sys
import traceback
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

from padm_ibis.commands._logs import ROOT, Logs
from padm_ibis.commands._options import Line
from padm_ibis.commands._reply import Ending, Reply
from padm_ibis.version import __version__

if TYPE_CHECKING:
    from padm_ibis.errors import PadmError

COMMANDS = {
    "run": ("padm_ibis.commands.run:run", "Extract, build, check and publish."),
    "plan": ("padm_ibis.commands.plan:plan", "Say what `run` would build and why, without building."),
    "check": (
        "padm_ibis.commands.check:check",
        "Validate what is published: contracts, integrity, counts against the sources, freshness.",
    ),
    "status": ("padm_ibis.commands.status:status", "Say on one screen how the warehouse is, and what needs doing."),
    "history": ("padm_ibis.commands.history:history", "List the runs, newest first, or show one: what it read, built and found."),
    "rollback": ("padm_ibis.commands.rollback:rollback", "Bring readers back to the version before, or to that of RUN."),
    "ls": ("padm_ibis.commands.ls:ls", "List the tables: rows, and when they were made."),
    "show": ("padm_ibis.commands.show:show", "Show one table: its columns, what it reads, who reads it."),
    "sql": ("padm_ibis.commands.sql:sql", "Write the SQL of one table, without connecting to anything."),
    "new": ("padm_ibis.commands.new:new", "Begin a table of your own: its model, its contract and a failing test."),
    "doctor": (
        "padm_ibis.commands.doctor:doctor",
        "Look at configuration, versions, disk, connections, tables and columns, and say what to do.",
    ),
    "lineage": ("padm_ibis.commands.lineage:lineage", "Show where a column comes from, through every table down to the sources."),
    "audit": ("padm_ibis.commands.audit:audit", "Prove that no feature sees the future, and where personal data goes."),
    "export": ("padm_ibis.commands.export:export", "Write one table as Parquet, with a manifest of what it was made from."),
    "verify": ("padm_ibis.commands.verify:verify", "Rebuild an export from its manifest and say equal, or what differs."),
    "sample": ("padm_ibis.commands.sample:sample", "Write the sample university, of any size, into DuckDB or PostgreSQL."),
    "forget": (
        "padm_ibis.commands.forget:forget",
        "Erase people from the warehouse and from what was made of it, and keep them away.",
    ),
    "publish": ("padm_ibis.commands.publish:publish", "Replicate tables to another database, reconciled with it."),
    "schedule": ("padm_ibis.commands.schedule:schedule", "Run every day, in the foreground, for machines without cron."),
}
INTERRUPTED = 130
_PLAIN = {"Interrupted"}
"""Endings that are no errors."""


class LazyGroup(click.Group):
    """Commands that are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of the floor plan."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command; an unknown one is named with the nearest."""
        if cmd_name not in COMMANDS:
            from padm_ibis.errors import did_you_mean

            raise click.UsageError(f"There is no command {cmd_name!r}. {did_you_mean(cmd_name, COMMANDS)}", ctx)
        module, _, name = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(import_module(module), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.command(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="padm-ibis")
def cli() -> None:
    """Build and query the warehouse of a university's student-information system.

    Without a padm.toml it works on a sample university: `padm-ibis run` is a good first command.
    """


def main(arguments: list[str] | None = None) -> None:
    """Run the command and leave with its exit code, whatever became of the streams."""
    from padm_ibis.commands._streams import secure

    streams = secure()
    code = invoke(arguments)
    if (lost := streams.lost()) is not None:
        click.echo(f"Error: {lost}", err=True)
        code = code or 1
    sys.exit(code)


def invoke(arguments: list[str] | None = None) -> int:
    """Run the command, write what ``--json`` asked for and return the exit code; errors go to stderr, masked.

    0 all good · 1 a check failed or the run was partial · 2 usage or configuration · 3 no source, or not the
    warehouse, could be reached · 4 the warehouse is in use by another run · 130 interrupted.
    """
    line = sys.argv[1:] if arguments is None else arguments
    reply = Reply.asked_for(line)
    with Logs.asked_for(line) as logs:
        if (problem := reply.problem()) is not None:
            ROOT.error("%s", problem)
            return 2
        ending = _run(line, Line(reply, logs))
        if ending.message:
            level = logging.INFO if ending.kind in _PLAIN else logging.ERROR
            ROOT.log(level, "%s", ending.message, extra={"hint": ending.hint})
        if (problem := reply.write(ending)) is not None:
            ROOT.error("%s", problem)
            return ending.exit_code or 2
        return ending.exit_code


def _run(arguments: list[str], line: Line) -> Ending:
    from padm_ibis import disk
    from padm_ibis.errors import PadmError, came_of_interrupt

    mask = line.logs.mask
    try:
        line.logs.open()
        result: Any = cli.main(args=arguments, prog_name="padm-ibis", standalone_mode=False, obj=line)
        return Ending(result if isinstance(result, int) else 0)
    except click.UsageError as error:
        if error.ctx is not None:
            line.reply.command = line.reply.command or error.ctx.command_path.partition(" ")[2]
            ROOT.info("%s", error.ctx.get_usage())
        return Ending(error.exit_code, type(error).__name__, mask(error.format_message()))
    except click.ClickException as error:
        return Ending(error.exit_code, type(error).__name__, mask(error.format_message()))
    except (click.Abort, KeyboardInterrupt):
        return _INTERRUPTION
    except Exception as raised:
        if came_of_interrupt(raised):
            return _INTERRUPTION
        told = disk.told(raised)
        return _told(told, mask) if isinstance(told, PadmError) else _unforeseen(told, mask)


def _told(error: PadmError, mask: Callable[[str], str]) -> Ending:
    return Ending(error.exit_code, type(error).__name__, mask(error.message), error.hint and mask(error.hint))


def _unforeseen(error: BaseException, mask: Callable[[str], str]) -> Ending:
    """What is no error of ours: an extra that is missing, or a defect."""
    from padm_ibis.extras import explained

    if isinstance(error, ImportError) and (needed := explained(error)) is not None:
        return Ending(needed.exit_code, type(needed).__name__, needed.message, needed.hint)
    kind = type(error).__name__
    if os.environ.get("PADM_DEBUG"):
        return Ending(1, kind, mask(traceback.format_exc().rstrip()))
    first = next(iter(str(error).strip().splitlines()), "")
    return Ending(1, kind, f"{kind}: {mask(first)}", "PADM_DEBUG=1 shows where this happened.")


_INTERRUPTION = Ending(INTERRUPTED, "Interrupted", "\nInterrupted. Readers see the last version that was published.")


if __name__ == "__main__":
    main()
