"""Every subcommand with arguments that the small school understands, and the exit code that it then has."""

from __future__ import annotations

import sys

import click

from padm_ibis.cli import COMMANDS, cli

PROGRAM = [sys.executable, "-m", "padm_ibis.cli"]
LINES: dict[str, tuple[str, int]] = {
    "run": ("--as-of 2024-11-30", 0),
    "plan": ("--as-of 2024-11-30", 0),
    "check": ("", 0),
    "ls": ("", 0),
    "show": ("fact_mark", 0),
    "sql": ("mart_pupil", 0),
    "new mart": ("mart_place --grain source_db,pupil_id --depends fact_mark", 0),
    "doctor": ("", 0),
    "lineage": ("mart_pupil.total --indirect", 0),
    "audit leakage": ("", 2),
    "audit privacy": ("", 1),
    "export": ("mart_pupil --to another", 0),
    "verify": ("exported", 0),
    "sample": ("--into duckdb://s.duckdb --students 2 --years 2 --campuses 1", 0),
    "forget": ("--persona north:2 --yes", 0),
    "publish": ("--to duckdb://m.duckdb", 0),
    "status": ("", 0),
    "history": ("last", 0),
    "rollback": ("--yes", 2),
    "schedule": ("--at noon", 2),
    "schedule status": ("", 1),
}
"""What is added to a command, and the exit code that it then has, whatever its streams are."""


def leaves() -> list[str]:
    """Return every subcommand that does something."""
    found = []
    for name in COMMANDS:
        one = cli.get_command(click.Context(cli), name)  # type: ignore[attr-defined]
        found += [f"{name} {sub}" for sub in one.commands] if isinstance(one, click.Group) else []
        found += [] if isinstance(one, click.Group) and not one.invoke_without_command else [name]
    return found
