"""What has to be known before a command line is understood: single options, found in any line, even a wrong one."""

from __future__ import annotations

from collections.abc import Sequence

import click


def asked_for(arguments: Sequence[str], name: str) -> str | None:
    """Return the value of an option, whatever else is on the line; None where it is not, or lacks its value."""
    option = click.Option([name, "value"])
    settings = {"ignore_unknown_options": True, "allow_extra_args": True}
    reader = click.Command("padm-ibis", params=[option], context_settings=settings, add_help_option=False)
    try:
        found: str | None = reader.make_context("padm-ibis", list(arguments)).params["value"]
    except click.UsageError:  # the command itself says so
        return None
    return found
